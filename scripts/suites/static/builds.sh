#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Suite static: compilers, sparse and the linker.
#
# One directory per architecture and compiler, configured anew for each choice of
# what is built in: only what depends on that is compiled again. It lies as deep
# in build/ as the test kernels do, so that ccache knows their objects.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../kbuild.sh"

# removed ARCH: the tree of the first mail builds. What it is warned of there is
# the base's, and is compared with: all of it is compiled, or nothing.
removed() {
	local out=$top/build/kernel/static-removed-$1 source options want
	want=$(git -C "$tree" rev-parse "$removed^{tree}") || return
	want+=" $(hash_files "$top"/scripts/kconfig/tiny*.config \
		"$top"/scripts/suites/{kbuild,static/builds}.sh)" || return
	[ "$(cat "$out/complete" 2>/dev/null)" != "$want" ] || return 0
	rm -rf "$out"
	source=$(worktree removed) || return
	git -C "$source" checkout -q --detach "$removed" || return
	mapfile -t options < <(drivers "$1" "${in_all[@]}")
	configure "$source" "$out" "$1" gcc "${options[@]}" || return
	logged "$out/log" kmake "$source" "$out" "$1" gcc W=1 C=2 CHECK=sparse \
		drivers/iommu/ || return
	echo "$want" >"$out/complete"
}

# new_warnings LOG ARCH: those that the tree of the first mail does not have. In
# the base's files too, where hooks may bring some.
new_warnings() {
	! comm -13 <(warnings "$top/build/kernel/static-removed-$2/log") \
		<(warnings "$1") | grep .
}

# On x86 only: on arm64 all builds without it.
container=(CONFIG_VFIO=y CONFIG_VFIO_GROUP=y CONFIG_VFIO_CONTAINER=n
	CONFIG_IOMMUFD_VFIO_CONTAINER=y)

# links: the whole kernel for x86 with IOMMUFD=m, since only linking shows whether
# what is built in calls into a module, and what a module lacks. With IOMMUFD=y the
# test kernels are linked. It is the demo's kernel but for that, so that most of
# either is compiled once; what it has of VFIO cannot be built in then.
links() {
	local out=$top/build/kernel/static-x86-link fragments="common x86"
	configure "$tree" "$out" x86 gcc CONFIG_IOMMUFD=m CONFIG_IOMMUFD_TEST=y \
		CONFIG_VFIO=m CONFIG_VFIO_PCI=m || return
	logged "$out/log" kmake "$tree" "$out" x86 gcc vmlinux modules || return
	new_warnings "$out/log" x86
}

# finds ARCH OPTION...: what modules below drivers/iommu want of what is built in
# there is exported. That is what linking would add to what links() has shown.
finds() {
	local arch=$1 out=$top/build/kernel/static-$1-gcc modules
	shift
	configure "$tree" "$out" "$arch" gcc "$@" || return
	# What is built in now may have been a module before.
	find "$out" -path '*/drivers/iommu/*.mod' -delete
	logged "$out/log" kmake "$tree" "$out" "$arch" gcc drivers/iommu/ || return
	new_warnings "$out/log" "$arch" || return
	mapfile -t modules < <(find "$out/drivers/iommu" -name '*.mod' | sed 's/mod$/o/')
	symbols undefined "${modules[@]}" >"$out/wanted" || return
	symbols defined "$out/drivers/iommu/built-in.a" | comm -12 - "$out/wanted" >"$out/there" ||
		return
	nm "$out/drivers/iommu/built-in.a" | sed -n 's/.* __export_symbol_//p' |
		sort -u >"$out/exported" || return
	if [ ! -s "$out/there" ]; then
		echo "modules want nothing: was everything built?"
		return 1
	fi
	! comm -23 "$out/there" "$out/exported" | grep .
}

# pedantic ARCH COMPILER ARGUMENT...: everything that the compiler can warn of.
# Sparse checks endianness by itself: the kernel's headers do not ask for
# __CHECK_ENDIAN__ any more.
pedantic() {
	local arch=$1 compiler=$2 out=$top/build/kernel/static-$1-$2 options
	shift 2
	mapfile -t options < <(drivers "$arch" "${in_all[@]}" CONFIG_KUNIT=y \
		CONFIG_IOMMU_DIRTY_KUNIT_TEST=y CONFIG_VFIO=y CONFIG_EDU_VFIO_PCI=y)
	[ "$arch" != x86 ] || options+=("${container[@]}")
	configure "$tree" "$out" "$arch" "$compiler" "${options[@]}" || return
	logged "$out/log" kmake "$tree" "$out" "$arch" "$compiler" W=1 "$@" drivers/iommu/ \
		drivers/vfio/pci/edu/ || return
	new_warnings "$out/log" "$arch"
}

# without ARCH OPTION...: nothing asks for a function of ours that is not there. It
# is not linked: the choice of IOMMUFD reaches most files of the kernel by way of
# <linux/interval_tree.h>, and they would all be compiled a second time. For that
# reason it has a directory of its own.
without() {
	local arch=$1 out=$top/build/kernel/static-$1-n source object ours=()
	shift
	configure "$tree" "$out" "$arch" gcc "$@" || return
	logged "$out/log" kmake "$tree" "$out" "$arch" gcc W=1 drivers/iommu/ || return
	new_warnings "$out/log" "$arch" || return
	for source in "${kernel_sources[@]}"; do
		object=$top/build/kernel/static-$arch-gcc/${source%.c}.o
		[[ $source != *.c || ! -f $object ]] || ours+=("$object")
	done
	symbols defined "$out/drivers/iommu/built-in.a" >"$out/there" || return
	symbols undefined "$out/drivers/iommu/built-in.a" | comm -23 - "$out/there" >"$out/wanted" ||
		return
	symbols defined "${ours[@]}" >"$out/ours" || return
	if [ ! -s "$out/wanted" ] || [ ! -s "$out/ours" ]; then
		echo "no symbols to compare: was everything built?"
		return 1
	fi
	! comm -12 "$out/wanted" "$out/ours" | grep .
}

# all_compiled: each C file of ours was compiled above, on one architecture
all_compiled() {
	local source status=0
	for source in $(printf '%s\n' "${kernel_sources[@]}" | grep '\.c$'); do
		compgen -G "$top/build/kernel/static-*-gcc/${source%.c}.o" >/dev/null || {
			echo "$source is compiled in no configuration of scripts/kconfig/tiny*.config"
			status=1
		}
	done
	return "$status"
}

timed() {
	local before=$SECONDS
	result "$@"
	say "$1: $((SECONDS - before)) s"
}

for arch in x86 arm64; do
	timed "static: $arch: the base builds without its dirty tracking" removed "$arch"
	if [ "$arch" = x86 ]; then
		timed "static: $arch: the kernel links, IOMMUFD=m" links
	else
		timed "static: $arch: IOMMUFD=m finds what it calls" finds "$arch" \
			CONFIG_IOMMUFD=m CONFIG_IOMMUFD_TEST=y CONFIG_ARM_SMMU_V3=y
		timed "static: $arch: IOMMUFD and ARM_SMMU_V3=m find what they call" \
			finds "$arch" CONFIG_IOMMUFD=m CONFIG_IOMMUFD_TEST=y CONFIG_ARM_SMMU_V3=m
	fi
	timed "static: $arch: W=1 and sparse" pedantic "$arch" gcc C=2 CHECK=sparse
	timed "static: $arch: W=1, clang" pedantic "$arch" clang
	mapfile -t options < <(drivers "$arch" CONFIG_IOMMUFD=n)
	timed "static: $arch: IOMMUFD=n misses nothing" without "$arch" "${options[@]}"
	timed "static: $arch: nor does IOMMUFD without a driver" without "$arch" \
		CONFIG_IOMMUFD=y CONFIG_IOMMUFD_TEST=n CONFIG_INTEL_IOMMU=n \
		CONFIG_AMD_IOMMU=n CONFIG_ARM_SMMU_V3=n
done
result "static: every file was compiled" all_compiled
