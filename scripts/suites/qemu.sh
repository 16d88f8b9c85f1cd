#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Suite qemu: Debian's QEMU switches tracking on and reads: each page checked
set -euo pipefail
exec "$(dirname "$0")/client.sh" qemu_track "$@"
