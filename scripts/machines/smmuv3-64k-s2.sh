# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034
# Arm SMMUv3 that has only stage 2, and a kernel with pages of 64 KiB. Read by
# scripts/boot.sh.
# shellcheck source=scripts/machines/smmuv3-s2.sh
. "$(dirname "${BASH_SOURCE[0]}")/smmuv3-s2.sh"
machine_pages=64k
