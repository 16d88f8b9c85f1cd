#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Proves that no name of 6.12's dirty tracking is left in a kernel tree.
set -euo pipefail

usage() {
	cat <<-EOF
	Usage: scripts/remove-check.sh TREE

	Looks through the kernel source in TREE for the names in
	patches/removal/identifiers and lists where they still are. The user-space
	selftests and Documentation are left out: the selftests stay as they are.
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
names=$(sed '/^#/d; /^$/d' "$top/patches/removal/identifiers")
# An empty list would match every line, or none, and prove nothing.
[[ -n $names ]] || { echo "remove-check: no identifiers" >&2; exit 1; }
cd "$1"
[[ -d drivers/iommu/iommufd ]] || { echo "remove-check: $1 is not a kernel source tree" >&2; exit 1; }

# grep's status 1 (nothing found) is what we hope for, but xargs does not tell it
# from failure: judge by the output. One expression of bytes, because that is
# twice as fast as a list of fixed strings.
export LC_ALL=C
left=$(find . \( -path ./.git -o -path ./Documentation -o -path ./tools/testing/selftests \) -prune \
	-o -type f -print0 |
	xargs -0 -n 4000 -P "$(nproc)" grep -nwEI "$(paste -sd"|" <<<"$names")" -- || true)
if [[ -n $left ]]; then
	printf 'remove-check: left behind:\n%s\n' "$left" >&2
	echo "The base has moved: patches/removal needs a rule for these." >&2
	exit 1
fi
echo "remove-check: none of $(wc -l <<<"$names") names left"
