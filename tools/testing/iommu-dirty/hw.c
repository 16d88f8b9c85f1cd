// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads of a table that hardware walks and dirties at the same time
 *
 * One reader and one device, then two of each, whose reads are of any ranges and
 * may share a bitmap.
 *
 * Then the same with each step left out or done wrongly, which must be noticed.
 *
 * usage: hw [SEED [ROUNDS [FAULT]]]
 *
 * With FAULT, which is a name from faults[] below, the reads alone are tested,
 * and that is done wrongly all the time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "session.h"
#include "util.h"

/* Rounds within which a fault must show. Mostly it takes a few. */
#define FAULT_ROUNDS	20000

static const char *const faults[NR_FAULTS] = {
	[FAULT_NONE] = "none",
	[FAULT_NO_FLUSH] = "no-flush",
	[FAULT_SHORT_FLUSH] = "short-flush",
	[FAULT_ONE_SIZE] = "flush-of-one-size",
	[FAULT_EARLY_FLUSH] = "flush-before-clear",
	[FAULT_NO_WAIT] = "flush-without-wait",
	[FAULT_PLAIN_CLEAR] = "clear-by-plain-store",
	[FAULT_CLEAR_FIRST] = "clear-before-record",
	[FAULT_ONE_WORD] = "one-word-of-a-replicated-leaf",
};

/* How much there was of what a run is for */
struct traffic {
	unsigned long reads;
	unsigned long writes;
	unsigned long hits;
	unsigned long dirtied;
	unsigned long raced;
};

/* The last round is without devices: every write is complete. */
static const char *run(const struct format *format, unsigned int nr,
		       enum fault fault, unsigned long seed,
		       unsigned long rounds, struct traffic *traffic)
{
	static struct session session;
	struct rig *rig = &session.rig;
	unsigned long i;
	unsigned int d;

	session_init(&session, format, nr, fault, seed);
	rig_start(rig);
	session_start(&session);
	for (i = 0; i < rounds && !session.verdict; i++)
		session_round(&session, i % 4 == 0);
	rig_stop(rig);
	if (!session.verdict)
		session_round(&session, false);
	session_stop(&session);

	*traffic = (struct traffic) { .reads = session.reads };
	for (d = 0; d < nr; d++) {
		traffic->writes += rig->devices[d].number;
		traffic->hits += rig->devices[d].hits;
		traffic->dirtied += rig->devices[d].dirtied;
		traffic->raced += rig->devices[d].raced;
	}
	session_free(&session);
	return session.verdict;
}

static void test_reads(const struct format *format, unsigned int nr,
		       enum fault fault, unsigned long seed,
		       unsigned long rounds, const char *name)
{
	struct traffic traffic;
	const char *verdict = run(format, nr, fault, seed, rounds, &traffic);

	printf("# %lu reads; %lu writes, %lu hits; %lu times dirtied, %lu in a read\n",
	       traffic.reads, traffic.writes, traffic.hits, traffic.dirtied,
	       traffic.raced);
	if (!verdict && (!traffic.raced || !traffic.hits))
		verdict = "devices and reads never met";
	ok_unless(verdict, format, "%s", name);
}

static bool applies(const struct format *format, enum fault fault)
{
	return fault != FAULT_ONE_WORD || format->words(format->page_shift + 1) > 1;
}

int main(int argc, char **argv)
{
	unsigned long seed = argc > 1 ? strtoul(argv[1], NULL, 0) : time(NULL);
	unsigned long rounds = argc > 2 ? strtoul(argv[2], NULL, 0) : 200;
	const struct format *format;
	enum fault fault = FAULT_NONE;
	struct traffic traffic;

	while (argc > 3 && fault < NR_FAULTS && strcmp(argv[3], faults[fault]))
		fault++;
	if (fault == NR_FAULTS) {
		fprintf(stderr, "hw: no such fault: %s\n", argv[3]);
		return 2;
	}

	printf("TAP version 13\n# hw: seed %lu\n", seed);
	for (format = formats; format < formats + nr_formats; format++) {
		test_reads(format, 1, fault, seed, rounds,
			   "a device and a reader");
		test_reads(format, 2, fault, seed, rounds,
			   "two devices and two readers");
	}
	for (format = formats; argc <= 3 && format < formats + nr_formats;
	     format++)
		for (fault = 1; fault < NR_FAULTS; fault++)
			if (applies(format, fault))
				ok(run(format, 2, fault, seed, FAULT_ROUNDS,
				       &traffic),
				   format, "%s is noticed", faults[fault]);
	return ok_end();
}
