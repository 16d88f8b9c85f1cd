/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /dev/iommu, one function an ioctl.
 *
 * Everything returns 0 or a negative errno unless it says otherwise; nothing
 * prints, nothing exits.
 */
#ifndef DMA_IOMMUFD_H
#define DMA_IOMMUFD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/iommufd.h>

#define NO_CLEAR	IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR

/**
 * iommufd_open - open /dev/iommu, making the node if there is none
 *
 * Return: a file descriptor or a negative errno.
 */
int iommufd_open(void);

/**
 * iommufd_destroy - IOMMU_DESTROY
 * @fd: the iommufd
 * @id: any object that may be destroyed
 */
int iommufd_destroy(int fd, uint32_t id);

/**
 * iommufd_ioas_alloc - IOMMU_IOAS_ALLOC
 * @fd: the iommufd
 * @ioas: filled in
 */
int iommufd_ioas_alloc(int fd, uint32_t *ioas);

/**
 * iommufd_alignment - IOMMU_IOAS_IOVA_RANGES, only the alignment
 * @fd: the iommufd
 * @ioas: which
 * @alignment: filled in: what IOVAs and lengths must be multiples of
 */
int iommufd_alignment(int fd, uint32_t ioas, uint64_t *alignment);

/**
 * iommufd_map - IOMMU_IOAS_MAP at a fixed IOVA, readable and writable
 * @fd: the iommufd
 * @ioas: where
 * @va: memory of this process
 * @iova: its address for devices
 * @length: bytes
 */
int iommufd_map(int fd, uint32_t ioas, void *va, uint64_t iova,
		uint64_t length);

/**
 * iommufd_map_ro - iommufd_map() without the right to write
 * @fd: the iommufd
 * @ioas: where
 * @va: memory of this process
 * @iova: its address for devices
 * @length: bytes
 */
int iommufd_map_ro(int fd, uint32_t ioas, void *va, uint64_t iova,
		   uint64_t length);

/**
 * iommufd_unmap - IOMMU_IOAS_UNMAP
 * @fd: the iommufd
 * @ioas: where
 * @iova: first byte; must begin an area
 * @length: bytes; must end an area
 */
int iommufd_unmap(int fd, uint32_t ioas, uint64_t iova, uint64_t length);

/**
 * iommufd_unmap_dirty - IOMMU_IOAS_UNMAP_DIRTY
 * @fd: the iommufd
 * @ioas: where
 * @iova: first byte, bit 0 of the bitmap; must begin an area if it is in one
 * @length: bytes; must end an area. Set to what was unmapped, on errors as well
 * @page_size: bytes of IOVA that a bit stands for
 * @data: the bitmap, at any address
 */
int iommufd_unmap_dirty(int fd, uint32_t ioas, uint64_t iova, uint64_t *length,
			uint64_t page_size, void *data);

/**
 * iommufd_copy - IOMMU_IOAS_COPY to a fixed IOVA, readable and writable
 * @fd: the iommufd
 * @dst_ioas: where to
 * @dst_iova: at which address
 * @src_ioas: where from
 * @src_iova: from which address
 * @length: bytes
 */
int iommufd_copy(int fd, uint32_t dst_ioas, uint64_t dst_iova,
		 uint32_t src_ioas, uint64_t src_iova, uint64_t length);

/**
 * iommufd_hwpt_alloc - IOMMU_HWPT_ALLOC of a kernel-managed page table
 * @fd: the iommufd
 * @devid: a bound device, see struct vfio_dev
 * @ioas: whose mappings
 * @flags: IOMMU_HWPT_ALLOC_*
 * @hwpt: filled in
 */
int iommufd_hwpt_alloc(int fd, uint32_t devid, uint32_t ioas, uint32_t flags,
		       uint32_t *hwpt);

/**
 * iommufd_hw_caps - IOMMU_GET_HW_INFO, only the capability bits
 * @fd: the iommufd
 * @devid: a bound device
 * @caps: filled in with IOMMU_HW_CAP_*
 */
int iommufd_hw_caps(int fd, uint32_t devid, uint64_t *caps);

/**
 * iommufd_set_dirty - IOMMU_HWPT_SET_DIRTY_TRACKING
 * @fd: the iommufd
 * @hwpt: a HWPT allocated with IOMMU_HWPT_ALLOC_DIRTY_TRACKING
 * @on: enable or disable
 */
int iommufd_set_dirty(int fd, uint32_t hwpt, bool on);

/**
 * iommufd_get_dirty - IOMMU_HWPT_GET_DIRTY_BITMAP
 * @fd: the iommufd
 * @hwpt: a HWPT allocated with IOMMU_HWPT_ALLOC_DIRTY_TRACKING
 * @flags: 0 or NO_CLEAR
 * @iova: bit 0 of the bitmap
 * @length: bytes of IOVA
 * @page_size: bytes of IOVA that a bit stands for
 * @data: the bitmap, at any address
 */
int iommufd_get_dirty(int fd, uint32_t hwpt, uint32_t flags, uint64_t iova,
		      uint64_t length, uint64_t page_size, void *data);

/**
 * iommufd_split_mode - read what IOMMU_HWPT_DIRTY_SPLIT_MODE says
 * @fd: the iommufd
 * @hwpt: a HWPT allocated with IOMMU_HWPT_ALLOC_DIRTY_TRACKING
 * @mode: filled in with the mode
 * @modes: filled in with the modes that it can have, bit n for mode n
 */
int iommufd_split_mode(int fd, uint32_t hwpt, uint32_t *mode, uint32_t *modes);

/**
 * iommufd_set_split_mode - IOMMU_HWPT_DIRTY_SPLIT_MODE
 * @fd: the iommufd
 * @hwpt: a HWPT allocated with IOMMU_HWPT_ALLOC_DIRTY_TRACKING
 * @mode: one of IOMMU_HWPT_DIRTY_SPLIT_*
 */
int iommufd_set_split_mode(int fd, uint32_t hwpt, uint32_t mode);

/**
 * iommufd_split - IOMMU_HWPT_DIRTY_SPLIT
 * @fd: the iommufd
 * @hwpt: a HWPT allocated with IOMMU_HWPT_ALLOC_DIRTY_TRACKING
 * @iova: first byte
 * @length: bytes
 * @leaves: filled in with how many leaves were split
 */
int iommufd_split(int fd, uint32_t hwpt, uint64_t iova, uint64_t length,
		  uint64_t *leaves);

/**
 * iommufd_join - IOMMU_HWPT_DIRTY_JOIN
 * @fd: the iommufd
 * @hwpt: a HWPT allocated with IOMMU_HWPT_ALLOC_DIRTY_TRACKING
 * @iova: first byte
 * @length: bytes
 * @leaves: filled in with how many leaves were made
 */
int iommufd_join(int fd, uint32_t hwpt, uint64_t iova, uint64_t length,
		 uint64_t *leaves);

/**
 * iommu_table_pages - pages of all IOMMUs' tables, as the kernel counts them
 *
 * Return: the number, or -1 if the kernel does not say.
 */
long iommu_table_pages(void);

#endif /* DMA_IOMMUFD_H */
