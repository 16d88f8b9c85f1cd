/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the walker is measured on, and against
 *
 * A *field* is a page table whose leaves are all of one size, and the list of
 * its tables that hold leaves. The loops that the walker is compared with go
 * through that list and know what they will find there.
 */
#ifndef BENCH_H
#define BENCH_H

#include "table.h"

/* All formats that are measured have 4 KiB tables. */
#define ENTRIES		512

struct iommu_dirty_log;

/**
 * struct field - a page table to measure on
 * @format: its format
 * @shift: log2 of the size of a leaf
 * @root: root table
 * @level: level of the root
 * @iova: first IOVA that is mapped
 * @size: bytes that are mapped
 * @leaves: the tables that hold the leaves, by IOVA, all of them full
 * @nr: how many there are
 * @bitmap: a bit for every granule that is mapped; it begins where a caller's
 *          may, not at the start of a page
 * @granule: log2 of the granule
 * @logs: its windows, as the core makes them
 * @nr_logs: how many there are
 * @arena: where the tables are
 * @arena_tables: how many fit
 * @arena_used: how many are there
 * @scattered: tables follow each other in no order, as in memory that has been
 *             in use for long
 * @spares: tables to split large leaves with, one for each, or NULL
 * @nr_spares: how many
 * @mapped: with @spares: the words of the leaves as they were mapped
 */
struct field {
	const struct format *format;
	unsigned int shift;
	u64 *root;
	unsigned int level;
	unsigned long iova;
	unsigned long size;
	u64 **leaves;
	unsigned long nr;
	unsigned long *bitmap;
	unsigned int granule;
	struct iommu_dirty_log *logs;
	unsigned long nr_logs;
	u64 *arena;
	unsigned long arena_tables;
	unsigned long arena_used;
	bool scattered;
	u64 *spares;
	unsigned long nr_spares;
	u64 *mapped;
};

void field_init(struct field *field, const struct format *format,
		unsigned int shift, unsigned int granule, unsigned long iova,
		unsigned long size, bool scattered);
/* Large leaves can be split from now on. */
void field_add_spares(struct field *field);
/* All leaves are large again, and clean. */
void field_reset(struct field *field);
void field_free(struct field *field);
/* The words of all leaves are numbered through. */
void field_write(struct field *field, unsigned long word);
unsigned long field_dirty_words(const struct field *field);

/* What the walker is measured against; each returns something to be used */
unsigned long plain_read(const struct field *field);
unsigned long plain_read_unrolled(const struct field *field);
unsigned long plain_clear(const struct field *field);
unsigned long plain_test_and_clear(const struct field *field);

/* The walker, window by window as the core calls it, or all in one go */
unsigned long walk_windows(const struct field *field);
unsigned long walk_space(const struct field *field);

/* Splitting and joining */
unsigned long plain_fill(const struct field *field);
unsigned long plain_read_small(const struct field *field);
unsigned long split_eager(const struct field *field);
unsigned long join_again(const struct field *field);
unsigned long walk_lazy(const struct field *field);

#endif /* BENCH_H */
