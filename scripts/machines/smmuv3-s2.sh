# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034
# Arm SMMUv3 that has only stage 2. Read by scripts/boot.sh. Newer machine types
# than this one override the property.
#
# It shows dirty state no earlier than it must, at a CMD_SYNC. The machine with
# stage 1 shows it at once, as hardware probably does: what stock kernels lose
# there they lose everywhere.
machine_arch=arm64
machine_target=aarch64-softmmu
machine_console=ttyAMA0
machine_qemu=(-M "virt-9.1,iommu=smmuv3,gic-version=3,acpi=off" -cpu cortex-a57
	-global arm-smmuv3.httu=on
	-global arm-smmuv3.x-httu-late=on -global arm-smmuv3.stage=2)
machine_iommu=
machine_global=arm-smmuv3
# For tests that must know it
machine_kernel=guest.httu=late
