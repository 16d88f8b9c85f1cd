#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Suite deb: the kernel that ./run deb packs boots, and tracks.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

case ${1:-} in
-h | --help)
	cat <<END
usage: scripts/suites/deb.sh

Makes packages with the configuration of a test kernel, unpacks them and runs the
demo on the kernel that is in them.
END
	exit
	;;
esac

lock "$work"
packages=$work/packages
unpacked=$work/unpacked

build() {
	local image
	image=$("$top/scripts/kernel.sh") &&
		"$top/scripts/deb.sh" --config "${image%/arch/*}/.config" --output "$packages"
}

unpack() {
	local package
	rm -rf "$unpacked"
	for package in "$packages"/*.deb; do
		dpkg-deb -f "$package" Package Architecture Version &&
			dpkg-deb -x "$package" "$unpacked" || return
	done
	release=$(basename "$unpacked"/boot/vmlinuz-*)
	release=${release#vmlinuz-}
	[[ $release = 6.12.*-iommu-dirty ]] && [ -f "$unpacked/boot/config-$release" ] &&
		[ -d "$unpacked/lib/modules/$release" ] &&
		[ -f "$unpacked/usr/src/linux-headers-$release/Makefile" ]
}

boots() {
	local image
	image=$(compgen -G "$unpacked/boot/vmlinuz-*") &&
		KERNEL=$image "$top/scripts/demo.sh" --size 64 --output "$work/demo" &&
		grep -q '^migrate: identical' "$work/demo/console.log"
}

result "deb: packages" build
result "deb: what is in them" unpack
result "deb: its kernel migrates a device's memory" boots
