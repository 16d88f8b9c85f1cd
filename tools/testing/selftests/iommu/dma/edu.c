// SPDX-License-Identifier: GPL-2.0-only
/* QEMU's educational device, see edu.h. */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "edu.h"

#define EDU_WAIT_MS	2000

int edu_open(struct edu *edu, int iommufd, unsigned int nth)
{
	int rc;

	edu->regs = NULL;
	rc = vfio_open_id(&edu->vfio, EDU_VENDOR, EDU_DEVICE, nth, iommufd);
	if (rc)
		return rc;
	rc = vfio_map_bar(&edu->vfio, 0, &edu->regs, &edu->regs_len);
	if (!rc)
		rc = vfio_bus_master(&edu->vfio, true);
	if (rc)
		edu_close(edu);
	return rc;
}

void edu_close(struct edu *edu)
{
	if (edu->regs)
		munmap(edu->regs, edu->regs_len);
	edu->regs = NULL;
	vfio_close(&edu->vfio);
}

static int transfer(struct edu *edu, uint64_t src, uint64_t dst,
		    unsigned int len, uint32_t cmd)
{
	uint64_t end = now_ms() + EDU_WAIT_MS;

	/* The address registers are 64 bits wide; halves would be ignored. */
	mmio_write64(edu->regs, EDU_DMA_SRC, src);
	mmio_write64(edu->regs, EDU_DMA_DST, dst);
	mmio_write64(edu->regs, EDU_DMA_COUNT, len);
	dma_mb();
	mmio_write32(edu->regs, EDU_DMA_CMD, cmd | EDU_CMD_RUN);
	while (mmio_read32(edu->regs, EDU_DMA_CMD) & EDU_CMD_RUN) {
		if (now_ms() > end)
			return -ETIMEDOUT;
		usleep(2000);
	}
	dma_mb();
	return 0;
}

int edu_read(struct edu *edu, uint64_t iova, unsigned int len, unsigned int off)
{
	return transfer(edu, iova, EDU_BUF + off, len, 0);
}

int edu_write(struct edu *edu, uint64_t iova, unsigned int len,
	      unsigned int off)
{
	return transfer(edu, EDU_BUF + off, iova, len, EDU_CMD_TO_RAM);
}
