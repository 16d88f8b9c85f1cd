// SPDX-License-Identifier: GPL-2.0-only
/* Page tables to walk, see table.h */
#include <linux/bits.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../amd/dirty_fmt.h"
#include "../arm/arm-smmu-v3/dirty_fmt.h"
#include "../intel/dirty_fmt.h"
#include "table.h"

#define ADDRESS		GENMASK_ULL(51, 12)

static u64 address_51_12(u64 entry)
{
	return entry & ADDRESS;
}

static unsigned int one_word(unsigned int shift)
{
	return 1;
}

/* VT-d second stage: R 0, W 1, page size 7 */
static u64 vtd_leaf(u64 phys, unsigned int shift)
{
	return phys | 3 | (shift > 12 ? BIT_ULL(7) : 0);
}

static u64 vtd_table(u64 phys, unsigned int level)
{
	return phys | 3;
}

static bool vtd_is_table(u64 entry, unsigned int level)
{
	return level > 1 && !(entry & BIT_ULL(7));
}

static const unsigned int vtd_shifts[] = { 12, 21, 30, 0 };

/*
 * AMD v1: PR 0, next level 11:9, IR 61, IW 62. Sizes between those of levels
 * have next level 7 and an address whose lowest clear bit from 12 up says which.
 */
static u64 amd_leaf(u64 phys, unsigned int shift)
{
	u64 word = phys | BIT_ULL(0) | BIT_ULL(61) | BIT_ULL(62);

	if ((shift - 12) % 9)
		word |= (7ULL << 9) |
			(GENMASK_ULL(shift - 1, 12) & ~BIT_ULL(shift - 1));
	return word;
}

static u64 amd_table(u64 phys, unsigned int level)
{
	return phys | BIT_ULL(0) | (u64)(level - 1) << 9 | BIT_ULL(61) |
	       BIT_ULL(62);
}

static bool amd_is_table(u64 entry, unsigned int level)
{
	unsigned int next = entry >> 9 & 7;

	return next && next != 7;
}

static unsigned int amd_words(unsigned int shift)
{
	return 1U << (shift - 12) % 9;
}

static const unsigned int amd_shifts[] = {
	12, 13, 14, 16, 18, 19, 20, 21, 22, 25, 29, 30, 31, 0,
};

/*
 * Armv8: type 1:0, AF 10, DBM 51, bit 7 is AP[2] at stage 1 (0 is dirty) and
 * S2AP[1] at stage 2 (1 is dirty). Leaves begin clean. With the 64 KiB granule
 * address bits 51:48 stand in 15:12.
 */
static u64 arm_leaf(u64 phys, bool page)
{
	return phys | BIT_ULL(51) | BIT_ULL(10) | (page ? 3 : 1);
}

static u64 arm_address(u64 entry)
{
	return entry & GENMASK_ULL(47, 12);
}

static u64 arm_encode_64k(u64 phys)
{
	return (phys & GENMASK_ULL(47, 16)) | (phys >> 48 & 0xf) << 12;
}

static u64 arm_address_64k(u64 entry)
{
	return (entry & GENMASK_ULL(47, 16)) | (entry >> 12 & 0xf) << 48;
}

static u64 arm_table(u64 phys, unsigned int level)
{
	return phys | 3;
}

static u64 arm_table_64k(u64 phys, unsigned int level)
{
	return arm_encode_64k(phys) | 3;
}

static bool arm_is_table(u64 entry, unsigned int level)
{
	return level > 1 && (entry & 3) == 3;
}

static u64 arm_s2_4k(u64 phys, unsigned int shift)
{
	return arm_leaf(phys, shift == 12);
}

static u64 arm_s1_4k(u64 phys, unsigned int shift)
{
	return arm_s2_4k(phys, shift) | BIT_ULL(7);
}

static u64 arm_s2_16k(u64 phys, unsigned int shift)
{
	return arm_leaf(phys, shift == 14);
}

static u64 arm_s1_16k(u64 phys, unsigned int shift)
{
	return arm_s2_16k(phys, shift) | BIT_ULL(7);
}

static u64 arm_s2_64k(u64 phys, unsigned int shift)
{
	return arm_leaf(arm_encode_64k(phys), shift == 16);
}

static u64 arm_s1_64k(u64 phys, unsigned int shift)
{
	return arm_s2_64k(phys, shift) | BIT_ULL(7);
}

static const unsigned int arm_4k_shifts[] = { 12, 21, 30, 0 };
static const unsigned int arm_16k_shifts[] = { 14, 25, 0 };
static const unsigned int arm_64k_shifts[] = { 16, 29, 0 };

#define ARM_FORMAT(_stage, _granule, _page_shift, _min, _max, _top,	\
		   _table, _address)					\
	{								\
		.name = "armv8 " #_stage " " #_granule,			\
		.fmt = &armv8_##_stage##_##_granule##_fmt,		\
		.walk = armv8_##_stage##_##_granule##_walk,		\
		.page_shift = (_page_shift),				\
		.index_bits = (_page_shift) - 3,			\
		.min_level = (_min),					\
		.max_level = (_max),					\
		.shifts = arm_##_granule##_shifts,			\
		.phys = GENMASK_ULL((_top) - 1, _page_shift),		\
		.leaf = arm_##_stage##_##_granule,			\
		.leaf_mask = GENMASK_ULL(47, 12) | BIT_ULL(51) |	\
			     BIT_ULL(10) | BIT_ULL(7) | 3,		\
		.table = _table,					\
		.address = _address,					\
		.is_table = arm_is_table,				\
		.mark = BIT_ULL(56),					\
		.words = one_word,					\
		.dirty = 7,						\
		.dirty_is_clear = #_stage[1] == '1',			\
		.accessed = 10,						\
		.write = BIT_ULL(51),					\
	}

const struct dirty_format dirty_formats[DIRTY_NR_FORMATS] = {
	[DIRTY_VTDSS] = {
		.name = "vtdss",
		.fmt = &vtdss_fmt,
		.walk = vtdss_walk,
		.page_shift = 12,
		.index_bits = 9,
		.min_level = 3,
		.max_level = 5,
		.shifts = vtd_shifts,
		.phys = ADDRESS,
		.leaf = vtd_leaf,
		.leaf_mask = ADDRESS | BIT_ULL(9) | BIT_ULL(8) | BIT_ULL(7) | 3,
		.table = vtd_table,
		.address = address_51_12,
		.is_table = vtd_is_table,
		.mark = BIT_ULL(10),
		.words = one_word,
		.dirty = 9,
		.accessed = 8,
		.write = BIT_ULL(1),
	},
	[DIRTY_AMDV1] = {
		.name = "amdv1",
		.fmt = &amdv1_fmt,
		.walk = amdv1_walk,
		.page_shift = 12,
		.index_bits = 9,
		.min_level = 3,
		.max_level = 6,
		.shifts = amd_shifts,
		.phys = ADDRESS,
		.leaf = amd_leaf,
		.leaf_mask = ADDRESS | BIT_ULL(62) | BIT_ULL(61) |
			     GENMASK_ULL(11, 9) | BIT_ULL(6) | BIT_ULL(5) | 1,
		.table = amd_table,
		.address = address_51_12,
		.is_table = amd_is_table,
		.mark = GENMASK_ULL(4, 1),
		.words = amd_words,
		.dirty = 6,
		.accessed = 5,
		.write = BIT_ULL(62),
	},
	[DIRTY_ARMV8_S1_4K] = ARM_FORMAT(s1, 4k, 12, 3, 4, 48,
					 arm_table, arm_address),
	[DIRTY_ARMV8_S2_4K] = ARM_FORMAT(s2, 4k, 12, 3, 4, 48,
					 arm_table, arm_address),
	[DIRTY_ARMV8_S1_16K] = ARM_FORMAT(s1, 16k, 14, 2, 4, 48,
					  arm_table, arm_address),
	[DIRTY_ARMV8_S2_16K] = ARM_FORMAT(s2, 16k, 14, 2, 4, 48,
					  arm_table, arm_address),
	[DIRTY_ARMV8_S1_64K] = ARM_FORMAT(s1, 64k, 16, 2, 3, 52,
					  arm_table_64k, arm_address_64k),
	[DIRTY_ARMV8_S2_64K] = ARM_FORMAT(s2, 64k, 16, 2, 3, 52,
					  arm_table_64k, arm_address_64k),
};

static void wrong(struct dirty_table *table, const char *what,
		  unsigned long iova, u64 word)
{
	if (!*table->wrong)
		snprintf(table->wrong, sizeof(table->wrong),
			 "%s: leaf %#lx, word %#llx", what, iova,
			 (unsigned long long)word);
}

/* Doubles what an array has room for whenever @nr comes to a power of two */
static void *grow(struct dirty_table *table, void *array, unsigned int nr,
		  size_t size)
{
	void *larger;

	if (nr & (nr - 1))
		return array;
	larger = kvcalloc(nr ? 2 * nr : 1, size, GFP_KERNEL);
	if (!larger) {
		wrong(table, "out of memory", 0, 0);
		return NULL;
	}
	if (nr)
		memcpy(larger, array, nr * size);
	kvfree(array);
	return larger;
}

/* Returns which of table::pages it is. */
static unsigned int add_page(struct dirty_table *table, u64 *words,
			     unsigned int nr)
{
	struct dirty_table_page *pages;
	unsigned int i;

	/* Mostly it is the one that was added last. */
	for (i = table->nr_pages; i--;)
		if (table->pages[i].words == words)
			return i;
	pages = grow(table, table->pages, table->nr_pages, sizeof(*pages));
	if (!pages)
		return 0;
	table->pages = pages;
	pages[table->nr_pages].words = words;
	pages[table->nr_pages].nr = nr;
	return table->nr_pages++;
}

static size_t table_bytes(const struct dirty_format *format)
{
	return sizeof(u64) << format->index_bits;
}

static u64 *new_table(struct dirty_table *table)
{
	size_t bytes = table_bytes(table->format);
	u64 *words = alloc_pages_exact(bytes, GFP_KERNEL | __GFP_ZERO);

	if (words)
		add_page(table, words, bytes / sizeof(*words));
	else
		wrong(table, "out of memory", 0, 0);
	return words;
}

/**
 * dirty_table_init() - make an empty table
 * @table: filled in
 * @format: its format
 * @level: level of its root
 */
void dirty_table_init(struct dirty_table *table,
		      const struct dirty_format *format, unsigned int level)
{
	memset(table, 0, sizeof(*table));
	table->format = format;
	table->level = level;
	table->root_words = 1U << format->index_bits;
	table->root = new_table(table);
}

/**
 * dirty_table_init_driver() - have a driver make an empty table
 * @table: filled in
 * @source: which driver
 */
void dirty_table_init_driver(struct dirty_table *table,
			     const struct dirty_source *source)
{
	memset(table, 0, sizeof(*table));
	table->format = source->format;
	table->source = source;
	if (source->driver->init(table))
		wrong(table, "the driver makes no table", 0, 0);
}

/**
 * dirty_table_free() - free a table and its leaves
 * @table: the table
 */
void dirty_table_free(struct dirty_table *table)
{
	unsigned int i;

	if (!table->source)
		for (i = 0; i < table->nr_pages; i++)
			free_pages_exact(table->pages[i].words,
					 table_bytes(table->format));
	else if (table->driver_data)
		table->source->driver->free(table);
	kvfree(table->pages);
	kvfree(table->leaves);
}

static unsigned int index_at(const struct dirty_table *table,
			     unsigned long iova, unsigned int level)
{
	const struct dirty_format *format = table->format;
	unsigned long index = iova >> (format->page_shift +
				       format->index_bits * (level - 1));

	return index % (level == table->level ? table->root_words :
						1U << format->index_bits);
}

static unsigned int leaf_level(const struct dirty_format *format,
			       unsigned int shift)
{
	return 1 + (shift - format->page_shift) / format->index_bits;
}

static u64 leaf_phys(const struct dirty_format *format, unsigned long iova)
{
	return iova & format->phys;
}

static u64 *entry_below(const struct dirty_table *table, u64 entry)
{
	return phys_to_virt(table->format->address(entry));
}

/* The test's own table: make what is missing on the way, then the leaf. */
static void make_leaf(struct dirty_table *table, struct dirty_leaf *leaf,
		      unsigned int shift)
{
	const struct dirty_format *format = table->format;
	unsigned int target = leaf_level(format, shift), level, i;
	u64 *at = table->root, *entry, *below;

	for (level = table->level; at && level > target; level--) {
		entry = at + index_at(table, leaf->iova, level);
		if (!*entry) {
			below = new_table(table);
			if (!below)
				return;
			*entry = format->table(virt_to_phys(below), level);
		}
		at = entry_below(table, *entry);
	}
	if (!at)
		return;
	leaf->page = add_page(table, at, 0);
	leaf->entry = at + index_at(table, leaf->iova, target);
	for (i = 0; i < leaf->words; i++) {
		if (leaf->entry[i])
			wrong(table, "mapped twice", leaf->iova, leaf->entry[i]);
		leaf->entry[i] = format->leaf(leaf_phys(format, leaf->iova),
					      shift);
	}
}

/**
 * dirty_table_map() - map a leaf, which is clean
 * @table: the table
 * @iova: its first IOVA; leaves are mapped in ascending order
 * @shift: log2 of its size
 *
 * What goes wrong is told by the reads that follow.
 */
void dirty_table_map(struct dirty_table *table, unsigned long iova,
		     unsigned int shift)
{
	struct dirty_leaf leaf = {
		.iova = iova,
		.size = 1UL << shift,
		.words = table->format->words(shift),
	};
	struct dirty_leaf *leaves;

	if (*table->wrong)
		return;
	if (!table->source)
		make_leaf(table, &leaf, shift);
	else if (table->source->driver->map(table, iova,
					    leaf_phys(table->format, iova),
					    leaf.size))
		wrong(table, "the driver maps no leaf", iova, 0);

	leaves = grow(table, table->leaves, table->nr, sizeof(leaf));
	if (!leaves || *table->wrong)
		return;
	table->leaves = leaves;
	leaves[table->nr++] = leaf;
}

static void find_leaf(struct dirty_table *table, struct dirty_leaf *leaf)
{
	const struct dirty_format *format = table->format;
	unsigned int shift = ilog2(leaf->size), level, i;
	unsigned int target = leaf_level(format, shift);
	u64 want = format->leaf(leaf_phys(format, leaf->iova), shift);
	u64 *at = table->root;

	for (level = table->level; level > target; level--) {
		u64 entry = at[index_at(table, leaf->iova, level)];
		/* Of a pointer to a table, the present bits and the level */
		u64 mask = GENMASK_ULL(11, 9) | 3;

		if ((entry ^ format->table(0, level)) & mask) {
			wrong(table, "no table on the way", leaf->iova, entry);
			return;
		}
		add_page(table, at, 1U << format->index_bits);
		at = entry_below(table, entry);
	}
	leaf->page = add_page(table, at, 1U << format->index_bits);
	leaf->entry = at + index_at(table, leaf->iova, target);
	for (i = 0; i < leaf->words; i++)
		if ((leaf->entry[i] ^ want) & format->leaf_mask)
			wrong(table, "not a clean leaf", leaf->iova,
			      leaf->entry[i]);
}

/**
 * dirty_table_find_leaves() - look up what a driver has mapped
 * @table: the table, in which everything is mapped and nothing is dirty
 *
 * Every leaf must be where and what the specification says, and clean. The
 * leaves of the test's own tables are known already.
 */
void dirty_table_find_leaves(struct dirty_table *table)
{
	unsigned int i;

	if (!table->source || *table->wrong)
		return;
	table->source->driver->root(table);
	add_page(table, table->root, table->root_words);
	for (i = 0; i < table->nr && !*table->wrong; i++)
		find_leaf(table, table->leaves + i);
}

/**
 * dirty_leaf_test() - is a leaf dirty, in any of its words
 * @table: its table
 * @leaf: the leaf
 *
 * Return: true if it is.
 */
bool dirty_leaf_test(const struct dirty_table *table,
		     const struct dirty_leaf *leaf)
{
	const struct dirty_format *format = table->format;
	unsigned int i;

	for (i = 0; i < leaf->words; i++)
		if (!(READ_ONCE(leaf->entry[i]) & BIT_ULL(format->dirty)) ==
		    format->dirty_is_clear)
			return true;
	return false;
}

/**
 * dirty_leaf_write() - do what hardware does on a write
 * @table: the table
 * @leaf: the leaf that is written through
 * @word: which of its words hardware happens to use, modulo their number
 */
void dirty_leaf_write(const struct dirty_table *table,
		      const struct dirty_leaf *leaf, unsigned int word)
{
	unsigned long *entry =
		(unsigned long *)(leaf->entry + word % leaf->words);

	set_bit(table->format->accessed, entry);
	if (table->format->dirty_is_clear)
		clear_bit(table->format->dirty, entry);
	else
		set_bit(table->format->dirty, entry);
}
