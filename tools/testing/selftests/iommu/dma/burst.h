/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device that writes any pages of an area, in bursts, until it is told not to,
 * and what it left in memory: its stamps, which are never 0.
 */
#ifndef DMA_BURST_H
#define DMA_BURST_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "rig.h"

/* Writes in a burst */
#define BURST_WRITES	24

/**
 * struct burst - the device, and its area
 * @rig: the network device of this rig
 * @iova: the area
 * @pages: its length
 * @seed: of the choice of pages
 * @stamp: of the next write
 * @bursts: how many there were since burst_begin()
 * @stop: no more
 * @rc: what went wrong
 * @thread: who has the device write
 */
struct burst {
	struct rig *rig;
	uint64_t iova;
	uint64_t pages;
	uint64_t seed;
	uint64_t stamp;
	unsigned int bursts;
	bool stop;
	int rc;
	pthread_t thread;
};

/**
 * burst_begin - go
 * @b: the device
 */
int burst_begin(struct burst *b);

/**
 * burst_wait - wait for some bursts
 * @b: the device
 * @more: how many from now
 */
void burst_wait(struct burst *b, unsigned int more);

/**
 * burst_end - stop, when the last burst is complete
 * @b: the device
 *
 * Return: what went wrong, or 0.
 */
int burst_end(struct burst *b);

/**
 * burst_late - does the machine show dirty state as late as it may?
 *
 * scripts/machines say so.  A write whose leaf loses its permission before it is
 * marked would be refused by hardware; the model has let it through by then.  So
 * nothing may be written where something is unmapped, at this moment.
 */
bool burst_late(void);

/* Was a page written? */
static inline bool burst_written(const uint8_t *mem, size_t page)
{
	return *(const uint64_t *)(mem + page * PAGE);
}

/**
 * burst_leaf_written - was anything written of a page's leaf?
 * @mem: the area
 * @pages: its length
 * @page: the page
 * @leaf: pages of a leaf
 */
bool burst_leaf_written(const uint8_t *mem, size_t pages, size_t page,
			size_t leaf);

#endif /* DMA_BURST_H */
