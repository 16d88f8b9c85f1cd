# SPDX-License-Identifier: GPL-2.0-only
# The migration round by round. scripts/demo.sh sets csv, out, what (the title)
# and last, the number of the last round.

set datafile separator comma
set terminal svg size 900,540 font "DejaVu Sans,13" background rgb "white"
set output out

set title what font ",16" offset 0,0.3
set border 11 lc rgb "#888888"
set tics tc rgb "#333333"
set grid ytics lc rgb "#e4e4e4"
set key outside bottom center horizontal samplen 1.6 spacing 1.3
set tmargin 3

set xlabel "round"
set xrange [-0.7:last + 0.7]
set xtics ("full copy" 0) nomirror scale 0
do for [i = 1:last - 1] { set xtics add (sprintf("%d", i) i) }
set xtics add ("stopped" last)

set ylabel "pages in the round (log scale)"
set logscale y
set yrange [1:*]
set ytics nomirror format "10^{%L}"
set y2label "MiB copied in all"
set y2range [0:*]
set y2tics nomirror

set boxwidth 0.62
set style fill solid noborder

plot csv using 1:($1 == 0 ? $4 : NaN) every ::1 with boxes lc rgb "#c3cad4" \
		title "copied without asking", \
	csv using 1:($1 > 0 && $3 > 0 ? $3 : NaN) every ::1 with boxes lc rgb "#3b76b8" \
		title "reported dirty", \
	csv using 1:($7 > 0 ? $7 : NaN) every ::1 with points pt 7 ps 0.9 lc rgb "#f59f00" \
		title "written by the device since the last report", \
	csv using 1:5 every ::1 smooth cumulative axes x1y2 with linespoints \
		lw 2 pt 7 ps 0.5 lc rgb "#2b8a3e" title "MiB copied in all (right)", \
	csv using 1:($3 > 0 ? $3 : NaN):(sprintf("%d", $3)) every ::2 with labels \
		offset 0,0.8 font ",11" tc rgb "#3b76b8" notitle
