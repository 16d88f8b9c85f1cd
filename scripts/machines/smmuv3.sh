# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034
# Arm SMMUv3, which translates at stage 1, described by a device tree. Read by
# scripts/boot.sh.
machine_arch=arm64
machine_target=aarch64-softmmu
machine_console=ttyAMA0
machine_qemu=(-M "virt,iommu=smmuv3,gic-version=3,acpi=off" -cpu cortex-a57
	-global arm-smmuv3.httu=on)
machine_iommu=
machine_global=arm-smmuv3
machine_kernel=
# QEMU's trace events in which a translation is invalidated
machine_invalidation='smmuv3_cmdq_opcode'
