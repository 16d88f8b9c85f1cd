# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# How a part of a suite begins, scripts/suites/SUITE/PART.sh: with the composed tree
# in $tree. Its suite's lib.sh sources it.

# shellcheck source=scripts/suites/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/mails.sh
. "$top/scripts/mails.sh"

suite=$(basename "$(dirname "$0")")

part_usage() {
	cat <<END
usage: scripts/suites/$suite/$me.sh

A part of suite $suite: scripts/suites/$suite.sh --help says what it does.
END
}

case ${1:-} in
-h | --help) part_usage; exit ;;
esac

lock "$work"
# shellcheck disable=SC2034 # for the parts
tree=$("$top/scripts/compose.sh")
