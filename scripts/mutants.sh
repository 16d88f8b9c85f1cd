#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Breaks a copy of the series, one fault at a time, and runs the tests, which
# must notice.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

times=5
# The programs of the suite unit in which something can break
programs=(walk million split split_race revoke hw tsan)

usage() {
	cat <<END
usage: scripts/mutants.sh [--all|--list] [--build] [NAME...]

Each of mutants/NAME.patch is a fault. Its first lines say what it breaks, what
runs, and which result of that must be a failure, $times times of $times, with another
seed each time if it has one; walk, which does the same each time, once. In a
kernel, without its debugging options, that is $times times in a boot; but of
migrate, which takes minutes, once.

  # What is wrong.
  # suite: unit PROGRAM            of tools/testing/iommu-dirty: one of
                               ${programs[*]}
           selftest PROGRAM [ARG...]
           migrate ARGUMENT...                     of scripts/suites/migrate.sh
           MACHINE [--program NAME] [TEST...]      of scripts/suites/dma.sh
  # killed by: RESULT              or what a sanitizer says, "...Sanitizer: ..."

Without a name, those in user space, one on each core, which takes two minutes on
two of them; the same programs must pass unbroken, too. Prints "ok NAME: killed
by RESULT in N s" or "not ok NAME: ...". A mutant that was killed is not run again
until it, the code, the tests or this script change: an interrupted run continues.

  --all    those that need a kernel too; each takes a kernel build and a boot
  --list   only prints them: name, suite, result
  --build  builds only; of a kernel, what is below drivers/iommu. Broken kernels
           have their own copy and build directory, build/mutants/tree
END
}

out=$top/build/mutants

# header FIELD NAME
header() {
	sed -n "1,/^---/s/^# $1: //p" "$top/mutants/$2.patch"
}

# All mutants, or those in user space, or all others
names() {
	local patch name
	for patch in "$top"/mutants/*.patch; do
		name=$(basename "$patch" .patch)
		case $1:$(header suite "$name") in
		all:* | unit:unit\ * | kernel:*) ;;
		*) continue ;;
		esac
		[[ $1:$(header suite "$name") != kernel:unit\ * ]] || continue
		echo "$name"
	done
}

# sources DIR...: what git knows or would know there
sources() {
	git -C "$top" ls-files -co --exclude-standard -- "$@"
}

# key NAME: all that its result depends on. What sets the machines up does not
# count, nor does the compiler.
key() {
	local dirs=(drivers include tools/testing) files
	if [[ $1 = control-* ]]; then
		[[ " ${programs[*]} " = *" ${1#control-} "* ]] ||
			dirs+=(patches scripts/suites qemu/series mutants)
	elif [[ $(header suite "$1") != unit\ * ]]; then
		dirs+=(patches scripts/suites qemu/series)
	fi
	mapfile -t files < <(sources "${dirs[@]}" | sed "s@^@$top/@")
	[ ! -f "$top/mutants/$1.patch" ] || files+=("$top/mutants/$1.patch")
	hash_files "${files[@]}" "$top/scripts/mutants.sh"
}

# failed RESULT LOG: is the result in the log, as a failure?
failed() {
	case $1 in
	*Sanitizer:*) grep -qF -- "$1" "$2" ;;
	*) grep -qxF -- "$1" <(sed -nE 's/^not ok ([0-9]+ )?//p' "$2") ;;
	esac
}

# killed NAME RESULT START, survived NAME RESULT HOW: say so
killed() {
	echo "ok $1: $2 in $((SECONDS - $3)) s" | tee "$out/$1.result"
	key "$1" >"$out/$1.key"
}

survived() {
	echo "not ok $1: $2 $3"
	grep -m 8 '^not ok\|Sanitizer\|runtime error' "$out/$1.log" | sed 's/^/# /' || true
}

# verdict NAME TIMES COMMAND...: runs it with each seed. "control-...", which is
# not broken, must succeed each time.
verdict() {
	local name=$1 times=$2 result='' log=$out/$1.log seed status bad=0 start=$SECONDS
	shift 2
	[[ $name == control-* ]] || result=$(header 'killed by' "$name")
	for ((seed = 1; seed <= times; seed++)); do
		status=0
		"$@" >"$log" 2>&1 || status=$?
		if [ -z "$result" ]; then
			if [ "$status" != 0 ] || grep -q '^not ok' "$log"; then
				bad=$((bad + 1))
			fi
		elif ! failed "$result" "$log"; then
			bad=$((bad + 1))
		fi
		[ "$bad" = 0 ] || break
	done
	if [ -z "$result" ]; then
		result="unbroken, passes"
	else
		result="killed by $result"
	fi
	if [ "$bad" = 0 ]; then
		killed "$name" "$result, $times of $times," "$start"
	else
		survived "$name" "$result" "with seed $seed"
	fi
}

# cached NAME: prints its result if that is known
cached() {
	[ -z "$build" ] && [ -f "$out/$1.key" ] && [ -f "$out/$1.result" ] &&
		[ "$(cat "$out/$1.key")" = "$(key "$1")" ] && cat "$out/$1.result"
}

# break_copy NAME DIR: says so and fails if that is not possible
break_copy() {
	[[ $1 != control-* ]] || return 0
	patch -s -d "$2" -p1 --fuzz=0 --no-backup-if-mismatch \
		<"$top/mutants/$1.patch" >"$out/$1.log" 2>&1 && return
	echo "not ok $1: applies; make it anew"
	return 1
}

# A program of the unit suite, with as many rounds as a fault needs, if possible
# with the format that the result is of alone.
# shellcheck disable=SC2317 # verdict calls it
run_unit() {
	case $1 in
	*/hw) "$1" "$seed" 60 none ;;
	*/hw-tsan)
		# The sanitizer's shadow may not fit around random addresses.
		if setarch -R true 2>/dev/null; then
			TSAN_OPTIONS=halt_on_error=1 setarch -R "$1" "$seed" 20 none
		else
			TSAN_OPTIONS=halt_on_error=1 "$1" "$seed" 20 none
		fi
		;;
	*/million) "$1" "$seed" 300000 ;;
	*/split) "$1" "$seed" 120 ${result:+"${result%%:*}"} ;;
	*/split_race | */revoke) "$1" "$seed" 300 ${result:+"${result%%:*}"} ;;
	*) "$1" ;;
	esac
}

# unit_mutant NAME PROGRAM
unit_mutant() {
	local dir=$out/$1 program=$2 runs=$times
	[ "$program" != tsan ] || program=hw-tsan
	[ "$program" != walk ] || runs=1
	[[ $1 != control-* ]] || runs=1
	rm -rf "$dir"
	mkdir -p "$dir"
	(
		cd "$top"
		sources drivers/iommu include tools/testing/iommu-dirty |
			xargs -d '\n' cp --parents -t "$dir"
	)
	break_copy "$1" "$dir" || return 0
	set_compiler gcc
	# Compiling is most of it: 5 s instead of 8.
	CFLAGS='-O1 -g' make -s -C "$dir/tools/testing/iommu-dirty" O="$dir/out" CC="$cc" \
		"$dir/out/$program" >"$out/$1.log" 2>&1 || {
		echo "not ok $1: builds"
		head -n 20 "$out/$1.log" | sed 's/^/# /'
		return
	}
	if [ -n "$build" ]; then
		echo "ok $1: builds"
	else
		verdict "$1" "$runs" run_unit "$dir/out/$program"
	fi
	rm -rf "$dir"
}

# A checkout of this repository by itself, as it is, with a kernel tree of its
# own. What is downloaded, and QEMU, it shares with us.
tree=$out/tree
copy_repository() {
	local linux=$tree/build/linux dir
	"$top/scripts/compose.sh" >/dev/null
	mkdir -p "$tree/build/linux"
	find "$tree" -mindepth 1 -maxdepth 1 ! -name build ! -name .git -exec rm -rf {} +
	[ -d "$tree/.git" ] || git init -q "$tree"
	(cd "$top" && sources . | xargs -d '\n' cp --parents -t "$tree")
	for dir in apt busybox qemu client-qemu ccache; do
		mkdir -p "$top/build/$dir"
		ln -sfn "$top/build/$dir" "$tree/build/$dir"
	done
	cmp -s "$linux/version" "$top/build/linux/version" && return
	rm -rf "$linux"
	mkdir "$linux"
	git clone -q --shared --no-checkout "$top/build/linux/base" "$linux/base"
	git -C "$linux/base" fetch -q origin 'refs/tags/*:refs/tags/*'
	git -C "$linux/base" worktree add -q --detach ../compose base
	cp "$top/build/linux/version" "$linux/version"
}

# What is broken has to build, before it is worth a boot.
build_kernel_mutant() {
	local arch=x86 client=()
	[[ $1 != smmuv3* ]] || arch=arm64
	[ "$1" != migrate ] || client=(--client)
	"$tree/scripts/kernel.sh" --arch "$arch" "${client[@]}" --target drivers/iommu/
}

# run_kernel TIMES SUITE TEST...
run_kernel() {
	local nr=$1 suite=$2 programs=()
	shift 2
	if [ "$suite" = selftest ]; then
		while ((nr--)); do
			programs+=("$*")
		done
		"$tree/scripts/suites/selftest.sh" --plain "${programs[@]}"
	else
		"$tree/scripts/suites/dma.sh" "$suite" --plain --times "$nr" "$@"
	fi
}

# kernel_verdict NAME SUITE TEST...: a boot may end early, since what is broken
# may break the machine. The next one makes up for it.
kernel_verdict() {
	local name=$1 result log=$out/$1.log start=$SECONDS done=0 boots=0 nr
	shift
	result=$(header 'killed by' "$name")
	while [ "$done" -lt "$times" ]; do
		run_kernel $((times - done)) "$@" >"$log" 2>&1 || true
		boots=$((boots + 1))
		nr=$(grep -cxF -- "not ok $result" "$log" || true)
		if [ "$nr" = 0 ] || grep -qxF -- "ok $result" "$log"; then
			survived "$name" "killed by $result" "in boot $boots, $nr times"
			return
		fi
		done=$((done + nr))
	done
	killed "$name" "killed by $result, $done of $times in $boots boot(s)," "$start"
}

# kernel_mutant NAME SUITE TEST...
kernel_mutant() {
	local name=$1 suite=$2
	shift 2
	copy_repository
	break_copy "$name" "$tree" || return 0
	build_kernel_mutant "$suite" >"$out/$name.log" 2>&1 || {
		echo "not ok $name: builds"
		sed 's/^/# /' "$out/$name.log" | tail -n 20
		return
	}
	if [ -n "$build" ]; then
		echo "ok $name: builds"
	elif [ "$suite" = migrate ]; then
		verdict "$name" 1 "$tree/scripts/suites/migrate.sh" --plain "$@"
	else
		kernel_verdict "$name" "$suite" "$@"
	fi
}

# run_one NAME
run_one() {
	local suite
	[ -f "$top/mutants/$1.patch" ] || die "no such mutant: $1 (--list)"
	read -ra suite < <(header suite "$1")
	if [ ${#suite[@]} -lt 2 ] || [ -z "$(header 'killed by' "$1")" ]; then
		die "mutants/$1.patch does not say what runs and what kills it"
	fi
	cached "$1" || if [ "${suite[0]}" = unit ]; then
		unit_mutant "$1" "${suite[1]}"
	else
		kernel_mutant "$1" "${suite[@]}"
	fi
}

# Each suite, or program of it, with all that its mutants run, nothing broken, in
# one boot
kernel_controls() {
	local suite suites args name
	suites=$(names kernel | while read -r name; do header suite "$name"; done | sort -u)
	while read -ra suite; do
		name=control-$(tr ' ' - <<<"${suite[*]}")
		cached "$name" && continue
		mapfile -t args < <(sed -n "s/^${suite[*]} //p" <<<"$suites" | grep -v '^--program')
		copy_repository
		if [ "${suite[0]}" = selftest ]; then
			verdict "$name" 1 "$tree/scripts/suites/selftest.sh" --plain "${args[@]}"
		elif [ "${suite[0]}" = migrate ]; then
			read -ra args <<<"${args[0]}"
			verdict "$name" 1 "$tree/scripts/suites/migrate.sh" --plain "${args[@]}"
		else
			read -ra args <<<"${args[*]}"
			verdict "$name" 1 "$tree/scripts/suites/dma.sh" "${suite[@]}" --plain "${args[@]}"
		fi
	done < <(sed -E 's/^([^ ]+( --program [^ ]+)?).*/\1/' <<<"$suites" | sort -u)
}

all='' build='' wanted=()
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) usage; exit ;;
	--all) all=1 ;;
	--build) build=1 ;;
	--list)
		names all | while read -r name; do
			printf '%-34s %-36s %s\n' "$name" "$(header suite "$name")" \
				"$(header 'killed by' "$name")"
		done
		exit
		;;
	--one)
		# How this script calls itself
		build=${3:-}
		case $2 in
		control-*) cached "$2" || unit_mutant "$2" "${2#control-}" ;;
		*) run_one "$2" ;;
		esac
		exit
		;;
	-*) usage >&2; exit 2 ;;
	*) wanted+=("$1") ;;
	esac
	shift
done

lock "$out"
unit=() kernel=()
if [ ${#wanted[@]} -gt 0 ]; then
	for name in "${wanted[@]}"; do
		[ -f "$top/mutants/$name.patch" ] || die "no such mutant: $name (--list)"
		case $(header suite "$name") in
		unit\ *) unit+=("$name") ;;
		*) kernel+=("$name") ;;
		esac
	done
else
	mapfile -t unit < <(names unit)
	[ -n "$build" ] || unit=("${programs[@]/#/control-}" "${unit[@]}")
	[ -z "$all" ] || mapfile -t kernel < <(names kernel)
fi

"$top/scripts/deps.sh" unit
[ ${#kernel[@]} = 0 ] || "$top/scripts/deps.sh" kernel qemu guest arm64
{
	[ ${#unit[@]} = 0 ] || printf '%s\n' "${unit[@]}" |
		xargs -P "$(nproc)" -I NAME "$0" --one NAME $build
	[ -z "$all" ] || [ -n "$build" ] || kernel_controls
	for name in "${kernel[@]}"; do
		run_one "$name"
	done
} | {
	bad=0
	while IFS= read -r line; do
		printf '%s\n' "$line"
		[[ $line != 'not ok '* ]] || bad=1
	done
	exit "$bad"
}
