// SPDX-License-Identifier: GPL-2.0-only
/*
 * Revoking and reporting, as an unmap does it, on tables of every format
 *
 * First leaves of each size, one by one: what becomes of which word. Then rounds
 * in which a device writes all the time, also at each moment at which a word is
 * about to be exchanged. It caches translations as hardware may at the most: one
 * that is cached as clean remembers that the leaf may be written, and the device
 * goes to memory only to mark it, whatever the leaf permits by then; where it is
 * the permission that it marks with, it cannot. Whatever the device wrote must be
 * reported, and nothing else.
 *
 * Then the same without revoking, and without the flush, which must be noticed.
 *
 * usage: revoke [SEED [ROUNDS [FORMAT]]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "iommu-dirty-log.h"
#include "iommu-dirty-revoke.h"
#include "reshape.h"
#include "util.h"

#define MAX_PAGES	4096
/* Rounds within which a fault must show */
#define FAULT_ROUNDS	2000

enum fault { FAULT_NONE, FAULT_NO_REVOKE, FAULT_NO_FLUSH };

/**
 * struct dev - the device
 * @table: what it walks, or NULL for none
 * @base: IOVA of its first page
 * @nr: how many pages it writes
 * @word: by page, what it has cached: the word that translates, or NULL
 * @dirty: by page, whether that was dirty
 * @may: by page, whether it might be written
 * @size: by page, of the leaf
 * @wrote: by page
 * @refused: a write was refused
 * @hits: writes that an exchange was about to overlook
 * @busy: it is writing
 */
struct dev {
	struct table *table;
	unsigned long base;
	unsigned long nr;
	u64 *word[MAX_PAGES];
	bool dirty[MAX_PAGES];
	bool may[MAX_PAGES];
	unsigned long size[MAX_PAGES];
	bool wrote[MAX_PAGES];
	bool refused;
	unsigned long hits;
	bool busy;
};

static const struct format *format;
static unsigned long state;
static struct dev dev;
bool shim_plain;

#define SMALL	(format->page_shift)

static unsigned long rnd(unsigned long below)
{
	return next_random(&state, below);
}

static unsigned long page_iova(unsigned long page)
{
	return dev.base + (page << SMALL);
}

static void dev_cache(unsigned long page)
{
	unsigned long iova = page_iova(page);
	unsigned int level;
	u64 *word;

	if (dev.word[page])
		return;
	word = table_word(dev.table, iova, &level);
	dev.word[page] = word;
	dev.size[page] = BIT(leaf_shift(dev.table, iova));
	dev.dirty[page] = word_dirty(format, *word);
	dev.may[page] = *word & format->write;
	*word |= BIT_ULL(format->accessed);
}

/*
 * A write to a page, by what is cached of it. It goes to memory to mark the leaf.
 * What the permission is by then it sees if it is what it marks with.
 */
static void dev_write(unsigned long page)
{
	u64 *word;

	dev_cache(page);
	word = dev.word[page];
	if (!dev.dirty[page] && !word_dirty(format, *word)) {
		if (!dev.may[page] ||
		    (format->tracked && !(*word & format->write))) {
			dev.refused = true;
			return;
		}
		*word ^= BIT_ULL(format->dirty);
	}
	dev.dirty[page] = true;
	dev.wrote[page] = true;
}

static void dev_some(unsigned int nr)
{
	while (nr--) {
		unsigned long page = rnd(dev.nr);

		if (rnd(3))
			dev_write(page);
		else
			dev_cache(page);
	}
}

/* A word will be exchanged: often it is what the device comes through now. */
void shim_clearing(const u64 *entry)
{
	unsigned long page, tries;

	if (!dev.table || dev.busy || rnd(4))
		return;
	dev.busy = true;
	for (tries = 0; tries < 64; tries++) {
		unsigned int level;

		page = rnd(dev.nr);
		if (table_word(dev.table, page_iova(page), &level) != entry)
			continue;
		dev.hits++;
		if (rnd(2))
			dev_write(page);
		else
			dev_cache(page);
		break;
	}
	dev.busy = false;
}

void shim_storing(const void *word)
{
	shim_clearing(word);
}

bool shim_recording(unsigned long *word, unsigned long mask)
{
	return false;
}

void shim_torn(void) { }

/* What ->flush() owes */
static void dev_flush(const struct iommu_dirty_read *read)
{
	unsigned long page;

	for (page = 0; page < dev.nr; page++)
		if (page_iova(page) >= read->cleared &&
		    page_iova(page) <= read->cleared_last &&
		    dev.size[page] & read->cleared_sizes)
			dev.word[page] = NULL;
}

/* As in the core, with windows of any size: none is cut by less than a leaf. */
static void revoke(struct table *table, struct iommu_dirty_read *read,
		   unsigned long iova, unsigned long last, unsigned long window)
{
	struct iommu_dirty_shape shape;
	unsigned long window_last;

	iommu_dirty_revoke_init(&shape);
	read->shape = &shape;
	read->last = last;
	read->cleared = ~0UL;
	for (;; iova = window_last + 1) {
		window_last = min(last, iova | (window - 1));
		format->walk(table->root, table->level, read, iova,
			     window_last);
		if (window_last == last)
			return;
	}
}

static void report(struct table *table, unsigned long iova, unsigned long last,
		   unsigned long *bits)
{
	struct iommu_dirty_log log = {
		.iova = iova, .last = last, .shift = SMALL,
		.page = { bits, bits + PAGE_SIZE / sizeof(*bits) },
	};
	struct iommu_dirty_read read = {
		.log = &log, .last = last, .cleared = ~0UL,
	};

	memset(bits, 0, 2 * PAGE_SIZE);
	format->walk(table->root, table->level, &read, iova, last);
}

/*
 * Three leaves of a size, the first and the last of which are not for us. Word
 * @dirty of the one in the middle is dirty, if it has so many.
 */
static bool one_leaf(unsigned int shift, unsigned int dirty, unsigned long window,
		     u64 without)
{
	unsigned long size = BIT(shift), base = 4 * size, i, at;
	struct iommu_dirty_read read = { 0 };
	struct table table;
	struct leaf *leaf;
	bool right = true, revoked = false;
	u64 was[512];

	table_init(&table, format, format->max_level);
	for (i = 0; i < 3; i++) {
		at = table_map(&table, base + i * size, shift) - table.leaves;
		leaf = table.leaves + at;
		leaf_write(&table, leaf, 0);
		if (i == 1) {
			for (at = 0; at < leaf->words; at++)
				leaf->entry[at] = format->leaf(leaf->iova, shift) &
						  ~without;
			if (dirty < leaf->words)
				leaf_write(&table, leaf, dirty);
		} else {
			/* Clean, too */
			for (at = 0; at < leaf->words; at++)
				leaf->entry[at] = format->leaf(leaf->iova, shift);
		}
	}
	leaf = table.leaves + 1;
	memcpy(was, leaf->entry, leaf->words * sizeof(u64));
	revoke(&table, &read, leaf->iova, leaf->iova + size - 1, window);

	for (i = 0; i < leaf->words; i++) {
		u64 want = was[i];

		if (!word_dirty(format, want) && want & format->write) {
			if (without) {
				/* It would map nothing, and so is dirty. */
				want ^= BIT_ULL(format->dirty);
			} else {
				want &= ~format->write;
				revoked = true;
			}
		}
		right &= leaf->entry[i] == want;
	}
	if (revoked)
		right &= read.cleared == leaf->iova &&
			 read.cleared_last == leaf->iova + size - 1 &&
			 read.cleared_sizes == size;
	else
		right &= read.cleared > read.cleared_last;
	for (i = 0; i < 3; i += 2)
		for (at = 0; at < leaf->words; at++)
			right &= table.leaves[i].entry[at] ==
				 format->leaf(table.leaves[i].iova, shift);
	right &= !read.log && !read.clear;
	table_free(&table);
	return right;
}

static void test_sizes(void)
{
	const unsigned int *shift;

	for (shift = format->shifts; *shift; shift++) {
		unsigned int words = format->words(*shift), i;
		unsigned long size = BIT(*shift);
		bool right;

		ok(one_leaf(*shift, ~0U, size, 0), format,
		   "2^%u: clean, read-only", *shift);
		for (right = true, i = 0; i < words; i++)
			right &= one_leaf(*shift, i, size, 0);
		ok(right, format, "2^%u: dirty, as it was", *shift);
		if (*shift > SMALL)
			ok(one_leaf(*shift, ~0U, size / 2, 0), format,
			   "2^%u: piece by piece", *shift);
		/* VT-d: R is bit 0; without it there is only W. */
		if (!format->tracked && format->write == BIT_ULL(1))
			ok(one_leaf(*shift, ~0U, size, BIT_ULL(0)), format,
			   "2^%u: write-only, dirty", *shift);
	}
}

/* Leaves that one was split into, with their mark, which stays */
static void test_split(void)
{
	unsigned int huge = format->shifts[1], i, nr = 0;
	unsigned long base = 4 * BIT(huge), at, *bits;
	struct iommu_dirty_read read = { 0 };
	struct table table, fresh;
	bool right = true;

	table_init(&table, format, format->max_level);
	table_init(&fresh, format, format->max_level);
	table_map(&table, base, huge);
	table_map(&fresh, base, huge);
	split_all(&table, base, base + BIT(huge) - 1);
	bits = new_bits(format, BIT(huge));
	revoke(&table, &read, base, base + BIT(huge) - 1, BIT(huge));
	report(&table, base, base + BIT(huge) - 1, bits);
	for (at = base; at < base + BIT(huge); at += BIT(SMALL)) {
		u64 *word = table_word(&table, at, &i);

		right &= !(*word & format->write);
		*word |= format->write;
		nr += bit_is_set(bits, (at - base) >> SMALL);
	}
	ok(right && !nr, format, "what was split is revoked");
	join_all(&table, base, base + BIT(huge) - 1);
	ok(same_tables(&table, &fresh), format, "and is what it was otherwise");
	free(bits);
	table_free(&table);
	table_free(&fresh);
}

/* Small leaves, and of each other size that is small enough */
static unsigned long map_some(struct table *table, unsigned long base)
{
	const unsigned int *shift;
	unsigned long end = base, i;

	for (i = 0; i < 1U << format->index_bits && i < 512; i++) {
		table_map(table, end, SMALL);
		end += BIT(SMALL);
	}
	for (shift = format->shifts + 1; *shift; shift++) {
		unsigned long last = round_up(end, BIT(*shift)) + BIT(*shift);

		if ((last - base) >> SMALL > MAX_PAGES || *shift > SMALL + 11)
			break;
		/* No holes: who unmaps walks an area. */
		for (; end & (BIT(*shift) - 1); end += BIT(SMALL))
			table_map(table, end, SMALL);
		table_map(table, end, *shift);
		end += BIT(*shift);
	}
	return end - 1;
}

/* Is any page of a page's leaf written? */
static bool leaf_wrote(unsigned long page)
{
	unsigned long nr = BIT(leaf_shift(dev.table, page_iova(page))) >> SMALL;
	unsigned long first = page & ~(nr - 1), i;

	for (i = 0; i < nr; i++)
		if (dev.wrote[first + i])
			return true;
	return false;
}

static const char *one_round(enum fault fault)
{
	const unsigned long base = 1UL << 32;
	const char *verdict = NULL;
	static unsigned long *bits;
	struct iommu_dirty_read read = { .cleared = ~0UL };
	struct table table;
	unsigned long last, page;

	if (!bits)
		bits = aligned_alloc(PAGE_SIZE, 2 * PAGE_SIZE);
	table_init(&table, format, format->max_level);
	last = map_some(&table, base);
	memset(&dev, 0, offsetof(struct dev, hits));
	dev.table = &table;
	dev.base = base;
	dev.nr = (last - base + 1) >> SMALL;

	dev_some(rnd(3) ? rnd(dev.nr) : 0);
	if (fault != FAULT_NO_REVOKE)
		revoke(&table, &read, base, last,
		       BIT(SMALL + 1 + rnd(12)));
	dev_some(rnd(64));
	if (fault != FAULT_NO_FLUSH)
		dev_flush(&read);
	dev_some(rnd(64));
	report(&table, base, last, bits);
	dev_some(64);
	dev.table = NULL;

	for (page = 0; page < dev.nr; page++) {
		dev.table = &table;
		if (dev.wrote[page] && !bit_is_set(bits, page))
			verdict = "a page that was written is not reported";
		if (bit_is_set(bits, page) && !leaf_wrote(page))
			verdict = "a page is reported that was not written";
		dev.table = NULL;
	}
	table_free(&table);
	return verdict;
}

/* @met: the device was refused writes, and wrote when a word was exchanged. */
static const char *run(enum fault fault, unsigned long rounds, bool *met)
{
	const char *verdict = NULL;
	unsigned long refused = 0;

	dev.hits = 0;
	while (rounds-- && !verdict) {
		verdict = one_round(fault);
		refused += dev.refused;
	}
	*met = dev.hits && refused;
	return verdict;
}

static void test_writes(unsigned long rounds)
{
	const char *verdict;
	bool met;

	verdict = run(FAULT_NONE, rounds, &met);
	if (!verdict && !met)
		verdict = "the device was never refused, or never in time";
	ok_unless(verdict, format,
		  "a device writes: nothing lost, nothing invented");
	/* It cannot meet what is left out. */
	ok(run(FAULT_NO_REVOKE, FAULT_ROUNDS, &met), format,
	   "no revoke is noticed");
	if (!format->tracked)
		ok(run(FAULT_NO_FLUSH, FAULT_ROUNDS, &met), format,
		   "no flush is noticed");
}

int main(int argc, char **argv)
{
	unsigned long seed = argc > 1 ? strtoul(argv[1], NULL, 0) : time(NULL);
	unsigned long rounds = argc > 2 ? strtoul(argv[2], NULL, 0) : 300;

	printf("TAP version 13\n# revoke: seed %lu\n", seed);
	state = random_state(seed);
	for (format = formats; format < formats + nr_formats; format++) {
		if (argc > 3 && strcmp(argv[3], format->name))
			continue;
		test_sizes();
		test_split();
		stock_free();
		test_writes(rounds);
	}
	return ok_end();
}
