#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Composes the kernel tree: Debian's 6.12 source, without its dirty tracking,
# with the mails of patches/series on top, one commit each.
#
# build/linux/base      the base, checked out: the control group is built there
# build/linux/series    the composed tree
# build/linux/fixed     the base with the fixes of fixes/, one commit each
# build/linux/compose   where commits are made; the trees above get only the
#                       files that differ, so that a rebuild is short
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/mails.sh"

usage() {
	cat <<END
usage: scripts/compose.sh [--stock|--fixed] [--update]

Composes the kernel tree and prints its path; with --stock the base's, with
--fixed that of the base with the fixes of fixes/. It is a git repository with
one commit per mail. Does nothing if nothing has changed.

  --update   look for a newer linux-source-6.12 first
END
}

kernel=series update=''
for arg; do
	case $arg in
	-h | --help) usage; exit ;;
	--stock) kernel=stock ;;
	--fixed) kernel=fixed ;;
	--update) update=1 ;;
	*) usage >&2; exit 2 ;;
	esac
done

out=$top/build/linux
export GIT_AUTHOR_NAME='iommufd dirty tracking' GIT_AUTHOR_EMAIL=series@localhost
export GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL
export GIT_AUTHOR_DATE='2000-01-01T00:00:00Z' GIT_COMMITTER_DATE='2000-01-01T00:00:00Z'

git_in() {
	git_at "$out/$1" "${@:2}"
}

# The Debian release that has the package: 12's security archive, or 13's
release() {
	# shellcheck source=/dev/null
	. /etc/os-release && echo "$VERSION_CODENAME"
}

# The package is unpacked, not installed
fetch() {
	[ -n "$update" ] || [ ! -f "$out/version" ] || return 0
	say "fetching linux-source-6.12"
	rm -rf "$out/deb"
	mkdir -p "$out/deb"
	(
		cd "$out/deb"
		apt-get -qq download linux-source-6.12 2>/dev/null ||
			{ as_root apt-get -qq update && apt-get -qq download linux-source-6.12; }
		dpkg-deb -x ./*.deb .
		dpkg-deb -f ./*.deb Version >version
	) || die "cannot fetch linux-source-6.12: does apt have the security archive of $(release)?"
	if [ "$(cat "$out/version" 2>/dev/null)" = "$(cat "$out/deb/version")" ]; then
		rm -rf "$out/deb"
		return
	fi
	unpack
}

unpack() {
	say "unpacking $(cat "$out/deb/version")"
	rm -rf "$out"/{base,series,fixed,compose,version}
	mkdir "$out/base"
	tar -C "$out/base" --strip-components=1 -xf "$out"/deb/usr/src/linux-source-6.12.tar.xz
	git_in base init -q
	# The source has ignored files that are part of it.
	git_in base add -A -f
	git_in base commit -q -m "Debian's linux-source-6.12 $(cat "$out/deb/version")"
	git_in base tag base
	git_in base worktree add -q --detach ../compose base
	mv "$out/deb/version" "$out/version"
	rm -rf "$out/deb"
}

# Each file of ours belongs to exactly one mail.
check_overlay() {
	local listed have
	listed=$(overlay | sort)
	have=$(git -C "$top" ls-files -co --exclude-standard \
		drivers include Documentation tools | sort)
	[ "$listed" = "$(sort -u <<<"$listed")" ] ||
		die "listed twice in patches/series: $(uniq -d <<<"$listed")"
	[ "$listed" = "$have" ] ||
		die "patches/series and the tree differ (< listed, > there):
$(diff <(echo "$listed") <(echo "$have") | grep '^[<>]' || true)"
}

remove() {
	local key
	key=removed-$(hash_files "$patches"/removal/* "$top"/scripts/remove*)-$(git_in base rev-parse --short base)
	if git_in compose rev-parse -q --verify "refs/tags/$key" >/dev/null; then
		git_in compose reset -q --hard "$key"
		return
	fi
	step "$out/remove.log" "removing the base's dirty tracking" \
		"$top/scripts/remove.sh" "$out/compose"
	commit_mail "$out/compose" "$patches/remove.patch"
	git_in compose tag "$key"
}

# From the base on
begin() {
	git_in compose reset -q --hard base
	git_in compose clean -qfdx
}

# publish NAME: what has been composed, as a branch and a tree of that name
publish() {
	local result
	result=$(git_in compose rev-parse HEAD)
	git_in compose update-ref "refs/heads/$1" "$result"
	if [ -d "$out/$1" ]; then
		git_in "$1" reset -q --hard
		git_in "$1" checkout -q --detach "$result"
	else
		git_in base worktree prune
		git_in base worktree add -q --detach "../$1" "$result"
	fi
}

compose_series() {
	begin
	while read -r patch overlay; do
		if [ "$patch" = remove.patch ]; then
			remove
		else
			# shellcheck disable=SC2086 # a list of paths without blanks
			mail "$out/compose" "$out/apply.log" "$patch" $overlay ||
				die "a hook does not apply:
$(sed 's/^/    /' "$out/apply.log")
The base ($(cat "$out/version")) has moved under patches/$patch. Look at the
file in build/linux/compose, adapt the hook, run again."
		fi
	done < <(mails)
	publish series
}

compose_fixed() {
	local fix
	begin
	while read -r fix; do
		git_in compose apply --whitespace=nowarn "$fixes/$fix" 2>"$out/apply.log" ||
			die "a fix does not apply:
$(sed 's/^/    /' "$out/apply.log")
The base ($(cat "$out/version")) has moved under fixes/$fix, or has the fix by
now. Look at the file in build/linux/compose, adapt the fix or take it out."
		commit_mail "$out/compose" "$fixes/$fix"
	done <"$fixes/series"
	publish fixed
}

lock "$out"
fetch
case $kernel in
stock)
	echo "$out/base"
	exit
	;;
series)
	check_overlay
	sources=$(series_hash)
	;;
fixed) sources=$(hash_files "$fixes"/series "$fixes"/*.patch) ;;
esac

want="$(cat "$out/version") $sources $(hash_files "$top/scripts/compose.sh")"
if [ "$(cat "$out/composed-$kernel" 2>/dev/null)" != "$want" ]; then
	say "composing: $kernel"
	"compose_$kernel"
	echo "$want" >"$out/composed-$kernel"
fi
echo "$out/$kernel"
