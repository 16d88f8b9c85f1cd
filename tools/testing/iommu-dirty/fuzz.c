// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations on a table, chosen by libFuzzer, see ops.h
 *
 * The first byte is the format. Whatever is chosen takes as many bytes as it
 * needs, least significant first: sizes and places of leaves, bits of their
 * words, words beside them that map nothing, ranges of reads, writes between
 * windows. When the input is at its end, that is all.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ops.h"

static const uint8_t *input, *input_end;

static unsigned long take(unsigned long below)
{
	unsigned long value = 0;
	unsigned int shift;

	for (shift = 0; shift < 64 && (below - 1) >> shift; shift += 8)
		if (input < input_end)
			value |= (unsigned long)*input++ << shift;
	return value % below;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ops ops = { .choose = take };
	const char *verdict = NULL;

	input = data;
	input_end = data + size;
	ops_begin(&ops, formats + take(nr_formats));
	while (!verdict && input < input_end && !ops_full(&ops))
		verdict = ops_one(&ops);
	if (verdict) {
		fprintf(stderr, "%s: %s\n", ops.table.format->name, verdict);
		abort();
	}
	ops_end(&ops);
	return 0;
}
