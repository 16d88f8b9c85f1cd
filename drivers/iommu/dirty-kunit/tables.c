// SPDX-License-Identifier: GPL-2.0-only
/* The walker, on tables of every format: made by the test, and by the drivers */
#include <kunit/test.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/sizes.h>

#include "model.h"
#include "sources.h"

static void expect_good(struct kunit *test, struct dirty_table *table,
			const struct dirty_request *request, const char *what)
{
	const char *complaint = dirty_read_and_compare(table, request);

	KUNIT_EXPECT_TRUE_MSG(test, !complaint, "%s: %s", what, complaint);
}

/* The leaf is reported when it was written, once, and is clean again. */
static void test_leaf(struct kunit *test, struct dirty_table *table,
		      const struct dirty_leaf *leaf, unsigned int word)
{
	struct dirty_request request = {
		.iova = leaf->iova,
		.last = leaf->iova + leaf->size - 1,
		/* Few bits, so that the window is large */
		.granule = max(dirty_small(table->format), ilog2(leaf->size) - 9U),
		.window = 30,
	};

	KUNIT_EXPECT_FALSE(test, dirty_leaf_test(table, leaf));
	dirty_leaf_write(table, leaf, word);
	expect_good(test, table, &request, "written");
	KUNIT_EXPECT_TRUE(test, dirty_leaf_test(table, leaf));
	request.clear = true;
	expect_good(test, table, &request, "read");
	/* What is larger than a window is cleared in its last one. */
	KUNIT_EXPECT_FALSE(test, dirty_leaf_test(table, leaf));
	expect_good(test, table, &request, "read again");
}

/* Leaves of each size from @iova on, or a table of the smallest up to there */
static void test_leaves(struct kunit *test, const struct dirty_source *source,
			unsigned int level, unsigned long iova, bool top)
{
	const struct dirty_format *format = source->format;
	unsigned int i, step = top ? 73 : 1;
	struct dirty_table table;

	dirty_source_begin(&table, source, level);
	if (top)
		dirty_source_fill(&table, iova - BIT(dirty_huge(format)),
				  dirty_small(format), 1 << format->index_bits);
	for (i = 0; !top && format->shifts[i]; i++)
		dirty_source_fill(&table, round_up(iova + i * SZ_4G + 1,
						   BIT(format->shifts[i])),
				  format->shifts[i], 3);
	dirty_table_find_leaves(&table);

	for (i = 0; i < table.nr && !*table.wrong; i += step)
		test_leaf(test, &table, table.leaves + i, 3 * i);
	KUNIT_EXPECT_STREQ(test, table.wrong, "");
	dirty_table_free(&table);
}

/* At the bottom and the top of what a table covers, and in between */
static void leaves(struct kunit *test)
{
	static const unsigned int eighths[] = { 0, 1, 2, 3, 6, 7 };
	const struct dirty_source *source = test->param_value;
	unsigned int level = source->format->min_level, last_level, i;

	last_level = source->driver ? level : source->format->max_level;
	for (; level <= last_level; level++) {
		unsigned long eighth = BIT(dirty_source_bits(source, level) - 3);

		for (i = 0; i < ARRAY_SIZE(eighths); i++)
			test_leaves(test, source, level, eighths[i] * eighth,
				    false);
		test_leaves(test, source, level, 8 * eighth, true);
	}
}

/*
 * Ranges that begin and end at each edge of a word of the table. The bitmap
 * begins at ever other bytes and reaches over the end of a page.
 */
static void edges(struct kunit *test)
{
	const unsigned int at[] = {
		0, 1, 62, 63, 64, 127, 128, 447, 448, 510, 511,
	};
	const struct dirty_source *source = test->param_value;
	const unsigned int shift = dirty_small(source->format);
	unsigned int i, j, k, reads = 0;
	struct dirty_table table;

	dirty_source_begin(&table, source, source->format->max_level);
	dirty_source_fill(&table, 0, shift, 512);
	dirty_table_find_leaves(&table);
	for (i = 0; i < ARRAY_SIZE(at); i++) {
		for (j = i; j < ARRAY_SIZE(at) && !*table.wrong; j++) {
			struct dirty_request request = {
				.iova = (unsigned long)at[i] << shift,
				.last = ((at[j] + 1UL) << shift) - 1,
				.granule = shift,
				.window = 30,
				.offset = PAGE_SIZE - 9 + reads++ % 10,
				.clear = true,
			};

			for (k = 0; k < 512; k++)
				dirty_leaf_write(&table, table.leaves + k, 0);
			expect_good(test, &table, &request, "edges");
		}
	}
	KUNIT_EXPECT_STREQ(test, table.wrong, "");
	dirty_table_free(&table);
}

/* Write the only leaf when @arg windows have been read. */
static void write_late(struct dirty_model *model, void *arg)
{
	unsigned int *windows = arg;

	if (!--*windows)
		dirty_model_write(model, 0, 0);
}

/*
 * Hardware dirties a leaf of eight windows when some have been read and found
 * clean. Clearing it in the last one would lose those.
 */
static void between_windows(struct kunit *test)
{
	const struct dirty_source *source = test->param_value;
	const unsigned int shift = dirty_huge(source->format);
	struct dirty_table table;
	unsigned int after;

	dirty_source_begin(&table, source, source->format->max_level);
	dirty_table_map(&table, BIT(shift), shift);
	dirty_table_find_leaves(&table);
	for (after = 1; after < 8 && !*table.wrong; after++) {
		unsigned int windows = after;
		struct dirty_request request = {
			.iova = BIT(shift),
			.last = 2 * BIT(shift) - 1,
			.granule = dirty_small(source->format),
			.window = shift - 3,
			.clear = true,
			.between = write_late,
			.arg = &windows,
		};

		expect_good(test, &table, &request, "written meanwhile");
		KUNIT_EXPECT_TRUE(test, dirty_leaf_test(&table, table.leaves));
		request.between = NULL;
		expect_good(test, &table, &request, "read again");
		KUNIT_EXPECT_FALSE(test, dirty_leaf_test(&table, table.leaves));
	}
	KUNIT_EXPECT_STREQ(test, table.wrong, "");
	dirty_table_free(&table);
}

static void write_some(struct dirty_model *model, void *arg)
{
	unsigned int i;

	for (i = dirty_random(4); i; i--)
		dirty_model_write(model, dirty_random(model->table->nr), dirty_random(256));
}

static const char *random_read(struct dirty_table *table, unsigned long end)
{
	const unsigned int granules[] = { 12, 12, 12, 13, 16, 21, 11 };
	const unsigned int small = dirty_small(table->format);
	struct dirty_request request = {
		.granule = granules[dirty_random(ARRAY_SIZE(granules))],
		.offset = dirty_random(PAGE_SIZE),
		.clear = dirty_random(4),
		.between = dirty_random(2) ? write_some : NULL,
	};
	unsigned long size = BIT(max(request.granule, small));
	unsigned long iova = round_down(table->leaves[0].iova, SZ_1G);
	unsigned long pages = (end - iova) / size + 1;

	/* As in the core, a window has at most one page of bits. */
	request.window = min(20 + dirty_random(11), request.granule + 15UL);
	request.iova = iova + dirty_random(pages) * size;
	request.last = request.iova + (1 + dirty_random(min(pages, BIT(15)))) * size - 1;
	return dirty_read_and_compare(table, &request);
}

static void random_tables(struct kunit *test)
{
	const struct dirty_source *source = test->param_value;
	unsigned int i, reads, rounds;

	rounds = dirty_random_begin(test);
	for (i = 0; i < rounds; i++) {
		const char *complaint = NULL;
		struct dirty_table table;
		unsigned long end = dirty_random_table(&table, source);

		for (reads = 0; reads < 8 && !complaint && !*table.wrong;
		     reads++) {
			unsigned int writes = dirty_random(32);

			for (; writes; writes--)
				dirty_leaf_write(&table, table.leaves +
						 dirty_random(table.nr), dirty_random(256));
			complaint = random_read(&table, end);
		}
		KUNIT_EXPECT_TRUE_MSG(test, !complaint && !*table.wrong,
				      "table %u, read %u: %s", i, reads,
				      complaint ?: table.wrong);
		dirty_table_free(&table);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(leaves, dirty_source_next),
	KUNIT_CASE_PARAM(edges, dirty_source_next),
	KUNIT_CASE_PARAM(between_windows, dirty_source_next),
	KUNIT_CASE_PARAM(random_tables, dirty_source_next),
	{ }
};

static struct kunit_suite suite = {
	.name = "iommu-dirty-tables",
	.test_cases = cases,
};

kunit_test_suite(suite);
