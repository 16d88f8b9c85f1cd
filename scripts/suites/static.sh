#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Suite static: style, sparse, warnings, and builds with iommufd in, as a module, out.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

case ${1:-} in
-h | --help)
	cat <<END
usage: scripts/suites/static.sh

checkpatch --strict and kernel-doc on the files and hooks of the series, sparse
and W=1 on its objects, builds with IOMMUFD=y, m and n, shellcheck on scripts;
and that the base builds without its dirty tracking, for x86 and arm64.
END
	exit
	;;
esac

tree=$("$top/scripts/compose.sh")
mapfile -t files < <(grep -h $'^\t' "$top/patches/series" | tr -d '\t')
mapfile -t sources < <(printf '%s\n' "${files[@]}" | grep '\.[ch]$')
mapfile -t kernel_sources < <(printf '%s\n' "${sources[@]}" | grep -v '^tools/')

# Ours are the warnings that name a file of ours; the base has its own.
ours() {
	! grep -E -A 5 "($(printf '%s\n' "${sources[@]}" | paste -sd'|')):[0-9]+" "$1"
}

# The system's Python has the modules that checkpatch wants; another first in
# PATH may not.
checkpatch() {
	PATH=/usr/bin:$PATH "$tree/scripts/checkpatch.pl" --strict --terse --quiet --show-types --no-summary "$@"
}

# What is advice for kernel code only, or unknown to it: device registers are
# volatile in user space, BIT() is not there, C11 has keywords with capitals; and
# the shim defines what checkpatch wants used.
user_space=BIT_MACRO,VOLATILE,CAMELCASE,EMBEDDED_FUNCTION_NAME,COMPLEX_MACRO
user_space+=,PREFER_DEFINED_ATTRIBUTE_MACRO,NEW_TYPEDEFS,SINGLE_STATEMENT_DO_WHILE_MACRO
user_space+=,MACRO_ARG_REUSE

# A mail whose file stands in this repository is checked there, not in the hook.
style_of_hooks() (
	local status=0 patch
	cd "$tree"
	for patch in "$top"/patches/*.patch; do
		grep -q '^diff --git' "$patch" || continue
		checkpatch --no-signoff --ignore FILE_PATH_CHANGES,EMAIL_SUBJECT \
			"$patch" || status=1
	done
	return "$status"
)

# DEFINE_IOMMU_DIRTY_WALK() names a function that calls itself.
style_of_files() {
	(
		cd "$tree"
		checkpatch --ignore MACRO_ARG_REUSE -f "${kernel_sources[@]}"
	)
}

style_of_tools() {
	local tools
	mapfile -t tools < <(printf '%s\n' "${sources[@]}" | grep '^tools/')
	(cd "$tree" && checkpatch --ignore "$user_space" -f "${tools[@]}")
}

kernel_doc() {
	(cd "$tree" && ! scripts/kernel-doc -none "${kernel_sources[@]}" 2>&1 | grep .)
}

shell_style() {
	(cd "$top" && shellcheck run .ci/run scripts/*.sh scripts/suites/*.sh scripts/bench/*.sh scripts/machines/*.sh)
}

# The description for syzkaller names what the headers have.
syzkaller() {
	local headers
	headers=$("$top/scripts/kernel.sh" --headers)
	"$top/scripts/syz-check.py" "$tree/tools/iommu-dirty/syzkaller/dev_iommu_dirty.txt" \
		"$headers" "$tree"
}

# kmake SOURCE OUTPUT ARCH ARGUMENT...
kmake() {
	local cross=''
	[ "$3" = x86 ] || cross=aarch64-linux-gnu-
	set_compiler "${cross}gcc"
	make -s -C "$1" O="$2" ARCH="$3" CROSS_COMPILE="$cross" CC="$cc" \
		-j"$(nproc)" "${@:4}"
}

# configure SOURCE OUTPUT ARCH OPTION...
configure() {
	local source=$1 out=$2 arch=$3 option
	shift 3
	mkdir -p "$out"
	echo "$*" | tr ' ' '\n' >"$out/options.config"
	kmake "$source" "$out" "$arch" tinyconfig
	(cd "$out" && "$source/scripts/kconfig/merge_config.sh" -m -O . .config \
		"$top/scripts/kconfig/common.config" "$top/scripts/kconfig/$arch.config" \
		options.config)
	kmake "$source" "$out" "$arch" olddefconfig
	for option; do
		[[ $option = *=n ]] || grep -qx "$option" "$out/.config"
	done
}

# As deep in build/ as the test kernels are, so that ccache knows their objects.
out=$top/build/kernel/static

warnings() {
	configure "$tree" "$out-warnings" x86 CONFIG_KUNIT=y \
		CONFIG_IOMMU_DIRTY_KUNIT_TEST=y
	kmake "$tree" "$out-warnings" x86 W=1 C=2 CHECK=sparse drivers/iommu/ \
		>"$out-warnings/log" 2>&1 || {
		tail -n 30 "$out-warnings/log"
		return 1
	}
	ours "$out-warnings/log"
}

# links CHOICE: the whole kernel with IOMMUFD=CHOICE, since only linking shows
# whether a built-in driver calls into a module. The test kernels have it built
# in.
links() {
	configure "$tree" "$out-$1" x86 "CONFIG_IOMMUFD=$1"
	kmake "$tree" "$out-$1" x86 vmlinux modules >"$out-$1/log" 2>&1 || {
		tail -n 30 "$out-$1/log"
		return 1
	}
	ours "$out-$1/log"
}

# removed ARCH: the tree of the first mail
removed() {
	local base=$top/build/linux/base source=$top/build/linux/removed commit
	commit=$(git -C "$tree" rev-list --reverse base..HEAD | head -n 1)
	if [ ! -d "$source" ]; then
		git -C "$base" worktree add --detach "$source" "$commit"
	fi
	git -C "$source" checkout -q --detach "$commit"
	configure "$source" "$out-removed-$1" "$1"
	kmake "$source" "$out-removed-$1" "$1" drivers/iommu/
}

result "static: shellcheck" shell_style
result "static: checkpatch --strict, kernel files" style_of_files
result "static: checkpatch --strict, user-space files" style_of_tools
result "static: checkpatch --strict, hooks" style_of_hooks
result "static: kernel-doc" kernel_doc
result "static: syzkaller's description agrees with the headers" syzkaller
result "static: W=1 and sparse" warnings
for choice in m n; do
	result "static: the kernel links, IOMMUFD=$choice" links "$choice"
done
for arch in x86 arm64; do
	result "static: the base builds without its dirty tracking, $arch" removed "$arch"
done
