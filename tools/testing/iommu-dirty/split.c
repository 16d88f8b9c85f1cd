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
#include "util.h"

#define SMALL		(format->page_shift)
#define NR(size)	((size) >> SMALL)

static const struct format *format;

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

/**
 * struct one - a leaf by itself, to be split and joined
 * @table: where it is
 * @fresh: what that is in the beginning
 * @split: what a read splits it with
 * @shift: log2 of its size
 * @base: first IOVA
 * @last: last IOVA
 * @nr: pages of the smallest size
 * @page: IOVA of the one that is written
 * @bits: of the last report
 * @out: tables that were in use before
 */
struct one {
	struct table table;
	struct table fresh;
	struct iommu_dirty_split split;
	unsigned int shift;
	unsigned long base;
	unsigned long last;
	unsigned long nr;
	unsigned long page;
	unsigned long *bits;
	long out;
};

static void one_init(struct one *one, unsigned int shift)
{
	unsigned long size = BIT(shift);

	one->shift = shift;
	one->base = 2 * size;
	one->last = one->base + size - 1;
	one->nr = NR(size);
	one->page = one->base + (size / 2 + 5 * BIT(SMALL)) % size;
	one->bits = new_bits(format, size);
	one->out = stock_out;
	table_init(&one->table, format, format->max_level);
	table_init(&one->fresh, format, format->max_level);
	table_map(&one->table, one->base, shift);
	table_map(&one->fresh, one->base, shift);
	iommu_dirty_split_init(&one->split, false);
}

static void one_free(struct one *one)
{
	free(one->bits);
	table_free(&one->table);
	table_free(&one->fresh);
}

/* Reads all of it. Returns how many pages are reported. */
static unsigned long one_get(struct one *one, bool lazy)
{
	reshape_get(&one->table, one->base, one->last,
		    lazy ? &one->split : NULL, one->bits);
	return count(one->bits, one->nr);
}

/* Whole once, and then in ever smaller parts, while one page is written */
static void test_refine(struct one *one)
{
	unsigned int below = one->shift;
	bool right;

	ok(!one_get(one, true) && leaf_shift(&one->table, one->base) == below,
	   format, "2^%u: clean, nothing split", one->shift);

	dma(&one->table, one->page);
	right = one_get(one, true) == one->nr;
	below = leaf_shift(&one->table, one->page);
	ok(right && below < one->shift, format,
	   "2^%u: reported whole, split to 2^%u", one->shift, below);

	right = true;
	while (right && below > SMALL) {
		unsigned int was = below;

		dma(&one->table, one->page);
		right = one_get(one, true) == NR(BIT(was));
		below = leaf_shift(&one->table, one->page);
		right &= below < was;
	}
	ok(right, format, "2^%u: level by level", one->shift);
}

static void test_exact(struct one *one)
{
	unsigned long at;
	bool right;

	dma(&one->table, one->page);
	right = one_get(one, true) == 1;
	ok(right && bit_is_set(one->bits, NR(one->page - one->base)), format,
	   "2^%u: exact", one->shift);
	ok(!one_get(one, true), format, "2^%u: and clean", one->shift);

	for (right = true, at = one->base; at < one->last; at += BIT(SMALL))
		right &= translate(&one->table, at) == at;
	ok(right, format, "2^%u: translates as before", one->shift);
}

static void test_join(struct one *one)
{
	dma(&one->table, one->page);
	join_all(&one->table, 0, 2 * one->base - 1);
	ok(same_tables(&one->table, &one->fresh), format,
	   "2^%u: joined as it was", one->shift);
	ok(stock_out == one->out, format, "2^%u: no table left over",
	   one->shift);
	ok(one_get(one, false) == one->nr, format,
	   "2^%u: dirt survives joining", one->shift);
}

/* One leaf of each size: whole once, exact afterwards, and joined as it was */
static void test_sizes(void)
{
	const unsigned int *shift;
	struct one one;

	for (shift = format->shifts + 1; *shift && *shift <= 30; shift++) {
		one_init(&one, *shift);
		test_refine(&one);
		test_exact(&one);
		test_join(&one);
		one_free(&one);
	}
}

/* A read of part of a leaf reports the part and clears just that. */
static void test_part(void)
{
	const unsigned int *shift;

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
		ok(right, format, "2^%u: part of a leaf", *shift);
		free(bits);
		table_free(&table);
	}
}

/* Eager: everything is small afterwards, and as dirty as it was. */
static void test_eager(void)
{
	const unsigned int *shift;

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
		ok(leaf_shift(&table, base) == SMALL &&
		   leaf_shift(&table, base + 2 * size - 1) == SMALL,
		   format, "2^%u: eager, all small", *shift);
		reshape_get(&table, base, base + 2 * size - 1, NULL, bits);
		ok(!count(bits, nr) && count(bits, 2 * nr) == nr, format,
		   "2^%u: eager, dirt is kept", *shift);
		join_all(&table, base, base + 2 * size - 1);
		ok(same_tables(&table, &fresh), format,
		   "2^%u: eager, joined as it was", *shift);
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
		ok(hole, format, "2^%u: not joined with a hole", *shift);
		ok(right, format, "2^%u: nor with a bit changed", *shift);
		join_all(&table, size, 2 * size - 1);
		ok(same_tables(&table, &fresh), format,
		   "2^%u: but as it was", *shift);
		table_free(&table);
		table_free(&fresh);
	}
}

/* A leaf whose first or last page is not in the range stays as it is. */
static void test_cut(void)
{
	const unsigned int *shift;

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
		ok(first, format, "2^%u: not joined in part", *shift);
		ok(whole, format, "2^%u: joined whole", *shift);
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
	ok(same_tables(&table, &fresh), format,
	   "what was mapped small stays so");
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
	ok(count(bits, NR(size)) == NR(size), format,
	   "no memory: reported whole");
	ok(leaf_shift(&table, 0) == huge && !leaf_dirty(&table, table.leaves),
	   format, "no memory: cleared and huge");
	free(bits);
	table_free(&table);
}

int main(int argc, char **argv)
{
	unsigned int seed = argc > 1 ? strtoul(argv[1], NULL, 0) : time(NULL);
	unsigned int rounds = argc > 2 ? strtoul(argv[2], NULL, 0) : 30;
	const char *wrong;
	unsigned int i;

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
		ok(!wrong, format, "random splits, joins, writes and reads");
		ok(random_enough(format), format, "the device met them");
		stock_free();
	}
	return ok_end();
}
