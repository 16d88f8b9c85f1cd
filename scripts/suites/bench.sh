#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Suite bench: instructions that the walker takes, counted, against the committed figures.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

usage() {
	cat <<END
usage: scripts/suites/bench.sh [--update]

Counts, under callgrind, the instructions of the walker and of the plain loops
that it is compared with ("./run bench" takes the time of the same cases). They
do not depend on the machine or its load, but on the compiler. Figures of this
one in tools/testing/iommu-dirty/callgrind.expected may be exceeded by 10%. If it
has none there, the ratio of walker to plain loop is compared with that of the
compilers that have, and may exceed the largest by 25%.

  --update  puts the figures of this compiler into the file

CC= names the compiler (default gcc).
END
}

update=
case ${1:-} in
-h | --help) usage; exit ;;
--update) update=1 ;;
'') ;;
*) usage >&2; exit 2 ;;
esac

compiler=${CC:-gcc}
key=$(uname -m)-$(basename "$compiler")-$("$compiler" -dumpfullversion -dumpversion)
expected=$top/tools/testing/iommu-dirty/callgrind.expected
counted=$work/counted

lock "$work"
make -s -C "$top/tools/testing/iommu-dirty" O="$work" CC="$compiler" "$work/bench"
rm -f "$work"/callgrind.out*
say "counting, $key"
valgrind --tool=callgrind --collect-atstart=no \
	--callgrind-out-file="$work/callgrind.out" "$work/bench" --count \
	>"$work/log" 2>&1 || {
	tail -n 20 "$work/log" >&2
	die "callgrind failed (all of its output: $work/log)"
}

# "CASE WORDS SIDE" is in each dump's description. Order and counts per word:
for ((i = 1; ; i++)); do
	dump=$work/callgrind.out.$i
	[ -f "$dump" ] || break
	sed -n 's/^desc: Trigger: Client Request: //p; s/^totals: //p' "$dump" | paste -sd ' '
done | awk -v key="$key" '
	$3 == "plain" { plain = $4 }
	$3 == "walker" {
		printf "%s %s %.3f %.3f\n", key, $1, plain / $2, $4 / $2
	}' >"$counted"
[ -s "$counted" ] || die "callgrind counted nothing (see $work/log)"

if [ -n "$update" ]; then
	{
		sed -n '/^#/p' "$expected"
		sed "/^#/d; /^$key /d" "$expected"
		cat "$counted"
	} >"$work/expected"
	cp "$work/expected" "$expected"
	say "$(wc -l <"$counted") figures of $key are in ${expected#"$top"/}"
	exit
fi

awk -v key="$key" '
	/^#/ { next }
	FNR == NR {
		cases[$2] = 1
		if ($1 == key) {
			known = 1
			limit[$2] = $4 * 1.1
		}
		if ($4 / $3 > ratio[$2])
			ratio[$2] = $4 / $3
		next
	}
	{
		seen[$2] = 1
		if (known) {
			value = $4
			allowed = limit[$2]
			unit = "instructions a word"
		} else {
			value = $4 / $3
			allowed = ratio[$2] * 1.25
			unit = "times the plain loop, compiler not listed"
		}
		printf "%s bench: %s\n", value <= allowed ? "ok" : "not ok", $2
		printf "# %.3f %s, at most %.3f\n", value, unit, allowed
	}
	END {
		for (c in cases)
			if (!(c in seen))
				printf "not ok bench: %s\n# was not counted\n", c
	}' "$expected" "$counted"
