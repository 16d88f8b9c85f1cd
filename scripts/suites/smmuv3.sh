#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Suite smmuv3: real DMA through Arm SMMUv3, stages 1 and 2, each page checked
#
# Under ACPI a few tests only; the suite smmuv3-acpi has more.
set -euo pipefail

case ${1:-} in
-h | --help) exec "$(dirname "$0")/dma.sh" --help ;;
esac

"$(dirname "$0")/dma.sh" smmuv3 "$@" | sed -E 's/^((not )?ok )/\1stage 1: /'
"$(dirname "$0")/dma.sh" smmuv3-s2 "$@" | sed -E 's/^((not )?ok )/\1stage 2: /'
[ $# -gt 0 ] || "$(dirname "$0")/smmuv3-acpi.sh" --brief
