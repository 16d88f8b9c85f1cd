// SPDX-License-Identifier: GPL-2.0-only
/*
 * The walker, on tables of every format and shape
 *
 * What QEMU's VT-d cannot have, five levels, is had here. Deterministic cases
 * first, then random tables, ranges, granules and writes between windows.
 *
 * usage: walk [SEED [ROUNDS]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "model.h"

/* log2 of sizes of leaves: the smallest, level 2's, and the largest to 1 GiB */
#define SMALL	(format->page_shift)
#define HUGE	(format->page_shift + format->index_bits)
#define LARGEST	(HUGE + format->index_bits > 30 ? HUGE :		\
		 HUGE + format->index_bits)

static const struct format *format;
static unsigned int tests, failures;

static void ok(bool good, const char *name, const char *remark)
{
	if (!good) {
		failures++;
		printf("# %s\n", remark ?: "");
	}
	printf("%sok %u %s: %s\n", good ? "" : "not ", ++tests, format->name,
	       name);
}

static void expect(struct table *table, const struct request *request,
		   const char *name)
{
	const char *verdict = read_and_judge(table, request);

	ok(!verdict, name, verdict);
}

static void fill(struct table *table, unsigned long iova, unsigned int shift,
		 unsigned int nr)
{
	for (; nr; nr--, iova += 1UL << shift)
		table_map(table, iova, shift);
}

/* The same on roots of every level, at the top of what the root covers */
static void test_roots(void)
{
	unsigned int level;

	for (level = format->min_level; level <= format->max_level; level++) {
		/* The sixth level of one format would go beyond 64 bits. */
		unsigned long top = 1UL << min(format->page_shift +
					       level * format->index_bits, 63U);
		unsigned long iova = top - (8UL << LARGEST);
		struct request all = {
			.iova = iova,
			.last = top - 1,
			.granule = SMALL,
			.window = 27,
			.clear = true,
		};
		struct table table;
		unsigned int i;
		char name[64];

		table_init(&table, format, level);
		fill(&table, iova, LARGEST, 2);
		fill(&table, iova + (3UL << LARGEST), HUGE, 3);
		fill(&table, top - (1UL << HUGE), SMALL, 1 << format->index_bits);
		for (i = 0; i < table.nr; i += 3)
			leaf_write(&table, table.leaves + i, i);
		leaf_write(&table, table.leaves + table.nr - 1, 0);
		snprintf(name, sizeof(name), "root of level %u", level);
		expect(&table, &all, name);
		snprintf(name, sizeof(name), "root of level %u, read again",
			 level);
		expect(&table, &all, name);
		table_free(&table);
	}
}

/* A read of part of a large leaf reports the part and keeps the leaf dirty. */
static void test_part_of_leaf(void)
{
	struct request first_half = {
		.iova = 1UL << HUGE,
		.last = (1UL << HUGE) + (1UL << (HUGE - 1)) - 1,
		.granule = SMALL,
		.window = 27,
		.clear = true,
	};
	struct request second_half = first_half, whole = first_half;
	struct table table;

	second_half.iova = first_half.last + 1;
	second_half.last = (2UL << HUGE) - 1;
	whole.last = second_half.last;

	table_init(&table, format, format->max_level);
	fill(&table, 1UL << HUGE, HUGE, 1);
	leaf_write(&table, table.leaves, 0);
	expect(&table, &first_half, "first half of a leaf");
	ok(leaf_dirty(&table, table.leaves), "the leaf stays dirty after it", NULL);
	expect(&table, &second_half, "second half of a leaf");
	ok(leaf_dirty(&table, table.leaves), "the leaf stays dirty after that", NULL);
	expect(&table, &whole, "all of the leaf");
	ok(!leaf_dirty(&table, table.leaves), "the leaf is clean after all of it", NULL);
	table_free(&table);
}

/* Whichever word of a leaf is marked, all of it is reported, and cleared. */
static void test_replicas(void)
{
	unsigned int size, word;

	for (size = 0; format->shifts[size]; size++) {
		unsigned int shift = format->shifts[size];
		struct request part = {
			.iova = 4UL << 30,
			.last = (4UL << 30) + PAGE_SIZE - 1,
			.granule = SMALL,
			.window = 27,
			.clear = true,
		};
		struct request all = part;
		const char *verdict = NULL;
		struct table table;
		char name[64];

		if (format->words(shift) == 1)
			continue;
		all.last = all.iova + (1UL << shift) - 1;
		table_init(&table, format, format->max_level);
		fill(&table, all.iova, shift, 1);
		for (word = 0; !verdict && word < table.leaves->words; word++) {
			leaf_write(&table, table.leaves, word);
			leaf_write(&table, table.leaves, 7 * word);
			verdict = read_and_judge(&table, &part) ?:
				  read_and_judge(&table, &all);
			if (!verdict && leaf_dirty(&table, table.leaves))
				verdict = "a word stays dirty";
		}
		snprintf(name, sizeof(name), "any word of a leaf of 2^%u",
			 shift);
		ok(!verdict, name, verdict);
		table_free(&table);
	}
}

static void write_first(struct table *table, void *arg)
{
	unsigned int *countdown = arg;

	if (!--*countdown)
		leaf_write(table, table->leaves, 0);
}

/*
 * Hardware dirties a large leaf when a read has passed some windows of it as
 * clean. Clearing it in the last window would lose those.
 */
static void test_dirtied_between_windows(void)
{
	unsigned int window;

	for (window = 1; window < 8; window++) {
		unsigned int countdown = window;
		struct request request = {
			.iova = 1UL << LARGEST,
			.last = (2UL << LARGEST) - 1,
			.granule = SMALL,
			.window = LARGEST - 3,
			.clear = true,
			.between = write_first,
			.arg = &countdown,
		};
		struct table table;
		char name[64];

		table_init(&table, format, format->max_level);
		fill(&table, 1UL << LARGEST, LARGEST, 1);
		snprintf(name, sizeof(name), "dirtied before window %u of 8",
			 window + 1);
		expect(&table, &request, name);
		ok(leaf_dirty(&table, table.leaves), "and stays dirty", NULL);

		request.between = NULL;
		expect(&table, &request, "the next read reports it");
		ok(!leaf_dirty(&table, table.leaves), "and clears it", NULL);
		table_free(&table);
	}
}

/* Every word edge of a table, at every bit of a bitmap word */
static void test_edges(void)
{
	const unsigned int at[] = { 0, 1, 62, 63, 64, 127, 128, 447, 448, 510,
				    511 };
	const char *verdict = NULL;
	unsigned int i, j, start;

	for (i = 0; !verdict && i < sizeof(at) / sizeof(*at); i++) {
		for (j = 0; j < sizeof(at) / sizeof(*at); j++) {
			struct table table;

			if (at[i] > at[j])
				continue;
			table_init(&table, format, format->max_level);
			fill(&table, 0, SMALL, 512);
			for (start = 0; !verdict && start < 8; start++) {
				struct request request = {
					.iova = (unsigned long)at[i] << SMALL,
					.last = ((at[j] + 1UL) << SMALL) - 1,
					.granule = SMALL,
					.window = 27,
					.offset = PAGE_SIZE - 3 + start,
					.clear = true,
				};
				unsigned int k;

				for (k = 0; k < 512; k++)
					leaf_write(&table, table.leaves + k, k);
				verdict = read_and_judge(&table, &request);
			}
			table_free(&table);
		}
	}
	ok(!verdict, "ranges that begin and end at word edges", verdict);
}

static unsigned long rnd_state;

static unsigned long rnd(unsigned long below)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return rnd_state % below;
}

static void write_some(struct table *table, void *arg)
{
	unsigned int i;

	for (i = rnd(4); i; i--)
		leaf_write(table, table->leaves + rnd(table->nr), rnd(256));
}

static void random_table(struct table *table, unsigned long *end)
{
	unsigned long iova = rnd(4) << 30;
	unsigned int pieces = 1 + rnd(6);

	unsigned int levels = format->max_level - format->min_level + 1;
	unsigned int sizes = 0;

	while (format->shifts[sizes])
		sizes++;
	table_init(table, format, format->min_level + rnd(levels));
	while (pieces--) {
		unsigned int shift = rnd(3) ? format->shifts[rnd(sizes)] : SMALL;
		unsigned int nr = 1 + rnd(shift < 18 ? 1500 :
					  shift < 26 ? 20 : 2);

		if (!rnd(3))
			iova += rnd(2000) << SMALL;
		if (iova)
			iova = round_up(iova, BIT(shift));
		fill(table, iova, shift, nr);
		iova += (unsigned long)nr << shift;
	}
	*end = iova;
}

static const char *random_round(unsigned long *reads)
{
	const char *verdict = NULL;
	unsigned int gets = 8;
	struct table table;
	unsigned long end;

	random_table(&table, &end);
	while (!verdict && gets--) {
		const unsigned int granules[] = { 12, 12, 12, 13, 16, 21, 11 };
		struct request request = {
			.granule = granules[rnd(7)],
			.window = 20 + rnd(11),
			.offset = rnd(PAGE_SIZE),
			.clear = rnd(4),
			.between = rnd(2) ? write_some : NULL,
		};
		unsigned long size = BIT(max(request.granule, SMALL));
		unsigned long max_pages = min(end / size + 1, 1UL << 18);

		request.iova = rnd(end / size + 1) * size;
		request.last = request.iova + (1 + rnd(max_pages)) * size - 1;
		/* As in the core: one page of bits at most */
		request.window = min(request.window, request.granule + 15);
		write_some(&table, NULL);
		verdict = read_and_judge(&table, &request);
		++*reads;
	}
	table_free(&table);
	return verdict;
}

static void test_random(unsigned long seed, unsigned long rounds)
{
	const char *verdict = NULL;
	unsigned long reads = 0, i;

	rnd_state = seed;
	for (i = 0; !verdict && i < rounds; i++)
		verdict = random_round(&reads);
	printf("# seed %lu, %lu tables, %lu reads\n", seed, i, reads);
	ok(!verdict, "random tables, ranges and writes", verdict);
}

int main(int argc, char **argv)
{
	unsigned long seed = argc > 1 ? strtoul(argv[1], NULL, 0) : time(NULL);
	unsigned long rounds = argc > 2 ? strtoul(argv[2], NULL, 0) : 150;

	printf("TAP version 13\n");
	for (format = formats; format < formats + nr_formats; format++) {
		test_roots();
		test_part_of_leaf();
		test_replicas();
		test_dirtied_between_windows();
		test_edges();
		test_random(seed ?: 1, rounds);
	}
	printf("1..%u\n", tests);
	return failures != 0;
}
