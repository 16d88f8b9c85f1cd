// SPDX-License-Identifier: GPL-2.0-only
/* Reading a table beside a model, see model.h */
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../iommu-dirty-log.h"
#include "model.h"

#define GUARD_PAGES	2
#define GUARD_BYTE	0xa5

static char verdict[128];

static __printf(1, 2) const char *complain(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(verdict, sizeof(verdict), fmt, args);
	va_end(args);
	return verdict;
}

static unsigned long leaf_last(const struct dirty_leaf *leaf)
{
	return leaf->iova + leaf->size - 1;
}

/* Where bit 0 is, in got and in want */
static unsigned long bitmap_start(const struct dirty_model *model)
{
	return GUARD_PAGES * PAGE_SIZE + model->request->offset;
}

static u64 clean_word(const struct dirty_format *format, u64 word)
{
	if (format->dirty_is_clear)
		return word | BIT_ULL(format->dirty);
	return word & ~BIT_ULL(format->dirty);
}

/* The model's copy of a leaf's words */
static u64 *model_entry(const struct dirty_model *model,
			const struct dirty_leaf *leaf)
{
	const struct dirty_table_page *pages = model->table->pages;
	u64 *words = model->words;
	unsigned int i;

	for (i = 0; i < leaf->page; i++)
		words += pages[i].nr;
	return words + (leaf->entry - pages[leaf->page].words);
}

/* The leaves from the first that ends at @iova or later */
static unsigned int first_leaf(const struct dirty_table *table,
			       unsigned long iova)
{
	unsigned int low = 0, high = table->nr;

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (leaf_last(table->leaves + middle) < iova)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * The rules. A dirty leaf is reported, as far as it is in the window. It is
 * cleared if it lies wholly in the request and all of it was reported: in this
 * window, and in those before.
 */
static void expect_window(struct dirty_model *model, unsigned long iova,
			  unsigned long last)
{
	const struct dirty_request *request = model->request;
	const struct dirty_table *table = model->table;
	unsigned int i, word;

	for (i = first_leaf(table, iova);
	     i < table->nr && table->leaves[i].iova <= last; i++) {
		const struct dirty_leaf *leaf = table->leaves + i;
		struct dirty_fate *fate = model->fates + i;
		unsigned long bit, last_bit;
		u64 *words;

		if (!fate->dirty) {
			fate->whole = false;
			continue;
		}
		bit = (max(leaf->iova, iova) - request->iova) >>
		      request->granule;
		last_bit = (min(leaf_last(leaf), last) - request->iova) >>
			   request->granule;
		for (; bit <= last_bit; bit++)
			model->want[bitmap_start(model) + bit / 8] |=
				1 << bit % 8;
		if (!request->clear || !fate->whole || leaf_last(leaf) > last)
			continue;
		fate->dirty = false;
		model->cleared = min(model->cleared, leaf->iova);
		model->cleared_last = max(model->cleared_last, leaf_last(leaf));
		model->cleared_sizes |= leaf->size;
		words = model_entry(model, leaf);
		for (word = 0; word < leaf->words; word++)
			words[word] = clean_word(table->format, words[word]);
	}
}

/**
 * dirty_model_write() - hardware writes through a leaf, between two windows
 * @model: the read
 * @leaf: number of the leaf
 * @word: which of its words hardware uses, modulo their number
 */
void dirty_model_write(struct dirty_model *model, unsigned int leaf,
		       unsigned int word)
{
	const struct dirty_table *table = model->table;

	model->fates[leaf].dirty = true;
	dirty_leaf_write(table, table->leaves + leaf, word);
	memcpy(model_entry(model, table->leaves + leaf),
	       table->leaves[leaf].entry,
	       table->leaves[leaf].words * sizeof(u64));
}

/* As iommufd/dirty.c does it; the walker says where it goes on with a leaf. */
static void walk(struct dirty_table *table, struct iommu_dirty_read *read,
		 unsigned long iova, unsigned long last)
{
	if (iova != read->next)
		read->whole = iova;
	if (table->source)
		table->source->driver->read(table, read, iova, last);
	else
		table->format->walk(table->root, table->level, read, iova,
				    last);
}

/**
 * dirty_read_window() - walk what is mapped in one window
 * @table: the table
 * @read: the read
 * @iova: first IOVA
 * @last: last IOVA
 *
 * Neighbours are merged into runs, as iommufd/dirty.c does it.
 */
void dirty_read_window(struct dirty_table *table,
		       struct iommu_dirty_read *read, unsigned long iova,
		       unsigned long last)
{
	unsigned long run = 0, run_last = 0;
	bool open = false;
	unsigned int i;

	for (i = first_leaf(table, iova);
	     i < table->nr && table->leaves[i].iova <= last; i++) {
		const struct dirty_leaf *leaf = table->leaves + i;
		unsigned long from = max(iova, leaf->iova);

		if (open && from != run_last + 1)
			walk(table, read, run, run_last);
		if (!open || from != run_last + 1)
			run = from;
		run_last = min(last, leaf_last(leaf));
		open = true;
	}
	if (open)
		walk(table, read, run, run_last);
}

static void read_all(struct dirty_model *model, struct iommu_dirty_read *read)
{
	const struct dirty_request *request = model->request;
	unsigned long iova = request->iova;
	struct iommu_dirty_log log;

	read->log = &log;
	for (;;) {
		unsigned long last = min(request->last,
					 iova | (BIT(request->window) - 1));
		unsigned long bit = (iova - request->iova) >> request->granule;
		unsigned long byte = request->offset + bit / 8;
		unsigned int i;

		log.iova = request->iova + (bit << request->granule);
		log.last = last;
		log.shift = request->granule;
		log.bit = byte % PAGE_SIZE * 8 + bit % 8;
		for (i = 0; i < 2; i++)
			log.page[i] = (unsigned long *)(model->got + PAGE_SIZE *
				(GUARD_PAGES + byte / PAGE_SIZE + i));
		expect_window(model, iova, last);
		dirty_read_window(model->table, read, iova, last);
		if (last == request->last)
			break;
		iova = last + 1;
		if (request->between)
			request->between(model, request->arg);
	}
}

static const char *compare_bitmap(const struct dirty_model *model)
{
	unsigned long start = bitmap_start(model);
	unsigned long i;

	if (!memcmp(model->got, model->want, model->bytes))
		return NULL;
	for (i = 0; model->got[i] == model->want[i]; i++)
		;
	return complain("byte %ld of the bitmap is %#x, should be %#x",
			(long)(i - start), model->got[i], model->want[i]);
}

static const char *compare_table(const struct dirty_model *model)
{
	const struct dirty_table *table = model->table;
	const u64 *want = model->words;
	unsigned int i, word;

	for (i = 0; i < table->nr_pages; want += table->pages[i++].nr) {
		const struct dirty_table_page *page = table->pages + i;

		if (!memcmp(page->words, want, page->nr * sizeof(*want)))
			continue;
		for (word = 0; page->words[word] == want[word]; word++)
			;
		return complain("word %u of table %u is %#llx, should be %#llx",
				word, i, (unsigned long long)page->words[word],
				(unsigned long long)want[word]);
	}
	return NULL;
}

static const char *compare_flush(const struct dirty_model *model,
				 const struct iommu_dirty_read *read)
{
	if (read->cleared == model->cleared &&
	    read->cleared_last == model->cleared_last &&
	    read->cleared_sizes == model->cleared_sizes)
		return NULL;
	return complain("to flush: %#lx to %#lx of %#lx, should be %#lx to %#lx of %#lx",
			read->cleared, read->cleared_last, read->cleared_sizes,
			model->cleared, model->cleared_last,
			model->cleared_sizes);
}

static bool model_init(struct dirty_model *model)
{
	const struct dirty_request *request = model->request;
	const struct dirty_table *table = model->table;
	unsigned long bits = (request->last - request->iova + 1) >>
			     request->granule;
	unsigned int i;
	u64 *words;

	for (i = 0; i < table->nr_pages; i++)
		model->nr_words += table->pages[i].nr;
	model->bytes = round_up(request->offset + bits / 8 + 1, PAGE_SIZE) +
		       (2 * GUARD_PAGES + 1) * PAGE_SIZE;
	model->fates = kvcalloc(table->nr + 1, sizeof(*model->fates),
				GFP_KERNEL);
	model->words = kvcalloc(model->nr_words, sizeof(u64), GFP_KERNEL);
	model->got = alloc_pages_exact(model->bytes, GFP_KERNEL);
	model->want = alloc_pages_exact(model->bytes, GFP_KERNEL);
	if (!model->fates || !model->words || !model->got || !model->want)
		return false;

	words = model->words;
	for (i = 0; i < table->nr_pages; words += table->pages[i++].nr)
		memcpy(words, table->pages[i].words,
		       table->pages[i].nr * sizeof(*words));
	memset(model->got, GUARD_BYTE, model->bytes);
	memset(model->got + bitmap_start(model), 0, (bits + 7) / 8);
	memcpy(model->want, model->got, model->bytes);
	for (i = 0; i < table->nr; i++) {
		const struct dirty_leaf *leaf = table->leaves + i;
		struct dirty_fate *fate = model->fates + i;

		fate->dirty = dirty_leaf_test(table, leaf);
		fate->whole = leaf->iova >= request->iova;
	}
	return true;
}

/**
 * dirty_read_and_compare() - read a range of a table as the core does
 * @table: the table
 * @request: which range, and how
 *
 * Return: NULL if all is well, else what is wrong, which lasts until the next
 *	   call.
 */
const char *dirty_read_and_compare(struct dirty_table *table,
				   const struct dirty_request *request)
{
	struct dirty_model model = {
		.table = table,
		.request = request,
		.cleared = ~0UL,
	};
	struct iommu_dirty_read read = {
		.clear = request->clear,
		.whole = request->iova,
		.next = request->iova,
		.cleared = ~0UL,
	};
	const char *complaint;

	cond_resched();
	if (*table->wrong)
		return table->wrong;
	if (model_init(&model)) {
		read_all(&model, &read);
		complaint = compare_bitmap(&model) ?: compare_table(&model) ?:
			    compare_flush(&model, &read);
	} else {
		complaint = "out of memory";
	}
	if (model.want)
		free_pages_exact(model.want, model.bytes);
	if (model.got)
		free_pages_exact(model.got, model.bytes);
	kvfree(model.words);
	kvfree(model.fates);
	return complaint;
}
