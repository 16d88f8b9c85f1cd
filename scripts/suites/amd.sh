#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Suite amd: real DMA through the AMD IOMMU, each page of each report checked.
set -euo pipefail
exec "$(dirname "$0")/dma.sh" amd "$@"
