/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What must come of reading a table, bit for bit
 *
 * The model keeps an image of every table (struct node). It knows of each leaf
 * how many of its bytes a read has recorded, and nothing of how a walker goes
 * about it: a leaf that is dirty is recorded in the window; one that was
 * recorded whole when its last window is done is clean from then on. Bitmap,
 * tables and what is to be flushed are compared.
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
