// SPDX-License-Identifier: GPL-2.0-only
/* A device that writes on and on while its area goes, see burst.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "burst.h"
#include "text.h"

/*
 * Bursts that are waited for when the area is gone.  The first may have begun
 * before; the others are refused from their first write.
 */
#define BURSTS_REFUSED	3

static void *burst_thread(void *arg)
{
	struct e1000e_write w[BURST_WRITES];
	struct burst *b = arg;
	unsigned int i;

	while (!b->rc && !__atomic_load_n(&b->stop, __ATOMIC_RELAXED)) {
		for (i = 0; i < BURST_WRITES; i++)
			w[i] = (struct e1000e_write) {
				.iova = b->iova + rnd(&b->seed) % b->pages *
					PAGE,
				.len = E1000E_MIN_LEN,
				.stamp = b->stamp + i,
			};
		/* Taken before the device is told of any of them */
		__atomic_store_n(&b->stamp, b->stamp + BURST_WRITES,
				 __ATOMIC_SEQ_CST);
		b->rc = e1000e_write(&b->rig->nic, w, BURST_WRITES);
		__atomic_fetch_add(&b->bursts, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

static int burst_begin(struct burst *b)
{
	b->stop = false;
	b->bursts = 0;
	return -pthread_create(&b->thread, NULL, burst_thread, b);
}

/* Wait for some bursts from now. */
static void burst_wait(struct burst *b, unsigned int more)
{
	unsigned int until = __atomic_load_n(&b->bursts, __ATOMIC_ACQUIRE) + more;

	while (!__atomic_load_n(&b->rc, __ATOMIC_RELAXED) &&
	       __atomic_load_n(&b->bursts, __ATOMIC_ACQUIRE) < until)
		usleep(200);
}

/* Returns when the last burst is complete, and what went wrong. */
static int burst_end(struct burst *b)
{
	__atomic_store_n(&b->stop, true, __ATOMIC_RELAXED);
	pthread_join(b->thread, NULL);
	return b->rc;
}

/*
 * Does the machine show dirty state as late as it may?  scripts/machines say so.
 * A write whose leaf loses its permission before it is marked would be refused by
 * hardware; the model has let it through by then.  So nothing may be written
 * where something is unmapped, at this moment.
 */
static bool burst_late(void)
{
	char line[2048];

	return !text_read("/proc/cmdline", line, sizeof(line)) &&
	       strstr(line, "guest.httu=late");
}

/* Of the last write to a page, or 0 */
static uint64_t stamp_of(const struct burst *b, size_t page)
{
	uint64_t stamp;

	memcpy(&stamp, b->mem + page * PAGE, sizeof(stamp));
	return stamp;
}

static bool leaf_written(const struct burst *b, size_t page)
{
	size_t i, first = page / b->leaf * b->leaf;

	for (i = first; i < first + b->leaf && i < b->pages; i++)
		if (stamp_of(b, i))
			return true;
	return false;
}

static int wrong_page(bool first, size_t page, const char *what)
{
	if (first)
		printf("# page %zu %s\n", page, what);
	return 1;
}

static int wrong_round(const char *what)
{
	printf("# %s\n", what);
	return 1;
}

/* @gone: the stamp of the first write that began when the area was gone */
static int compare(const struct burst *b, uint64_t gone)
{
	int lost = 0, invented = 0, late = 0, wrong = 0;
	bool written = false;
	size_t i;

	for (i = 0; i < b->pages; i++) {
		bool reported = b->reported(b->arg, i);
		uint64_t stamp = stamp_of(b, i);

		written |= stamp;
		if (stamp && !reported)
			lost += wrong_page(!lost, i, "is lost");
		if (reported && !stamp && !leaf_written(b, i))
			invented += wrong_page(!invented, i, "is invented");
		if (stamp >= gone)
			late += wrong_page(!late, i, "was written when it was gone");
	}
	if (!written)
		wrong += wrong_round("nothing was written before it was gone");
	if (b->stamp - gone < (BURSTS_REFUSED - 1) * BURST_WRITES)
		wrong += wrong_round("the device did not go on");
	if (lost || invented || late)
		printf("# %d pages lost, %d invented, %d written too late\n",
		       lost, invented, late);
	return lost + invented + late + wrong;
}

int burst_unmap(struct burst *b, unsigned int bursts)
{
	const bool late = burst_late();
	uint64_t gone;
	size_t i;
	int rc;

	for (i = 0; i < b->pages; i++)
		memset(b->mem + i * PAGE, 0, E1000E_MIN_LEN);
	rc = burst_begin(b);
	if (rc)
		return rc;
	burst_wait(b, bursts);
	if (b->get)
		rc = b->get(b->arg);
	if (late)
		burst_end(b);
	if (!rc)
		rc = b->unmap(b->arg);
	gone = __atomic_load_n(&b->stamp, __ATOMIC_SEQ_CST);
	if (late && burst_begin(b))
		return -EAGAIN;
	burst_wait(b, BURSTS_REFUSED);
	if (burst_end(b))
		return b->rc;
	return rc ? rc : compare(b, gone);
}
