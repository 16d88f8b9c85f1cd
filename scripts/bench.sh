#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Measures, and says how far from the least that must be done the result is.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

all=(native kernel)

usage() {
	cat <<END
usage: ./run bench [--quick] [SECTION...]

Runs the sections, without a name all of them. Each prints a table and leaves it
with its data and plots in out/bench/. The last line says how many of the targets
are met; the exit status is 0 if all are.

  --quick  fewer repeats, and less memory

$(for section in "${all[@]}"; do
	printf '  %-8s %s\n' "$section" \
		"$(sed -n "s/^# Section $section: //p" "$top/scripts/bench/$section.sh")"
done)
END
}

args=() sections=()
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) usage; exit ;;
	--quick) args+=(--quick) ;;
	-*) usage >&2; exit 2 ;;
	*) sections+=("$1") ;;
	esac
	shift
done
[ ${#sections[@]} -gt 0 ] || sections=("${all[@]}")

mkdir -p "$top/out/bench"
met=0 over=0
for section in "${sections[@]}"; do
	script=$top/scripts/bench/$section.sh
	[ -x "$script" ] || die "no such section: $section (${all[*]})"
	table=$top/out/bench/$section.txt
	"$script" "${args[@]}" | tee "$table"
	met=$((met + $(grep -c ' met$' "$table" || true)))
	over=$((over + $(grep -c ' OVER$' "$table" || true)))
done
echo "$met targets met, $over not"
[ "$over" = 0 ]
