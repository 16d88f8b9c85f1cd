// SPDX-License-Identifier: GPL-2.0-only
/* The n-th allocation of a call fails, see failnth.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../dma/text.h"
#include "failnth.h"

static int put(const char *name, const char *value)
{
	char path[80];

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s", name);
	return text_write(path, value);
}

int failnth_open(void)
{
	int rc = put("failslab/ignore-gfp-wait", "N");
	int fail;

	if (!rc)
		rc = put("failslab/verbose", "0");
	if (!rc)
		rc = put("fail_iommufd/verbose", "0");
	if (rc)
		return rc;
	fail = open("/proc/self/fail-nth", O_RDWR);
	return fail < 0 ? -errno : fail;
}

int failnth_pages(bool on)
{
	int rc = put("fail_page_alloc/verbose", "0");

	if (!rc)
		rc = put("fail_page_alloc/ignore-gfp-wait", on ? "N" : "Y");
	return rc ? rc : put("fail_page_alloc/min-order", on ? "0" : "1");
}

int failnth_arm(int fail, unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	return pwrite(fail, text, len, 0) == len ? 0 : -errno;
}

bool failnth_fired(int fail)
{
	char text[16] = "";
	bool left;

	left = pread(fail, text, sizeof(text) - 1, 0) > 0 && atoi(text);
	failnth_arm(fail, 0);
	return !left;
}
