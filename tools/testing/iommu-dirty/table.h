/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page tables to walk, in each of the formats
 *
 * A leaf is known by what it maps; the tests keep an array of them, sorted. The
 * tables are made from what the specifications say, not from the headers under
 * test, which only bring the walkers.
 */
#ifndef TABLE_H
#define TABLE_H

#include <linux/kernel.h>

struct iommu_dirty_read;

/**
 * struct format - a page-table format
 * @name: for the name of a test
 * @page_shift: log2 of the smallest leaf
 * @index_bits: log2 of the entries of a table
 * @min_level: smallest level of a root
 * @max_level: largest level of a root
 * @walk: the walker
 * @shifts: log2 of the sizes of leaves that it knows, ascending, then 0
 * @leaf: the word of a leaf
 * @table: the word of a pointer to a table, in a table of the level given
 * @words: in how many words a leaf of 2^shift bytes is repeated
 * @dirty: bit that says dirty
 * @dirty_is_clear: by being clear
 * @accessed: accessed bit
 */
struct format {
	const char *name;
	unsigned int page_shift;
	unsigned int index_bits;
	unsigned int min_level;
	unsigned int max_level;
	void (*walk)(u64 *table, unsigned int level,
		     struct iommu_dirty_read *read, unsigned long iova,
		     unsigned long last);
	const unsigned int *shifts;
	u64 (*leaf)(unsigned long iova, unsigned int shift);
	u64 (*table)(const u64 *table, unsigned int level);
	unsigned int (*words)(unsigned int shift);
	unsigned int dirty;
	bool dirty_is_clear;
	unsigned int accessed;
};

extern const struct format formats[];
extern const unsigned int nr_formats;

/**
 * struct leaf - one leaf of a table
 * @iova: first IOVA
 * @size: bytes that it maps
 * @entry: its first word in the table
 * @words: how many it has
 */
struct leaf {
	unsigned long iova;
	unsigned long size;
	u64 *entry;
	unsigned int words;
};

/**
 * struct table - a page table and its leaves, by IOVA
 * @format: its format
 * @root: root table
 * @level: level of the root
 * @leaves: the leaves
 * @nr: how many there are
 */
struct table {
	const struct format *format;
	u64 *root;
	unsigned int level;
	struct leaf *leaves;
	unsigned int nr;
};

void table_init(struct table *table, const struct format *format,
		unsigned int level);
void table_free(struct table *table);
/* Leaves are mapped in ascending order. */
void table_map(struct table *table, unsigned long iova, unsigned int shift);
bool leaf_dirty(const struct table *table, const struct leaf *leaf);
/* What hardware does on a write: sets accessed and dirty, in some word. */
void leaf_write(const struct table *table, const struct leaf *leaf,
		unsigned int word);

#endif /* TABLE_H */
