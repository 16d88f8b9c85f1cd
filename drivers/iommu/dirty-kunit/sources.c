// SPDX-License-Identifier: GPL-2.0-only
/* Where the tests on tables get them from, see sources.h */
#include <kunit/test.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/sizes.h>

#include "sources.h"

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

/**
 * dirty_source_next() - what KUNIT_CASE_PARAM() takes: each source in turn
 * @prev: the last one, NULL for the first
 * @desc: filled in with its name
 *
 * Return: the source, or NULL.
 */
const void *dirty_source_next(const void *prev, char *desc)
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

/**
 * dirty_source_begin() - make an empty table
 * @table: filled in
 * @source: whose
 * @level: level of its root, if the test makes it
 */
void dirty_source_begin(struct dirty_table *table,
			const struct dirty_source *source, unsigned int level)
{
	if (source->driver)
		dirty_table_init_driver(table, source);
	else
		dirty_table_init(table, source->format, level);
}

/**
 * dirty_source_fill() - map several leaves, one behind the other
 * @table: the table
 * @iova: first IOVA
 * @shift: log2 of their size
 * @nr: how many
 */
void dirty_source_fill(struct dirty_table *table, unsigned long iova,
		       unsigned int shift, unsigned int nr)
{
	for (; nr; nr--, iova += 1UL << shift)
		dirty_table_map(table, iova, shift);
}

/**
 * dirty_source_bits() - how much a table covers
 * @source: who makes it
 * @level: level of its root
 *
 * Return: log2 of it.
 */
unsigned int dirty_source_bits(const struct dirty_source *source,
			       unsigned int level)
{
	const struct dirty_format *format = source->format;

	if (source->driver)
		return source->top_bits;
	/* Six levels of 9 bits go beyond 64. */
	return min(format->page_shift + level * format->index_bits, 63U);
}

static struct rnd_state rnd_state;

/**
 * dirty_random_begin() - before the first random number of a test
 * @test: the test, which says what the seed is
 *
 * Return: how many tables to make.
 */
unsigned int dirty_random_begin(struct kunit *test)
{
	if (!seed)
		seed = get_random_u32() | 1;
	kunit_info(test, "seed=%lu rounds=%u\n", seed, rounds);
	prandom_seed_state(&rnd_state, seed);
	return rounds;
}

/**
 * dirty_random() - the next random number
 * @below: what it is below
 *
 * Return: the number.
 */
unsigned long dirty_random(unsigned long below)
{
	u64 high = prandom_u32_state(&rnd_state);

	return (high << 32 | prandom_u32_state(&rnd_state)) % below;
}

/**
 * dirty_random_table() - make a table of any leaves, with holes
 * @table: filled in
 * @source: whose
 *
 * Return: the end of what is mapped, whose beginning is the first leaf's.
 */
unsigned long dirty_random_table(struct dirty_table *table,
				 const struct dirty_source *source)
{
	const struct dirty_format *format = source->format;
	unsigned int level = format->min_level +
			     dirty_random(format->max_level - format->min_level + 1);
	unsigned int bits = dirty_source_bits(source, level), sizes = 0;
	unsigned int pieces = 1 + dirty_random(6);
	unsigned long iova = dirty_random(4) * SZ_1G;

	while (format->shifts[sizes])
		sizes++;
	if (bits > 38 && dirty_random(2))
		iova += dirty_random(BIT(bits) - 64UL * SZ_1G) & ~(SZ_1G - 1UL);

	dirty_source_begin(table, source, level);
	while (pieces--) {
		unsigned int shift = dirty_random(3) ? format->shifts[dirty_random(sizes)] :
					      dirty_small(format);
		unsigned int nr = 1 + dirty_random(shift < 18 ? 1000 :
					  shift < 26 ? 20 : 2);

		if (!dirty_random(3))
			iova += dirty_random(2000) << dirty_small(format);
		if (iova)
			iova = round_up(iova, BIT(shift));
		dirty_source_fill(table, iova, shift, nr);
		iova += (unsigned long)nr << shift;
	}
	dirty_table_find_leaves(table);
	return iova;
}

