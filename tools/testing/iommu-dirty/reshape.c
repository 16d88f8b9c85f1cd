// SPDX-License-Identifier: GPL-2.0-only
/* See reshape.h */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "reshape.h"

/*
 * Tables that were used before, with whatever is in them, are good enough. Some
 * stay in the page table when a test is over.
 */
#define MAX_TABLES	65536
static u64 *pool[MAX_TABLES], *made[MAX_TABLES];
static unsigned int pooled, nr_made;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
long stock_out;

static u64 *new_table(const struct format *format)
{
	size_t bytes = sizeof(u64) << format->index_bits;
	u64 *table = aligned_alloc(bytes, bytes);

	if (!table || nr_made == MAX_TABLES)
		abort();
	made[nr_made++] = table;
	return table;
}

void stock_fill(struct iommu_dirty_split *split, const struct format *format,
		unsigned int nr)
{
	pthread_mutex_lock(&lock);
	while (split->nr < nr) {
		split->stock[split->nr++] = pooled ? pool[--pooled] :
						     new_table(format);
		stock_out++;
	}
	pthread_mutex_unlock(&lock);
}

void stock_empty(struct iommu_dirty_split *split)
{
	pthread_mutex_lock(&lock);
	while (split->nr) {
		pool[pooled++] = split->stock[--split->nr];
		stock_out--;
	}
	pthread_mutex_unlock(&lock);
}

void stock_free(void)
{
	pooled = 0;
	while (nr_made)
		free(made[--nr_made]);
}

unsigned int word_shift(const struct format *format, u64 word,
			unsigned int level)
{
	if (!strcmp(format->name, "amdv1") && (word >> 9 & 7) == 7)
		return __ffs64(~(word | 0xfff)) + 1;
	return format->page_shift + format->index_bits * (level - 1);
}

unsigned int leaf_shift(const struct table *table, unsigned long iova)
{
	unsigned int level;
	u64 word = *table_word(table, iova, &level);

	return word_shift(table->format, word, level);
}

void split_all(struct table *table, unsigned long iova, unsigned long last)
{
	struct iommu_dirty_split split;
	struct iommu_dirty_read read = { .cleared = ~0UL };
	bool again;

	iommu_dirty_split_init(&split, true);
	read.shape = &split.shape;
	do {
		stock_fill(&split, table->format, IOMMU_DIRTY_STOCK);
		table->format->walk(table->root, table->level, &read, iova,
				    last);
		again = !split.nr;
		stock_empty(&split);
	} while (again);
}

void join_all(struct table *table, unsigned long iova, unsigned long last)
{
	struct iommu_dirty_split split;
	struct iommu_dirty_read read = { .cleared = ~0UL };
	bool again;

	iommu_dirty_join_init(&split);
	read.shape = &split.shape;
	do {
		table->format->walk(table->root, table->level, &read, iova,
				    last);
		iommu_dirty_join_late(&split);
		again = split.nr == IOMMU_DIRTY_STOCK;
		stock_empty(&split);
	} while (again);
}
