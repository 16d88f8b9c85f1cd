#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Suite selftest: every call and every promise, on iommufd's mock IOMMU.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

usage() {
	cat <<END
usage: scripts/suites/selftest.sh [--kernel series|stock|fixed] [--plain] [PROGRAM...]

Runs the programs of tools/testing/selftests/iommu/mock, or those that are
named, on the composed kernel with KASAN, lockdep and kmemleak. A program's name
can be followed by its arguments, in quotes: "dirty_read -t promise3_any_granule".

  --plain          on a kernel without KASAN, lockdep and kmemleak
  --kernel stock   on the unpatched base. What fails there is known; a result
                   here is whether the list in stock-6.12-mock.failures is right.
  --kernel fixed   the same on the base with the fixes of fixes/, where the list
                   is: fixed-6.12-mock.failures
END
}

kernel=series flavour=(--debug)
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) usage; exit ;;
	--kernel) kernel=${2:?--kernel takes series, stock or fixed}; shift ;;
	--plain) flavour=() ;;
	-*) usage >&2; exit 2 ;;
	*) break ;;
	esac
	shift
done

mock=tools/testing/selftests/iommu/mock
# Stock's bugs are not for KASAN to find here.
[ "$kernel" = series ] || flavour=()
lock "$work"
image=$("$top/scripts/kernel.sh" --kernel "$kernel" "${flavour[@]}")
tree=$("$top/scripts/compose.sh")
headers=$("$top/scripts/kernel.sh" --headers)

read -ra programs < <(make -s -C "$tree/$mock" programs)
# The base has neither the operations for these nor the events.
[ "$kernel" = series ] ||
	mapfile -t programs < <(printf '%s\n' "${programs[@]}" | grep -v '^dirty_hw\|^dirty_trace\|^dirty_type1\|^dirty_unmap')
mkdir -p "$work/bin"
make -s -C "$tree/$mock" OUTPUT="$work/bin" HDR="$headers" "${programs[@]/#/$work/bin/}"
"$top/scripts/initramfs.sh" "$work/initrd.gz" "${programs[@]/#/$work/bin/}"
[ $# -gt 0 ] || set -- "${programs[@]}"

run() {
	boot_results --programs $# --tests "$(asked_for "$@")" \
		"selftest-$kernel" --kernel "$image" --initrd "$work/initrd.gz" \
		--iommu none --mem 3G --timeout 900 \
		--append "guest.hugepages=32 kmemleak=on" -- "$(in_guest 1 "$@")"
}

if [ "$kernel" = series ]; then
	run "$@"
else
	run "$@" >"$work/$kernel.results"
	known_results "$kernel" "$work/$kernel.results" \
		"$(known_failures "$kernel" "$mock" mock)"
fi
