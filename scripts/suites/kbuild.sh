# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Kernels that are compiled for their warnings. Source it, after lib.sh.
#
# shellcheck disable=SC2154 # $top is lib.sh's

# worktree NAME: prints the path of a checkout of the base of that name. It is made
# anew if it belongs to a repository that is gone: a newer base has its own.
worktree() {
	local source=$top/build/linux/$1
	# Without .git git would look for a repository above, and find this one.
	if [ ! -e "$source/.git" ] || ! git -C "$source" rev-parse -q --verify HEAD >/dev/null 2>&1; then
		rm -rf "$source"
		git -C "$top/build/linux/base" worktree prune &&
			git -C "$top/build/linux/base" worktree add -q --detach "$source" base >&2 ||
			return
	fi
	echo "$source"
}

# kmake SOURCE OUTPUT ARCH COMPILER ARGUMENT...
kmake() {
	local cross='' cc
	[ "$3" = x86 ] || cross=aarch64-linux-gnu-
	case $4 in
	gcc) set_compiler "${cross}gcc" ;;
	*) set_compiler "$4" ;;
	esac
	make -s -C "$1" O="$2" ARCH="$3" CROSS_COMPILE="$cross" CC="$cc" \
		-j"$(nproc)" "${@:5}"
}

# configure SOURCE OUTPUT ARCH COMPILER OPTION...: the smallest kernel, or another
# whose fragments, without .config, are in $fragments
configure() {
	local source=$1 out=$2 arch=$3 compiler=$4 option paths
	shift 4
	read -ra paths <<<"${fragments:-tiny tiny-$arch}"
	paths=("${paths[@]/#/$top/scripts/kconfig/}")
	paths=("${paths[@]/%/.config}")
	mkdir -p "$out"
	printf '%s\n' "$@" >"$out/options.config"
	kmake "$source" "$out" "$arch" "$compiler" tinyconfig || return
	(cd "$out" && "$source/scripts/kconfig/merge_config.sh" -m -O . .config \
		"${paths[@]}" options.config) || return
	kmake "$source" "$out" "$arch" "$compiler" olddefconfig || return
	# What is asked for twice has the last value.
	while read -r option; do
		[[ $option = *=n ]] || grep -qx "$option" "$out/.config" || {
			echo "$option cannot be set"
			return 1
		}
	done < <(grep -h '^CONFIG_' "${paths[@]}" "$out/options.config" |
		awk -F= '{ value[$1] = $0 } END { for (name in value) print value[name] }')
}

# logged LOG COMMAND...: its output is in LOG, and shown if it fails
logged() {
	"${@:2}" >"$1" 2>&1 || {
		tail -n 30 "$1"
		return 1
	}
}

# The warnings in a log, without the lines, which move, and directories
warnings() {
	sed -nE "s@^([^ ]*/)?((drivers|include)/[^ :]*):[0-9]+(:[0-9]+)?: ((warning|error): .*)@\2: \5@p" \
		"$1" | sort -u
}

drivers() {
	local arch=$1
	shift
	[ "$arch" = arm64 ] || {
		printf '%s\n' "$@"
		return
	}
	printf '%s\n' CONFIG_ARM_SMMU_V3=y "$@"
}

# shellcheck disable=SC2034 # for those who source this
in_all=(CONFIG_IOMMUFD=y CONFIG_IOMMUFD_TEST=y)

# symbols undefined|defined OBJECT...: those that are so there. In words, since nm of
# binutils 2.40 takes -U for an option with a value.
symbols() {
	nm -g "--$1-only" "${@:2}" | awk 'NF > 1 { print $NF }' | sort -u
}
