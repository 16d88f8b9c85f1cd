#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Suite static: how things are written.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../checkpatch.sh"

# A mail whose file stands in this repository is checked there, not in the hook.
style_of_hooks() (
	local hooks
	cd "$tree" || return
	mapfile -t hooks < <(grep -l '^diff --git' "$top"/patches/*.patch)
	each --no-signoff --ignore FILE_PATH_CHANGES,EMAIL_SUBJECT -- "${hooks[@]}"
)

# each OPTION... -- FILE...: checkpatch on each, on all processors
each() {
	local options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	printf '%s\0' "$@" |
		xargs -0 -n 1 -P "$(nproc)" bash -c 'checkpatch "$@"' bash "${options[@]}"
}
export tree
export -f checkpatch

# DEFINE_IOMMU_DIRTY_WALK() names a function that calls itself.
style_of_files() {
	(cd "$tree" && each --ignore MACRO_ARG_REUSE -f -- "${kernel_sources[@]}")
}

style_of_tools() {
	local tools
	mapfile -t tools < <(printf '%s\n' "${sources[@]}" | grep '^tools/')
	(cd "$tree" && each --ignore "$user_space" -f -- "${tools[@]}")
}

# All warnings there are of our files; the base's header has some of its own.
kernel_doc() (
	cd "$tree" || return
	! {
		scripts/kernel-doc -none -Wall "${kernel_sources[@]}"
		scripts/kernel-doc -none include/uapi/linux/iommufd.h
	} 2>&1 | grep .
)

# Files and directories that a page names stand in the tree, and what it has
# kernel-doc print is there to be printed.
documentation() (
	local page path status=0
	cd "$tree" || return
	for page in $(printf '%s\n' "${files[@]}" | grep '\.rst$'); do
		while read -r path; do
			compgen -G "$path*" >/dev/null || {
				echo "$page: there is no $path"
				status=1
			}
		done < <(grep -oE '\b(drivers|include|tools|Documentation)/[[:alnum:]/_.-]*[[:alnum:]]' "$page")
		while read -r path; do
			scripts/kernel-doc -rst "$path" 2>&1 | grep -q '^\.\. c:' || {
				echo "$page: $path has no kernel-doc"
				status=1
			}
		done < <(sed -n 's/^\.\. kernel-doc:: *//p' "$page")
	done
	return "$status"
)

# The description for syzkaller names what the headers have.
syzkaller() {
	local headers
	headers=$("$top/scripts/kernel.sh" --headers) || return
	"$top/scripts/suites/static/syz-check.py" "$tree/tools/iommu-dirty/syzkaller/dev_iommu_dirty.txt" \
		"$headers" "$tree"
}

shell_style() {
	(cd "$top" && git ls-files -co --exclude-standard run .ci/run '*.sh' | xargs -n 1 -P "$(nproc)" shellcheck)
}

result "static: shellcheck" shell_style
result "static: checkpatch --strict, kernel files" style_of_files
result "static: checkpatch --strict, user-space files" style_of_tools
result "static: checkpatch --strict, hooks" style_of_hooks
result "static: kernel-doc" kernel_doc
result "static: what Documentation refers to" documentation
result "static: syzkaller's description agrees with the headers" syzkaller
