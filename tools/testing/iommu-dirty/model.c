// SPDX-License-Identifier: GPL-2.0-only
/* Reading a table as the core does, and judging what came of it, see model.h */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iommu-dirty-log.h"
#include "model.h"

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

/* A leaf's fate during one read */
struct fate {
	bool before;	/* dirty when the read began */
	bool written;	/* by hardware, between two windows */
};

struct judged {
	struct table *table;
	const struct request *request;
	struct fate *fates;
	u8 *pages;	/* guard, bitmap from @offset on, guard */
	unsigned long bytes;
};

static bool bit_set(const struct judged *j, unsigned long iova)
{
	unsigned long bit = (iova - j->request->iova) >> j->request->granule;
	const u8 *bitmap = j->pages + GUARD_PAGES * PAGE_SIZE +
			   j->request->offset;

	return bitmap[bit / 8] >> bit % 8 & 1;
}

/* One window: the same merging of neighbours into runs as iommufd/dirty.c */
static void read_window(struct table *table, struct iommu_dirty_read *read,
			unsigned long iova, unsigned long last)
{
	unsigned long run = 0, run_last = 0;
	bool open = false;
	unsigned int i;

	for (i = 0; i <= table->nr; i++) {
		const struct leaf *leaf = table->leaves + i;
		unsigned long from, to;

		if (i < table->nr && leaf->iova + leaf->size - 1 < iova)
			continue;
		if (i < table->nr && leaf->iova <= last) {
			from = max(iova, leaf->iova);
			to = min(last, leaf->iova + leaf->size - 1);
			if (open && from == run_last + 1) {
				run_last = to;
				continue;
			}
		}
		if (open) {
			if (run != read->next)
				read->whole = run;
			table->format->walk(table->root, table->level, read,
					    run, run_last);
			read->next = run_last + 1;
		}
		if (i == table->nr || leaf->iova > last)
			break;
		run = from;
		run_last = to;
		open = true;
	}
}

static void note_writes(struct judged *j, const bool *dirty)
{
	unsigned int i;

	for (i = 0; i < j->table->nr; i++)
		if (!dirty[i] && leaf_dirty(j->table, j->table->leaves + i))
			j->fates[i].written = true;
}

static void read_all(struct judged *j, struct iommu_dirty_read *read)
{
	const struct request *request = j->request;
	unsigned long iova = request->iova;
	bool *dirty = calloc(j->table->nr + 1, sizeof(*dirty));
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
			log.page[i] = (unsigned long *)(j->pages + PAGE_SIZE *
				(GUARD_PAGES + byte / PAGE_SIZE + i));
		read_window(j->table, read, iova, last);
		if (last == request->last)
			break;
		iova = last + 1;
		if (!request->between)
			continue;
		for (i = 0; i < j->table->nr; i++)
			dirty[i] = leaf_dirty(j->table, j->table->leaves + i);
		request->between(j->table, request->arg);
		note_writes(j, dirty);
	}
	free(dirty);
}

static const char *judge_leaf(const struct judged *j, unsigned int i,
			      const struct iommu_dirty_read *read)
{
	const struct request *request = j->request;
	const struct leaf *leaf = j->table->leaves + i;
	const struct fate *fate = j->fates + i;
	unsigned long leaf_last = leaf->iova + leaf->size - 1;
	bool dirty = leaf_dirty(j->table, leaf);
	bool inside = leaf->iova >= request->iova &&
		      leaf_last <= request->last;
	unsigned long step = min(leaf->size, BIT(request->granule));
	unsigned long iova, set = 0, nr = 0;

	for (iova = max(leaf->iova, request->iova);
	     iova <= min(leaf_last, request->last); iova += step, nr++)
		set += bit_set(j, iova);

	if (fate->before && set != nr)
		return complain("lost: %lu of %lu bits of leaf %#lx", nr - set,
				nr, leaf->iova);
	/* A granule larger than the leaf may be dirty for its neighbours. */
	if (!fate->before && !fate->written && set &&
	    leaf->size >= BIT(request->granule))
		return complain("invented: leaf %#lx", leaf->iova);
	if ((fate->before || fate->written) && !dirty) {
		if (!request->clear)
			return complain("cleared by NO_CLEAR: %#lx", leaf->iova);
		if (!inside || set != nr)
			return complain("cleared, not reported whole: %#lx",
					leaf->iova);
		if (read->cleared > leaf->iova || read->cleared_last < leaf_last ||
		    !(read->cleared_sizes & leaf->size))
			return complain("cleared, not flushed: %#lx",
					leaf->iova);
	}
	if (request->clear && inside && fate->before && !fate->written && dirty)
		return complain("not cleared: %#lx", leaf->iova);
	return NULL;
}

static const char *judge_bitmap(const struct judged *j)
{
	unsigned long bits = (j->request->last - j->request->iova + 1) >>
			     j->request->granule;
	unsigned long start = GUARD_PAGES * PAGE_SIZE + j->request->offset;
	unsigned long end = start + (bits + 7) / 8;
	unsigned long i;

	for (i = 0; i < j->bytes; i++)
		if ((i < start || i >= end) && j->pages[i] != GUARD_BYTE)
			return complain("byte %ld from the bitmap's %s written",
					(long)(i < start ? start - i : i - end),
					i < start ? "start" : "end");
	if (bits % 8 && j->pages[end - 1] >> bits % 8)
		return complain("bits behind the last one are set");
	return NULL;
}

const char *read_and_judge(struct table *table, const struct request *request)
{
	unsigned long bits = (request->last - request->iova + 1) >>
			     request->granule;
	struct judged j = {
		.table = table,
		.request = request,
		.fates = calloc(table->nr + 1, sizeof(*j.fates)),
	};
	struct iommu_dirty_read read = {
		.clear = request->clear,
		.whole = request->iova,
		.next = request->iova,
		.cleared = ~0UL,
	};
	const char *verdict = NULL;
	unsigned int i;

	j.bytes = round_up(request->offset + bits / 8 + 1, PAGE_SIZE) +
		  (2 * GUARD_PAGES + 1) * PAGE_SIZE;
	j.pages = aligned_alloc(PAGE_SIZE, j.bytes);
	memset(j.pages, GUARD_BYTE, j.bytes);
	memset(j.pages + GUARD_PAGES * PAGE_SIZE + request->offset, 0,
	       (bits + 7) / 8);
	for (i = 0; i < table->nr; i++)
		j.fates[i].before = leaf_dirty(table, table->leaves + i);

	read_all(&j, &read);

	verdict = judge_bitmap(&j);
	for (i = 0; !verdict && i < table->nr; i++)
		verdict = judge_leaf(&j, i, &read);
	free(j.pages);
	free(j.fates);
	return verdict;
}
