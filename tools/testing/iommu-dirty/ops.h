/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Operations on a table, each checked against the model
 *
 * What to do comes out of a function: random numbers, or a fuzzer's input.
 */
#ifndef OPS_H
#define OPS_H

#include "table.h"

enum op { OP_WRITE, OP_GET, OP_MAP, OP_UNMAP, OP_REPLACE, OP_LITTER, NR_OPS };

extern const char *const op_names[NR_OPS];

/**
 * struct ops - a table that is operated on
 * @table: the table
 * @choose: a number below the one given, which is not 0
 * @base: first IOVA at which leaves are mapped
 * @last: last IOVA
 * @count: how many operations there were of each kind
 * @bits: bits of reports that were compared
 */
struct ops {
	struct table table;
	unsigned long (*choose)(unsigned long below);
	unsigned long base;
	unsigned long last;
	unsigned long count[NR_OPS];
	unsigned long bits;
};

/* A new table of @format, with a few leaves; counts stay */
void ops_begin(struct ops *ops, const struct format *format);
void ops_end(struct ops *ops);
/* Has it grown so large that another one is better? */
bool ops_full(const struct ops *ops);
/* One operation. Returns NULL, or what was wrong. */
const char *ops_one(struct ops *ops);

#endif /* OPS_H */
