/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An area that is unmapped, with a report, while a device writes any pages of it,
 * in bursts.  What it wrote is seen in memory: its stamps, which are never 0.
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
 * @mem: its memory
 * @pages: its length
 * @leaf: pages of a leaf
 * @seed: of the choice of pages
 * @stamp: of the next write
 * @get: take a report before the area goes; NULL for none
 * @unmap: unmap all of it, with a report
 * @reported: is a page in one of the two?
 * @arg: for these three
 * @bursts: how many there were since the device began
 * @stop: no more
 * @rc: what went wrong
 * @thread: who has the device write
 */
struct burst {
	struct rig *rig;
	uint64_t iova;
	uint8_t *mem;
	size_t pages;
	size_t leaf;
	uint64_t seed;
	uint64_t stamp;
	int (*get)(void *arg);
	int (*unmap)(void *arg);
	bool (*reported)(void *arg, size_t page);
	void *arg;

	/* Private */
	unsigned int bursts;
	bool stop;
	int rc;
	pthread_t thread;
};

/**
 * burst_unmap - unmap the area while the device writes, and compare
 * @b: the device, and its area, which is mapped
 * @bursts: how many there are before anything else happens, at least one
 *
 * What changed in memory must be in a report, also what changed at the last
 * moment, and nothing else may be, but for pages of a leaf that was written.  The
 * device goes on when the area is gone, and nothing of that may be in memory.
 *
 * Prints the first page of each kind that is wrong.
 *
 * Return: 0 if all is right, how much is wrong, or a negative errno.
 */
int burst_unmap(struct burst *b, unsigned int bursts);

#endif /* DMA_BURST_H */
