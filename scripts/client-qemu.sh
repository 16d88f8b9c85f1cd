#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Fetches Debian's QEMU, the client that tests in the machine run.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

usage() {
	cat <<END
usage: scripts/client-qemu.sh [--update]

Unpacks the package qemu-system-x86 of Debian 13, as it is, with all that it
depends on, and prints the directory. It is for the guest to mount: nothing is
installed. (scripts/qemu.sh builds the other QEMU, which is the machine.)

  --update   look for a newer package first
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
if [ -n "$update" ] || [ ! -f "$out/trixie.version" ]; then
	rm -rf "$out/trixie" "$out/trixie.version"
	step "$out/trixie.log" "fetching qemu-system-x86 and what it depends on" \
		"$top/scripts/apt-private.sh" tree qemu-system-x86 trixie "$out/trixie"
	tail -n 1 "$out/trixie.log" >"$out/trixie.version"
fi
say "QEMU $(cat "$out/trixie.version")"
echo "$out/trixie"
