# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034
# No IOMMU: iommufd's mock is found only where no other one is registered. Read
# by scripts/boot.sh.
machine_arch=x86
machine_target=x86_64-softmmu
machine_console=ttyS0
machine_qemu=(-M q35 -cpu qemu64)
machine_iommu=
machine_kernel=no_timer_check
