#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Builds a kernel for the test machines.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/mails.sh"

usage() {
	cat <<END
usage: scripts/kernel.sh [--kernel series|stock|fixed] [--arch x86|arm64]
                         [--debug] [--client] [--pages 4k|64k]
                         [--headers|--target TARGET]

Builds the composed kernel, or the unpatched base, or that with the fixes of
fixes/, and prints the path of its image. Nothing is built if nothing has changed.

  --arch      for which machine (default x86); another is cross-compiled
  --debug     with KASAN, lockdep and the like; if GCOV= is set, counting which
              lines of our files run instead
  --client    with what it takes to run QEMU in the machine, for x86
  --pages     size of a page (default 4k); 64k is for arm64
  --headers   only the user-space headers; prints the path of their directory
  --target    builds no image but a target of kbuild's, as drivers/iommu/
END
}

kernel=series arch=x86 flavour=plain client='' pages=4k headers='' only=''
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) usage; exit ;;
	--kernel) kernel=${2:?--kernel takes series, stock or fixed}; shift ;;
	--arch) arch=${2:?--arch takes x86 or arm64}; shift ;;
	--debug) flavour=debug ;;
	--client) client=1 ;;
	--pages) pages=${2:?--pages takes 4k or 64k}; shift ;;
	--headers) headers=1 ;;
	--target) only=${2:?--target takes a target of kbuild}; shift ;;
	*) usage >&2; exit 2 ;;
	esac
	shift
done

[ -z "${GCOV:-}" ] || [ -n "$headers" ] || flavour=gcov

case $kernel in
series) tree=$("$top/scripts/compose.sh") ;;
stock | fixed) tree=$("$top/scripts/compose.sh" "--$kernel") ;;
*) die "no such kernel: $kernel (series, stock, fixed)" ;;
esac

case $arch in
x86) cross='' image=arch/x86/boot/bzImage target=bzImage ;;
arm64) cross=aarch64-linux-gnu- image=arch/arm64/boot/Image target=Image ;;
*) die "no such architecture: $arch (x86, arm64)" ;;
esac
out=$top/build/kernel/$kernel-$arch-$flavour
fragments=("$top/scripts/kconfig/common.config" "$top/scripts/kconfig/$arch.config")
[ "$flavour" = plain ] || fragments+=("$top/scripts/kconfig/$flavour.config")
if [ -n "$client" ]; then
	[ "$kernel-$arch" = series-x86 ] || die "--client is for the series, on x86"
	out+=-client
	fragments+=("$top/scripts/kconfig/client.config")
elif [ "$kernel" = series ] && [ "$flavour" != plain ]; then
	fragments+=("$top/scripts/kconfig/kunit.config")
fi
case $pages in
4k) ;;
64k)
	[ "$arch" = arm64 ] || die "--pages 64k is for arm64"
	out+=-64k
	fragments+=("$top/scripts/kconfig/64k.config")
	;;
*) die "no such page size: $pages (4k, 64k)" ;;
esac
set_compiler "${cross}gcc"

kmake() {
	make -s -C "$tree" O="$out" ARCH="$arch" CROSS_COMPILE="$cross" CC="$cc" \
		KBUILD_BUILD_TIMESTAMP='Sat Jan 1 00:00:00 UTC 2000' \
		KBUILD_BUILD_USER=build KBUILD_BUILD_HOST=localhost "$@"
}

# An option that a fragment asks for and Kconfig drops is an error.
configure() {
	local option
	kmake tinyconfig || return
	(cd "$out" && "$tree/scripts/kconfig/merge_config.sh" -m -O . .config "${fragments[@]}") ||
		return
	kmake olddefconfig || return
	while read -r option; do
		grep -qx "$option" "$out/.config" || {
			echo "$option cannot be set"
			return 1
		}
	done < <(grep -h '^CONFIG_.*=y' "${fragments[@]}")
}

# Only our objects count.
gcov=()
if [ "$flavour" = gcov ]; then
	mapfile -t gcov < <(overlay |
		sed -n 's@^drivers/.*/\([a-z_0-9-]*dirty[a-z_0-9-]*\)\.c$@GCOV_PROFILE_\1.o=y@p' |
		sort -u)
fi

build() {
	kmake -j"$(nproc)" "${gcov[@]}" "${only:-$target}"
}

install_headers() {
	kmake headers_install INSTALL_HDR_PATH="$out/headers"
}

if [ -n "$headers" ]; then
	out=$top/build/kernel/$kernel-$arch-headers
fi
lock "$out"
# Test programs and documents change often, and no kernel with them.
content=$(git -C "$tree" ls-tree HEAD | grep -vE '\s(tools|Documentation)$' | sha256sum | cut -c1-16)
want="$content $(hash_files "${fragments[@]}" "$top/scripts/kernel.sh") $("${cross}gcc" -dumpfullversion)"

if [ -n "$headers" ]; then
	if [ "$(cat "$out/stamp" 2>/dev/null)" != "$want" ]; then
		step "$out/headers.log" "installing user-space headers" install_headers
		echo "$want" >"$out/stamp"
	fi
	echo "$out/headers/include"
	exit
fi

if [ -n "$only" ] || [ "$(cat "$out/stamp" 2>/dev/null)" != "$want" ]; then
	# With the choices that there are: a new one would be asked for.
	configured="$(hash_files "${fragments[@]}" "$top/scripts/kernel.sh") $(
		git -C "$tree" ls-tree -r HEAD | grep 'Kconfig' | sha256sum | cut -c1-16)"
	if [ "$(cat "$out/configured" 2>/dev/null)" != "$configured" ]; then
		step "$out/config.log" "configuring ($kernel, $arch, $flavour, $pages)" configure
		echo "$configured" >"$out/configured"
	fi
	step "$out/build.log" "building ($kernel, $arch, $flavour, $pages), some minutes if it is the first time" build
	[ -z "$only" ] || exit 0
	echo "$want" >"$out/stamp"
fi
echo "$out/$image"
