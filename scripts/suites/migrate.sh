#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Suite migrate: Debian's QEMU migrates machines whose device writes all the time
set -euo pipefail
exec "$(dirname "$0")/client.sh" qemu_migrate "$@"
