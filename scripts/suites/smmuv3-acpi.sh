#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Suite smmuv3-acpi: SMMUv3 under UEFI and ACPI, where firmware's IORT table has a say
set -euo pipefail

case ${1:-} in
-h | --help)
	cat <<'END'
usage: scripts/suites/smmuv3-acpi.sh [--brief]

DMA through an SMMUv3 that ACPI describes. The table tells the same as IDR0, or
less, or more: tracking is there if both have it.

  --brief   one machine that tracks and one that does not
END
	exit
	;;
esac

dma=$(dirname "$0")/dma.sh

# dma NAME ARGUMENT...
dma() {
	"$dma" "${@:2}" | sed -E "s/^((not )?ok )/\1$1: /"
}

dma "ACPI" smmuv3-acpi capability_means_allocation every_page \
	written_again_after_get writes_land_where_they_should get_while_off \
	off_and_on_again attached_after_set replace_untracked several_devices
# Flags of IORT: bit 0 coherent, bits 2:1 what overrides IDR0.HTTU
dma "ACPI, IORT has no HTTU" --program dma_untracked smmuv3-acpi,x-iort-flags=1
[ "${1:-}" != --brief ] || exit 0
dma "ACPI, IORT has access flags only" --program dma_untracked smmuv3-acpi,x-iort-flags=3
dma "ACPI, IDR0 has no HTTU" --program dma_untracked smmuv3-acpi,httu=off,x-iort-flags=5
