#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The demo: boots the kernel on emulated hardware, migrates DMA-written memory
# in it, checks the copy and draws what happened.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

usage() {
	cat <<END
usage: ./run demo [--iommu NAME] [--size MIB] [--kernel series|stock] [OPTION...]

  --iommu NAME  the machine (default vtd), see scripts/boot.sh --help
  --size MIB    memory to migrate (default 512)
  --drop N      do not copy the N-th dirty page of the last round: the check
                must then find the copy different
  --rounds N, --seed N, --rate N
                passed on to the program, see tools/iommu-dirty/migrate.c

Builds what is missing first. KERNEL= and QEMU= name a kernel image and a QEMU
binary to use instead, HDR= a directory of installed kernel headers.
Results: out/demo/{demo.svg,rounds.csv,console.log}. Exit status: 0 only if the
copy is identical and the kernel had nothing to complain of.
END
}

iommu=vtd size=512 tree=series pass=()
while [ $# -gt 0 ]; do
	case $1 in
	--help | -h) usage; exit ;;
	--iommu) iommu=${2:?--iommu needs a name} ;;
	--size) size=${2:?--size needs a number of MiB} ;;
	--kernel) tree=${2:?--kernel takes series or stock} ;;
	--drop | --rounds | --seed | --rate) pass+=("$1" "${2:?$1 needs a number}") ;;
	*) usage >&2; die "do not know $1" ;;
	esac
	shift 2
done
[[ $size =~ ^[1-9][0-9]*$ ]] || die "--size $size: give a number of MiB"

for_machine "$iommu"
[ "$pages" = 4k ] || die "--iommu $iommu: the program knows pages of 4 KiB only"
build=$top/build/demo/$arch
out=$top/out/demo
if [ -z "${KERNEL:-}" ]; then
	KERNEL=$("$top/scripts/kernel.sh" --kernel "$tree" --arch "$arch" | tail -n 1)
fi
if [ -z "${HDR:-}" ]; then
	HDR=$("$top/scripts/kernel.sh" --headers --arch "$arch" | tail -n 1)
	HDR=${HDR%/include}
fi

make -s -C "$top/tools/iommu-dirty" O="$build" HDR="$HDR" CC="${cross}gcc"
"$top/scripts/initramfs.sh" --busybox "$busybox" "$build/initrd.gz" "$build/migrate"

mkdir -p "$out"
rm -f "$out"/{demo.svg,rounds.csv,console.log}
status=0
# Memory for the source, the destination, the kernel and its page tables
"$top/scripts/boot.sh" --kernel "$KERNEL" --initrd "$build/initrd.gz" \
	--iommu "$iommu" --mem $((2 * size + 512))M --append quiet \
	--data "$out/rounds.csv" --log "$out/console.log" --timeout 300 -- \
	"migrate --size $size --data \$DATA ${pass[*]}" || status=$?

# Of a line that was drawn over, the log keeps what was seen last.
sed -i 's/.*\r//' "$out/console.log"

last=$(tail -n 1 "$out/rounds.csv" | cut -d, -f1)
if [[ $last =~ ^[1-9] ]]; then
	gnuplot -e "csv='$out/rounds.csv'; out='$out/demo.svg'; last=$last" \
		-e "what='Pre-copy of $size MiB while a PCI device writes (${iommu%%,*})'" \
		"$top/scripts/demo.gnuplot"
	echo
	echo "plot:    out/demo/demo.svg"
	echo "rounds:  out/demo/rounds.csv"
fi
grep '^migrate: ' "$out/console.log" | tail -n 1 ||
	echo "demo: no verdict, see out/demo/console.log" >&2
exit "$status"
