#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The suites vtd, amd and smmuv3: real DMA through an emulated IOMMU, each page of
# each report checked. The same program on every machine.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

usage() {
	cat <<END
usage: scripts/suites/dma.sh MACHINE[,PROP=VALUE...] [--kernel series|stock|fixed]
                             [--plain] [--times N] [--program NAME] [TEST...]

Runs the tests of tools/testing/selftests/iommu/dma, dma_dirty and dma_type1, on
a machine of scripts/machines, on the composed kernel with KASAN and lockdep. With
names, these tests of dma_dirty only.

  --program NAME   this program of that directory only, or these tests of it
  --plain          on a kernel without KASAN and lockdep
  --times N        N times, in one boot
  --kernel stock   on the unpatched base. What fails there is known; a result
                   here is whether the list in stock-6.12-MACHINE.failures is right.
  --kernel fixed   the same on the base with the fixes of fixes/, where the lists
                   are: fixed-6.12-MACHINE.failures
END
}

kernel=series flavour=(--debug) times=1 machine='' program=''
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) usage; exit ;;
	--kernel) kernel=${2:?--kernel takes series, stock or fixed}; shift ;;
	--plain) flavour=() ;;
	--times) times=${2:?--times takes a number}; shift ;;
	--program) program=${2:?--program takes a name}; shift ;;
	-*) usage >&2; exit 2 ;;
	*)
		[ -z "$machine" ] || break
		machine=$1
		;;
	esac
	shift
done
[ -n "$machine" ] || { usage >&2; exit 2; }
work=$top/build/check/${machine%%,*}
lock "$work"

# Without names also what only the series has
programs=("${program:-dma_dirty}")
[ $# -gt 0 ] || [ -n "$program" ] || [ "$kernel" != series ] || programs+=(dma_type1)

names=("$@") tests=()
for name; do
	tests+=(-t "$name")
done

dma=tools/testing/selftests/iommu/dma
[ "$kernel" = series ] || flavour=()
for_machine "$machine"
image=$("$top/scripts/kernel.sh" --kernel "$kernel" --arch "$arch" --pages "$pages" \
	"${flavour[@]}")
tree=$("$top/scripts/compose.sh")
headers=$("$top/scripts/kernel.sh" --headers --arch "$arch")
make -s -C "$tree/$dma" OUTPUT="$work" HDR="$headers" CROSS_COMPILE="$cross" \
	CC="${cross}gcc" "${programs[@]/#/$work/}"
"$top/scripts/initramfs.sh" --busybox "$busybox" "$work/initrd.gz" "${programs[@]/#/$work/}"

run() {
	boot_results --programs $((times * ${#programs[@]})) --tests "${names[*]}" \
		"${machine//[,=]/-}-$kernel" --kernel "$image" \
		--initrd "$work/initrd.gz" --iommu "$machine" --mem "$mem" \
		--timeout 1500 --append guest.hugepages="$hugepages" -- \
		"$(in_guest "$times" "${programs[@]/%/ ${tests[*]}}")"
}

# The lists are dma_dirty's.
if [ "$kernel" = series ] || [ "${programs[0]}" != dma_dirty ]; then
	run
	exit
fi

run >"$work/$kernel.results"
known_results "$kernel" "$work/$kernel.results" \
	"$(known_failures "$kernel" "$dma" "$machine")"
