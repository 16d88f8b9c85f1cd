# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The mails of patches/series, and how each becomes a commit on a kernel tree.
# Source it, after lib.sh.

# shellcheck disable=SC2154 # lib.sh sets it
patches=$top/patches
# shellcheck disable=SC2034 # used by those who source this
fixes=$top/fixes

# git_at DIRECTORY ARGUMENT...: git, whatever the caller has configured
git_at() {
	git -c core.autocrlf=false -c commit.gpgsign=false -c gc.auto=0 \
		-c advice.detachedHead=false -c core.hooksPath=/dev/null \
		-c diff.noprefix=false -c diff.mnemonicPrefix=false -C "$@"
}

# The mails, as lines "PATCH OVERLAY-FILE..."
mails() {
	awk '/^#/ || !NF { next }
	     /^[ \t]/ { line = line " " $1; next }
	     { if (line) print line; line = $1 }
	     END { if (line) print line }' "$patches/series"
}

# The files that the mails add
overlay() {
	mails | tr ' ' '\n' | grep /
}

# patched PATCH...: the files that they change
patched() {
	sed -nE 's@^(---|\+\+\+) [ab]/@@p' "$@" | sort -u
}

# The files of the base that the mails change
changed_files() {
	{
		echo MAINTAINERS
		patched "$patches"/*.patch
		sed -n 's@^// target: @@p' "$patches"/removal/*.cocci
		sed -n 's@^file = "\(.*\)"$@\1@p' "$patches/removal/edits.toml"
	} | sort -u
}

# All that the commits are made of, except the base, as one hash
series_hash() {
	local files
	mapfile -t files < <(overlay | sed "s@^@$top/@")
	hash_files "$patches"/*.patch "$patches/series" "$patches"/removal/* \
		"$top"/scripts/remove* "$top/scripts/mails.sh" "$top/MAINTAINERS" "${files[@]}"
}

subject() {
	sed -n '1s/^Subject: //p' "$1"
}

# The mail's text, between the header and the line of three dashes
body() {
	sed '1d; /^---$/,$d' "$1"
}

# commit_mail TREE MAIL [FILE...]: what has changed, in these files or anywhere, as
# a commit with that mail's text. To look for it anywhere takes a while.
commit_mail() {
	git_at "$1" add -A -f -- "${@:3}"
	git_at "$1" commit -q -m "$(subject "$2")" -m "$(body "$2")" ||
		die "${2#"$top/"} changes nothing"
}

# maintainers TREE: the section of ./MAINTAINERS in the tree's, behind IOMMUFD's,
# with those patterns of it that match something by now. So each mail brings its
# own, and no context has to match.
maintainers() {
	local line section=''
	while IFS= read -r line; do
		case $line in
		F:*) compgen -G "$1/${line#F:?}*" >/dev/null || continue ;;
		esac
		section+=$line$'\n'
	done <"$top/MAINTAINERS"
	[[ $section == *$'\n'F:* ]] || return 0
	SECTION=$section awk '
		BEGIN { section = ENVIRON["SECTION"]; split(section, lines, "\n") }
		$0 == lines[1] { old = 1 }
		old { old = $0 != ""; next }
		{ print }
		$0 == "IOMMUFD" { above = 1 }
		above && $0 == "" { print section; above = 0; done = 1 }
		END { exit !done }' "$1/MAINTAINERS" >"$1/MAINTAINERS.new" ||
		die "MAINTAINERS of the base has no section IOMMUFD any more: see maintainers() in scripts/mails.sh"
	cat "$1/MAINTAINERS.new" >"$1/MAINTAINERS"
	rm "$1/MAINTAINERS.new"
}

# mail TREE LOG PATCH FILE...: the files and the hooks of a mail, as a commit.
# Fails, with the reason in LOG, if a hook does not apply.
mail() {
	local tree=$1 log=$2 patch=$3 file files
	shift 3
	for file; do
		mkdir -p "$tree/$(dirname "$file")"
		cp "$top/$file" "$tree/$file"
	done
	if grep -q '^diff --git' "$patches/$patch"; then
		git_at "$tree" apply --recount --whitespace=nowarn "$patches/$patch" 2>"$log" ||
			return
	fi
	maintainers "$tree"
	mapfile -t files < <(patched "$patches/$patch")
	commit_mail "$tree" "$patches/$patch" MAINTAINERS "$@" "${files[@]}"
}
