/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine that the tests stand on: an iommufd with an IOAS, a HWPT that
 * tracks, devices attached to it, memory mapped for them, and the oracle, which
 * is told of everything that goes through here.
 */
#ifndef DMA_RIG_H
#define DMA_RIG_H

#include "e1000e.h"
#include "edu.h"
#include "iommufd.h"
#include "oracle.h"

/*
 * The tests count in pages, the smallest leaves there are.  512 of them, one
 * large leaf where a page has 4 KiB, are a strip.
 */
#define PAGE		rig_page
#define STRIP		(512 * PAGE)
#define HALF_STRIP	(256 * PAGE)

/*
 * Where things are: tested ranges from 4 GiB up, clear of every architecture's
 * reserved ranges; the network device's own block far behind, and yet within
 * 39 bits.
 */
#define RIG_IOVA	0x100000000ULL
#define RIG_NIC_IOVA	0x4000000000ULL

/* The network device's block, in whole pages */
#define NIC_MEM		((E1000E_MEM_SIZE + PAGE - 1) / PAGE * PAGE)

/*
 * Two edu devices are alone in their groups, two are functions of one device, so
 * that they share a group, and the last is behind a bridge to conventional PCI.
 */
#define RIG_EDUS	5
#define RIG_EDU_GROUP	2
#define RIG_EDU_BRIDGED	4

/* The processor's page, and the IOMMU's; known after rig_open() */
extern uint64_t rig_page;

/**
 * struct rig - the machine
 * @fd: the iommufd
 * @ioas: where rig_map() maps
 * @hwpt: the tracking HWPT of @ioas
 * @sizes: the sizes that leaves can have, ORed
 * @nic: attached to @hwpt and started
 * @nic_mem: its block
 * @edu: open and attached after rig_add_edu()
 * @oracle: of @hwpt
 * @stamp: of the next write, so that no two leave the same bytes
 */
struct rig {
	int fd;
	uint32_t ioas;
	uint32_t hwpt;
	uint64_t sizes;
	struct e1000e nic;
	void *nic_mem;
	struct edu edu[RIG_EDUS];
	struct oracle oracle;
	uint64_t stamp;
};

/**
 * mem_large - the size of the second smallest leaf that every IOMMU has
 *
 * What one entry of the second level maps: 2 MiB where a page has 4 KiB,
 * 512 MiB where it has 64 KiB.
 */
uint64_t mem_large(void);

/**
 * mem_alloc - memory in pieces that are physically contiguous
 * @length: bytes, a multiple of PAGE
 * @piece: PAGE or mem_large(): size and alignment of each piece
 *
 * Neighbouring pieces are never neighbours in physical memory, so no IOMMU
 * driver can merge them into a larger leaf.
 *
 * Return: NULL if there is not that much (of huge pages), or if it does not do to
 * part neighbours.
 */
void *mem_alloc(size_t length, uint64_t piece);

/**
 * mem_alloc_contiguous - memory in one piece
 * @length: its size, a power of two, and its alignment in both addresses
 *
 * Return: NULL if there are no huge pages that happen to be such neighbours.
 */
void *mem_alloc_contiguous(size_t length);

/**
 * mem_free - give it back
 * @mem: from mem_alloc() or mem_alloc_contiguous(); NULL is none
 * @length: as there
 * @piece: as there, or @length
 */
void mem_free(void *mem, size_t length, uint64_t piece);

/**
 * rig_open - all of it but the edu devices; tracking is off, no leaf is split
 * @r: the rig
 *
 * Return: 0 or a negative errno; -EOPNOTSUPP if no IOMMU here can track.
 */
int rig_open(struct rig *r);

/**
 * rig_open_container - the same in a container of type 1v2
 * @r: the rig; @r->fd is /dev/vfio/vfio, @r->ioas the container's, and @r->hwpt,
 *     which the kernel keeps to itself, 0
 *
 * There is no device yet: rig_add_nic() adds that of the network, edu_open() the
 * others.  Leaves that were reported are split, as is the default.
 */
int rig_open_container(struct rig *r);

/**
 * rig_add_nic - open and start the network device in a container
 * @r: the rig
 */
int rig_add_nic(struct rig *r);

/**
 * rig_close - close everything
 * @r: the rig
 */
void rig_close(struct rig *r);

/**
 * rig_add_edu - open an edu device and attach it to the tracking HWPT
 * @r: the rig
 * @nth: which
 */
int rig_add_edu(struct rig *r, unsigned int nth);

/**
 * rig_leaf - the leaf that maps contiguous memory
 * @r: the rig
 * @iova: where it begins, congruent to its physical address
 * @length: bytes
 *
 * Return: the size of the first leaf.
 */
uint64_t rig_leaf(const struct rig *r, uint64_t iova, uint64_t length);

/**
 * rig_expect_map - tell an oracle of a mapping, leaf by leaf
 * @r: the rig
 * @o: the oracle, of any HWPT
 * @iova: where
 * @length: bytes
 * @piece: as given to rig_map_at()
 */
int rig_expect_map(const struct rig *r, struct oracle *o, uint64_t iova,
		   uint64_t length, uint64_t piece);

/**
 * rig_map_at - map memory, and tell the oracle
 * @r: the rig
 * @mem: from mem_alloc() or mem_alloc_contiguous(), or a part of that
 * @iova: where, congruent to @mem in @piece
 * @length: bytes
 * @piece: as given to mem_alloc(), or the length of contiguous memory
 */
int rig_map_at(struct rig *r, void *mem, uint64_t iova, uint64_t length,
	       uint64_t piece);

/**
 * rig_map - mem_alloc() and rig_map_at()
 * @r: the rig
 * @iova: where
 * @length: bytes
 * @piece: size of the pieces
 *
 * Return: the memory, or NULL.
 */
void *rig_map(struct rig *r, uint64_t iova, uint64_t length, uint64_t piece);

/**
 * rig_unmap - unmap one mapping, and tell the oracle
 * @r: the rig
 * @iova: first byte
 * @length: bytes
 */
int rig_unmap(struct rig *r, uint64_t iova, uint64_t length);

/**
 * rig_set - switch tracking
 * @r: the rig
 * @on: on or off
 */
int rig_set(struct rig *r, bool on);

/**
 * rig_split - what becomes of leaves above the smallest
 * @r: the rig; tracking is off
 * @split: what, see oracle_split()
 */
int rig_split(struct rig *r, enum oracle_split split);

/**
 * rig_write - one DMA write of the network device
 * @r: the rig
 * @iova: first byte
 * @len: E1000E_MIN_LEN to E1000E_MAX_LEN
 */
int rig_write(struct rig *r, uint64_t iova, uint32_t len);

/**
 * rig_write_many - many of them
 * @r: the rig
 * @w: the writes; the stamps are filled in here
 * @n: how many
 */
int rig_write_many(struct rig *r, struct e1000e_write *w, size_t n);

/**
 * rig_write_pages - a short write to the start of each of many pages
 * @r: the rig
 * @iova: the first
 * @stride: from one to the next
 * @n: how many
 */
int rig_write_pages(struct rig *r, uint64_t iova, uint64_t stride, size_t n);

/**
 * rig_edu_write - one DMA write of an edu device
 * @r: the rig
 * @nth: which
 * @iova: first byte
 * @len: 1 to EDU_BUF_SIZE
 */
int rig_edu_write(struct rig *r, unsigned int nth, uint64_t iova,
		  unsigned int len);

/**
 * rig_get - GET at a page a bit, clearing, every bit compared
 * @r: the rig
 * @iova: first byte
 * @length: bytes
 *
 * Return: 0 if it is exact.
 */
int rig_get(struct rig *r, uint64_t iova, uint64_t length);

/* Pseudo-random numbers that a seed repeats (xorshift64*) */
static inline uint64_t rnd(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dULL;
}

#endif /* DMA_RIG_H */
