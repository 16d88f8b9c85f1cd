// SPDX-License-Identifier: GPL-2.0-only
/*
 * What dirty tracking costs, on the kernel that this runs on.
 *
 * One HWPT with gigabytes of small leaves and, right behind them, of large
 * ones. They are made of little memory, mapped again and again: a read walks
 * page tables, and whose memory they map does not matter to it. Dirt is real: a
 * device writes it, and a read that reports another number of pages than were
 * written is said to be wrong beside its time.
 *
 * On stdout a line for each figure, "bench NAME VALUE UNIT", with the least and
 * the most behind it if the value is a median of some repeats, or "wrong NAME
 * REPORTED WRITTEN"; everything else is on stderr. Times of reads are for each
 * page, of the smallest size whatever the leaf. One
 * more read of each kind has "# get NAME" and "# got NAME" around it on stderr,
 * for who can see what the IOMMU is told meanwhile.
 * The program needs an e1000e of QEMU's behind an IOMMU that tracks, and uses
 * nothing that an unpatched kernel lacks.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <termios.h>
#include <unistd.h>

#include "rig.h"

#define GIB		(1024 * 1024 * 1024ULL)

/* What is mapped again and again */
#define MEM_PAGES	65536
#define MEM_LARGE	64

/* What a VMM maps while another of its threads reads */
#define OTHER_PAGES	16
#define OTHER_IOVA	(RIG_NIC_IOVA / 2)
#define OTHER_MAX	400

/* All dirty: no more than a device can write in a second or two */
#define ALL_PAGES	16384

#define REPEATS_MAX	15

/**
 * struct bench - what is measured
 * @rig: the machine
 * @small: bytes of small leaves, from RIG_IOVA
 * @large: bytes of large leaves, from there
 * @repeats: of each measurement
 * @bitmap: for all of it
 * @bytes: of @bitmap
 * @seed: of where the dirt is
 */
struct bench {
	struct rig rig;
	uint64_t small;
	uint64_t large;
	unsigned int repeats;
	uint64_t *bitmap;
	size_t bytes;
	uint64_t seed;
};

/**
 * struct getter - a thread that reads
 * @b: what
 * @iova: first byte
 * @length: bytes
 * @bitmap: its own
 * @start: waits there before the first read
 * @stop: told to stop; with one read only, from the beginning
 * @rc: of the last read
 */
struct getter {
	struct bench *b;
	uint64_t iova;
	uint64_t length;
	uint64_t *bitmap;
	pthread_t thread;
	pthread_barrier_t start;
	bool stop;
	int rc;
};

/* A measurement that cannot be made is no figure, so the end. */
static void must(int rc, const char *what)
{
	if (!rc)
		return;
	fprintf(stderr, "dma_bench: %s: %s\n", what, strerror(abs(rc)));
	exit(2);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Sorts */
static uint64_t quantile(uint64_t *samples, unsigned int n, unsigned int percent)
{
	qsort(samples, n, sizeof(*samples), by_value);
	return samples[(n - 1) * percent / 100];
}

static void figure(const char *name, double value, const char *unit)
{
	printf("bench %s %.3f %s\n", name, value, unit);
	fflush(stdout);
}

/* The median of @n samples in ns, each divided by @by, and between what they lie */
static void median(const char *name, uint64_t *samples, unsigned int n,
		   double by, const char *unit)
{
	uint64_t middle = quantile(samples, n, 50);

	printf("bench %s %.3f %s %.3f %.3f\n", name, middle / by, unit,
	       samples[0] / by, samples[n - 1] / by);
	fflush(stdout);
}

static void map_again(struct bench *b, uint64_t iova, uint64_t length,
		      uint64_t mem_length, uint64_t piece)
{
	void *mem = mem_alloc(mem_length, piece);
	uint64_t end = iova + length;

	must(mem ? 0 : -ENOMEM, "memory, or huge pages");
	for (; iova < end; iova += mem_length)
		must(iommufd_map(b->rig.fd, b->rig.ioas, mem, iova, mem_length),
		     "MAP");
}

static int get(struct bench *b, uint64_t iova, uint64_t length, void *bitmap)
{
	return iommufd_get_dirty(b->rig.fd, b->rig.hwpt, 0, iova, length, PAGE,
				 bitmap);
}

static uint64_t timed_get(struct bench *b, uint64_t iova, uint64_t length)
{
	uint64_t begin = now_ns();

	must(get(b, iova, length, b->bitmap), "GET");
	return now_ns() - begin;
}

static void write_all(struct bench *b, struct e1000e_write *w, size_t n)
{
	must(e1000e_write(&b->rig.nic, w, n), "DMA");
}

/*
 * Write to one leaf, anywhere, in each @every.
 *
 * Return: how many.
 */
static uint64_t make_dirty(struct bench *b, uint64_t iova, uint64_t length,
			   uint64_t leaf, unsigned int every)
{
	uint64_t leaves = length / leaf, at, total = 0;
	struct e1000e_write w[E1000E_BATCH];
	size_t n = 0;

	for (at = 0; at + every <= leaves; at += every) {
		w[n].iova = iova + (at + rnd(&b->seed) % every) * leaf;
		w[n].len = E1000E_MIN_LEN;
		w[n].stamp = b->rig.stamp++;
		total++;
		if (++n == E1000E_BATCH) {
			write_all(b, w, n);
			n = 0;
		}
	}
	write_all(b, w, n);
	return total;
}

/* How many bits are set; none afterwards */
static uint64_t take_bits(struct bench *b)
{
	uint64_t total = 0;
	size_t i;

	for (i = 0; i < b->bytes / sizeof(*b->bitmap); i++)
		total += __builtin_popcountll(b->bitmap[i]);
	memset(b->bitmap, 0, b->bytes);
	return total;
}

/* On the console, when this returns */
static void mark(const char *word, const char *name)
{
	fprintf(stderr, "# %s %s\n", word, name);
	tcdrain(STDERR_FILENO);
}

/* A clearing read, with one leaf dirty in each @every; 0 for clean */
static void bench_scan(struct bench *b, const char *name, uint64_t iova,
		       uint64_t length, uint64_t leaf, unsigned int every)
{
	uint64_t samples[REPEATS_MAX], written, reported;
	unsigned int i;

	timed_get(b, iova, length);
	take_bits(b);
	for (i = 0; i <= b->repeats; i++) {
		written = 0;
		if (every)
			written = make_dirty(b, iova, length, leaf, every) *
				  (leaf / PAGE);
		if (i < b->repeats) {
			samples[i] = timed_get(b, iova, length);
		} else {
			mark("get", name);
			timed_get(b, iova, length);
			mark("got", name);
		}
		reported = take_bits(b);
		if (reported != written)
			printf("wrong %s %llu %llu\n", name,
			       (unsigned long long)reported,
			       (unsigned long long)written);
	}
	median(name, samples, b->repeats, length / PAGE, "ns/page");
}

/* Switching on, of all, against one clearing read of all */
static void bench_enable(struct bench *b)
{
	uint64_t set[REPEATS_MAX], all[REPEATS_MAX], begin;
	struct rig *r = &b->rig;
	unsigned int i;

	for (i = 0; i < b->repeats; i++) {
		must(iommufd_set_dirty(r->fd, r->hwpt, false), "SET(0)");
		begin = now_ns();
		must(iommufd_set_dirty(r->fd, r->hwpt, true), "SET(1)");
		set[i] = now_ns() - begin;
		all[i] = timed_get(b, RIG_IOVA, b->small + b->large);
	}
	median("enable", set, b->repeats, 1000, "us");
	median("get-all", all, b->repeats, 1000, "us");
}

static void *getter_thread(void *arg)
{
	struct getter *g = arg;

	pthread_barrier_wait(&g->start);
	do {
		g->rc = get(g->b, g->iova, g->length, g->bitmap);
	} while (!g->rc && !__atomic_load_n(&g->stop, __ATOMIC_RELAXED));
	return NULL;
}

static void getter_start(struct getter *g)
{
	pthread_barrier_init(&g->start, NULL, 2);
	must(pthread_create(&g->thread, NULL, getter_thread, g), "thread");
	pthread_barrier_wait(&g->start);
}

static void getter_end(struct getter *g)
{
	pthread_join(g->thread, NULL);
	pthread_barrier_destroy(&g->start);
	must(g->rc, "GET in a thread");
}

/*
 * Small leaves, with one dirty in each @every, by one thread and by two, in turns;
 * the halves are of whole windows.
 */
static void bench_threads(struct bench *b, const char *name, uint64_t length,
			  unsigned int every)
{
	uint64_t one[REPEATS_MAX], two[REPEATS_MAX], half = length / 2, begin;
	struct getter g = {
		.b = b, .iova = RIG_IOVA + half, .length = half, .stop = true,
		.bitmap = b->bitmap + half / PAGE / 64,
	};
	char text[64];
	unsigned int i;

	for (i = 0; i < b->repeats; i++) {
		if (every)
			make_dirty(b, RIG_IOVA, length, PAGE, every);
		one[i] = timed_get(b, RIG_IOVA, length);
		if (every)
			make_dirty(b, RIG_IOVA, length, PAGE, every);
		getter_start(&g);
		begin = now_ns();
		timed_get(b, RIG_IOVA, half);
		getter_end(&g);
		two[i] = now_ns() - begin;
	}
	take_bits(b);
	snprintf(text, sizeof(text), "one-thread%s", name);
	median(text, one, b->repeats, 1000, "us");
	snprintf(text, sizeof(text), "two-threads%s", name);
	median(text, two, b->repeats, 1000, "us");
}

static void figures_of(const char *call, const char *when, uint64_t *samples,
		       unsigned int n)
{
	static const unsigned int percent[] = { 50, 99, 100 };
	static const char * const which[] = { "p50", "p99", "worst" };
	char name[64];
	unsigned int i;

	for (i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s-%s-%s", call, when, which[i]);
		figure(name, quantile(samples, n, percent[i]) / 1000.0, "us");
	}
}

/* MAP and UNMAP of something else, for at most @seconds */
static void bench_other(struct bench *b, const char *when, void *mem,
			unsigned int seconds)
{
	static uint64_t map[OTHER_MAX], unmap[OTHER_MAX];
	uint64_t end = now_ns() + seconds * 1000000000ULL, begin;
	struct rig *r = &b->rig;
	unsigned int n = 0;

	while (n < OTHER_MAX && now_ns() < end) {
		begin = now_ns();
		must(iommufd_map(r->fd, r->ioas, mem, OTHER_IOVA,
				 OTHER_PAGES * PAGE), "MAP");
		map[n] = now_ns() - begin;
		begin = now_ns();
		must(iommufd_unmap(r->fd, r->ioas, OTHER_IOVA,
				   OTHER_PAGES * PAGE), "UNMAP");
		unmap[n++] = now_ns() - begin;
	}
	figures_of("map", when, map, n);
	figures_of("unmap", when, unmap, n);
}

static void bench_latency(struct bench *b, unsigned int seconds)
{
	void *mem = mem_alloc(OTHER_PAGES * PAGE, PAGE);
	struct getter g = {
		.b = b, .iova = RIG_IOVA, .length = b->small + b->large,
		.bitmap = b->bitmap,
	};

	must(mem ? 0 : -ENOMEM, "memory");
	bench_other(b, "idle", mem, seconds);
	getter_start(&g);
	bench_other(b, "get", mem, seconds);
	__atomic_store_n(&g.stop, true, __ATOMIC_RELAXED);
	getter_end(&g);
}

static void set_up(struct bench *b)
{
	const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	struct rig *r = &b->rig;
	uint64_t begin;

	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	must(rig_open(r), "no e1000e behind an IOMMU that tracks");
	b->bytes = (b->small + b->large) / PAGE / 8;
	b->bitmap = aligned_alloc(PAGE, b->bytes);
	must(b->bitmap ? 0 : -ENOMEM, "memory");
	memset(b->bitmap, 0, b->bytes);

	begin = now_ns();
	map_again(b, RIG_IOVA, b->small, MEM_PAGES * PAGE, PAGE);
	map_again(b, RIG_IOVA + b->small, b->large, MEM_LARGE * mem_large(),
		  mem_large());
	fprintf(stderr, "# mapping took %.1f s\n", (now_ns() - begin) / 1e9);
	must(iommufd_set_dirty(r->fd, r->hwpt, true), "SET(1)");
}

int main(int argc, char **argv)
{
	bool quick = argc > 1 && !strcmp(argv[1], "--quick");
	struct bench b = {
		.small = quick ? GIB : 8 * GIB, .large = quick ? GIB : 16 * GIB,
		.repeats = quick ? 5 : 9, .seed = 1,
	};
	uint64_t large = RIG_IOVA + b.small;

	if (argc > 2 || (argc == 2 && !quick)) {
		fprintf(stderr, "usage: dma_bench [--quick]\n");
		return 2;
	}
	set_up(&b);
	bench_scan(&b, "clean", RIG_IOVA, b.small, PAGE, 0);
	bench_scan(&b, "1%", RIG_IOVA, GIB, PAGE, 100);
	bench_scan(&b, "all", RIG_IOVA, ALL_PAGES * PAGE, PAGE, 1);
	bench_scan(&b, "large-clean", large, b.large, mem_large(), 0);
	bench_scan(&b, "large-all", large, GIB, mem_large(), 1);
	bench_enable(&b);
	bench_threads(&b, "", b.small, 0);
	bench_threads(&b, "-1%", GIB, 100);
	bench_latency(&b, quick ? 3 : 10);
	rig_close(&b.rig);
	return 0;
}
