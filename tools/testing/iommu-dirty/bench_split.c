// SPDX-License-Identifier: GPL-2.0-only
/*
 * Splitting and joining, and what they are measured against, see bench.h
 *
 * Tables come from where they lie ready, on either side: how long it takes to
 * allocate them is the kernel's allocator's business.
 */
#include <string.h>

#include "bench.h"
#include "iommu-dirty-log.h"
#include "iommu-dirty-split.h"

/* What a stock is for */
#define STOCK_BYTES	((unsigned long)IOMMU_DIRTY_STOCK << 21)

static void refill(struct iommu_dirty_split *split, const struct field *field,
		   unsigned long *next)
{
	while (split->nr < IOMMU_DIRTY_STOCK && *next < field->nr_spares)
		split->stock[split->nr++] = field->spares + ENTRIES * (*next)++;
}

unsigned long split_eager(const struct field *field)
{
	struct iommu_dirty_read read = { .cleared = ~0UL };
	struct iommu_dirty_split split;
	unsigned long at, next = 0;

	iommu_dirty_split_init(&split, true);
	read.shape = &split.shape;
	for (at = 0; at < field->size; at += STOCK_BYTES) {
		refill(&split, field, &next);
		field->format->walk(field->root, field->level, &read,
				    field->iova + at,
				    field->iova + at + STOCK_BYTES - 1);
	}
	return split.leaves;
}

unsigned long join_again(const struct field *field)
{
	struct iommu_dirty_read read = { .cleared = ~0UL };
	struct iommu_dirty_split split;
	unsigned long at;

	iommu_dirty_join_init(&split);
	read.shape = &split.shape;
	for (at = 0; at < field->size; at += STOCK_BYTES) {
		field->format->walk(field->root, field->level, &read,
				    field->iova + at,
				    field->iova + at + STOCK_BYTES - 1);
		iommu_dirty_join_late(&split);
		split.nr = 0;
	}
	return split.leaves;
}

/* As walk_windows(), and what is dirty is split. */
unsigned long walk_lazy(const struct field *field)
{
	struct iommu_dirty_split split;
	struct iommu_dirty_read read = {
		.clear = true,
		.last = field->iova + field->size - 1,
		.shape = &split.shape,
		.whole = field->iova,
		.next = field->iova,
		.cleared = ~0UL,
	};
	unsigned long i, next = 0;

	iommu_dirty_split_init(&split, false);
	for (i = 0; i < field->nr_logs; i++) {
		refill(&split, field, &next);
		read.log = field->logs + i;
		field->format->walk(field->root, field->level, &read,
				    read.log->iova, read.log->last);
	}
	return read.cleared;
}

/* Tables of small leaves, as many as there are large ones */
unsigned long plain_fill(const struct field *field)
{
	const unsigned int shift = field->format->page_shift;
	unsigned long at, i;

	for (at = 0; at < field->nr_spares; at++) {
		u64 *table = field->spares + at * ENTRIES;
		u64 leaf = field->leaves[at / ENTRIES][at % ENTRIES];

		for (i = 0; i < ENTRIES; i++)
			WRITE_ONCE(table[i], leaf + (i << shift));
	}
	return at;
}

/* The words of these tables once, which joining has to look at twice */
unsigned long plain_read_small(const struct field *field)
{
	unsigned long at, i;
	u64 any = 0;

	for (at = 0; at < field->nr_spares; at++) {
		const u64 *table = field->spares + at * ENTRIES;

		for (i = 0; i < ENTRIES; i++)
			any |= READ_ONCE(table[i]);
	}
	return any;
}
