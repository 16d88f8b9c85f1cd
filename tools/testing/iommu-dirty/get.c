// SPDX-License-Identifier: GPL-2.0-only
/* Reading a range as the core does, see get.h and iommufd/dirty.c */
#include "get.h"
#include "iommu-dirty-log.h"

void get_flushed(struct iommu_dirty_read *read)
{
	read->cleared = ~0UL;
	read->cleared_last = 0;
	read->cleared_sizes = 0;
}

static void read_run(const struct get *get, struct iommu_dirty_read *read,
		     unsigned long iova, unsigned long last)
{
	const struct table *table = get->table;

	if (iova != read->next)
		read->whole = iova;
	(get->walk ?: table->format->walk)(table->root, table->level, read,
					   iova, last);
}

/* Leaves that follow each other make a run, as areas do in the core. */
static void read_window(const struct get *get, struct iommu_dirty_read *read,
			unsigned long iova, unsigned long last)
{
	const struct table *table = get->table;
	unsigned long run = 0, run_last = 0;
	bool open = false;
	unsigned int i;

	for (i = table_find(table, iova); i < table->nr; i++) {
		const struct leaf *leaf = table->leaves + i;
		unsigned long from = max(iova, leaf->iova);

		if (leaf->iova > last)
			break;
		if (open && from != run_last + 1)
			read_run(get, read, run, run_last);
		if (!open || from != run_last + 1)
			run = from;
		run_last = min(last, leaf->iova + leaf->size - 1);
		open = true;
	}
	if (open)
		read_run(get, read, run, run_last);
}

static void init_log(const struct get *get, struct iommu_dirty_log *log,
		     unsigned long iova, unsigned long last)
{
	unsigned long bit = (iova - get->iova) >> get->granule;
	uintptr_t byte = (uintptr_t)get->bitmap + bit / 8;
	unsigned int i;

	log->iova = get->iova + (bit << get->granule);
	log->last = last;
	log->shift = get->granule;
	log->bit = byte % PAGE_SIZE * 8 + bit % 8;
	for (i = 0; i < 2; i++)
		log->page[i] = (unsigned long *)(round_down(byte, PAGE_SIZE) +
						 i * PAGE_SIZE);
}

void get_range(struct get *get)
{
	const struct table *table = get->table;
	unsigned long iova = get->iova, last;
	struct iommu_dirty_log log;
	struct iommu_dirty_read read = {
		.log = &log,
		.clear = get->clear,
		.last = get->last,
		.whole = iova,
		.next = iova,
		.cleared = ~0UL,
	};

	do {
		unsigned int i = table_find(table, iova);

		if (i == table->nr || table->leaves[i].iova > get->last)
			return;
		iova = max(iova, table->leaves[i].iova);
		last = min(get->last, iova | (BIT(get->window) - 1));
		init_log(get, &log, iova, last);
		read_window(get, &read, iova, last);
		get->done(get, &read, iova, last);
		iova = last + 1;
	} while (last != get->last);
}
