/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Dirty tracking of DMA: what iommufd asks of an IOMMU driver
 *
 * An IOMMU that tracks dirt sets a bit in the leaf of its second-stage page
 * table before a device's first write through that leaf. A driver contributes
 * three operations: switch the hardware, walk a range of the live table,
 * invalidate what the walk cleared. If its hardware is like that, it also waits
 * for dirt that is on its way, and says how leaves can be split. Arguments, state,
 * locks, the caller's bitmap and the order of things are the core's
 * (iommufd/dirty.c).
 *
 * The order, for one window of a range, and what it is good for:
 *
 *   record   the leaf's pages enter the log,
 *   clear    the leaf's bit is cleared atomically, after they are recorded:
 *            what is cleared was reported,
 *   flush    cached translations of what was cleared are invalidated, waited
 *            for, before the caller learns anything: a device cannot go on
 *            writing through a translation that remembers the bit as set.
 *
 * A write that lands between clear and flush through such a translation leaves
 * no new trace; it need not, since its page is recorded and the caller copies
 * the page only after the flush.
 *
 * @last is inclusive wherever an IOVA is meant.
 */
#ifndef __LINUX_IOMMU_DIRTY_H
#define __LINUX_IOMMU_DIRTY_H

#include <linux/atomic.h>
#include <linux/types.h>

struct iommu_domain;

/**
 * struct iommu_dirty_log - one window of the caller's bitmap
 * @iova: IOVA of the first page of the window; a multiple of the granule
 * @last: last IOVA of the window
 * @shift: log2 of the granule, the bytes that one bit stands for
 * @bit: position of @iova's bit, counted from the start of @page[0]
 * @page: kernel addresses of the pages that hold the window's bits, NULL for
 *        one that is not pinned: no bit of it may be set
 *
 * A window has at most PAGE_SIZE * 8 bits. They begin anywhere in a page, so
 * they lie in at most two.
 */
struct iommu_dirty_log {
	unsigned long iova;
	unsigned long last;
	unsigned int shift;
	unsigned int bit;
	unsigned long *page[2];
};

struct iommu_dirty_fmt;
struct iommu_dirty_read;

/**
 * struct iommu_dirty_partial - replicated leaves split that were read in part
 * @begun: how many of their splits began
 * @ended: how many of them ended
 *
 * One for a table; see iommu_dirty_partial_begin().
 */
struct iommu_dirty_partial {
	atomic_long_t begun;
	atomic_long_t ended;
};

/**
 * struct iommu_dirty_shape - changing the shape of a table while it is walked
 * @huge: A leaf of one word above level 1, which was @old and maps @iova, was
 *        visited, and recorded if it is dirty. Returns true if it was dealt
 *        with: it is not cleared then, and the walk goes on with @old, in the
 *        leaf's place. Returns false if it was not, having loaded @old anew
 *        if the word had changed. NULL if such leaves stay.
 * @replicated: The same for a leaf of 2^@bits words from @entries on, which
 *              was @dirty. NULL if such leaves stay.
 * @again: visit the leaves that a replicated leaf was made into
 * @table: What lies in @table from @iova to @last was walked. NULL if nobody
 *         wants to know.
 */
struct iommu_dirty_shape {
	bool (*huge)(struct iommu_dirty_read *read,
		     const struct iommu_dirty_fmt *fmt, u64 *entry, u64 *old,
		     unsigned int level, unsigned long iova,
		     unsigned long last);
	bool (*replicated)(struct iommu_dirty_read *read,
			   const struct iommu_dirty_fmt *fmt, u64 *entries,
			   unsigned int bits, unsigned int level,
			   unsigned long iova, unsigned long last, bool dirty);
	bool again;
	void (*table)(struct iommu_dirty_read *read,
		      const struct iommu_dirty_fmt *fmt, u64 *table,
		      unsigned int level, unsigned long iova,
		      unsigned long last);
};

/**
 * struct iommu_dirty_read - one read of a range, window by window
 * @log: where dirty pages are recorded; NULL clears without recording, which
 *       is right only while nobody was told that tracking is on
 * @clear: clear what was recorded
 * @last: last IOVA of the range, of all its windows
 * @shape: what to make of huge leaves; NULL leaves them as they are
 * @partial: the table's, if reads run in parallel and may split; else NULL
 * @partial_ended: how many splits had ended there when this walk began, and its
 *                 own since
 * @whole: of a leaf that reaches over the current position, everything from
 *         @whole up to that position was recorded by this read. A leaf that
 *         begins before @whole was recorded in part only and stays dirty
 * @next: where a walk must begin to go on with a leaf that the last one recorded
 *        up to there; beginning anywhere else, @whole is set to that place
 * @cleared: first IOVA of the leaves cleared since the last flush
 * @cleared_last: last IOVA of them; below @cleared if there are none
 * @cleared_sizes: the sizes of them, ORed: bit n for a leaf of 2^n bytes
 */
struct iommu_dirty_read {
	struct iommu_dirty_log *log;
	bool clear;
	unsigned long last;
	struct iommu_dirty_shape *shape;
	struct iommu_dirty_partial *partial;
	unsigned long partial_ended;
	unsigned long whole;
	unsigned long next;
	unsigned long cleared;
	unsigned long cleared_last;
	unsigned long cleared_sizes;
};

/**
 * struct iommu_dirty_ops - what a driver does for a domain that tracks dirt
 * @set: Switch tracking on or off for every device attached to @domain, and
 *       invalidate whatever was cached under the old setting, leaf dirt
 *       included, before returning. Called only when the setting changes. When
 *       it fails the hardware is as it was. The core calls it, and attaches
 *       devices, under one lock: the list of devices stands still but for
 *       those that are plugged into a group in use, or out of it, for which a
 *       lock of the driver's is needed. A device that is attached later takes
 *       its setting from iommu_domain::dirty_enabled, which the core changes
 *       before @set and changes back if that fails. Returns 0 or a negative
 *       errno, which user space gets. Context: process context, may sleep;
 *       iommufd_dirty::lock is held for write.
 * @sync: Wait until the leaves show every write that a device has completed
 *        before. NULL where hardware completes no write earlier than that.
 *        Context: process context, with iommufd_dirty::lock or without.
 * @read: Walk the leaves that map @iova to @last, inclusive, as @read says.
 *        The range lies in mapped, writable areas, which stay mapped during
 *        the call; tables outside of them may be freed at any moment and must
 *        not be entered. @iova and @last + 1 are multiples of the smallest
 *        leaf. May run on several CPUs at once, for any ranges, and again for
 *        the same one. Context: may sleep; iommufd_dirty::lock is held for
 *        read or write, and io_pagetable::iova_rwsem, but for an area that is
 *        being unmapped, which nobody else can find.
 * @flush: Invalidate the cached translations of @iova to @last and wait until
 *         no write is under way through one of them. @sizes has bit n set if
 *         a leaf of 2^n bytes was cleared there, or exchanged for a table,
 *         or a table for it: if not all of them are of the smallest size, what
 *         is cached of the tables above goes too. The range is a window's at
 *         most, or a whole area that is being unmapped. Context: as @read.
 * @split_table: How many bytes a table has if leaves of @domain can be split
 *               while devices use them, 0 if not; NULL if never. Always the
 *               same for a domain.
 * @writable_only: No leaf of @domain may be made read-only, not even while it is
 *                 being unmapped. What is unmapped with a report is reported
 *                 whole then.
 *
 * A domain that cannot track has no such operations.
 */
struct iommu_dirty_ops {
	int (*set)(struct iommu_domain *domain, bool enable);
	void (*sync)(struct iommu_domain *domain);
	void (*read)(struct iommu_domain *domain, struct iommu_dirty_read *read,
		     unsigned long iova, unsigned long last);
	void (*flush)(struct iommu_domain *domain, unsigned long iova,
		      unsigned long last, unsigned long sizes);
	size_t (*split_table)(struct iommu_domain *domain);
	bool writable_only;
};

#endif /* __LINUX_IOMMU_DIRTY_H */
