// SPDX-License-Identifier: GPL-2.0-only
/* What must come of reading a table, see model.h */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "get.h"
#include "model.h"

/* The second page of a window's log may lie behind the bitmap's end. */
#define GUARD_PAGES	2
#define GUARD_BYTE	0xa5

static char wrong[256];

static const char *complain(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(wrong, sizeof(wrong), fmt, args);
	va_end(args);
	return wrong;
}

/* One read, as it should go */
struct model {
	struct get get;
	const struct request *request;
	const char *verdict;
	u8 *want;		/* what get.bitmap should be */
	unsigned long read;
};

/* Two bitmaps, the walker's and the model's, guard pages around each */
static struct {
	u8 *got;
	u8 *want;
	unsigned long bytes;
} buffers;

static void fill_buffers(const struct request *request)
{
	unsigned long bits = (request->last - request->iova + 1) >>
			     request->granule;
	unsigned long bytes = (bits + 7) / 8;
	unsigned long all = round_up(request->offset + bytes, PAGE_SIZE) +
			    2 * GUARD_PAGES * PAGE_SIZE;
	unsigned long start = GUARD_PAGES * PAGE_SIZE + request->offset;

	if (all > buffers.bytes) {
		free(buffers.got);
		free(buffers.want);
		buffers.got = aligned_alloc(PAGE_SIZE, all);
		buffers.want = malloc(all);
		if (!buffers.got || !buffers.want)
			abort();
		memset(buffers.got, GUARD_BYTE, all);
		memset(buffers.want, GUARD_BYTE, all);
		buffers.bytes = all;
	}
	memset(buffers.got + start, 0, bytes);
	memset(buffers.want + start, 0, bytes);
}

/* What lies around the bitmap is GUARD_BYTE in both, and is so again. */
static const char *compare_bitmaps(const struct request *request)
{
	unsigned long bytes = (((request->last - request->iova + 1) >>
				request->granule) + 7) / 8;
	unsigned long start = GUARD_PAGES * PAGE_SIZE + request->offset;
	unsigned long all = round_up(start + bytes, PAGE_SIZE) +
			    GUARD_PAGES * PAGE_SIZE;
	const char *verdict = NULL;
	unsigned long i = 0;

	if (memcmp(buffers.got, buffers.want, all)) {
		while (buffers.got[i] == buffers.want[i])
			i++;
		if (i < start || i >= start + bytes)
			verdict = complain("byte %ld from the bitmap's %s is written",
					   (long)(i - start - (i < start ? 0 : bytes)),
					   i < start ? "start" : "end");
		else
			verdict = complain("bits from %#lx: %#x, should be %#x",
					   request->iova + ((i - start) * 8 <<
							    request->granule),
					   buffers.got[i], buffers.want[i]);
	}
	memset(buffers.got + start, GUARD_BYTE, bytes);
	memset(buffers.want + start, GUARD_BYTE, bytes);
	return verdict;
}

static const char *compare_tables(const struct table *table)
{
	unsigned int words = 1U << table->format->index_bits;
	const struct node *node;
	unsigned int i = 0;

	for (node = table->nodes; node; node = node->next) {
		if (!memcmp(node->words, node->expect, words * sizeof(u64)))
			continue;
		while (node->words[i] == node->expect[i])
			i++;
		return complain("word %u of a table is %#lx, should be %#lx", i,
				node->words[i], node->expect[i]);
	}
	return NULL;
}

static bool should_be_dirty(const struct table *table, const struct leaf *leaf)
{
	unsigned int i;

	for (i = 0; i < leaf->words; i++)
		if (word_dirty(table->format, leaf->expect[i]))
			return true;
	return false;
}

static void should_be_clean(const struct table *table, const struct leaf *leaf)
{
	unsigned int i;

	for (i = 0; i < leaf->words; i++)
		if (word_dirty(table->format, leaf->expect[i]))
			leaf->expect[i] ^= BIT_ULL(table->format->dirty);
}

static void want_bits(struct model *model, unsigned long iova,
		      unsigned long last)
{
	unsigned long bit = (iova - model->get.iova) >> model->get.granule;
	unsigned long end = ((last - model->get.iova) >> model->get.granule) + 1;

	while (bit < end) {
		if (bit % 8 || end - bit < 8) {
			model->want[bit / 8] |= 1 << bit % 8;
			bit++;
			continue;
		}
		memset(model->want + bit / 8, 0xff, (end - bit) / 8);
		bit = round_down(end, 8);
	}
}

/* One leaf in one window. Returns whether it is to be cleared. */
static bool want_leaf(struct model *model, struct leaf *leaf,
		      unsigned long iova, unsigned long last)
{
	unsigned long leaf_last = leaf->iova + leaf->size - 1;
	unsigned long from = max(leaf->iova, iova), to = min(leaf_last, last);

	if (!should_be_dirty(model->get.table, leaf))
		return false;
	want_bits(model, from, to);
	if (leaf->read != model->read)
		leaf->recorded = 0;
	leaf->read = model->read;
	leaf->recorded += to - from + 1;
	return model->get.clear && leaf_last <= last &&
	       leaf->recorded == leaf->size;
}

/* The walker has been through a window. */
static void model_window(struct get *get, struct iommu_dirty_read *read,
			 unsigned long iova, unsigned long last)
{
	struct model *model = (struct model *)get;
	struct table *table = get->table;
	struct iommu_dirty_read want;
	unsigned int i;

	get_flushed(&want);
	for (i = table_find(table, iova);
	     i < table->nr && table->leaves[i].iova <= last; i++) {
		struct leaf *leaf = table->leaves + i;

		if (!want_leaf(model, leaf, iova, last))
			continue;
		should_be_clean(table, leaf);
		want.cleared = min(want.cleared, leaf->iova);
		want.cleared_last = leaf->iova + leaf->size - 1;
		want.cleared_sizes |= leaf->size;
	}
	if (read->cleared != want.cleared ||
	    read->cleared_last != want.cleared_last ||
	    read->cleared_sizes != want.cleared_sizes)
		model->verdict = complain("flush %#lx-%#lx, %#lx; should be %#lx-%#lx, %#lx",
					  read->cleared, read->cleared_last,
					  read->cleared_sizes, want.cleared,
					  want.cleared_last, want.cleared_sizes);
	get_flushed(read);
	if (last != get->last && model->request->between)
		model->request->between(table, model->request->arg);
}

const char *read_and_judge(struct table *table, const struct request *request)
{
	static unsigned long reads;
	struct model model = {
		.get = {
			.table = table,
			.iova = request->iova,
			.last = request->last,
			.granule = request->granule,
			.window = request->window,
			.clear = request->clear,
			.done = model_window,
		},
		.request = request,
		.read = ++reads,
	};
	const char *verdict;

	fill_buffers(request);
	model.get.bitmap = buffers.got + GUARD_PAGES * PAGE_SIZE +
			   request->offset;
	model.want = buffers.want + GUARD_PAGES * PAGE_SIZE + request->offset;
	get_range(&model.get);

	verdict = compare_bitmaps(request);
	return verdict ?: compare_tables(table) ?: model.verdict;
}
