// SPDX-License-Identifier: GPL-2.0-only
/* Page tables to walk, see table.h */
#include <stdlib.h>
#include <string.h>

#include "table.h"

#define R		BIT_ULL(0)
#define W		BIT_ULL(1)
#define PAGE_SIZE_BIT	BIT_ULL(7)
#define ACCESSED_NR	8
#define DIRTY_NR	9
#define ENTRIES		512

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

void table_init(struct table *table, unsigned int level)
{
	table->root = new_table();
	table->level = level;
	table->leaves = NULL;
	table->nr = 0;
}

static void free_table(u64 *table, unsigned int level)
{
	unsigned int i;

	for (i = 0; level > 1 && i < ENTRIES; i++)
		if (table[i] && !(table[i] & PAGE_SIZE_BIT))
			free_table((u64 *)(uintptr_t)(table[i] & ~0xfffULL),
				   level - 1);
	free(table);
}

void table_free(struct table *table)
{
	free_table(table->root, table->level);
	free(table->leaves);
}

void table_map(struct table *table, unsigned long iova, unsigned int shift)
{
	unsigned int target = 1 + (shift - 12) / 9;
	unsigned int level;
	u64 *at = table->root, *entry;

	for (level = table->level; level > target; level--) {
		entry = at + index_at(iova, level);
		if (!*entry)
			*entry = (u64)(uintptr_t)new_table() | R | W;
		at = (u64 *)(uintptr_t)(*entry & ~0xfffULL);
	}
	entry = at + index_at(iova, target);
	if (*entry)
		abort();
	*entry = (iova & GENMASK_ULL(51, 12)) | R | W |
		 (target > 1 ? PAGE_SIZE_BIT : 0);

	table->leaves = realloc(table->leaves,
				(table->nr + 1) * sizeof(*table->leaves));
	if (!table->leaves)
		abort();
	table->leaves[table->nr++] = (struct leaf){
		.iova = iova,
		.size = 1UL << shift,
		.entry = entry,
	};
}

bool leaf_dirty(const struct leaf *leaf)
{
	return READ_ONCE(*leaf->entry) & BIT_ULL(DIRTY_NR);
}

void leaf_write(const struct leaf *leaf)
{
	set_bit(ACCESSED_NR, (unsigned long *)leaf->entry);
	set_bit(DIRTY_NR, (unsigned long *)leaf->entry);
}
