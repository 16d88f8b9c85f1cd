#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Suite static: style, sparse, Coccinelle; builds by gcc and clang, iommufd in, a module, out.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
parts=(style docs cocci builds)

case ${1:-} in
-h | --help)
	cat <<END
usage: scripts/suites/static.sh [PART...]

  style   checkpatch --strict and kernel-doc on the files and hooks of the
          series, shellcheck on scripts, and what Documentation refers to
  docs    our pages of Documentation, by the kernel's configuration of Sphinx
  cocci   the kernel's semantic patches, and those of scripts/cocci, each of
          which must report what it is there for
  builds  for x86 and arm64: W=1 by gcc and clang, sparse; the kernel links with
          IOMMUFD=m (y is the test kernels'), and n misses nothing; the base builds
          without its dirty tracking

Without a name all of them.
END
	exit
	;;
esac
[ $# = 0 ] || parts=("$@")
for part in "${parts[@]}"; do
	[ -x "$here/static/$part.sh" ] || {
		echo "static: no such part: $part" >&2
		exit 2
	}
	start=$SECONDS
	"$here/static/$part.sh"
	echo "static: $part: $((SECONDS - start)) s" >&2
done
