/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading a range as the core does: window by window, run by run
 */
#ifndef GET_H
#define GET_H

#include <linux/iommu-dirty.h>

#include "table.h"

/**
 * struct get - one read of a range
 * @table: the table
 * @iova: first IOVA
 * @last: last IOVA
 * @granule: log2 of the bytes a bit stands for
 * @window: log2 of the bytes of a window
 * @clear: whether to clear
 * @bitmap: where the bits go; the pages around are memory, too
 * @walk: the walker, or NULL for the format's
 * @done: called at the end of a window with the read's state, of which it
 *        resets what was cleared; the place for the flush
 */
struct get {
	struct table *table;
	unsigned long iova;
	unsigned long last;
	unsigned int granule;
	unsigned int window;
	bool clear;
	u8 *bitmap;
	void (*walk)(u64 *table, unsigned int level,
		     struct iommu_dirty_read *read, unsigned long iova,
		     unsigned long last);
	void (*done)(struct get *get, struct iommu_dirty_read *read,
		     unsigned long iova, unsigned long last);
};

void get_range(struct get *get);

/* Nothing was cleared since: what @done does last. */
void get_flushed(struct iommu_dirty_read *read);

#endif /* GET_H */
