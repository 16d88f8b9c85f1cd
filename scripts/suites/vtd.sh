#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Suite vtd: real DMA through emulated VT-d, each page of each report checked.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

usage() {
	cat <<END
usage: scripts/suites/vtd.sh [--kernel series|stock] [TEST...]

Runs the tests of tools/testing/selftests/iommu/dma on a machine with VT-d, on
the composed kernel with KASAN and lockdep. With names, these tests only.

  --kernel stock   on the unpatched base. What fails there is known; a result
                   here is whether the list in stock-6.12.failures is right.
END
}

kernel=series
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) usage; exit ;;
	--kernel) kernel=${2:?--kernel takes series or stock}; shift ;;
	-*) usage >&2; exit 2 ;;
	*) break ;;
	esac
	shift
done

tests=()
for name; do
	tests+=(-t "$name")
done

dma=tools/testing/selftests/iommu/dma
flavour=(--debug)
[ "$kernel" = series ] || flavour=()
image=$("$top/scripts/kernel.sh" --kernel "$kernel" "${flavour[@]}")
tree=$("$top/scripts/compose.sh")
headers=$("$top/scripts/kernel.sh" --headers)
make -s -C "$tree/$dma" OUTPUT="$work" HDR="$headers" "$work/dma_dirty"
"$top/scripts/initramfs.sh" "$work/initrd.gz" "$work/dma_dirty"

run() {
	boot_results "vtd-$kernel" --kernel "$image" --initrd "$work/initrd.gz" \
		--iommu vtd --mem 3G --timeout 1500 \
		--append guest.hugepages=128 -- "dma_dirty ${tests[*]}"
}

if [ "$kernel" = series ]; then
	run
	exit
fi

run >"$work/stock.results"
grep '^not ok ' "$work/stock.results" | sed 's/^not ok //' | sort >"$work/stock.failed"
grep -v '^#' "$top/$dma/stock-6.12.failures" | sort >"$work/stock.known"
while read -r name; do
	if grep -qxF "$name" "$work/stock.failed"; then
		echo "ok stock fails $name"
	else
		echo "not ok stock fails $name"
	fi
done <"$work/stock.known"
comm -13 "$work/stock.known" "$work/stock.failed" | sed 's/^/not ok stock passes /'
grep '^ok ' "$work/stock.results" | sed 's/^ok /ok stock passes /'
