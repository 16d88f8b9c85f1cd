// SPDX-License-Identifier: GPL-2.0-only
/* Page tables to walk, see table.h */
#include <stdlib.h>
#include <string.h>

#include "amd/dirty_fmt.h"
#include "arm/arm-smmu-v3/dirty_fmt.h"
#include "intel/dirty_fmt.h"
#include "table.h"

#define ADDRESS		GENMASK_ULL(51, 12)

/* VT-d second stage: R 0, W 1, page size 7 */
static u64 vtd_leaf(unsigned long iova, unsigned int shift)
{
	return (iova & ADDRESS) | 3 | (shift > 12 ? BIT_ULL(7) : 0);
}

static u64 vtd_table(const u64 *table, unsigned int level)
{
	return (u64)(uintptr_t)table | 3;
}

static bool vtd_is_table(u64 word, unsigned int level)
{
	return level > 1 && !(word & BIT_ULL(7));
}

static u64 vtd_any(unsigned int shift)
{
	return ~(3ULL | (shift > 12 ? BIT_ULL(7) : 0));
}

static unsigned int one_word(unsigned int shift)
{
	return 1;
}

static const unsigned int vtd_shifts[] = { 12, 21, 30, 0 };

/*
 * AMD v1: PR 0, next level 11:9, IR 61, IW 62. Sizes between those of levels
 * have next level 7 and an address whose lowest clear bit from 12 up says which.
 */
static u64 amd_leaf(unsigned long iova, unsigned int shift)
{
	u64 word = (iova & ADDRESS) | BIT_ULL(0) | BIT_ULL(61) | BIT_ULL(62);

	if ((shift - 12) % 9)
		word |= (7ULL << 9) |
			(GENMASK_ULL(shift - 1, 12) & ~BIT_ULL(shift - 1));
	return word;
}

static u64 amd_table(const u64 *table, unsigned int level)
{
	return (u64)(uintptr_t)table | BIT_ULL(0) | (u64)(level - 1) << 9 |
	       BIT_ULL(61) | BIT_ULL(62);
}

static bool amd_is_table(u64 word, unsigned int level)
{
	unsigned int next = word >> 9 & 7;

	return next && next != 7;
}

static u64 amd_any(unsigned int shift)
{
	u64 fixed = BIT_ULL(0) | 7ULL << 9;

	if ((shift - 12) % 9)
		fixed |= GENMASK_ULL(shift - 1, 12);
	return ~fixed;
}

static unsigned int amd_words(unsigned int shift)
{
	return 1U << (shift - 12) % 9;
}

static const unsigned int amd_shifts[] = {
	12, 13, 14, 16, 18, 19, 20, 21, 22, 25, 29, 30, 31, 0,
};

/*
 * Armv8: type 1:0, AF 10, DBM 51, bit 7 is AP[2] at stage 1 (0 is dirty) and
 * S2AP[1] at stage 2 (1 is dirty). Leaves begin clean.
 */
static u64 arm_leaf(unsigned long iova, bool page)
{
	return (iova & GENMASK_ULL(47, 12)) | BIT_ULL(51) | BIT_ULL(10) |
	       (page ? 3 : 1);
}

static bool arm_is_table(u64 word, unsigned int level)
{
	return level > 1 && (word & 3) == 3;
}

static u64 arm_any(unsigned int shift)
{
	return ~3ULL;
}

#define DEFINE_ARM_LEAF(_granule, _page_shift)				\
static u64 arm_s1_##_granule(unsigned long iova, unsigned int shift)	\
{									\
	return arm_leaf(iova, shift == (_page_shift)) | BIT_ULL(7);	\
}									\
static u64 arm_s2_##_granule(unsigned long iova, unsigned int shift)	\
{									\
	return arm_leaf(iova, shift == (_page_shift));			\
}

DEFINE_ARM_LEAF(4k, 12)
DEFINE_ARM_LEAF(16k, 14)
DEFINE_ARM_LEAF(64k, 16)

static const unsigned int arm_4k_shifts[] = { 12, 21, 30, 0 };
static const unsigned int arm_16k_shifts[] = { 14, 25, 0 };
static const unsigned int arm_64k_shifts[] = { 16, 29, 0 };

#define ARM_FORMAT(_stage, _granule, _page_shift, _min, _max)		\
	{								\
		.name = "armv8 " #_stage " " #_granule,			\
		.page_shift = (_page_shift),				\
		.index_bits = (_page_shift) - 3,			\
		.min_level = (_min),					\
		.max_level = (_max),					\
		.walk = armv8_##_stage##_##_granule##_walk,		\
		.shifts = arm_##_granule##_shifts,			\
		.leaf = arm_##_stage##_##_granule,			\
		.table = vtd_table,					\
		.address = GENMASK_ULL(47, 12),				\
		.words = one_word,					\
		.is_table = arm_is_table,				\
		.any = arm_any,						\
		.dirty = 7,						\
		.dirty_is_clear = #_stage[1] == '1',			\
		.tracked = BIT_ULL(51),					\
		.accessed = 10,						\
		.write = BIT_ULL(51),					\
	}

const struct format formats[] = {
	{
		.name = "vtdss",
		.page_shift = 12,
		.index_bits = 9,
		.min_level = 3,
		.max_level = 5,
		.walk = vtdss_walk,
		.shifts = vtd_shifts,
		.leaf = vtd_leaf,
		.table = vtd_table,
		.address = ADDRESS,
		.words = one_word,
		.is_table = vtd_is_table,
		.any = vtd_any,
		.dirty = 9,
		.accessed = 8,
		.write = BIT_ULL(1),
	},
	{
		.name = "amdv1",
		.page_shift = 12,
		.index_bits = 9,
		.min_level = 3,
		.max_level = 6,
		.walk = amdv1_walk,
		.shifts = amd_shifts,
		.leaf = amd_leaf,
		.table = amd_table,
		.address = ADDRESS,
		.words = amd_words,
		.is_table = amd_is_table,
		.any = amd_any,
		.dirty = 6,
		.accessed = 5,
		.write = BIT_ULL(62),
	},
	ARM_FORMAT(s1, 4k, 12, 3, 4),
	ARM_FORMAT(s2, 4k, 12, 3, 4),
	ARM_FORMAT(s1, 16k, 14, 2, 4),
	ARM_FORMAT(s2, 16k, 14, 2, 4),
	ARM_FORMAT(s1, 64k, 16, 2, 3),
	ARM_FORMAT(s2, 64k, 16, 2, 3),
};

const unsigned int nr_formats = sizeof(formats) / sizeof(*formats);

static struct node a_leaf;

static void *need(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

static struct node *new_node(struct table *table)
{
	unsigned int nr = 1U << table->format->index_bits;
	size_t size = nr * sizeof(u64);
	struct node *node;

	node = need(calloc(1, sizeof(*node) + nr * sizeof(*node->below)));
	node->words = need(aligned_alloc(size, size));
	node->expect = need(calloc(1, size));
	memset(node->words, 0, size);
	node->next = table->nodes;
	table->nodes = node;
	table->nr_nodes++;
	return node;
}

static void free_node(struct node *node)
{
	free(node->words);
	free(node->expect);
	free(node);
}

static unsigned int index_at(const struct format *format, unsigned long iova,
			     unsigned int level)
{
	return (iova >> (format->page_shift +
			 format->index_bits * (level - 1))) %
	       (1U << format->index_bits);
}

void table_init(struct table *table, const struct format *format,
		unsigned int level)
{
	memset(table, 0, sizeof(*table));
	table->format = format;
	table->level = level;
	table->top = new_node(table);
	table->root = table->top->words;
}

void table_free(struct table *table)
{
	while (table->nodes) {
		struct node *node = table->nodes;

		table->nodes = node->next;
		free_node(node);
	}
	free(table->leaves);
}

unsigned int table_find(const struct table *table, unsigned long iova)
{
	unsigned int low = 0, high = table->nr;

	while (low < high) {
		unsigned int middle = (low + high) / 2;
		const struct leaf *leaf = table->leaves + middle;

		if (leaf->iova + leaf->size - 1 < iova)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

u64 *table_word(const struct table *table, unsigned long iova,
		unsigned int *level)
{
	const struct format *format = table->format;
	u64 *at = table->root, *word;

	for (*level = table->level;; --*level) {
		word = at + index_at(format, iova, *level);
		if (!*word)
			return NULL;
		if (!format->is_table(*word, *level))
			return word;
		at = (u64 *)(uintptr_t)(*word & format->address);
	}
}

static void set_word(struct node *node, unsigned int index, u64 word)
{
	node->words[index] = word;
	node->expect[index] = word;
}

/* A leaf takes the place of a table, in which nothing is mapped. */
static void drop_node(struct table *table, struct node *node)
{
	struct node **at = &table->nodes;
	unsigned int i;

	for (i = 0; i < 1U << table->format->index_bits; i++) {
		if (node->below[i] == &a_leaf)
			abort();
		if (node->below[i])
			drop_node(table, node->below[i]);
	}
	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	table->nr_nodes--;
	free_node(node);
}

static struct leaf *new_leaf(struct table *table, unsigned long iova)
{
	unsigned int at = table_find(table, iova);
	struct leaf *leaf;

	if (table->nr == table->room) {
		table->room = 2 * table->room + 16;
		table->leaves = need(realloc(table->leaves, table->room *
					     sizeof(*table->leaves)));
	}
	leaf = table->leaves + at;
	memmove(leaf + 1, leaf, (table->nr++ - at) * sizeof(*leaf));
	return leaf;
}

struct leaf *table_map(struct table *table, unsigned long iova,
		       unsigned int shift)
{
	const struct format *format = table->format;
	unsigned int target = 1 + (shift - format->page_shift) /
				  format->index_bits;
	struct leaf *leaf = new_leaf(table, iova);
	struct node *node = table->top;
	unsigned int level, index, i;

	for (level = table->level; level > target; level--) {
		index = index_at(format, iova, level);
		if (node->below[index] == &a_leaf)
			abort();
		if (!node->below[index]) {
			node->below[index] = new_node(table);
			set_word(node, index,
				 format->table(node->below[index]->words, level));
		}
		node = node->below[index];
	}
	index = index_at(format, iova, target);
	*leaf = (struct leaf) {
		.iova = iova,
		.size = 1UL << shift,
		.entry = node->words + index,
		.expect = node->expect + index,
		.below = node->below + index,
		.words = format->words(shift),
	};
	for (i = 0; i < leaf->words; i++) {
		if (leaf->below[i] == &a_leaf)
			abort();
		if (leaf->below[i])
			drop_node(table, leaf->below[i]);
		leaf->below[i] = &a_leaf;
		set_word(node, index + i, format->leaf(iova, shift));
	}
	return leaf;
}

void table_unmap(struct table *table, unsigned int first, unsigned int nr,
		 u64 litter)
{
	struct leaf *leaves = table->leaves + first;
	unsigned int i, word;

	for (i = 0; i < nr; i++)
		for (word = 0; word < leaves[i].words; word++) {
			leaves[i].entry[word] = litter;
			leaves[i].expect[word] = litter;
			leaves[i].below[word] = NULL;
		}
	table->nr -= nr;
	memmove(leaves, leaves + nr, (table->nr - first) * sizeof(*leaves));
}

void table_litter(struct table *table, const struct leaf *leaf, u64 litter)
{
	unsigned int words = 1U << table->format->index_bits;
	unsigned int first = ((uintptr_t)leaf->entry / sizeof(u64)) % words;
	struct node **below = leaf->below - first;
	unsigned int i;

	for (i = first > 80 ? first - 80 : 0; i < words && i < first + 400; i++)
		if (!below[i]) {
			leaf->entry[(long)i - first] = litter;
			leaf->expect[(long)i - first] = litter;
		}
}

void leaf_garble(const struct table *table, const struct leaf *leaf, u64 bits)
{
	u64 any = table->format->any(__ffs(leaf->size));
	unsigned int i;

	for (i = 0; i < leaf->words; i++) {
		leaf->entry[i] ^= bits & any;
		leaf->expect[i] ^= bits & any;
		/* Replicas differ as well. */
		bits = bits << 1 | bits >> 63;
	}
}

bool word_dirty(const struct format *format, u64 word)
{
	if ((word & format->tracked) != format->tracked)
		return false;
	return !(word & BIT_ULL(format->dirty)) == format->dirty_is_clear;
}

bool leaf_dirty(const struct table *table, const struct leaf *leaf)
{
	unsigned int i;

	for (i = 0; i < leaf->words; i++)
		if (word_dirty(table->format, READ_ONCE(leaf->entry[i])))
			return true;
	return false;
}

void leaf_write(const struct table *table, const struct leaf *leaf,
		unsigned int word)
{
	const struct format *format = table->format;
	unsigned int at = word % leaf->words;
	u64 expect = leaf->expect[at] | BIT_ULL(format->accessed);

	/* Such a leaf is read-only, or not tracked. */
	if ((expect & format->tracked) != format->tracked)
		return;
	if (format->dirty_is_clear)
		expect &= ~BIT_ULL(format->dirty);
	else
		expect |= BIT_ULL(format->dirty);
	leaf->expect[at] = expect;
	/* Nobody else touches it in the tests that use this. */
	leaf->entry[at] = expect;
}
