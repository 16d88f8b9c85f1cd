#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Suite mutants: faults seeded in walker, formats and log, each noticed by its test.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

case ${1:-} in
-h | --help)
	cat <<END
usage: scripts/suites/mutants.sh

Runs the mutants that need no kernel; scripts/mutants.sh --all runs them all.
END
	exit
	;;
esac

lock "$work"
status=0
"$top/scripts/mutants.sh" | sed -E 's/^((not )?ok )/\1mutants: /' | tee "$work/results" ||
	status=${PIPESTATUS[0]}

# One that survived makes it fail too, and has said so.
[ "$status" != 1 ] || ! grep -q '^not ok ' "$work/results" || status=0
exit "$status"
