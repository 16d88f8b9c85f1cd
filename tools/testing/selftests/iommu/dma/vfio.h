/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PCI devices through VFIO's character devices, or through its groups.
 *
 * Find a device, take it away from its driver, open it, bind it to an iommufd,
 * attach it to page tables, reach its registers.  Everything returns 0 or a
 * negative errno unless it says otherwise; nothing prints, nothing exits.
 */
#ifndef DMA_VFIO_H
#define DMA_VFIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VFIO_BDF_LEN	16
#define VFIO_IOMMU_LEN	32

/**
 * struct vfio_dev - a PCI device that this process drives
 * @bdf: its address, "0000:00:02.0"
 * @fd: the device, -1 while closed
 * @group: its group, if it was opened through that, else -1
 * @iommufd: the iommufd it is bound to; borrowed, never closed here
 * @devid: its object id in @iommufd, for HWPT_ALLOC and GET_HW_INFO
 * @pt_id: the HWPT it is attached to, 0 while detached
 */
struct vfio_dev {
	char bdf[VFIO_BDF_LEN];
	int fd;
	int group;
	int iommufd;
	uint32_t devid;
	uint32_t pt_id;
};

/**
 * vfio_find - the address of the @nth (from 0) device of a kind
 * @vendor: PCI vendor id
 * @device: PCI device id
 * @nth: which of them, counted in the order of their addresses
 * @bdf: filled in, VFIO_BDF_LEN bytes
 *
 * Return: 0, or -ENODEV if there are not that many.
 */
int vfio_find(uint16_t vendor, uint16_t device, unsigned int nth, char *bdf);

/**
 * vfio_iommu - the name of the IOMMU that a device is behind
 * @bdf: the device's address
 * @name: filled in, VFIO_IOMMU_LEN bytes: "dmar0", "ivhd0", "smmu3.0x..."
 *
 * Return: 0, or -ENODEV if it is behind none.
 */
int vfio_iommu(const char *bdf, char *name);

/**
 * vfio_group - the number of the group that a device is in
 * @bdf: the device's address
 *
 * Return: the number, or -ENODEV if it is in none.
 */
int vfio_group(const char *bdf);

/**
 * vfio_bind - give a device to vfio-pci, which whoever had it loses
 * @bdf: the device's address
 *
 * Return: 0 or a negative errno.
 */
int vfio_bind(const char *bdf);

/**
 * vfio_open_group - bind to vfio-pci, open the group, VFIO_GROUP_SET_CONTAINER
 * @bdf: the device's address
 * @container: an open /dev/vfio/vfio
 *
 * Return: the group, or a negative errno.
 */
int vfio_open_group(const char *bdf, int container);

/**
 * vfio_open - bind to vfio-pci, open the character device, BIND_IOMMUFD
 * @dev: filled in; may hold garbage before
 * @bdf: the device's address
 * @iommufd: an open /dev/iommu that outlives @dev; or /dev/vfio/vfio
 *
 * The device is detached (it can do no DMA) and bus mastering is off. In a
 * container, /dev/vfio/vfio, which gets type 1v2, it is opened through its group
 * and attached from the start.
 * On failure @dev is closed.
 */
int vfio_open(struct vfio_dev *dev, const char *bdf, int iommufd);

/**
 * vfio_open_id - vfio_find() and vfio_open() in one
 * @dev: filled in
 * @vendor: PCI vendor id
 * @device: PCI device id
 * @nth: which of them
 * @iommufd: an open /dev/iommu
 */
int vfio_open_id(struct vfio_dev *dev, uint16_t vendor, uint16_t device,
		 unsigned int nth, int iommufd);

/**
 * vfio_close - close the character device: detaches and unbinds, too
 * @dev: the device; closing a closed one does nothing
 */
void vfio_close(struct vfio_dev *dev);

/**
 * vfio_attach - attach to, or replace by, a page table
 * @dev: the device
 * @pt_id: id of an IOAS or HWPT
 *
 * On success @dev->pt_id is the HWPT's id, also where @pt_id named an IOAS.
 */
int vfio_attach(struct vfio_dev *dev, uint32_t pt_id);

/**
 * vfio_detach - detach from the page table: from here DMA is blocked
 * @dev: the device
 */
int vfio_detach(struct vfio_dev *dev);

/**
 * vfio_map_bar - map a memory BAR into this process
 * @dev: the device
 * @bar: 0 to 5
 * @base: filled in
 * @len: filled in with its length, for munmap()
 */
int vfio_map_bar(struct vfio_dev *dev, unsigned int bar, void **base,
		 size_t *len);

/**
 * vfio_config_read - read configuration space
 * @dev: the device
 * @off: offset of the first byte
 * @buf: filled in, little endian as on the bus
 * @len: bytes
 */
int vfio_config_read(struct vfio_dev *dev, unsigned int off, void *buf,
		     size_t len);

/**
 * vfio_config_write - write configuration space
 * @dev: the device
 * @off: offset of the first byte
 * @buf: the bytes, little endian
 * @len: bytes
 */
int vfio_config_write(struct vfio_dev *dev, unsigned int off, const void *buf,
		      size_t len);

/**
 * vfio_bus_master - let the device issue DMA, or forbid it
 * @dev: the device
 * @on: which
 */
int vfio_bus_master(struct vfio_dev *dev, bool on);

/* Registers.  Accesses are exactly as wide as named, and never merged. */
static inline uint32_t mmio_read32(const void *base, size_t off)
{
	return *(const volatile uint32_t *)((const char *)base + off);
}

static inline void mmio_write32(void *base, size_t off, uint32_t val)
{
	*(volatile uint32_t *)((char *)base + off) = val;
}

static inline void mmio_write64(void *base, size_t off, uint64_t val)
{
	*(volatile uint64_t *)((char *)base + off) = val;
}

/* Between what is in memory and the register write that tells of it. */
static inline void dma_mb(void)
{
#if defined(__aarch64__)
	__asm__ volatile("dsb sy" ::: "memory");
#else
	__sync_synchronize();
#endif
}

/* A clock that never steps: for what something took, and for bounded waits */
uint64_t now_ns(void);
uint64_t now_ms(void);

#endif /* DMA_VFIO_H */
