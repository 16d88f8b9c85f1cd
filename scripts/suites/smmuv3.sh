#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Suite smmuv3: real DMA through Arm SMMUv3, stages 1 and 2, each page checked
#
# Under ACPI a few tests only; the suite smmuv3-acpi has more.
set -euo pipefail
. "$(dirname "$0")/jobs.sh"

case ${1:-} in
-h | --help) exec "$(dirname "$0")/dma.sh" --help ;;
esac

# stage NUMBER MACHINE ARGUMENT...
stage() {
	"$(dirname "$0")/dma.sh" "${@:2}" | sed -E "s/^((not )?ok )/\1stage $1: /"
}

# Side by side: neither keeps two processors busy.
out=$(mktemp)
trap 'rm -f "$out"' EXIT
background stage 1 smmuv3 "$@" >"$out"
background stage 2 smmuv3-s2 "$@"
status=0
for job in "${jobs[@]}"; do
	wait "$job" || status=1
done
cat "$out"
[ "$status" = 0 ] || exit 1
[ $# -gt 0 ] || "$(dirname "$0")/smmuv3-acpi.sh" --brief
