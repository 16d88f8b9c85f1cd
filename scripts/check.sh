#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Runs test suites and counts.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/suites/jobs.sh"

all=(static unit bench mutants kunit series model selftest peer demo vtd amd smmuv3)
by_name=(qemu migrate bisect deb smmuv3-64k smmuv3-acpi)

usage() {
	cat <<END
usage: ./run check [--kernel stock|fixed] [SUITE...]
       ./run check --coverage [SUITE...]

Runs the suites, without a name these: ${all[*]}
By name only: ${by_name[*]}
The last line is "N passed, N failed"; the exit status is 0 if none failed.
Results and logs are kept in build/check/.

  --coverage       what of the kernel code runs in the tests (--coverage --help)
  --kernel stock   run selftest, peer, vtd, amd or smmuv3 on the unpatched base, for
                   comparison
  --kernel fixed   on the base with the fixes of fixes/

$(for suite in "${all[@]}" "${by_name[@]}"; do
	printf '  %-10s %s\n' "$suite" \
		"$(sed -n "s/^# Suite $suite: //p" "$top/scripts/suites/$suite.sh")"
done)
END
}

if [ "${1:-}" = --coverage ]; then
	exec "$top/scripts/coverage.sh" "${@:2}"
fi

args=() suites=()
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) usage; exit ;;
	--kernel) args+=(--kernel "${2:?--kernel takes stock or fixed}"); shift ;;
	-*) usage >&2; exit 2 ;;
	*) suites+=("$1") ;;
	esac
	shift
done
[ ${#suites[@]} -gt 0 ] || suites=("${all[@]}")
if [ ${#args[@]} -gt 0 ]; then
	for suite in "${suites[@]}"; do
		case $suite in
		selftest | peer | vtd | amd | smmuv3) ;;
		*) die "--kernel is for the suites selftest, peer, vtd, amd and smmuv3" ;;
		esac
	done
fi

mkdir -p "$top/build/check"
passed=0 failed=0

# While a suite runs, its results go to a file of this run's, SUITE.results.PID:
# another run may have the same suite. What was stopped leaves what it has.
keep_results() {
	local results
	for results in "$top"/build/check/*.results."$$"; do
		[ ! -e "$results" ] || mv "$results" "${results%.*}"
	done
	rm -f "$top"/build/check/*.results."$$".seconds
}
trap keep_results EXIT

# run_suite SUITE
run_suite() {
	local results=$top/build/check/$1.results.$$ start=$SECONDS
	"$top/scripts/suites/$1.sh" "${args[@]}" >"$results" ||
		echo "not ok the suite ran to its end (status $?)" >>"$results"
	echo $((SECONDS - start)) >"$results.seconds"
}

# report_suite SUITE: prints what failed, and counts
report_suite() {
	local results=$top/build/check/$1.results.$$ ok bad
	ok=$(grep -c '^ok ' "$results" || true)
	bad=$(grep -c '^not ok ' "$results" || true)
	if [ "$((ok + bad))" = 0 ]; then
		echo "not ok the suite had tests" | tee -a "$results"
		bad=1
	fi
	grep -A 40 '^not ok ' "$results" | grep '^not ok \|^#' | sed "s/^/$1: /" || true
	echo "suite $1: $ok ok, $bad not ok, $(cat "$results.seconds") s"
	passed=$((passed + ok)) failed=$((failed + bad))
}

for suite in "${suites[@]}"; do
	printf '%s\n' "${all[@]}" "${by_name[@]}" | grep -qxF -- "$suite" ||
		die "no such suite: $suite (${all[*]} ${by_name[*]})"
done

# A machine hardly keeps more than one processor busy, nor does a series of commits:
# suites of a line here run side by side if they come one after the other.
groups=("series model" "selftest peer demo" "vtd amd")

# beside SUITE: may it run beside those in $now?
beside() {
	local group
	[[ " ${now[*]} " != *" $1 "* ]] || return 1
	for group in "${groups[@]}"; do
		[[ " $group " != *" ${now[0]} "* || " $group " != *" $1 "* ]] || return 0
	done
	return 1
}

while [ ${#suites[@]} -gt 0 ]; do
	now=("${suites[0]}")
	suites=("${suites[@]:1}")
	while [ ${#suites[@]} -gt 0 ] && beside "${suites[0]}"; do
		now+=("${suites[0]}")
		suites=("${suites[@]:1}")
	done
	say "suite ${now[*]}"
	for suite in "${now[@]}"; do
		background run_suite "$suite"
	done
	wait
	jobs=()
	for suite in "${now[@]}"; do
		report_suite "$suite"
	done
	keep_results
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
