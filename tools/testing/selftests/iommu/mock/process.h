/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of things that happen to the process share: areas in several
 * windows, and reads of all of them into one bitmap.
 *
 * Functions return 0 or a negative errno unless they say otherwise.
 */
#ifndef PROCESS_H
#define PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "mock.h"

/* Windows, each with an area at its begin and one at its end */
#define WINDOWS		4
#define START		MOCK_WINDOW
#define LENGTH		(WINDOWS * MOCK_WINDOW)
#define AREA_LEN	KIB(256)

/* A bitmap: a page for each window */
#define SIZE		(WINDOWS * 4096)

/* The read of all, for the oracle */
extern const struct oracle_req process_whole;

/**
 * process_open - mock_open(), areas, tracking on
 * @m: filled in
 */
int process_open(struct mock *m);

/**
 * process_write - have the device write some pages of each area
 * @m: from process_open()
 * @seed: which ones
 */
int process_write(struct mock *m, unsigned int seed);

/**
 * process_get - GET of all
 * @m: from process_open()
 * @map: SIZE bytes
 */
int process_get(struct mock *m, void *map);

/**
 * struct process_getter - a GET from START on by a thread
 * @m: from process_open()
 * @length: bytes
 * @map: the bitmap
 * @rc: what it returned
 */
struct process_getter {
	struct mock *m;
	uint64_t length;
	void *map;
	int rc;
};

/**
 * process_get_thread - the thread
 * @getter: a struct process_getter
 *
 * Return: NULL.
 */
void *process_get_thread(void *getter);

#endif /* PROCESS_H */
