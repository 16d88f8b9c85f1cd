#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A shell in the booted machine, with the test programs.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

usage() {
	cat <<END
usage: ./run shell [--kernel series|stock] [--debug] [--iommu NAME]

Boots the kernel with a shell on the console. dma_dirty and migrate are there.
ctrl-a x ends the machine.
END
}

build=() iommu=vtd
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) usage; exit ;;
	--kernel) build+=(--kernel "${2:?--kernel takes series or stock}"); shift ;;
	--debug) build+=(--debug) ;;
	--iommu) iommu=${2:?--iommu needs a name}; shift ;;
	*) usage >&2; exit 2 ;;
	esac
	shift
done

for_machine "$iommu"
out=$top/build/shell/$arch
mkdir -p "$out"
image=$("$top/scripts/kernel.sh" --arch "$arch" --pages "$pages" "${build[@]}")
headers=$("$top/scripts/kernel.sh" --headers --arch "$arch")
tree=$("$top/scripts/compose.sh")
make -s -C "$tree/tools/testing/selftests/iommu/dma" OUTPUT="$out" HDR="$headers" \
	CROSS_COMPILE="$cross" CC="${cross}gcc" "$out/dma_dirty"
make -s -C "$tree/tools/iommu-dirty" O="$out" HDR="${headers%/include}" CC="${cross}gcc"
"$top/scripts/initramfs.sh" --busybox "$busybox" "$out/initrd.gz" "$out/dma_dirty" "$out/migrate"
"$top/scripts/boot.sh" --kernel "$image" --initrd "$out/initrd.gz" --iommu "$iommu" \
	--mem "$mem" --append "guest.hugepages=$hugepages" --interactive
