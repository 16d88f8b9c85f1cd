// SPDX-License-Identifier: GPL-2.0-only
/*
 * The walker, on tables of every format and shape
 *
 * Cases that were thought of. What QEMU's VT-d cannot have, five levels, is had
 * here.
 */
#include <stdio.h>

#include "model.h"
#include "util.h"

/* log2 of sizes of leaves: the smallest, level 2's, and the largest to 1 GiB */
#define SMALL	(format->page_shift)
#define HUGE	(format->page_shift + format->index_bits)
#define LARGEST	(HUGE + format->index_bits > 30 ? HUGE :		\
		 HUGE + format->index_bits)

static const struct format *format;

static void expect(struct table *table, const struct request *request,
		   const char *name)
{
	ok_unless(read_and_judge(table, request), format, "%s", name);
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
	ok(leaf_dirty(&table, table.leaves), format,
	   "the leaf stays dirty after it");
	expect(&table, &second_half, "second half of a leaf");
	ok(leaf_dirty(&table, table.leaves), format,
	   "the leaf stays dirty after that");
	expect(&table, &whole, "all of the leaf");
	ok(!leaf_dirty(&table, table.leaves), format,
	   "the leaf is clean after all of it");
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
		ok_unless(verdict, format, "any word of a leaf of 2^%u", shift);
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
		ok(leaf_dirty(&table, table.leaves), format, "and stays dirty");

		request.between = NULL;
		expect(&table, &request, "the next read reports it");
		ok(!leaf_dirty(&table, table.leaves), format, "and clears it");
		table_free(&table);
	}
}

static void remap_first(struct table *table, void *arg)
{
	unsigned int *huge = arg;

	if (!*huge)
		return;
	table_unmap(table, 0, table->nr, 0);
	leaf_write(table, table_map(table, 1UL << *huge, *huge), 0);
	*huge = 0;
}

/*
 * Between two windows user space unmaps small leaves, maps a large one in their
 * place, and a device writes to the part of it that the read has passed.
 */
static void test_remapped_between_windows(bool dirty)
{
	unsigned int huge = HUGE, i;
	struct request request = {
		.iova = 1UL << HUGE,
		.last = (2UL << HUGE) - 1,
		.granule = SMALL,
		.window = HUGE - 3,
		.clear = true,
		.between = remap_first,
		.arg = &huge,
	};
	struct table table;

	table_init(&table, format, format->max_level);
	fill(&table, 1UL << HUGE, SMALL, 1 << format->index_bits);
	for (i = 0; dirty && i < table.nr; i += 3)
		leaf_write(&table, table.leaves + i, 0);
	expect(&table, &request, dirty ? "dirty leaves replaced by a large one" :
	       "clean leaves replaced by a large one");
	ok(leaf_dirty(&table, table.leaves), format, "which stays dirty");
	expect(&table, &request, "the next read reports all of it");
	ok(!leaf_dirty(&table, table.leaves), format, "and makes it clean");
	table_free(&table);
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
	ok_unless(verdict, format,
		  "ranges that begin and end at word edges");
}

int main(void)
{
	printf("TAP version 13\n");
	for (format = formats; format < formats + nr_formats; format++) {
		test_roots();
		test_part_of_leaf();
		test_replicas();
		test_dirtied_between_windows();
		test_remapped_between_windows(false);
		test_remapped_between_windows(true);
		test_edges();
	}
	return ok_end();
}
