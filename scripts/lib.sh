# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What every script here shares. Source it; it sets $top to the checkout.

# shellcheck disable=SC2034 # used by those who source this
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
me=$(basename "$0" .sh)

die() {
	echo "$me: $*" >&2
	exit 1
}

say() {
	echo "$me: $*" >&2
}

# as_root COMMAND...
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "no sudo here: run as root, once: $*"
	fi
}

# step LOG MESSAGE COMMAND...: says what it does, keeps its output in LOG. Who
# asks a question there gets no answer. A function does not end where it fails,
# as "set -e" does not hold in a condition: it says "|| return".
step() {
	local log=$1
	say "$2"
	shift 2
	mkdir -p "$(dirname "$log")"
	"$@" >"$log" 2>&1 </dev/null || {
		tail -n 30 "$log" >&2
		die "failed: $1 (all of its output: $log)"
	}
}

# Only one run at a time works in a build directory
lock() {
	mkdir -p "$1"
	exec {lock_fd}>"$1/.lock"
	flock -n "$lock_fd" || {
		say "waiting for another run in $1"
		flock "$lock_fd"
	}
}

# The paths in arguments, as one hash of names and contents
hash_files() {
	sha256sum -- "$@" | sha256sum | cut -c1-16
}

# set_compiler NAME: sets $cc. With ccache whatever is built twice is faster,
# without it everything still works. Paths below build/ count as relative; which
# headers a file has, the compiler says: to have them included once more to find
# out would take a sixth of all compiling.
set_compiler() {
	cc=$1
	command -v ccache >/dev/null || return 0
	export CCACHE_DIR=${CCACHE_DIR:-$top/build/ccache}
	export CCACHE_BASEDIR=$top/build CCACHE_NOHASHDIR=1 CCACHE_DEPEND=1
	# shellcheck disable=SC2034 # for those who source this
	cc="ccache $cc"
}

# for_machine NAME: sets what programs and kernels of a test machine are built
# with: $arch, $pages, the size of a page, $cross, the prefix of its compiler,
# and $busybox; and what the programs that do DMA want: $mem, and $hugepages, which
# are of 2 MiB or of 512 MiB.
for_machine() {
	local machine_arch machine_pages=4k release lock_fd
	[ -f "$top/scripts/machines/${1%%,*}.sh" ] ||
		die "no machine '${1%%,*}': $(cd "$top/scripts/machines" && echo *.sh | sed 's/\.sh//g')"
	# shellcheck source=scripts/machines/vtd.sh
	. "$top/scripts/machines/${1%%,*}.sh"
	arch=$machine_arch pages=$machine_pages cross='' busybox=/bin/busybox
	# shellcheck disable=SC2034 # for those who source this
	mem=3G hugepages=128
	# shellcheck disable=SC2034
	[ "$pages" = 4k ] || mem=6G hugepages=4
	[ "$arch" != x86 ] || return 0
	# shellcheck disable=SC2034 # for those who source this
	cross=aarch64-linux-gnu-
	busybox=$top/build/busybox/$arch
	mkdir -p "$top/build/busybox"
	(
		flock "$lock_fd"
		[ ! -x "$busybox" ] || exit 0
		say "fetching busybox for $arch"
		# shellcheck source=/dev/null
		release=$(. /etc/os-release && echo "$VERSION_CODENAME")
		"$top/scripts/apt-private.sh" deb "busybox-static:$arch" "$release" \
			"$top/build/busybox/package" >/dev/null
		cp "$(find "$top/build/busybox/package" -path '*bin/busybox' -type f)" \
			"$busybox"
	) {lock_fd}>"$top/build/busybox/.lock"
}
