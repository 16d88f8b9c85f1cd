// SPDX-License-Identifier: GPL-2.0-only
/*
 * Splitting and joining leaves: what the walker calls, see iommu-dirty-split.h
 *
 * This is no part of the walker's loops, which would gain nothing from inlining
 * it: a split costs hundreds of stores.
 */
#include <linux/bits.h>
#include <linux/export.h>
#include <linux/kernel.h>

#include "iommu-dirty-split.h"

/* Marks: 0 for what was mapped so, else log2 of the words of the leaf, plus 1 */
#define MARK_TABLE	1

static unsigned int mark_get(const struct iommu_dirty_fmt *fmt, u64 entry)
{
	return (entry & fmt->mark) >> __ffs64(fmt->mark);
}

static u64 mark_set(const struct iommu_dirty_fmt *fmt, u64 entry,
		    unsigned int mark)
{
	return (entry & ~fmt->mark) | (u64)mark << __ffs64(fmt->mark);
}

static u64 entry_dirty(const struct iommu_dirty_fmt *fmt, u64 entry, bool dirty)
{
	if (!!__iommu_dirty_test(fmt, entry) != dirty)
		entry ^= BIT_ULL(fmt->dirty_bit);
	return entry;
}

/*
 * What a lazy split is about: the part of a dirty leaf that this read has
 * recorded, in this window or before. Returns false if more of the leaf will be
 * recorded in the windows to come; the last of them splits it.
 */
static bool lazy_part(const struct iommu_dirty_read *read, unsigned long leaf,
		      unsigned long leaf_last, unsigned long iova,
		      unsigned long last, unsigned long *part,
		      unsigned long *part_last)
{
	if (!read->clear || !read->log)
		return false;
	if (leaf_last > last && read->last > last)
		return false;
	*part = max(leaf, min(read->whole, iova));
	*part_last = min(leaf_last, last);
	return true;
}

/*
 * Replace the leaf of one word @entry, which was @old when it was looked at, by
 * a table of children.
 *
 * Lazy: the leaf is dirty, and from @part to @part_last everything is recorded.
 * These children begin clean, the others dirty, since the bit of the leaf says
 * as much of them. Until the flush, hardware may go on writing through a cached
 * translation of the leaf, which leaves no trace in the children: what is in the
 * part was recorded, and the caller copies it only after the flush; the rest is
 * dirty. A parallel read sees either the dirty leaf or its children, dirty but
 * for what this read reports.
 *
 * Eager: all children have the leaf's dirt. No translation is cached that could
 * write without setting a bit, unless the leaf was dirty.
 *
 * Hardware that changes the word between the look and the exchange makes the
 * exchange fail; the walker looks again.
 */
static bool split_huge(struct iommu_dirty_read *read,
		       const struct iommu_dirty_fmt *fmt, u64 *entry, u64 *old,
		       unsigned int level, unsigned long iova,
		       unsigned long last)
{
	const unsigned int shift = __iommu_dirty_shift(fmt, level);
	const unsigned int child_shift = shift - fmt->index_bits;
	struct iommu_dirty_split *split = iommu_dirty_to_split(read);
	unsigned long leaf = round_down(iova, BIT(shift));
	unsigned long leaf_last = leaf + BIT(shift) - 1;
	unsigned long part = 1, part_last = 0;
	bool dirty = __iommu_dirty_test(fmt, *old);
	u64 child, clean, pointer, *table;
	unsigned int i;

	if (!fmt->mark || !split->nr)
		return false;
	if (!split->eager &&
	    !(dirty && lazy_part(read, leaf, leaf_last, iova, last, &part,
				 &part_last)))
		return false;

	table = split->stock[split->nr - 1];
	child = mark_set(fmt, fmt->child(*old, level), MARK_TABLE);
	child = entry_dirty(fmt, child, dirty);
	clean = entry_dirty(fmt, child, false);
	for (i = 0; i < 1U << fmt->index_bits; i++) {
		unsigned long at = leaf + ((unsigned long)i << child_shift);
		bool recorded = at >= part &&
				at + BIT(child_shift) - 1 <= part_last;

		table[i] = (recorded ? clean : child) + ((u64)i << child_shift);
	}

	/* The exchange is a full barrier: the children precede their table. */
	pointer = mark_set(fmt, fmt->pointer(table, level),
			   mark_get(fmt, *old));
	if (!try_cmpxchg64(entry, old, pointer))
		return false;

	split->nr--;
	split->tables++;
	split->leaves++;
	__iommu_dirty_cleared(read, leaf, leaf_last, BIT(shift));
	if (split->eager)
		*old = pointer;
	return true;
}

/*
 * Exchange one word of a replicated leaf for a leaf of its own. Whoever splits
 * the same leaf at the same time may have been here first.
 */
static bool split_word(const struct iommu_dirty_fmt *fmt, u64 *entry,
		       unsigned int bits, unsigned int level, u64 offset,
		       bool dirty)
{
	u64 old = READ_ONCE(*entry), child;

	do {
		if (__iommu_dirty_replicas(fmt, old, level) != bits)
			return false;
		child = mark_set(fmt, fmt->child(old, level),
				 bits + MARK_TABLE) + offset;
	} while (!try_cmpxchg64(entry, &old, entry_dirty(fmt, child, dirty)));
	return __iommu_dirty_test(fmt, old);
}

/*
 * Make the words of a replicated leaf leaves of their own.
 *
 * This is not one step: for a while some words are replicas and others are not.
 * Each translates its IOVA rightly, alone. Dirt in a word is dirt of all, so
 * none may be dropped as long as a parallel read can take another word, clean,
 * for the leaf. Hence, where this read has recorded the leaf in part only, all
 * words get dirty first, and those of the part are cleared afterwards. A reader
 * that found some words before, clean, and others after, cleared by this read or
 * a third one, learns from iommu_dirty_partial_retry() that it has to look again.
 *
 * Where it has recorded all of the leaf, whatever dirt is dropped was reported,
 * and what hardware sets later is found in the word that it belongs to.
 *
 * Eager: nobody reads. Dirt that is found late is given to all.
 */
static bool split_replicated(struct iommu_dirty_read *read,
			     const struct iommu_dirty_fmt *fmt, u64 *entries,
			     unsigned int bits, unsigned int level,
			     unsigned long iova, unsigned long last, bool dirty)
{
	const unsigned int word = __iommu_dirty_shift(fmt, level);
	struct iommu_dirty_split *split = iommu_dirty_to_split(read);
	unsigned long leaf = round_down(iova, BIT(word + bits));
	unsigned long leaf_last = leaf + BIT(word + bits) - 1;
	unsigned long part = leaf, part_last = leaf_last;
	unsigned long sizes = BIT(word + bits);
	unsigned int i, nr = 1U << bits;
	bool whole, late = false;

	if (!fmt->mark)
		return false;
	if (!split->eager &&
	    !(dirty && lazy_part(read, leaf, leaf_last, iova, last, &part,
				 &part_last)))
		return false;

	whole = !split->eager && part == leaf && part_last == leaf_last;
	if (!whole)
		iommu_dirty_partial_start(read);
	for (i = 0; i < nr; i++)
		late |= split_word(fmt, entries + i, bits, level,
				   (u64)i << word, dirty && !whole);
	if (!whole)
		iommu_dirty_partial_end(read);

	for (i = 0; i < nr; i++) {
		unsigned long at = leaf + ((unsigned long)i << word);

		if (split->eager && late && !dirty) {
			__iommu_dirty_mark(fmt, entries + i);
		} else if (!split->eager && !whole && at >= part &&
			   at + BIT(word) - 1 <= part_last) {
			/* Hardware may have found it dirty, and small, by now. */
			__iommu_dirty_clear(fmt, entries + i, level);
			sizes |= BIT(word);
		}
	}
	split->leaves++;
	__iommu_dirty_cleared(read, leaf, leaf_last, sizes);
	return true;
}

/*
 * Eager: the walker passes by replicated leaves at level 1 that are clean. All
 * that are left when it is done with a table are split here.
 */
static void split_rest(struct iommu_dirty_read *read,
		       const struct iommu_dirty_fmt *fmt, u64 *table,
		       unsigned int level, unsigned long iova,
		       unsigned long last)
{
	if (level > 1 || !fmt->replicated || !fmt->mark)
		return;

	for (;;) {
		unsigned int index = __iommu_dirty_index(fmt, level, iova);
		u64 entry = READ_ONCE(table[index]);
		unsigned int bits = 0;
		unsigned long leaf_last;

		if (__iommu_dirty_present(fmt, entry))
			bits = __iommu_dirty_replicas(fmt, entry, level);
		if (bits)
			split_replicated(read, fmt,
					 table + round_down(index, 1U << bits),
					 bits, level, iova, last, false);
		leaf_last = iova | (BIT(fmt->page_shift + bits) - 1);
		if (leaf_last >= last)
			return;
		iova = leaf_last + 1;
	}
}

/**
 * iommu_dirty_split_init() - prepare a read that splits
 * @split: to be filled with a stock of tables by the caller; every word of a
 *	   table is written before it is used
 * @eager: split whatever is huge. The caller excludes other reads
 */
void iommu_dirty_split_init(struct iommu_dirty_split *split, bool eager)
{
	*split = (struct iommu_dirty_split) {
		.shape.huge = split_huge,
		.shape.replicated = split_replicated,
		.shape.again = eager,
		.shape.table = eager ? split_rest : NULL,
		.eager = eager,
	};
}
EXPORT_SYMBOL_NS_GPL(iommu_dirty_split_init, IOMMUFD_INTERNAL);

/*
 * Are the words of @table from @first on, 2^@bits of them, children of one? All
 * but the first must be like that, but for address, dirt and accessed bit.
 */
static bool join_children(const struct iommu_dirty_fmt *fmt, const u64 *table,
			  unsigned int first, unsigned int bits,
			  unsigned int level, unsigned int mark, bool *dirty,
			  bool *accessed)
{
	const u64 ad = BIT_ULL(fmt->dirty_bit) | BIT_ULL(fmt->accessed_bit);
	const unsigned int shift = __iommu_dirty_shift(fmt, level);
	u64 want = READ_ONCE(table[first]) & ~ad;
	unsigned int i;

	*dirty = false;
	*accessed = false;
	if (!__iommu_dirty_present(fmt, want) ||
	    (level > 1 && !__iommu_dirty_leaf(fmt, want)) ||
	    __iommu_dirty_replicas(fmt, want, level) ||
	    mark_get(fmt, want) != mark)
		return false;
	for (i = 0; i < 1U << bits; i++) {
		u64 entry = READ_ONCE(table[first + i]);

		if ((entry & ~ad) != want + ((u64)i << shift))
			return false;
		*dirty |= !!__iommu_dirty_test(fmt, entry);
		*accessed |= !!(entry & BIT_ULL(fmt->accessed_bit));
	}
	return true;
}

/*
 * Replace the pointer @entry by the leaf that its table was. Hardware may set
 * bits in the children until the flush; iommu_dirty_join_late() gives them to
 * the leaf, before anybody can read it.
 */
static void join_table(struct iommu_dirty_read *read,
		       const struct iommu_dirty_fmt *fmt, u64 *entry, u64 old,
		       unsigned int level, unsigned long leaf)
{
	const unsigned int shift = __iommu_dirty_shift(fmt, level);
	struct iommu_dirty_split *split = iommu_dirty_to_split(read);
	u64 *table = fmt->table(old), new;
	bool dirty, accessed;

	if (split->nr == IOMMU_DIRTY_STOCK ||
	    !join_children(fmt, table, 0, fmt->index_bits, level - 1,
			   MARK_TABLE, &dirty, &accessed))
		return;

	new = fmt->parent(READ_ONCE(table[0]), level, 0);
	new = entry_dirty(fmt, new, dirty) & ~BIT_ULL(fmt->accessed_bit);
	new |= (u64)accessed << fmt->accessed_bit;
	new = mark_set(fmt, new, mark_get(fmt, old));
	/* Hardware may set the accessed bit of a pointer, too. */
	while (!try_cmpxchg64(entry, &old, new))
		;
	split->fmt = fmt;
	split->joined[split->nr] = entry;
	split->stock[split->nr++] = table;
	split->tables++;
	split->leaves++;
	__iommu_dirty_cleared(read, leaf, leaf + BIT(shift) - 1,
			      BIT(shift - fmt->index_bits));
	__iommu_dirty_cleared(read, leaf, leaf + BIT(shift) - 1, BIT(shift));
}

/*
 * Make leaves words of one replicated leaf again. Each keeps its bits, which
 * from now on count for all; what hardware sets meanwhile stays as well.
 */
static void join_words(struct iommu_dirty_read *read,
		       const struct iommu_dirty_fmt *fmt, u64 *entries,
		       unsigned int bits, unsigned int level, unsigned long leaf)
{
	const u64 ad = BIT_ULL(fmt->dirty_bit) | BIT_ULL(fmt->accessed_bit);
	const unsigned int shift = __iommu_dirty_shift(fmt, level);
	u64 parent = mark_set(fmt, fmt->parent(READ_ONCE(*entries), level, bits),
			      0) & ~ad;
	unsigned int i;

	for (i = 0; i < 1U << bits; i++) {
		u64 old = READ_ONCE(entries[i]);

		while (!try_cmpxchg64(entries + i, &old, parent | (old & ad)))
			;
	}
	iommu_dirty_to_split(read)->leaves++;
	__iommu_dirty_cleared(read, leaf, leaf + BIT(shift + bits) - 1,
			      BIT(shift));
	__iommu_dirty_cleared(read, leaf, leaf + BIT(shift + bits) - 1,
			      BIT(shift + bits));
}

/*
 * All of @table that lies between @iova and @last was walked, the tables below
 * it are joined already where they can be.
 */
static void join(struct iommu_dirty_read *read,
		 const struct iommu_dirty_fmt *fmt, u64 *table,
		 unsigned int level, unsigned long iova, unsigned long last)
{
	const unsigned int shift = __iommu_dirty_shift(fmt, level);
	unsigned long leaf = round_down(iova, BIT(shift));
	unsigned long leaf_last, next;
	bool dirty, accessed;

	/* At level 1 it is replicated leaves, or nothing. */
	if (!fmt->mark || (level == 1 && !fmt->replicated))
		return;

	for (;; leaf = next) {
		unsigned int index = __iommu_dirty_index(fmt, level, leaf);
		u64 entry = READ_ONCE(table[index]);
		unsigned int mark;

		leaf_last = leaf + BIT(shift) - 1;
		if (level > 1 && __iommu_dirty_present(fmt, entry) &&
		    !__iommu_dirty_leaf(fmt, entry) && leaf >= iova && leaf_last <= last) {
			join_table(read, fmt, table + index, entry, level,
				   leaf);
			entry = READ_ONCE(table[index]);
		}

		/* The last word of a group finds the others joined or not. */
		mark = mark_get(fmt, entry);
		if (mark > MARK_TABLE && __iommu_dirty_present(fmt, entry)) {
			unsigned int bits = mark - MARK_TABLE;
			unsigned int first = round_down(index, 1U << bits);
			unsigned long group = leaf - ((unsigned long)
						      (index - first) << shift);

			if (index == first + (1U << bits) - 1 &&
			    group >= iova && leaf_last <= last &&
			    join_children(fmt, table, first, bits, level, mark,
					  &dirty, &accessed))
				join_words(read, fmt, table + first, bits,
					   level, group);
		}

		if (leaf_last >= last)
			return;
		next = leaf_last + 1;
	}
}

/**
 * iommu_dirty_join_init() - prepare a read that joins
 * @split: with an empty stock
 *
 * The caller excludes other reads and whoever looks at the table otherwise. It
 * walks without a log and without clearing, flushes with the sizes that the
 * walk collects, calls iommu_dirty_join_late(), and only then frees what is in
 * the stock, or lets anybody read.
 */
void iommu_dirty_join_init(struct iommu_dirty_split *split)
{
	*split = (struct iommu_dirty_split) {
		.shape.table = join,
	};
}
EXPORT_SYMBOL_NS_GPL(iommu_dirty_join_init, IOMMUFD_INTERNAL);

/**
 * iommu_dirty_join_late() - give leaves the dirt that came while they were joined
 * @split: after the walk and the flush
 *
 * After the flush hardware has no way left to the tables in the stock: what it
 * wrote through them before is in them, and goes to the leaf now.
 */
void iommu_dirty_join_late(struct iommu_dirty_split *split)
{
	const struct iommu_dirty_fmt *fmt = split->fmt;
	unsigned int i, j;

	for (i = 0; i < split->nr; i++)
		for (j = 0; j < 1U << fmt->index_bits; j++)
			if (__iommu_dirty_test(fmt,
					       READ_ONCE(split->stock[i][j]))) {
				__iommu_dirty_mark(fmt, split->joined[i]);
				break;
			}
}
EXPORT_SYMBOL_NS_GPL(iommu_dirty_join_late, IOMMUFD_INTERNAL);
