// SPDX-License-Identifier: GPL-2.0-only
/* /dev/iommu, one function an ioctl, see iommufd.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "iommufd.h"

#define IOMMU_NODE	"/dev/iommu"
#define MAX_RANGES	16

static int call(int fd, unsigned long nr, void *arg)
{
	return ioctl(fd, nr, arg) ? -errno : 0;
}

int iommufd_open(void)
{
	unsigned int minor;
	FILE *f;
	int fd;

	fd = open(IOMMU_NODE, O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	if (errno != ENOENT)
		return -errno;
	f = fopen("/sys/class/misc/iommu/dev", "re");
	if (!f)
		return -errno;
	if (fscanf(f, "10:%u", &minor) == 1)
		mknod(IOMMU_NODE, S_IFCHR | 0600, makedev(10, minor));
	fclose(f);
	fd = open(IOMMU_NODE, O_RDWR | O_CLOEXEC);
	return fd >= 0 ? fd : -errno;
}

int iommufd_destroy(int fd, uint32_t id)
{
	struct iommu_destroy cmd = { .size = sizeof(cmd), .id = id };

	return call(fd, IOMMU_DESTROY, &cmd);
}

int iommufd_ioas_alloc(int fd, uint32_t *ioas)
{
	struct iommu_ioas_alloc cmd = { .size = sizeof(cmd) };
	int rc;

	rc = call(fd, IOMMU_IOAS_ALLOC, &cmd);
	if (!rc)
		*ioas = cmd.out_ioas_id;
	return rc;
}

int iommufd_alignment(int fd, uint32_t ioas, uint64_t *alignment)
{
	struct iommu_iova_range range[MAX_RANGES];
	struct iommu_ioas_iova_ranges cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas,
		.num_iovas = MAX_RANGES,
		.allowed_iovas = (uintptr_t)range,
	};
	int rc;

	rc = call(fd, IOMMU_IOAS_IOVA_RANGES, &cmd);
	if (!rc)
		*alignment = cmd.out_iova_alignment;
	return rc;
}

static int map(int fd, uint32_t ioas, void *va, uint64_t iova, uint64_t length,
	       uint32_t flags)
{
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = flags | IOMMU_IOAS_MAP_FIXED_IOVA,
		.ioas_id = ioas,
		.user_va = (uintptr_t)va,
		.length = length,
		.iova = iova,
	};

	return call(fd, IOMMU_IOAS_MAP, &cmd);
}

int iommufd_map(int fd, uint32_t ioas, void *va, uint64_t iova, uint64_t length)
{
	return map(fd, ioas, va, iova, length,
		   IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE);
}

int iommufd_map_ro(int fd, uint32_t ioas, void *va, uint64_t iova,
		   uint64_t length)
{
	return map(fd, ioas, va, iova, length, IOMMU_IOAS_MAP_READABLE);
}

int iommufd_unmap(int fd, uint32_t ioas, uint64_t iova, uint64_t length)
{
	struct iommu_ioas_unmap cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas,
		.iova = iova,
		.length = length,
	};

	return call(fd, IOMMU_IOAS_UNMAP, &cmd);
}

int iommufd_unmap_dirty(int fd, uint32_t ioas, uint64_t iova, uint64_t *length,
			uint64_t page_size, void *data)
{
	struct iommu_ioas_unmap_dirty cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas,
		.iova = iova,
		.length = *length,
		.page_size = page_size,
		.data = (uintptr_t)data,
	};
	int rc = call(fd, IOMMU_IOAS_UNMAP_DIRTY, &cmd);

	*length = cmd.length;
	return rc;
}

int iommufd_copy(int fd, uint32_t dst_ioas, uint64_t dst_iova,
		 uint32_t src_ioas, uint64_t src_iova, uint64_t length)
{
	struct iommu_ioas_copy cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.dst_ioas_id = dst_ioas,
		.src_ioas_id = src_ioas,
		.length = length,
		.dst_iova = dst_iova,
		.src_iova = src_iova,
	};

	return call(fd, IOMMU_IOAS_COPY, &cmd);
}

int iommufd_hwpt_alloc(int fd, uint32_t devid, uint32_t ioas, uint32_t flags,
		       uint32_t *hwpt)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.dev_id = devid,
		.pt_id = ioas,
		.data_type = IOMMU_HWPT_DATA_NONE,
	};
	int rc;

	rc = call(fd, IOMMU_HWPT_ALLOC, &cmd);
	if (!rc)
		*hwpt = cmd.out_hwpt_id;
	return rc;
}

int iommufd_hw_caps(int fd, uint32_t devid, uint64_t *caps)
{
	struct iommu_hw_info cmd = { .size = sizeof(cmd), .dev_id = devid };
	int rc;

	rc = call(fd, IOMMU_GET_HW_INFO, &cmd);
	if (!rc)
		*caps = cmd.out_capabilities;
	return rc;
}

int iommufd_set_dirty(int fd, uint32_t hwpt, bool on)
{
	struct iommu_hwpt_set_dirty_tracking cmd = {
		.size = sizeof(cmd),
		.flags = on ? IOMMU_HWPT_DIRTY_TRACKING_ENABLE : 0,
		.hwpt_id = hwpt,
	};

	return call(fd, IOMMU_HWPT_SET_DIRTY_TRACKING, &cmd);
}

int iommufd_get_dirty(int fd, uint32_t hwpt, uint32_t flags, uint64_t iova,
		      uint64_t length, uint64_t page_size, void *data)
{
	struct iommu_hwpt_get_dirty_bitmap cmd = {
		.size = sizeof(cmd),
		.hwpt_id = hwpt,
		.flags = flags,
		.iova = iova,
		.length = length,
		.page_size = page_size,
		.data = (uintptr_t)data,
	};

	return call(fd, IOMMU_HWPT_GET_DIRTY_BITMAP, &cmd);
}

int iommufd_split_mode(int fd, uint32_t hwpt, uint32_t *mode, uint32_t *modes)
{
	struct iommu_hwpt_dirty_split_mode cmd = {
		.size = sizeof(cmd),
		.hwpt_id = hwpt,
	};
	int rc;

	rc = call(fd, IOMMU_HWPT_DIRTY_SPLIT_MODE, &cmd);
	if (!rc) {
		*mode = cmd.mode;
		*modes = cmd.out_modes;
	}
	return rc;
}

int iommufd_set_split_mode(int fd, uint32_t hwpt, uint32_t mode)
{
	struct iommu_hwpt_dirty_split_mode cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_HWPT_DIRTY_SPLIT_MODE_SET,
		.hwpt_id = hwpt,
		.mode = mode,
	};

	return call(fd, IOMMU_HWPT_DIRTY_SPLIT_MODE, &cmd);
}

static int reshape(int fd, unsigned long request, uint32_t hwpt, uint64_t iova,
		   uint64_t length, uint64_t *leaves)
{
	struct iommu_hwpt_dirty_range cmd = {
		.size = sizeof(cmd),
		.hwpt_id = hwpt,
		.iova = iova,
		.length = length,
	};
	int rc;

	rc = call(fd, request, &cmd);
	if (!rc)
		*leaves = cmd.out_leaves;
	return rc;
}

int iommufd_split(int fd, uint32_t hwpt, uint64_t iova, uint64_t length,
		  uint64_t *leaves)
{
	return reshape(fd, IOMMU_HWPT_DIRTY_SPLIT, hwpt, iova, length, leaves);
}

int iommufd_join(int fd, uint32_t hwpt, uint64_t iova, uint64_t length,
		 uint64_t *leaves)
{
	return reshape(fd, IOMMU_HWPT_DIRTY_JOIN, hwpt, iova, length, leaves);
}

long iommu_table_pages(void)
{
	char line[128];
	long pages = -1;
	FILE *f;

	/* Each processor has its own count until somebody asks. */
	f = fopen("/proc/sys/vm/stat_refresh", "r");
	if (f) {
		fgetc(f);
		fclose(f);
	}
	f = fopen("/proc/vmstat", "r");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "nr_iommu_pages ", 15))
			pages = strtol(line + 15, NULL, 10);
	if (f)
		fclose(f);
	return pages;
}
