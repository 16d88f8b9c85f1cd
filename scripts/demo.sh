#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The demo: boots the kernel on emulated hardware, migrates DMA-written memory
# in it, checks the copy and draws what happened.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

usage() {
	cat <<END
usage: ./run demo [--iommu NAME] [--size MIB] [--kernel series|stock] [OPTION...]
       ./run demo --huge[=NAME,...] [--iommu NAME] [--size MIB] [OPTION...]

  --huge        memory of huge pages, in huge leaves (--size: default 2048), and
                what each NAME sends of it, side by side: stock, the unpatched
                base; default, ours, not told anything; off, lazy or eager, ours
                with leaves split then (default: stock,default,eager)
  --iommu NAME  the machine (default vtd), see scripts/boot.sh --help
  --size MIB    memory to migrate (default 512)
  --drop N      do not copy the N-th dirty page of the last round: the check
                must then find the copy different
  --rounds N, --seed N, --rate N
                passed on to the program, see tools/iommu-dirty/migrate.c
  --output DIR  results go there instead of to out/demo/

Builds what is missing first. KERNEL= and QEMU= name a kernel image and a QEMU
binary to use instead, HDR= a directory of installed kernel headers.
Results: out/demo/{demo.svg,rounds.csv,console.log}; with --huge out/demo/huge.svg
and out/demo/huge/. Exit status: 0 only if each copy is identical and the kernel
had nothing to complain of; with --huge, only if also what splits comes to an end,
what does not split does not, and sends 100 times as much for one write a leaf.
END
}

iommu=vtd size='' tree=series pass=() huge='' out=$top/out/demo
while [ $# -gt 0 ]; do
	case $1 in
	--help | -h) usage; exit ;;
	--huge) huge=stock,default,eager; shift; continue ;;
	--huge=?*) huge=${1#*=}; shift; continue ;;
	--iommu) iommu=${2:?--iommu needs a name} ;;
	--size) size=${2:?--size needs a number of MiB} ;;
	--kernel) tree=${2:?--kernel takes series or stock} ;;
	--output) out=$(realpath -m -- "${2:?--output takes a directory}") ;;
	--drop | --rounds | --seed | --rate) pass+=("$1" "${2:?$1 needs a number}") ;;
	*) usage >&2; die "do not know $1" ;;
	esac
	shift 2
done
if [ -z "$size" ]; then
	size=512
	[ -z "$huge" ] || size=2048
fi
[[ $size =~ ^[1-9][0-9]*$ ]] || die "--size $size: give a number of MiB"

for_machine "$iommu"
[ "$pages" = 4k ] || die "--iommu $iommu: the program knows pages of 4 KiB only"
build=$top/build/demo/$arch
shown=${out#"$top/"}
lock "$out"
if [ -z "${HDR:-}" ]; then
	HDR=$("$top/scripts/kernel.sh" --headers --arch "$arch" | tail -n 1)
	HDR=${HDR%/include}
fi

(
	lock "$build"
	make -s -C "$top/tools/iommu-dirty" O="$build" HDR="$HDR" CC="${cross}gcc"
	"$top/scripts/initramfs.sh" --busybox "$busybox" "$build/initrd.gz" "$build/migrate"
)

kernel() {
	if [ "$1" = series ] && [ -n "${KERNEL:-}" ]; then
		echo "$KERNEL"
	else
		"$top/scripts/kernel.sh" --kernel "$1" --arch "$arch" | tail -n 1
	fi
}

# run DIR/NAME TREE MIB ARGUMENTS COMMAND: leaves NAME.csv and NAME.log
run() {
	local image status=0
	rm -f "$1".{csv,log}
	image=$(kernel "$2") || return
	"$top/scripts/boot.sh" --kernel "$image" --initrd "$build/initrd.gz" \
		--iommu "$iommu" --mem "$3M" --append "quiet $4" \
		--data "$1.csv" --log "$1.log" --timeout 300 -- "$5" || status=$?
	# Of a line that was drawn over, the log keeps what was seen last.
	[ ! -e "$1.log" ] || sed -i 's/.*\r//' "$1.log"
	return "$status"
}

plain() {
	local status=0 last
	rm -f "$out"/{demo.svg,rounds.csv,console.log}
	# Memory for the source, the destination, the kernel and its page tables
	run "$out/rounds" "$tree" $((2 * size + 512)) '' \
		"migrate --size $size --data \$DATA ${pass[*]}" || status=$?
	# What kept the machine from running has said so.
	[ -e "$out/rounds.log" ] || return "$status"
	mv "$out/rounds.log" "$out/console.log"

	last=$(tail -n 1 "$out/rounds.csv" | cut -d, -f1)
	if [[ $last =~ ^[1-9] ]]; then
		gnuplot -e "csv='$out/rounds.csv'; out='$out/demo.svg'; last=$last" \
			-e "what='Pre-copy of $size MiB while a PCI device writes (${iommu%%,*})'" \
			"$top/scripts/demo/rounds.gnuplot"
		echo
		echo "plot:    $shown/demo.svg"
		echo "rounds:  $shown/rounds.csv"
	fi
	grep '^migrate: ' "$out/console.log" | tail -n 1 ||
		echo "demo: no verdict, see $shown/console.log" >&2
	return "$status"
}

# A device that writes all the time, at a rate at which pages converge, and huge
# leaves do not: 600 pages in the shortest round. It is worth stopping for 8 MiB.
stop=2048

# one_huge NAME: a boot, and a migration by each way of writing
one_huge() {
	local dir=$out/huge tree=series mode=$1 migrate
	[ "$1" != stock ] || tree=stock mode=default
	migrate="migrate --data \$DATA --size $size --huge $mode --steady"
	run "$dir/$1" "$tree" $((2 * size + 1024)) "guest.hugepages=$((size / 2))" \
		"$migrate --rate 2000 --rounds 12 --stop $stop ${pass[*]} &&
		 $migrate --each-leaf --rounds 5 --stop 0" || return
	awk -v out="$dir/$1" '/^round,/ { n++ }
		{ print >(out (n == 1 ? "-random.csv" : "-leaf.csv")) }' "$dir/$1.csv" || return
	[ "$(grep -c '^migrate: identical, ' "$dir/$1.log")" = 2 ]
}

all_huge() {
	local dir=$out/huge names name status=0
	[[ ,$huge =~ ^(,(stock|default|off|lazy|eager))+$ ]] ||
		die "--huge=$huge: give some of stock,default,off,lazy,eager"
	[ $((size % 2)) = 0 ] || die "--size $size: a huge page has 2 MiB"
	[ "$tree" = series ] || die "--kernel $tree: write --huge=stock"
	IFS=, read -ra names <<<"$huge"
	rm -rf "$dir" "$out/huge.svg"
	mkdir -p "$dir"
	for name in "${names[@]}"; do
		say "$size MiB in huge leaves: $name"
		one_huge "$name" || {
			[ ! -e "$dir/$name.log" ] || die "$name: failed, see $shown/huge/$name.log"
			exit 1
		}
	done

	(cd "$dir" && awk -v stop=$stop -f "$top/scripts/demo/huge.awk" \
		"${names[@]/%/-random.csv}" "${names[@]/%/-leaf.csv}") || status=$?
	gnuplot -e "dir='$dir'; out='$out/huge.svg'; names='${names[*]}'" \
		-e "what='Pre-copy of $size MiB in leaves of 2 MiB (${iommu%%,*})'" \
		"$top/scripts/demo/huge.gnuplot"
	echo "plot:    $shown/huge.svg"
	echo "rounds:  $shown/huge/"
	return "$status"
}

if [ -n "$huge" ]; then
	all_huge
else
	plain
fi
