#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Suite series: the mails and ./run apply make the composed tree; MAINTAINERS has our files; fixes apply.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/checkpatch.sh"
. "$top/scripts/mails.sh"

case ${1:-} in
-h | --help)
	cat <<END
usage: scripts/suites/series.sh

What leaves this repository: the mails of ./run series are clean and make the
composed tree, ./run apply makes it of other trees or leaves them alone, and
get_maintainer.pl finds our section for each of our files. The mails of fixes/
are clean and make the tree of the base with its fixes.
END
	exit
	;;
esac

tree=$("$top/scripts/compose.sh")
mails=$work/mails
rm -rf "${work:?}"/*/
export GIT_AUTHOR_NAME='A Tester' GIT_AUTHOR_EMAIL=tester@localhost
export GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL

# Only what the series touches is checked out. Trees are compared whole.
parts=(Documentation/{admin-guide,driver-api,userspace-api} drivers/iommu
	drivers/vfio/pci include/{linux,trace/events,uapi/linux}
	tools/iommu-dirty tools/testing/iommu-dirty
	tools/testing/selftests/iommu)

# checkout NAME: a repository with the base, where this suite may do as it likes
checkout() {
	rm -rf "${work:?}/$1"
	git clone -q --shared --no-checkout "$top/build/linux/base" "$work/$1"
	git_at "$work/$1" sparse-checkout set "${parts[@]}"
	git_at "$work/$1" checkout -q -B mine base
}

# unpack NAME COMMIT: a directory with the same, in nobody's repository
unpack() {
	local paths
	rm -rf "${work:?}/$1"
	mkdir "$work/$1"
	mapfile -t paths < <(git_at "$tree" ls-tree -d --name-only "$2" "${parts[@]}")
	git_at "$tree" archive "$2" Makefile MAINTAINERS "${paths[@]}" | tar -C "$work/$1" -x
}

# same_tree TREE [OTHER]: the composed one, if no other is named
same_tree() {
	[ "$(git_at "$1" rev-parse 'HEAD^{tree}')" = \
		"$(git_at "${2:-$tree}" rev-parse 'HEAD^{tree}')" ]
}

write_mails() {
	"$top/scripts/series.sh" --output "$mails" &&
		[ "$(find "$mails" -name '*.patch' | wc -l)" = "$(($(mails | wc -l) + 1))" ]
}

# In the order of patches/series, from the caller, signed off by the caller
headers() {
	local n=0 mail patch
	while read -r patch _; do
		n=$((n + 1))
		mail=$(compgen -G "$mails/$(printf %04d "$n")-*.patch")
		if [ "$(git mailinfo /dev/null /dev/null <"$mail" | sed -n 's/^Subject: //p')" != \
			"$(subject "$patches/$patch")" ] ||
			! grep -qx 'From: A Tester <tester@localhost>' "$mail" ||
			! grep -qx 'Signed-off-by: A Tester <tester@localhost>' "$mail"; then
			echo "$mail is not $patch by and from A Tester"
			return 1
		fi
	done < <(mails)
	git mailinfo /dev/null /dev/null <"$mails/0000-cover-letter.patch" |
		grep -qxF "Subject: $(subject "$patches/cover")" || {
		echo "the cover letter has another subject"
		return 1
	}
}

# Wider text is quoted badly. A tag is one line whatever its length.
narrow() {
	! awk '/^---$/ { nextfile } length > 72 && !/^Fixes: / { print FILENAME ": " $0 }' \
		"$patches"/*.patch "$patches/cover" "$fixes"/*.patch | grep .
}

# What a file includes is there as soon as it is: the suite bisect, which takes long,
# would be the first to say so.
includes_in_order() {
	local -A later=()
	local patch files file mark name status=0
	for file in $(overlay); do
		later[$file]=1
	done
	while read -r patch files; do
		for file in $files; do
			unset "later[$file]"
		done
		for file in $files; do
			while read -r mark name; do
				case $mark in
				'<') name=include/$name ;;
				*) name=$(realpath -m --relative-to="$top" "$top/${file%/*}/$name") ;;
				esac
				[ -n "${later[$name]:-}" ] || continue
				echo "$patch: $file includes $name, which comes later"
				status=1
			done < <(sed -nE 's@^#[ \t]*include[ \t]+(["<])([^">]+).*@\1 \2@p' "$top/$file")
		done
	done < <(mails)
	return "$status"
}

am() {
	checkout am &&
		git_at "$work/am" am -q "${numbered[@]}" &&
		same_tree "$work/am"
}

no_signoff() {
	"$top/scripts/series.sh" --no-signoff --version 2 --output "$work/unsigned" &&
		! grep -l '^Signed-off-by:' "$work"/unsigned/*.patch &&
		grep '^Subject: \[PATCH v2 ' "$work"/unsigned/v2-0001-*.patch
}

# A name that git makes up of the machine's is not one to sign off with.
nobody() (
	unset GIT_{AUTHOR,COMMITTER}_{NAME,EMAIL}
	export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=user.name GIT_CONFIG_VALUE_0=
	! "$top/scripts/series.sh" --output "$work/nobody" >"$work/said" 2>&1 &&
		grep 'git config user.name' "$work/said"
)

# Whether MAINTAINERS wants an update, the last tests say. A mail that adds a file
# for syzkaller has that word in its list of files, and fixes nothing.
# That what a fix names is not in this history, either.
clean_mail() {
	local ignore=FILE_PATH_CHANGES,MISSING_FIXES_TAG,MACRO_ARG_REUSE,UNKNOWN_COMMIT_ID
	if ! grep -q '^diff --git a/\(drivers\|include\)/' "$1"; then
		ignore+=,$user_space
	fi
	cd "$tree" && checkpatch --ignore "$ignore" "$1"
}
export -f checkpatch clean_mail
export tree user_space

# clean_mails MAIL...: the largest first
clean_mails() {
	# shellcheck disable=SC2016 # the inner bash expands it
	du -b "$@" | sort -rn | cut -f 2- | tr '\n' '\0' |
		xargs -0 -P "$(nproc)" -n 1 bash -c 'clean_mail "$1"' bash
}

# fingerprint NAME: of all that apply might change
fingerprint() (
	cd "$work/$1"
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
	before=$(fingerprint "$1")
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
	unpack expected HEAD
	unpack directory base
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
		! git_at "$later" diff --ignore-blank-lines "$(git_at "$tree" rev-parse HEAD)" HEAD |
			grep '^[-+]'
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
	mkdir -p "$work/nothing" && refused nothing 'not the top of a kernel source tree'
}

# Asked of all files at once it prints a section for each that has it.
maintained() {
	local file all
	mapfile -t all < <(overlay)
	section() {
		(cd "$tree" && scripts/get_maintainer.pl --sections --no-git --no-git-fallback -f "$@") |
			grep -cx 'IOMMUFD DIRTY TRACKING' || true
	}
	[ "$(section "${all[@]}")" != "${#all[@]}" ] || return 0
	for file in "${all[@]}"; do
		[ "$(section "$file")" = 1 ] || echo "MAINTAINERS has no pattern for $file"
	done
	return 1
}

# And finds nothing in our patterns that is not there.
patterns() (
	cd "$tree"
	! sed -n '/^IOMMUFD DIRTY TRACKING$/,/^$/s/^F:\t//p' MAINTAINERS | while read -r pattern; do
		compgen -G "$pattern*" >/dev/null || echo "nothing is $pattern"
	done | grep . && diff <(sed '/^$/,$d' "$top/MAINTAINERS") \
		<(sed -n '/^IOMMUFD DIRTY TRACKING$/,/^$/{/./p}' MAINTAINERS)
)

write_fixes() {
	"$top/scripts/series.sh" --fixes --output "$work/fixes" &&
		diff <(cd "$fixes" && printf '%s\n' *.patch) "$fixes/series"
}

# One after another, each signed off, with its line on what shows it
am_fixes() {
	local fix fixed
	fixed=$("$top/scripts/compose.sh" --fixed)
	checkout am_fixes
	for fix in "${fixing[@]}"; do
		git_at "$work/am_fixes" am -q "$fix" || return
		if ! git_at "$work/am_fixes" log -1 --format=%B |
			grep -qx 'Signed-off-by: A Tester <tester@localhost>' ||
			! sed -n '/^---$/,/^diff/p' "$fix" | grep -q '^Shown by '; then
			echo "$fix is not signed off, or does not say what shows it"
			return 1
		fi
	done
	same_tree "$work/am_fixes" "$fixed"
}

result "series: a mail for each patch" write_mails
mapfile -t numbered < <(find "$mails" -name '*.patch' ! -name '0000-*' | sort)
result "series: order, author, sign-off, cover letter" headers
result "series: text is narrow" narrow
result "series: no file includes what comes later" includes_in_order
result "series: git am makes the composed tree" am
result "series: --no-signoff, --version" no_signoff
result "series: nobody signs nothing off" nobody
result "series: checkpatch --strict, every mail" clean_mails "${numbered[@]}"
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
result "series: get_maintainer.pl finds every file" maintained
result "series: MAINTAINERS has our section, and no more" patterns
result "series: fixes: a mail for each" write_fixes
mapfile -t fixing < <(find "$work/fixes" -name '*.patch' | sort)
result "series: fixes: git am, one after another" am_fixes
result "series: fixes: checkpatch --strict, every mail" clean_mails "${fixing[@]}"
