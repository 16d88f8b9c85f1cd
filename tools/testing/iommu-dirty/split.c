// SPDX-License-Identifier: GPL-2.0-only
/*
 * Splitting and joining, on tables of every format
 *
 * Hardware is played by a walk of its own, by the specification, before and
 * after: what it translates to must never change, what it marks must be
 * reported, and what it did not mark must not, from the second report on.
 *
 * usage: split [SEED [ROUNDS]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "iommu-dirty-log.h"
#include "reshape.h"

#define WINDOW		27
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

/* A read of the mapped range, which has no holes: bits for the smallest leaves */
static void get(struct table *table, unsigned long iova, unsigned long last,
		struct iommu_dirty_split *split, unsigned long *bits)
{
	struct iommu_dirty_log log = { .iova = iova, .shift = SMALL };
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

	memset(bits, 0, NR(last - iova + 1) / 8 + 8);
	for (;;) {
		unsigned long bit = NR(iova - first);

		if (split)
			stock_fill(split, format, 4);
		log.iova = iova;
		log.last = min(last, iova | (BIT(WINDOW) - 1));
		log.bit = bit % IOMMU_DIRTY_LOG_PAGE_BITS;
		log.page[0] = bits + bit / IOMMU_DIRTY_LOG_PAGE_BITS *
				     (PAGE_SIZE / sizeof(*bits));
		log.page[1] = log.page[0] + PAGE_SIZE / sizeof(*bits);
		table->format->walk(table->root, table->level, &read, iova,
				    log.last);
		if (log.last == last)
			break;
		iova = log.last + 1;
	}
	if (split)
		stock_empty(split);
}

static bool test_bit(const unsigned long *bits, unsigned long nr)
{
	return bits[nr / 64] >> nr % 64 & 1;
}

static unsigned long count(const unsigned long *bits, unsigned long nr)
{
	unsigned long i, sum = 0;

	for (i = 0; i < nr; i++)
		sum += test_bit(bits, i);
	return sum;
}

static bool is_dirty(u64 word)
{
	return !(word & BIT_ULL(format->dirty)) == format->dirty_is_clear;
}

/* A device writes: the word that it comes through is marked. */
static void dma(const struct table *table, unsigned long iova)
{
	unsigned int level;
	u64 *word = table_word(table, iova, &level);

	*word |= BIT_ULL(format->accessed);
	if (is_dirty(*word))
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

/* Compare two tables word by word but for accessed and dirty bits. */
static bool same_tables(const u64 *a, const u64 *b, unsigned int level)
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
		} else if (!same_tables((u64 *)(uintptr_t)(a[i] & format->address),
					(u64 *)(uintptr_t)(b[i] & format->address),
					level - 1)) {
			return false;
		}
	}
	return true;
}

static unsigned long *new_bits(unsigned long size)
{
	return aligned_alloc(PAGE_SIZE, round_up(NR(size) / 8, PAGE_SIZE) +
					2 * PAGE_SIZE);
}

/* One leaf of each size: whole once, exact afterwards, and joined as it was */
static void test_sizes(void)
{
	const unsigned int *shift;
	char name[80];

	for (shift = format->shifts + 1; *shift && *shift <= 30; shift++) {
		unsigned long size = BIT(*shift), base = 2 * size, last;
		unsigned long page = base + (size / 2 + 5 * BIT(SMALL)) % size;
		unsigned long *bits = new_bits(size), nr = NR(size), i;
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

		get(&table, base, last, &split, bits);
		snprintf(name, sizeof(name), "2^%u: clean, nothing split", *shift);
		ok(!count(bits, nr) && leaf_shift(&table, base) == *shift, name);

		dma(&table, page);
		get(&table, base, last, &split, bits);
		below = leaf_shift(&table, page);
		snprintf(name, sizeof(name), "2^%u: reported whole, split to 2^%u",
			 *shift, below);
		ok(count(bits, nr) == nr && below < *shift, name);

		while (below > SMALL) {
			unsigned int was = below;

			dma(&table, page);
			get(&table, base, last, &split, bits);
			below = leaf_shift(&table, page);
			right &= count(bits, nr) == NR(BIT(was)) && below < was;
		}
		snprintf(name, sizeof(name), "2^%u: level by level", *shift);
		ok(right, name);

		dma(&table, page);
		get(&table, base, last, &split, bits);
		snprintf(name, sizeof(name), "2^%u: exact", *shift);
		ok(count(bits, nr) == 1 && test_bit(bits, NR(page - base)), name);
		get(&table, base, last, &split, bits);
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
		ok(same_tables(table.root, fresh.root, table.level), name);
		snprintf(name, sizeof(name), "2^%u: no table left over", *shift);
		ok(stock_out == out, name);
		get(&table, base, last, NULL, bits);
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
		unsigned long from, to, *bits = new_bits(size), i;
		struct iommu_dirty_split split;
		struct table table;
		bool right = true;

		from = base + (nr / 4 << SMALL);
		to = base + ((nr / 2 + 1) << SMALL) - 1;
		table_init(&table, format, format->max_level);
		table_map(&table, base, *shift);
		dma(&table, base);
		iommu_dirty_split_init(&split, false);
		get(&table, from, to, &split, bits);
		right = count(bits, NR(to + 1 - from)) == NR(to + 1 - from);
		get(&table, base, base + size - 1, NULL, bits);
		for (i = 0; i < nr; i++) {
			unsigned long at = base + (i << SMALL);
			unsigned long child = at & ~(BIT(leaf_shift(&table, at)) - 1);
			unsigned long child_last = child +
				BIT(leaf_shift(&table, at)) - 1;

			right &= test_bit(bits, i) ==
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
		unsigned long *bits = new_bits(2 * size);
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
		get(&table, base, base + 2 * size - 1, NULL, bits);
		snprintf(name, sizeof(name), "2^%u: eager, dirt is kept", *shift);
		ok(!count(bits, nr) && count(bits, 2 * nr) == nr, name);
		join_all(&table, base, base + 2 * size - 1);
		snprintf(name, sizeof(name), "2^%u: eager, joined as it was", *shift);
		ok(same_tables(table.root, fresh.root, table.level), name);
		free(bits);
		table_free(&table);
		table_free(&fresh);
	}
}

/* What was mapped small is not joined, nor what is not whole. */
static void test_not_joined(void)
{
	unsigned int huge = SMALL + format->index_bits, i;
	unsigned long size = BIT(huge);
	struct table table, fresh;
	u64 *word;

	table_init(&table, format, format->max_level);
	table_init(&fresh, format, format->max_level);
	for (i = 0; i < 1U << format->index_bits; i++) {
		table_map(&table, ((u64)i << SMALL), SMALL);
		table_map(&fresh, ((u64)i << SMALL), SMALL);
	}
	table_map(&table, size, huge);
	split_all(&table, 0, 2 * size - 1);
	join_all(&table, 0, size - 1);
	ok(same_tables(table.root, fresh.root, table.level) ==
	   false && leaf_shift(&table, 0) == SMALL,
	   "what was mapped small stays so");
	join_all(&table, size, 2 * size - 1 - BIT(SMALL));
	ok(leaf_shift(&table, size) == SMALL, "a range short by a page joins nothing");
	word = table_word(&table, size + 3 * BIT(SMALL), &i);
	*word = 0;
	join_all(&table, 0, 4 * size - 1);
	ok(leaf_shift(&table, size) == SMALL, "a table with a hole stays");
	*word = format->leaf(size + 3 * BIT(SMALL), SMALL);
	join_all(&table, 0, 4 * size - 1);
	ok(leaf_shift(&table, size) == SMALL,
	   "a table with a page mapped since stays");
	table_free(&table);
	table_free(&fresh);
}

/* Nothing to split with: reported whole, cleared, huge as it was */
static void test_no_memory(void)
{
	unsigned int huge = SMALL + format->index_bits;
	unsigned long size = BIT(huge), *bits = new_bits(size);
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

struct rig {
	struct table table;
	unsigned long base, size;
	bool *written;		/* since the last report of the page */
	unsigned long *bits;
};

/* Judge a read: nothing lost, and beyond leaves' size nothing invented. */
static bool judge(struct rig *rig, unsigned long iova, unsigned long last,
		  const unsigned char *shifts, const bool *marked)
{
	unsigned long i, j;

	for (i = NR(iova - rig->base); i <= NR(last - rig->base); i++) {
		bool set = test_bit(rig->bits, i - NR(iova - rig->base));
		unsigned long nr = NR(BIT(shifts[i])), first = i & ~(nr - 1);
		bool reason = false;

		if (rig->written[i] && !set)
			return false;
		for (j = first; j < first + nr; j++)
			reason |= marked[j];
		if (set && !reason)
			return false;
		rig->written[i] = false;
	}
	return true;
}

/* Random leaves, writes, reads of parts, splits and joins */
static bool random_round(void)
{
	const unsigned int huge = SMALL + format->index_bits;
	unsigned long nr, i, at, op;
	struct rig rig = { .size = BIT(huge + 3), .base = BIT(huge + 4) };
	struct table fresh;
	unsigned char *shifts;
	bool *marked, good = true;

	nr = NR(rig.size);
	rig.bits = new_bits(rig.size);
	rig.written = calloc(nr, 1);
	shifts = calloc(nr, 1);
	marked = calloc(nr, 1);
	table_init(&rig.table, format, format->max_level);
	table_init(&fresh, format, format->max_level);
	for (at = rig.base; at < rig.base + rig.size;) {
		unsigned int n = 0, shift;

		while (format->shifts[n] && format->shifts[n] <= huge + 2)
			n++;
		do
			shift = format->shifts[rand() % n];
		while (at & (BIT(shift) - 1) ||
		       at + BIT(shift) > rig.base + rig.size);
		table_map(&rig.table, at, shift);
		table_map(&fresh, at, shift);
		at += BIT(shift);
	}

	for (op = 0; good && op < 40; op++) {
		unsigned long from = rand() % nr, to = from + rand() % (nr - from);
		unsigned long iova = rig.base + (from << SMALL);
		unsigned long last = rig.base + ((to + 1) << SMALL) - 1;
		struct iommu_dirty_split split;

		switch (rand() % 8) {
		case 0 ... 3:
			for (i = rand() % 20; i; i--) {
				unsigned long page = rand() % nr;

				dma(&rig.table, rig.base + (page << SMALL));
				rig.written[page] = true;
			}
			break;
		case 4 ... 5:
			for (i = 0; i < nr; i++) {
				unsigned int level;

				at = rig.base + (i << SMALL);

				shifts[i] = leaf_shift(&rig.table, at);
				marked[i] = is_dirty(*table_word(&rig.table, at,
								 &level));
			}
			iommu_dirty_split_init(&split, false);
			get(&rig.table, iova, last, rand() % 4 ? &split : NULL,
			    rig.bits);
			good = judge(&rig, iova, last, shifts, marked);
			break;
		case 6:
			split_all(&rig.table, iova, last);
			break;
		case 7:
			join_all(&rig.table, iova, last);
			break;
		}
		for (i = 0; good && i < 50; i++) {
			at = rig.base + ((rand() % nr) << SMALL);
			good = translate(&rig.table, at) == at;
		}
	}
	join_all(&rig.table, 0, 2 * (rig.base + rig.size) - 1);
	good = good && same_tables(rig.table.root, fresh.root, fresh.level);
	get(&rig.table, rig.base, rig.base + rig.size - 1, NULL, rig.bits);
	for (i = 0; good && i < nr; i++)
		good = !rig.written[i] || test_bit(rig.bits, i);

	free(rig.bits);
	free(rig.written);
	free(shifts);
	free(marked);
	table_free(&rig.table);
	table_free(&fresh);
	return good;
}

int main(int argc, char **argv)
{
	unsigned int seed = argc > 1 ? strtoul(argv[1], NULL, 0) : time(NULL);
	unsigned int rounds = argc > 2 ? strtoul(argv[2], NULL, 0) : 30;
	unsigned int i;
	bool good;

	setvbuf(stdout, NULL, _IOLBF, 0);

	printf("TAP version 13\n# seed %u\n", seed);
	srand(seed);
	for (format = formats; format < formats + nr_formats; format++) {
		test_sizes();
		test_part();
		test_eager();
		test_not_joined();
		test_no_memory();
		for (good = true, i = 0; good && i < rounds; i++)
			good = random_round();
		ok(good, "random splits, joins, writes and reads");
		stock_free();
	}
	printf("1..%u\n", tests);
	return failures != 0;
}
