#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Suite peer: upstream's own iommufd selftests, from the base's source, untouched.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

usage() {
	cat <<END
usage: scripts/suites/peer.sh [--kernel series|stock|fixed]

Builds upstream's tools/testing/selftests/iommu/iommufd and iommufd_fail_nth
from the base's source and runs them on the composed kernel with its mock IOMMU.
Every test that passes on the unpatched base must pass; the ones that do not,
for want of a newer kernel, are listed in scripts/suites/peer.unsupported.
END
}

kernel=series
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) usage; exit ;;
	--kernel) kernel=${2:?--kernel takes series, stock or fixed}; shift ;;
	*) usage >&2; exit 2 ;;
	esac
	shift
done

# The selftests in 6.12.y are newer than its kernel: these names are what they
# miss. The sources stay as they are.
defines=(-Din_data_type=out_data_type -DIOMMU_HW_INFO_TYPE_DEFAULT=0
	-DIOMMU_HW_INFO_FLAG_INPUT_TYPE=1 -DMOCK_FLAGS_DEVICE_PASID=0
	-DMOCK_PASID_WIDTH=0 -D_GNU_SOURCE=)

lock "$work"
tree=$("$top/scripts/compose.sh")
image=$("$top/scripts/kernel.sh" --kernel "$kernel" --debug)
headers=$("$top/scripts/kernel.sh" --headers)
selftests=$tree/tools/testing/selftests

unchanged() {
	git -C "$tree" diff --exit-code base HEAD -- \
		tools/testing/selftests/iommu/{iommufd.c,iommufd_fail_nth.c,iommufd_utils.h}
}

for program in iommufd iommufd_fail_nth; do
	gcc -O2 -w "${defines[@]}" -isystem "$headers" -static -pthread \
		-o "$work/$program" "$selftests/iommu/$program.c"
done
"$top/scripts/initramfs.sh" "$work/initrd.gz" "$work"/{iommufd,iommufd_fail_nth}

[ "$kernel" != series ] || result "the selftest's source is upstream's" unchanged
boot_results --programs 2 "peer-$kernel" --kernel "$image" --initrd "$work/initrd.gz" --iommu none \
	--mem 3G --timeout 900 --append guest.hugepages=160 -- \
	"$(in_guest 1 iommufd iommufd_fail_nth)" >"$work/results"

# What the base cannot do either is not ours to pass, but must fail still. If it
# does not, or is gone, the list is out of date.
awk '
	FNR == NR { if (/^[^#]/) listed[$0] = 1; next }
	/^not ok / && substr($0, 8) in listed {
		name = substr($0, 8)
		failed[name] = 1
		$0 = "ok " name " (fails on the base too)"
	}
	{ print }
	END {
		for (name in listed)
			if (!(name in failed))
				print "not ok " name " fails, as scripts/suites/peer.unsupported says"
	}' "$top/scripts/suites/peer.unsupported" "$work/results"
