/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What migrate.c migrates: memory, and devices that write into it all the time.
 */
#ifndef MIGRATE_LOAD_H
#define MIGRATE_LOAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "e1000e.h"
#include "edu.h"

#define PAGE		4096UL
#define HUGE_PAGE	(2UL << 20)

/* The VM's memory, as devices see it */
#define RAM_IOVA	0x100000000ULL

#define MAX_ROUNDS	64

/* The VM's memory here, there, and what is known to differ */
struct memory {
	unsigned char *src;
	unsigned char *dst;
	size_t pages;
	uint64_t *dirty;
};

struct machine {
	int iommufd;
	uint32_t ioas;
	uint32_t hwpt;
	struct e1000e nic;
	struct edu edu;
};

/* What the device is up to. The threads are its driver in the VM. */
struct load {
	struct machine *m;
	struct memory *ram;
	uint64_t seed;
	bool each_leaf;
	atomic_uint rate;
	atomic_bool stop;
	atomic_uint passes_begun;
	atomic_uint passes_done;
	atomic_uint epoch;
	atomic_uint *seen;
	atomic_size_t written[MAX_ROUNDS + 2];
	atomic_size_t writes;
	pthread_t nic_thread;
	pthread_t edu_thread;
};

/* Let the devices write, at @rate writes a second or once into each leaf. */
void load_start(struct load *load, struct machine *m, struct memory *ram,
		uint64_t seed, unsigned int rate, bool each_leaf);

/* When this returns every write has landed, and no other follows. */
void load_stop(struct load *load);

/* What is counted from here on belongs to the next GET. */
void load_next_epoch(struct load *load);

/* Half the rate */
void load_slow_down(struct load *load);

/* Once into each leaf: one pass over them, and the end of it. Else nothing. */
void load_begin_pass(struct load *load);
void load_end_pass(struct load *load);

/* In migrate.c: a message and exit; the same if @rc is negative */
void die(int err, const char *fmt, ...);
void check(int rc, const char *what);

/* In migrate.c: seconds, and zeroed memory */
double now(void);
void sleep_until(double when);
void *alloc(size_t bytes);

#endif /* MIGRATE_LOAD_H */
