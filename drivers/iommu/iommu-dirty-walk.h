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
 * A format may replicate the entry of a leaf whose size is between those of two
 * levels, in as many words as its size needs. Hardware marks any of them: the
 * leaf is dirty if one is, and clean when all are, those outside of the range
 * included. A word that is marked while the others are being cleared stays so,
 * and the next read finds it.
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
 * @index_bits: log2 of the number of entries in a table; a table has at least
 *              as many as a long has bits
 * @present: bits of which one is set if the entry maps a leaf or points to a
 *           table
 * @dirty_bit: number of the bit that hardware changes when a leaf gets dirty
 * @dirty_is_clear: it clears the bit
 * @leaf: the entry, which is present, at a level above 1, maps a leaf
 * @replicas: log2 of the number of words that the entry, which maps a leaf at
 *            the level given, is replicated in. NULL if the format knows none
 * @dirty: where @dirty_bit alone does not say: non-zero, in always the same
 *         bits, if the entry, which maps a leaf, is dirty. Also asked of words
 *         outside of the range, whose answer is not used
 * @table: the table that the entry points to
 */
struct iommu_dirty_fmt {
	unsigned int page_shift;
	unsigned int index_bits;
	u64 present;
	unsigned int dirty_bit;
	bool dirty_is_clear;
	bool (*leaf)(u64 entry);
	unsigned int (*replicas)(u64 entry, unsigned int level);
	u64 (*dirty)(u64 entry);
	u64 *(*table)(u64 entry);
};

typedef void (*iommu_dirty_walk_fn)(u64 *table, unsigned int level,
				    struct iommu_dirty_read *read,
				    unsigned long iova, unsigned long last);

static __always_inline unsigned int
__iommu_dirty_shift(const struct iommu_dirty_fmt *fmt, unsigned int level)
{
	return fmt->page_shift + (level - 1) * fmt->index_bits;
}

static __always_inline unsigned int
__iommu_dirty_index(const struct iommu_dirty_fmt *fmt, unsigned int level,
		    unsigned long iova)
{
	return (iova >> __iommu_dirty_shift(fmt, level)) %
	       (1U << fmt->index_bits);
}

static __always_inline unsigned int
__iommu_dirty_replicas(const struct iommu_dirty_fmt *fmt, u64 entry,
		       unsigned int level)
{
	return fmt->replicas ? fmt->replicas(entry, level) : 0;
}

static __always_inline bool
__iommu_dirty_present(const struct iommu_dirty_fmt *fmt, u64 entry)
{
	return entry & fmt->present;
}

static __always_inline u64
__iommu_dirty_test(const struct iommu_dirty_fmt *fmt, u64 entry)
{
	return fmt->dirty ? fmt->dirty(entry) : entry & BIT_ULL(fmt->dirty_bit);
}

/* What a dirty entry becomes when it is cleared */
static __always_inline u64
__iommu_dirty_clean(const struct iommu_dirty_fmt *fmt, u64 entry)
{
	return entry ^ BIT_ULL(fmt->dirty_bit);
}

/* One atomic operation, which leaves the rest of the word to hardware */
static __always_inline void
__iommu_dirty_clear(const struct iommu_dirty_fmt *fmt, u64 *entry)
{
	if (fmt->dirty_is_clear)
		set_bit(fmt->dirty_bit, (unsigned long *)entry);
	else
		clear_bit(fmt->dirty_bit, (unsigned long *)entry);
}

static inline void __iommu_dirty_cleared(struct iommu_dirty_read *read,
					 unsigned long iova, unsigned long last,
					 unsigned int shift)
{
	read->cleared = min(read->cleared, iova);
	read->cleared_last = max(read->cleared_last, last);
	read->cleared_sizes |= BIT(shift);
}

/*
 * Record the part of a dirty leaf that is in the range. Returns whether the
 * leaf is to be cleared.
 */
static inline bool __iommu_dirty_record(struct iommu_dirty_read *read,
					unsigned long leaf,
					unsigned long leaf_last,
					unsigned long iova, unsigned long last)
{
	if (read->log)
		iommu_dirty_log_range(read->log, max(leaf, iova),
				      min(leaf_last, last));
	if (!read->clear)
		return false;
	return !read->log || (leaf >= read->whole && leaf_last <= last);
}

/* Nothing of a clean leaf was recorded up to here. */
static inline void __iommu_dirty_pass(struct iommu_dirty_read *read,
				      unsigned long leaf_last,
				      unsigned long last)
{
	if (leaf_last > last)
		read->whole = last + 1;
}

/*
 * Visit a leaf that is replicated in 2^@bits words, @shift being log2 of its
 * size. Words that are clean are left alone: most of them are.
 */
static __always_inline void
__iommu_dirty_visit_replicated(const struct iommu_dirty_fmt *fmt, u64 *entries,
			       unsigned int bits, unsigned int shift,
			       struct iommu_dirty_read *read,
			       unsigned long iova, unsigned long last)
{
	unsigned long leaf = round_down(iova, BIT(shift));
	unsigned long leaf_last = leaf + BIT(shift) - 1;
	unsigned int i;
	u64 any = 0;

	for (i = 0; i < 1U << bits; i++)
		any |= __iommu_dirty_test(fmt, READ_ONCE(entries[i]));
	if (!any) {
		__iommu_dirty_pass(read, leaf_last, last);
		return;
	}
	if (!__iommu_dirty_record(read, leaf, leaf_last, iova, last))
		return;
	for (i = 0; i < 1U << bits; i++)
		if (__iommu_dirty_test(fmt, READ_ONCE(entries[i])))
			__iommu_dirty_clear(fmt, entries + i);
	__iommu_dirty_cleared(read, leaf, leaf_last, shift);
}

/*
 * Visit a leaf of one word above level 1. Returns the entry as it was found
 * last, which is not a leaf any more if somebody replaced it meanwhile.
 */
static __always_inline u64
__iommu_dirty_visit_huge(const struct iommu_dirty_fmt *fmt, u64 *entry, u64 old,
			 unsigned int shift, struct iommu_dirty_read *read,
			 unsigned long iova, unsigned long last)
{
	unsigned long leaf = round_down(iova, BIT(shift));
	unsigned long leaf_last = leaf + BIT(shift) - 1;

	while (fmt->leaf(old)) {
		if (!__iommu_dirty_test(fmt, old)) {
			__iommu_dirty_pass(read, leaf_last, last);
			break;
		}
		if (!__iommu_dirty_record(read, leaf, leaf_last, iova, last))
			break;
		/*
		 * Above level 1 a leaf can become a table, so the word must
		 * still be what was looked at. Mostly it is, or hardware has
		 * set the accessed bit; @old is loaded anew if not.
		 */
		if (try_cmpxchg64(entry, &old, __iommu_dirty_clean(fmt, old))) {
			__iommu_dirty_cleared(read, leaf, leaf_last, shift);
			break;
		}
	}
	return old;
}

/* Most words are clean: find out without forming the mask. */
static __always_inline bool
__iommu_dirty_any(const struct iommu_dirty_fmt *fmt, const u64 *entries)
{
	unsigned int i;
	u64 any = 0;

	for (i = 0; i < BITS_PER_LONG; i++)
		any |= __iommu_dirty_test(fmt, READ_ONCE(entries[i]));
	return any;
}

static __always_inline unsigned long
__iommu_dirty_mask(const struct iommu_dirty_fmt *fmt, const u64 *entries)
{
	unsigned long mask = 0;
	unsigned int i;

	for (i = 0; i < BITS_PER_LONG; i++)
		mask |= (unsigned long)!!__iommu_dirty_test(fmt,
				READ_ONCE(entries[i])) << i;
	return mask;
}

/*
 * Visit the leaves of one word each that @mask says are dirty. They lie wholly
 * in the range, which begins and ends with a leaf.
 */
static __always_inline void
__iommu_dirty_visit_mask(const struct iommu_dirty_fmt *fmt, u64 *entries,
			 unsigned long mask, struct iommu_dirty_read *read,
			 unsigned long iova)
{
	const unsigned int shift = fmt->page_shift;
	unsigned long rest;

	if (read->log)
		iommu_dirty_log_mask(read->log, iova, mask, shift);
	if (!read->clear)
		return;
	/*
	 * Only hardware and parallel reads can touch these words now. Either
	 * may have changed one since it was loaded, but none makes it anything
	 * but a leaf: no compare is needed.
	 */
	for (rest = mask; rest; rest &= rest - 1)
		__iommu_dirty_clear(fmt, entries + __ffs(rest));
	__iommu_dirty_cleared(read, iova + (__ffs(mask) << shift),
			      iova + (__fls(mask) << shift) + BIT(shift) - 1,
			      shift);
}

/*
 * The dirty words of @mask may be replicas. Each leaf is visited when its first
 * dirty word is met; the other words of it, here or further on, are clean then.
 */
static __always_inline void
__iommu_dirty_visit_mixed(const struct iommu_dirty_fmt *fmt, u64 *table,
			  unsigned int index, unsigned long mask,
			  struct iommu_dirty_read *read, unsigned long base,
			  unsigned long last)
{
	const unsigned int shift = fmt->page_shift;
	unsigned int done = 0;

	for (; mask; mask &= mask - 1) {
		unsigned int at = index + __ffs(mask);
		unsigned int bits = fmt->replicas(READ_ONCE(table[at]), 1);
		unsigned int first = round_down(at, 1U << bits);
		unsigned long leaf = base + ((unsigned long)first << shift);

		if (at < done)
			continue;
		done = first + (1U << bits);
		__iommu_dirty_visit_replicated(fmt, table + first, bits,
					       shift + bits, read, leaf, last);
	}
}

/*
 * Leaves at level 1. With replicas, first and last leaf may be cut by the
 * range: the caller has visited them, what is left here lies wholly in it.
 */
static __always_inline void
__iommu_dirty_walk_words(const struct iommu_dirty_fmt *fmt, u64 *table,
			 struct iommu_dirty_read *read, unsigned long iova,
			 unsigned long last)
{
	const unsigned int shift = fmt->page_shift;
	unsigned int first_index = __iommu_dirty_index(fmt, 1, iova);
	unsigned int last_index = __iommu_dirty_index(fmt, 1, last);
	unsigned long base = round_down(iova, BIT(shift)) -
			     ((unsigned long)first_index << shift);
	unsigned int index;

	for (index = round_down(first_index, BITS_PER_LONG);
	     index <= last_index; index += BITS_PER_LONG) {
		u64 *entries = table + index;
		unsigned long mask;

		if (!__iommu_dirty_any(fmt, entries))
			continue;
		mask = __iommu_dirty_mask(fmt, entries);
		if (index < first_index)
			mask &= ~0UL << (first_index - index);
		if (last_index - index < BITS_PER_LONG - 1)
			mask &= GENMASK(last_index - index, 0);
		if (!mask)
			continue;
		if (fmt->replicas)
			__iommu_dirty_visit_mixed(fmt, table, index, mask, read,
						  base, last);
		else
			__iommu_dirty_visit_mask(fmt, entries, mask, read,
						 base + ((unsigned long)index
							 << shift));
	}
}

static __always_inline void
__iommu_dirty_walk_leaves(const struct iommu_dirty_fmt *fmt, u64 *table,
			  struct iommu_dirty_read *read, unsigned long iova,
			  unsigned long last)
{
	unsigned long leaf, leaf_last;
	unsigned int index, bits;

	if (!fmt->replicas) {
		__iommu_dirty_walk_words(fmt, table, read, iova, last);
		return;
	}

	/* The leaf that the range begins in, all its words included */
	index = __iommu_dirty_index(fmt, 1, iova);
	bits = fmt->replicas(READ_ONCE(table[index]), 1);
	leaf_last = iova | (BIT(fmt->page_shift + bits) - 1);
	leaf = round_down(iova, BIT(fmt->page_shift + bits));
	if (bits && (leaf < iova || leaf_last > last)) {
		__iommu_dirty_visit_replicated(fmt, table +
					       round_down(index, 1U << bits),
					       bits, fmt->page_shift + bits,
					       read, iova, last);
		if (leaf_last >= last)
			return;
		iova = leaf_last + 1;
	}

	/* The leaf that it ends in comes last: it may reach into what follows */
	index = __iommu_dirty_index(fmt, 1, last);
	bits = fmt->replicas(READ_ONCE(table[index]), 1);
	leaf = round_down(last, BIT(fmt->page_shift + bits));
	if (!bits || leaf + BIT(fmt->page_shift + bits) - 1 == last) {
		__iommu_dirty_walk_words(fmt, table, read, iova, last);
		return;
	}
	if (leaf > iova)
		__iommu_dirty_walk_words(fmt, table, read, iova, leaf - 1);
	__iommu_dirty_visit_replicated(fmt, table + round_down(index, 1U << bits),
				       bits, fmt->page_shift + bits, read, leaf,
				       last);
}

static __always_inline void
__iommu_dirty_walk_table(const struct iommu_dirty_fmt *fmt,
			 iommu_dirty_walk_fn walk, u64 *table,
			 unsigned int level, struct iommu_dirty_read *read,
			 unsigned long iova, unsigned long last)
{
	const unsigned int shift = __iommu_dirty_shift(fmt, level);
	unsigned int index;

	if (level == 1) {
		__iommu_dirty_walk_leaves(fmt, table, read, iova, last);
		return;
	}

	for (index = __iommu_dirty_index(fmt, level, iova);; index++) {
		unsigned long entry_last = iova | (BIT(shift) - 1);
		u64 entry = READ_ONCE(table[index]);
		unsigned int bits = 0;

		if (__iommu_dirty_present(fmt, entry) && fmt->leaf(entry))
			bits = __iommu_dirty_replicas(fmt, entry, level);
		if (bits) {
			__iommu_dirty_visit_replicated(fmt, table +
						       round_down(index, 1U << bits),
						       bits, shift + bits, read,
						       iova, last);
			entry_last = iova | (BIT(shift + bits) - 1);
			index |= (1U << bits) - 1;
		} else if (__iommu_dirty_present(fmt, entry)) {
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
