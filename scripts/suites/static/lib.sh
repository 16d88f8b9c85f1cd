# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the parts of suite static share: the composed tree and lists of its files.

. "$(dirname "${BASH_SOURCE[0]}")/../part.sh"
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
