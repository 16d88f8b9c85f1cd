// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random leaves, splits, joins and reads of parts, while a device writes
 *
 * What was written when a read began must be in the report of that read or of
 * one before, after which the reader copies the page; what comes later, in that
 * of a later one. A page that is reported lies in a leaf that was dirty, as it
 * was when the read began, or was written meanwhile.
 */
#include <stdlib.h>
#include <string.h>

#include "get.h"
#include "reshape.h"
#include "split_random.h"
#include "util.h"
#include "writer.h"

#define OPERATIONS	60

/**
 * struct rig - a table, a device, and who reads
 * @table: the table
 * @fresh: what it was in the beginning
 * @base: first IOVA
 * @size: of all leaves
 * @nr: pages of the smallest size
 * @writer: the device
 * @bits: of the last report
 * @copy: by page, what the reader has of it
 * @before: by page, what was written when the read began
 * @marked: by page, its leaf was dirty when the read began
 * @leaf: by page, log2 of the size of its leaf then
 */
struct rig {
	struct table table;
	struct table fresh;
	unsigned long base;
	unsigned long size;
	unsigned long nr;
	struct writer writer;
	unsigned long *bits;
	unsigned long *copy;
	unsigned long *before;
	bool *marked;
	unsigned char *leaf;
};

static struct rig *rig;
static unsigned long hits, steps, shortcuts;

bool shim_plain;
void shim_torn(void) { }

static void step(const void *word)
{
	if (rig)
		writer_step(&rig->writer, word);
}

void shim_clearing(const u64 *entry)
{
	step(entry);
}

void shim_storing(const void *word)
{
	step(word);
}

bool shim_recording(unsigned long *word, unsigned long mask)
{
	step(word);
	return false;
}

/* The flush. Before it is done, the device writes through what it has cached. */
static void flush(struct iommu_dirty_read *read)
{
	if (!rig)
		return;
	if (!rig->writer.busy)
		writer_some(&rig->writer, 4);
	if (read->cleared <= read->cleared_last)
		writer_forget(&rig->writer, read->cleared, read->cleared_last,
			      read->cleared_sizes);
	get_flushed(read);
}

static unsigned long rnd(unsigned long below)
{
	return writer_random(&rig->writer, below);
}

static unsigned long page_iova(unsigned long page)
{
	return rig->base + (page << rig->table.format->page_shift);
}

static void look(void)
{
	const struct format *format = rig->table.format;
	unsigned long page, nr, i;

	memcpy(rig->before, rig->writer.stamp, rig->nr * sizeof(*rig->before));
	for (page = 0; page < rig->nr; page += nr) {
		unsigned int level, shift = leaf_shift(&rig->table, page_iova(page));
		unsigned int words = format->words(shift);
		u64 *word = table_word(&rig->table, page_iova(page), &level);
		bool dirty = false;

		for (i = 0; i < words; i++)
			dirty |= word_dirty(format, word[i]);
		nr = BIT(shift - format->page_shift);
		memset(rig->marked + page, dirty, nr);
		memset(rig->leaf + page, shift, nr);
	}
}

/* Of the leaf that has @page, was any page written during the read? */
static bool written_meanwhile(unsigned long page)
{
	unsigned long nr = BIT(rig->leaf[page] - rig->table.format->page_shift);
	unsigned long i, first = round_down(page, nr);

	for (i = first; i < first + nr; i++)
		if (rig->writer.stamp[i] != rig->before[i])
			return true;
	return false;
}

static const char *judge(unsigned long from, unsigned long to)
{
	unsigned long page;

	for (page = from; page <= to; page++) {
		if (bit_is_set(rig->bits, page - from)) {
			rig->copy[page] = rig->writer.stamp[page];
			if (!rig->marked[page] && !written_meanwhile(page))
				return "invented";
		}
		if (rig->copy[page] < rig->before[page])
			return "lost";
	}
	return NULL;
}

static const char *read_range(unsigned long from, unsigned long to, bool lazy)
{
	struct iommu_dirty_split split;

	look();
	iommu_dirty_split_init(&split, false);
	reshape_get(&rig->table, page_iova(from), page_iova(to + 1) - 1,
		    lazy ? &split : NULL, rig->bits);
	return judge(from, to);
}

/* Anything, from the beginning, to the end, or a little around a hot page */
static void choose_range(unsigned long *from, unsigned long *to)
{
	unsigned long hot = rig->writer.hot[rnd(HOT_PAGES)];

	*from = rnd(2) ? 0 : rnd(rig->nr);
	*to = rnd(2) ? rig->nr - 1 : *from + rnd(rig->nr - *from);
	if (rnd(3))
		return;
	*from = hot - rnd(min(hot + 1, 8UL));
	*to = hot + rnd(min(rig->nr - hot, 64UL));
}

static const char *operation(void)
{
	unsigned long from, to, iova, last;

	choose_range(&from, &to);
	iova = page_iova(from);
	last = page_iova(to + 1) - 1;
	/* The same pages for a while, or nothing would be in the caches. */
	if (!rnd(8))
		writer_choose(&rig->writer);
	switch (rnd(8)) {
	case 0 ... 1:
		writer_some(&rig->writer, rnd(20));
		break;
	case 2 ... 4:
		return read_range(from, to, rnd(4));
	case 5:
		split_all(&rig->table, iova, last);
		break;
	case 6 ... 7:
		join_all(&rig->table, iova, last);
		break;
	}
	return NULL;
}

/* Leaves of any size that fits, up to four times a table's */
static void map_all(void)
{
	const struct format *format = rig->table.format;
	const unsigned int huge = format->page_shift + format->index_bits;
	unsigned long at, end = rig->base + rig->size;
	unsigned int n = 0, shift;

	while (format->shifts[n] && format->shifts[n] <= huge + 2)
		n++;
	for (at = rig->base; at < end; at += BIT(shift)) {
		/* Mostly larger ones than pages, of which the others are full */
		do
			shift = format->shifts[rnd(8) ? rnd(n) : n - 1];
		while (at & (BIT(shift) - 1) || at + BIT(shift) > end ||
		       (shift == format->page_shift && rnd(3)));
		table_map(&rig->table, at, shift);
		table_map(&rig->fresh, at, shift);
	}
}

static void rig_init(struct rig *new, const struct format *format,
		     unsigned long seed)
{
	const unsigned int huge = format->page_shift + format->index_bits;

	memset(new, 0, sizeof(*new));
	new->size = 4 * BIT(huge);
	new->base = 2 * new->size;
	new->nr = new->size >> format->page_shift;
	new->bits = new_bits(format, new->size);
	new->copy = zeroed(new->nr, sizeof(*new->copy));
	new->before = zeroed(new->nr, sizeof(*new->before));
	new->marked = zeroed(new->nr, sizeof(*new->marked));
	new->leaf = zeroed(new->nr, sizeof(*new->leaf));
	table_init(&new->table, format, format->max_level);
	table_init(&new->fresh, format, format->max_level);
	writer_init(&new->writer, &new->table, new->base, new->nr, seed);
}

static void rig_free(struct rig *old)
{
	hits += old->writer.hits;
	steps += old->writer.steps;
	shortcuts += old->writer.shortcuts;
	writer_free(&old->writer);
	table_free(&old->table);
	table_free(&old->fresh);
	free(old->bits);
	free(old->copy);
	free(old->before);
	free(old->marked);
	free(old->leaf);
}

/* When all is quiet: joined as it was, and nothing left to be reported. */
static const char *finish(void)
{
	const char *wrong;

	join_all(&rig->table, 0, 2 * (rig->base + rig->size) - 1);
	rig->writer.busy = true;
	if (!same_tables(&rig->table, &rig->fresh))
		return "not joined as it was";
	wrong = read_range(0, rig->nr - 1, false);
	return wrong ?: rig->writer.wrong;
}

const char *random_round(const struct format *format, unsigned long seed)
{
	const char *wrong = NULL;
	struct rig new;
	unsigned int i;

	rig_init(&new, format, seed);
	rig = &new;
	map_all();
	reshape_flush = flush;
	for (i = 0; i < OPERATIONS && !wrong; i++)
		wrong = operation() ?: new.writer.wrong;
	wrong = wrong ?: finish();
	reshape_flush = NULL;
	rig = NULL;
	rig_free(&new);
	return wrong;
}

bool random_enough(const struct format *format)
{
	bool enough = hits && steps && shortcuts;

	hits = 0;
	steps = 0;
	shortcuts = 0;
	return enough;
}
