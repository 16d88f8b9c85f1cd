#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The suites qemu and migrate: Debian's QEMU in the test machine, with devices of
# that passed through to it.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

usage() {
	cat <<END
usage: scripts/suites/client.sh PROGRAM [--plain] [--machine NAME] [ARGUMENT...]

Runs a program of tools/testing/selftests/iommu/qemu on the composed kernel with
KASAN and lockdep, on the machines vtd and amd or the one that is named.
Arguments are the program's: -r migrate.small.rounds_3, -t TEST, -v VARIANT, ...

  --plain          on a kernel without KASAN and lockdep
  --machine NAME   on that machine only

IMAGE= names another kernel image to use.
END
}

case ${1:---help} in
-h | --help) usage; exit ;;
-*) usage >&2; exit 2 ;;
esac
program=$1 machines=(vtd amd) flavour=(--debug)
shift
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) usage; exit ;;
	--plain) flavour=() ;;
	--machine) machines=("${2:?--machine takes a name}"); shift ;;
	*) break ;;
	esac
	shift
done
work=$top/build/check/client
lock "$work"

: "${IMAGE:=$("$top/scripts/kernel.sh" "${flavour[@]}" --client)}"
client=$("$top/scripts/client-qemu.sh")
tree=$("$top/scripts/compose.sh")
headers=$("$top/scripts/kernel.sh" --headers)
make -s -C "$tree/tools/testing/selftests/iommu/qemu" OUTPUT="$work" HDR="$headers" \
	"$work/$program" "$work/libshim.so"
"$top/scripts/initramfs.sh" "$work/$program.gz" "$work/$program" "$work/libshim.so" \
	"$top/scripts/suites/client-guest.sh"

# Both runs have the same tests.
results=machine_results
machine_results() {
	tap_results "$@" | sed -E "s/^((not )?ok )/\1$machine: /"
}

for machine in "${machines[@]}"; do
	boot_results --tests "$(asked_for "$@")" "$program-$machine" --kernel "$IMAGE" --initrd "$work/$program.gz" \
		--iommu "$machine" --share "$client" --mem 3G --timeout 7200 \
		--append guest.hugepages=100 -- "client-guest.sh $program $*"
done
