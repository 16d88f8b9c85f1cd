// SPDX-License-Identifier: GPL-2.0-only
/*
 * A million random operations, bit for bit
 *
 * usage: million [SEED [OPERATIONS [TABLE]]]
 *
 * OPERATIONS are of all formats together. Tables are made anew now and then,
 * each from a seed of its own, which depends on SEED and the table's number
 * only: a failure names the table, and with its number as TABLE only that one
 * is made.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ops.h"

#define MILLION		1000000UL
#define DEFAULT_OPS	(3 * MILLION)
#define OPS_PER_TABLE	4000

static unsigned long state;

static unsigned long rnd(unsigned long below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	/* The lowest bits are the least random ones. */
	return (state >> 8 | state << 56) % below;
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

int main(int argc, char **argv)
{
	unsigned long seed = argc > 1 ? strtoul(argv[1], NULL, 0) : time(NULL);
	unsigned long max = argc > 2 ? strtoul(argv[2], NULL, 0) : DEFAULT_OPS;
	unsigned long only = argc > 3 ? strtoul(argv[3], NULL, 0) : 0;
	unsigned long all = 0, failures = 0, table, f;
	enum op op;

	printf("TAP version 13\n1..%u\n# million: seed %lu\n", nr_formats + 1,
	       seed);
	for (f = 0; f < nr_formats; f++) {
		struct ops ops = { .choose = rnd };
		unsigned long share = (max + nr_formats - 1) / nr_formats;
		const char *verdict = NULL;

		for (table = f; !verdict && sum(&ops) < share;
		     table += nr_formats) {
			if (argc <= 3)
				verdict = run_table(&ops, seed, table,
						    share - sum(&ops));
			else if (only % nr_formats == f)
				verdict = run_table(&ops, seed, only, share);
			if (verdict)
				printf("# %s; million %lu %lu %lu\n", verdict,
				       seed, max, argc > 3 ? only : table);
			if (argc > 3)
				break;
		}
		printf("# %s:", formats[f].name);
		for (op = 0; op < NR_OPS; op++)
			printf(" %lu %s,", ops.count[op], op_names[op]);
		printf(" %lu bits compared\n", ops.bits);
		failures += !!verdict;
		printf("%sok %lu %s: random operations\n",
		       verdict ? "not " : "", f + 1, formats[f].name);
		all += sum(&ops);
	}
	printf("# million: %lu operations\n", all);
	printf("%sok %u a million operations\n", all < MILLION ? "not " : "",
	       nr_formats + 1);
	return failures || all < MILLION;
}
