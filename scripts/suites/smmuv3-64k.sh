#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Suite smmuv3-64k: the same as smmuv3 on a kernel with pages of 64 KiB.
set -euo pipefail

case ${1:-} in
-h | --help) exec "$(dirname "$0")/dma.sh" --help ;;
esac

"$(dirname "$0")/dma.sh" smmuv3-64k "$@" | sed -E 's/^((not )?ok )/\1stage 1: /'
"$(dirname "$0")/dma.sh" smmuv3-64k-s2 "$@" | sed -E 's/^((not )?ok )/\1stage 2: /'
