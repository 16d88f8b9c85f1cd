/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page tables to walk, in the VT-d second-stage format
 *
 * A leaf is known by what it maps; the tests keep an array of them, sorted.
 */
#ifndef TABLE_H
#define TABLE_H

#include <linux/kernel.h>

/**
 * struct leaf - one leaf of a table
 * @iova: first IOVA
 * @size: bytes that it maps
 * @entry: its word in the table
 */
struct leaf {
	unsigned long iova;
	unsigned long size;
	u64 *entry;
};

/**
 * struct table - a page table and its leaves, by IOVA
 * @root: root table
 * @level: level of the root: 3, 4 or 5
 * @leaves: the leaves
 * @nr: how many there are
 */
struct table {
	u64 *root;
	unsigned int level;
	struct leaf *leaves;
	unsigned int nr;
};

void table_init(struct table *table, unsigned int level);
void table_free(struct table *table);
/* @shift is 12, 21 or 30; leaves are mapped in ascending order. */
void table_map(struct table *table, unsigned long iova, unsigned int shift);
bool leaf_dirty(const struct leaf *leaf);
/* What hardware does on a write: sets accessed and dirty. */
void leaf_write(const struct leaf *leaf);

#endif /* TABLE_H */
