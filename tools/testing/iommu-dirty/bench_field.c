// SPDX-License-Identifier: GPL-2.0-only
/* Page tables to measure on, see bench.h */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"
#include "iommu-dirty-log.h"

#define HUGE_PAGE	(2UL << 20)

static void *get_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED) {
		perror("bench: memory");
		exit(2);
	}
	return memory;
}

/*
 * Tables follow each other as they would if one caller mapped everything at
 * once, or in no order. The kernel sees memory through large pages: so does
 * this, or it would measure the processor's TLB.
 */
static u64 *new_table(struct field *field)
{
	unsigned long nr = field->arena_used++;

	if (nr >= field->arena_tables)
		abort();
	/* An odd factor permutes the numbers below a power of two. */
	if (field->scattered)
		nr = nr * 0x9e3779b1 % field->arena_tables;
	return field->arena + nr * ENTRIES;
}

static unsigned int level_shift(const struct field *field, unsigned int level)
{
	return field->format->page_shift +
	       (level - 1) * field->format->index_bits;
}

static unsigned int leaf_level(const struct field *field)
{
	return 1 + (field->shift - field->format->page_shift) /
		   field->format->index_bits;
}

static u64 *leaf_table(struct field *field, unsigned long iova)
{
	unsigned int level;
	u64 *at = field->root;

	for (level = field->level; level > leaf_level(field); level--) {
		u64 *entry = at + (iova >> level_shift(field, level)) % ENTRIES;

		if (!*entry)
			*entry = field->format->table(new_table(field), level);
		at = (u64 *)(uintptr_t)(*entry & field->format->address);
	}
	return at;
}

/* A window is a page of bits or 1 GiB, whichever is less. */
static void make_windows(struct field *field)
{
	unsigned long size = min(PAGE_SIZE * BITS_PER_BYTE << field->granule,
				 1UL << 30);
	unsigned long byte = (unsigned long)field->bitmap;
	unsigned long i;

	field->nr_logs = (field->size + size - 1) / size;
	field->logs = get_memory(field->nr_logs * sizeof(*field->logs));
	for (i = 0; i < field->nr_logs; i++) {
		struct iommu_dirty_log *log = field->logs + i;

		log->iova = field->iova + i * size;
		log->last = min(log->iova + size, field->iova + field->size) - 1;
		log->shift = field->granule;
		log->bit = byte % PAGE_SIZE * BITS_PER_BYTE;
		log->page[0] = (unsigned long *)round_down(byte, PAGE_SIZE);
		log->page[1] = log->page[0] + PAGE_SIZE / sizeof(long);
		byte += (size >> field->granule) / BITS_PER_BYTE;
	}
}

void field_init(struct field *field, const struct format *format,
		unsigned int shift, unsigned int granule, unsigned long iova,
		unsigned long size, bool scattered)
{
	unsigned long reach, bitmap_bytes, table, i;

	memset(field, 0, sizeof(*field));
	field->format = format;
	field->shift = shift;
	field->iova = iova;
	field->size = size;
	field->level = 4;
	field->granule = granule;
	field->scattered = scattered;

	reach = 1UL << level_shift(field, leaf_level(field) + 1);
	field->nr = size / reach;
	if (!field->nr || size % reach || iova % reach)
		abort();
	/* Twice the leaves' tables, for those above; a power of two */
	for (field->arena_tables = 64; field->arena_tables < 2 * field->nr;)
		field->arena_tables *= 2;
	field->arena = get_memory(field->arena_tables * PAGE_SIZE + HUGE_PAGE);
	madvise(field->arena, field->arena_tables * PAGE_SIZE + HUGE_PAGE,
		MADV_HUGEPAGE);
	field->leaves = get_memory(field->nr * sizeof(*field->leaves));
	bitmap_bytes = (size >> field->granule) / BITS_PER_BYTE;
	field->bitmap = get_memory(bitmap_bytes + 3 * PAGE_SIZE);
	/* As malloc() of large blocks would place it */
	field->bitmap += 16 / sizeof(long);
	make_windows(field);

	field->root = new_table(field);
	for (table = 0; table < field->nr; table++, iova += reach) {
		u64 *leaves = leaf_table(field, iova);

		field->leaves[table] = leaves;
		for (i = 0; i < ENTRIES; i++) {
			unsigned long at = iova + i * (reach / ENTRIES);

			leaves[i] = format->leaf(round_down(at, BIT(shift)),
						 shift);
		}
	}
}

static unsigned long spare_bytes(const struct field *field)
{
	return round_up(field->nr_spares * PAGE_SIZE, HUGE_PAGE);
}

void field_add_spares(struct field *field)
{
	unsigned long table;

	field->nr_spares = field->nr * ENTRIES;
	field->mapped = get_memory(field->nr * PAGE_SIZE);
	for (table = 0; table < field->nr; table++)
		memcpy(field->mapped + table * ENTRIES, field->leaves[table],
		       PAGE_SIZE);
	field->spares = get_memory(spare_bytes(field));
	madvise(field->spares, spare_bytes(field), MADV_HUGEPAGE);
	memset(field->spares, 0, spare_bytes(field));
}

void field_reset(struct field *field)
{
	unsigned long table;

	for (table = 0; table < field->nr; table++)
		memcpy(field->leaves[table], field->mapped + table * ENTRIES,
		       PAGE_SIZE);
}

void field_free(struct field *field)
{
	if (field->spares) {
		munmap(field->spares, spare_bytes(field));
		munmap(field->mapped, field->nr * PAGE_SIZE);
	}
	munmap(field->arena, field->arena_tables * PAGE_SIZE + HUGE_PAGE);
	munmap(field->leaves, field->nr * sizeof(*field->leaves));
	munmap(field->logs, field->nr_logs * sizeof(*field->logs));
	munmap((void *)round_down((unsigned long)field->bitmap, PAGE_SIZE),
	       (field->size >> field->granule) / BITS_PER_BYTE + 3 * PAGE_SIZE);
}

void field_write(struct field *field, unsigned long word)
{
	u64 *entry = field->leaves[word / ENTRIES] + word % ENTRIES;

	if (field->format->dirty_is_clear)
		*entry &= ~BIT_ULL(field->format->dirty);
	else
		*entry |= BIT_ULL(field->format->dirty);
}

unsigned long field_dirty_words(const struct field *field)
{
	unsigned long table, nr = 0;
	unsigned int i;

	for (table = 0; table < field->nr; table++)
		for (i = 0; i < ENTRIES; i++)
			nr += !(field->leaves[table][i] &
				BIT_ULL(field->format->dirty)) ==
			      field->format->dirty_is_clear;
	return nr;
}
