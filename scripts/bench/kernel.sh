#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Section kernel: the ioctls on emulated hardware, beside those of the unpatched base
set -euo pipefail
. "$(dirname "$0")/../lib.sh"

machines=(vtd amd smmuv3)

usage() {
	cat <<END
usage: scripts/bench/kernel.sh [--quick] [--table] [MACHINE...]

Boots the same program, tools/testing/selftests/iommu/dma/dma_bench, on the
unpatched base and on the composed kernel, neither with debug options, on the
same machines of scripts/machines (default: ${machines[*]}), and prints what
each took. Figures: out/bench/kernel-MACHINE-KERNEL.data, all of them as ratios:
kernel.dat, plot: kernel.svg.

  --quick  less memory, fewer repeats
  --table  boot nothing: table and plot of the figures that are there
END
}

args='' boots=1 named=()
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) usage; exit ;;
	--quick) args=--quick ;;
	--table) boots='' ;;
	-*) usage >&2; exit 2 ;;
	*) named+=("$1") ;;
	esac
	shift
done
[ ${#named[@]} = 0 ] || machines=("${named[@]}")

out=$top/out/bench
mkdir -p "$out"

# run MACHINE KERNEL: leaves its figures in $out
run() {
	local machine=$1 kernel=$2 image headers work=$top/build/bench/$1
	local data=$out/kernel-$machine-$kernel.data log=$work/$kernel.console
	mkdir -p "$work"
	for_machine "$machine"
	image=$("$top/scripts/kernel.sh" --kernel "$kernel" --arch "$arch" --pages "$pages")
	headers=$("$top/scripts/kernel.sh" --headers --arch "$arch")
	make -s -C "$("$top/scripts/compose.sh")/tools/testing/selftests/iommu/dma" \
		OUTPUT="$work" HDR="$headers" CROSS_COMPILE="$cross" CC="${cross}gcc" \
		"$work/dma_bench"
	"$top/scripts/initramfs.sh" --busybox "$busybox" "$work/initrd.gz" "$work/dma_bench"
	say "measuring on $machine, $kernel"
	# shellcheck disable=SC2016 # for the machine's shell
	"$top/scripts/boot.sh" --kernel "$image" --initrd "$work/initrd.gz" \
		--iommu "$machine" --mem 3G --append guest.hugepages=128 \
		--data "$data" --log "$log" --timeout 330 --trace -- \
		"dma_bench $args >\$DATA" >/dev/null || {
		tail -n 20 "$log" >&2
		die "no figures of $kernel on $machine (all that the machine said: $log)"
	}
	# Invalidations of one read, which is marked on the console
	awk '
		/^# get / { name = $3; count = 0 }
		/^# got / { print "bench", name "-invalidations", count, "count"; name = "" }
		name && /inv_desc_iotlb|amdvi_pages_inval|TLBI/ { count++ }' "$log" >>"$data"
}

for machine in "${machines[@]}"; do
	for kernel in ${boots:+stock series}; do
		run "$machine" "$kernel"
	done
done

cat <<END
The ioctls in an emulated machine, unpatched 6.12 and ours

Times of a read are for each page of 4 KiB, whatever the leaf that maps it, and
medians, with the distance from the least to the most, in percent of the median,
behind them; "times" is stock divided by ours. Dirt is made by a device. A target is
the least of "times" or, where it says "at most", the most that ours may be.

END
: >"$out/kernel.dat"
for machine in "${machines[@]}"; do
	awk -v machine="$machine" -v dat="$out/kernel.dat" -f "$top/scripts/bench/kernel.awk" \
		"$out/kernel-$machine-stock.data" "$out/kernel-$machine-series.data"
	echo
done
gnuplot -e "data='$out/kernel.dat'; out='$out/kernel.svg'; machines='${machines[*]}'" \
	"$top/scripts/bench/kernel.gnuplot"
