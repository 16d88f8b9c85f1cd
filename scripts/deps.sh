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

say "installing: ${missing[*]}"
log=$top/build/deps.log
mkdir -p "$top/build"
# A machine that was just started may be installing by itself.
install() {
	as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get -qq install -y --no-install-recommends \
		-o DPkg::Lock::Timeout=600 "${missing[@]}" >"$log" 2>&1
}
# Package lists may be missing, or name versions that the mirror no longer has.
install || { as_root apt-get -qq update >"$log" 2>&1 && install; } || {
	tail -n 20 "$log" >&2
	die "apt-get failed (see $log)"
}
