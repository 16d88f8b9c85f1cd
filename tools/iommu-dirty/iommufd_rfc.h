/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Names of the first proposal of iommufd dirty tracking
 *
 * Programs were written to the interface as it was first posted, with
 * IOMMU_HWPT_SET_DIRTY and IOMMU_HWPT_GET_DIRTY_IOVA. What was merged has other
 * names, and for the second another struct: the first posting's has no flags,
 * later ones have them. Such a program builds with this header and runs: the
 * two requests, passed to ioctl(), are translated here. The kernel does not
 * know them.
 *
 * Include it after <linux/iommufd.h>, in place of the proposal's own header.
 */
#ifndef __IOMMUFD_RFC_H
#define __IOMMUFD_RFC_H

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include <linux/iommufd.h>

enum iommufd_set_dirty_flags {
	IOMMU_DIRTY_TRACKING_DISABLED = 0,
	IOMMU_DIRTY_TRACKING_ENABLED = 1,
};

enum iommufd_get_dirty_iova_flags {
	IOMMU_GET_DIRTY_IOVA_NO_CLEAR = 1,
};

struct iommu_hwpt_set_dirty {
	__u32 size;
	__u32 flags;
	__u32 hwpt_id;
	__u32 __reserved;
};

struct iommufd_dirty_data {
	__aligned_u64 iova;
	__aligned_u64 length;
	__aligned_u64 page_size;
	__aligned_u64 *data;
};

/* Define IOMMUFD_RFC_V1 for a program that was written to the first posting. */
struct iommu_hwpt_get_dirty_iova {
	__u32 size;
	__u32 hwpt_id;
#ifndef IOMMUFD_RFC_V1
	__u32 flags;
	__u32 __reserved;
#endif
	struct iommufd_dirty_data bitmap;
};

/* Requests of this header alone, out of the range that the kernel hands out */
#define IOMMU_HWPT_SET_DIRTY		_IO(IOMMUFD_TYPE, 0xfe)
#define IOMMU_HWPT_GET_DIRTY_IOVA	_IO(IOMMUFD_TYPE, 0xff)

static inline int iommufd_rfc_set_dirty(int fd,
					const struct iommu_hwpt_set_dirty *rfc)
{
	struct iommu_hwpt_set_dirty_tracking cmd = {
		.size = sizeof(cmd),
		.hwpt_id = rfc->hwpt_id,
		.flags = rfc->flags,
		.__reserved = rfc->__reserved,
	};

	if (rfc->size < sizeof(*rfc)) {
		errno = EINVAL;
		return -1;
	}
	return ioctl(fd, IOMMU_HWPT_SET_DIRTY_TRACKING, &cmd);
}

static inline int
iommufd_rfc_get_dirty_iova(int fd, const struct iommu_hwpt_get_dirty_iova *rfc)
{
	struct iommu_hwpt_get_dirty_bitmap cmd = {
		.size = sizeof(cmd),
		.hwpt_id = rfc->hwpt_id,
#ifndef IOMMUFD_RFC_V1
		.flags = rfc->flags,
		.__reserved = rfc->__reserved,
#endif
		.iova = rfc->bitmap.iova,
		.length = rfc->bitmap.length,
		.page_size = rfc->bitmap.page_size,
		.data = (uintptr_t)rfc->bitmap.data,
	};

	if (rfc->size < sizeof(*rfc)) {
		errno = EINVAL;
		return -1;
	}
	return ioctl(fd, IOMMU_HWPT_GET_DIRTY_BITMAP, &cmd);
}

/* ioctl() for such a program: everything else goes to the kernel as it is. */
static inline int iommufd_rfc_ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);

	switch (request) {
	case IOMMU_HWPT_SET_DIRTY:
		return iommufd_rfc_set_dirty(fd, arg);
	case IOMMU_HWPT_GET_DIRTY_IOVA:
		return iommufd_rfc_get_dirty_iova(fd, arg);
	default:
		return ioctl(fd, request, arg);
	}
}

#ifndef IOMMUFD_RFC_KEEP_IOCTL
#define ioctl iommufd_rfc_ioctl
#endif

#endif /* __IOMMUFD_RFC_H */
