#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Suite series: ./run apply, to trees of every kind.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# unpack NAME COMMIT: a directory with the same, in nobody's repository
unpack() {
	local paths
	rm -rf "${work:?}/$1"
	mkdir "$work/$1" || return
	mapfile -t paths < <(git_at "$tree" ls-tree -d --name-only "$2" "${parts[@]}")
	git_at "$tree" archive "$2" Makefile MAINTAINERS "${paths[@]}" | tar -C "$work/$1" -x
}

# fingerprint NAME: of all that apply might change
fingerprint() (
	cd "$work/$1" || return
	if [ -e .git ]; then
		git rev-parse HEAD
		git status --porcelain --ignored
		git diff HEAD
		git for-each-ref
	else
		find . -type d | sort
		find . -type f -printf '%m %T@ %p\n' | sort
		find . -type f -print0 | sort -z | xargs -0 sha256sum
	fi | sha256sum
)

apply() {
	"$top/scripts/apply.sh" "$work/$1"
}

# refused NAME REGEX: apply says that, and changes nothing
refused() {
	local before
	before=$(fingerprint "$1") || return
	if apply "$1" >"$work/said" 2>&1; then
		echo "it was taken"
		return 1
	fi
	cat "$work/said"
	grep -qE -- "$2" "$work/said" && [ "$(fingerprint "$1")" = "$before" ]
}

to_git() {
	checkout git &&
		apply git &&
		same_tree "$work/git" &&
		[ "$(git_at "$work/git" rev-parse --abbrev-ref HEAD)" = mine ] &&
		[ -z "$(git_at "$work/git" status --porcelain)" ] &&
		diff <(git_at "$work/git" log --format='%an%n%B' base..HEAD) \
			<(git_at "$tree" log --format='A Tester%n%B' base..HEAD)
}

# Killed where it can put nothing back: the next run does that first.
to_directory() {
	unpack expected HEAD && unpack directory base || return
	(
		# shellcheck disable=SC2317 # apply.sh calls it
		mv() {
			[[ $2 != */mock_dirty.c ]] || kill -KILL "$$"
			command mv "$@"
		}
		export -f mv
		apply directory
	)
	[ -e "$work/directory/drivers/iommu/iommufd/dirty.c" ] &&
		[ ! -e "$work/directory/drivers/iommu/iommufd/mock_dirty.c" ] &&
		apply directory 2>&1 | grep 'interrupted run' &&
		diff -r --no-dereference "$work/expected" "$work/directory"
}

# As after a point release: code moves, and lines change beside what is removed.
# Taken out again they leave the composed tree. A diff of that would not do.
to_later() {
	local -r later=$work/later
	checkout later &&
		sed -i 's/^SUBLEVEL = .*/SUBLEVEL = 999/' "$later/Makefile" &&
		sed -i '1i /* moved */' "$later"/drivers/iommu/{intel,amd,iommufd}/*.c &&
		sed -i '/^static .*struct iommu_dirty_ops .*{$/i static int beside;' \
			"$later"/drivers/iommu/{intel,amd,iommufd}/*.c &&
		git_at "$later" commit -qam 'A point release' &&
		[ "$(git_at "$later" show | grep -c '^+static int beside;')" -gt 2 ] &&
		! git_at "$tree" diff base HEAD | git_at "$later" apply --check - 2>/dev/null &&
		apply later &&
		sed -i 's@^SUBLEVEL = .*@'"$(grep '^SUBLEVEL' "$tree/Makefile")"'@' "$later/Makefile" &&
		sed -i '1{/moved/d}; /^static int beside;$/d' \
			"$later"/drivers/iommu/{intel,amd,iommufd}/*.c &&
		git_at "$later" commit -qam 'Undone' &&
		git_at "$later" diff --ignore-blank-lines "$(git_at "$tree" rev-parse HEAD)" HEAD \
			>"$work/later.diff" &&
		! grep '^[-+]' "$work/later.diff"
}

there() {
	refused "$1" 'the series is there already'
}

other_version() {
	checkout other &&
		sed -i 's/^PATCHLEVEL = .*/PATCHLEVEL = 13/' "$work/other/Makefile" &&
		git_at "$work/other" commit -qam 'Another version' &&
		refused other 'is Linux 6\.13\..*for 6\.12\.y'
}

dirty() {
	checkout dirty &&
		echo >>"$work/dirty/Makefile" &&
		refused dirty 'not committed: commit or stash'
}

in_a_merge() {
	checkout merging &&
		git_at "$work/merging" rev-parse HEAD >"$work/merging/.git/MERGE_HEAD" &&
		refused merging 'in the middle of something'
}

# Somebody's own change where the series has a hook, and where it removes
own_changes() {
	local file
	for file in drivers/iommu/intel/Makefile drivers/iommu/intel/pasid.h; do
		checkout own &&
			sed -i 's/INTEL_IOMMU/INTEL_IOMM_U/; s/pasid_set_ssade/pasid_set_s_sade/' \
				"$work/own/$file" &&
			git_at "$work/own" commit -qam 'A change of my own' &&
			refused own 'does not fit .*Nothing was changed|Nothing was changed there' ||
			return
	done
}

# The last of the files cannot be put where it belongs: a directory has no index
# that could be looked at before.
half_way() {
	unpack half base &&
		rm -rf "$work/half/tools/iommu-dirty" &&
		echo 'in the way' >"$work/half/tools/iommu-dirty" &&
		refused half 'is as it was before'
}

no_tree() {
	mkdir "$work/nothing" && refused nothing 'not the top of a kernel source tree'
}

result "series: apply: a git repository" to_git
result "series: apply: a git repository that has it is refused" there git
result "series: apply: a directory, after a run that was killed" to_directory
result "series: apply: a directory that has it is refused" there directory
result "series: apply: a later point release" to_later
result "series: apply: another version is refused" other_version
result "series: apply: changes not committed are refused" dirty
result "series: apply: a merge under way is refused" in_a_merge
result "series: apply: code it does not know is refused" own_changes
result "series: apply: no kernel source tree is refused" no_tree
result "series: apply: what fails half way is put back" half_way
