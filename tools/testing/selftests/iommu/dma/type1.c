// SPDX-License-Identifier: GPL-2.0-only
/* /dev/vfio/vfio, one function an ioctl, see type1.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <linux/iommufd.h>

#include "type1.h"

#define NODE	"/dev/vfio/vfio"

static int call(int fd, unsigned long nr, void *arg)
{
	return ioctl(fd, nr, arg) ? -errno : 0;
}

int type1_open(void)
{
	int fd = open(NODE, O_RDWR | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT) {
		mkdir("/dev/vfio", 0755);
		mknod(NODE, S_IFCHR | 0600, makedev(TYPE1_MAJOR, TYPE1_MINOR));
		fd = open(NODE, O_RDWR | O_CLOEXEC);
	}
	return fd >= 0 ? fd : -errno;
}

int type1_ioas(int fd, uint32_t *ioas)
{
	struct iommu_vfio_ioas cmd = {
		.size = sizeof(cmd),
		.op = IOMMU_VFIO_IOAS_GET,
	};
	int rc;

	rc = call(fd, IOMMU_VFIO_IOAS, &cmd);
	if (!rc)
		*ioas = cmd.ioas_id;
	return rc;
}

int type1_info(int fd, struct vfio_iommu_type1_info *info, uint32_t size)
{
	info->argsz = size;
	return call(fd, VFIO_IOMMU_GET_INFO, info);
}

static int map(int fd, void *va, uint64_t iova, uint64_t length, uint32_t flags)
{
	struct vfio_iommu_type1_dma_map cmd = {
		.argsz = sizeof(cmd),
		.flags = flags,
		.vaddr = (uintptr_t)va,
		.iova = iova,
		.size = length,
	};

	return call(fd, VFIO_IOMMU_MAP_DMA, &cmd);
}

int type1_map(int fd, void *va, uint64_t iova, uint64_t length)
{
	return map(fd, va, iova, length,
		   VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE);
}

int type1_map_ro(int fd, void *va, uint64_t iova, uint64_t length)
{
	return map(fd, va, iova, length, VFIO_DMA_MAP_FLAG_READ);
}

int type1_log(int fd, bool on)
{
	struct vfio_iommu_type1_dirty_bitmap cmd = {
		.argsz = sizeof(cmd),
		.flags = on ? VFIO_IOMMU_DIRTY_PAGES_FLAG_START :
			      VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP,
	};

	return call(fd, VFIO_IOMMU_DIRTY_PAGES, &cmd);
}

static void bitmap_init(struct vfio_bitmap *bitmap, uint64_t length,
			uint64_t pgsize, void *data)
{
	bitmap->pgsize = pgsize;
	bitmap->size = (length / pgsize + 63) / 64 * 8;
	bitmap->data = data;
}

void type1_get_init(struct type1_get *get, uint64_t iova, uint64_t length,
		    uint64_t pgsize, void *bitmap)
{
	get->head.argsz = sizeof(*get);
	get->head.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP;
	get->range.iova = iova;
	get->range.size = length;
	bitmap_init(&get->range.bitmap, length, pgsize, bitmap);
}

int type1_get(int fd, struct type1_get *get)
{
	return call(fd, VFIO_IOMMU_DIRTY_PAGES, get);
}

void type1_unmap_init(struct type1_unmap *unmap, uint64_t iova, uint64_t length,
		      uint64_t pgsize, void *bitmap)
{
	unmap->head.argsz = sizeof(*unmap);
	unmap->head.flags = bitmap ? VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP : 0;
	unmap->head.iova = iova;
	unmap->head.size = length;
	bitmap_init(&unmap->bitmap, length, pgsize, bitmap);
}

int type1_unmap(int fd, struct type1_unmap *unmap)
{
	return call(fd, VFIO_IOMMU_UNMAP_DMA, unmap);
}
