// SPDX-License-Identifier: GPL-2.0-only
/* See reshape.h */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "iommu-dirty-log.h"
#include "reshape.h"

/* A word that is not present in any format. Nothing else of a table is zero. */
#define POISON		0xa5a5a5a5a5a5a5a4ULL

/* log2 of the bytes of a window */
#define WINDOW		27

/*
 * Tables that were used before are good enough, with what a device must not find
 * in them any more. Some stay in the page table when a test is over.
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

static void poison(u64 *table, const struct format *format)
{
	unsigned int i;

	for (i = 0; i < 1U << format->index_bits; i++)
		table[i] = POISON;
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

static u64 *table_at(const struct format *format, u64 word)
{
	return (u64 *)(uintptr_t)(word & format->address);
}

static bool same_words(const struct format *format, const u64 *a, const u64 *b,
		       unsigned int level)
{
	const u64 ad = BIT_ULL(format->accessed) | BIT_ULL(format->dirty);
	unsigned int i;

	for (i = 0; i < 1U << format->index_bits; i++) {
		if (!a[i] != !b[i])
			return false;
		if (!a[i])
			continue;
		if (format->is_table(a[i], level) !=
		    format->is_table(b[i], level))
			return false;
		if (!format->is_table(a[i], level)) {
			if ((a[i] ^ b[i]) & ~ad)
				return false;
		} else if ((a[i] ^ b[i]) & ~(ad | format->address)) {
			return false;
		} else if (!same_words(format, table_at(format, a[i]),
				       table_at(format, b[i]), level - 1)) {
			return false;
		}
	}
	return true;
}

bool same_tables(const struct table *a, const struct table *b)
{
	return same_words(a->format, a->root, b->root, a->level);
}

void (*reshape_flush)(struct iommu_dirty_read *read);

static void flush(struct iommu_dirty_read *read)
{
	if (reshape_flush)
		reshape_flush(read);
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
		flush(&read);
		again = !split.nr;
		stock_empty(&split);
	} while (again);
}

void join_all(struct table *table, unsigned long iova, unsigned long last)
{
	struct iommu_dirty_split split;
	struct iommu_dirty_read read = { .cleared = ~0UL };
	unsigned int i;
	bool again;

	iommu_dirty_join_init(&split);
	read.shape = &split.shape;
	do {
		table->format->walk(table->root, table->level, &read, iova,
				    last);
		flush(&read);
		iommu_dirty_join_late(&split);
		again = split.nr == IOMMU_DIRTY_STOCK;
		for (i = 0; i < split.nr; i++)
			poison(split.stock[i], table->format);
		stock_empty(&split);
	} while (again);
}

unsigned long *new_bits(const struct format *format, unsigned long size)
{
	unsigned long bytes = (size >> format->page_shift) / BITS_PER_BYTE;

	return aligned_alloc(PAGE_SIZE, round_up(bytes, PAGE_SIZE) +
					2 * PAGE_SIZE);
}

bool bit_is_set(const unsigned long *bits, unsigned long nr)
{
	return bits[nr / BITS_PER_LONG] >> nr % BITS_PER_LONG & 1;
}

void reshape_get(struct table *table, unsigned long iova, unsigned long last,
		 struct iommu_dirty_split *split, unsigned long *bits)
{
	const unsigned int shift = table->format->page_shift;
	struct iommu_dirty_log log = { .iova = iova, .shift = shift };
	struct iommu_dirty_read read = {
		.log = &log,
		.clear = true,
		.last = last,
		.shape = split ? &split->shape : NULL,
		.whole = iova,
		.next = iova,
		.cleared = ~0UL,
	};
	unsigned long first = iova;

	memset(bits, 0, ((last - iova + 1) >> shift) / BITS_PER_BYTE + 8);
	for (;;) {
		unsigned long bit = (iova - first) >> shift;

		if (split)
			stock_fill(split, table->format, 4);
		log.iova = iova;
		log.last = min(last, iova | (BIT(WINDOW) - 1));
		log.bit = bit % IOMMU_DIRTY_LOG_PAGE_BITS;
		log.page[0] = bits + bit / IOMMU_DIRTY_LOG_PAGE_BITS *
				     (PAGE_SIZE / sizeof(*bits));
		log.page[1] = log.page[0] + PAGE_SIZE / sizeof(*bits);
		/* As in the core: what is behind a clean window was not whole. */
		if (iova != read.next)
			read.whole = iova;
		table->format->walk(table->root, table->level, &read, iova,
				    log.last);
		flush(&read);
		if (log.last == last)
			break;
		iova = log.last + 1;
	}
	if (split)
		stock_empty(split);
}
