# SPDX-License-Identifier: GPL-2.0-only
#
# The figures of dma_bench on two kernels, stock first, to a table of one machine.
# Set machine, and dat, a file that gets "MACHINE FIGURE STOCK OURS" lines.

# A row with a least ratio, if there is one
function row(name, text,    ratio, least) {
	if (!((0, name) in value) || !((1, name) in value)) {
		printf "%-38s no figure OVER\n", text
		return
	}
	ratio = value[1, name] ? value[0, name] / value[1, name] : 1
	least = target[machine, name]
	printf "%-38s %-8s %11.2f %5s %11.2f %5s %8.2f ", text, unit[name],
		value[0, name], spread[0, name], value[1, name], spread[1, name], ratio
	if (least)
		printf "%16s %s\n", "at least " least, (ratio >= least ? "met" : "OVER")
	else
		printf "%16s\n", "-"
	print machine, name, value[0, name], value[1, name] >>dat
}

# Something of two figures of the same kernel, and what ours must keep, if anything
function derived(text, what, stock, ours, word, limit) {
	printf "%-38s %-8s %11.2f %5s %11.2f %5s %8s ", text, what, stock, "", ours, "", ""
	if (word)
		printf "%16s %s\n", word " " sprintf("%.2f", limit),
			(word == "at most" ? ours <= limit : ours >= limit) ? "met" : "OVER"
	else
		printf "%16s\n", "-"
}

function of(kernel, a, b) {
	return value[kernel, b] ? value[kernel, a] / value[kernel, b] : 0
}

BEGIN {
	target["vtd", "clean"] = 10
	target["amd", "clean"] = 6
	target["vtd", "1%"] = 8
	target["amd", "1%"] = 5
	target["vtd", "all"] = target["amd", "all"] = 3
	# 6.12 walks these tables one call to a table, not one from the root to each
	# leaf, and omits the invalidations that it owes, which ours pays.
	target["smmuv3", "clean"] = 5
	target["smmuv3", "1%"] = 3
	target["smmuv3", "all"] = 2
	# What one window of a read covers: a page of bitmap
	window = 32768
	kernel = -1
}

FNR == 1 { kernel++ }
{ sub(/\r$/, "") }
$1 == "bench" { value[kernel, $2] = $3; unit[$2] = $4 }
$1 == "bench" && NF == 6 && $3 > 0 {
	spread[kernel, $2] = sprintf("%d%%", ($6 - $5) / $3 * 100)
}
$1 == "wrong" { wrong[kernel, $2] = $3 " pages for " $4 }

END {
	printf "%-38s %-8s %11s %5s %11s %5s %8s %16s\n", machine, "unit", "stock", "+-",
		"ours", "+-", "times", "target"
	row("clean", "read, 4 KiB leaves, clean")
	row("1%", "read, 4 KiB leaves, 1% dirty")
	row("all", "read, 4 KiB leaves, all dirty")
	row("large-clean", "read, 2 MiB leaves, clean")
	row("large-all", "read, 2 MiB leaves, all dirty")
	for (i = 1; i <= split("clean 1% all large-clean large-all", scan, " "); i++)
		row(scan[i] "-invalidations", "invalidations of a read, " scan[i])
	row("get-all", "one clean read of everything")
	row("enable", "enable, of everything")
	derived("enable / read", "", of(0, "enable", "get-all"),
		of(1, "enable", "get-all"), "at most", 1)
	derived("read by one thread / by two", "", of(0, "one-thread", "two-threads"),
		of(1, "one-thread", "two-threads"), "at least", 1.6)
	derived("the same, 1% dirty", "", of(0, "one-thread-1%", "two-threads-1%"),
		of(1, "one-thread-1%", "two-threads-1%"))
	split("map unmap", call, " ")
	for (i = 1; i <= 2; i++)
		for (j = 1; j <= split("p50 p99 worst", which, " "); j++) {
			row(call[i] "-idle-" which[j], call[i] ", idle, " which[j])
			row(call[i] "-get-" which[j], call[i] " while reading, " which[j])
		}
	derived("map while reading, worst - idle, worst", "us",
		value[0, "map-get-worst"] - value[0, "map-idle-worst"],
		value[1, "map-get-worst"] - value[1, "map-idle-worst"], "at most",
		window * value[1, "clean"] / 1000)
	for (i in wrong) {
		split(i, part, SUBSEP)
		printf "%s reports, %s: %s written%s\n", part[1] ? "ours" : "stock",
			part[2], wrong[i], part[1] ? " OVER" : ""
	}
}
