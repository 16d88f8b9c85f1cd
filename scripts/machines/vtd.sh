# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034
# Intel VT-d, second-stage tables of scalable mode. Read by scripts/boot.sh.
machine_arch=x86_64
machine_console=ttyS0
machine_qemu=(-M q35 -cpu max)
machine_iommu=intel-iommu,x-scalable-mode=on,intremap=on,aw-bits=48,ssads=on
machine_kernel="intel_iommu=on,sm_on"
