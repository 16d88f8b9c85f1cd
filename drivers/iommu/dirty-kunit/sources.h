/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the tests on tables get them from, and random ones
 *
 * Random tables are the same again for the same seed. It is printed; rounds is
 * the number of tables of each source.
 */
#ifndef __DIRTY_KUNIT_SOURCES_H
#define __DIRTY_KUNIT_SOURCES_H

#include "table.h"

struct kunit;

/* log2 of the size of the smallest leaf */
static inline unsigned int dirty_small(const struct dirty_format *format)
{
	return format->page_shift;
}

/* And of one at level 2 */
static inline unsigned int dirty_huge(const struct dirty_format *format)
{
	return format->page_shift + format->index_bits;
}

const void *dirty_source_next(const void *prev, char *desc);
void dirty_source_begin(struct dirty_table *table,
			const struct dirty_source *source, unsigned int level);
void dirty_source_fill(struct dirty_table *table, unsigned long iova,
		       unsigned int shift, unsigned int nr);
unsigned int dirty_source_bits(const struct dirty_source *source,
			       unsigned int level);
unsigned int dirty_random_begin(struct kunit *test);
unsigned long dirty_random(unsigned long below);
unsigned long dirty_random_table(struct dirty_table *table,
				 const struct dirty_source *source);

#endif /* __DIRTY_KUNIT_SOURCES_H */
