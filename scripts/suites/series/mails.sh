#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Suite series: the mails of the series and of the fixes, and MAINTAINERS.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../checkpatch.sh"

mails=$work/mails

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
	local wide
	wide=$(awk '/^---$/ { nextfile } length > 72 && !/^Fixes: / { print FILENAME ": " $0 }' \
		"$patches"/*.patch "$patches/cover" "$fixes"/*.patch) || return
	echo "$wide"
	[ -z "$wide" ]
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
	[ $# -gt 0 ] || {
		echo "there are no mails"
		return 1
	}
	# shellcheck disable=SC2016 # the inner bash expands it
	du -b "$@" | sort -rn | cut -f 2- | tr '\n' '\0' |
		xargs -0 -P "$(nproc)" -n 1 bash -c 'clean_mail "$1"' bash
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
	cd "$tree" || return
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
	fixed=$("$top/scripts/compose.sh" --fixed) && checkout am_fixes || return
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
result "series: get_maintainer.pl finds every file" maintained
result "series: MAINTAINERS has our section, and no more" patterns
result "series: fixes: a mail for each" write_fixes
mapfile -t fixing < <(find "$work/fixes" -name '*.patch' | sort)
result "series: fixes: git am, one after another" am_fixes
result "series: fixes: checkpatch --strict, every mail" clean_mails "${fixing[@]}"
