// SPDX-License-Identifier: GPL-2.0-only
/* Intel 82574 in loopback as a DMA write machine, see e1000e.h. */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "e1000e.h"

#define REG_CTRL	0x0000
#define REG_STATUS	0x0008
#define REG_IMC		0x00d8
#define REG_RCTL	0x0100
#define REG_TCTL	0x0400
#define REG_RDBAL	0x2800
#define REG_RDBAH	0x2804
#define REG_RDLEN	0x2808
#define REG_RDH		0x2810
#define REG_RDT		0x2818
#define REG_TDBAL	0x3800
#define REG_TDBAH	0x3804
#define REG_TDLEN	0x3808
#define REG_TDH		0x3810
#define REG_TDT		0x3818

#define CTRL_FD		(1u << 0)
#define CTRL_SLU	(1u << 6)
#define CTRL_RST	(1u << 26)
#define STATUS_LU	(1u << 1)

#define RCTL_EN		(1u << 1)
#define RCTL_UPE	(1u << 3)
#define RCTL_MPE	(1u << 4)
#define RCTL_LPE	(1u << 5)
#define RCTL_LBM_MAC	(1u << 6)
#define RCTL_BAM	(1u << 15)
#define RCTL_SZ_4096	(3u << 16)	/* with RCTL_BSEX */
#define RCTL_BSEX	(1u << 25)
#define RCTL_SECRC	(1u << 26)

#define TCTL_EN		(1u << 1)
#define TCTL_PSP	(1u << 3)

#define TXD_CMD_EOP	0x01
#define TXD_CMD_IFCS	0x02
#define TXD_CMD_RS	0x08
#define TXD_STAT_DD	0x01
#define RXD_STAT_DD	0x01
#define RXD_STAT_EOP	0x02

#define RING_SLOTS	128
#define RING_BYTES	(RING_SLOTS * 16)
#define SLOT_SIZE	4096

/* Offsets in the block: one page for each ring, then the frames */
#define MEM_RX		0
#define MEM_TX		4096
#define MEM_FRAMES	8192

#define LINK_WAIT_MS	3000
#define BATCH_WAIT_MS	5000

/* An Ethernet type for local experiments: no parser touches the payload. */
#define TYPE_HI		0x88
#define TYPE_LO		0xb5

/* Legacy descriptors; the device is little endian, and so is who runs this. */
struct rx_desc {
	uint64_t addr;
	uint16_t length;
	uint16_t csum;
	uint8_t status;
	uint8_t errors;
	uint16_t special;
};

struct tx_desc {
	uint64_t addr;
	uint16_t length;
	uint8_t cso;
	uint8_t cmd;
	uint8_t status;
	uint8_t css;
	uint16_t special;
};

static_assert(MEM_FRAMES + RING_SLOTS * SLOT_SIZE == E1000E_MEM_SIZE,
	      "the block holds two rings and a frame for each slot");
static_assert(RING_SLOTS - 1 == E1000E_BATCH,
	      "a full ring would look empty to the device");

static volatile struct rx_desc *rx_ring(struct e1000e *nic)
{
	return (volatile struct rx_desc *)((char *)nic->mem + MEM_RX);
}

static volatile struct tx_desc *tx_ring(struct e1000e *nic)
{
	return (volatile struct tx_desc *)((char *)nic->mem + MEM_TX);
}

int e1000e_open(struct e1000e *nic, int iommufd, unsigned int nth)
{
	int rc;

	memset(nic, 0, sizeof(*nic));
	rc = vfio_open_id(&nic->vfio, E1000E_VENDOR, E1000E_DEVICE, nth,
			  iommufd);
	if (rc)
		return rc;
	rc = vfio_map_bar(&nic->vfio, 0, &nic->regs, &nic->regs_len);
	if (rc)
		e1000e_close(nic);
	return rc;
}

void e1000e_close(struct e1000e *nic)
{
	if (nic->regs) {
		mmio_write32(nic->regs, REG_RCTL, 0);
		mmio_write32(nic->regs, REG_TCTL, 0);
		munmap(nic->regs, nic->regs_len);
	}
	nic->regs = NULL;
	vfio_close(&nic->vfio);
}

static int wait_link(struct e1000e *nic)
{
	uint64_t end = now_ms() + LINK_WAIT_MS;

	while (!(mmio_read32(nic->regs, REG_STATUS) & STATUS_LU)) {
		if (now_ms() > end)
			return -ETIMEDOUT;
		usleep(1000);
	}
	return 0;
}

static void set_ring(struct e1000e *nic, size_t first_reg, uint64_t iova)
{
	mmio_write32(nic->regs, first_reg, (uint32_t)iova);
	mmio_write32(nic->regs, first_reg + REG_RDBAH - REG_RDBAL, iova >> 32);
	mmio_write32(nic->regs, first_reg + REG_RDLEN - REG_RDBAL, RING_BYTES);
	mmio_write32(nic->regs, first_reg + REG_RDH - REG_RDBAL, 0);
	mmio_write32(nic->regs, first_reg + REG_RDT - REG_RDBAL, 0);
}

int e1000e_start(struct e1000e *nic, void *mem, uint64_t mem_iova)
{
	uint32_t ctrl;
	int rc;

	nic->mem = mem;
	nic->mem_iova = mem_iova;
	nic->tail = 0;
	memset(mem, 0, MEM_FRAMES);

	ctrl = mmio_read32(nic->regs, REG_CTRL);
	mmio_write32(nic->regs, REG_CTRL, ctrl | CTRL_RST);
	usleep(2000);
	mmio_write32(nic->regs, REG_IMC, ~0u);
	ctrl = mmio_read32(nic->regs, REG_CTRL);
	mmio_write32(nic->regs, REG_CTRL, ctrl | CTRL_SLU | CTRL_FD);
	rc = wait_link(nic);
	if (rc)
		return rc;
	rc = vfio_bus_master(&nic->vfio, true);
	if (rc)
		return rc;
	set_ring(nic, REG_RDBAL, mem_iova + MEM_RX);
	set_ring(nic, REG_TDBAL, mem_iova + MEM_TX);
	dma_mb();
	/* Take every frame whatever its addresses, and keep no checksum. */
	mmio_write32(nic->regs, REG_RCTL,
		     RCTL_EN | RCTL_UPE | RCTL_MPE | RCTL_BAM | RCTL_LPE |
		     RCTL_LBM_MAC | RCTL_BSEX | RCTL_SZ_4096 | RCTL_SECRC);
	mmio_write32(nic->regs, REG_TCTL, TCTL_EN | TCTL_PSP);
	return 0;
}

void e1000e_frame(void *buf, uint32_t len, uint64_t stamp)
{
	uint8_t *p = buf;
	uint32_t off;

	for (off = 0; off + sizeof(stamp) <= len; off += sizeof(stamp))
		memcpy(p + off, &stamp, sizeof(stamp));
	memcpy(p + off, &stamp, len - off);
	p[12] = TYPE_HI;
	p[13] = TYPE_LO;
}

static void post(struct e1000e *nic, const struct e1000e_write *w)
{
	unsigned int slot = nic->tail;
	size_t frame = MEM_FRAMES + (size_t)slot * SLOT_SIZE;
	volatile struct rx_desc *rx = rx_ring(nic) + slot;
	volatile struct tx_desc *tx = tx_ring(nic) + slot;

	e1000e_frame((char *)nic->mem + frame, w->len, w->stamp);

	rx->addr = w->iova;
	rx->length = 0;
	rx->status = 0;
	rx->errors = 0;

	tx->addr = nic->mem_iova + frame;
	tx->length = w->len;
	tx->cso = 0;
	tx->cmd = TXD_CMD_EOP | TXD_CMD_IFCS | TXD_CMD_RS;
	tx->status = 0;
	tx->css = 0;
	tx->special = 0;

	nic->tail = (slot + 1) % RING_SLOTS;
}

/* Both are done when the frame has come back: sent first, written last. */
static int wait_slot(struct e1000e *nic, unsigned int slot, uint32_t len)
{
	volatile struct rx_desc *rx = rx_ring(nic) + slot;
	volatile struct tx_desc *tx = tx_ring(nic) + slot;
	uint64_t end = 0;

	while (!(rx->status & RXD_STAT_DD) || !(tx->status & TXD_STAT_DD)) {
		if (!end)
			end = now_ms() + BATCH_WAIT_MS;
		else if (now_ms() > end)
			return -ETIMEDOUT;
	}
	if (rx->errors || rx->length != len || !(rx->status & RXD_STAT_EOP))
		return -EIO;
	return 0;
}

static int write_batch(struct e1000e *nic, const struct e1000e_write *w,
		       size_t n)
{
	unsigned int first = nic->tail;
	size_t i;
	int rc = 0;

	for (i = 0; i < n; i++)
		post(nic, &w[i]);
	dma_mb();
	mmio_write32(nic->regs, REG_RDT, nic->tail);
	mmio_write32(nic->regs, REG_TDT, nic->tail);
	for (i = 0; i < n && !rc; i++)
		rc = wait_slot(nic, (first + i) % RING_SLOTS, w[i].len);
	dma_mb();
	return rc;
}

int e1000e_write(struct e1000e *nic, const struct e1000e_write *w, size_t n)
{
	size_t i, batch;
	int rc;

	for (i = 0; i < n; i++)
		if (!w[i].iova || w[i].len < E1000E_MIN_LEN ||
		    w[i].len > E1000E_MAX_LEN)
			return -EINVAL;
	for (; n; n -= batch, w += batch) {
		batch = n < E1000E_BATCH ? n : E1000E_BATCH;
		rc = write_batch(nic, w, batch);
		if (rc)
			return rc;
	}
	return 0;
}

int e1000e_write_pages(struct e1000e *nic, uint64_t iova, uint64_t stride,
		       size_t n, uint64_t stamp)
{
	struct e1000e_write w[E1000E_BATCH];
	size_t i, batch;
	int rc;

	for (; n; n -= batch) {
		batch = n < E1000E_BATCH ? n : E1000E_BATCH;
		for (i = 0; i < batch; i++) {
			w[i].iova = iova;
			w[i].len = E1000E_MIN_LEN;
			w[i].stamp = stamp++;
			iova += stride;
		}
		rc = e1000e_write(nic, w, batch);
		if (rc)
			return rc;
	}
	return 0;
}
