# SPDX-License-Identifier: GPL-2.0-only
#
# awk -f huge.awk NAME-random.csv NAME-leaf.csv...: the table of ./run demo
# --huge, and its verdict on those that split against those that do not, as
# lines that begin with "demo: ". Exit status 1 if there is one against.

FNR == 1 {
	name = FILENAME
	sub(/.*\//, "", name)
	load = name ~ /-leaf\.csv$/ ? "leaf" : "random"
	sub(/-(random|leaf)\.csv$/, "", name)
	if (!(name in seen))
		names[++n] = name
	seen[name] = 1
	next
}

{
	split($0, f, ",")
	rounds[name, load] = f[1]
	dirty[name, load, f[1]] = f[3]
	mib[name, load] += f[5]
	get[name, load] += f[1] >= 2 ? f[6] : 0
	if (f[1] == 1)
		get_1[name, load] = f[6]
	set_on[name, load] = f[1] ? set_on[name, load] : f[8]
	set_off[name, load] = f[8]
	if (f[1])
		late[name, load] += f[5]
	if (f[1] >= 2)
		exact[name, load] += f[5]
}

function cell(name, load, round) {
	return round < rounds[name, load] ? dirty[name, load, round] : "-"
}

function line(name, load,	last) {
	last = rounds[name, load]
	printf "%-8s %8s %8s %8s %8s %6d %9.1f %9.1f %8.2f %8.2f %7.2f %7.2f\n", name,
		cell(name, load, 1), cell(name, load, 2), cell(name, load, 3),
		dirty[name, load, last - 1], last, mib[name, load],
		late[name, load], set_on[name, load] / 1000,
		set_off[name, load] / 1000, get_1[name, load] / 1000,
		get[name, load] / (last - 1) / 1000
}

function table(load, title,	i) {
	printf "\n%s\n", title
	printf "%-8s %35s %6s %19s %33s\n", "", "pages reported in running round   ",
		"", "MiB sent     ", "milliseconds           "
	printf "%-8s %8s %8s %8s %8s %6s %9s %9s %8s %8s %7s %7s\n", "", "1", "2",
		"3", "last", "rounds", "in all", "after 0", "SET on", "SET off",
		"GET 1", "later"
	for (i = 1; i <= n; i++)
		line(names[i], load)
}

function whole(name) {
	return name == "stock" || name == "off"
}

function verdict(good, text) {
	print "demo: " (good ? "" : "WRONG: ") text
	bad += !good
}

function converged(name) {
	return dirty[name, "random", rounds[name, "random"] - 1] <= stop
}

END {
	table("random", "Writes at random addresses")
	table("leaf", "One write into each 2 MiB in each round")
	print ""
	for (i = 1; i <= n; i++) {
		name = names[i]
		verdict(converged(name) != whole(name), name (converged(name) ? \
			" comes to an end" : " does not come to an end") \
			" in " rounds[name, "random"] " rounds")
		for (j = 1; j <= n; j++) {
			if (!whole(name) || whole(names[j]))
				continue
			less = exact[names[j], "leaf"]
			ratio = less ? exact[name, "leaf"] / less : 0
			verdict(ratio >= 100, sprintf("from round 2 on %s sends " \
				"%.0f times fewer bytes than %s", names[j], ratio, name))
		}
	}
	exit bad != 0
}
