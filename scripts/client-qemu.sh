#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Fetches Debian's QEMU, the client that tests in the machine run.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

usage() {
	cat <<END
usage: scripts/client-qemu.sh [--update]

Unpacks the package qemu-system-x86 of Debian 13 (QEMU 10) and of Debian 12
(7.2), as they are, with all that they depend on, in a directory for each, and
prints the one that has both. It is for the guest to mount: nothing is
installed. (scripts/qemu.sh builds the other QEMU, which is the machine.)

  --update   look for newer packages first
END
}

update=''
case ${1:-} in
-h | --help) usage; exit ;;
--update) update=1 ;;
'') ;;
*) usage >&2; exit 2 ;;
esac

out=$top/build/client-qemu
lock "$out"
for release in trixie bookworm; do
	if [ -n "$update" ] || [ ! -f "$out/$release.version" ]; then
		rm -rf "${out:?}/$release" "$out/$release.version"
		step "$out/$release.log" "fetching qemu-system-x86 of $release and what it depends on" \
			"$top/scripts/apt-private.sh" tree qemu-system-x86 "$release" "$out/$release"
		tail -n 1 "$out/$release.log" >"$out/$release.version"
	fi
	say "QEMU $(cat "$out/$release.version")"
done
echo "$out"
