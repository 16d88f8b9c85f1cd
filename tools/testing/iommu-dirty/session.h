/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Readers and devices at work on one table, round by round
 *
 * After each round of reads, every page of every device is looked at. A write
 * that was complete when the round began must be in the copies that readers made
 * of the pages reported to them: nothing is lost. A leaf that was reported must
 * have been written since it was cleared: nothing is invented. And nothing else
 * in the tables changes: accessed bits stay.
 */
#ifndef SESSION_H
#define SESSION_H

#include "device.h"
#include "get.h"

#define MAX_READERS	2
#define MAX_RECORDS	4096

/* What is done wrongly */
enum fault {
	FAULT_NONE,
	FAULT_NO_FLUSH,
	FAULT_SHORT_FLUSH,
	FAULT_ONE_SIZE,
	FAULT_EARLY_FLUSH,
	FAULT_NO_WAIT,
	FAULT_PLAIN_CLEAR,
	FAULT_CLEAR_FIRST,
	FAULT_ONE_WORD,
	NR_FAULTS
};

struct record {
	unsigned long *word;
	unsigned long mask;
};

/**
 * struct reader - who reads, and what it got
 * @get: its read of this round; first, see window_done()
 * @session: what it belongs to
 * @thread: its thread
 * @random: state of its random numbers
 * @own: a bitmap of its own
 * @copy: by device and page, the stamp in its copy
 * @reported: by leaf, whether any of it was reported in this round
 * @covered: by leaf, whether it was all in the range, to be cleared
 * @late: records that it makes at the end of a window
 * @nr_late: how many
 */
struct reader {
	struct get get;
	struct session *session;
	pthread_t thread;
	unsigned long random;
	u8 *own;
	unsigned long *copy[MAX_DEVICES];
	bool *reported;
	bool *covered;
	struct record late[MAX_RECORDS];
	unsigned int nr_late;
};

/**
 * struct session - devices, readers, and what is known at the start of a round
 * @rig: the devices
 * @readers: the readers
 * @nr_readers: how many
 * @fault: what is done wrongly
 * @barrier: begin and end of a round
 * @shared: a bitmap for all
 * @share: this round uses it
 * @over: no more rounds
 * @done: by device and page, writes that were complete when the round began
 * @ended: by device and leaf, the same
 * @clean: by device and leaf, writes whose dirt a read has cleared
 * @verdict: what was wrong
 * @reads: how many there were
 */
struct session {
	struct rig rig;
	struct reader readers[MAX_READERS];
	unsigned int nr_readers;
	enum fault fault;
	pthread_barrier_t barrier;
	u8 *shared;
	bool share;
	bool over;
	unsigned long *done[MAX_DEVICES];
	unsigned long *ended[MAX_DEVICES];
	unsigned long *clean[MAX_DEVICES];
	const char *verdict;
	unsigned long reads;
};

void session_init(struct session *session, const struct format *format,
		  unsigned int nr, enum fault fault, unsigned long seed);
void session_free(struct session *session);
void session_start(struct session *session);
void session_stop(struct session *session);
/* One read by each reader. @age: hardware marks entries as accessed anew. */
void session_round(struct session *session, bool age);

#endif /* SESSION_H */
