// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mock IOMMU's page table
 *
 * A radix table whose leaves carry dirty bits, beside the mock's xarray of
 * PFNs: 512 entries a table, three levels, the smallest leaf half a page. It is
 * walked by the same code as the hardware formats. There are two formats. The
 * plain one has leaves of the sizes of the levels. In the replicated one, as in
 * AMD's, a leaf has any power of two for a size, and its entry stands in as many
 * words as it takes; hardware marks the one that it used.
 *
 * Nobody translates to what an address in it says, which is the IOVA. So leaves
 * of every size can be had over any memory, and those that one is split into are
 * known by their addresses, as in hardware's formats.
 *
 * The permission to write can be taken from a leaf. That it once had it is known.
 *
 * A word that maps nothing is *poison*: it looks like a dirty leaf at level 1
 * and like a table above. A read that acts upon one outside of the mapped areas
 * is found out: it reports pages that nobody wrote, or takes the dirty bit out
 * of the poison, or asks where the table is. Tables are freed as soon as what
 * they map is unmapped, for KASAN to watch.
 */
#include <linux/gfp.h>

#include "../iommu-dirty-walk.h"
#include "../iommu-pages.h"
#include "mock_dirty.h"

#define MOCK_PT_INDEX_BITS	9
#define MOCK_PT_ENTRIES		BIT(MOCK_PT_INDEX_BITS)
#define MOCK_PT_ROOT_LEVEL	3

#define MOCK_PT_PRESENT		BIT_ULL(0)
#define MOCK_PT_LEAF		BIT_ULL(1)
#define MOCK_PT_DIRTY		BIT_ULL(MOCK_PT_DIRTY_BIT)
#define MOCK_PT_WRITE		BIT_ULL(3)
#define MOCK_PT_VOID		BIT_ULL(4)
#define MOCK_PT_REPLICATED	BIT_ULL(5)
#define MOCK_PT_ACCESSED_BIT	6
#define MOCK_PT_MARK		GENMASK_ULL(10, 7)
#define MOCK_PT_REPLICAS_SHIFT	56
#define MOCK_PT_REPLICAS	GENMASK_ULL(59, 56)
#define MOCK_PT_MAY_WRITE	BIT_ULL(60)
#define MOCK_PT_TABLE		(~GENMASK_ULL(11, 0))

#define MOCK_PT_POISON		(MOCK_PT_PRESENT | MOCK_PT_DIRTY | MOCK_PT_VOID)

/* Walks that were led into poison, of all tables, and where they are led to */
static atomic_t mock_pt_led_astray;
static u64 mock_pt_nowhere[MOCK_PT_ENTRIES];

static bool mock_pt_is_leaf(u64 entry)
{
	return entry & MOCK_PT_LEAF;
}

static bool mock_pt_is_table(u64 entry)
{
	return !(entry & (MOCK_PT_LEAF | MOCK_PT_VOID));
}

static __always_inline unsigned int mock_pt_replicas(u64 entry,
						     unsigned int level)
{
	return (entry >> MOCK_PT_REPLICAS_SHIFT) & 0xf;
}

static u64 *mock_pt_table(u64 entry)
{
	if (entry & MOCK_PT_VOID) {
		atomic_inc(&mock_pt_led_astray);
		return mock_pt_nowhere;
	}
	return (u64 *)(unsigned long)(entry & MOCK_PT_TABLE);
}

static u64 mock_pt_child(u64 leaf, unsigned int level)
{
	return leaf & ~(MOCK_PT_REPLICATED | MOCK_PT_REPLICAS);
}

static u64 mock_pt_parent(u64 child, unsigned int level, unsigned int bits)
{
	if (!bits)
		return child;
	return child | MOCK_PT_REPLICATED | (u64)bits << MOCK_PT_REPLICAS_SHIFT;
}

static u64 mock_pt_pointer(u64 *table, unsigned int level)
{
	return (unsigned long)table | MOCK_PT_PRESENT;
}

static const struct iommu_dirty_fmt mock_pt_plain_fmt = {
	.page_shift = MOCK_PT_PAGE_SHIFT,
	.index_bits = MOCK_PT_INDEX_BITS,
	.present = MOCK_PT_PRESENT,
	.dirty_bit = MOCK_PT_DIRTY_BIT,
	.leaf = MOCK_PT_LEAF,
	.table = mock_pt_table,
	.mark = MOCK_PT_MARK,
	.accessed_bit = MOCK_PT_ACCESSED_BIT,
	.write = MOCK_PT_WRITE,
	.child = mock_pt_child,
	.parent = mock_pt_parent,
	.pointer = mock_pt_pointer,
};

static const struct iommu_dirty_fmt mock_pt_replicated_fmt = {
	.page_shift = MOCK_PT_PAGE_SHIFT,
	.index_bits = MOCK_PT_INDEX_BITS,
	.present = MOCK_PT_PRESENT,
	.dirty_bit = MOCK_PT_DIRTY_BIT,
	.leaf = MOCK_PT_LEAF,
	.replicated = MOCK_PT_REPLICATED,
	.replicas = mock_pt_replicas,
	.table = mock_pt_table,
	.mark = MOCK_PT_MARK,
	.accessed_bit = MOCK_PT_ACCESSED_BIT,
	.write = MOCK_PT_WRITE,
	.child = mock_pt_child,
	.parent = mock_pt_parent,
	.pointer = mock_pt_pointer,
};

DEFINE_IOMMU_DIRTY_WALK(mock_pt_walk_plain, &mock_pt_plain_fmt)
DEFINE_IOMMU_DIRTY_WALK(mock_pt_walk_replicated, &mock_pt_replicated_fmt)

static unsigned int mock_pt_shift(unsigned int level)
{
	return MOCK_PT_PAGE_SHIFT + (level - 1) * MOCK_PT_INDEX_BITS;
}

static unsigned int mock_pt_index(unsigned long iova, unsigned int level)
{
	return (iova >> mock_pt_shift(level)) % MOCK_PT_ENTRIES;
}

static u64 *mock_pt_new_table(struct mock_dirty *mock, gfp_t gfp)
{
	u64 *table;

	if (mock_dirty_fail(mock, MOCK_DIRTY_FAIL_TABLE))
		return NULL;
	table = iommu_alloc_pages(gfp, get_order(MOCK_PT_TABLE_SIZE));
	if (table)
		memset64(table, MOCK_PT_POISON, MOCK_PT_ENTRIES);
	return table;
}

static void mock_pt_free_table(u64 *table, unsigned int level)
{
	unsigned int i;

	for (i = 0; level > 1 && i < MOCK_PT_ENTRIES; i++)
		if (mock_pt_is_table(table[i]))
			mock_pt_free_table(mock_pt_table(table[i]), level - 1);
	iommu_free_pages(table, get_order(MOCK_PT_TABLE_SIZE));
}

/*
 * The entry for @iova at *@level, or the leaf above it that maps it: then
 * *@level is changed. Tables on the way are made if @gfp allows. Returns NULL
 * where there is no table.
 */
static u64 *mock_pt_entry(struct mock_dirty *mock, unsigned long iova,
			  unsigned int *level, gfp_t gfp)
{
	unsigned int at = MOCK_PT_ROOT_LEVEL;
	u64 *table = mock->root;

	lockdep_assert_held(&mock->tables);

	for (;; at--) {
		u64 *slot = table + mock_pt_index(iova, at);
		u64 entry = READ_ONCE(*slot);

		if (at == *level || mock_pt_is_leaf(entry)) {
			*level = at;
			return slot;
		}
		if (entry & MOCK_PT_VOID) {
			u64 *new = gfp ? mock_pt_new_table(mock, gfp) : NULL;

			if (!new)
				return NULL;
			entry = mock_pt_pointer(new, at);
			/* A read of a neighbour may be in this table. */
			smp_store_release(slot, entry);
		}
		table = mock_pt_table(entry);
	}
}

/* Map one leaf of 2^@shift bytes, instead of what maps its range now. */
static int mock_pt_map_leaf(struct mock_dirty *mock, unsigned long iova,
			    unsigned int shift, u64 flags, gfp_t gfp)
{
	unsigned int level = 1 + (shift - MOCK_PT_PAGE_SHIFT) / MOCK_PT_INDEX_BITS;
	unsigned int replicas = shift - mock_pt_shift(level), i;
	u64 entry = mock_pt_parent(MOCK_PT_PRESENT | MOCK_PT_LEAF | flags | iova,
				   level, replicas);
	unsigned int at = level;
	u64 *slot = mock_pt_entry(mock, iova, &at, gfp);

	if (!slot)
		return -ENOMEM;
	if (WARN_ON(at != level))
		return -EEXIST;
	for (i = 0; i < 1U << replicas; i++) {
		u64 old = READ_ONCE(slot[i]);

		WRITE_ONCE(slot[i], entry);
		if (level > 1 && mock_pt_is_table(old))
			mock_pt_free_table(mock_pt_table(old), level - 1);
	}
	return 0;
}

static void mock_pt_unmap_table(u64 *table, unsigned int level,
				unsigned long iova, unsigned long last)
{
	const unsigned int shift = mock_pt_shift(level);
	unsigned int index = mock_pt_index(iova, level);

	for (;; index++) {
		unsigned long entry_last = iova | (BIT(shift) - 1);
		u64 entry = READ_ONCE(table[index]);

		if (mock_pt_is_leaf(entry)) {
			unsigned int words = 1U << mock_pt_replicas(entry, level);
			unsigned int i = round_down(index, words);

			/*
			 * An area goes piece by piece; a leaf goes with the
			 * first piece of it.
			 */
			for (; words; words--)
				WRITE_ONCE(table[i++], MOCK_PT_POISON);
		} else if (mock_pt_is_table(entry)) {
			u64 *below = mock_pt_table(entry);

			if (entry_last <= last && !(iova & (BIT(shift) - 1))) {
				WRITE_ONCE(table[index], MOCK_PT_POISON);
				mock_pt_free_table(below, level - 1);
			} else {
				mock_pt_unmap_table(below, level - 1, iova,
						    min(entry_last, last));
			}
		}
		if (entry_last >= last)
			return;
		iova = entry_last + 1;
	}
}

/* How many words of poison in a table have lost their dirty bit */
static unsigned int mock_pt_count_cleaned(u64 *table, unsigned int level)
{
	unsigned int i, count = 0;

	for (i = 0; i < MOCK_PT_ENTRIES; i++) {
		u64 entry = READ_ONCE(table[i]);

		if (entry & MOCK_PT_VOID)
			count += entry != MOCK_PT_POISON;
		else if (level > 1 && mock_pt_is_table(entry))
			count += mock_pt_count_cleaned(mock_pt_table(entry),
						       level - 1);
	}
	return count;
}

/**
 * mock_pt_init() - make a page table
 * @mock: domain under construction
 *
 * Return: 0 or -ENOMEM.
 */
int mock_pt_init(struct mock_dirty *mock)
{
	init_rwsem(&mock->tables);
	mock->astray = atomic_read(&mock_pt_led_astray);
	mock->root = mock_pt_new_table(mock, GFP_KERNEL_ACCOUNT);
	return mock->root ? 0 : -ENOMEM;
}

/**
 * mock_pt_free() - free a page table
 * @mock: domain that no device is attached to
 */
void mock_pt_free(struct mock_dirty *mock)
{
	mock_pt_free_table(mock->root, MOCK_PT_ROOT_LEVEL);
}

/**
 * mock_pt_map() - map leaves, all clean
 * @mock: domain
 * @iova: first IOVA
 * @shift: log2 of the size of a leaf
 * @count: number of leaves
 * @write: devices may write
 * @gfp: how to allocate tables
 *
 * Return: 0, or -ENOMEM; then nothing is mapped.
 */
int mock_pt_map(struct mock_dirty *mock, unsigned long iova, unsigned int shift,
		size_t count, bool write, gfp_t gfp)
{
	unsigned long at = iova;
	int rc = 0;

	down_write(&mock->tables);
	for (; count && !rc; count--, at += BIT(shift))
		rc = mock_pt_map_leaf(mock, at, shift,
				      write ? MOCK_PT_WRITE |
					      MOCK_PT_MAY_WRITE : 0, gfp);
	if (rc && at - BIT(shift) != iova)
		mock_pt_unmap_table(mock->root, MOCK_PT_ROOT_LEVEL, iova,
				    at - BIT(shift) - 1);
	up_write(&mock->tables);
	return rc;
}

/**
 * mock_pt_unmap() - unmap leaves, and free the tables that nothing is left in
 * @mock: domain
 * @iova: first IOVA
 * @last: last IOVA; what is not mapped is skipped
 */
void mock_pt_unmap(struct mock_dirty *mock, unsigned long iova,
		   unsigned long last)
{
	down_write(&mock->tables);
	mock_pt_unmap_table(mock->root, MOCK_PT_ROOT_LEVEL, iova, last);
	up_write(&mock->tables);
}

/**
 * mock_pt_join() - map what is mapped by larger leaves
 * @mock: domain
 * @iova: first IOVA
 * @last: last IOVA
 * @shift: log2 of the size of the new leaves, at least that of the old ones'
 *
 * A leaf is dirty if one of those that it replaces was.
 *
 * Context: the caller excludes reads, map and unmap.
 * Return: 0; -EINVAL if there is no leaf of that size in the format, or @iova
 *	   to @last are no such leaves, or a leaf there is larger; -ENOENT if
 *	   something is not mapped. The leaves before are replaced then.
 */
int mock_pt_join(struct mock_dirty *mock, unsigned long iova,
		 unsigned long last, unsigned int shift)
{
	unsigned long at, end;
	int rc = -EINVAL;

	if (shift < MOCK_PT_PAGE_SHIFT ||
	    shift >= mock_pt_shift(MOCK_PT_ROOT_LEVEL + 1) ||
	    (iova | (last + 1)) & (BIT(shift) - 1) ||
	    (!mock->replicated &&
	     (shift - MOCK_PT_PAGE_SHIFT) % MOCK_PT_INDEX_BITS))
		return -EINVAL;

	down_write(&mock->tables);
	for (at = iova; at <= last; at = end) {
		u64 flags = 0;

		for (end = at + BIT(shift); at != end;) {
			unsigned int old_shift, level = 1;
			u64 *slot = mock_pt_entry(mock, at, &level, 0);

			rc = -ENOENT;
			if (!slot || !mock_pt_is_leaf(*slot))
				goto out_unlock;
			rc = -EINVAL;
			old_shift = mock_pt_shift(level) +
				    mock_pt_replicas(*slot, level);
			if (old_shift > shift)
				goto out_unlock;
			/* Any word of a leaf may be the dirty one. */
			flags |= *slot & (MOCK_PT_DIRTY | MOCK_PT_WRITE |
					  MOCK_PT_MAY_WRITE);
			at += BIT(mock_pt_shift(level));
		}
		rc = mock_pt_map_leaf(mock, end - BIT(shift), shift, flags, 0);
		if (rc)
			break;
	}
out_unlock:
	up_write(&mock->tables);
	return rc;
}

/* The word that a device uses, as it is now, or NULL */
static u64 *mock_pt_find(struct mock_dirty *mock, unsigned long iova, u64 *entry,
			 unsigned int *shift)
{
	unsigned int level;
	u64 *slot;

	if (iova >> mock_pt_shift(MOCK_PT_ROOT_LEVEL + 1))
		return NULL;
	do {
		level = 1;
		slot = mock_pt_entry(mock, iova, &level, 0);
		*entry = slot ? READ_ONCE(*slot) : MOCK_PT_POISON;
		/* A leaf that is split is found, and is a table when it is loaded. */
	} while (mock_pt_is_table(*entry));
	if (!mock_pt_is_leaf(*entry))
		return NULL;
	*shift = mock_pt_shift(level) + mock_pt_replicas(*entry, level);
	return slot;
}

/**
 * mock_pt_was_writable() - might a device write to an IOVA when it was mapped?
 * @mock: domain
 * @iova: the IOVA
 *
 * Context: the caller holds mock_dirty::tables.
 * Return: true if it might, false if it might not or if nothing is mapped.
 */
bool mock_pt_was_writable(struct mock_dirty *mock, unsigned long iova)
{
	unsigned int shift;
	u64 entry;

	return mock_pt_find(mock, iova, &entry, &shift) &&
	       (entry & MOCK_PT_MAY_WRITE);
}

/**
 * mock_pt_use() - what hardware does to a leaf that it translates by
 * @mock: domain
 * @iova: the IOVA
 * @write: a device writes
 * @track: and is to be tracked
 * @shift: set to log2 of the size of the leaf
 * @writable: set to whether the leaf may be written
 * @dirty: set to whether it is dirty now
 *
 * A read may clear the bit at this moment, or split the leaf: the word is what
 * was looked at, or is looked up again.
 *
 * Context: the caller holds mock_dirty::tables.
 * Return: 0, or -EFAULT if it is not mapped so.
 */
int mock_pt_use(struct mock_dirty *mock, unsigned long iova, bool write,
		bool track, unsigned int *shift, bool *writable, bool *dirty)
{
	u64 *slot, entry, new;

	do {
		slot = mock_pt_find(mock, iova, &entry, shift);
		if (!slot || (write && !(entry & MOCK_PT_WRITE)))
			return -EFAULT;
		new = entry | BIT_ULL(MOCK_PT_ACCESSED_BIT);
		if (write && track)
			new |= MOCK_PT_DIRTY;
	} while (!try_cmpxchg64(slot, &entry, new));
	*writable = new & MOCK_PT_WRITE;
	*dirty = new & MOCK_PT_DIRTY;
	return 0;
}

/**
 * mock_pt_mark() - make a leaf dirty behind everybody's back, writable or not
 * @mock: domain
 * @iova: the IOVA
 *
 * Context: the caller holds mock_dirty::tables.
 * Return: false if nothing is mapped.
 */
bool mock_pt_mark(struct mock_dirty *mock, unsigned long iova)
{
	unsigned int shift;
	u64 *slot, entry;

	do {
		slot = mock_pt_find(mock, iova, &entry, &shift);
		if (!slot)
			return false;
	} while (!try_cmpxchg64(slot, &entry, entry | MOCK_PT_DIRTY));
	return true;
}

/**
 * mock_pt_settle() - wait for walks that began before
 * @mock: domain
 *
 * Who walks from now on does not come to tables that were taken out.
 */
void mock_pt_settle(struct mock_dirty *mock)
{
	down_write(&mock->tables);
	up_write(&mock->tables);
}

/**
 * mock_pt_astray() - count what reads did where nothing is mapped
 * @mock: domain
 *
 * Return: how often a table was asked for where there is none, in any domain
 *	   since this one was made, and how much poison was cleared in this one.
 */
unsigned int mock_pt_astray(struct mock_dirty *mock)
{
	unsigned int count;

	down_read(&mock->tables);
	count = mock_pt_count_cleaned(mock->root, MOCK_PT_ROOT_LEVEL);
	up_read(&mock->tables);
	return count + atomic_read(&mock_pt_led_astray) - mock->astray;
}

/**
 * mock_pt_read() - walk, as iommu_dirty_ops::read asks for
 * @mock: domain
 * @read: the read
 * @iova: first IOVA
 * @last: last IOVA
 */
void mock_pt_read(struct mock_dirty *mock, struct iommu_dirty_read *read,
		  unsigned long iova, unsigned long last)
{
	if (mock->replicated)
		mock_pt_walk_replicated(mock->root, MOCK_PT_ROOT_LEVEL, read,
					iova, last);
	else
		mock_pt_walk_plain(mock->root, MOCK_PT_ROOT_LEVEL, read, iova,
				   last);
}
