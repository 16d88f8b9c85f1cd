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

# tap_results LOG [NUMBER [TEST...]]: the TAP in it, of so many programs (without a
# number: one), as results, each test's remarks with it if it failed. The plan
# comes first or last. A program that ended before its last test is one more
# failure, and so is one that never started, or had no tests, and a test that was
# asked for by name and did not run. So is a test that was skipped, since nobody
# would notice.
tap_results() {
	awk -v wanted="${2:-1}" -v tests="${*:3}" '
		BEGIN { plan = -1 }
		/^TAP version/ { n = 0; plan = -1; next }
		/^1\.\.[0-9]+/ {
			programs++
			if (plan >= 0 && n >= plan)
				n = 0
			plan = substr($1, 4)
			empty += plan == 0
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
			sub(/ +# .*/, "", name)
			for (; !(name in ran); sub(/^[^.]*\./, "", name))
				ran[name] = 1
			if (n == plan)
				complete++
			next
		}
		/^# +RUN / { remarks = ""; next }
		/^#/ { remarks = remarks $0 "\n" }
		END {
			if (programs < wanted || complete < programs) {
				print "not ok all tests of the program came to an end"
				printf "# of %d programs %d began and %d came to their end\n",
					wanted, programs, complete
			}
			if (empty)
				print "not ok each program had tests"
			n = split(tests, names, " ")
			for (i = 1; i <= n; i++)
				if (!(names[i] in ran))
					print "not ok there is a test " names[i]
		}' "$1"
}

# asked_for ARGUMENT...: the tests that these arguments of a program of kselftest's
# harness name
asked_for() {
	grep -oP '(^| )-[tr] ?\K\S+' <<<"$*" || true
}

# in_guest TIMES COMMAND...: a line for the guest's shell that runs all of them so
# many times, whatever became of the first, and ends with the largest status
in_guest() {
	echo "s=0; for n in $(seq -s ' ' "$1"); do for c in $(printf "'%s' " "${@:2}"); do \$c;" \
		"r=\$?; [ \$r -le \$s ] || s=\$r; done; done; exit \$s"
}

# boot_results [--programs NUMBER] [--tests "TEST..."] NAME BOOT-ARGUMENT...: runs a
# machine and prints its results, by default by tap_results; another function to
# read the console, with the same arguments, is named by $results. What a kernel
# that counts coverage has counted goes to the directory $GCOV.
boot_results() {
	local programs=1 tests=() name status=0
	while [[ $1 == --* ]]; do
		case $1 in
		--programs) programs=$2 ;;
		--tests) read -rd '' -a tests <<<"$2" || true ;;
		*) die "boot_results: no such option: $1" ;;
		esac
		shift 2
	done
	name=$1
	shift
	say "booting: $name"
	"$top/scripts/boot.sh" --log "$work/$name.console" \
		${GCOV:+--data "$GCOV/$name.tar.gz"} "$@" >/dev/null || status=$?
	"${results:-tap_results}" "$work/$name.console" "$programs" "${tests[@]}"
	case $status in
	0 | 1) echo "ok $name: the kernel had nothing to complain of" ;;
	3)
		echo "not ok $name: the kernel had nothing to complain of"
		# What guest-init.sh puts between these lines
		awk '/^guest: splats / { on = 0 }
			on && n++ < 60 { print "# " $0 }
			/guest: complaints$/ { on = 1 }' "$work/$name.console"
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
