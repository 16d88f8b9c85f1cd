/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the dirty bitmap must say.
 *
 * The oracle knows what is mapped, in leaves of which size, and is told of
 * every DMA write.  It asks the kernel through oracle_get(), which compares
 * every bit of the answer, and every byte around it, with what it knows:
 *
 *   lost      a leaf was written since it was last clean, and its bit is 0
 *   invented  a bit is 1 although no leaf under it was written
 *   stray     anything outside the bits asked for has changed
 *
 * Words: a *leaf* is what one entry of the I/O page table maps, the unit in
 * which hardware notes dirt.  A *bit* stands for page_size bytes of IOVA, which
 * may be more or less than a leaf.  A leaf becomes clean when a clearing GET
 * reported it and covered all of it; a GET that covers a part reports the part
 * and leaves the leaf dirty.  If leaves are split, a leaf that a GET reported
 * turns into smaller ones, of which those are clean that the GET covered.
 *
 * Not thread safe: a test that uses threads tells the oracle when they are done.
 */
#ifndef DMA_ORACLE_H
#define DMA_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ORACLE_AREAS	512

/* What becomes of leaves above the smallest, as IOMMU_HWPT_DIRTY_SPLIT_* */
enum oracle_split {
	ORACLE_HUGE,
	ORACLE_LAZY,
	ORACLE_EAGER,
};

/**
 * struct oracle_area - a mapping, or a part of one, mapped by leaves of one size
 * @iova: its first byte
 * @length: bytes
 * @page: size of the smallest leaf, in which the area is counted
 * @mapped: log2 of the size of the leaves that it was mapped with
 * @dirty: a byte for each page: is its leaf dirty?
 * @shift: a byte for each page: log2 of the size of its leaf
 */
struct oracle_area {
	uint64_t iova;
	uint64_t length;
	uint64_t page;
	uint8_t mapped;
	uint8_t *dirty;
	uint8_t *shift;
};

/**
 * struct oracle - what is known of one HWPT
 * @fd: the iommufd
 * @hwpt: the HWPT
 * @on: tracking is on
 * @split: what becomes of its leaves
 * @nr: areas in use
 * @area: the mappings, in no order
 */
struct oracle {
	int fd;
	uint32_t hwpt;
	bool on;
	enum oracle_split split;
	unsigned int nr;
	struct oracle_area area[ORACLE_AREAS];
};

/**
 * struct oracle_req - one GET
 * @iova: bit 0
 * @length: bytes of IOVA
 * @page_size: bytes of IOVA for each bit
 * @flags: IOMMU_HWPT_GET_DIRTY_BITMAP_*
 * @prefill: what the bitmap and all around it holds before, every byte
 * @skew: how far behind a page boundary the bitmap begins, below a page
 */
struct oracle_req {
	uint64_t iova;
	uint64_t length;
	uint64_t page_size;
	uint32_t flags;
	uint8_t prefill;
	size_t skew;
};

/**
 * oracle_init - know nothing: no area, tracking off
 * @o: the oracle
 * @fd: the iommufd
 * @hwpt: the HWPT to ask
 */
void oracle_init(struct oracle *o, int fd, uint32_t hwpt);

/**
 * oracle_free - forget everything
 * @o: the oracle
 */
void oracle_free(struct oracle *o);

/**
 * oracle_map - there is a new mapping, and it is clean
 * @o: the oracle
 * @iova: first byte
 * @length: bytes
 * @leaf: size of its leaves
 *
 * Return: 0, or -ENOMEM.
 */
int oracle_map(struct oracle *o, uint64_t iova, uint64_t length, uint64_t leaf);

/**
 * oracle_unmap - the mappings in a range are gone, and their dirt with them
 * @o: the oracle
 * @iova: first byte
 * @length: bytes; no mapping lies in the range in part
 */
void oracle_unmap(struct oracle *o, uint64_t iova, uint64_t length);

/**
 * oracle_write - a device has written
 * @o: the oracle
 * @iova: first byte
 * @len: bytes, all of them mapped
 *
 * Means nothing while tracking is off.
 */
void oracle_write(struct oracle *o, uint64_t iova, uint64_t len);

/**
 * oracle_switched - somebody has switched tracking
 * @o: the oracle
 * @on: on or off; it may have been that before
 */
void oracle_switched(struct oracle *o, bool on);

/**
 * oracle_set - IOMMU_HWPT_SET_DIRTY_TRACKING, and what it means
 * @o: the oracle
 * @on: enable or disable
 *
 * Return: 0 or a negative errno.
 */
int oracle_set(struct oracle *o, bool on);

/**
 * oracle_split - what becomes of leaves above the smallest
 * @o: the oracle; tracking is off
 * @split: what
 *
 * Return: 0 or a negative errno; a kernel that cannot split leaves them as they
 * are.
 */
int oracle_split(struct oracle *o, enum oracle_split split);

/**
 * oracle_ask - IOMMU_HWPT_GET_DIRTY_BITMAP, and compare every bit
 * @o: the oracle
 * @req: the question
 *
 * Prints the first few differences.
 *
 * Return: 0 if the answer is exact, the number of wrong bits, or the ioctl's
 * negative errno.
 */
int oracle_ask(struct oracle *o, const struct oracle_req *req);

/**
 * oracle_get - oracle_ask() into an empty bitmap at a page boundary
 * @o: the oracle
 * @iova: bit 0
 * @length: bytes of IOVA
 * @page_size: bytes of IOVA for each bit
 * @flags: IOMMU_HWPT_GET_DIRTY_BITMAP_*
 */
int oracle_get(struct oracle *o, uint64_t iova, uint64_t length,
	       uint64_t page_size, uint32_t flags);

/**
 * oracle_compare - compare a bitmap that somebody else has fetched
 * @o: the oracle
 * @req: the question that was asked, without regard to @req->skew
 * @bitmap: the answer
 *
 * Return: the number of wrong bits.
 */
int oracle_compare(struct oracle *o, const struct oracle_req *req,
		   const uint8_t *bitmap);

/**
 * oracle_covered - a clearing GET of this range has reported all it must
 * @o: the oracle
 * @iova: first byte
 * @length: bytes
 */
void oracle_covered(struct oracle *o, uint64_t iova, uint64_t length);

/**
 * oracle_delivered - take what a clearing GET delivered before it failed
 * @o: the oracle
 * @req: the question, one bit a leaf or more
 * @bitmap: the answer, empty before, as far as it is readable
 * @bytes: how far that is
 *
 * A leaf all of whose bits were delivered is clean from here; every other one
 * must still be reported.
 *
 * Return: the number of invented bits.
 */
int oracle_delivered(struct oracle *o, const struct oracle_req *req,
		     const uint8_t *bitmap, size_t bytes);

#endif /* DMA_ORACLE_H */
