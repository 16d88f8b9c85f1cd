# SPDX-License-Identifier: GPL-2.0-only
# The summary of section native. native.sh sets data and out.

set terminal svg size 1100,1150 font "DejaVu Sans,12" background rgb "white"
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
set ylabel "ns per word"
set key top left

rows(dirt) = sprintf("< grep -v '^#' '%s' | awk '$2 == \"%s\" && $1 !~ /-(eager|join|lazy)$/'", data, dirt)

set multiplot layout 3,1 title "The walker against loops that do only what must be done" font ",15"
set title "clean, against a loop that reads each word"
plot rows("clean") using 6:xtic(1) lc rgb "#c3cad4" title "plain loop", \
	"" using 7 lc rgb "#3b76b8" title "walker"
set title "one leaf in a hundred dirty, against the same loop"
plot rows("1%") using 6:xtic(1) lc rgb "#c3cad4" title "plain loop", \
	"" using 7 lc rgb "#3b76b8" title "walker"
set title "all dirty, against a loop that clears each word and sets bits"
plot rows("all") using 6:xtic(1) lc rgb "#c3cad4" title "plain loop", \
	"" using 7 lc rgb "#3b76b8" title "walker"
unset multiplot
