#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Suite unit: the walker, formats and log compiled in user space, under sanitizers.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

usage() {
	cat <<END
usage: scripts/suites/unit.sh [SEED [ROUNDS]]

Builds tools/testing/iommu-dirty and runs it, by default with a new seed, which
it prints.
END
}

case ${1:-} in
-h | --help) usage; exit ;;
esac

make -s -C "$top/tools/testing/iommu-dirty" O="$work"
timeout 600 "$work/walk" "$@" >"$work/tap" || true
tap_results "$work/tap"
sed -n 's/^# seed/# seed/p' "$work/tap"
