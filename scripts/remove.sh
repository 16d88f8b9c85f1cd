#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Takes 6.12's dirty tracking out of a kernel tree.
set -euo pipefail

usage() {
	cat <<-EOF
	Usage: scripts/remove.sh TREE

	Removes the existing iommufd dirty tracking from the 6.12.y kernel source in
	TREE: the semantic patches and text edits of patches/removal. Nothing is
	committed, and nothing is written unless every rule has matched. Then
	scripts/remove-check.sh looks for anything left.
	EOF
}

case ${1-} in
-h | --help) usage; exit 0 ;;
esac
if (($# != 1)); then
	usage >&2
	exit 2
fi

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tree=$1
if [[ ! -f $tree/include/uapi/linux/iommufd.h ]]; then
	echo "remove: $tree is not a kernel source tree with iommufd" >&2
	exit 1
fi
if ! command -v spatch >/dev/null; then
	echo "remove: spatch is missing: apt-get install coccinelle" >&2
	exit 1
fi

# Debian's own Python: another one first in PATH may lack tomllib.
/usr/bin/python3 "$top/scripts/remove.py" "$tree" "$top/patches/removal"
"$top/scripts/remove-check.sh" "$tree"
