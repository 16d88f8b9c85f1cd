# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the parts of suite static share: the composed tree and lists of its files.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
. "$top/scripts/mails.sh"

part_usage() {
	cat <<END
usage: scripts/suites/static/$me.sh

A part of suite static: scripts/suites/static.sh --help says what it does.
END
}

case ${1:-} in
-h | --help) part_usage; exit ;;
esac

lock "$work"
tree=$("$top/scripts/compose.sh")
mapfile -t files < <(overlay)
mapfile -t sources < <(printf '%s\n' "${files[@]}" | grep '\.[ch]$')
# shellcheck disable=SC2034 # for the parts, as all that follows
mapfile -t kernel_sources < <(printf '%s\n' "${sources[@]}" | grep -v '^tools/')
# The tree of the first mail, and the base's files with hooks
# shellcheck disable=SC2034
removed=$(git -C "$tree" rev-list --reverse base..HEAD | sed -n 1p)
# shellcheck disable=SC2034
mapfile -t hooked < <(git -C "$tree" diff --name-only --diff-filter=M "$removed" HEAD \
	-- drivers include | grep '\.[ch]$')
