#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Suite static: our pages, by Sphinx as "make htmldocs" runs it.
#
# The kernel's configuration, extensions and tables of contents are used as they
# are. Of the pages only ours are there, and those that they lean on: all of them
# take many minutes. So what Sphinx has to say of other files does not count.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

docs=$work/Documentation
mapfile -t pages < <(printf '%s\n' "${files[@]}" | grep '^Documentation/.*\.rst$')
# What our pages refer to, or are listed in
around=(Documentation/userspace-api/iommufd.rst)
for page in "${pages[@]}"; do
	around+=("$(dirname "$page")/index.rst")
done

prepare() {
	local page
	rm -rf "$docs" "$work/html" "$work/doctrees"
	for page in "${pages[@]}" "${around[@]}"; do
		mkdir -p "$work/$(dirname "$page")" && cp "$tree/$page" "$work/$page" || return
	done
	# Pages have files of the tree printed, by paths relative to themselves.
	ln -sfn "$tree/tools" "$work/tools" || return
	{
		printf '%s\n' 'Pages' '=====' '' '.. toctree::' ''
		printf '%s\n' "${around[@]}" | sed -n 's@^Documentation/\(.*/index\)\.rst$@   \1@p' |
			sort -u
	} >"$docs/index.rst"
}

# build LOG: as cmd_sphinx in Documentation/Makefile. The system's Python has Sphinx.
build() {
	PATH=/usr/bin:$PATH PYTHONDONTWRITEBYTECODE=1 srctree=$tree \
		sphinx-build -q -b html -c "$tree/Documentation" -d "$work/doctrees" \
		-D version=6.12 -D release=6.12 -D kerneldoc_srctree="$tree" \
		-D kerneldoc_bin="$tree/scripts/kernel-doc" "$docs" "$work/html" >"$1" 2>&1 || {
		tail -n 30 "$1"
		return 1
	}
}

sphinx() {
	prepare && build "$work/sphinx.log"
}

# page PAGE: it was made, and nothing was said of it
page() {
	local html=$work/html/${1#Documentation/}
	[ -s "${html%.rst}.html" ] || {
		echo "Sphinx made no ${html%.rst}.html"
		return 1
	}
	! grep -F -A 3 "$work/$1" "$work/sphinx.log"
}

# What is wrong is found: a reference into the void, a table cut off, and that it is
# in no table of contents.
broken() {
	local page=$docs/userspace-api/broken.rst
	# shellcheck disable=SC2016 # nothing is to be expanded
	printf '%s\n' Broken ====== '' ':ref:`nowhere`' '' '===  ===' 'one  two' >"$page"
	build "$work/broken.log"
	rm "$page"
	grep -F broken.rst "$work/broken.log"
	grep -qE 'broken\.rst:[0-9]+: WARNING: undefined label' "$work/broken.log" &&
		grep -qE 'broken\.rst:[0-9]+: .*Malformed table' "$work/broken.log" &&
		grep -q "broken\.rst:.*isn't included in any toctree" "$work/broken.log"
}

result "static: Sphinx runs over our pages" sphinx
for page in "${pages[@]}"; do
	result "static: Sphinx warns of nothing in $page" page "$page"
done
result "static: Sphinx warns of a page that is broken" broken
