// SPDX-License-Identifier: GPL-2.0-only
/* Trace events, as tracefs shows them, see trace.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "text.h"
#include "trace.h"

#define TRACEFS	"/sys/kernel/tracing"

int trace_enable(bool on)
{
	int rc;

	/* A system has it there; an initramfs may not. */
	if (access(TRACEFS "/events", F_OK))
		mount("tracefs", TRACEFS, "tracefs", 0, NULL);
	rc = text_write(TRACEFS "/events/iommu_dirty/enable", on ? "1" : "0");
	if (rc)
		return rc;
	/* That it is truncated empties it. */
	return text_write(TRACEFS "/trace", "");
}

int trace_count(const char *event, const char *fields, ...)
{
	char want[512], pattern[640], line[1024];
	int n = 0;
	va_list ap;
	FILE *f;

	va_start(ap, fields);
	vsnprintf(want, sizeof(want), fields, ap);
	va_end(ap);
	snprintf(pattern, sizeof(pattern), "*: %s: %s\n", event, want);

	f = fopen(TRACEFS "/trace", "r");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f))
		n += !fnmatch(pattern, line, 0);
	fclose(f);
	return n;
}
