// SPDX-License-Identifier: GPL-2.0-only
/*
 * A library to load into a client of iommufd or of VFIO's container.
 *
 * To the file that $SHIM_LOG names it writes what became of each call that the
 * client makes about dirty pages.  With $SHIM_DROP set, each seventh of the
 * pages that are reported to it is left out: what the client then makes of its
 * memory has to be wrong.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include <linux/iommufd.h>
#include <linux/vfio.h>

#include "shim.h"

#define EACH	7

static unsigned long seen;

static void drop(uint8_t *bitmap, uint64_t pages)
{
	uint64_t i;

	for (i = 0; i < pages; i++) {
		if (bitmap[i / 8] >> i % 8 & 1 && !(++seen % EACH))
			bitmap[i / 8] &= ~(1 << i % 8);
	}
}

static void drop_from(unsigned long request, const void *arg)
{
	const struct vfio_iommu_type1_dirty_bitmap_get *range;
	const struct vfio_iommu_type1_dirty_bitmap *pages = arg;
	const struct iommu_hwpt_get_dirty_bitmap *get = arg;

	if (request == IOMMU_HWPT_GET_DIRTY_BITMAP) {
		drop((uint8_t *)(uintptr_t)get->data,
		     get->length / get->page_size);
	} else if (request == VFIO_IOMMU_DIRTY_PAGES &&
		   pages->flags == VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP) {
		range = (const void *)pages->data;
		drop((uint8_t *)range->bitmap.data,
		     range->size / range->bitmap.pgsize);
	}
}

/* Only of these requests the argument may be looked at. */
static const char *name(unsigned long request, const void *arg)
{
	const struct vfio_iommu_type1_dirty_bitmap *pages = arg;
	const struct iommu_hwpt_set_dirty_tracking *set = arg;

	if (request == IOMMU_HWPT_GET_DIRTY_BITMAP)
		return "get";
	if (request == IOMMU_HWPT_SET_DIRTY_TRACKING)
		return set->flags ? "start" : "stop";
	if (request != VFIO_IOMMU_DIRTY_PAGES)
		return NULL;
	switch (pages->flags) {
	case VFIO_IOMMU_DIRTY_PAGES_FLAG_START:
		return "container start";
	case VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP:
		return "container stop";
	case VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP:
		return "container get";
	}
	/* VFIO_DEVICE_FEATURE has the same number. */
	return NULL;
}

static void record(const char *call, int rc)
{
	const char *path = getenv("SHIM_LOG");
	FILE *file = path ? fopen(path, "a") : NULL;

	if (!file)
		return;
	fprintf(file, "%s: %d\n", call, rc);
	fclose(file);
}

void *next_function(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

int ioctl(int fd, unsigned long request, ...)
{
	ioctl_fn next = (ioctl_fn)next_function("ioctl");
	const char *call;
	va_list ap;
	void *arg;
	int rc;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	rc = v1_ioctl(next, fd, request, arg);
	if (!rc && getenv("SHIM_DROP"))
		drop_from(request, arg);
	call = name(request, arg);
	if (call) {
		int saved = errno;

		record(call, rc < 0 ? -saved : rc);
		errno = saved;
	}
	return rc;
}
