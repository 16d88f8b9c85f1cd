/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading a table as the core does, beside a model of what must come of it
 *
 * The model is a list of leaves and two rules: what of a leaf is reported, and
 * when it is cleared. It goes through the request window by window, as the read
 * does. Bitmap, table and what is to be flushed must be as it says, bit for
 * bit.
 */
#ifndef __DIRTY_KUNIT_MODEL_H
#define __DIRTY_KUNIT_MODEL_H

#include "table.h"

struct dirty_model;

/**
 * struct dirty_request - one GET
 * @iova: first IOVA
 * @last: last IOVA
 * @granule: log2 of the bytes a bit stands for
 * @window: log2 of the bytes of a window
 * @offset: byte in the page at which the bitmap begins
 * @clear: whether to clear
 * @between: called between windows, may write leaves by dirty_model_write();
 *	     NULL for nothing
 * @arg: for @between
 */
struct dirty_request {
	unsigned long iova;
	unsigned long last;
	unsigned int granule;
	unsigned int window;
	unsigned int offset;
	bool clear;
	void (*between)(struct dirty_model *model, void *arg);
	void *arg;
};

/**
 * struct dirty_fate - what the model knows of a leaf
 * @dirty: it is dirty
 * @whole: this read recorded all of it, up to the current window
 */
struct dirty_fate {
	bool dirty;
	bool whole;
};

/**
 * struct dirty_model - a read under way
 * @table: what is read
 * @request: how
 * @fates: of the table's leaves
 * @words: what the words of the table should be, page behind page
 * @nr_words: how many there are
 * @got: guard, bitmap from dirty_request::offset on, guard
 * @want: what that should be
 * @bytes: how many both have
 * @cleared: first IOVA of leaves that should have been cleared
 * @cleared_last: last IOVA of them
 * @cleared_sizes: their sizes, ORed
 */
struct dirty_model {
	struct dirty_table *table;
	const struct dirty_request *request;
	struct dirty_fate *fates;
	u64 *words;
	unsigned long nr_words;
	u8 *got;
	u8 *want;
	size_t bytes;
	unsigned long cleared;
	unsigned long cleared_last;
	unsigned long cleared_sizes;
};

const char *dirty_read_and_compare(struct dirty_table *table,
				   const struct dirty_request *request);
void dirty_read_window(struct dirty_table *table,
		       struct iommu_dirty_read *read, unsigned long iova,
		       unsigned long last);
void dirty_model_write(struct dirty_model *model, unsigned int leaf,
		       unsigned int word);

#endif /* __DIRTY_KUNIT_MODEL_H */
