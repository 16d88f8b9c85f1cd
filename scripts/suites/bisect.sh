#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Suite bisect: every commit of the series, and every fix of fixes/, builds without warnings and boots, for x86 and arm64.
#
# In two directories per architecture, commit after commit, so that only what a
# commit touches is compiled: drivers/iommu for its warnings, a kernel to boot.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/kbuild.sh"

archs=(x86 arm64)
case ${1:-} in
-h | --help)
	cat <<END
usage: scripts/suites/bisect.sh [--no-boot] [ARCH...]

Builds drivers/iommu with W=1 at the base, with each fix of fixes/ on it, and at
each commit of the series, for ${archs[*]} or those named. A warning that the base
has not is a failure; so is a call of a function that only a later commit brings.
Then builds the test machines' kernel at each of them and boots it, if it is
another than that of the commit before; it must find the IOMMU, put devices behind
it and have nothing to complain of.

  --no-boot   leave that out, which takes most of the time
END
	exit
	;;
esac
boot=1
if [ "${1:-}" = --no-boot ]; then
	boot=''
	shift
fi
[ $# = 0 ] || archs=("$@")
lock "$work"

trees=("$("$top/scripts/compose.sh" --fixed)" "$("$top/scripts/compose.sh")")
source=$(worktree bisect)

# configured COMMIT OUTPUT CONFIGURE-ARGUMENT...: configures it, unless it has the
# choices that the commit before had, which was configured there
configured() {
	local commit=$1 out=$2
	shift 2
	[ ! -f "$out/.config" ] ||
		! git -C "$source" diff --quiet "$commit^" "$commit" -- '*/Kconfig' || return 0
	configure "$source" "$out" "$@" || {
		rm -f "$out/.config"
		return 1
	}
}

# build ARCH COMMIT: checks it out and leaves a log, and what it does not define
# itself, beside the objects
build() {
	local arch=$1 commit=$2 out=$top/build/kernel/bisect-$1 options
	git -C "$source" checkout -q --detach "$commit" || return
	mapfile -t options < <(drivers "$arch" "${in_all[@]}")
	! grep -qrs '^config IOMMU_DIRTY_KUNIT_TEST$' "$source/drivers/iommu" ||
		options+=(CONFIG_KUNIT=y CONFIG_IOMMU_DIRTY_KUNIT_TEST=y)
	configured "$commit" "$out" "$arch" gcc "${options[@]}" || return
	logged "$out/$commit.log" kmake "$source" "$out" "$arch" gcc W=1 drivers/iommu/ || return
	comm -23 <(symbols undefined "$out/drivers/iommu/built-in.a") \
		<(symbols defined "$out/drivers/iommu/built-in.a") >"$out/$commit.undefined"
}

# The base is configured and compiled wholly: a log has the warnings of what was
# compiled, and what an earlier run chose last is more than the base knows.
base() {
	local out=$top/build/kernel/bisect-$1
	mkdir -p "$out/drivers/iommu"
	rm -f "$out"/*.log "$out"/*.undefined "$out/.config" "$out-boot/.config" \
		"$work/booted-$1"
	find "$out/drivers/iommu" -name '*.o' -delete
	build "$1" base
}

commit() {
	local out=$top/build/kernel/bisect-$1
	build "$1" "$2" &&
		! comm -13 <(warnings "$out/base.log") <(warnings "$out/$2.log") | grep .
}

declare -A image=([x86]=bzImage [arm64]=Image) machine=([x86]=vtd [arm64]=smmuv3)

# bootable ARCH COMMIT: the kernel that kernel.sh builds, of the commit that
# build() has checked out
bootable() {
	local out=$top/build/kernel/bisect-$1-boot
	fragments="common $1" configured "$2" "$out" "$1" gcc || return
	logged "$out/$2.log" kmake "$source" "$out" "$1" gcc "${image[$1]}"
}

# What the machine has to show for it: a device behind its IOMMU, that has a group.
# A commit that changes no byte of the kernel that booted last has shown it.
boots() {
	local arch=$1 out=$top/build/kernel/bisect-$1-boot busybox
	local kernel=$out/arch/$arch/boot/${image[$arch]} booted=$work/booted-$arch
	bootable "$@" || return
	! cmp "$kernel" "$booted" || return 0
	rm -f "$booted"
	for_machine "${machine[$arch]}"
	"$top/scripts/initramfs.sh" --busybox "$busybox" "$work/initrd-$arch.gz" || return
	# shellcheck disable=SC2016 # the guest's shell expands it
	"$top/scripts/boot.sh" --kernel "$kernel" \
		--initrd "$work/initrd-$arch.gz" --iommu "${machine[$arch]}" --mem 1G \
		--timeout 300 \
		-- 'for d in /sys/bus/pci/devices/*; do
			[ "$(cat $d/vendor)" = 0x1234 ] || continue
			echo vfio-pci >$d/driver_override
			echo ${d##*/} >/sys/bus/pci/drivers_probe
		done
		ls /sys/bus/pci/devices/*/iommu_group/type && test -c /dev/vfio/devices/vfio0' &&
		cp "$kernel" "$booted"
}

# in_order ARCH: what a commit calls outside of drivers/iommu was called by the base,
# or is by the last commit, which suite static links.
in_order() {
	local out=$top/build/kernel/bisect-$1 commit status=0
	for commit in "${commits[@]}"; do
		comm -13 <(sort -u "$out/base.undefined" "$out/${commits[-1]}.undefined") \
			"$out/$commit.undefined" >"$out/later"
		[ ! -s "$out/later" ] || {
			git -C "$tree" log -1 --format=%s "$commit"
			cat "$out/later"
			status=1
		}
	done
	return "$status"
}

for arch in "${archs[@]}"; do
	start=$SECONDS
	result "bisect: $arch: the base" base "$arch"
	# The series last: it adds to the configuration.
	for tree in "${trees[@]}"; do
		mapfile -t commits < <(git -C "$tree" rev-list --reverse base..HEAD)
		for commit in "${commits[@]}"; do
			subject=$(git -C "$tree" log -1 --format=%s "$commit")
			result "bisect: $arch: $subject" commit "$arch" "$commit"
			[ -z "$boot" ] || result "bisect: $arch: boots: $subject" boots "$arch" "$commit"
		done
		result "bisect: $arch: ${tree##*/}: nothing is called before it is there" \
			in_order "$arch"
	done
	say "$arch: $((SECONDS - start)) s"
done
