#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Makes Debian packages of the kernel with the series.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

usage() {
	cat <<END
usage: ./run deb [--config FILE] [--output DIR]

Builds linux-image-VERSION-iommu-dirty, and the linux-headers to it if there are
modules, for amd64, by the kernel's own bindeb-pkg, and leaves them in out/deb/.
apt install ./out/deb/*.deb installs them beside what is there.

  --config FILE   the kernel's configuration; without it the running kernel's.
                  What that lacks is added: iommufd, VFIO devices for it, IOMMUs.
                  Programs that know VFIO's container and not iommufd get dirty
                  pages only without VFIO_CONTAINER, which distributions have.
                  Keys that are not in the source, and packages with debugging
                  symbols, are left out.
  --output DIR    there instead of out/deb/
END
}

config='' out=$top/out/deb
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) usage; exit ;;
	--config) config=${2:?--config takes a file}; shift ;;
	--output) out=${2:?--output takes a directory}; shift ;;
	*) usage >&2; exit 2 ;;
	esac
	shift
done

[ "$(dpkg --print-architecture)" = amd64 ] ||
	die "packages are made on amd64 only; ./run apply DIR puts the series into a tree to build elsewhere"
tree=$("$top/scripts/compose.sh")
build=$top/build/deb/kernel
lock "$top/build/deb"
mkdir -p "$build"
set_compiler gcc

kmake() {
	make -s -C "$tree" O="$build" ARCH=x86 CC="$cc" LOCALVERSION=-iommu-dirty \
		KBUILD_BUILD_TIMESTAMP='Sat Jan 1 00:00:00 UTC 2000' \
		KBUILD_BUILD_USER=build KBUILD_BUILD_HOST=localhost \
		-j"$(nproc)" "$@"
}

running_config() {
	if [ -r "/boot/config-$(uname -r)" ]; then
		cat "/boot/config-$(uname -r)"
	elif [ -r /proc/config.gz ]; then
		zcat /proc/config.gz
	else
		die "the running kernel does not tell its configuration: give --config FILE"
	fi
}

option() {
	"$tree/scripts/config" --file "$build/.config" "$@"
}

# What the series is of no use without
complete() {
	grep -q '^CONFIG_IOMMUFD=[ym]$' "$build/.config" &&
		grep -qx CONFIG_VFIO_DEVICE_CDEV=y "$build/.config" &&
		grep -qE '^CONFIG_(INTEL|AMD)_IOMMU=y$' "$build/.config"
}

configure() {
	local key file
	for key in SYSTEM_TRUSTED_KEYS SYSTEM_REVOCATION_KEYS; do
		file=$(option --state "$key")
		[ -e "$tree/$file" ] || option --set-str "$key" ''
	done
	option --disable LOCALVERSION_AUTO
	kmake olddefconfig || return
	! complete || return 0
	option --enable IOMMU_SUPPORT --enable INTEL_IOMMU --enable AMD_IOMMU \
		--module IOMMUFD --module VFIO --module VFIO_PCI --enable VFIO_DEVICE_CDEV
	kmake olddefconfig || return
	complete || {
		echo "that configuration cannot have IOMMUFD, VFIO_DEVICE_CDEV and an IOMMU"
		return 1
	}
}

# dpkg-buildpackage leaves packages above the directory in which it works.
packages() {
	rm -f "$top"/build/deb/*.deb "$top"/build/deb/*.{buildinfo,changes}
	DEB_BUILD_PROFILES=pkg.linux-upstream.nokerneldbg \
		kmake bindeb-pkg KDEB_PKGVERSION="$(kmake kernelversion)-1"
}

if [ -n "$config" ]; then
	[ -f "$config" ] || die "no such file: $config"
	cat "$config" >"$build/.config"
else
	running_config >"$build/.config"
fi
step "$top/build/deb/config.log" "configuring" configure
step "$top/build/deb/build.log" "building packages: minutes with a small configuration, hours with a distribution's" packages

# linux-libc-dev would replace the distribution's, with which everything is built:
# a program that wants the new calls takes the header from kernel.sh --headers.
mkdir -p "$out"
rm -f "$out"/linux-*-iommu-dirty_*.deb
packages=("$top"/build/deb/linux-*-iommu-dirty_*.deb)
mv "${packages[@]}" "$out"
printf '%s\n' "${packages[@]/#*\//$out/}"
