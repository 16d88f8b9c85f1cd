# SPDX-License-Identifier: GPL-2.0-only
# Section kernel: what reads take, and whoever maps meanwhile, stock beside ours.
# kernel.sh sets data, out and machines.

set terminal svg size 1100,440 font "DejaVu Sans,12" background rgb "white"
set output out
set multiplot layout 1,2

set border 3 lc rgb "#888888"
set tics nomirror tc rgb "#333333"
set grid ytics lc rgb "#e4e4e4"
set style data histogram
set style histogram clustered gap 1
set style fill solid noborder
set boxwidth 0.9
set xtics rotate by -35 scale 0
set logscale y
set key top left horizontal

# Log scales have no zero to begin at
rows(names) = sprintf("< for m in %s; do for n in %s; do awk -v m=$m -v n=$n '$1 == m && $2 == n { print m \" \" n, $3, $4 }' '%s'; done; done | sed 's/ /: /; s/map-get-//; s/^/\"/; s/ \\([0-9.]* [0-9.]*\\)$/\" \\1/'", machines, names, data)

set title "a read, ns for each page of 4 KiB"
set yrange [1:1000]
plot rows("clean 1% all") using 2:xtic(1) lc rgb "#cc2a2a" title "6.12", \
	"" using 3 lc rgb "#3b76b8" title "ours"

set title "a MAP while another thread reads, us"
set yrange [10:10000000]
plot rows("map-get-p50 map-get-p99 map-get-worst") using 2:xtic(1) lc rgb "#cc2a2a" title "6.12", \
	"" using 3 lc rgb "#3b76b8" title "ours"
