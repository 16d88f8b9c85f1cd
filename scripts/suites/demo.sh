#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Suite demo: the demo finds its copy identical, and would find it different.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

case ${1:-} in
-h | --help)
	cat <<END
usage: scripts/suites/demo.sh

Runs ./run demo: as it is, which must end with an identical copy and a plot; with
one reported page left out, which must be found; and with huge leaves, split by
default, beside huge leaves that stay as they are; and the example that
Documentation prints.
END
	exit
	;;
esac

lock "$work"
out=$work/out

# demo ARGUMENT...: leaves out/demo as it is, for the one who made that
demo() {
	rm -rf "$out"
	"$top/run" demo --output "$out" "$@"
}

as_it_is() {
	demo && [ -s "$out/demo.svg" ]
}

# It must fail for the reason it was made to.
page_dropped() {
	demo --drop 1 && return 1
	grep -q '^migrate: DIFFERENT, 1 page' "$out/console.log"
}

huge() {
	demo --huge=off,default --size 256 && [ -s "$out/huge.svg" ]
}

# example MACHINE: the program that Documentation prints prints what is said there.
example() {
	local dir=$top/build/demo/x86 page=$top/Documentation/userspace-api/iommufd-dirty.rst
	local headers image want
	headers=$("$top/scripts/kernel.sh" --headers) &&
		image=$("$top/scripts/kernel.sh") || return
	(
		lock "$dir" &&
			make -s -C "$top/tools/iommu-dirty" O="$dir" HDR="${headers%/include}" CC=gcc &&
			"$top/scripts/initramfs.sh" "$work/example.gz" "$dir/example"
	) || return
	# The first edu device of the machine, bound as the page says.
	# shellcheck disable=SC2016 # the guest's shell expands it
	"$top/scripts/boot.sh" --kernel "$image" --initrd "$work/example.gz" \
		--iommu "$1" --mem 512M --append quiet --log "$work/example.log" \
		--timeout 120 -- '
		for d in /sys/bus/pci/devices/*; do
			case $(cat $d/vendor $d/device) in 0x1234?0x11e8) ;; *) continue ;; esac
			echo vfio-pci >$d/driver_override
			echo ${d##*/} >/sys/bus/pci/drivers_probe
			example /dev/vfio/devices/vfio0
			exit
		done
		exit 1' || return
	want=$(sed -n '/^  # example /,/^$/{/^  dirty:/s/^  //p}' "$page") || return
	[ -n "$want" ] && diff <(echo "$want") <(sed -n '/^dirty:/s/ *$//p' "$work/example.log")
}

result "demo: a page that is not copied is found" page_dropped
result "demo: migrates and draws" as_it_is
for machine in vtd amd; do
	result "demo: the example in Documentation: $machine" example "$machine"
done
result "demo: huge leaves are split, and a hundred times less is sent" huge
