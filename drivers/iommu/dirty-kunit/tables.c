// SPDX-License-Identifier: GPL-2.0-only
/*
 * The walker, on tables of every format: made by the test, and by the drivers
 *
 * Random tables are the same again for the same seed. It is printed; rounds is
 * the number of tables of each source.
 */
#include <kunit/test.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/sizes.h>

#include "model.h"

/* log2 of the sizes of leaves: the smallest, and that of level 2 */
#define SMALL(format)	((format)->page_shift)
#define HUGE(format)	((format)->page_shift + (format)->index_bits)

static unsigned long seed;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "seed of the random tables, 0 for a new one");

static unsigned int rounds = 4;
module_param(rounds, uint, 0444);
MODULE_PARM_DESC(rounds, "number of random tables of each source");

static const struct dirty_source own_sources[] = {
	{ .format = &dirty_formats[DIRTY_VTDSS] },
	{ .format = &dirty_formats[DIRTY_AMDV1] },
	{ .format = &dirty_formats[DIRTY_ARMV8_S1_4K] },
	{ .format = &dirty_formats[DIRTY_ARMV8_S2_4K] },
	{ .format = &dirty_formats[DIRTY_ARMV8_S1_16K] },
	{ .format = &dirty_formats[DIRTY_ARMV8_S2_16K] },
	{ .format = &dirty_formats[DIRTY_ARMV8_S1_64K] },
	{ .format = &dirty_formats[DIRTY_ARMV8_S2_64K] },
	{ }
};

static const struct dirty_source *const all_sources[] = {
	own_sources,
#ifdef CONFIG_INTEL_IOMMU
	dirty_vtd_sources,
#endif
#ifdef CONFIG_AMD_IOMMU
	dirty_amd_sources,
#endif
#if IS_BUILTIN(CONFIG_ARM_SMMU_V3)
	dirty_smmuv3_sources,
#endif
};

static const void *next_source(const void *prev, char *desc)
{
	const struct dirty_source *source = NULL;
	unsigned int i = 0;

	if (!prev)
		source = all_sources[0];
	for (; !source && i < ARRAY_SIZE(all_sources); i++) {
		const struct dirty_source *at = all_sources[i];

		while (at->format && at != prev)
			at++;
		if (!at->format)
			continue;
		source = at + 1;
		if (source->format)
			break;
		if (i + 1 == ARRAY_SIZE(all_sources))
			return NULL;
		source = all_sources[i + 1];
	}
	strscpy(desc, source->driver ? source->name : source->format->name,
		KUNIT_PARAM_DESC_SIZE);
	return source;
}

static void begin(struct dirty_table *table, const struct dirty_source *source,
		  unsigned int level)
{
	if (source->driver)
		dirty_table_init_driver(table, source);
	else
		dirty_table_init(table, source->format, level);
}

static void fill(struct dirty_table *table, unsigned long iova,
		 unsigned int shift, unsigned int nr)
{
	for (; nr; nr--, iova += 1UL << shift)
		dirty_table_map(table, iova, shift);
}

/* log2 of what the table covers. Six levels of 9 bits go beyond 64. */
static unsigned int top_bits(const struct dirty_source *source,
			     unsigned int level)
{
	const struct dirty_format *format = source->format;

	if (source->driver)
		return source->top_bits;
	return min(format->page_shift + level * format->index_bits, 63U);
}

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
		.granule = max(SMALL(table->format), ilog2(leaf->size) - 9U),
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

	begin(&table, source, level);
	if (top)
		fill(&table, iova - BIT(HUGE(format)), SMALL(format),
		     1 << format->index_bits);
	for (i = 0; !top && format->shifts[i]; i++)
		fill(&table, round_up(iova + i * SZ_4G + 1,
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
		unsigned long eighth = BIT(top_bits(source, level) - 3);

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
	const unsigned int shift = SMALL(source->format);
	unsigned int i, j, k, reads = 0;
	struct dirty_table table;

	begin(&table, source, source->format->max_level);
	fill(&table, 0, shift, 512);
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
	const unsigned int shift = HUGE(source->format);
	struct dirty_table table;
	unsigned int after;

	begin(&table, source, source->format->max_level);
	dirty_table_map(&table, BIT(shift), shift);
	dirty_table_find_leaves(&table);
	for (after = 1; after < 8 && !*table.wrong; after++) {
		unsigned int windows = after;
		struct dirty_request request = {
			.iova = BIT(shift),
			.last = 2 * BIT(shift) - 1,
			.granule = SMALL(source->format),
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

static struct rnd_state rnd_state;

static unsigned long rnd(unsigned long below)
{
	u64 high = prandom_u32_state(&rnd_state);

	return (high << 32 | prandom_u32_state(&rnd_state)) % below;
}

static void write_some(struct dirty_model *model, void *arg)
{
	unsigned int i;

	for (i = rnd(4); i; i--)
		dirty_model_write(model, rnd(model->table->nr), rnd(256));
}

/* Returns the end of what is mapped, whose beginning is the first leaf's. */
static unsigned long random_table(struct dirty_table *table,
				  const struct dirty_source *source)
{
	const struct dirty_format *format = source->format;
	unsigned int level = format->min_level +
			     rnd(format->max_level - format->min_level + 1);
	unsigned int bits = top_bits(source, level), sizes = 0;
	unsigned int pieces = 1 + rnd(6);
	unsigned long iova = rnd(4) * SZ_1G;

	while (format->shifts[sizes])
		sizes++;
	if (bits > 38 && rnd(2))
		iova += rnd(BIT(bits) - 64UL * SZ_1G) & ~(SZ_1G - 1UL);

	begin(table, source, level);
	while (pieces--) {
		unsigned int shift = rnd(3) ? format->shifts[rnd(sizes)] :
					      SMALL(format);
		unsigned int nr = 1 + rnd(shift < 18 ? 1000 :
					  shift < 26 ? 20 : 2);

		if (!rnd(3))
			iova += rnd(2000) << SMALL(format);
		if (iova)
			iova = round_up(iova, BIT(shift));
		fill(table, iova, shift, nr);
		iova += (unsigned long)nr << shift;
	}
	dirty_table_find_leaves(table);
	return iova;
}

static const char *random_read(struct dirty_table *table, unsigned long end)
{
	const unsigned int granules[] = { 12, 12, 12, 13, 16, 21, 11 };
	const unsigned int small = SMALL(table->format);
	struct dirty_request request = {
		.granule = granules[rnd(ARRAY_SIZE(granules))],
		.offset = rnd(PAGE_SIZE),
		.clear = rnd(4),
		.between = rnd(2) ? write_some : NULL,
	};
	unsigned long size = BIT(max(request.granule, small));
	unsigned long iova = round_down(table->leaves[0].iova, SZ_1G);
	unsigned long pages = (end - iova) / size + 1;

	/* As in the core, a window has at most one page of bits. */
	request.window = min(20 + rnd(11), request.granule + 15UL);
	request.iova = iova + rnd(pages) * size;
	request.last = request.iova + (1 + rnd(min(pages, BIT(15)))) * size - 1;
	return dirty_read_and_compare(table, &request);
}

static void random_tables(struct kunit *test)
{
	const struct dirty_source *source = test->param_value;
	unsigned int i, reads;

	if (!seed)
		seed = get_random_u32() | 1;
	kunit_info(test, "seed=%lu rounds=%u\n", seed, rounds);
	prandom_seed_state(&rnd_state, seed);

	for (i = 0; i < rounds; i++) {
		const char *complaint = NULL;
		struct dirty_table table;
		unsigned long end = random_table(&table, source);

		for (reads = 0; reads < 8 && !complaint && !*table.wrong;
		     reads++) {
			unsigned int writes = rnd(32);

			for (; writes; writes--)
				dirty_leaf_write(&table, table.leaves +
						 rnd(table.nr), rnd(256));
			complaint = random_read(&table, end);
		}
		KUNIT_EXPECT_TRUE_MSG(test, !complaint && !*table.wrong,
				      "table %u, read %u: %s", i, reads,
				      complaint ?: table.wrong);
		dirty_table_free(&table);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(leaves, next_source),
	KUNIT_CASE_PARAM(edges, next_source),
	KUNIT_CASE_PARAM(between_windows, next_source),
	KUNIT_CASE_PARAM(random_tables, next_source),
	{ }
};

static struct kunit_suite suite = {
	.name = "iommu-dirty-tables",
	.test_cases = cases,
};

kunit_test_suite(suite);
