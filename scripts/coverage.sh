#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Which lines and branches of our kernel files run in the tests: in user space and
# in kernels that count (CONFIG_GCOV_KERNEL), together.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/mails.sh"

all=(unit peer vtd amd smmuv3 kunit selftest)
usage() {
	cat <<END
usage: ./run check --coverage [SUITE...]

Runs suites (${all[*]}), or those given, so that they count coverage, and prints
a table per file. What earlier runs counted is added where our files are still
the same. out/coverage/ has the sources with counts.

Fails if a test fails, if less than 95 % of all lines run, if a line does not
that is not in scripts/coverage.uncovered, or if one of that list does.
END
}

suites=()
for arg; do
	case $arg in
	-h | --help) usage; exit ;;
	-*) usage >&2; exit 2 ;;
	*) suites+=("$arg") ;;
	esac
done
[ ${#suites[@]} -gt 0 ] || suites=("${all[@]}")

# dirty-kunit is a test itself. The driver of vfio/pci/edu is for the suites qemu and
# migrate, in a kernel that does not count: it is part of those tests too.
mapfile -t files < <(overlay | grep -E '^(drivers|include)/.*\.[ch]$' |
	grep -vE '^drivers/(iommu/dirty-kunit|vfio/pci/edu)/')
data=$top/build/coverage
state=$(cd "$top" && hash_files "${files[@]}")
lock "$data"
if [ "$(cat "$data/state" 2>/dev/null)" != "$state" ]; then
	rm -rf "${data:?}"/*
	echo "$state" >"$data/state"
fi

failed=0
for suite in "${suites[@]}"; do
	case " ${all[*]} " in
	*" $suite "*) ;;
	*) die "suite $suite has no coverage (${all[*]})" ;;
	esac
	say "suite $suite"
	rm -rf "${data:?}/$suite"
	mkdir -p "$data/$suite"
	GCOV=$data/$suite "$top/scripts/suites/$suite.sh" >"$data/$suite/results" ||
		echo "not ok the suite ran to its end (status $?)" >>"$data/$suite/results"
	grep '^not ok' "$data/$suite/results" | sed "s/^/$suite: /" || true
	failed=$((failed + $(grep -c '^not ok' "$data/$suite/results" || true)))
done
for suite in "${all[@]}"; do
	[ -d "$data/$suite" ] || echo "not counted: suite $suite"
done

python3 "$top/scripts/coverage.py" "$top" "$data" "$top/out/coverage" "${files[@]}" || failed=$((failed + 1))
[ "$failed" = 0 ]
