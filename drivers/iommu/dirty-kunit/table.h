/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page tables to walk, in each of the formats
 *
 * A leaf is known by what it maps; the tests keep an array of them, sorted. The
 * tables are made from what the specifications say, not from the headers under
 * test, which only bring the walkers. Or a driver makes them: then each leaf is
 * looked up as the specification says, and compared with what it should be.
 */
#ifndef __DIRTY_KUNIT_TABLE_H
#define __DIRTY_KUNIT_TABLE_H

#include <linux/types.h>

struct dirty_table;
struct iommu_dirty_fmt;
struct iommu_dirty_read;

/**
 * struct dirty_format - a page-table format
 * @name: for the name of a test
 * @fmt: what is under test
 * @walk: its walker
 * @page_shift: log2 of the smallest leaf
 * @index_bits: log2 of the entries of a table
 * @min_level: smallest level of a root
 * @max_level: largest level of a root
 * @shifts: log2 of the sizes of leaves that it knows, ascending, then 0
 * @phys: the bits that a physical address may have
 * @leaf: the word of a leaf that is clean
 * @leaf_mask: the bits that @leaf has an opinion on
 * @table: the word that points to a table, in a table of the level given
 * @address: the address in it
 * @is_table: does a word, in a table of the level given, point to a table
 * @mark: the bits in which splitting marks words
 * @words: in how many words a leaf of 2^shift bytes is repeated
 * @dirty: bit that says dirty
 * @dirty_is_clear: by being clear
 * @accessed: accessed bit
 * @write: the bit without which hardware does not write by a clean leaf
 */
struct dirty_format {
	const char *name;
	const struct iommu_dirty_fmt *fmt;
	void (*walk)(u64 *table, unsigned int level,
		     struct iommu_dirty_read *read, unsigned long iova,
		     unsigned long last);
	unsigned int page_shift;
	unsigned int index_bits;
	unsigned int min_level;
	unsigned int max_level;
	const unsigned int *shifts;
	u64 phys;
	u64 (*leaf)(u64 phys, unsigned int shift);
	u64 leaf_mask;
	u64 (*table)(u64 phys, unsigned int level);
	u64 (*address)(u64 entry);
	bool (*is_table)(u64 entry, unsigned int level);
	u64 mark;
	unsigned int (*words)(unsigned int shift);
	unsigned int dirty;
	bool dirty_is_clear;
	unsigned int accessed;
	u64 write;
};

enum {
	DIRTY_VTDSS,
	DIRTY_AMDV1,
	DIRTY_ARMV8_S1_4K,
	DIRTY_ARMV8_S2_4K,
	DIRTY_ARMV8_S1_16K,
	DIRTY_ARMV8_S2_16K,
	DIRTY_ARMV8_S1_64K,
	DIRTY_ARMV8_S2_64K,
	DIRTY_NR_FORMATS,
};

extern const struct dirty_format dirty_formats[DIRTY_NR_FORMATS];

/**
 * struct dirty_driver - a driver that makes tables and reads them
 * @init: make an empty table, with what the driver keeps of it in driver_data
 * @free: free it
 * @map: map a leaf; returns 0 or an error
 * @root: fill in root, level and root_words
 * @read: the domain's iommu_dirty_ops::read
 * @phys: the domain's iova_to_phys
 */
struct dirty_driver {
	int (*init)(struct dirty_table *table);
	void (*free)(struct dirty_table *table);
	int (*map)(struct dirty_table *table, unsigned long iova, u64 phys,
		   unsigned long size);
	void (*root)(struct dirty_table *table);
	void (*read)(struct dirty_table *table, struct iommu_dirty_read *read,
		     unsigned long iova, unsigned long last);
	phys_addr_t (*phys)(struct dirty_table *table, unsigned long iova);
};

/**
 * struct dirty_source - where tables of a format come from
 * @format: the format; NULL ends an array of sources
 * @driver: who makes the tables; NULL for the test
 * @name: for the name of a test, with @driver
 * @top_bits: log2 of what a table of @driver covers
 */
struct dirty_source {
	const struct dirty_format *format;
	const struct dirty_driver *driver;
	const char *name;
	unsigned int top_bits;
};

extern const struct dirty_source dirty_vtd_sources[];
extern const struct dirty_source dirty_amd_sources[];
extern const struct dirty_source dirty_smmuv3_sources[];

/**
 * struct dirty_leaf - one leaf of a table
 * @iova: first IOVA
 * @size: bytes that it maps
 * @entry: its first word in the table
 * @words: how many it has
 * @page: in which of dirty_table::pages it is
 */
struct dirty_leaf {
	unsigned long iova;
	unsigned long size;
	u64 *entry;
	unsigned int words;
	unsigned int page;
};

/**
 * struct dirty_table_page - one of the tables that a table consists of
 * @words: its words
 * @nr: how many
 */
struct dirty_table_page {
	u64 *words;
	unsigned int nr;
};

/**
 * struct dirty_table - a page table and its leaves, by IOVA
 * @format: its format
 * @source: who made it, if a driver did; else NULL
 * @root: root table
 * @level: level of the root
 * @root_words: number of words of the root, which may be several tables
 * @leaves: the leaves
 * @nr: how many there are
 * @pages: all the tables, the root first
 * @nr_pages: how many there are
 * @driver_data: the driver's
 * @wrong: what went wrong when it was made, an empty string if nothing did
 */
struct dirty_table {
	const struct dirty_format *format;
	const struct dirty_source *source;
	u64 *root;
	unsigned int level;
	unsigned int root_words;
	struct dirty_leaf *leaves;
	unsigned int nr;
	struct dirty_table_page *pages;
	unsigned int nr_pages;
	void *driver_data;
	char wrong[96];
};

void dirty_table_init(struct dirty_table *table,
		      const struct dirty_format *format, unsigned int level);
void dirty_table_init_driver(struct dirty_table *table,
			     const struct dirty_source *source);
void dirty_table_free(struct dirty_table *table);
void dirty_table_map(struct dirty_table *table, unsigned long iova,
		     unsigned int shift);
void dirty_table_find_leaves(struct dirty_table *table);
bool dirty_leaf_test(const struct dirty_table *table,
		     const struct dirty_leaf *leaf);
void dirty_leaf_write(const struct dirty_table *table,
		      const struct dirty_leaf *leaf, unsigned int word);

#endif /* __DIRTY_KUNIT_TABLE_H */
