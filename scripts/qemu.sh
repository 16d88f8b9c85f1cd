#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Builds QEMU with the patches of qemu/series under build/qemu/: fetches the
# source package, patches, configures, compiles. What is up to date is left
# alone; an interrupted run is continued by the next.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

out=$top/build/qemu
release=trixie
all=(x86_64-softmmu aarch64-softmmu)

usage() {
	cat <<END
usage: scripts/qemu.sh [--targets "TARGET..."] [--update]
                       [--qtest | --mutant NAME...]

  --targets   what to build, of ${all[*]}
              (default: ${all[0]}; with --mutant, what they need)
  --update    look for a newer source package first
  --qtest     also builds and runs the qtests that the patches add; their TAP
              goes to stdout
  --mutant    for each of qemu/mutants/NAME.patch (all: every one of them)
              breaks a copy of the source with it and runs the qtests, which
              must fail in the test that the patch names: "NAME ok" or
              "NAME survived". What was ok is not run again until QEMU or the
              patch changes, so a run that was interrupted continues

The last line on stdout is the path of the (last target's) binary, which finds
its firmware by itself. The compiler's output is in build/qemu/*.log.
END
}

targets=${all[0]} update='' qtest='' mutants=()
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) usage; exit ;;
	--targets) targets=${2:?--targets takes a list}; shift ;;
	--update) update=1 ;;
	--qtest) qtest=1 ;;
	--mutant)
		shift
		mutants=("${@:?--mutant takes names or all}")
		break ;;
	*) usage >&2; exit 1 ;;
	esac
	shift
done

if [ "${mutants[*]}" = all ]; then
	mutants=("$top"/qemu/mutants/*.patch)
fi
for i in "${!mutants[@]}"; do
	mutants[i]=$top/qemu/mutants/$(basename "${mutants[i]}" .patch).patch
	[ -f "${mutants[i]}" ] || die "no such mutant: ${mutants[i]} (ls qemu/mutants)"
done
# The first line of a mutant: "# TARGET TEST PATH...: what is broken"
[ ${#mutants[@]} = 0 ] ||
	targets=$(sed -sn '1s/^# \([^ ]*\) .*/\1/p' "${mutants[@]}" | sort -u | xargs)

patches=()
while read -r name; do
	case $name in '' | '#'*) continue ;; esac
	patches+=("$top/qemu/$name")
done <"$top/qemu/series"

flags=(--without-default-features --enable-tcg --enable-fdt=system
	--enable-virtfs --enable-attr --enable-cap-ng --enable-trace-backends=log
	--disable-docs --disable-install-blobs --firmwarepath=/firmware)

hash_of() {
	cat -- "$@" | sha256sum | cut -d' ' -f1
}

# One build directory for all targets: they share two thirds of the objects.
binary() {
	echo "$out/build/qemu-system-${1%-softmmu}"
}

# All that a binary is made from
key() {
	hash_of "$(cat "$out/dsc")" "${patches[@]}" <(printf '%s\n' "${flags[@]}")
}

up_to_date() {
	[ -x "$(binary "$1")" ] && [ "$(cat "$out/$1.stamp" 2>/dev/null)" = "$(key)" ]
}

fetch() {
	if [ -z "$update" ] && [ -f "$out/dsc" ] && [ -f "$(cat "$out/dsc")" ]; then
		return
	fi
	say "fetching the source package"
	"$top/scripts/apt-private.sh" source qemu "$release" "$out/dl" >"$out/dsc.new"
	mv "$out/dsc.new" "$out/dsc"
}

# The firmware of the release's packages; nothing is installed
firmware() {
	local pkg
	[ -f "$out/firmware/ok" ] && return
	rm -rf "$out/firmware" "$out/firmware.tmp"
	for pkg in seabios qemu-system-data; do
		step "$out/firmware.log" "fetching firmware: $pkg" \
			"$top/scripts/apt-private.sh" deb "$pkg" "$release" "$out/firmware.tmp"
	done
	mkdir "$out/firmware"
	cp -RL "$out"/firmware.tmp/usr/share/{seabios,qemu}/. "$out/firmware/"
	rm -rf "$out/firmware.tmp"
	touch "$out/firmware/ok"
}

# meson 1.5 or later, from backports where the system's is too old
meson() {
	local have codename
	have=$(command meson --version 2>/dev/null || echo 0)
	if [ "$(printf '%s\n' 1.5 "$have" | sort -V | head -n 1)" != 1.5 ]; then
		# shellcheck source=/dev/null
		codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
		[ -f "$out/meson/ok" ] || {
			rm -rf "$out/meson"
			step "$out/meson.log" "fetching meson" "$top/scripts/apt-private.sh" deb meson \
				"$codename-backports" "$out/meson"
			touch "$out/meson/ok"
		}
		export PYTHONPATH=$out/meson/usr/lib/python3/dist-packages
	fi
}

# shellcheck disable=SC2317 # called through step
apply() {
	cat -- "${patches[@]}" |
		patch -d "$out/src.new" -p1 --no-backup-if-mismatch --fuzz=0
}

# Only what has another content gets a new time stamp
source_tree() {
	local want
	want="$(hash_of "$(cat "$out/dsc")") $(hash_of "${patches[@]}")"
	[ "$(cat "$out/src.ok" 2>/dev/null)" = "$want" ] && return
	rm -rf "$out/src.ok" "$out/src.new"
	step "$out/unpack.log" "unpacking the source" \
		dpkg-source --no-check --no-copy -x "$(cat "$out/dsc")" "$out/src.new"
	step "$out/patch.log" "patching" apply
	rsync -rlpc --delete "$out/src.new/" "$out/src/"
	rm -rf "$out/src.new"
	echo "$want" >"$out/src.ok"
}

# build TARGET
build() {
	local dir=$out/build want
	want=$(printf '%s\n' "${flags[@]}" "$(cut -d' ' -f1 "$out/src.ok")" | sha256sum)
	if [ "$(cat "$dir/configured" 2>/dev/null)" != "$want" ]; then
		rm -rf "$dir"
		mkdir -p "$dir"
		cd "$dir"
		step "$out/configure.log" "configuring" ../src/configure --python=/usr/bin/python3 \
			--cc="$cc" "${flags[@]}" --target-list="$(IFS=, && echo "${all[*]}")"
		echo "$want" >"$dir/configured"
	fi
	# A binary in its build directory looks for what is installed in here
	ln -sfn ../../firmware "$dir/qemu-bundle/firmware"
	step "$out/build-$1.log" "compiling for $1" ninja -C "$dir" \
		"qemu-system-${1%-softmmu}"
}

set_compiler gcc

have_all() {
	local target
	for target in $targets; do
		up_to_date "$target" || return
	done
}

print_binaries() {
	local target
	for target in $targets; do
		binary "$target"
	done
}

if [ -z "$update$qtest" ] && [ ${#mutants[@]} = 0 ] && have_all 2>/dev/null; then
	print_binaries
	exit
fi

"$top/scripts/deps.sh" qemu
lock "$out"
fetch
for target in $targets; do
	up_to_date "$target" && continue
	meson
	firmware
	source_tree
	rm -f "$out/$target.stamp"
	build "$target"
	key >"$out/$target.stamp"
	say "built $(binary "$target")"
done

# The qtests that the patches bring
tests() {
	sed -n 's@^+++ b/\(tests/qtest/.*-test\)\.c@\1@p' "${patches[@]}" | sort -u
}

# run_tests TARGET: builds and runs them
run_tests() {
	local dir=$out/build target=$1 test status=0
	for test in $(tests); do
		grep -qF "\"qtest-${target%-softmmu}/$(basename "$test")\"" \
			"$dir/meson-info/intro-tests.json" || continue
		step "$out/build-$target.log" "compiling $test" ninja -C "$dir" "$test"
		QTEST_QEMU_BINARY=$(binary "$target") \
			"$dir/$test" --tap -k 2>"$out/qtest-$target.log" || status=1
	done
	return "$status"
}

# Each of the paths that a mutant names must fail. All mutants of a run share one
# copy of the source and of the build directory; "current" in it is the one that
# is applied.
mutant=$out/mutant

prepare_mutants() {
	if [ -f "$mutant/current" ] || [ "$(cat "$mutant/stamp" 2>/dev/null)" != "$(key)" ]; then
		rm -rf "$mutant"
	fi
	mkdir -p "$mutant" "$out/mutants"
	[ -d "$mutant/src" ] || cp -a "$out/src" "$out/firmware" "$mutant/"
	key >"$mutant/stamp"
}

# By another name first, as it may be interrupted
copy_build() {
	[ ! -d "$mutant/build" ] || return 0
	rm -rf "$mutant/copy"
	cp -a "$out/build" "$mutant/copy"
	mv "$mutant/copy" "$mutant/build"
}

run_mutant() {
	local patch=$1 name target test paths path want alive=''
	name=$(basename "$patch" .patch)
	read -r _ target test paths <"$patch"
	paths=${paths%%:*}
	want="$(key) $(hash_of "$patch")"
	if [ "$(cat "$out/mutants/$name" 2>/dev/null)" = "$want" ]; then
		echo "$name ok"
		return
	fi
	copy_build

	echo "$name" >"$mutant/current"
	patch -s -d "$mutant/src" -p1 --no-backup-if-mismatch <"$patch" || die "$name does not apply"
	step "$out/mutant-$target.log" "mutant $name" ninja -C "$mutant/build" \
		"qemu-system-${target%-softmmu}" "tests/qtest/$test"
	for path in $paths; do
		if (
			QTEST_QEMU_BINARY=$mutant/build/qemu-system-${target%-softmmu} \
				timeout 120 "$mutant/build/tests/qtest/$test" \
				-p "/${target%-softmmu}$path"
			exit "$?"
		) >"$out/mutant.log" 2>&1; then
			alive="$alive $path"
		fi
		! grep -q '^1\.\.0$' "$out/mutant.log" || die "$name: there is no test $path"
	done
	patch -s -R -d "$mutant/src" -p1 --no-backup-if-mismatch <"$patch"
	rm "$mutant/current"

	if [ -n "$alive" ]; then
		echo "$name survived$alive"
		return 1
	fi
	echo "$want" >"$out/mutants/$name"
	echo "$name ok"
}

status=0
if [ ${#mutants[@]} -gt 0 ]; then
	meson
	prepare_mutants
	for name in "${mutants[@]}"; do
		run_mutant "$name" || status=1
	done
	rm -rf "$mutant"
	exit "$status"
fi
if [ -n "$qtest" ]; then
	meson
	for target in $targets; do
		run_tests "$target" || status=1
	done
	exit "$status"
fi
print_binaries
