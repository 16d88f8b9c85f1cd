#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Suite model: the emulated hardware keeps the rules that make a test on it
# worth something. qemu/README.md says which qtest proves which rule.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

case ${1:-} in
-h | --help)
	cat <<END
usage: scripts/suites/model.sh

Builds and runs the qtests that the patches in qemu/ add to QEMU.
END
	exit
	;;
esac

"$top/scripts/qemu.sh" --targets "x86_64-softmmu aarch64-softmmu" --qtest >"$work/tap" || true
tap_results "$work/tap"
