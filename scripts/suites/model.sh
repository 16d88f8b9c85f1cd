#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Suite model: the emulated hardware keeps the rules that make a test on it
# worth something. qemu/README.md says which qtest proves which rule.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

case ${1:-} in
-h | --help)
	cat <<END
usage: scripts/suites/model.sh

Builds and runs the qtests that the patches in qemu/ add to QEMU.
END
	exit
	;;
esac

lock "$work"
status=0
"$top/scripts/qemu.sh" --targets "x86_64-softmmu aarch64-softmmu" --qtest >"$work/tap" || status=$?
programs=$(sed -n 's@^+++ b/tests/qtest/\(.*-test\)\.c$@\1@p' "$top"/qemu/*.patch | sort -u | wc -l)
tap_results "$work/tap" "$programs" | tee "$work/results"

# A test that failed has said so. What else it may be, the lines above tell.
[ "$status" = 0 ] || grep -q '^not ok ' "$work/results" ||
	echo "not ok the qtests were built and came to their end (qemu.sh: status $status)"
