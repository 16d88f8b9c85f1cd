// SPDX-License-Identifier: GPL-2.0-only
/* Page tables to walk, see table.h */
#include <stdlib.h>
#include <string.h>

#include "amd/dirty_fmt.h"
#include "arm/arm-smmu-v3/dirty_fmt.h"
#include "intel/dirty_fmt.h"
#include "table.h"

#define ADDRESS		GENMASK_ULL(51, 12)

/* VT-d second stage: R 0, W 1, page size 7 */
static u64 vtd_leaf(unsigned long iova, unsigned int shift)
{
	return (iova & ADDRESS) | 3 | (shift > 12 ? BIT_ULL(7) : 0);
}

static u64 vtd_table(const u64 *table, unsigned int level)
{
	return (u64)(uintptr_t)table | 3;
}

static unsigned int one_word(unsigned int shift)
{
	return 1;
}

static const unsigned int vtd_shifts[] = { 12, 21, 30, 0 };

/*
 * AMD v1: PR 0, next level 11:9, IR 61, IW 62. Sizes between those of levels
 * have next level 7 and an address whose lowest clear bit from 12 up says which.
 */
static u64 amd_leaf(unsigned long iova, unsigned int shift)
{
	u64 word = (iova & ADDRESS) | BIT_ULL(0) | BIT_ULL(61) | BIT_ULL(62);

	if ((shift - 12) % 9)
		word |= (7ULL << 9) |
			(GENMASK_ULL(shift - 1, 12) & ~BIT_ULL(shift - 1));
	return word;
}

static u64 amd_table(const u64 *table, unsigned int level)
{
	return (u64)(uintptr_t)table | BIT_ULL(0) | (u64)(level - 1) << 9 |
	       BIT_ULL(61) | BIT_ULL(62);
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
 * S2AP[1] at stage 2 (1 is dirty). Leaves begin clean.
 */
static u64 arm_leaf(unsigned long iova, bool page)
{
	return (iova & GENMASK_ULL(47, 12)) | BIT_ULL(51) | BIT_ULL(10) |
	       (page ? 3 : 1);
}

#define DEFINE_ARM_LEAF(_granule, _page_shift)				\
static u64 arm_s1_##_granule(unsigned long iova, unsigned int shift)	\
{									\
	return arm_leaf(iova, shift == (_page_shift)) | BIT_ULL(7);	\
}									\
static u64 arm_s2_##_granule(unsigned long iova, unsigned int shift)	\
{									\
	return arm_leaf(iova, shift == (_page_shift));			\
}

DEFINE_ARM_LEAF(4k, 12)
DEFINE_ARM_LEAF(16k, 14)
DEFINE_ARM_LEAF(64k, 16)

static const unsigned int arm_4k_shifts[] = { 12, 21, 30, 0 };
static const unsigned int arm_16k_shifts[] = { 14, 25, 0 };
static const unsigned int arm_64k_shifts[] = { 16, 29, 0 };

#define ARM_FORMAT(_stage, _granule, _page_shift, _min, _max)		\
	{								\
		.name = "armv8 " #_stage " " #_granule,			\
		.page_shift = (_page_shift),				\
		.index_bits = (_page_shift) - 3,			\
		.min_level = (_min),					\
		.max_level = (_max),					\
		.walk = armv8_##_stage##_##_granule##_walk,		\
		.shifts = arm_##_granule##_shifts,			\
		.leaf = arm_##_stage##_##_granule,			\
		.table = vtd_table,					\
		.words = one_word,					\
		.dirty = 7,						\
		.dirty_is_clear = #_stage[1] == '1',			\
		.accessed = 10,						\
	}

const struct format formats[] = {
	{
		.name = "vtdss",
		.page_shift = 12,
		.index_bits = 9,
		.min_level = 3,
		.max_level = 5,
		.walk = vtdss_walk,
		.shifts = vtd_shifts,
		.leaf = vtd_leaf,
		.table = vtd_table,
		.words = one_word,
		.dirty = 9,
		.accessed = 8,
	},
	{
		.name = "amdv1",
		.page_shift = 12,
		.index_bits = 9,
		.min_level = 3,
		.max_level = 6,
		.walk = amdv1_walk,
		.shifts = amd_shifts,
		.leaf = amd_leaf,
		.table = amd_table,
		.words = amd_words,
		.dirty = 6,
		.accessed = 5,
	},
	ARM_FORMAT(s1, 4k, 12, 3, 4),
	ARM_FORMAT(s2, 4k, 12, 3, 4),
	ARM_FORMAT(s1, 16k, 14, 2, 4),
	ARM_FORMAT(s2, 16k, 14, 2, 4),
	ARM_FORMAT(s1, 64k, 16, 2, 3),
	ARM_FORMAT(s2, 64k, 16, 2, 3),
};

const unsigned int nr_formats = sizeof(formats) / sizeof(*formats);

static u64 *new_table(const struct format *format)
{
	size_t size = sizeof(u64) << format->index_bits;
	u64 *table = aligned_alloc(size, size);

	if (!table)
		abort();
	return memset(table, 0, size);
}

static unsigned int index_at(const struct format *format, unsigned long iova,
			     unsigned int level)
{
	return (iova >> (format->page_shift +
			 format->index_bits * (level - 1))) %
	       (1U << format->index_bits);
}

void table_init(struct table *table, const struct format *format,
		unsigned int level)
{
	table->format = format;
	table->root = new_table(format);
	table->level = level;
	table->leaves = NULL;
	table->nr = 0;
}

/* Below level 1 there is nothing; above, the leaves are known. */
static void free_table(const struct table *table, u64 *at, unsigned int level,
		       unsigned long iova)
{
	unsigned int i;

	for (i = 0; level > 1 && i < 1U << table->format->index_bits; i++) {
		const u64 *below = (u64 *)(uintptr_t)(at[i] & ADDRESS);

		if (at[i] && (at[i] & ~(BIT_ULL(table->format->dirty) |
					BIT_ULL(table->format->accessed))) ==
				     table->format->table(below, level))
			free_table(table, (u64 *)below, level - 1, iova);
	}
	free(at);
}

void table_free(struct table *table)
{
	free_table(table, table->root, table->level, 0);
	free(table->leaves);
}

void table_map(struct table *table, unsigned long iova, unsigned int shift)
{
	const struct format *format = table->format;
	unsigned int target = 1 + (shift - format->page_shift) /
				  format->index_bits;
	unsigned int level, i;
	u64 *at = table->root, *entry;
	struct leaf leaf = {
		.iova = iova,
		.size = 1UL << shift,
		.words = format->words(shift),
	};

	for (level = table->level; level > target; level--) {
		entry = at + index_at(format, iova, level);
		if (!*entry)
			*entry = format->table(new_table(format), level);
		at = (u64 *)(uintptr_t)(*entry & ADDRESS);
	}
	leaf.entry = at + index_at(format, iova, target);
	for (i = 0; i < leaf.words; i++) {
		if (leaf.entry[i])
			abort();
		leaf.entry[i] = format->leaf(iova, shift);
	}

	table->leaves = realloc(table->leaves,
				(table->nr + 1) * sizeof(*table->leaves));
	if (!table->leaves)
		abort();
	table->leaves[table->nr++] = leaf;
}

bool leaf_dirty(const struct table *table, const struct leaf *leaf)
{
	const struct format *format = table->format;
	unsigned int i;

	for (i = 0; i < leaf->words; i++)
		if (!(READ_ONCE(leaf->entry[i]) & BIT_ULL(format->dirty)) ==
		    format->dirty_is_clear)
			return true;
	return false;
}

void leaf_write(const struct table *table, const struct leaf *leaf,
		unsigned int word)
{
	unsigned long *entry =
		(unsigned long *)(leaf->entry + word % leaf->words);

	set_bit(table->format->accessed, entry);
	if (table->format->dirty_is_clear)
		clear_bit(table->format->dirty, entry);
	else
		set_bit(table->format->dirty, entry);
}
