// SPDX-License-Identifier: GPL-2.0-only
/* Page tables to walk, see table.h */
#include <stdlib.h>
#include <string.h>

#include "amd/dirty_fmt.h"
#include "intel/dirty_fmt.h"
#include "table.h"

#define ENTRIES		512
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

const struct format formats[] = {
	{
		.name = "vtdss",
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
};

const unsigned int nr_formats = sizeof(formats) / sizeof(*formats);

static u64 *new_table(void)
{
	u64 *table = aligned_alloc(PAGE_SIZE, PAGE_SIZE);

	if (!table)
		abort();
	return memset(table, 0, PAGE_SIZE);
}

static unsigned int index_at(unsigned long iova, unsigned int level)
{
	return (iova >> (12 + 9 * (level - 1))) % ENTRIES;
}

void table_init(struct table *table, const struct format *format,
		unsigned int level)
{
	table->format = format;
	table->root = new_table();
	table->level = level;
	table->leaves = NULL;
	table->nr = 0;
}

/* Below level 1 there is nothing; above, the leaves are known. */
static void free_table(const struct table *table, u64 *at, unsigned int level,
		       unsigned long iova)
{
	unsigned int i;

	for (i = 0; level > 1 && i < ENTRIES; i++) {
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
	unsigned int target = 1 + (shift - 12) / 9;
	unsigned int level, i;
	u64 *at = table->root, *entry;
	struct leaf leaf = {
		.iova = iova,
		.size = 1UL << shift,
		.words = format->words(shift),
	};

	for (level = table->level; level > target; level--) {
		entry = at + index_at(iova, level);
		if (!*entry)
			*entry = format->table(new_table(), level);
		at = (u64 *)(uintptr_t)(*entry & ADDRESS);
	}
	leaf.entry = at + index_at(iova, target);
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
	unsigned int i;

	for (i = 0; i < leaf->words; i++)
		if (READ_ONCE(leaf->entry[i]) & BIT_ULL(table->format->dirty))
			return true;
	return false;
}

void leaf_write(const struct table *table, const struct leaf *leaf,
		unsigned int word)
{
	unsigned long *entry =
		(unsigned long *)(leaf->entry + word % leaf->words);

	set_bit(table->format->accessed, entry);
	set_bit(table->format->dirty, entry);
}
