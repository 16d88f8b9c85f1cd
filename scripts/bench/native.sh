#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Section native: the walker in user space, against loops that do only what must be done
set -euo pipefail
. "$(dirname "$0")/../lib.sh"

usage() {
	cat <<END
usage: scripts/bench/native.sh [--quick] [CASE]

Builds tools/testing/iommu-dirty/bench.c with the kernel's files and flags, runs
it on one processor, and prints a table. Samples: out/bench/native.csv, summary:
native.dat, plot: native.svg.
END
}

case ${1:-} in
-h | --help) usage; exit ;;
esac

build=$top/build/bench
out=$top/out/bench
mkdir -p "$build" "$out"
make -s -C "$top/tools/testing/iommu-dirty" O="$build" "$build/bench"

cpu=$(($(nproc) - 1))
taskset -c "$cpu" "$build/bench" "$@" >"$out/native.csv"
awk -f "$top/scripts/bench/summary.awk" "$out/native.csv" >"$out/native.dat"
gnuplot -e "data='$out/native.dat'; out='$out/native.svg'" \
	"$top/scripts/bench/native.gnuplot"

cat <<END
The walker in user space, on $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)

A word is an entry of a page table. "against" is the loop that it is compared
with: "read" loads each word once, "clear" clears a bit of each atomically and
sets bits in a bitmap, "test-clear" does so where it finds the bit set. Times are
those of the least disturbed of all repeats, which take turns; behind the ratio
of them is the median of the ratios of each turn, and its quartiles. "unrolled"
is the ratio to a reading loop that takes eight words at a time.

"eager" splits each 2 MiB leaf of a GiB into a table, whose 512 words are those
that are counted, and is compared with a loop that fills tables as many. "join"
joins them, compared with a loop that reads their words. "lazy" is a read of 8 GiB
that splits the dirty leaves, which are the words, compared with one that clears
them.

END
awk '
	BEGIN {
		printf "%-26s %-5s %-10s %8s %8s %6s %7s %11s %8s %6s\n", "case",
			"dirt", "against", "ns/word", "walker", "ratio",
			"median", "quartiles", "unrolled", "target"
	}
	/^#/ { next }
	{
		printf "%-26s %-5s %-10s %8.3f %8.3f %6.2f %7.2f %5.2f %5.2f %8s ",
			$1, $2, $3, $6, $7, $7 / $6, $9, $8, $10,
			($11 ? sprintf("%.2f", $7 / $11) : "-")
		if ($4)
			printf "%6.2f %s\n", $4 / 100,
				($7 / $6 <= $4 / 100 ? "met" : "OVER")
		else
			printf "%6s\n", "-"
	}' "$out/native.dat"
echo
