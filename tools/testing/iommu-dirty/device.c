// SPDX-License-Identifier: GPL-2.0-only
/* Devices that write through a page table, see device.h */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "device.h"
#include "util.h"

#define SMALL_LEAVES	300
/* Accesses before a device obeys. A command may take hardware that long. */
#define DROP_DELAY	64

/* Another processor, if there is one, needs some time; one alone a switch. */
void chance(unsigned long *random, unsigned int one_in)
{
	unsigned int spin = next_random(random, 200);

	if (next_random(random, one_in))
		return;
	if (!next_random(random, 8))
		sched_yield();
	while (spin--)
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* Entries are set and looked at by devices as by hardware, not by kernel code. */
static u64 *walk(const struct rig *rig, unsigned long iova)
{
	const struct format *format = rig->table.format;
	unsigned int level = rig->table.level;
	u64 *table = rig->table.root;

	for (;; level--) {
		unsigned int shift = format->page_shift +
				     format->index_bits * (level - 1);
		u64 *word = table + (iova >> shift) %
				    (1U << format->index_bits);
		u64 value = __atomic_load_n(word, __ATOMIC_ACQUIRE);

		if (!format->is_table(value, level))
			return word;
		table = (u64 *)(uintptr_t)(value & format->address);
	}
}

u64 *rig_word(const struct rig *rig, unsigned int page)
{
	return walk(rig, rig->base +
			 ((unsigned long)page << rig->table.format->page_shift));
}

/*
 * Set dirty, if it is not, and accessed. The specifications do not say that it
 * is done at once.
 */
static void set_dirty(struct device *dev, u64 *word)
{
	const struct format *format = dev->rig->table.format;
	u64 old = __atomic_load_n(word, __ATOMIC_RELAXED);

	do {
		if (word_dirty(format, old))
			return;
	} while (!__atomic_compare_exchange_n(word, &old,
					      old ^ BIT_ULL(format->dirty),
					      false, __ATOMIC_SEQ_CST,
					      __ATOMIC_RELAXED));
	dev->dirtied++;
	dev->raced += !!__atomic_load_n(&dev->rig->reading, __ATOMIC_RELAXED);
}

static void translate(struct device *dev, unsigned int page, bool write)
{
	struct tlb_entry *entry = dev->tlb + page % TLB_ENTRIES;
	struct rig *rig = dev->rig;
	u64 *word;

	if (entry->valid && entry->page == page && (entry->dirty || !write)) {
		dev->hits += write;
		return;
	}
	word = rig_word(rig, page);
	if (write)
		set_dirty(dev, word);
	chance(&dev->random, 8);
	__atomic_fetch_or(word, BIT_ULL(rig->table.format->accessed),
			  __ATOMIC_SEQ_CST);
	__atomic_store_n(rig->accessed + page, true, __ATOMIC_RELEASE);
	entry->valid = true;
	entry->page = page;
	/* A read that finds the entry dirty may remember that. */
	entry->dirty = write || word_dirty(rig->table.format,
					   __atomic_load_n(word, __ATOMIC_SEQ_CST));
}

static void lock_device(struct device *dev)
{
	__atomic_fetch_add(&dev->waiting, 1, __ATOMIC_SEQ_CST);
	pthread_mutex_lock(&dev->lock);
	__atomic_fetch_sub(&dev->waiting, 1, __ATOMIC_SEQ_CST);
}

static void access_page(struct device *dev, unsigned int page, bool write)
{
	unsigned int leaf = dev->rig->leaf_of[page];
	unsigned long number = dev->number + write;

	while (__atomic_load_n(&dev->waiting, __ATOMIC_RELAXED))
		sched_yield();
	pthread_mutex_lock(&dev->lock);
	if (__atomic_load_n(&dev->drop, __ATOMIC_ACQUIRE) &&
	    !__atomic_sub_fetch(&dev->drop, 1, __ATOMIC_ACQ_REL))
		memset(dev->tlb, 0, sizeof(dev->tlb));
	if (write) {
		__atomic_store_n(&dev->number, number, __ATOMIC_RELAXED);
		__atomic_store_n(dev->begun + leaf, number, __ATOMIC_SEQ_CST);
	}
	translate(dev, page, write);
	chance(&dev->random, 16);
	if (write) {
		__atomic_store_n(dev->stamp + page, number, __ATOMIC_SEQ_CST);
		__atomic_store_n(dev->done + page, number, __ATOMIC_SEQ_CST);
		__atomic_store_n(dev->ended + leaf, number, __ATOMIC_SEQ_CST);
	}
	pthread_mutex_unlock(&dev->lock);
}

/* A few pages often, ends of leaves, anything */
static unsigned int choose_page(struct device *dev)
{
	const struct table *table = &dev->rig->table;
	const struct leaf *leaf;
	unsigned long iova;

	switch (next_random(&dev->random, 4)) {
	case 0:
		return next_random(&dev->random, 8) * 37 % dev->rig->nr_pages;
	case 1:
		return next_random(&dev->random, dev->rig->nr_pages);
	default:
		leaf = table->leaves + next_random(&dev->random, table->nr);
		iova = leaf->iova;
		if (next_random(&dev->random, 2))
			iova += leaf->size - 1;
		return (iova - dev->rig->base) >> table->format->page_shift;
	}
}

static void *device_thread(void *arg)
{
	struct device *dev = arg;

	while (!__atomic_load_n(&dev->rig->stop, __ATOMIC_RELAXED)) {
		unsigned int page = choose_page(dev);

		if (dev->rig->leaf_of[page] != NO_LEAF)
			access_page(dev, page, next_random(&dev->random, 8));
		chance(&dev->random, 64);
	}
	return NULL;
}

void rig_invalidate(struct rig *rig, unsigned long iova, unsigned long last,
		    unsigned long sizes)
{
	unsigned int shift = rig->table.format->page_shift, d, i;

	for (d = 0; d < rig->nr_devices; d++) {
		struct device *dev = rig->devices + d;

		lock_device(dev);
		for (i = 0; i < TLB_ENTRIES; i++) {
			struct tlb_entry *entry = dev->tlb + i;
			unsigned long page = rig->base +
				((unsigned long)entry->page << shift);

			if (entry->valid && page >= iova && page <= last &&
			    rig->table.leaves[rig->leaf_of[entry->page]].size &
			    sizes)
				entry->valid = false;
		}
		pthread_mutex_unlock(&dev->lock);
	}
}

void rig_invalidate_later(struct rig *rig)
{
	unsigned int d;

	for (d = 0; d < rig->nr_devices; d++)
		__atomic_store_n(&rig->devices[d].drop, DROP_DELAY,
				 __ATOMIC_RELEASE);
}

void rig_age(struct rig *rig)
{
	u64 keep = ~BIT_ULL(rig->table.format->accessed);
	unsigned int d, page;

	for (d = 0; d < rig->nr_devices; d++)
		lock_device(rig->devices + d);
	for (page = 0; page < rig->nr_pages; page++) {
		if (!rig->accessed[page])
			continue;
		rig->accessed[page] = false;
		__atomic_fetch_and(rig_word(rig, page), keep, __ATOMIC_SEQ_CST);
	}
	for (d = 0; d < rig->nr_devices; d++) {
		memset(rig->devices[d].tlb, 0, sizeof(rig->devices[d].tlb));
		pthread_mutex_unlock(&rig->devices[d].lock);
	}
}

/* A huge leaf, pages, a hole, and what lies between in size if there is any */
static void map_all(struct rig *rig)
{
	const struct format *format = rig->table.format;
	unsigned int huge = format->page_shift + format->index_bits, i;
	unsigned long iova = 4UL << 30;

	rig->base = iova;
	table_map(&rig->table, iova, huge);
	iova += BIT(huge);
	for (i = 0; i < SMALL_LEAVES; i++, iova += BIT(format->page_shift))
		table_map(&rig->table, iova, format->page_shift);
	iova += 3 * BIT(format->page_shift);
	for (i = 1; format->shifts[i] && format->shifts[i] <= huge + 1; i++) {
		unsigned int shift = format->shifts[i];

		if (format->words(shift) == 1)
			continue;
		iova = round_up(iova, BIT(shift));
		table_map(&rig->table, iova, shift);
		table_map(&rig->table, iova + BIT(shift), shift);
		iova += 2 * BIT(shift);
	}
	rig->nr_pages = (iova - rig->base) >> format->page_shift;
}

void rig_init(struct rig *rig, const struct format *format,
	      unsigned int nr_devices, unsigned long seed)
{
	unsigned int i;

	memset(rig, 0, sizeof(*rig));
	table_init(&rig->table, format, format->max_level);
	map_all(rig);
	rig->leaf_of = zeroed(rig->nr_pages, sizeof(*rig->leaf_of));
	rig->accessed = zeroed(rig->nr_pages, sizeof(*rig->accessed));
	for (i = 0; i < rig->nr_pages; i++) {
		unsigned long iova = rig->base +
				     ((unsigned long)i << format->page_shift);
		unsigned int leaf = table_find(&rig->table, iova);

		rig->leaf_of[i] = leaf < rig->table.nr &&
				  rig->table.leaves[leaf].iova <= iova ?
				  leaf : NO_LEAF;
	}
	rig->nr_devices = nr_devices;
	for (i = 0; i < nr_devices; i++) {
		struct device *dev = rig->devices + i;

		dev->rig = rig;
		dev->random = (seed + i + 1) * 0x9e3779b97f4a7c15;
		dev->stamp = zeroed(rig->nr_pages, sizeof(*dev->stamp));
		dev->done = zeroed(rig->nr_pages, sizeof(*dev->done));
		dev->begun = zeroed(rig->table.nr, sizeof(*dev->begun));
		dev->ended = zeroed(rig->table.nr, sizeof(*dev->ended));
		pthread_mutex_init(&dev->lock, NULL);
	}
}

void rig_free(struct rig *rig)
{
	unsigned int i;

	for (i = 0; i < rig->nr_devices; i++) {
		struct device *dev = rig->devices + i;

		free(dev->stamp);
		free(dev->done);
		free(dev->begun);
		free(dev->ended);
		pthread_mutex_destroy(&dev->lock);
	}
	free(rig->leaf_of);
	free(rig->accessed);
	table_free(&rig->table);
}

void rig_start(struct rig *rig)
{
	unsigned int i;

	for (i = 0; i < rig->nr_devices; i++)
		if (pthread_create(&rig->devices[i].thread, NULL, device_thread,
				   rig->devices + i))
			abort();
}

void rig_wait(const struct rig *rig, unsigned int writes)
{
	const struct timespec pause = { .tv_nsec = 20000 };
	unsigned int i;

	for (i = 0; i < rig->nr_devices; i++) {
		const unsigned long *number = &rig->devices[i].number;
		unsigned long until = __atomic_load_n(number, __ATOMIC_RELAXED) +
				      writes;

		while (__atomic_load_n(number, __ATOMIC_RELAXED) < until)
			nanosleep(&pause, NULL);
	}
}

void rig_stop(struct rig *rig)
{
	unsigned int i;

	__atomic_store_n(&rig->stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < rig->nr_devices; i++)
		pthread_join(rig->devices[i].thread, NULL);
}
