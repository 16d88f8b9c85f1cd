/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading a table as the core does, and judging what came of it
 *
 * The judge does not repeat the walker's reasoning. It checks what a caller
 * relies on, from what the table was before, what it is after and what hardware
 * did in between.
 */
#ifndef MODEL_H
#define MODEL_H

#include "table.h"

/**
 * struct request - one GET
 * @iova: first IOVA
 * @last: last IOVA
 * @granule: log2 of the bytes a bit stands for
 * @window: log2 of the bytes of a window
 * @offset: byte in the page at which the bitmap begins
 * @clear: whether to clear
 * @between: called between windows, may write leaves; NULL for nothing
 * @arg: for @between
 */
struct request {
	unsigned long iova;
	unsigned long last;
	unsigned int granule;
	unsigned int window;
	unsigned int offset;
	bool clear;
	void (*between)(struct table *table, void *arg);
	void *arg;
};

/* Returns NULL if all is well, else what is wrong, in a static buffer. */
const char *read_and_judge(struct table *table, const struct request *request);

#endif /* MODEL_H */
