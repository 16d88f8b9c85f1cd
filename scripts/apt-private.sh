#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Fetches packages of any Debian release with an apt configuration of its own,
# without touching the system's: no source is added, nothing is installed.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

usage() {
	cat <<END
usage: scripts/apt-private.sh source PACKAGE RELEASE DIR
       scripts/apt-private.sh deb PACKAGE[:ARCH] RELEASE DIR
       scripts/apt-private.sh tree PACKAGE[:ARCH] RELEASE DIR

  source   downloads the source package into DIR (not unpacked) and prints the
           path of its .dsc
  deb      unpacks the binary package into DIR and prints its version
  tree     the same with all that the package depends on

RELEASE is a suite of the Debian archive: trixie, bookworm-backports, ... The
mirror is the one that the system's apt uses; APT_MIRROR= names another. Lists
and downloads are kept under build/apt.
END
}

# The archive that the system's own release comes from
mirror() {
	local codename uri
	# shellcheck source=/dev/null
	codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	# shellcheck disable=SC2016 # the dollars are apt's
	uri=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
		awk -v c="$codename" '$1 == c || $1 ~ /^(old)*stable$/ { print $2; exit }')
	[ -n "$uri" ] || die "apt's sources have no archive for $codename: set APT_MIRROR"
	echo "$uri"
}

case "${1:-}" in
-h | --help) usage; exit ;;
source | deb | tree) [ $# = 4 ] || { usage >&2; exit 1; } ;;
*) usage >&2; exit 1 ;;
esac
kind=$1 package=${2%:*} release=$3
arch=$(dpkg --print-architecture)
[ "$package" = "$2" ] || arch=${2##*:}
mkdir -p "$4"
dest=$(cd "$4" && pwd)

root=$top/build/apt/$release-$arch
mkdir -p "$root"/{etc,lists/partial,cache/archives/partial}

# The lists are shared.
lock "$root"

: >"$root/status"
cat >"$root/etc/$release.sources" <<END
Types: deb deb-src
URIs: ${APT_MIRROR:-$(mirror)}
Suites: $release
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END

apt() {
	apt-get -qq -o APT::Architecture="$arch" -o APT::Architectures="$arch" \
		-o Dir::Etc::sourcelist=/dev/null \
		-o Dir::Etc::sourceparts="$root/etc" \
		-o Dir::Etc::preferences=/dev/null \
		-o Dir::Etc::preferencesparts=/dev/null \
		-o Dir::State::lists="$root/lists" \
		-o Dir::State::status="$root/status" \
		-o Dir::Cache="$root/cache" \
		-o APT::Sandbox::User="$(id -un)" \
		-o Acquire::Retries=3 "$@" >&2
}

refresh() {
	rm -f "$root/updated"
	apt update
	touch "$root/updated"
}

# Lists from an earlier day may name files that the mirror no longer has
fetch() {
	if [ -n "$(find "$root/updated" -mmin -720 2>/dev/null)" ]; then
		apt "$@" 2>"$root/log" && return
	fi
	refresh
	apt "$@"
}

case $kind in
source)
	cd "$dest"
	fetch source --download-only "$package"
	# shellcheck disable=SC2012 # names are apt's, the newest is wanted
	dsc=$(ls -t -- *.dsc | head -n 1)
	echo "$dest/$dsc"
	;;
deb)
	get=$root/cache/$package
	rm -rf "$get"
	mkdir -p "$get"
	cd "$get"
	fetch download "$package"
	for deb in *.deb; do
		dpkg-deb -x "$deb" "$dest"
		dpkg-deb -f "$deb" Version
	done
	;;
tree)
	debs=$root/cache/archives
	rm -f "$debs"/*.deb
	fetch install --yes --no-install-recommends --download-only "$package"
	for deb in "$debs"/*.deb; do
		dpkg-deb -x "$deb" "$dest"
	done
	dpkg-deb -f "$debs/${package}"_*.deb Version
	;;
esac
