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
 * bit after an earlier window passed it as clean. Nor may what is found in the
 * last window be what was there in the first: between windows the lock is
 * dropped, and a range may be mapped anew with larger leaves.
 *
 * A format may replicate the entry of a leaf whose size is between those of two
 * levels, in as many words as its size needs. Hardware marks any of them: the
 * leaf is dirty if one is, and clean when all are, those outside of the range
 * included. A word that is marked while the others are being cleared stays so,
 * and the next read finds it.
 *
 * Leaves may be split while others read them, see iommu-dirty-split.h. A leaf of
 * one word is replaced by one operation: it is found before or after. Of a
 * replicated one some words may be found before, some after. None of that is
 * checked here: whoever reads finds out by iommu_dirty_partial_retry(), and
 * reads again.
 *
 * Most of what is walked is clean, and costs little more than loading it: words
 * are loaded by the *group*, and a group is skipped, holes too, by what any and
 * what all of its words have. Level 1 looks at as many words at once as a word
 * of the log has bits.
 */
#ifndef __IOMMU_DIRTY_WALK_H
#define __IOMMU_DIRTY_WALK_H

#include <linux/cache.h>
#include <linux/prefetch.h>

#include "iommu-dirty-fmt.h"
#include "iommu-dirty-log.h"

typedef void (*iommu_dirty_walk_fn)(u64 *table, unsigned int level,
				    struct iommu_dirty_read *read,
				    unsigned long iova, unsigned long last);

static inline void __iommu_dirty_cleared(struct iommu_dirty_read *read,
					 unsigned long iova, unsigned long last,
					 unsigned long sizes)
{
	read->cleared = min(read->cleared, iova);
	read->cleared_last = max(read->cleared_last, last);
	read->cleared_sizes |= sizes;
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
	/* The next window may go on with it. */
	if (leaf_last > last) {
		read->whole = max(read->whole, leaf);
		read->next = last + 1;
	}
	if (!read->clear)
		return false;
	return !read->log || (leaf >= read->whole && leaf_last <= last);
}

/*
 * A group of entries is loaded at once, to find out whether there is anything
 * to do for one of them. Mostly there is not.
 */
#define IOMMU_DIRTY_GROUP	8

/* @any: bits that one of the group's entries has; @all: that each of them has */
struct __iommu_dirty_group {
	u64 any;
	u64 all;
};

/* Written out, since the compiler leaves loops as they are. */
static __always_inline struct __iommu_dirty_group
__iommu_dirty_load(const u64 *entries)
{
	u64 e0 = READ_ONCE(entries[0]), e1 = READ_ONCE(entries[1]);
	u64 e2 = READ_ONCE(entries[2]), e3 = READ_ONCE(entries[3]);
	u64 e4 = READ_ONCE(entries[4]), e5 = READ_ONCE(entries[5]);
	u64 e6 = READ_ONCE(entries[6]), e7 = READ_ONCE(entries[7]);

	return (struct __iommu_dirty_group) {
		.any = e0 | e1 | e2 | e3 | e4 | e5 | e6 | e7,
		.all = e0 & e1 & e2 & e3 & e4 & e5 & e6 & e7,
	};
}

/* False if every leaf of the group is clean for certain */
static __always_inline bool
__iommu_dirty_maybe(const struct iommu_dirty_fmt *fmt,
		    struct __iommu_dirty_group group)
{
	return (fmt->dirty_is_clear ? ~group.all : group.any) &
	       BIT_ULL(fmt->dirty_bit);
}

/* Are all entries of the group, at a level above 1, leaves for certain? */
static __always_inline bool
__iommu_dirty_leaves(const struct iommu_dirty_fmt *fmt,
		     struct __iommu_dirty_group group)
{
	return (!(group.any & fmt->not_leaf) &&
		(group.all & fmt->leaf) == fmt->leaf) ||
	       __iommu_dirty_replicated(fmt, group.all);
}

static __always_inline unsigned long
__iommu_dirty_bit(const struct iommu_dirty_fmt *fmt, const u64 *entries,
		  unsigned int i)
{
	return (unsigned long)!!__iommu_dirty_test(fmt, READ_ONCE(entries[i]))
	       << i;
}

/* Which leaves of a group are dirty */
static __always_inline unsigned long
__iommu_dirty_mask(const struct iommu_dirty_fmt *fmt, const u64 *entries)
{
	return __iommu_dirty_bit(fmt, entries, 0) |
	       __iommu_dirty_bit(fmt, entries, 1) |
	       __iommu_dirty_bit(fmt, entries, 2) |
	       __iommu_dirty_bit(fmt, entries, 3) |
	       __iommu_dirty_bit(fmt, entries, 4) |
	       __iommu_dirty_bit(fmt, entries, 5) |
	       __iommu_dirty_bit(fmt, entries, 6) |
	       __iommu_dirty_bit(fmt, entries, 7);
}

/*
 * A leaf of 2^@bits words from @entries on may be split: @read wants to see it,
 * once it is recorded. Returns true if it was dealt with.
 */
static __always_inline bool
__iommu_dirty_reshape(const struct iommu_dirty_fmt *fmt, u64 *entries,
		      unsigned int bits, unsigned int level,
		      struct iommu_dirty_read *read, unsigned long iova,
		      unsigned long last)
{
	const unsigned int shift = __iommu_dirty_shift(fmt, level) + bits;
	unsigned long leaf = round_down(iova, BIT(shift));
	bool dirty = false;
	unsigned int i;

	for (i = 0; i < 1U << bits; i++)
		dirty |= !!__iommu_dirty_test(fmt, READ_ONCE(entries[i]));
	if (dirty)
		__iommu_dirty_record(read, leaf, leaf + BIT(shift) - 1, iova,
				     last);
	return read->shape->replicated(read, fmt, entries, bits, level, iova,
				       last, dirty);
}

/*
 * Visit a leaf that is replicated in 2^@bits words of @table, one of them
 * @index. Words that are clean are left alone: most of them are. One that is
 * marked behind our back is for the next read to find. Returns false if it has
 * been made into leaves of one word, which are to be visited.
 */
static __always_inline bool
__iommu_dirty_visit_replicated(const struct iommu_dirty_fmt *fmt, u64 *table,
			       unsigned int index, unsigned int bits,
			       unsigned int level,
			       struct iommu_dirty_read *read,
			       unsigned long iova, unsigned long last)
{
	const unsigned int shift = __iommu_dirty_shift(fmt, level) + bits;
	unsigned long leaf = round_down(iova, BIT(shift));
	unsigned long leaf_last = leaf + BIT(shift) - 1;
	u64 *entries = table + round_down(round_down(index, 1U << bits),
					  IOMMU_DIRTY_GROUP);
	u64 *end = table + round_down(index, 1U << bits) + (1U << bits);
	unsigned long words = ~0UL;
	bool clear = false, dirty = false;

	/* It may have fewer words than a group. */
	if (1U << bits < IOMMU_DIRTY_GROUP)
		words = GENMASK((1U << bits) - 1, 0) <<
			round_down(index, 1U << bits) % IOMMU_DIRTY_GROUP;
	if (bits && read->shape && read->shape->replicated &&
	    __iommu_dirty_reshape(fmt, table + round_down(index, 1U << bits),
				  bits, level, read, iova, last))
		return !read->shape->again;
	for (; entries < end; entries += IOMMU_DIRTY_GROUP) {
		unsigned long mask;

		if (!__iommu_dirty_maybe(fmt, __iommu_dirty_load(entries)))
			continue;
		mask = __iommu_dirty_mask(fmt, entries) & words;
		if (mask && !dirty) {
			dirty = true;
			clear = __iommu_dirty_record(read, leaf, leaf_last,
						     iova, last);
		}
		if (!clear)
			continue;
		for (; mask; mask &= mask - 1)
			__iommu_dirty_clear(fmt, entries + __ffs(mask), level);
	}
	if (clear)
		__iommu_dirty_cleared(read, leaf, leaf_last, BIT(shift));
	return true;
}

/*
 * Visit a leaf of one word above level 1. Returns the entry as it was found
 * last, which is not a leaf any more if somebody replaced it meanwhile.
 */
static __always_inline u64
__iommu_dirty_visit_huge(const struct iommu_dirty_fmt *fmt, u64 *entry, u64 old,
			 unsigned int level, struct iommu_dirty_read *read,
			 unsigned long iova, unsigned long last)
{
	const unsigned int shift = __iommu_dirty_shift(fmt, level);
	unsigned long leaf = round_down(iova, BIT(shift));
	unsigned long leaf_last = leaf + BIT(shift) - 1;

	while (__iommu_dirty_leaf(fmt, old)) {
		bool clear = false;
		u64 seen = old;

		if (__iommu_dirty_test(fmt, old))
			clear = __iommu_dirty_record(read, leaf, leaf_last,
						     iova, last);
		if (read->shape && read->shape->huge) {
			if (read->shape->huge(read, fmt, entry, &old, level,
					      iova, last))
				break;
			if (old != seen)
				continue;
		}
		if (!clear)
			break;
		/* As in __iommu_dirty_clear(), but we must know if it failed. */
		if (try_cmpxchg64(entry, &old, __iommu_dirty_clean(fmt, old))) {
			__iommu_dirty_cleared(read, leaf, leaf_last,
					      BIT(shift));
			break;
		}
	}
	return old;
}

/*
 * All words of the leaves that are dirty in the words that @mask says, of @nr.
 * All leaves have 2^@bits words, not more than @nr, or various numbers if @bits
 * is 0: one with more than @nr is being split, and what lies beyond is for
 * whoever splits it to report, or for the walk that is repeated.
 */
static __always_inline unsigned long
__iommu_dirty_replicas_mask(const struct iommu_dirty_fmt *fmt,
			    const u64 *entries, unsigned int level,
			    unsigned long mask, unsigned int nr,
			    unsigned int bits, unsigned long *sizes)
{
	/* The first words of leaves of one word, of two, of four, ... */
	static const unsigned long firsts[] = {
		~0UL, ~0UL / 0x3, ~0UL / 0xf, ~0UL / 0xff, ~0UL / 0xffff,
		~0UL / 0xffffffff, 1
	};
	const unsigned int shift = __iommu_dirty_shift(fmt, level);
	unsigned long words, whole = 0;
	unsigned int i, count;

	if (bits) {
		/* The bits of a leaf into its first, and from there into all */
		*sizes |= BIT(shift + bits);
		words = ~0UL >> (BITS_PER_LONG - (1U << bits));
		for (i = 0; i < bits; i++)
			mask |= mask >> (1U << i);
		return (mask & firsts[bits]) * words;
	}

	while (mask) {
		i = __ffs(mask);
		bits = __iommu_dirty_replicas(fmt, READ_ONCE(entries[i]),
					      level);
		*sizes |= BIT(shift + bits);
		count = min(1U << bits, nr);
		words = ~0UL >> (BITS_PER_LONG - count) << round_down(i, count);
		whole |= words;
		mask &= ~words;
	}
	return whole;
}

/*
 * Visit the leaves that are dirty in the words of @table that @mask says, bit 0
 * being word @index, one of @nr. They lie wholly in the range, of which @inside
 * are these words. @group: what these words have; @base: IOVA of the table.
 * Returns the index behind what has been visited.
 *
 * A replicated leaf that is being split may reach over the edge of the range,
 * where a word of it is no replica any more: hence @inside, and @iova.
 *
 * A leaf that has become a table since it was found dirty has been recorded, as
 * it was. What has been written to what it is now is for the next read to find.
 */
static __always_inline unsigned int
__iommu_dirty_visit_words(const struct iommu_dirty_fmt *fmt, u64 *table,
			  unsigned int level, unsigned int index,
			  unsigned int nr, unsigned long mask,
			  unsigned long inside, struct __iommu_dirty_group group,
			  struct iommu_dirty_read *read, unsigned long base,
			  unsigned long iova, unsigned long last)
{
	const unsigned int shift = __iommu_dirty_shift(fmt, level);
	unsigned long leaves = mask, sizes = 0, at, rest;
	u64 *entries = table + index;
	unsigned int bits, same;

	if (!mask)
		return index + nr;
	if (!(group.any & fmt->replicated)) {
		sizes = BIT(shift);
	} else {
		/*
		 * Neighbours are mostly of one size. They are if what any and
		 * what all of them have says the same.
		 */
		bits = __iommu_dirty_replicas(fmt, group.all, level);
		same = __iommu_dirty_replicas(fmt, group.any, level) == bits ?
		       bits : 0;
		if (!same)
			bits = __iommu_dirty_replicas(fmt,
						      READ_ONCE(entries[__ffs(mask)]),
						      level);
		if (1U << bits > nr) {
			index = round_down(index, 1U << bits);
			at = base + ((unsigned long)index << shift);
			__iommu_dirty_visit_replicated(fmt, table, index, bits,
						       level, read,
						       max(at, iova), last);
			return index + (1U << bits);
		}
		leaves = __iommu_dirty_replicas_mask(fmt, entries, level, mask,
						     nr, same, &sizes) & inside;
	}

	at = base + ((unsigned long)index << shift);
	if (read->log)
		iommu_dirty_log_mask(read->log, at, leaves, shift);
	if (read->clear) {
		for (rest = mask; rest; rest &= rest - 1)
			__iommu_dirty_clear(fmt, entries + __ffs(rest), level);
		__iommu_dirty_cleared(read, at + (__ffs(leaves) << shift),
				      at + (__fls(leaves) << shift) +
				      BIT(shift) - 1, sizes);
	}
	return index + nr;
}

/*
 * The same at level 1, one leaf after the other, for a read that may make
 * something else of a replicated one.
 */
static __always_inline unsigned int
__iommu_dirty_visit_each(const struct iommu_dirty_fmt *fmt, u64 *table,
			 unsigned int index, unsigned long mask,
			 struct iommu_dirty_read *read, unsigned long base,
			 unsigned long iova, unsigned long last)
{
	unsigned int done = index + BITS_PER_LONG, at, bits, end;
	unsigned long leaf;

	while (mask) {
		at = index + __ffs(mask);
		bits = __iommu_dirty_replicas(fmt, READ_ONCE(table[at]), 1);
		at = round_down(at, 1U << bits);
		end = at + (1U << bits);
		leaf = base + ((unsigned long)at << fmt->page_shift);
		__iommu_dirty_visit_replicated(fmt, table, at, bits, 1, read,
					       max(leaf, iova), last);
		done = max(done, end);
		mask = end - index < BITS_PER_LONG ?
		       mask & ~0UL << (end - index) : 0;
	}
	return done;
}

/* Leaves at level 1. A replicated one lies wholly in the range. */
static __always_inline void
__iommu_dirty_walk_leaves(const struct iommu_dirty_fmt *fmt, u64 *table,
			  struct iommu_dirty_read *read, unsigned long iova,
			  unsigned long last)
{
	const unsigned int shift = fmt->page_shift;
	unsigned int first_index = __iommu_dirty_index(fmt, 1, iova);
	unsigned int last_index = __iommu_dirty_index(fmt, 1, last);
	unsigned long base = round_down(iova, BIT(shift)) -
			     ((unsigned long)first_index << shift);
	unsigned int index = round_down(first_index, BITS_PER_LONG);

	while (index <= last_index) {
		struct __iommu_dirty_group all = { .all = ~0ULL };
		unsigned long mask = 0, inside = ~0UL;
		unsigned int i;

		for (i = 0; i < BITS_PER_LONG; i += IOMMU_DIRTY_GROUP) {
			u64 *entries = table + index + i;
			struct __iommu_dirty_group group =
				__iommu_dirty_load(entries);

			if (!__iommu_dirty_maybe(fmt, group))
				continue;
			all.any |= group.any;
			all.all &= group.all;
			mask |= __iommu_dirty_mask(fmt, entries) << i;
		}
		if (mask && index < first_index)
			inside = ~0UL << (first_index - index);
		if (mask && last_index - index < BITS_PER_LONG - 1)
			inside &= GENMASK(last_index - index, 0);
		mask &= inside;
		if (mask && (all.any & fmt->replicated) && read->shape &&
		    read->shape->replicated) {
			index = __iommu_dirty_visit_each(fmt, table, index,
							 mask, read, base, iova,
							 last);
			continue;
		}
		index = __iommu_dirty_visit_words(fmt, table, 1, index,
						  BITS_PER_LONG, mask, inside,
						  all, read, base, iova, last);
	}
}

/*
 * Visit entry @index of @table, above level 1, and what is below, from @at on in
 * the range from @iova to @last. Returns the last IOVA that it maps: with one
 * word of a leaf all of them are visited.
 */
static __always_inline unsigned long
__iommu_dirty_visit_entry(const struct iommu_dirty_fmt *fmt,
			  iommu_dirty_walk_fn walk, u64 *table,
			  unsigned int level, unsigned int index,
			  struct iommu_dirty_read *read, unsigned long at,
			  unsigned long iova, unsigned long last)
{
	const unsigned int shift = __iommu_dirty_shift(fmt, level);
	unsigned long entry_last = at | (BIT(shift) - 1);
	u64 entry = READ_ONCE(table[index]);

	if (!__iommu_dirty_present(fmt, entry))
		return entry_last;
	if (__iommu_dirty_leaf(fmt, entry)) {
		unsigned int bits = __iommu_dirty_replicas(fmt, entry, level);

		if (bits) {
			unsigned long leaf = round_down(at, BIT(shift + bits));

			/* Its first words may have been skipped, being clean. */
			if (__iommu_dirty_visit_replicated(fmt, table, index,
							   bits, level, read,
							   max(leaf, iova),
							   last))
				return leaf + BIT(shift + bits) - 1;
			entry = READ_ONCE(table[index]);
		}
		entry = __iommu_dirty_visit_huge(fmt, table + index, entry,
						 level, read, at, last);
	}
	if (!__iommu_dirty_leaf(fmt, entry))
		walk(fmt->table(entry), level - 1, read, at,
		     min(entry_last, last));
	return entry_last;
}

/*
 * Skip entries from @index to @end - 1, above level 1, as long as a group of
 * them is nothing, or nothing but leaves that are clean. @group: the first that
 * is not, if there is one
 */
static __always_inline unsigned int
__iommu_dirty_skip(const struct iommu_dirty_fmt *fmt, const u64 *table,
		   unsigned int index, unsigned int end,
		   struct __iommu_dirty_group *group)
{
	const u64 *entry = table + index;
	const u64 *stop = table + end - IOMMU_DIRTY_GROUP;

	for (; entry <= stop; entry += IOMMU_DIRTY_GROUP) {
		*group = __iommu_dirty_load(entry);
		if (__iommu_dirty_leaves(fmt, *group) &&
		    !__iommu_dirty_maybe(fmt, *group))
			continue;
		if (__iommu_dirty_present(fmt, group->any))
			break;
	}
	return entry - table;
}

/*
 * Have the beginning of the next table, if entry @index points to one, loaded
 * while another is walked. The rest of it, hardware foresees.
 */
static __always_inline void
__iommu_dirty_prefetch(const struct iommu_dirty_fmt *fmt, const u64 *table,
		       unsigned int index)
{
	u64 entry = READ_ONCE(table[index]);
	const char *next;
	unsigned int i;

	if (!__iommu_dirty_present(fmt, entry) || __iommu_dirty_leaf(fmt, entry))
		return;
	next = (const char *)fmt->table(entry);
	for (i = 0; i < 4; i++)
		prefetch(next + i * L1_CACHE_BYTES);
}

/*
 * Entries above level 1. A leaf of one word may be cut by the range, at either
 * end; a replicated one lies wholly in it.
 */
static __always_inline void
__iommu_dirty_walk_entries(const struct iommu_dirty_fmt *fmt,
			   iommu_dirty_walk_fn walk, u64 *table,
			   unsigned int level, struct iommu_dirty_read *read,
			   unsigned long iova, unsigned long last)
{
	const unsigned int shift = __iommu_dirty_shift(fmt, level);
	const unsigned int nr = IOMMU_DIRTY_GROUP;
	unsigned int first_index = __iommu_dirty_index(fmt, level, iova);
	unsigned int last_index = __iommu_dirty_index(fmt, level, last);
	unsigned int index = round_down(first_index, nr);
	/* From @begin to @end - 1 none is cut. */
	unsigned int end = last_index + !(~last & (BIT(shift) - 1)), begin, i;
	struct __iommu_dirty_group group = {};
	/* Whose shape may change, the entries are visited one by one. */
	const bool every = read->shape && read->shape->again;
	unsigned long base, mask;

	if (!every)
		index = __iommu_dirty_skip(fmt, table, index, end, &group);
	if (index > last_index)
		return;

	begin = first_index + !!(iova & (BIT(shift) - 1));
	if (read->shape)
		begin = UINT_MAX;
	base = round_down(iova, BIT(shift)) -
	       ((unsigned long)first_index << shift);
	do {
		if (index >= begin && index + nr <= end &&
		    __iommu_dirty_leaves(fmt, group)) {
			mask = __iommu_dirty_mask(fmt, table + index);
			index = __iommu_dirty_visit_words(fmt, table, level,
							  index, nr, mask,
							  ~0UL, group, read,
							  base, iova, last);
		} else {
			i = max(index, first_index);
			index += nr;
			while (i < index && i <= last_index) {
				unsigned long at = base +
						   ((unsigned long)i << shift);

				if (i < last_index)
					__iommu_dirty_prefetch(fmt, table, i + 1);
				at = __iommu_dirty_visit_entry(fmt, walk, table,
							       level, i, read,
							       max(at, iova),
							       iova, last);
				i = ((at - base) >> shift) + 1;
			}
			index = max(index, i);
		}
		if (!every)
			index = __iommu_dirty_skip(fmt, table, index, end,
						   &group);
	} while (index <= last_index);
}

/* In how many words, log2, the leaf is replicated that has word @index, if any */
static __always_inline unsigned int
__iommu_dirty_replicas_at(const struct iommu_dirty_fmt *fmt, const u64 *table,
			  unsigned int level, unsigned int index)
{
	u64 entry = READ_ONCE(table[index]);

	return __iommu_dirty_present(fmt, entry) ?
	       __iommu_dirty_replicas(fmt, entry, level) : 0;
}

static __always_inline void
__iommu_dirty_walk_table(const struct iommu_dirty_fmt *fmt,
			 iommu_dirty_walk_fn walk, u64 *table,
			 unsigned int level, struct iommu_dirty_read *read,
			 unsigned long iova, unsigned long last)
{
	unsigned int shift = __iommu_dirty_shift(fmt, level), bits, index;
	unsigned long leaf, leaf_last, cut_last = 0;

	/*
	 * A window is often smaller than what an entry maps. There is a way
	 * without stops, if nobody wants to know of the tables.
	 */
	while (level > 1 && !((iova ^ last) >> shift) &&
	       !(read->shape && read->shape->table)) {
		u64 entry;

		index = __iommu_dirty_index(fmt, level, iova);
		entry = READ_ONCE(table[index]);
		if (!__iommu_dirty_present(fmt, entry))
			return;
		if (__iommu_dirty_leaf(fmt, entry))
			break;
		table = fmt->table(entry);
		level--;
		shift -= fmt->index_bits;
	}

	/*
	 * A replicated leaf that the range begins or ends in is visited here,
	 * with its words outside of the range. Others lie wholly in it.
	 */
	if (fmt->replicated) {
		index = __iommu_dirty_index(fmt, level, iova);
		bits = __iommu_dirty_replicas_at(fmt, table, level, index);
		leaf = round_down(iova, BIT(shift + bits));
		leaf_last = leaf + BIT(shift + bits) - 1;
		if (bits && (leaf < iova || leaf_last > last) &&
		    __iommu_dirty_visit_replicated(fmt, table, index, bits,
						   level, read, iova, last)) {
			if (leaf_last >= last)
				goto out;
			iova = leaf_last + 1;
		}
		/* This one comes last: it may reach into what follows. */
		index = __iommu_dirty_index(fmt, level, last);
		bits = __iommu_dirty_replicas_at(fmt, table, level, index);
		leaf = round_down(last, BIT(shift + bits));
		leaf_last = leaf + BIT(shift + bits) - 1;
		/* Half split: where the range begins, it is no replica any more. */
		if (bits && leaf_last > last && leaf <= iova) {
			__iommu_dirty_visit_replicated(fmt, table, index, bits,
						       level, read, iova, last);
			goto out;
		}
		if (bits && leaf_last > last &&
		    !(read->shape && read->shape->again &&
		      !__iommu_dirty_visit_replicated(fmt, table, index, bits,
						      level, read, leaf,
						      last))) {
			cut_last = last;
			last = leaf - 1;
		}
	}

	if (level == 1)
		__iommu_dirty_walk_leaves(fmt, table, read, iova, last);
	else
		__iommu_dirty_walk_entries(fmt, walk, table, level, read, iova,
					   last);
	if (cut_last)
		__iommu_dirty_visit_replicated(fmt, table, index, bits, level,
					       read, leaf, cut_last);
out:
	if (read->shape && read->shape->table)
		read->shape->table(read, fmt, table, level, iova,
				   cut_last ?: last);
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
