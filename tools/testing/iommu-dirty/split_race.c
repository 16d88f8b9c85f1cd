// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads that split leaves while others read them and hardware dirties them
 *
 * In each round the leaves are huge and clean, a page or two are written, and
 * then three reads of any ranges run at the same time, which split or do not,
 * while more is written. A page that was written before must be in the report of
 * one of those that covered it; and whatever is in none must be found by a last
 * read. Hardware may mark any word of a replicated leaf, as long as it is one.
 *
 * Then the same without reading again what was split in part meanwhile, which
 * must be noticed.
 *
 * usage: split_race [SEED [ROUNDS [FORMAT]]]
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "iommu-dirty-log.h"
#include "reshape.h"
#include "util.h"

#define NR_READERS	3
#define NR_WRITES	8
#define NR_LEAVES	2
/* Rounds within which the fault must show. Of two words it takes some 10000. */
#define FAULT_ROUNDS	1000000

struct race;

struct reader {
	struct race *race;
	pthread_t thread;
	unsigned long random;
	unsigned long iova;
	unsigned long last;
	bool split;
	unsigned long *bits;
};

/**
 * struct race - a table and who reads it
 * @table: the table
 * @base: IOVA of the first leaf
 * @size: of all leaves
 * @nr: pages, of the smallest size
 * @partial: what the readers share
 * @no_retry: they do not look at it
 * @readers: they; the last of them is who reads when all is quiet
 * @barrier: begin and end of a round
 * @over: no more rounds
 * @splits: leaves that were split
 */
struct race {
	struct table table;
	unsigned long base;
	unsigned long size;
	unsigned long nr;
	struct iommu_dirty_partial partial;
	bool no_retry;
	struct reader readers[NR_READERS + 1];
	pthread_barrier_t barrier;
	bool over;
	unsigned long splits;
};

bool shim_plain;
static __thread unsigned long state;

static unsigned long rnd(unsigned long below)
{
	return next_random(&state, below);
}

/* Let others go on, now and then: wherever a word is exchanged or cleared. */
static void chance(void)
{
	if (!rnd(4))
		sched_yield();
}

void shim_clearing(const u64 *entry)
{
	chance();
}

bool shim_recording(unsigned long *word, unsigned long mask)
{
	chance();
	return false;
}

void shim_torn(void) { }
void shim_storing(const void *word) { }

static unsigned int page_shift(const struct race *race)
{
	return race->table.format->page_shift;
}

static void read_once(struct reader *reader)
{
	struct race *race = reader->race;
	struct iommu_dirty_split split;
	struct iommu_dirty_log log = {
		.iova = reader->iova,
		.last = reader->last,
		.shift = page_shift(race),
		.page = { reader->bits },
	};
	struct iommu_dirty_read read = {
		.log = &log,
		.clear = true,
		.last = reader->last,
		.shape = reader->split ? &split.shape : NULL,
		.partial = &race->partial,
		.cleared = ~0UL,
	};

	memset(reader->bits, 0, PAGE_SIZE);
	iommu_dirty_split_init(&split, false);
	if (reader->split)
		stock_fill(&split, race->table.format, 4);
	do {
		read.whole = reader->iova;
		read.next = reader->iova;
		iommu_dirty_partial_begin(&read);
		race->table.format->walk(race->table.root, race->table.level,
					 &read, reader->iova, reader->last);
	} while (!race->no_retry && iommu_dirty_partial_retry(&read));
	stock_empty(&split);
	__atomic_fetch_add(&race->splits, split.leaves, __ATOMIC_RELAXED);
}

static void *reader_thread(void *arg)
{
	struct reader *reader = arg;

	state = reader->random;
	for (;;) {
		pthread_barrier_wait(&reader->race->barrier);
		if (reader->race->over)
			return NULL;
		read_once(reader);
		pthread_barrier_wait(&reader->race->barrier);
	}
}

static bool covers(const struct reader *reader, unsigned long iova)
{
	return iova >= reader->iova && iova <= reader->last;
}

static bool reports(const struct reader *reader, unsigned long iova)
{
	unsigned long bit;

	if (!covers(reader, iova))
		return false;
	bit = (iova - reader->iova) >> page_shift(reader->race);
	return reader->bits[bit / BITS_PER_LONG] >> bit % BITS_PER_LONG & 1;
}

/*
 * What hardware does before a write: mark the word that translates, or another
 * of the same leaf. A word that has changed since is looked up again.
 */
static bool try_dma(struct race *race, unsigned long iova)
{
	const struct format *format = race->table.format;
	const u64 mark = BIT_ULL(format->dirty) | BIT_ULL(format->accessed);
	unsigned int level, words;
	u64 *word, first, old, new;

	word = table_word(&race->table, iova, &level);
	first = __atomic_load_n(word, __ATOMIC_SEQ_CST);
	if (format->is_table(first, level))
		return false;
	words = format->words(word_shift(format, first, level));
	word = (u64 *)round_down((uintptr_t)word, words * sizeof(*word)) +
	       rnd(words);
	old = __atomic_load_n(word, __ATOMIC_SEQ_CST);
	if ((old ^ first) & ~mark)
		return false;
	chance();
	new = old | BIT_ULL(format->accessed);
	if (!word_dirty(format, old))
		new ^= BIT_ULL(format->dirty);
	return __atomic_compare_exchange_n(word, &old, new, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static void dma(struct race *race, unsigned long iova)
{
	while (!try_dma(race, iova))
		;
}

static void choose(struct reader *reader)
{
	struct race *race = reader->race;
	unsigned long from = rnd(race->nr);
	unsigned long to = from + rnd(race->nr - from);

	if (!rnd(4))
		from = 0;
	if (!rnd(4))
		to = race->nr - 1;
	reader->iova = race->base + (from << page_shift(race));
	reader->last = race->base + ((to + 1) << page_shift(race)) - 1;
	reader->split = rnd(4);
}

/* Returns what was wrong, or NULL. */
static const char *one_round(struct race *race)
{
	unsigned long iova[NR_WRITES], before = 1 + rnd(2), nr, i, r;
	const struct reader *quiet = race->readers + NR_READERS;
	const char *verdict = NULL;

	nr = before + rnd(4);
	for (i = 0; i < nr; i++)
		iova[i] = race->base +
			  (rnd(race->nr) << page_shift(race));
	for (i = 0; i < before; i++)
		dma(race, iova[i]);
	for (r = 0; r < NR_READERS; r++)
		choose(race->readers + r);

	pthread_barrier_wait(&race->barrier);
	for (; i < nr; i++) {
		chance();
		dma(race, iova[i]);
	}
	pthread_barrier_wait(&race->barrier);
	read_once(race->readers + NR_READERS);

	for (i = 0; i < nr; i++) {
		bool covered = false, reported = false;

		for (r = 0; r < NR_READERS; r++) {
			covered |= covers(race->readers + r, iova[i]);
			reported |= reports(race->readers + r, iova[i]);
		}
		if (i < before && covered && !reported)
			verdict = "a page is in no report";
		if (!reported && !reports(quiet, iova[i]))
			verdict = "a page is in no report, nor left dirty";
	}
	join_all(&race->table, race->base, race->base + race->size - 1);
	return verdict;
}

static const char *run(const struct format *format, unsigned int shift,
		       unsigned long rounds, bool no_retry,
		       unsigned long *splits)
{
	static struct race race;
	const char *verdict = NULL;
	unsigned long i;

	memset(&race, 0, sizeof(race));
	race.no_retry = no_retry;
	race.size = NR_LEAVES * BIT(shift);
	race.base = 4 * race.size;
	race.nr = race.size >> format->page_shift;
	table_init(&race.table, format, format->max_level);
	for (i = 0; i < NR_LEAVES; i++)
		table_map(&race.table, race.base + i * BIT(shift), shift);
	pthread_barrier_init(&race.barrier, NULL, NR_READERS + 1);
	for (i = 0; i <= NR_READERS; i++) {
		struct reader *reader = race.readers + i;

		reader->race = &race;
		reader->random = random_state(rnd(~0UL));
		reader->bits = aligned_alloc(PAGE_SIZE, PAGE_SIZE);
		reader->iova = race.base;
		reader->last = race.base + race.size - 1;
		if (i < NR_READERS)
			pthread_create(&reader->thread, NULL, reader_thread,
				       reader);
	}

	for (i = 0; i < rounds && !verdict; i++)
		verdict = one_round(&race);
	race.over = true;
	pthread_barrier_wait(&race.barrier);
	for (i = 0; i <= NR_READERS; i++) {
		if (i < NR_READERS)
			pthread_join(race.readers[i].thread, NULL);
		free(race.readers[i].bits);
	}
	pthread_barrier_destroy(&race.barrier);
	printf("# %lu leaves split, %lu of them in part\n", race.splits,
	       race.partial.ended.counter);
	*splits = race.splits;
	table_free(&race.table);
	stock_free();
	return verdict;
}

/* Not of so many pages that their bits fill a page */
static bool suits(const struct format *format, unsigned int shift)
{
	return shift - format->page_shift < 14;
}

static void test_leaves(const struct format *format, unsigned int shift,
			unsigned long rounds)
{
	const char *verdict;
	unsigned long splits;

	verdict = run(format, shift, rounds, false, &splits);
	if (!verdict && splits < rounds / 4)
		verdict = "hardly any leaf was split";
	ok_unless(verdict, format, "2^%u: nothing is lost", shift);
	if (format->words(shift) > 1)
		ok(run(format, shift, FAULT_ROUNDS, true, &splits), format,
		   "2^%u: reading once is noticed", shift);
}

int main(int argc, char **argv)
{
	unsigned long seed = argc > 1 ? strtoul(argv[1], NULL, 0) : time(NULL);
	unsigned long rounds = argc > 2 ? strtoul(argv[2], NULL, 0) : 300;
	const struct format *format;
	const unsigned int *shift;

	printf("TAP version 13\n# split_race: seed %lu\n", seed);
	state = random_state(seed);
	for (format = formats; format < formats + nr_formats; format++)
		for (shift = format->shifts + 1; *shift; shift++)
			if (suits(format, *shift) &&
			    (argc <= 3 || !strcmp(argv[3], format->name)))
				test_leaves(format, *shift, rounds);
	return ok_end();
}
