#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Suite static: semantic patches.
#
# scripts/cocci/NAME.cocci is a rule of this code. Its line "// Files:" says what
# it looks at: "own", "own hooked" to include the base's files with hooks, and
# "but REGEX" for those to leave out. NAME.bad.c has what it must report, in the
# lines marked "reported", and beside it what it must not.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

rules=$top/scripts/cocci

# report RULE FILE...: what it finds, and what it has to say about itself
report() {
	spatch -D report --very-quiet --cocci-file "$1" --no-includes --include-headers \
		"${@:2}" 2>&1 || {
		echo "spatch failed (status $?)"
		return 1
	}
}

# kernel_rule RULE FILE...: as make coccicheck runs it, with the options that it
# asks for. Its name comes first, and before each finding.
kernel_rule() {
	local options
	read -ra options < <(sed -n 's@^// Options: *@@p' "$1" | head -n 1) || true
	echo "$1"
	{
		spatch -D report --very-quiet --cocci-file "$1" "${options[@]}" "${@:2}" 2>&1 ||
			echo "spatch failed (status $?)"
	} | sed "/should .* be a metavariable/d; s@^@$1: @"
}
export -f kernel_rule

# Only our files are looked at: the base has findings of its own. Two rules are
# written in OCaml, and run only where its compiler is: one is for a driver's
# tables, what the other finds (0 for NULL) sparse finds too.
kernel_rules() (
	cd "$tree" || return
	find scripts/coccinelle -name '*.cocci' -print0 | sort -z |
		xargs -0 grep -LZ '^@.*:ocaml' |
		xargs -0 -P "$(nproc)" -I RULE bash -c 'kernel_rule "$@"' bash \
			RULE "${kernel_sources[@]}" >"$work/kernel-rules.log"
	[ "$(grep -c '^[^ ]*\.cocci$' "$work/kernel-rules.log")" -gt 50 ] || {
		echo "few rules were run"
		return 1
	}
	! grep -v '^[^ ]*\.cocci$' "$work/kernel-rules.log"
)

# The lines that a rule reports in its bad example are those that are marked.
reports() {
	if ! report "$rules/$1.cocci" "$rules/$1.bad.c" >"$work/$1.report" ||
		! diff <(grep -n '/\* reported \*/' "$rules/$1.bad.c" | cut -d: -f1) \
			<(sed -n 's/^.*\.bad\.c:\([0-9]*\):.*/\1/p' "$work/$1.report" | sort -nu); then
		cat "$work/$1.report"
		return 1
	fi
}

own_rule() {
	local choice but list=("${kernel_sources[@]}")
	choice=$(sed -n 's@^// Files: *@@p' "$rules/$1.cocci")
	case $choice in
	'own hooked'*) list+=("${hooked[@]}") ;;
	own*) ;;
	*) echo "no line '// Files:'"; return 1 ;;
	esac
	but=${choice#*but }
	[ "$but" != "$choice" ] || but='^$'
	mapfile -t list < <(printf '%s\n' "${list[@]}" | grep -vE "$but")
	(cd "$tree" && ! report "$rules/$1.cocci" "${list[@]}" | grep .)
}

result "static: coccicheck" kernel_rules
for rule in "$rules"/*.cocci; do
	rule=$(basename "$rule" .cocci)
	result "static: rule $rule reports its bad example" reports "$rule"
	result "static: rule $rule" own_rule "$rule"
done
