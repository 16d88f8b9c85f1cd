#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Suite series: the mails and ./run apply make the composed tree; MAINTAINERS has our files; fixes apply.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
parts=(mails apply)

case ${1:-} in
-h | --help)
	cat <<END
usage: scripts/suites/series.sh [PART...]

What leaves this repository.

  mails   those of ./run series are clean and make the composed tree, and
          get_maintainer.pl finds our section for each of our files; those of
          fixes/ are clean and make the tree of the base with its fixes
  apply   ./run apply makes the composed tree of other trees or leaves them alone

Without a name both.
END
	exit
	;;
esac
[ $# = 0 ] || parts=("$@")
for part in "${parts[@]}"; do
	case $part in
	mails | apply) "$here/series/$part.sh" ;;
	*)
		echo "series: no such part: $part" >&2
		exit 2
		;;
	esac
done
