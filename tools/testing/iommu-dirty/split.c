// SPDX-License-Identifier: GPL-2.0-only
/*
 * Splitting and joining, on tables of every format
 *
 * Hardware is played by a walk of its own, by the specification: before and
 * after, one leaf of each size; and, with caches, at each step of random splits,
 * joins and reads. What it translates to must never change, what it marks must be
 * reported, and what it did not mark must not, from the second report on.
 *
 * usage: split [SEED [ROUNDS [FORMAT]]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "iommu-dirty-log.h"
#include "reshape.h"
#include "split_random.h"

#define SMALL		(format->page_shift)
#define NR(size)	((size) >> SMALL)

static const struct format *format;
static unsigned int tests, failures;

static void ok(bool good, const char *name)
{
	failures += !good;
	printf("%sok %u %s: %s\n", good ? "" : "not ", ++tests, format->name,
	       name);
}

static unsigned long count(const unsigned long *bits, unsigned long nr)
{
	unsigned long i, sum = 0;

	for (i = 0; i < nr; i++)
		sum += bit_is_set(bits, i);
	return sum;
}

/* A device writes: the word that it comes through is marked. */
static void dma(const struct table *table, unsigned long iova)
{
	unsigned int level;
	u64 *word = table_word(table, iova, &level);

	*word |= BIT_ULL(format->accessed);
	if (word_dirty(format, *word))
		return;
	*word ^= BIT_ULL(format->dirty);
}

/* Where @iova leads: tables are made so that it is itself. */
static unsigned long translate(const struct table *table, unsigned long iova)
{
	unsigned int shift = leaf_shift(table, iova), level;
	u64 word = *table_word(table, iova, &level) & format->address;

	return (word & ~(BIT(shift) - 1)) | (iova & (BIT(shift) - 1));
}

/* One leaf of each size: whole once, exact afterwards, and joined as it was */
static void test_sizes(void)
{
	const unsigned int *shift;
	char name[80];

	for (shift = format->shifts + 1; *shift && *shift <= 30; shift++) {
		unsigned long size = BIT(*shift), base = 2 * size, last;
		unsigned long page = base + (size / 2 + 5 * BIT(SMALL)) % size;
		unsigned long *bits = new_bits(format, size), nr = NR(size), i;
		struct table table, fresh;
		struct iommu_dirty_split split;
		unsigned int below;
		bool right = true;
		long out;

		last = base + size - 1;
		table_init(&table, format, format->max_level);
		table_init(&fresh, format, format->max_level);
		table_map(&table, base, *shift);
		table_map(&fresh, base, *shift);
		iommu_dirty_split_init(&split, false);
		out = stock_out;

		reshape_get(&table, base, last, &split, bits);
		snprintf(name, sizeof(name), "2^%u: clean, nothing split", *shift);
		ok(!count(bits, nr) && leaf_shift(&table, base) == *shift, name);

		dma(&table, page);
		reshape_get(&table, base, last, &split, bits);
		below = leaf_shift(&table, page);
		snprintf(name, sizeof(name), "2^%u: reported whole, split to 2^%u",
			 *shift, below);
		ok(count(bits, nr) == nr && below < *shift, name);

		while (below > SMALL) {
			unsigned int was = below;

			dma(&table, page);
			reshape_get(&table, base, last, &split, bits);
			below = leaf_shift(&table, page);
			right &= count(bits, nr) == NR(BIT(was)) && below < was;
		}
		snprintf(name, sizeof(name), "2^%u: level by level", *shift);
		ok(right, name);

		dma(&table, page);
		reshape_get(&table, base, last, &split, bits);
		snprintf(name, sizeof(name), "2^%u: exact", *shift);
		ok(count(bits, nr) == 1 && bit_is_set(bits, NR(page - base)), name);
		reshape_get(&table, base, last, &split, bits);
		snprintf(name, sizeof(name), "2^%u: and clean", *shift);
		ok(!count(bits, nr), name);

		for (right = true, i = 0; i < nr; i++)
			right &= translate(&table, base + (i << SMALL)) ==
				 base + (i << SMALL);
		snprintf(name, sizeof(name), "2^%u: translates as before", *shift);
		ok(right, name);

		dma(&table, page);
		join_all(&table, 0, 4 * size - 1);
		snprintf(name, sizeof(name), "2^%u: joined as it was", *shift);
		ok(same_tables(&table, &fresh), name);
		snprintf(name, sizeof(name), "2^%u: no table left over", *shift);
		ok(stock_out == out, name);
		reshape_get(&table, base, last, NULL, bits);
		snprintf(name, sizeof(name), "2^%u: dirt survives joining", *shift);
		ok(count(bits, nr) == nr, name);

		free(bits);
		table_free(&table);
		table_free(&fresh);
	}
}

/* A read of part of a leaf reports the part and clears just that. */
static void test_part(void)
{
	const unsigned int *shift;
	char name[80];

	for (shift = format->shifts + 1; *shift && *shift <= 30; shift++) {
		unsigned long size = BIT(*shift), nr = NR(size), base = 4 * size;
		unsigned long from, to, *bits = new_bits(format, size), i;
		struct iommu_dirty_split split;
		struct table table;
		bool right = true;

		from = base + (nr / 4 << SMALL);
		to = base + ((nr / 2 + 1) << SMALL) - 1;
		table_init(&table, format, format->max_level);
		table_map(&table, base, *shift);
		dma(&table, base);
		iommu_dirty_split_init(&split, false);
		reshape_get(&table, from, to, &split, bits);
		right = count(bits, NR(to + 1 - from)) == NR(to + 1 - from);
		reshape_get(&table, base, base + size - 1, NULL, bits);
		for (i = 0; i < nr; i++) {
			unsigned long at = base + (i << SMALL);
			unsigned long child = at & ~(BIT(leaf_shift(&table, at)) - 1);
			unsigned long child_last = child +
				BIT(leaf_shift(&table, at)) - 1;

			right &= bit_is_set(bits, i) ==
				 !(child >= from && child_last <= to);
		}
		snprintf(name, sizeof(name), "2^%u: part of a leaf", *shift);
		ok(right, name);
		free(bits);
		table_free(&table);
	}
}

/* Eager: everything is small afterwards, and as dirty as it was. */
static void test_eager(void)
{
	const unsigned int *shift;
	char name[80];

	for (shift = format->shifts + 1; *shift && *shift <= 30; shift++) {
		unsigned long size = BIT(*shift), nr = NR(size), base = 4 * size;
		unsigned long *bits = new_bits(format, 2 * size);
		struct table table, fresh;

		table_init(&table, format, format->max_level);
		table_init(&fresh, format, format->max_level);
		table_map(&table, base, *shift);
		table_map(&table, base + size, *shift);
		table_map(&fresh, base, *shift);
		table_map(&fresh, base + size, *shift);
		dma(&table, base + size + size / 2);
		split_all(&table, base, base + 2 * size - 1);
		snprintf(name, sizeof(name), "2^%u: eager, all small", *shift);
		ok(leaf_shift(&table, base) == SMALL &&
		   leaf_shift(&table, base + 2 * size - 1) == SMALL, name);
		reshape_get(&table, base, base + 2 * size - 1, NULL, bits);
		snprintf(name, sizeof(name), "2^%u: eager, dirt is kept", *shift);
		ok(!count(bits, nr) && count(bits, 2 * nr) == nr, name);
		join_all(&table, base, base + 2 * size - 1);
		snprintf(name, sizeof(name), "2^%u: eager, joined as it was", *shift);
		ok(same_tables(&table, &fresh), name);
		free(bits);
		table_free(&table);
		table_free(&fresh);
	}
}

/* Is what a leaf was split into joined, if one word of it is @word? */
static bool joined_with(struct table *table, unsigned long base,
			unsigned long page, u64 word)
{
	unsigned long last = base + 2 * BIT(SMALL + format->index_bits) - 1;
	unsigned long neighbour = base + ((page ^ 1) << SMALL);
	unsigned int level;
	u64 *at = table_word(table, base + (page << SMALL), &level), was = *at;
	bool joined;

	*at = word;
	join_all(table, 0, last);
	joined = leaf_shift(table, neighbour) > SMALL;
	/* What was joined is not what it was. */
	if (!joined)
		*at = was;
	return joined;
}

/* Each bit of a word that was changed, but for two, makes it another's. */
static void test_changed(void)
{
	const u64 ad = BIT_ULL(format->accessed) | BIT_ULL(format->dirty);
	const unsigned int *shift;
	char name[80];

	for (shift = format->shifts + 1; *shift &&
	     *shift <= SMALL + format->index_bits; shift++) {
		unsigned long size = BIT(*shift), nr = NR(size);
		unsigned long pages[] = { 0, nr / 2, nr - 1 }, i;
		bool right = true, hole = true;
		struct table table, fresh;
		unsigned int bit;

		table_init(&table, format, format->max_level);
		table_init(&fresh, format, format->max_level);
		table_map(&table, size, *shift);
		table_map(&fresh, size, *shift);
		split_all(&table, size, 2 * size - 1);
		for (i = 0; right && hole && i < 3; i++) {
			unsigned long at = size + (pages[i] << SMALL);
			u64 word = *table_word(&table, at, &bit);

			hole = !joined_with(&table, size, pages[i], 0);
			for (bit = 0; right && bit < 64; bit++)
				right = BIT_ULL(bit) & ad ||
					!joined_with(&table, size, pages[i],
						     word ^ BIT_ULL(bit));
		}
		snprintf(name, sizeof(name), "2^%u: not joined with a hole", *shift);
		ok(hole, name);
		snprintf(name, sizeof(name), "2^%u: nor with a bit changed", *shift);
		ok(right, name);
		join_all(&table, size, 2 * size - 1);
		snprintf(name, sizeof(name), "2^%u: but as it was", *shift);
		ok(same_tables(&table, &fresh), name);
		table_free(&table);
		table_free(&fresh);
	}
}

/* A leaf whose first or last page is not in the range stays as it is. */
static void test_cut(void)
{
	const unsigned int *shift;
	char name[80];

	for (shift = format->shifts + 1; *shift && *shift <= 30; shift++) {
		unsigned long size = BIT(*shift), base = 4 * size, last;
		struct table table;
		bool first, whole;

		last = base + size - 1;
		table_init(&table, format, format->max_level);
		table_map(&table, base, *shift);
		split_all(&table, base, last);
		join_all(&table, base + BIT(SMALL), last);
		first = leaf_shift(&table, base) < *shift;
		join_all(&table, base, last - BIT(SMALL));
		first &= leaf_shift(&table, last) < *shift;
		join_all(&table, base, last);
		whole = leaf_shift(&table, base) == *shift;
		snprintf(name, sizeof(name), "2^%u: not joined in part", *shift);
		ok(first, name);
		snprintf(name, sizeof(name), "2^%u: joined whole", *shift);
		ok(whole, name);
		table_free(&table);
	}
}

/* What was mapped small is not joined, contiguous though it be. */
static void test_small(void)
{
	unsigned int huge = SMALL + format->index_bits, i;
	struct table table, fresh;

	table_init(&table, format, format->max_level);
	table_init(&fresh, format, format->max_level);
	for (i = 0; i < 1U << format->index_bits; i++) {
		table_map(&table, (u64)i << SMALL, SMALL);
		table_map(&fresh, (u64)i << SMALL, SMALL);
	}
	split_all(&table, 0, BIT(huge) - 1);
	join_all(&table, 0, BIT(huge) - 1);
	ok(same_tables(&table, &fresh), "what was mapped small stays so");
	table_free(&table);
	table_free(&fresh);
}

/* Nothing to split with: reported whole, cleared, huge as it was */
static void test_no_memory(void)
{
	unsigned int huge = SMALL + format->index_bits;
	unsigned long size = BIT(huge), *bits = new_bits(format, size);
	struct iommu_dirty_split split;
	struct iommu_dirty_log log = {
		.last = size - 1, .shift = SMALL,
		.page = { bits, bits + PAGE_SIZE / sizeof(*bits) },
	};
	struct iommu_dirty_read read = {
		.log = &log, .clear = true, .last = size - 1,
		.shape = &split.shape, .cleared = ~0UL,
	};
	struct table table;

	memset(bits, 0, NR(size) / 8 + 8);
	table_init(&table, format, format->max_level);
	table_map(&table, 0, huge);
	dma(&table, 0);
	iommu_dirty_split_init(&split, false);
	format->walk(table.root, table.level, &read, 0, size - 1);
	ok(count(bits, NR(size)) == NR(size), "no memory: reported whole");
	ok(leaf_shift(&table, 0) == huge && !leaf_dirty(&table, table.leaves),
	   "no memory: cleared and huge");
	free(bits);
	table_free(&table);
}

int main(int argc, char **argv)
{
	unsigned int seed = argc > 1 ? strtoul(argv[1], NULL, 0) : time(NULL);
	unsigned int rounds = argc > 2 ? strtoul(argv[2], NULL, 0) : 30;
	const char *wrong;
	unsigned int i;

	setvbuf(stdout, NULL, _IOLBF, 0);

	printf("TAP version 13\n# seed %u\n", seed);
	for (format = formats; format < formats + nr_formats; format++) {
		if (argc > 3 && strcmp(argv[3], format->name))
			continue;
		test_sizes();
		test_part();
		test_eager();
		test_changed();
		test_cut();
		test_small();
		test_no_memory();
		for (wrong = NULL, i = 0; !wrong && i < rounds; i++)
			wrong = random_round(format, (unsigned long)seed << 20 | i);
		if (wrong)
			printf("# round %u: %s\n", i - 1, wrong);
		ok(!wrong, "random splits, joins, writes and reads");
		ok(random_enough(format), "the device met them");
		stock_free();
	}
	printf("1..%u\n", tests);
	return failures != 0;
}
