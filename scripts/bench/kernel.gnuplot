# SPDX-License-Identifier: GPL-2.0-only
# Section kernel: ours as a share of stock. kernel.sh sets data, out and machines.

set terminal svg size 1100,500 font "DejaVu Sans,12" background rgb "white"
set output out

set border 3 lc rgb "#888888"
set tics nomirror tc rgb "#333333"
set grid ytics lc rgb "#e4e4e4"
set style data histogram
set style histogram clustered gap 1
set style fill solid noborder
set boxwidth 0.9
set xtics rotate by -40
set yrange [0:*]
set ylabel "time, stock = 1"
set key top left

array colour[3] = ["#3b76b8", "#d08a3c", "#6a9a5b"]
rows(machine) = sprintf("< awk '$1 == \"%s\" && $2 !~ /idle|p99|worst/' '%s'", machine, data)

set title "The ioctls, ours against unpatched 6.12: less is faster"
plot for [i = 1:words(machines)] rows(word(machines, i)) using ($4 / $3):xtic(2) \
	lc rgb colour[i] title word(machines, i), \
	1 with lines lc rgb "#888888" dt 2 notitle
