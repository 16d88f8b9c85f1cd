/* SPDX-License-Identifier: GPL-2.0-only */
/* Stocks of tables, and all leaves of a range split or joined at once */
#ifndef RESHAPE_H
#define RESHAPE_H

#include "iommu-dirty-split.h"
#include "table.h"

/* Tables taken from here and not returned */
extern long stock_out;

/* Until there are @nr. May be called by several threads. */
void stock_fill(struct iommu_dirty_split *split, const struct format *format,
		unsigned int nr);
void stock_empty(struct iommu_dirty_split *split);
/* All tables, those too that are in a page table; the next may differ in size. */
void stock_free(void);

/* log2 of the size of the leaf that a word of a table of the level maps */
unsigned int word_shift(const struct format *format, u64 word,
			unsigned int level);
unsigned int leaf_shift(const struct table *table, unsigned long iova);

/* Compares but for accessed and dirty bits, and for where tables are. */
bool same_tables(const struct table *a, const struct table *b);

/*
 * What the core owes after a walk, before tables are free again: to have caches
 * forget what it changed, which is reset. NULL if nothing is cached.
 */
extern void (*reshape_flush)(struct iommu_dirty_read *read);

/* Nobody else reads. */
void split_all(struct table *table, unsigned long iova, unsigned long last);
void join_all(struct table *table, unsigned long iova, unsigned long last);

/* Bits for the smallest leaves of so many bytes, for reshape_get() */
unsigned long *new_bits(const struct format *format, unsigned long size);
bool bit_is_set(const unsigned long *bits, unsigned long nr);

/*
 * A read of a range that has no holes, window by window, which splits if @split
 * is not NULL.
 */
void reshape_get(struct table *table, unsigned long iova, unsigned long last,
		 struct iommu_dirty_split *split, unsigned long *bits);

#endif /* RESHAPE_H */
