#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Applies the series to somebody's own tree.
#
# It is composed anew on the files of that tree, in a directory of its own, and
# only the result goes there. The composed tree as a diff would be simpler, but
# most of its hunks are the removal's, each of which needs the lines around it to
# be those of the point release that it was made from: that of 6.12.117 does not
# apply to 6.12.115, two releases before. The semantic patches, which make these
# hunks, need no context, and say so if something is left; the hooks need two
# lines on each side.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/mails.sh"

usage() {
	cat <<END
usage: ./run apply DIR

Applies the series to the 6.12.y kernel source in DIR. A git repository gets a
commit for each mail, by you, on the branch that is checked out; any other
directory has its files changed. It is all done or nothing.

DIR must be without the series, and without changes that are not committed.
END
}

[ $# = 1 ] || { usage >&2; exit 2; }
case $1 in
-h | --help) usage; exit ;;
-*) usage >&2; exit 2 ;;
esac
[ -d "$1" ] || die "no such directory: $1"
dir=$(cd "$1" && pwd -P)
case $dir/ in
"$top"/build/linux/*) die "$1 belongs to ./run: give it a tree of your own" ;;
esac

version_of() {
	sed -n "s/^$1 *= *//p" "$dir/Makefile" | head -n 1
}

check_version() {
	local version
	if [ ! -f "$dir/Makefile" ] || [ ! -f "$dir/MAINTAINERS" ]; then
		die "$dir is not the top of a kernel source tree: give the directory with its MAINTAINERS"
	fi
	version=$(version_of VERSION).$(version_of PATCHLEVEL).$(version_of SUBLEVEL)$(version_of EXTRAVERSION)
	case $version in
	6.12.*-rc*) ;;
	6.12.*) return ;;
	esac
	die "$dir is Linux $version, and the series is for 6.12.y: check out a tag v6.12.*, or unpack linux-source-6.12"
}

check_not_there() {
	local file
	while read -r file; do
		[ ! -e "$dir/$file" ] ||
			die "$dir has $file: the series is there already. To have this one, start from a tree without it (in git: the commit before the first that \"git log -- $file\" shows)"
	done < <(overlay)
}

# Sets $git if DIR is the top of a repository, which must be at rest.
check_git() {
	local state changes
	git=''
	[ -e "$dir/.git" ] || return 0
	git -C "$dir" rev-parse -q --verify 'HEAD^{commit}' >/dev/null ||
		die "git finds no commit in $dir: is it whole, and yours?"
	git -C "$dir" -c user.useConfigOnly=true var GIT_COMMITTER_IDENT >/dev/null ||
		die "git does not know you: set git config user.name and user.email"
	for state in rebase-apply rebase-merge MERGE_HEAD CHERRY_PICK_HEAD REVERT_HEAD; do
		[ ! -e "$(git -C "$dir" rev-parse --path-format=absolute --git-path "$state")" ] ||
			die "$dir is in the middle of something ($state): \"git status\" there says how to end it"
	done
	changes=$(git -C "$dir" status --porcelain --untracked-files=no | head -n 5)
	[ -z "$changes" ] || die "$dir has changes that are not committed: commit or stash them
$changes"
	git=1
}

# The files that the series changes must be there, and no other patch in between.
check_files() {
	local file
	while read -r file; do
		if [ -n "$git" ]; then
			git -C "$dir" cat-file -e "HEAD:$file" 2>/dev/null
		else
			[ -f "$dir/$file" ]
		fi || die "$dir has no $file, which every 6.12.y has: is the tree complete?"
		[ ! -e "$dir/$file.rej" ] ||
			die "$dir has $file.rej: a patch was applied by halves; settle that first"
	done < <(changed_files)
}

# A repository with the files that the series changes, and with the rest of the
# drivers, where something might be left of what is removed.
copy_files() {
	git init -q "$stage"
	if [ -n "$git" ]; then
		{
			changed_files | tr '\n' '\0'
			git -C "$dir" ls-files -z -- 'drivers/iommu/*.[ch]'
		} | git_at "$dir" checkout-index -f --ignore-skip-worktree-bits \
			--stdin -z --prefix="$stage/"
	else
		(
			cd "$dir"
			{
				changed_files
				find drivers/iommu -name '*.[ch]'
			} | sort -u | xargs cp --parents -t "$stage"
		)
	fi
	git_at "$stage" add -A -f
	git_at "$stage" commit -q -m base
	git_at "$stage" tag base
}

moved() {
	sed 's/^/    /' "$log" >&2
	die "the series does not fit $dir: $1 met code that it does not know.
Nothing was changed there. If that code is your own, apply the series to the
point release below it, and your changes on top. If it came with a point release,
the series wants an update."
}

compose() {
	local patch files
	while read -r patch files; do
		if [ "$patch" = remove.patch ]; then
			"$top/scripts/remove.sh" "$stage" >"$log" 2>&1 || moved "the removal"
			commit_mail "$stage" "$patches/$patch"
		else
			# shellcheck disable=SC2086 # a list of paths without blanks
			mail "$stage" "$log" "$patch" $files || moved "patches/$patch"
		fi
	done < <(mails)
}

# What is made aside is by nobody in particular.
by_nobody() (
	export GIT_AUTHOR_NAME=nobody GIT_AUTHOR_EMAIL=nobody@localhost
	export GIT_COMMITTER_NAME=nobody GIT_COMMITTER_EMAIL=nobody@localhost
	"$@"
)

# The last one is kept: the same series on the same files is the same.
compose_aside() {
	local kept
	by_nobody copy_files
	kept=$aside/$(series_hash)-$(git_at "$stage" rev-parse 'HEAD^{tree}')
	if [ ! -d "$kept" ]; then
		say "composing the series on the files of $dir"
		by_nobody compose
		rm -rf "$aside"/*-*
		mv "$stage" "$kept"
	fi
	stage=$kept
}

# The commits are made without touching branch, index or files, and then the
# branch goes forward to the last in one step, which git does wholly or refuses.
write_git() {
	local commit tree old head
	old=$(git_at "$dir" rev-parse HEAD)
	head=$old
	in_index() {
		GIT_INDEX_FILE=$work/index git_at "$dir" "$@"
	}
	in_index read-tree HEAD
	for commit in $(git_at "$stage" rev-list --reverse base..HEAD); do
		git_at "$stage" diff-tree -p --binary --full-index "$commit^" "$commit" |
			in_index apply --cached --whitespace=nowarn
		tree=$(in_index write-tree)
		head=$(git_at "$stage" log -1 --format=%B "$commit" | git stripspace |
			git_at "$dir" commit-tree "$tree" -p "$head")
	done
	git_at "$dir" merge -q --ff-only "$head" ||
		die "git did not take the commits, and changed nothing: see above"
	say "$(git_at "$dir" rev-list --count "$old..HEAD") commits; without them again: git -C $dir reset --keep ${old:0:12}"
}

# Puts back what was there before.
undo() {
	local file
	if [ -e "$keep/writing" ]; then
		while read -r file; do
			if [ -e "$keep/before/$file" ]; then
				cp -p --remove-destination "$keep/before/$file" "$dir/$file"
			elif [ -f "$dir/$file" ]; then
				rm "$dir/$file"
			fi
			(cd "$dir" && rmdir -p "$(dirname "$file")" 2>/dev/null) || true
		done <"$keep/files"
		say "$dir is as it was before"
	fi
	rm -rf "$keep"
}

# All of the new files are put down beside the tree before the first is moved
# into it: what may fail fails there. Old ones are kept until the last is in.
write_plain() {
	local file
	mkdir -p "$keep"/{before,after}
	trap 'undo; cleanup' EXIT
	git_at "$stage" diff --name-only base HEAD >"$keep/files"
	while read -r file; do
		mkdir -p "$keep"/{before,after}/"$(dirname "$file")"
		cp "$stage/$file" "$keep/after/$file"
		if [ -e "$dir/$file" ]; then
			cp -p "$dir/$file" "$keep/before/$file"
			chmod --reference="$dir/$file" "$keep/after/$file"
		fi
	done <"$keep/files"
	touch "$keep/writing"
	while read -r file; do
		mkdir -p "$dir/$(dirname "$file")"
		mv "$keep/after/$file" "$dir/$file"
	done <"$keep/files"
	trap cleanup EXIT
	say "$(wc -l <"$keep/files") files written to $dir"
	rm -rf "$keep"
}

cleanup() {
	rm -rf "$work"
}

aside=$top/build/apply
lock "$aside"
rm -rf "$aside"/work.*
work=$(mktemp -d "$aside/work.XXXXXX")
trap cleanup EXIT
stage=$work/stage log=$aside/log keep=$dir/.iommu-dirty-apply
if [ -d "$keep" ]; then
	say "$dir has what an interrupted run has left"
	undo
fi
check_version
check_not_there
check_git
check_files
compose_aside
if [ -n "$git" ]; then
	write_git
else
	write_plain
fi
