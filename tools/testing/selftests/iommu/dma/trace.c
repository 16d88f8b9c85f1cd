// SPDX-License-Identifier: GPL-2.0-only
/* Trace events, as tracefs shows them, see trace.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "trace.h"

#define TRACEFS	"/sys/kernel/tracing"

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	int rc = 0;

	if (fd < 0)
		return -errno;
	if (*text && write(fd, text, strlen(text)) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

int trace_enable(bool on)
{
	int rc;

	/* A system has it there; an initramfs may not. */
	if (access(TRACEFS "/events", F_OK))
		mount("tracefs", TRACEFS, "tracefs", 0, NULL);
	rc = write_text(TRACEFS "/events/iommu_dirty/enable", on ? "1" : "0");
	if (rc)
		return rc;
	/* That it is truncated empties it. */
	return write_text(TRACEFS "/trace", "");
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
