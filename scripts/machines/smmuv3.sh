# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034
# Arm SMMUv3, which translates at stage 1. Read by scripts/boot.sh. With ACPI,
# Linux would take the capability from a table that QEMU does not fill in.
machine_arch=arm64
machine_target=aarch64-softmmu
machine_console=ttyAMA0
machine_qemu=(-M "virt,iommu=smmuv3,gic-version=3,acpi=off" -cpu cortex-a57
	-global arm-smmuv3.httu=on
	-global arm-smmuv3.x-httu-late=on)
machine_iommu=
machine_kernel=
