#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Suite unit: the walker, formats and log compiled in user space, under sanitizers.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

usage() {
	cat <<END
usage: scripts/suites/unit.sh [--long [SECONDS]] [SEED]

Builds tools/testing/iommu-dirty and runs it: cases, millions of random
operations, threads that are hardware, these under the thread sanitizer as well,
and a fuzzer. By default with a new seed, which it prints.

  --long   run everything for about so many seconds more, by default 3600; what the
           fuzzer finds interesting is kept in build/check/unit/corpus
END
}

make_args=() min_runs=10000
case ${1:-} in
-h | --help) usage; exit ;;
--long)
	shift
	seconds=3600
	if [ $# -gt 0 ]; then
		seconds=$1
		shift
	fi
	[[ $seconds =~ ^[1-9][0-9]*$ ]] || die "--long takes seconds, not $seconds"
	min_runs=$((seconds * 100))
	make_args=(OPERATIONS=$((3000000 + seconds * 100000))
		SPLIT_ROUNDS=$((30 + seconds))
		ROUNDS=$((200 + seconds * 20)) TSAN_ROUNDS=$((60 + seconds * 5))
		FUZZ_SECONDS="$seconds")
	;;
esac
seed=${1:-$(date +%s)}
[[ $seed =~ ^[0-9]+$ ]] || die "a seed is a number, not $seed"

programs=(walk split split_race revoke million hw tsan) targets=(fuzz tsan check)
# Coverage is of the kernel's files, which do not know by whom they are called.
if [ -n "${GCOV:-}" ]; then
	work=$GCOV programs=(walk split split_race revoke million hw) targets=(check)
	make_args+=(CFLAGS="-O1 -g -std=gnu11 --coverage")
fi
lock "$work"
# A program that leaves nothing behind has not come to its end.
for file in "${programs[@]/%/.tap}" fuzz.log tsan-fault.log; do
	: >"$work/$file"
done

# Each by itself, so that one that fails does not stop the others, two at a time.
unit_make() {
	make -s -k -j2 -C "$top/tools/testing/iommu-dirty" O="$work" SEED="$seed" \
		"${make_args[@]}" "${targets[@]}"
}

# The fuzzer's own counter, which it prints last
fuzz_runs() {
	sed -n 's/^stat::number_of_executed_units: //p' "$work/fuzz.log"
}

fuzzed_enough() {
	local runs
	runs=$(fuzz_runs)
	echo "fuzz: ${runs:-no} executions, at least $min_runs are wanted"
	[ "${runs:-0}" -ge "$min_runs" ] || {
		tail -n 30 "$work/fuzz.log"
		return 1
	}
}

say "unit: seed $seed"
result "unit: all programs were built and succeeded" unit_make
for program in "${programs[@]}"; do
	tap_results "$work/$program.tap" | sed -E "s/^((not )?ok) /\1 $program: /"
done
[ -z "${GCOV:-}" ] || exit 0
result "tsan: a clear by a plain store is noticed" \
	grep -q 'ThreadSanitizer: data race' "$work/tsan-fault.log"
result "fuzz: enough inputs, none with a wrong result" fuzzed_enough
say "unit: $(sed -n 's/^# million: \([0-9]* operations\)/\1/p' "$work/million.tap"), fuzz: $(fuzz_runs) executions"
