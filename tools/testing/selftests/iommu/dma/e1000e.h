/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Intel 82574 (8086:10d3, QEMU's e1000e) in MAC loopback: a DMA write machine.
 *
 * A frame that it sends comes back to itself and is written, as one piece,
 * wherever the next receive descriptor points: so each pair of descriptors is
 * a DMA write of chosen bytes to a chosen IOVA, hundreds a doorbell, with no
 * interrupt and no host network.
 *
 * What the device writes besides: status into its two rings.  Rings and the
 * frames to send live in one block of memory of the caller's, mapped apart from
 * what is tested; so in a tested range there are frames and nothing else:
 * neither the checksum (it is stripped) nor padding (60 bytes is the least
 * length here).
 */
#ifndef DMA_E1000E_H
#define DMA_E1000E_H

#include "vfio.h"

#define E1000E_VENDOR		0x8086
#define E1000E_DEVICE		0x10d3

/* Lengths of one write, and how many fit into one doorbell */
#define E1000E_MIN_LEN		60
#define E1000E_MAX_LEN		4000
#define E1000E_BATCH		127

/* Bytes of the block that e1000e_start() wants: two rings, and the frames */
#define E1000E_MEM_SIZE		(8192 + 128 * 4096)

/**
 * struct e1000e_write - one DMA write
 * @iova: first byte, at any alignment; not 0 (the device would skip it)
 * @len: E1000E_MIN_LEN to E1000E_MAX_LEN bytes
 * @stamp: what the bytes are, see e1000e_frame()
 */
struct e1000e_write {
	uint64_t iova;
	uint32_t len;
	uint64_t stamp;
};

/**
 * struct e1000e - one such device
 * @vfio: attach and detach it with vfio_attach() and vfio_detach()
 * @regs: BAR 0
 * @regs_len: its length
 * @mem: the block, for us
 * @mem_iova: the block, for the device
 * @tail: next free slot of both rings; they move together
 */
struct e1000e {
	struct vfio_dev vfio;
	void *regs;
	size_t regs_len;
	void *mem;
	uint64_t mem_iova;
	unsigned int tail;
};

/**
 * e1000e_open - open the @nth device; not yet attached, nothing runs
 * @nic: filled in
 * @iommufd: an open /dev/iommu that outlives @nic
 * @nth: from 0
 *
 * Return: 0 or a negative errno, -ENODEV if there is none.
 */
int e1000e_open(struct e1000e *nic, int iommufd, unsigned int nth);

/**
 * e1000e_start - reset, set up loopback and both rings
 * @nic: an open device; it need not be attached yet
 * @mem: E1000E_MEM_SIZE bytes, page aligned
 * @mem_iova: where @mem is mapped for the device, at the latest at the first
 *            e1000e_write(), readable and writable
 *
 * Return: 0, or -ETIMEDOUT if the link does not come up.
 */
int e1000e_start(struct e1000e *nic, void *mem, uint64_t mem_iova);

/**
 * e1000e_close - stop and close the device
 * @nic: the device; closing a closed one does nothing
 */
void e1000e_close(struct e1000e *nic);

/**
 * e1000e_frame - the bytes that a write leaves in memory
 * @buf: filled in, @len bytes
 * @len: length of the write
 * @stamp: its stamp
 *
 * The stamp over and over as it lies in memory, but for bytes 12 and 13: they
 * are the type of an Ethernet frame that nobody interprets.
 */
void e1000e_frame(void *buf, uint32_t len, uint64_t stamp);

/**
 * e1000e_write - do DMA writes, in order, and wait for all of them
 * @nic: a started device, attached to where @w and the block are mapped
 * @w: the writes
 * @n: how many, any number
 *
 * Return: 0 when every write has completed; -ETIMEDOUT if the device stopped
 * answering, -EIO if it reports an error, -EINVAL for an impossible length.
 */
int e1000e_write(struct e1000e *nic, const struct e1000e_write *w, size_t n);

/**
 * e1000e_write_pages - write E1000E_MIN_LEN bytes to the start of each page
 * @nic: as for e1000e_write()
 * @iova: the first page
 * @stride: distance from one to the next
 * @n: how many
 * @stamp: of the first; one more for each following
 */
int e1000e_write_pages(struct e1000e *nic, uint64_t iova, uint64_t stride,
		       size_t n, uint64_t stamp);

#endif /* DMA_E1000E_H */
