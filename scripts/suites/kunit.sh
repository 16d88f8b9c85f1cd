#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Suite kunit: formats, log and walker in the kernel, on tables of the drivers too.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

usage() {
	cat <<END
usage: scripts/suites/kunit.sh [--iommu MACHINE] [--seed N] [--rounds N] [GLOB]

Boots the debug kernels of x86 and arm64 with the unit tests in
drivers/iommu/dirty-kunit, those whose SUITE.TEST matches GLOB
(default iommu-dirty-*).

  --iommu   one machine of scripts/machines instead of one of each architecture
  --seed    of the random tables; without one a new one, which is printed
  --rounds  number of random tables for each source of them (default 4)
END
}

args=() glob='iommu-dirty-*' machines=(none smmuv3)
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) usage; exit ;;
	--iommu) machines=("${2:?--iommu takes a machine}"); shift ;;
	--seed | --rounds)
		args+=("iommu_dirty_kunit.${1#--}=${2:?$1 takes a number}")
		shift
		;;
	-*) usage >&2; exit 2 ;;
	*) glob=$1 ;;
	esac
	shift
done

# ktap_results LOG: the KTAP in it as results, one for each test that has no
# others below it, named by the path to it. One above is a result if it failed
# though none below did, or had none. A plan that is not kept, and a test that
# was skipped, are failures.
# shellcheck disable=SC2317 # boot_results calls it
ktap_results() {
	awk '
		{ match($0, /^ */); depth = RLENGTH / 4; line = substr($0, RLENGTH + 1) }
		line ~ /^1\.\.[0-9]+$/ { plan[depth] = substr(line, 4); seen[depth] = 0 }
		line ~ /^# Subtest: / {
			path[depth] = substr(line, 12)
			below[depth] = bad[depth] = 0
			seen[depth] = 0
			suites += depth == 1
			remarks = ""
			next
		}
		line ~ /^#/ { remarks = remarks line "\n"; next }
		line ~ /^(not )?ok [0-9]+ / {
			failed = line ~ /^not / || line ~ /# SKIP/
			name = line
			sub(/^(not )?ok [0-9]+ (- )?/, "", name)
			for (i = depth; i > 0; i--)
				name = path[i] ": " name
			seen[depth]++
			# What lies below this test was counted already.
			had = path[depth + 1] != "" && below[depth + 1]
			if (!had || (failed && !bad[depth + 1])) {
				print (failed ? "not ok " : "ok ") name
				if (failed)
					printf "%s", remarks
			}
			if (had && plan[depth + 1] != "" && seen[depth + 1] != plan[depth + 1])
				print "not ok " name ": all of its tests came to an end"
			path[depth + 1] = plan[depth + 1] = ""
			below[depth]++
			bad[depth] += failed
			remarks = ""
			next
		}
		remarks != "" && line !~ /^(KTAP|1\.\.)/ { remarks = remarks "# " line "\n" }
		END { if (!suites) print "not ok there were unit tests" }' "$1"
}

lock "$work"

# run MACHINE
run() {
	local image
	for_machine "$1"
	image=$("$top/scripts/kernel.sh" --arch "$arch" --pages "$pages" --debug)
	"$top/scripts/initramfs.sh" --busybox "$busybox" "$work/initrd-$arch.gz"
	# The console shows little of what the kernel says; debugfs has all.
	results=ktap_results boot_results "$1" --kernel "$image" \
		--initrd "$work/initrd-$arch.gz" --iommu "$1" --timeout 900 \
		--append "kunit.enable=1 kunit.filter_glob=$glob ${args[*]}" \
		-- "cat /sys/kernel/debug/kunit/*/results" |
		sed -E "s/^((not )?ok )/\1$arch: /"
	sed -n "s/^ *# [a-z_]*: seed=/# $arch: seed /p" "$work/$1.console" | sort -u
}

for machine in "${machines[@]}"; do
	run "$machine"
done
