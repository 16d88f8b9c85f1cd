# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the suites share. A suite prints results on stdout, one a line: "ok NAME"
# or "not ok NAME", and what it is doing on stderr.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck disable=SC2034 # used by those who source this
work=$top/build/check/$me
mkdir -p "$work"

# result NAME COMMAND...: did it succeed? Its output is kept in a log. The command is
# a condition here, so that set -e does not hold in a function: each of its steps
# that may fail wants "|| return".
result() {
	local name=$1 log
	shift
	log=$work/$(tr -c 'A-Za-z0-9_.\n-' _ <<<"$name").log
	if "$@" >"$log" 2>&1; then
		echo "ok $name"
	else
		echo "not ok $name"
		sed 's/^/# /' "$log" | tail -n 40
	fi
}

# tap_results LOG: the TAP in it, of one program or several, as results, each
# test's remarks with it if it failed. The plan comes first or last. A program
# that ended before its last test is one more failure. So is a test that was
# skipped, since nobody would notice.
tap_results() {
	awk '
		BEGIN { plan = -1 }
		/^TAP version/ { n = 0; plan = -1; next }
		/^1\.\.[0-9]+/ {
			programs++
			if (plan >= 0 && n >= plan)
				n = 0
			plan = substr($1, 4)
			if (n == plan)
				complete++
			next
		}
		/^(not )?ok [0-9]+ / {
			bad = /^not / || /# SKIP/; n++
			name = $0
			sub(/^(not )?ok [0-9]+ (- )?/, "", name)
			print (bad ? "not ok " : "ok ") name
			if (bad)
				printf "%s", remarks
			remarks = ""
			if (n == plan)
				complete++
			next
		}
		/^# +RUN / { remarks = ""; next }
		/^#/ { remarks = remarks $0 "\n" }
		END {
			if (!programs || complete < programs)
				print "not ok all tests of the program came to an end"
		}' "$1"
}

# boot_results NAME BOOT-ARGUMENT...: runs a machine and prints its results, by
# default from TAP; another function to read the console is named by $results.
# What a kernel that counts coverage has counted goes to the directory $GCOV.
boot_results() {
	local name=$1 status=0
	shift
	say "booting: $name"
	"$top/scripts/boot.sh" --log "$work/$name.console" \
		${GCOV:+--data "$GCOV/$name.tar.gz"} "$@" >/dev/null || status=$?
	"${results:-tap_results}" "$work/$name.console"
	case $status in
	0 | 1) echo "ok $name: the kernel had nothing to complain of" ;;
	3)
		echo "not ok $name: the kernel had nothing to complain of"
		grep -E -A 25 'KASAN|BUG:|WARNING:|possible .* detected|Oops|UBSAN|unreferenced' \
			"$work/$name.console" | sed 's/^/# /' | head -n 60
		;;
	*) echo "not ok $name: the machine ran to its end (boot.sh: status $status)" ;;
	esac
}

# known_failures KERNEL DIRECTORY MACHINE: the list of what fails there. That of
# the base is among the tests, that of the fixes among the fixes.
known_failures() {
	local directory=$2
	[ "$1" != fixed ] || directory=fixes
	echo "$top/$directory/$1-6.12-$3.failures"
}

# known_results KERNEL RESULTS LIST: the results of a run on another kernel than
# ours, turned into whether it failed what LIST names, one a line, and nothing
# else. What stands behind a "?" there may fail or not.
known_results() {
	local failed known
	[ -f "$3" ] || {
		echo "not ok $1: there is a list of what fails"
		echo "# ${3#"$top/"} can be made of what is not ok in ${2#"$top/"}, with reasons"
		return
	}
	failed=$(sed -n 's/^not ok //p' "$2" | sort)
	known=$(grep -v '^[#?]' "$3" | sort)
	comm -12 <(echo "$known") <(echo "$failed") | sed "/./!d; s/^/ok $1 fails /"
	comm -23 <(echo "$known") <(echo "$failed") | sed "/./!d; s/^/not ok $1 fails /"
	comm -13 <(echo "$known") <(echo "$failed") |
		comm -23 - <(sed -n 's/^?//p' "$3" | sort) |
		sed "/./!d; s/^/not ok $1 passes /"
	sed -n "s/^ok /ok $1 passes /p" "$2"
}
