// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inputs to begin fuzzing with: random operations, written as fuzz.c reads them
 *
 * usage: seeds DIRECTORY
 */
#include <stdio.h>
#include <stdlib.h>

#include "ops.h"
#include "util.h"

#define SEEDS_PER_FORMAT	6
#define OPS_PER_SEED		30

static unsigned long state;
static FILE *output;

static unsigned long give(unsigned long below)
{
	unsigned long value = next_random(&state, below);
	unsigned int shift;

	for (shift = 0; shift < 64 && (below - 1) >> shift; shift += 8)
		fputc(value >> shift & 0xff, output);
	return value;
}

int main(int argc, char **argv)
{
	unsigned int i, op;
	char name[4096];

	state = random_state(1);
	for (i = 0; argc == 2 && i < nr_formats * SEEDS_PER_FORMAT; i++) {
		struct ops ops = { .choose = give };

		snprintf(name, sizeof(name), "%s/%u", argv[1], i);
		output = fopen(name, "wb");
		if (!output) {
			perror(name);
			return 1;
		}
		fputc(i % nr_formats, output);
		ops_begin(&ops, formats + i % nr_formats);
		for (op = 0; op < OPS_PER_SEED; op++)
			if (ops_one(&ops))
				return 1;
		ops_end(&ops);
		fclose(output);
	}
	return argc != 2;
}
