/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One walker of live page tables for every format
 *
 * A *table* has entries, an entry maps a *leaf* or points to the table one
 * *level* below; level 1 has leaves only. Hardware walks the same table at the
 * same time and sets the dirty bit of a leaf by an atomic update before it lets
 * the first write through. The walker visits the leaves of a range in order,
 * once, descending only where the range leads: what lies beside it may belong
 * to an area whose tables are being freed. The words next to the range's in a
 * table that it shares are loaded, but never acted upon.
 *
 * A leaf that is found dirty is recorded first and cleared second. Whoever
 * else can touch the word in between:
 *
 *   hardware    sets dirty or accessed. Dirty is set already, so that clearing
 *               it by an atomic operation loses nothing: a write that sets it
 *               after the clear is found by a later read, and one that went
 *               through a translation cached before is covered by the record;
 *   a parallel  clears the same bit, having recorded the leaf in its own log.
 *   read        Both report it, one clears it;
 *   map, unmap  not: the areas stand while iova_rwsem is held.
 *
 * Clearing never waits for anything and the flush comes once per window, from
 * the core, before the window's lock is dropped.
 *
 * A leaf may be larger than the window, or reach over the edge of what was
 * asked for. Its bit says that some page of it was written, so it is cleared
 * only if every page was recorded; see iommu_dirty_read::whole. That the leaf
 * is found dirty in its last window is not enough: hardware may have set the
 * bit after an earlier window passed it as clean.
 *
 * A format is a constant struct iommu_dirty_fmt, and everything here is inlined
 * over it: the compiler sees masks and shifts, not calls.
 */
#ifndef __IOMMU_DIRTY_WALK_H
#define __IOMMU_DIRTY_WALK_H

#include "iommu-dirty-log.h"

/**
 * struct iommu_dirty_fmt - a page-table format, as the walker sees it
 * @page_shift: log2 of the size of a leaf at level 1
 * @index_bits: log2 of the number of entries in a table; at least as many as
 *              a long has bits
 * @present: the entry maps a leaf or points to a table
 * @leaf: the entry, which is present, at a level above 1, maps a leaf
 * @dirty: non-zero, in always the same bits, if the entry, which maps a leaf,
 *         is dirty. Also asked of words outside of the range, whose answer is
 *         not used
 * @clean: what the dirty entry becomes when it is cleared
 * @clear: clear a leaf at level 1 by one atomic operation that leaves the rest
 *         of the word to hardware
 * @table: the table that the entry points to
 */
struct iommu_dirty_fmt {
	unsigned int page_shift;
	unsigned int index_bits;
	bool (*present)(u64 entry);
	bool (*leaf)(u64 entry);
	u64 (*dirty)(u64 entry);
	u64 (*clean)(u64 entry);
	void (*clear)(u64 *entry);
	u64 *(*table)(u64 entry);
};

typedef void (*iommu_dirty_walk_fn)(u64 *table, unsigned int level,
				    struct iommu_dirty_read *read,
				    unsigned long iova, unsigned long last);

static inline void __iommu_dirty_cleared(struct iommu_dirty_read *read,
					 unsigned long iova, unsigned long last,
					 unsigned int shift)
{
	read->cleared = min(read->cleared, iova);
	read->cleared_last = max(read->cleared_last, last);
	read->cleared_sizes |= BIT(shift);
}

/* Most words are clean: find out without forming the mask. */
static __always_inline bool
__iommu_dirty_any(const struct iommu_dirty_fmt *fmt, const u64 *entries)
{
	u64 any = 0;
	unsigned int i;

	for (i = 0; i < BITS_PER_LONG; i++)
		any |= fmt->dirty(READ_ONCE(entries[i]));
	return any;
}

static __always_inline unsigned long
__iommu_dirty_mask(const struct iommu_dirty_fmt *fmt, const u64 *entries)
{
	unsigned long mask = 0;
	unsigned int i;

	for (i = 0; i < BITS_PER_LONG; i++)
		mask |= (unsigned long)!!fmt->dirty(READ_ONCE(entries[i])) << i;
	return mask;
}

/* The range begins and ends with a leaf, so every leaf lies wholly in it. */
static __always_inline void
__iommu_dirty_walk_leaves(const struct iommu_dirty_fmt *fmt, u64 *table,
			  struct iommu_dirty_read *read, unsigned long iova,
			  unsigned long last)
{
	const unsigned int shift = fmt->page_shift;
	const unsigned int nr = 1U << fmt->index_bits;
	unsigned int first_index = (iova >> shift) % nr;
	unsigned int last_index = (last >> shift) % nr;
	unsigned long base = iova - ((unsigned long)first_index << shift);
	unsigned int index;

	base = round_down(base, BIT(shift));
	for (index = round_down(first_index, BITS_PER_LONG);
	     index <= last_index; index += BITS_PER_LONG) {
		unsigned long block = base + ((unsigned long)index << shift);
		u64 *entries = table + index;
		unsigned long mask, rest;

		if (!__iommu_dirty_any(fmt, entries))
			continue;
		mask = __iommu_dirty_mask(fmt, entries);
		if (index < first_index)
			mask &= ~0UL << (first_index - index);
		if (last_index - index < BITS_PER_LONG - 1)
			mask &= GENMASK(last_index - index, 0);
		if (!mask)
			continue;

		if (read->log)
			iommu_dirty_log_mask(read->log, block, mask, shift);
		if (!read->clear)
			continue;
		/*
		 * Only hardware and parallel reads can touch these words now.
		 * Either may have changed one since it was loaded, but none
		 * makes it anything but a leaf: no compare is needed.
		 */
		for (rest = mask; rest; rest &= rest - 1)
			fmt->clear(entries + __ffs(rest));
		__iommu_dirty_cleared(read, block + (__ffs(mask) << shift),
				      block + (__fls(mask) << shift) +
					      BIT(shift) - 1, shift);
	}
}

/*
 * Returns the entry as it was found last, which is not a leaf any more if
 * somebody replaced it meanwhile.
 */
static __always_inline u64
__iommu_dirty_visit_huge(const struct iommu_dirty_fmt *fmt, u64 *entry, u64 old,
			 unsigned int shift, struct iommu_dirty_read *read,
			 unsigned long iova, unsigned long last)
{
	unsigned long leaf = round_down(iova, BIT(shift));
	unsigned long leaf_last = leaf + BIT(shift) - 1;

	while (fmt->leaf(old)) {
		if (!fmt->dirty(old)) {
			/* Up to here, nothing of it was recorded. */
			if (leaf_last > last)
				read->whole = last + 1;
			break;
		}

		if (read->log)
			iommu_dirty_log_range(read->log, iova,
					      min(leaf_last, last));
		if (!read->clear)
			break;
		if (read->log && (leaf < read->whole || leaf_last > last))
			break;

		/*
		 * Above level 1 a leaf can become a table, so the word must
		 * still be what was looked at. Mostly it is, or hardware has
		 * set the accessed bit; @old is loaded anew if not.
		 */
		if (try_cmpxchg64(entry, &old, fmt->clean(old))) {
			__iommu_dirty_cleared(read, leaf, leaf_last, shift);
			break;
		}
	}
	return old;
}

static __always_inline void
__iommu_dirty_walk_table(const struct iommu_dirty_fmt *fmt,
			 iommu_dirty_walk_fn walk, u64 *table,
			 unsigned int level, struct iommu_dirty_read *read,
			 unsigned long iova, unsigned long last)
{
	const unsigned int shift = fmt->page_shift +
				   (level - 1) * fmt->index_bits;
	unsigned int index;

	if (level == 1) {
		__iommu_dirty_walk_leaves(fmt, table, read, iova, last);
		return;
	}

	for (index = (iova >> shift) % (1U << fmt->index_bits);; index++) {
		unsigned long entry_last = iova | (BIT(shift) - 1);
		u64 entry = READ_ONCE(table[index]);

		if (fmt->present(entry)) {
			if (fmt->leaf(entry))
				entry = __iommu_dirty_visit_huge(fmt,
								 table + index,
								 entry, shift,
								 read, iova,
								 last);
			if (!fmt->leaf(entry))
				walk(fmt->table(entry), level - 1, read, iova,
				     min(entry_last, last));
		}
		if (entry_last >= last)
			break;
		iova = entry_last + 1;
	}
}

/**
 * DEFINE_IOMMU_DIRTY_WALK - make the walker of one format
 * @_name: name of the function: void _name(u64 *table, unsigned int level,
 *         struct iommu_dirty_read *read, unsigned long iova, unsigned long
 *         last). It does what iommu_dirty_ops::read asks for, given the root
 *         table and its level, for a range that the root covers
 * @_fmt: pointer to the constant struct iommu_dirty_fmt
 */
#define DEFINE_IOMMU_DIRTY_WALK(_name, _fmt)				\
static void _name(u64 *table, unsigned int level,			\
		  struct iommu_dirty_read *read, unsigned long iova,	\
		  unsigned long last)					\
{									\
	__iommu_dirty_walk_table(_fmt, _name, table, level, read, iova,	\
				 last);					\
}

#endif /* __IOMMU_DIRTY_WALK_H */
