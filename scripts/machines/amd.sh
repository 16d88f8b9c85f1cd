# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034
# AMD, host page tables. Read by scripts/boot.sh. Linux uses the IOMMU without
# being asked to.
machine_arch=x86
machine_target=x86_64-softmmu
machine_console=ttyS0
machine_qemu=(-M q35 -cpu qemu64)
machine_iommu=amd-iommu,intremap=on,hdsup=on
machine_kernel=no_timer_check
# QEMU's trace events in which a translation is invalidated
machine_invalidation='amdvi_pages_inval'
