#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The demo: boots the kernel on emulated hardware, migrates DMA-written memory
# in it, checks the copy and draws what happened.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$here")
out=$top/out/demo
tool=tools/iommu-dirty

usage() {
	cat <<END
usage: scripts/demo.sh [--iommu NAME] [--size MIB] [OPTION...]

  --iommu NAME  the machine (default vtd), see scripts/boot.sh --help
  --size MIB    memory to migrate (default 512)
  --drop N      do not copy the N-th dirty page of the last round: the check
                must then find the copy different
  --rounds N, --seed N, --rate N
                passed on to the program, see $tool/migrate.c

KERNEL= and QEMU= take a kernel image and a QEMU binary instead of those that
scripts/kernel.sh and scripts/qemu.sh build, HDR= a directory of installed
kernel headers. Results: out/demo/{demo.svg,rounds.csv,console.log}.
END
}

iommu=vtd size=512 pass=()
while [ $# -gt 0 ]; do
	case $1 in
	--help | -h) usage; exit 0 ;;
	--iommu) iommu=${2:?--iommu needs a name} ;;
	--size) size=${2:?--size needs a number of MiB} ;;
	--drop | --rounds | --seed | --rate) pass+=("$1" "${2:?$1 needs a number}") ;;
	*) usage >&2; echo "demo.sh: do not know $1" >&2; exit 1 ;;
	esac
	shift 2
done

kernel=${KERNEL:-$("$here/kernel.sh" | tail -n 1)}
export QEMU=${QEMU:-$("$here/qemu.sh" | tail -n 1)}

make -s -C "$top/$tool" O="$top/build/demo" ${HDR:+HDR="$HDR"}
"$here/initramfs.sh" "$top/build/demo/initrd.gz" "$top/build/demo/migrate"

mkdir -p "$out"
rm -f "$out"/*
status=0
# Source, destination, and room for the kernel and the page tables.
"$here/boot.sh" --kernel "$kernel" --initrd "$top/build/demo/initrd.gz" \
	--iommu "$iommu" --mem $((2 * size + 512))M --append quiet \
	--data "$out/rounds.csv" --log "$out/console.log" --timeout 300 -- \
	"migrate --size $size --data \$DATA ${pass[*]}" || status=$?

# A line that was drawn over stays in the log as it was seen last.
sed -i 's/.*\r//' "$out/console.log"

last=$(tail -n 1 "$out/rounds.csv" | cut -d, -f1)
if [ "${last:-round}" = round ]; then
	echo "demo.sh: no round was finished: see out/demo/console.log" >&2
	exit $((status ? status : 1))
fi
gnuplot -e "csv='$out/rounds.csv'; out='$out/demo.svg'; last=$last" \
	-e "title='Pre-copy of $size MiB written by a PCI device, ${iommu%%,*}'" \
	"$here/demo.gnuplot"
echo "plot:    out/demo/demo.svg"
echo "rounds:  out/demo/rounds.csv"
grep '^migrate: ' "$out/console.log" | tail -n 1
exit "$status"
