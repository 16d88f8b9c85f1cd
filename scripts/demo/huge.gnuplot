# SPDX-License-Identifier: GPL-2.0-only
# What each kernel and mode sends, round by round. scripts/demo.sh sets dir,
# where NAME-random.csv and NAME-leaf.csv are, names, out and what (the title).

set datafile separator comma
set terminal svg size 900,540 font "DejaVu Sans,13" background rgb "white"
set output out

set multiplot layout 1,2 title what font ",16"
set border 3 lc rgb "#888888"
set tics tc rgb "#333333" nomirror
set grid ytics lc rgb "#e4e4e4"
set key outside bottom center horizontal samplen 2 spacing 1.3

set xlabel "round"
set xrange [-0.5:*]
set xtics 0,2
set ylabel "bytes sent in the round (log scale)"
set logscale y
set yrange [1e5:1e10]
set format y "10^{%L}"

array colour[5] = ["#c92a2a", "#3b76b8", "#2b8a3e", "#f59f00", "#862e9c"]

do for [load in "random leaf"] {
	set title load eq "random" ? "writes at random addresses" : \
		"one write into each 2 MiB and round"
	plot for [i = 1:words(names)] \
		sprintf("%s/%s-%s.csv", dir, word(names, i), load) \
		using 1:($5 * 1048576) every ::1 with linespoints lw 2 pt 7 \
		ps 0.7 lc rgb colour[i] title word(names, i)
	unset ylabel
}
unset multiplot
