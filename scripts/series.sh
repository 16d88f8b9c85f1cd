#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Writes the series as mails, for review.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/mails.sh"

usage() {
	cat <<END
usage: ./run series [--fixes] [--version N] [--no-signoff] [--output DIR]

Writes the cover letter (patches/cover) and the patches to out/series/, in the
order of patches/series, from you and signed off by you, as git config says:
git send-email takes them as they are, and git am on the base makes the
composed tree of them.

  --fixes        not the series but the fixes of the base, from fixes/, to
                 out/fixes/; they too apply with git am, in their order
  --version N    "PATCH vN" in the subjects
  --no-signoff   not signed off, by the author of the composed tree if you are
                 not known to git
  --output DIR   there instead of out/series/; DIR has no patches yet
END
}

kernel=series version=() signoff=(--signoff) out=''
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) usage; exit ;;
	--fixes) kernel=fixed ;;
	--version) version=(--reroll-count "${2:?--version takes a number}"); shift ;;
	--no-signoff) signoff=() ;;
	--output) out=${2:?--output takes a directory}; shift ;;
	*) usage >&2; exit 2 ;;
	esac
	shift
done

case $kernel in
series) out=${out:-$top/out/series} tree=$("$top/scripts/compose.sh") ;;
fixed) out=${out:-$top/out/fixes} tree=$("$top/scripts/compose.sh" --fixed) ;;
esac
branch=mails

# Not a name that git makes up of the machine's.
identity() {
	git -C "$top" -c user.useConfigOnly=true var GIT_AUTHOR_IDENT 2>/dev/null
}

if ident=$(identity); then
	GIT_AUTHOR_NAME=${ident%% <*}
	GIT_AUTHOR_EMAIL=${ident#*<}
	GIT_AUTHOR_EMAIL=${GIT_AUTHOR_EMAIL%%>*}
elif [ ${#signoff[@]} -gt 0 ]; then
	die "git does not know you: set git config user.name and user.email, or give --no-signoff"
else
	GIT_AUTHOR_NAME=$(git -C "$tree" log -1 --format=%an)
	GIT_AUTHOR_EMAIL=$(git -C "$tree" log -1 --format=%ae)
fi
# The same sources make the same mails.
GIT_AUTHOR_DATE=$(git -C "$top" log -1 --format=%cI)
export GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_AUTHOR_DATE
export GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL
export GIT_COMMITTER_DATE=$GIT_AUTHOR_DATE

# Only what this script wrote before is removed.
mkdir -p "$out"
if [[ $(realpath "$out") = "$top/out/"* ]]; then
	rm -f "$out"/*.patch
elif compgen -G "$out/*.patch" >/dev/null; then
	die "there are patches in $out: remove them, or name another directory"
fi

# fix_mail FIX: as it stands in fixes/, with a header. What is below its line of
# three dashes is for those who read it, and no commit has that.
fix_mail() {
	cat <<END
From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001
From: $GIT_AUTHOR_NAME <$GIT_AUTHOR_EMAIL>
Date: $(git -C "$top" log -1 --format=%cD)
Subject: [PATCH${version[1]:+ v${version[1]}}] $(subject "$1")
END
	if [ ${#signoff[@]} -gt 0 ]; then
		git -C "$top" interpret-trailers \
			--trailer "Signed-off-by: $GIT_AUTHOR_NAME <$GIT_AUTHOR_EMAIL>" "$1"
	else
		cat "$1"
	fi | tail -n +2
}

if [ "$kernel" = fixed ]; then
	while read -r fix; do
		fix_mail "$fixes/$fix" >"$out/$fix"
	done <"$fixes/series"
	say "$(wc -l <"$fixes/series") mails"
	echo "$out"
	exit
fi

# The composed tree's commits once more, by the caller
lock "$top/build/linux"
head=base
for commit in $(git -C "$tree" rev-list --reverse base..HEAD); do
	head=$(git -C "$tree" log -1 --format=%B "$commit" | git stripspace |
		git -C "$tree" commit-tree "$commit^{tree}" -p "$head")
done
git_at "$tree" update-ref "refs/heads/$branch" "$head"

cover="$(subject "$patches/cover")

$(body "$patches/cover" | sed '/./,$!d')

The series is for 6.12.y. These patches are made from Debian's source
package linux-source-6.12 $(cat "$top/build/linux/version")."

# What the caller has configured for mail holds (format.to and the like), but
# not how a diff looks: git am must take it.
git_at "$tree" -c "branch.$branch.description=$cover" \
	format-patch -q --numbered --cover-letter --cover-from-description=subject \
	--zero-commit --no-signature --abbrev=12 --diff-algorithm=histogram --no-renames \
	--no-ext-diff --no-textconv -U3 \
	"${version[@]}" "${signoff[@]}" -o "$(cd "$out" && pwd)" "base..$branch"

say "$(find "$out" -name '*.patch' | wc -l) mails, the cover letter among them"
echo "$out"
