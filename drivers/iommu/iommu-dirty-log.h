/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Recording dirty pages in a window of the caller's bitmap
 *
 * Knows pages and bits, nothing of page tables. The window is pinned and has
 * kernel addresses (iommufd/dirty_log.c), so that nothing here can fail or
 * sleep.
 *
 * Every store is an atomic OR of one aligned word. Another read, of a range
 * whose bits share the word, may be storing into it at the same time, and so
 * may user space. The bitmap may begin at any byte: bits are therefore counted
 * from the start of the page and not from the caller's address, since an
 * atomic operation on a word across a cache line would stop the machine.
 *
 * These functions are inline because drivers are built in where iommufd is a
 * module.
 */
#ifndef __IOMMU_DIRTY_LOG_H
#define __IOMMU_DIRTY_LOG_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/iommu-dirty.h>
#include <linux/minmax.h>
#include <linux/mm.h>

#define IOMMU_DIRTY_LOG_PAGE_BITS (PAGE_SIZE * BITS_PER_BYTE)

static __always_inline void __iommu_dirty_log_or(unsigned long *word,
						 unsigned long mask)
{
	/* To store all ones is an atomic OR of them, without the wait. */
	if (mask == ~0UL)
		WRITE_ONCE(*word, mask);
	else
		atomic_long_or(mask, (atomic_long_t *)word);
}

static __always_inline unsigned long *
__iommu_dirty_log_word(struct iommu_dirty_log *log, unsigned long bit)
{
	return log->page[bit / IOMMU_DIRTY_LOG_PAGE_BITS] +
	       bit % IOMMU_DIRTY_LOG_PAGE_BITS / BITS_PER_LONG;
}

/* Bits from @bit to @last_bit of a page */
static __always_inline void __iommu_dirty_log_page(unsigned long *page,
						   unsigned int bit,
						   unsigned int last_bit)
{
	unsigned long *word = page + bit / BITS_PER_LONG;
	unsigned long *last_word = page + last_bit / BITS_PER_LONG;
	unsigned long mask = ~0UL << bit % BITS_PER_LONG;
	unsigned long last_mask = GENMASK(last_bit % BITS_PER_LONG, 0);

	if (word == last_word) {
		__iommu_dirty_log_or(word, mask & last_mask);
		return;
	}
	__iommu_dirty_log_or(word, mask);
	while (++word < last_word)
		__iommu_dirty_log_or(word, ~0UL);
	__iommu_dirty_log_or(word, last_mask);
}

/**
 * iommu_dirty_log_range - record that every page of a range is dirty
 * @log: the window
 * @iova: first IOVA, within the window
 * @last: last IOVA, within the window
 *
 * A granule that the range covers in part is dirty.
 */
static inline void iommu_dirty_log_range(struct iommu_dirty_log *log,
					 unsigned long iova, unsigned long last)
{
	unsigned long bit = log->bit + ((iova - log->iova) >> log->shift);
	unsigned long last_bit = log->bit + ((last - log->iova) >> log->shift);

	if (bit < IOMMU_DIRTY_LOG_PAGE_BITS)
		__iommu_dirty_log_page(log->page[0], bit,
				       min(last_bit,
					   IOMMU_DIRTY_LOG_PAGE_BITS - 1));
	if (last_bit >= IOMMU_DIRTY_LOG_PAGE_BITS)
		__iommu_dirty_log_page(log->page[1],
				       max(bit, IOMMU_DIRTY_LOG_PAGE_BITS) -
				       IOMMU_DIRTY_LOG_PAGE_BITS,
				       last_bit - IOMMU_DIRTY_LOG_PAGE_BITS);
}

/**
 * iommu_dirty_log_mask - record a word of leaves at once
 * @log: the window
 * @iova: IOVA of the leaf that bit 0 of @mask stands for; may lie before the
 *        window, the leaves whose bits are set do not
 * @mask: which leaves are dirty
 * @shift: log2 of the size of a leaf
 */
static __always_inline void
iommu_dirty_log_mask(struct iommu_dirty_log *log, unsigned long iova,
		     unsigned long mask, unsigned int shift)
{
	unsigned long bit;

	if (unlikely(shift != log->shift)) {
		while (mask) {
			unsigned int first = __ffs(mask);
			/* The lowest bit, carried through the ones above it */
			unsigned long above = mask + BIT(first);
			unsigned int end = above ? __ffs(above) : BITS_PER_LONG;

			iommu_dirty_log_range(log, iova + ((unsigned long)first
							   << shift),
					      iova + ((unsigned long)end
						      << shift) - 1);
			mask &= above;
		}
		return;
	}

	/* The first word of a table may begin before the window does. */
	if (iova < log->iova) {
		mask >>= (log->iova - iova) >> shift;
		iova = log->iova;
	}
	bit = log->bit + ((iova - log->iova) >> shift);
	if (mask << bit % BITS_PER_LONG)
		__iommu_dirty_log_or(__iommu_dirty_log_word(log, bit),
				     mask << bit % BITS_PER_LONG);
	/* What the shift pushed out belongs to the next word. */
	if (!(bit % BITS_PER_LONG))
		return;
	mask >>= BITS_PER_LONG - bit % BITS_PER_LONG;
	if (mask)
		__iommu_dirty_log_or(__iommu_dirty_log_word(log, bit +
							    BITS_PER_LONG),
				     mask);
}

#endif /* __IOMMU_DIRTY_LOG_H */
