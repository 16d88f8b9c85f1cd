// SPDX-License-Identifier: GPL-2.0-only
/*
 * A million random operations, bit for bit
 *
 * usage: million [SEED [OPERATIONS [TABLE]]]
 *
 * OPERATIONS are of all formats together. Tables are made anew now and then,
 * each from a seed of its own, which depends on SEED and the table's number
 * only: a failure names the table, and with its number as TABLE only that one
 * is made. The last result, whether there were a million, is there if so many
 * are asked for, and no TABLE.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ops.h"
#include "util.h"

#define MILLION		1000000UL
#define DEFAULT_OPS	(3 * MILLION)
#define OPS_PER_TABLE	4000

static unsigned long state;

static unsigned long rnd(unsigned long below)
{
	unsigned long value = random_step(&state);

	/* The lowest bits are the least random ones. */
	return (value >> 8 | value << 56) % below;
}

static void seed_rnd(unsigned long seed, unsigned long table)
{
	unsigned int i;

	state = (seed + 1) * 0x9e3779b97f4a7c15 ^ (table + 1) * 0xbf58476d1ce4e5b9;
	state = state ?: 1;
	for (i = 0; i < 8; i++)
		rnd(1);
}

static unsigned long sum(const struct ops *ops)
{
	unsigned long sum = 0;
	enum op op;

	for (op = 0; op < NR_OPS; op++)
		sum += ops->count[op];
	return sum;
}

/* Tables are numbered over all formats: table i has format i % nr_formats. */
static const char *run_table(struct ops *ops, unsigned long seed,
			     unsigned long table, unsigned long max)
{
	const char *verdict = NULL;
	unsigned long i;

	seed_rnd(seed, table);
	ops_begin(ops, formats + table % nr_formats);
	for (i = 0; !verdict && i < min(max, 0UL + OPS_PER_TABLE) &&
	     !ops_full(ops); i++)
		verdict = ops_one(ops);
	ops_end(ops);
	return verdict;
}

/*
 * Of the format that table @first has, that one alone or as many as it takes.
 * Returns how many operations that were.
 */
static unsigned long run_format(unsigned long seed, unsigned long max,
				unsigned long first, bool alone)
{
	const struct format *format = formats + first % nr_formats;
	unsigned long share = (max + nr_formats - 1) / nr_formats;
	struct ops ops = { .choose = rnd };
	unsigned long table = first;
	const char *verdict;
	enum op op;

	do {
		verdict = run_table(&ops, seed, table, share - sum(&ops));
		if (verdict)
			printf("# %s; million %lu %lu %lu\n", verdict, seed, max,
			       table);
		table += nr_formats;
	} while (!verdict && !alone && sum(&ops) < share);
	printf("# %s:", format->name);
	for (op = 0; op < NR_OPS; op++)
		printf(" %lu %s,", ops.count[op], op_names[op]);
	printf(" %lu bits compared\n", ops.bits);
	ok(!verdict, format, "random operations");
	return sum(&ops);
}

int main(int argc, char **argv)
{
	unsigned long seed = argc > 1 ? strtoul(argv[1], NULL, 0) : time(NULL);
	unsigned long max = argc > 2 ? strtoul(argv[2], NULL, 0) : DEFAULT_OPS;
	unsigned long all = 0, f;

	printf("TAP version 13\n# million: seed %lu\n", seed);
	if (argc > 3)
		all = run_format(seed, max, strtoul(argv[3], NULL, 0), true);
	for (f = 0; argc <= 3 && f < nr_formats; f++)
		all += run_format(seed, max, f, false);
	printf("# million: %lu operations\n", all);
	if (argc <= 3 && max >= MILLION)
		ok(all >= MILLION, NULL, "a million operations");
	return ok_end();
}
