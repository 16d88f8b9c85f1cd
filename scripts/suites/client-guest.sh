#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# In the test machine: mounts what the client needs, gives the edu devices to
# their driver and runs the program that is its argument.

mkdir -p /share /tmp/huge
mount -t 9p -o ro,trans=virtio,version=9p2000.L,cache=loose,msize=524288 share /share &&
	mount -t hugetlbfs none /tmp/huge || exit 1

for dev in /sys/bus/pci/devices/*; do
	[ "$(cat "$dev/vendor"):$(cat "$dev/device")" = 0x1234:0x11e8 ] || continue
	echo edu-vfio-pci >"$dev/driver_override"
	echo "${dev##*/}" >/sys/bus/pci/drivers_probe
done

export QEMU_ROOT=/share QEMU_SHIM=/bin/libshim.so
exec "$@"
