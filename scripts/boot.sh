#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Boots a kernel on emulated hardware with an IOMMU and PCI devices, runs one
# command in it and exits as the command did.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)

usage() {
	cat <<END
usage: scripts/boot.sh --kernel FILE --initrd FILE [OPTION...] -- COMMAND

  --iommu NAME[,PROP=VALUE...]
                   the machine: $(cd "$here/machines" && echo *.sh | sed 's/\.sh//g') (default vtd);
                   properties are added to those of its IOMMU
  --mem SIZE       memory (default 2G)
  --smp N          processors (default 2)
  --append STR     more kernel arguments
  --device STR     one more QEMU device, may be repeated
  --share DIR      a directory for the guest to mount, read-only: 9p, tag "share"
  --data FILE      what the command writes to \$DATA comes out here
  --log FILE       the console goes here too
  --trace          commands that invalidate translations are shown on the console
  --timeout S      kill the machine after S seconds (default 600)
  --interactive    a terminal on the console; COMMAND may be left out for a shell

COMMAND is one line for the guest's sh. There are two e1000e and five edu
devices in the machine, the last edu behind a bridge to conventional PCI, whose
id its requests carry, the two before it functions of one device. The binary
comes from scripts/qemu.sh unless QEMU= names one.

Exit status: the command's; 2 the kernel panicked; 3 the kernel complained
(KASAN, lockdep, WARNING, ...); 124 time was up; 125 the machine did not run.
END
}

die() {
	echo "boot.sh: $*" >&2
	exit 125
}

# An IOMMU that is part of the machine takes properties as global ones.
add_properties() {
	local list prop
	if [ -n "$machine_iommu" ]; then
		machine_iommu+=,$1
		return
	fi
	[ -n "${machine_global:-}" ] || die "machine '${iommu%%,*}' has no IOMMU with properties"
	IFS=, read -ra list <<<"$1"
	for prop in "${list[@]}"; do
		machine_qemu+=(-global "$machine_global.$prop")
	done
}

kernel='' initrd='' iommu=vtd mem=2G smp=2 append='' data=/dev/null log=''
timeout=600 interactive='' trace='' devices=()
while [ $# -gt 0 ]; do
	case $1 in
	--help | -h) usage; exit 0 ;;
	--interactive) interactive=1; shift; continue ;;
	--trace) trace=1; shift; continue ;;
	--) shift; break ;;
	--*) [ $# -ge 2 ] || die "$1 needs a value" ;;
	esac
	case $1 in
	--kernel) kernel=$2 ;;
	--initrd) initrd=$2 ;;
	--iommu) iommu=$2 ;;
	--mem) mem=$2 ;;
	--smp) smp=$2 ;;
	--append) append=$2 ;;
	--device) devices+=(-device "$2") ;;
	--share)
		[ -d "$2" ] || die "--share: no directory '$2'"
		devices+=(-fsdev "local,id=share,path=$2,security_model=none,readonly=on"
			-device "virtio-9p-pci,fsdev=share,mount_tag=share")
		;;
	--data) data=$2 ;;
	--log) log=$2 ;;
	--timeout) timeout=$2 ;;
	*) usage >&2; die "do not know $1; the command follows --" ;;
	esac
	shift 2
done
command="$*"

[ -f "$kernel" ] || die "--kernel: no file '$kernel' (scripts/kernel.sh builds one)"
[ -f "$initrd" ] || die "--initrd: no file '$initrd' (scripts/initramfs.sh packs one)"
[ -n "$command$interactive" ] || die "no command: give one after --, or --interactive"

table=$here/machines/${iommu%%,*}.sh
[ -f "$table" ] || die "no machine '${iommu%%,*}': see scripts/machines"
machine_bridge=pcie-pci-bridge
# shellcheck source=scripts/machines/vtd.sh
. "$table"
if [ "$iommu" != "${iommu%%,*}" ]; then
	add_properties "${iommu#*,}"
fi

if [ -z "${QEMU:-}" ]; then
	QEMU=$("$here/qemu.sh" --targets "$machine_target" | tail -n 1)
fi
[ -z "$trace" ] || [ -n "${machine_invalidation:-}" ] ||
	die "machine '${iommu%%,*}' does not say what --trace would show: see scripts/machines"

args="console=$machine_console panic=-1 log_buf_len=2M loglevel=4 $machine_kernel $append"
[ -z "$command" ] || args+=" guest.run64=$(printf %s "$command" | base64 -w 0)"
[ -z "$interactive" ] || args+=" guest.interactive=1"
# The kernel cuts its command line off without a word.
[ ${#args} -lt 2047 ] || die "the command is too long: put a script into the initrd"

[ "$data" = /dev/null ] || : >"$data"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
: "${log:=$tmp/log}"

# shellcheck disable=SC2054 # the commas are QEMU's
qemu=("$QEMU" -nodefaults -no-user-config -display none -no-reboot
	-accel tcg,thread=multi "${machine_qemu[@]}" -m "$mem" -smp "$smp"
	${machine_iommu:+-device "$machine_iommu"}
	-kernel "$kernel" -initrd "$initrd" -append "$args"
	-chardev "stdio,id=console,mux=on,signal=off" -serial chardev:console
	-chardev "file,id=data,path=$data" -serial chardev:data
	-device edu,dma_mask=0xffffffffffffffff
	-device edu,dma_mask=0xffffffffffffffff
	-device edu,addr=0x1c.0,multifunction=on,dma_mask=0xffffffffffffffff
	-device edu,addr=0x1c.1,multifunction=on,dma_mask=0xffffffffffffffff
	-device e1000e,romfile= -device e1000e,romfile=
	-device "$machine_bridge,id=conventional"
	-device edu,bus=conventional,addr=1,dma_mask=0xffffffffffffffff
	"${devices[@]}" ${trace:+-trace "$machine_invalidation" -D /dev/stdout})

if [ -n "$interactive" ]; then
	echo "boot.sh: ctrl-a x ends the machine" >&2
	"${qemu[@]}"
	exit
fi

# tee keeps the console unbuffered: what the guest draws is seen as it draws.
# That the cards have no network is meant so.
set +e
timeout --foreground -k 5 "$timeout" "${qemu[@]}" </dev/null \
	2> >(grep --line-buffered -v ' has no peer$') | tee "$log"
status=${PIPESTATUS[0]}
set -e
sed -i 's/\r*$//' "$log"
[ "$data" = /dev/null ] || LC_ALL=C sed -i '0,/^guest: data$/d' "$data"

said() {
	sed -n "s/^guest: $1 \([0-9][0-9]*\)\$/\1/p" "$log" | tail -n 1
}

if [ "$status" = 124 ] || [ "$status" = 137 ]; then
	echo "boot.sh: killed after $timeout seconds (--timeout)" >&2
	exit 124
fi
if grep -q 'Kernel panic - not syncing' "$log"; then
	echo "boot.sh: the kernel panicked" >&2
	exit 2
fi
[ "$status" = 0 ] || die "QEMU ended with status $status: see its message above"
[ -n "$(said exit)" ] || die "the guest ended without a word"
if [ "$(said splats)" != 0 ]; then
	echo "boot.sh: the kernel complained $(said splats) times, see above" >&2
	exit 3
fi
exit "$(said exit)"
