// SPDX-License-Identifier: GPL-2.0-only
/* A device that writes on and on, see burst.h. */
#include <string.h>
#include <unistd.h>

#include "burst.h"
#include "text.h"

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
				.stamp = b->stamp++,
			};
		b->rc = e1000e_write(&b->rig->nic, w, BURST_WRITES);
		__atomic_fetch_add(&b->bursts, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

int burst_begin(struct burst *b)
{
	b->stop = false;
	b->bursts = 0;
	return -pthread_create(&b->thread, NULL, burst_thread, b);
}

void burst_wait(struct burst *b, unsigned int more)
{
	unsigned int until = __atomic_load_n(&b->bursts, __ATOMIC_ACQUIRE) + more;

	while (!__atomic_load_n(&b->rc, __ATOMIC_RELAXED) &&
	       __atomic_load_n(&b->bursts, __ATOMIC_ACQUIRE) < until)
		usleep(200);
}

int burst_end(struct burst *b)
{
	__atomic_store_n(&b->stop, true, __ATOMIC_RELAXED);
	pthread_join(b->thread, NULL);
	return b->rc;
}

bool burst_late(void)
{
	char line[2048];

	return !text_read("/proc/cmdline", line, sizeof(line)) &&
	       strstr(line, "guest.httu=late");
}

bool burst_leaf_written(const uint8_t *mem, size_t pages, size_t page,
			size_t leaf)
{
	size_t i, first = page / leaf * leaf;

	for (i = first; i < first + leaf && i < pages; i++)
		if (burst_written(mem, i))
			return true;
	return false;
}
