/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * QEMU's educational device (1234:11e8), for exact single transfers.
 *
 * It has a buffer of 4096 bytes that only its own DMA reaches.  A transfer of
 * 1 to 4096 bytes between that buffer and any IOVA is one DMA read or one DMA
 * write, no byte more, and takes 100 ms: a scalpel.  e1000e.h is the hammer.
 *
 * Start it with dma_mask=0xffffffffffffffff, or addresses are silently cut.
 */
#ifndef DMA_EDU_H
#define DMA_EDU_H

#include "vfio.h"

#define EDU_VENDOR	0x1234
#define EDU_DEVICE	0x11e8

/* Registers of its DMA engine, in BAR 0: 64 bits each, the command 32 */
#define EDU_DMA_SRC	0x80
#define EDU_DMA_DST	0x88
#define EDU_DMA_COUNT	0x90
#define EDU_DMA_CMD	0x98
#define EDU_CMD_RUN	0x1
#define EDU_CMD_TO_RAM	0x2

/* Where its buffer is, in addresses that only the engine knows */
#define EDU_BUF		0x40000
#define EDU_BUF_SIZE	4096

/**
 * struct edu - one such device
 * @vfio: attach and detach it with vfio_attach() and vfio_detach()
 * @regs: BAR 0
 * @regs_len: its length
 */
struct edu {
	struct vfio_dev vfio;
	void *regs;
	size_t regs_len;
};

/**
 * edu_open - open the @nth device, with bus mastering on; not yet attached
 * @edu: filled in
 * @iommufd: an open /dev/iommu that outlives @edu
 * @nth: from 0
 *
 * Return: 0 or a negative errno, -ENODEV if there is none.
 */
int edu_open(struct edu *edu, int iommufd, unsigned int nth);

/**
 * edu_close - close the device
 * @edu: the device; closing a closed one does nothing
 */
void edu_close(struct edu *edu);

/**
 * edu_read - DMA from memory into the device's buffer
 * @edu: the device
 * @iova: from where
 * @len: 1 to EDU_BUF_SIZE bytes
 * @off: where in the buffer
 *
 * Return: 0 when the transfer is complete, -ETIMEDOUT after two seconds.
 */
int edu_read(struct edu *edu, uint64_t iova, unsigned int len,
	     unsigned int off);

/**
 * edu_write - DMA from the device's buffer to memory
 * @edu: the device
 * @iova: to where
 * @len: 1 to EDU_BUF_SIZE bytes
 * @off: where in the buffer
 *
 * Return: 0 when the transfer is complete, -ETIMEDOUT after two seconds.
 */
int edu_write(struct edu *edu, uint64_t iova, unsigned int len,
	      unsigned int off);

#endif /* DMA_EDU_H */
