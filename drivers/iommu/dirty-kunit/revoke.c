// SPDX-License-Identifier: GPL-2.0-only
/*
 * Making clean leaves read-only, on tables of every format
 *
 * What becomes of a word is written down here as the specifications have it:
 * Intel VT-d 4.1, 9.8; AMD 48882, 2.2.3; Arm DDI 0487, D8.4. Drivers must find a
 * leaf that is read-only where it was: an area is unmapped by asking for its
 * addresses, and by what is present.
 */
#include <kunit/test.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "../iommu-dirty-log.h"
#include "../iommu-dirty-revoke.h"
#include "model.h"
#include "sources.h"

static void revoke_range(struct dirty_table *table,
			 struct iommu_dirty_read *read, unsigned long iova,
			 unsigned long last)
{
	struct iommu_dirty_shape shape;

	iommu_dirty_revoke_init(&shape);
	*read = (struct iommu_dirty_read) {
		.last = last,
		.shape = &shape,
		.cleared = ~0UL,
	};
	dirty_read_window(table, read, iova, last);
	read->shape = NULL;
}

/* A leaf's word, in a table of level 1, and what it is made */
static const struct {
	unsigned int format;
	u64 was;
	u64 is;
} examples[] = {
	/* VT-d: R 0, W 1, A 8, D 9; a mark, ignored bits */
	{ DIRTY_VTDSS, 0x0000000123456003, 0x0000000123456001 },
	{ DIRTY_VTDSS, 0xfff0000123456d03, 0xfff0000123456d01 },
	{ DIRTY_VTDSS, 0x0000000123456203, 0x0000000123456203 },
	{ DIRTY_VTDSS, 0x0000000123456001, 0x0000000123456001 },
	/* It would not be present any more. */
	{ DIRTY_VTDSS, 0x0000000123456002, 0x0000000123456202 },
	{ DIRTY_VTDSS, 0x0000000123456102, 0x0000000123456302 },
	{ DIRTY_VTDSS, 0x0000000123456202, 0x0000000123456202 },
	/* AMD: PR 0, A 5, D 6, IR 61, IW 62; it need not be readable. */
	{ DIRTY_AMDV1, 0x6000000123456001, 0x2000000123456001 },
	{ DIRTY_AMDV1, 0xf00000012345603f, 0xb00000012345603f },
	{ DIRTY_AMDV1, 0x6000000123456041, 0x6000000123456041 },
	{ DIRTY_AMDV1, 0x2000000123456001, 0x2000000123456001 },
	{ DIRTY_AMDV1, 0x4000000123456001, 0x0000000123456001 },
	/* Arm: DBM 51; AP[2] at stage 1 says clean, S2AP[1] at stage 2 dirty */
	{ DIRTY_ARMV8_S1_4K, 0x00080001234567c3, 0x00000001234567c3 },
	{ DIRTY_ARMV8_S1_4K, 0x0008000123456743, 0x0008000123456743 },
	{ DIRTY_ARMV8_S1_4K, 0x00000001234567c3, 0x00000001234567c3 },
	{ DIRTY_ARMV8_S2_4K, 0x0108000123456743, 0x0100000123456743 },
	{ DIRTY_ARMV8_S2_4K, 0x00080001234567c3, 0x00080001234567c3 },
	{ DIRTY_ARMV8_S2_4K, 0x0000000123456743, 0x0000000123456743 },
	/* Writable always, which is nothing that hardware tracks */
	{ DIRTY_ARMV8_S1_4K, 0x0000000123456743, 0x0000000123456743 },
};

static void words(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(examples); i++) {
		const struct dirty_format *format =
			dirty_formats + examples[i].format;
		unsigned long page = BIT(format->page_shift);
		struct iommu_dirty_read read;
		struct dirty_table table;
		bool revoked = (examples[i].was ^ examples[i].is) & ~0x200ULL;

		dirty_table_init(&table, format, format->min_level);
		dirty_source_fill(&table, 7 * page, format->page_shift, 3);
		dirty_table_find_leaves(&table);
		KUNIT_ASSERT_STREQ(test, table.wrong, "");
		*table.leaves[1].entry = examples[i].was;
		revoke_range(&table, &read, 8 * page, 9 * page - 1);
		KUNIT_EXPECT_EQ(test, *table.leaves[1].entry, examples[i].is);
		KUNIT_EXPECT_EQ(test, read.cleared <= read.cleared_last,
				revoked);
		dirty_table_free(&table);
	}
}

static bool word_dirty(const struct dirty_format *format, u64 word)
{
	return !(word & BIT_ULL(format->dirty)) == format->dirty_is_clear;
}

/* All words of a leaf are as they were, but for what is revoked, if it is */
static void expect_leaf(struct kunit *test, const struct dirty_table *table,
			const struct dirty_leaf *leaf, const u64 *was,
			bool inside, unsigned long *sizes)
{
	unsigned int i;

	for (i = 0; i < leaf->words; i++) {
		u64 want = was[i];

		if (inside && !word_dirty(table->format, want)) {
			want &= ~table->format->write;
			*sizes |= leaf->size;
		}
		if (leaf->entry[i] != want)
			KUNIT_FAIL(test, "word %u of leaf %#lx is %#llx, was %#llx",
				   i, leaf->iova, leaf->entry[i], was[i]);
	}
}

/* Driver and report find in the table what they should. */
static void expect_found(struct kunit *test, struct dirty_table *table,
			 const struct dirty_leaf *leaf, unsigned long *bits,
			 bool dirty)
{
	const struct dirty_driver *driver = table->source ?
					    table->source->driver : NULL;
	const unsigned int shift = dirty_small(table->format);
	unsigned long last = min(leaf->iova + leaf->size - 1,
				 leaf->iova + (BIT(shift + 14) - 1));
	struct iommu_dirty_log log = {
		.iova = leaf->iova, .last = last, .shift = shift,
		.page = { bits },
	};
	struct iommu_dirty_read read = {
		.log = &log, .last = last, .cleared = ~0UL,
	};
	unsigned long at = round_down(leaf->iova + leaf->size / 2, BIT(shift));

	memset(bits, 0, PAGE_SIZE);
	dirty_read_window(table, &read, leaf->iova, last);
	KUNIT_EXPECT_EQ_MSG(test, bits[0] & 1, dirty, "leaf %#lx", leaf->iova);
	if (driver)
		KUNIT_EXPECT_EQ_MSG(test, driver->phys(table, at),
				    (phys_addr_t)(at & table->format->phys),
				    "IOVA %#lx", at);
}

/* Some leaves of a table, all of each, are revoked. */
static void one_round(struct kunit *test, struct dirty_table *table,
		      unsigned long *bits)
{
	unsigned int first = dirty_random(table->nr), i, at = 0, nr = 0;
	unsigned int last = min(table->nr - 1,
				first + (unsigned int)dirty_random(100));
	unsigned long sizes = 0, want = 0;
	struct iommu_dirty_read read;
	u64 *was;

	/* What is in between is a hole, where nothing is walked. */
	for (i = first; i < last; i++)
		if (table->leaves[i].iova + table->leaves[i].size !=
		    table->leaves[i + 1].iova)
			last = i;
	for (i = 0; i < table->nr; i++)
		nr += table->leaves[i].words;
	was = kvcalloc(nr, sizeof(*was), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, was);
	for (i = 0; i < table->nr; at += table->leaves[i++].words)
		memcpy(was + at, table->leaves[i].entry,
		       table->leaves[i].words * sizeof(*was));

	revoke_range(table, &read, table->leaves[first].iova,
		     table->leaves[last].iova + table->leaves[last].size - 1);
	for (i = 0, at = 0; i < table->nr; at += table->leaves[i++].words) {
		const struct dirty_leaf *leaf = table->leaves + i;

		expect_leaf(test, table, leaf, was + at,
			    i >= first && i <= last, &want);
		if (i >= first && i <= last)
			expect_found(test, table, leaf, bits,
				     dirty_leaf_test(table, leaf));
	}
	if (read.cleared <= read.cleared_last)
		sizes = read.cleared_sizes;
	KUNIT_EXPECT_EQ(test, sizes, want);
	kvfree(was);
}

static void random_tables(struct kunit *test)
{
	const struct dirty_source *source = test->param_value;
	unsigned int rounds = dirty_random_begin(test), i, writes;
	unsigned long *bits = kunit_kmalloc(test, PAGE_SIZE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, bits);
	for (i = 0; i < rounds; i++) {
		struct dirty_table table;

		dirty_random_table(&table, source);
		KUNIT_EXPECT_STREQ(test, table.wrong, "");
		for (writes = dirty_random(64); writes && !*table.wrong; writes--)
			dirty_leaf_write(&table,
					 table.leaves + dirty_random(table.nr),
					 dirty_random(256));
		if (!*table.wrong)
			one_round(test, &table, bits);
		dirty_table_free(&table);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(words),
	KUNIT_CASE_PARAM(random_tables, dirty_source_next),
	{ }
};

static struct kunit_suite suite = {
	.name = "iommu-dirty-revoke",
	.test_cases = cases,
};

kunit_test_suite(suite);
