# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034
# Intel VT-d, second-stage tables of scalable mode. Read by scripts/boot.sh.
machine_arch=x86
machine_target=x86_64-softmmu
machine_console=ttyS0
# The plain processor: emulating the string and vector instructions that "max"
# brings is slower than doing without.
machine_qemu=(-M q35 -cpu qemu64)
machine_iommu=intel-iommu,x-scalable-mode=on,intremap=on,aw-bits=48,ssads=on
# Under load the timer check of the IO-APIC can fail; there is no real timer.
machine_kernel="intel_iommu=on,sm_on no_timer_check"
# 6.12 gives no context entry to the id that a bridge from PCI Express makes up,
# so that nothing behind one can do DMA in scalable mode, tracked or not. Behind
# this bridge requests carry the bridge's own id.
machine_bridge=i82801b11-bridge
# QEMU's trace events in which a translation is invalidated
machine_invalidation='vtd_inv_desc_iotlb_*'
