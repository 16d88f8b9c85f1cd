#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Installs the Debian packages that some part of the project needs.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

usage() {
	cat <<END
usage: scripts/deps.sh GROUP...

Installs what is missing of the packages in scripts/packages/GROUP
($(cd "$top/scripts/packages" && echo ./* | sed 's@\./@@g')), as root or
through sudo, and says which.
END
}

case "${1:---help}" in
-h | --help) usage; exit ;;
esac

missing=()
for group; do
	[ -f "$top/scripts/packages/$group" ] || die "no such group: $group"
	while read -r package _; do
		case $package in '' | '#'*) continue ;; esac
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null |
			grep -q 'ok installed' || missing+=("$package")
	done <"$top/scripts/packages/$group"
done
[ ${#missing[@]} -gt 0 ] || exit 0

root=()
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null ||
		die "install these as root: apt-get install ${missing[*]}"
	root=(sudo)
fi
say "installing: ${missing[*]}"
log=$top/build/deps.log
mkdir -p "$top/build"
install() {
	"${root[@]}" env DEBIAN_FRONTEND=noninteractive \
		apt-get -qq install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1
}
# Package lists may be missing, or name versions that the mirror no longer has.
install || { "${root[@]}" apt-get -qq update >"$log" 2>&1 && install; } || {
	tail -n 20 "$log" >&2
	die "apt-get failed (see $log)"
}
