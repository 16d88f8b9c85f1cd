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
 * @address: the bits of a word that hold an address below 2^48
 * @words: in how many words a leaf of 2^shift bytes is repeated
 * @is_table: does a present word in a table of the level given point to one
 * @any: bits of a leaf's word that may have any value, dirty bit included
 * @dirty: bit that says dirty
 * @dirty_is_clear: by being clear
 * @tracked: bits without which a leaf never gets dirty
 * @accessed: accessed bit
 * @write: bits without which a clean leaf may not be written
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
	u64 address;
	unsigned int (*words)(unsigned int shift);
	bool (*is_table)(u64 word, unsigned int level);
	u64 (*any)(unsigned int shift);
	unsigned int dirty;
	bool dirty_is_clear;
	u64 tracked;
	unsigned int accessed;
	u64 write;
};

extern const struct format formats[];
extern const unsigned int nr_formats;

/**
 * struct node - one table, and what is expected of it
 * @words: the table
 * @expect: what a test expects it to be
 * @next: the next of all tables
 * @below: for each word the table it points to, one and the same value for any
 *         leaf, or NULL where nothing is mapped
 */
struct node {
	u64 *words;
	u64 *expect;
	struct node *next;
	struct node *below[];
};

/**
 * struct leaf - one leaf of a table
 * @iova: first IOVA
 * @size: bytes that it maps
 * @entry: its first word in the table
 * @expect: what is expected of it, see struct node
 * @below: its place in the node
 * @words: how many it has
 * @recorded: bytes of it that a read recorded
 * @read: which read
 */
struct leaf {
	unsigned long iova;
	unsigned long size;
	u64 *entry;
	u64 *expect;
	struct node **below;
	unsigned int words;
	unsigned long recorded;
	unsigned long read;
};

/**
 * struct table - a page table and its leaves, by IOVA
 * @format: its format
 * @root: root table
 * @level: level of the root
 * @top: node of the root
 * @nodes: all nodes
 * @nr_nodes: how many there are
 * @leaves: the leaves
 * @nr: how many there are
 * @room: for how many
 */
struct table {
	const struct format *format;
	u64 *root;
	unsigned int level;
	struct node *top;
	struct node *nodes;
	unsigned int nr_nodes;
	struct leaf *leaves;
	unsigned int nr;
	unsigned int room;
};

void table_init(struct table *table, const struct format *format,
		unsigned int level);
void table_free(struct table *table);
/* The first leaf that ends at @iova or behind it; table->nr if none does */
unsigned int table_find(const struct table *table, unsigned long iova);
/* The word that translates @iova, and the level of its table */
u64 *table_word(const struct table *table, unsigned long iova,
		unsigned int *level);
/* Where a leaf lies must be free. Tables below it, which are empty, go. */
struct leaf *table_map(struct table *table, unsigned long iova,
		       unsigned int shift);
/* Tables stay. @litter is what the words become. */
void table_unmap(struct table *table, unsigned int first, unsigned int nr,
		 u64 litter);
/* Makes words beside the leaf, that map nothing, whatever @litter is. */
void table_litter(struct table *table, const struct leaf *leaf, u64 litter);
/* Changes bits of a leaf's words that may have any value. */
void leaf_garble(const struct table *table, const struct leaf *leaf, u64 bits);

bool word_dirty(const struct format *format, u64 word);
bool leaf_dirty(const struct table *table, const struct leaf *leaf);
/*
 * What hardware does on a write: sets accessed and dirty, in some word. So it
 * is expected.
 */
void leaf_write(const struct table *table, const struct leaf *leaf,
		unsigned int word);

#endif /* TABLE_H */
