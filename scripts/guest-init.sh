#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# /init of the test machine, under busybox. Runs one command, looks for what
# the kernel complained about, reports both on the console and switches off.
#
# Kernel arguments:
#   guest.run64=BASE64    the command, for sh -c, in base64, which takes every
#                         character
#   guest.hugepages=N     reserve N huge pages
#   guest.interactive=1   a shell on the console instead of a plain run
#
# The command finds in $DATA a serial line for results, apart from the console.
# The last console lines are for the machine that started this one:
#   guest: complaints     and what the kernel said, if anything
#   guest: splats N
#   guest: exit N

export PATH=/bin HOME=/tmp DATA
/bin/busybox --install -s /bin 2>/dev/null

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /tmp
mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
exec </dev/console >/dev/console 2>&1

# What is the argument $1= of the kernel command line?
karg() {
	sed -n "s/.*\\b$1=\\([^ ]*\\).*/\\1/p" /proc/cmdline
}

# The second serial port, as x86 and Arm call it
for DATA in /dev/ttyS1 /dev/ttyAMA1 /dev/null; do
	[ -c "$DATA" ] && break
done
# What firmware has said there is not ours.
[ "$DATA" = /dev/null ] || {
	stty -F "$DATA" raw -echo
	printf '\nguest: data\n' >"$DATA"
}

pages=$(karg guest.hugepages)
if [ -n "$pages" ]; then
	echo "$pages" >/proc/sys/vm/nr_hugepages
	got=$(cat /proc/sys/vm/nr_hugepages)
	[ "$got" = "$pages" ] || echo "guest: only $got of $pages huge pages"
fi

run=$(karg guest.run64 | base64 -d)

if [ -n "$(karg guest.interactive)" ]; then
	# A login on the real line, so that job control and ^C work.
	setsid cttyhack sh -c "${run:-exec sh}"
	status=$?
else
	# Lines end as the command wrote them, not in CR LF.
	stty -onlcr
	sh -c "$run" </dev/null
	status=$?
fi

# What a kernel that counts coverage has counted
if [ -d /sys/kernel/debug/gcov ]; then
	find /sys/kernel/debug/gcov -name '*.gcda' | while read -r file; do
		mkdir -p "/tmp/gcov/${file%/*}"
		cat "$file" >"/tmp/gcov/$file"
	done
	tar -C /tmp/gcov -cz . >"$DATA"
fi

# One record per complaint: its first line and what follows of it.
complaints='KASAN:|\bBUG:|WARNING:|possible .* detected|Oops:|UBSAN:|general protection fault|Unable to handle kernel|blocked for more than'
echo "guest: complaints"
dmesg | grep -E -A 40 "$complaints"
splats=$(dmesg | grep -cE "$complaints")

# kmemleak takes a write only when it is enabled, and calls nothing a leak
# that is younger than five seconds.
leaks=/sys/kernel/debug/kmemleak
if [ -e $leaks ] && echo scan 2>/dev/null >$leaks; then
	sleep 6
	echo scan >$leaks
	cat $leaks
	splats=$((splats + $(grep -c 'unreferenced object' $leaks)))
fi

echo "guest: splats $splats"
echo "guest: exit $status"
# A reboot does not wait for what the line has not sent yet; this does.
stty echo
reboot -f
