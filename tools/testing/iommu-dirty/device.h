/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices that write through a page table, each with a TLB of its own
 *
 * The rules are those of hardware: a write through a translation that is not
 * cached, or was cached clean, sets the dirty bit of the entry used, atomically,
 * before the write lands. One through a translation that is cached dirty does
 * not touch the table. A TLB holds single pages, of leaves of any size, so that
 * an invalidation that is too short shows.
 *
 * Every page that a device writes is stamped with a number that only grows. A
 * device has a stamp in each page for itself.
 */
#ifndef DEVICE_H
#define DEVICE_H

#include <pthread.h>

#include "table.h"

#define MAX_DEVICES	2
#define TLB_ENTRIES	256
#define NO_LEAF		(~0U)

struct tlb_entry {
	bool valid;
	bool dirty;
	unsigned int page;
};

/**
 * struct device - a device and its thread
 * @rig: what it belongs to
 * @thread: its thread
 * @lock: held by the device during a write, and to invalidate. Whoever gets it
 *        knows that no write is under way
 * @waiting: how many wait for @lock
 * @drop: accesses until the TLB is dropped as it was told to, 0 if it was not
 * @tlb: its TLB
 * @random: state of its random numbers
 * @number: of the last write
 * @stamp: by page, what is in memory
 * @done: by page, the last write that is complete
 * @begun: by leaf, the last write that began
 * @ended: by leaf, the last write that is complete
 * @hits: writes through a translation that was cached dirty
 * @dirtied: entries made dirty
 * @raced: of them, while a read was under way
 */
struct device {
	struct rig *rig;
	pthread_t thread;
	pthread_mutex_t lock;
	unsigned int waiting;
	unsigned int drop;
	struct tlb_entry tlb[TLB_ENTRIES];
	unsigned long random;
	unsigned long number;
	unsigned long *stamp;
	unsigned long *done;
	unsigned long *begun;
	unsigned long *ended;
	unsigned long hits;
	unsigned long dirtied;
	unsigned long raced;
};

/**
 * struct rig - a table, devices and memory
 * @table: the table, which stands
 * @base: IOVA of page 0
 * @nr_pages: pages of the format's smallest size, holes included
 * @leaf_of: by page, the index of its leaf, or NO_LEAF
 * @accessed: by page, whether a device has set accessed in its entry
 * @devices: the devices
 * @nr_devices: how many there are
 * @reading: reads under way
 * @stop: devices should end
 */
struct rig {
	struct table table;
	unsigned long base;
	unsigned int nr_pages;
	unsigned int *leaf_of;
	bool *accessed;
	struct device devices[MAX_DEVICES];
	unsigned int nr_devices;
	unsigned int reading;
	bool stop;
};

void rig_init(struct rig *rig, const struct format *format,
	      unsigned int nr_devices, unsigned long seed);
void rig_free(struct rig *rig);
void rig_start(struct rig *rig);
void rig_stop(struct rig *rig);
/* Until every device has written so many times more */
void rig_wait(const struct rig *rig, unsigned int writes);

/* The word of the table that translates a page */
u64 *rig_word(const struct rig *rig, unsigned int page);
/* Forget that entries were accessed, and whatever is cached. */
void rig_age(struct rig *rig);
/* What ->flush() owes: invalidate, wait until no old write is under way. */
void rig_invalidate(struct rig *rig, unsigned long iova, unsigned long last,
		    unsigned long sizes);
/* The same without waiting */
void rig_invalidate_later(struct rig *rig);

/* Give others a chance, now and then. */
void chance(unsigned long *random, unsigned int one_in);

#endif /* DEVICE_H */
