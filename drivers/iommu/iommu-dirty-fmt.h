/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A page-table format, as the walker of dirty bits sees it
 *
 * A format is a constant struct iommu_dirty_fmt: masks and bits, and functions
 * where these do not do. Whoever is given one is inlined over it, so that the
 * compiler sees constants, not calls.
 */
#ifndef __IOMMU_DIRTY_FMT_H
#define __IOMMU_DIRTY_FMT_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/types.h>

/**
 * struct iommu_dirty_fmt - a page-table format, as the walker sees it
 * @page_shift: log2 of the size of a leaf at level 1
 * @index_bits: log2 of the number of entries in a table; a table has at least
 *              as many as a long has bits
 * @present: bits of which one is set if the entry maps a leaf or points to a
 *           table
 * @dirty_bit: number of the bit that hardware changes when a leaf gets dirty
 * @dirty_is_clear: it clears the bit
 * @leaf: bits that are all set in an entry above level 1 if it maps a leaf
 * @not_leaf: and bits of which none is
 * @replicated: bits that are all set in a leaf, of any level, that is replicated
 *              in several words, and of which none is set in another leaf. 0 if
 *              the format knows no such leaves
 * @replicas: log2 of the number of words that the entry, which maps a replicated
 *            leaf at the level given, is replicated in. Also asked of several
 *            such entries ANDed, where it is the least of theirs, and ORed,
 *            where it is that only if they are all of one size
 * @dirty: where @dirty_bit alone does not say: non-zero if the entry, which
 *         maps a leaf, is dirty, and zero if @dirty_bit says that it is not.
 *         Also asked of words outside of the range, whose answer is not used
 * @table: the table that the entry points to
 * @mark: bits that hardware ignores, in leaves and in pointers to tables, side
 *        by side; 0 if leaves of this format cannot be split
 * @accessed_bit: number of the bit that hardware sets when a leaf is used
 * @write: bits that say, in a leaf that is clean, that it may be written, and
 *         without which hardware refuses to. 0 if there is no leaf that may be
 *         read only: what is unmapped is reported whole then
 * @child: what the first of the leaves is like that a leaf at the level given
 *         splits into: at its own level if it is replicated, else one below
 * @parent: the opposite: what the leaf is like, at the level given and in as
 *          many words as log2 says, that one of its children is the first of
 * @pointer: the entry, at the level given, that points to a table
 */
struct iommu_dirty_fmt {
	unsigned int page_shift;
	unsigned int index_bits;
	u64 present;
	unsigned int dirty_bit;
	bool dirty_is_clear;
	u64 leaf;
	u64 not_leaf;
	u64 replicated;
	unsigned int (*replicas)(u64 entry, unsigned int level);
	u64 (*dirty)(u64 entry);
	u64 *(*table)(u64 entry);
	u64 mark;
	unsigned int accessed_bit;
	u64 write;
	u64 (*child)(u64 leaf, unsigned int level);
	u64 (*parent)(u64 child, unsigned int level, unsigned int bits);
	u64 (*pointer)(u64 *table, unsigned int level);
};

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

static __always_inline bool
__iommu_dirty_present(const struct iommu_dirty_fmt *fmt, u64 entry)
{
	return entry & fmt->present;
}

/* Does the entry, which maps a leaf, map a replicated one? */
static __always_inline bool
__iommu_dirty_replicated(const struct iommu_dirty_fmt *fmt, u64 entry)
{
	return fmt->replicated && (entry & fmt->replicated) == fmt->replicated;
}

static __always_inline unsigned int
__iommu_dirty_replicas(const struct iommu_dirty_fmt *fmt, u64 entry,
		       unsigned int level)
{
	return __iommu_dirty_replicated(fmt, entry) ?
	       fmt->replicas(entry, level) : 0;
}

/* Does the entry, at a level above 1, map a leaf? */
static __always_inline bool
__iommu_dirty_leaf(const struct iommu_dirty_fmt *fmt, u64 entry)
{
	return (entry & (fmt->leaf | fmt->not_leaf)) == fmt->leaf ||
	       __iommu_dirty_replicated(fmt, entry);
}

static __always_inline u64
__iommu_dirty_test(const struct iommu_dirty_fmt *fmt, u64 entry)
{
	return fmt->dirty ? fmt->dirty(entry) : entry & BIT_ULL(fmt->dirty_bit);
}

/* The same of an entry that was dirty before */
static __always_inline bool
__iommu_dirty_is_clean(const struct iommu_dirty_fmt *fmt, u64 entry)
{
	return !(entry & BIT_ULL(fmt->dirty_bit)) != fmt->dirty_is_clear;
}

/* What a dirty entry becomes when it is cleared */
static __always_inline u64
__iommu_dirty_clean(const struct iommu_dirty_fmt *fmt, u64 entry)
{
	return entry ^ BIT_ULL(fmt->dirty_bit);
}

/*
 * Clear the dirty bit of a word of a leaf that has been recorded, by one atomic
 * operation that leaves the rest of the word to hardware. At level 1 the word
 * is a leaf and nothing else. Above it may have become a table since it was
 * recorded, by a parallel read, and so must still be what was looked at. Mostly
 * it is, or hardware has set the accessed bit: then the word is loaded anew.
 */
static __always_inline void
__iommu_dirty_clear(const struct iommu_dirty_fmt *fmt, u64 *entry,
		    unsigned int level)
{
	u64 old;

	if (level == 1) {
		if (fmt->dirty_is_clear)
			set_bit(fmt->dirty_bit, (unsigned long *)entry);
		else
			clear_bit(fmt->dirty_bit, (unsigned long *)entry);
		return;
	}
	old = READ_ONCE(*entry);
	while (__iommu_dirty_leaf(fmt, old) && !__iommu_dirty_is_clean(fmt, old))
		if (try_cmpxchg64(entry, &old, __iommu_dirty_clean(fmt, old)))
			break;
}

/* Make a leaf dirty, as hardware does. */
static __always_inline void
__iommu_dirty_mark(const struct iommu_dirty_fmt *fmt, u64 *entry)
{
	if (fmt->dirty_is_clear)
		clear_bit(fmt->dirty_bit, (unsigned long *)entry);
	else
		set_bit(fmt->dirty_bit, (unsigned long *)entry);
}

#endif /* __IOMMU_DIRTY_FMT_H */
