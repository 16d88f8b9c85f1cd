// SPDX-License-Identifier: GPL-2.0-only
/* The devices of the VM, which know nothing of a migration, see load.h. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "load.h"

/* splitmix64 */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/*
 * Every write counts, and each page once between two GETs. Only when a burst is
 * over does the driver know of it, so a GET may report its pages one round
 * before they are counted here. The device is not held up for a nicer number.
 */
static void account(struct load *load, size_t page)
{
	unsigned int epoch = atomic_load(&load->epoch);

	atomic_fetch_add(&load->writes, 1);
	if (atomic_exchange(&load->seen[page], epoch) != epoch)
		atomic_fetch_add(&load->written[epoch], 1);
}

/* Aims at a random place in @page; never the same bytes twice. */
static void aim(struct e1000e_write *w, size_t page, uint64_t random,
		uint64_t stamp)
{
	w->len = E1000E_MIN_LEN;
	w->iova = RAM_IOVA + page * PAGE +
		  (random >> 40) % (PAGE - E1000E_MIN_LEN + 1);
	w->stamp = stamp;
}

static void burst(struct load *load, const struct e1000e_write *w,
		  unsigned int n)
{
	unsigned int i;

	check(e1000e_write(&load->m->nic, w, n), "DMA of the e1000e");
	for (i = 0; i < n; i++)
		account(load, (w[i].iova - RAM_IOVA) / PAGE);
}

/* Bursts at random addresses, @rate writes a second */
static void *nic_run(void *arg)
{
	struct load *load = arg;
	struct e1000e_write w[64];
	uint64_t random = load->seed, stamp = load->seed;
	double due = now();

	while (!atomic_load(&load->stop)) {
		unsigned int rate = atomic_load(&load->rate);
		unsigned int i, n = rate / 100;

		n = n < 1 ? 1 : n > 64 ? 64 : n;
		for (i = 0; i < n; i++) {
			uint64_t r = next_random(&random);

			aim(&w[i], r % load->ram->pages, r, ++stamp);
		}
		burst(load, w, n);

		/* A device that cannot keep up does not catch up either. */
		due += (double)n / rate;
		if (due < now())
			due = now();
		else
			sleep_until(due);
	}
	return NULL;
}

/* One write into each 2 MiB, whenever a pass over them is asked for */
static void *leaf_run(void *arg)
{
	struct load *load = arg;
	struct e1000e_write w[64];
	uint64_t random = load->seed, stamp = load->seed;
	const size_t step = HUGE_PAGE / PAGE;

	while (!atomic_load(&load->stop)) {
		unsigned int n = 0, pass = atomic_load(&load->passes_begun);
		size_t page;

		if (pass == atomic_load(&load->passes_done)) {
			sleep_until(now() + 0.001);
			continue;
		}
		for (page = 0; page < load->ram->pages; page += step) {
			uint64_t r = next_random(&random);

			aim(&w[n++], page + r % step, r, ++stamp);
			if (n == 64 || page + step >= load->ram->pages) {
				burst(load, w, n);
				n = 0;
			}
		}
		atomic_store(&load->passes_done, pass);
	}
	return NULL;
}

/*
 * One byte at a time. The device writes from a buffer that only it reaches; it
 * first reads bytes 0 to 255 into that, then picks one that is not there yet.
 */
static void *edu_run(void *arg)
{
	struct load *load = arg;
	uint64_t random = ~load->seed;

	while (!atomic_load(&load->stop)) {
		uint64_t at = next_random(&random) % (load->ram->pages * PAGE);
		unsigned char other = load->ram->src[at] + 1;

		check(edu_write(&load->m->edu, RAM_IOVA + at, 1, other),
		      "DMA of the edu");
		account(load, at / PAGE);
	}
	return NULL;
}

void load_start(struct load *load, struct machine *m, struct memory *ram,
		uint64_t seed, unsigned int rate, bool each_leaf)
{
	unsigned int i;

	memset(load, 0, sizeof(*load));
	load->m = m;
	load->ram = ram;
	load->seed = seed;
	load->each_leaf = each_leaf;
	load->seen = alloc(ram->pages * sizeof(*load->seen));
	atomic_store(&load->rate, rate);
	/* 0 in @seen means never. */
	atomic_store(&load->epoch, 1);

	if (load->each_leaf) {
		if (pthread_create(&load->nic_thread, NULL, leaf_run, load))
			die(0, "no threads");
		return;
	}

	for (i = 0; i < 256; i++)
		ram->src[i] = i;
	check(edu_read(&m->edu, RAM_IOVA, 256, 0), "DMA of the edu");

	if (pthread_create(&load->nic_thread, NULL, nic_run, load) ||
	    pthread_create(&load->edu_thread, NULL, edu_run, load))
		die(0, "no threads");
}

void load_next_epoch(struct load *load)
{
	atomic_fetch_add(&load->epoch, 1);
}

void load_slow_down(struct load *load)
{
	atomic_store(&load->rate, (atomic_load(&load->rate) + 1) / 2);
}

void load_begin_pass(struct load *load)
{
	atomic_fetch_add(&load->passes_begun, 1);
}

void load_end_pass(struct load *load)
{
	while (load->each_leaf &&
	       atomic_load(&load->passes_done) != atomic_load(&load->passes_begun))
		sleep_until(now() + 0.001);
}

void load_stop(struct load *load)
{
	atomic_store(&load->stop, true);
	pthread_join(load->nic_thread, NULL);
	if (!load->each_leaf)
		pthread_join(load->edu_thread, NULL);
	check(vfio_bus_master(&load->m->nic.vfio, false), "bus master off");
	check(vfio_bus_master(&load->m->edu.vfio, false), "bus master off");
}
