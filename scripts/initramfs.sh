#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Packs an initramfs: a static busybox, scripts/guest-init.sh as /init, and
# the given static programs under /bin. The same input gives the same bytes.
set -euo pipefail

. "$(dirname "$0")/lib.sh"

usage() {
	cat <<'END'
usage: scripts/initramfs.sh [--busybox FILE] OUT FILE...

Writes OUT, a gzip'ed cpio archive, and nothing if OUT is up to date.

  --busybox FILE  a static busybox of the guest's architecture
                  (default: /bin/busybox, from Debian's busybox-static)
  FILE...         static programs, put under /bin by their base name
END
}

busybox=/bin/busybox
args=()
while [ $# -gt 0 ]; do
	case $1 in
	--help | -h) usage; exit 0 ;;
	--busybox) busybox=${2:?--busybox needs a file}; shift 2 ;;
	--) shift; args+=("$@"); break ;;
	-*) usage >&2; die "unknown option $1" ;;
	*) args+=("$1"); shift ;;
	esac
done
[ ${#args[@]} -ge 1 ] || { usage >&2; exit 1; }
out=${args[0]}
files=("${args[@]:1}")

[ -x "$busybox" ] || die "no $busybox: apt-get install busybox-static, or give --busybox"
for f in "$busybox" "${files[@]}"; do
	[ -f "$f" ] || die "no such file: $f"
	# Scripts are welcome; only an ELF file can ask for a loader.
	if LC_ALL=C readelf -lW "$f" 2>/dev/null | grep -q '^ *INTERP'; then
		die "$f is linked dynamically: link it with -static, there are no libraries in the guest"
	fi
done

# Names are part of the content, where the files lie is not.
key=$({
	for f in "${files[@]}"; do
		printf '%s ' "$(basename "$f")"
		sha256sum <"$f"
	done | LC_ALL=C sort
	sha256sum <"$busybox"
	sha256sum <"$top/scripts/guest-init.sh"
	sha256sum <"$0"
} | sha256sum | cut -d' ' -f1)

if [ -f "$out" ] && [ "$(cat "$out.key" 2>/dev/null)" = "$key" ]; then
	exit 0
fi

mkdir -p "$(dirname "$out")"
tmp=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$tmp"' EXIT

mkdir -p "$tmp/root"/{bin,dev,proc,sys,tmp,run}
install -m 755 "$top/scripts/guest-init.sh" "$tmp/root/init"
for f in "${files[@]}"; do
	install -m 755 "$f" "$tmp/root/bin/$(basename "$f")"
done
install -m 755 "$busybox" "$tmp/root/bin/busybox"
ln -s busybox "$tmp/root/bin/sh"

find "$tmp/root" -exec touch -h -d @0 {} +
(cd "$tmp/root" && find . -mindepth 1 -print0 | LC_ALL=C sort -z |
	cpio --null --create --format=newc --owner=0:0 --reproducible --quiet) |
	gzip -n -1 >"$tmp/out"

# The key goes last: an interrupted run is done again.
rm -f "$out.key"
mv "$tmp/out" "$out"
echo "$key" >"$out.key"
