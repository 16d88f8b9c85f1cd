#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Suite demo: the demo finds its copy identical, and would find it different.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

case ${1:-} in
-h | --help)
	cat <<END
usage: scripts/suites/demo.sh

Runs ./run demo: as it is, which must end with an identical copy and a plot; with
one reported page left out, which must be found; and with huge leaves, split by
default, beside huge leaves that stay as they are.
END
	exit
	;;
esac

as_it_is() {
	"$top/run" demo && [ -s "$top/out/demo/demo.svg" ]
}

# It must fail for the reason it was made to.
page_dropped() {
	"$top/run" demo --drop 1 && return 1
	grep -q '^migrate: DIFFERENT, 1 page' "$top/out/demo/console.log"
}

huge() {
	"$top/run" demo --huge=off,default --size 256 && [ -s "$top/out/demo/huge.svg" ]
}

result "demo: a page that is not copied is found" page_dropped
result "demo: migrates and draws" as_it_is
result "demo: huge leaves are split, and a hundred times less is sent" huge
