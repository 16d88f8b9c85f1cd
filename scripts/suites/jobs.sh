# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Jobs beside each other that end when the script that started them is told to.
# Source it.
#
# A job in the background ignores ^C, and so do make and the compilers below it.
# Here each is a process group of its own, which does not, and which is ended as a
# whole. The terminal's input stays with the one in the foreground.

jobs=()

# background COMMAND...
background() {
	set -m
	"$@" </dev/null &
	set +m
	jobs+=("$!")
}

# stop_jobs STATUS: and the script with it. A second ^C does not wait.
stop_jobs() {
	local job
	trap - HUP INT TERM
	for job in "${jobs[@]}"; do
		kill -TERM -- "-$job" 2>/dev/null || true
	done
	wait
	exit "$1"
}

trap 'stop_jobs 129' HUP
trap 'stop_jobs 130' INT
trap 'stop_jobs 143' TERM
