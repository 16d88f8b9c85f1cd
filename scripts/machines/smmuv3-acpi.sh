# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034
# Arm SMMUv3, which translates at stage 1, described by ACPI: UEFI starts the
# kernel. Read by scripts/boot.sh. The kernel makes no use of UEFI after that.
machine_arch=arm64
machine_target=aarch64-softmmu
machine_console=ttyAMA0
machine_qemu=(-M "virt,iommu=smmuv3,gic-version=3,acpi=on" -cpu cortex-a57
	-bios /usr/share/qemu-efi-aarch64/QEMU_EFI.fd -global arm-smmuv3.httu=on)
machine_iommu=
machine_global=arm-smmuv3
machine_kernel="acpi=force efi=noruntime"
