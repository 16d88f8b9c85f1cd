/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /dev/vfio/vfio, the container, one function an ioctl.
 *
 * Everything returns 0 or a negative errno unless it says otherwise; nothing
 * prints, nothing exits.
 */
#ifndef DMA_TYPE1_H
#define DMA_TYPE1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/vfio.h>

/* /dev/vfio/vfio has always had these. */
#define TYPE1_MAJOR	10
#define TYPE1_MINOR	196

/**
 * type1_open - open /dev/vfio/vfio, making the node if there is none
 *
 * Return: a file descriptor or a negative errno.
 */
int type1_open(void);

/**
 * type1_ioas - IOMMU_VFIO_IOAS_GET: which IOAS is the container's?
 * @fd: the container, or any iommufd
 * @ioas: filled in
 */
int type1_ioas(int fd, uint32_t *ioas);

/**
 * type1_info - VFIO_IOMMU_GET_INFO
 * @fd: the container
 * @info: filled in
 * @size: how much room there is for it, and for what follows it
 */
int type1_info(int fd, struct vfio_iommu_type1_info *info, uint32_t size);

/**
 * type1_map - VFIO_IOMMU_MAP_DMA, readable and writable
 * @fd: the container
 * @va: memory of this process
 * @iova: its address for devices
 * @length: bytes
 */
int type1_map(int fd, void *va, uint64_t iova, uint64_t length);

/**
 * type1_map_ro - type1_map() without the right to write
 * @fd: the container
 * @va: memory of this process
 * @iova: its address for devices
 * @length: bytes
 */
int type1_map_ro(int fd, void *va, uint64_t iova, uint64_t length);

/**
 * type1_log - VFIO_IOMMU_DIRTY_PAGES: start or stop logging
 * @fd: the container
 * @on: which
 */
int type1_log(int fd, bool on);

/**
 * struct type1_get - VFIO_IOMMU_DIRTY_PAGES with GET_BITMAP
 * @head: as the interface has it
 * @range: what follows it
 */
struct type1_get {
	struct vfio_iommu_type1_dirty_bitmap head;
	struct vfio_iommu_type1_dirty_bitmap_get range;
};

/**
 * type1_get_init - fill in a request
 * @get: the request
 * @iova: first byte of the range
 * @length: bytes
 * @pgsize: bytes for each bit
 * @bitmap: where the bits go, in whole 64-bit words
 */
void type1_get_init(struct type1_get *get, uint64_t iova, uint64_t length,
		    uint64_t pgsize, void *bitmap);

/**
 * type1_get - make the request
 * @fd: the container
 * @get: the request
 */
int type1_get(int fd, struct type1_get *get);

/**
 * struct type1_unmap - VFIO_IOMMU_UNMAP_DMA with a bitmap
 * @head: as the interface has it
 * @bitmap: what follows it
 */
struct type1_unmap {
	struct vfio_iommu_type1_dma_unmap head;
	struct vfio_bitmap bitmap;
};

/**
 * type1_unmap_init - fill in a request
 * @unmap: the request
 * @iova: first byte of the range
 * @length: bytes
 * @pgsize: bytes for each bit
 * @bitmap: where the bits go, in whole 64-bit words; NULL to unmap without
 */
void type1_unmap_init(struct type1_unmap *unmap, uint64_t iova, uint64_t length,
		      uint64_t pgsize, void *bitmap);

/**
 * type1_unmap - make the request
 * @fd: the container
 * @unmap: the request; its size becomes that of what was unmapped
 */
int type1_unmap(int fd, struct type1_unmap *unmap);

#endif /* DMA_TYPE1_H */
