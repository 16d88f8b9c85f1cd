// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dirty log: a window of the caller's bitmap, pinned
 *
 * A window is small: one page worth of bits and at most 1 GiB of IOVA, so that
 * the lock under which it is walked is never held for long. Windows are aligned
 * in IOVA, which lets a leaf of up to their size lie in one. Their bits begin
 * anywhere in user memory, hence two pages.
 *
 * Pages are pinned before any lock is taken. A bitmap in a file, behind
 * userfaultfd or on a slow filesystem makes its own caller wait and nobody
 * else. A page none of whose bits belong to a mapped area is not pinned and
 * need not exist.
 */
#include <linux/bitmap.h>
#include <linux/highmem.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>

#include "../iommu-dirty-log.h"
#include "dirty.h"

/**
 * iommufd_dirty_log_last() - the end of the window that an IOVA lies in
 * @bits: where the bits go
 * @iova: an IOVA of the range that is read
 * @hurry: somebody waits for the lock: a window of an eighth of the size
 *
 * Return: the last IOVA of the window, inclusive.
 */
unsigned long iommufd_dirty_log_last(const struct iommufd_dirty_bits *bits,
				     unsigned long iova, bool hurry)
{
	const unsigned int page_bits = ilog2(IOMMU_DIRTY_LOG_PAGE_BITS);
	unsigned int shift = min_t(unsigned int, ilog2(SZ_1G),
				   bits->shift + page_bits);

	if (hurry)
		shift -= 3;
	return iova | (BIT(shift) - 1);
}

/**
 * iommufd_dirty_log_init() - describe a window; nothing is pinned yet
 * @log: the window
 * @bits: where the bits go
 * @iova: its first IOVA
 * @last: its last IOVA
 */
void iommufd_dirty_log_init(struct iommu_dirty_log *log,
			    const struct iommufd_dirty_bits *bits,
			    unsigned long iova, unsigned long last)
{
	unsigned long bit = (iova - bits->iova) >> bits->shift;

	/* bits->iova is a multiple of the granule, so that this one is too. */
	log->iova = bits->iova + (bit << bits->shift);
	log->last = last;
	log->shift = bits->shift;
	log->bit = offset_in_page(bits->user + bit / BITS_PER_BYTE) *
		   BITS_PER_BYTE + bit % BITS_PER_BYTE;
	log->page[0] = NULL;
	log->page[1] = NULL;
}

/**
 * iommufd_dirty_log_pages() - which pages hold the bits of a range
 * @log: the window
 * @iova: first IOVA, within the window
 * @last: last IOVA, within the window
 *
 * Return: a mask, bit n stands for iommu_dirty_log::page[n].
 */
unsigned int iommufd_dirty_log_pages(const struct iommu_dirty_log *log,
				     unsigned long iova, unsigned long last)
{
	unsigned long bit = log->bit + ((iova - log->iova) >> log->shift);
	unsigned long last_bit = log->bit + ((last - log->iova) >> log->shift);

	return BIT(bit / IOMMU_DIRTY_LOG_PAGE_BITS) |
	       BIT(last_bit / IOMMU_DIRTY_LOG_PAGE_BITS);
}

/**
 * iommufd_dirty_log_pin() - pin the bitmap under a window
 * @log: the window, from iommufd_dirty_log_init()
 * @bits: where the bits go
 * @pages: which pages, from iommufd_dirty_log_pages()
 *
 * Context: process context, without locks: user pages are faulted in.
 * Return: 0, or -EFAULT if one of the pages cannot be written, or what else
 *	   pinning returns; then nothing is pinned.
 */
int iommufd_dirty_log_pin(struct iommu_dirty_log *log,
			  const struct iommufd_dirty_bits *bits,
			  unsigned int pages)
{
	unsigned long bit = (log->iova - bits->iova) >> bits->shift;
	unsigned long user = bits->user + bit / BITS_PER_BYTE;
	unsigned int i;

	user &= PAGE_MASK;
	for (i = 0; i < ARRAY_SIZE(log->page); i++, user += PAGE_SIZE) {
		struct page *page;
		int rc = 0;

		if (!(pages & BIT(i)))
			continue;
		/*
		 * The bits may not wrap around the end of the address space.
		 * Pinning would say EOVERFLOW for the last page of all.
		 */
		if (user + PAGE_SIZE - 1 >= bits->user &&
		    access_ok((void __user *)user, PAGE_SIZE))
			rc = pin_user_pages_fast(user, 1, FOLL_WRITE, &page);
		if (rc != 1) {
			iommufd_dirty_log_unpin(log);
			return rc < 0 ? rc : -EFAULT;
		}
		log->page[i] = kmap_local_page(page);
	}
	return 0;
}

/**
 * iommufd_dirty_log_unpin() - let go of the bitmap under a window
 * @log: the window
 *
 * The pages are marked dirty, so that bits in a file are written back to it.
 *
 * Context: process context, may sleep.
 */
void iommufd_dirty_log_unpin(struct iommu_dirty_log *log)
{
	int i;

	/* Local mappings are undone in the order opposite to their making. */
	for (i = ARRAY_SIZE(log->page) - 1; i >= 0; i--) {
		struct page *page;

		if (!log->page[i])
			continue;
		page = kmap_to_page(log->page[i]);
		kunmap_local(log->page[i]);
		log->page[i] = NULL;
		unpin_user_pages_dirty_lock(&page, 1, true);
	}
}

/**
 * iommufd_dirty_log_weight() - count the bits that are set in a window
 * @log: the window, pinned
 *
 * Whoever shares a word may be storing into it: the number is for people.
 *
 * Return: how many of its bits are set on pages that are pinned.
 */
unsigned long iommufd_dirty_log_weight(const struct iommu_dirty_log *log)
{
	unsigned long end = log->bit + ((log->last - log->iova) >> log->shift) + 1;
	unsigned long weight = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(log->page); i++) {
		const unsigned long base = i * IOMMU_DIRTY_LOG_PAGE_BITS;
		const unsigned long above = base + IOMMU_DIRTY_LOG_PAGE_BITS;

		if (!log->page[i])
			continue;
		weight += bitmap_weight(log->page[i],
					clamp(end, base, above) - base) -
			  bitmap_weight(log->page[i],
					clamp(log->bit, base, above) - base);
	}
	return weight;
}

/**
 * iommufd_dirty_log_gained() - count the bits that became set in a window
 * @log: the window, pinned
 * @before: what iommufd_dirty_log_weight() said then
 *
 * Return: how many more there are. None, if the caller has cleared others
 *	   meanwhile.
 */
unsigned long iommufd_dirty_log_gained(const struct iommu_dirty_log *log,
				       unsigned long before)
{
	unsigned long after = iommufd_dirty_log_weight(log);

	return after > before ? after - before : 0;
}
