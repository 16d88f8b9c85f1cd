#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Suite vtd: real DMA through Intel VT-d, each page of each report checked.
set -euo pipefail
exec "$(dirname "$0")/dma.sh" vtd "$@"
