// SPDX-License-Identifier: GPL-2.0-only
/*
 * Splitting leaves and joining them, on tables of every format
 *
 * What a leaf splits into is written down word for word, and in words of the
 * test's own: the leaf of the small size for the same memory, with all that the
 * large one had beside, and the mark. After joining a table is what it was, byte
 * for byte but for accessed and dirty bits, and a leaf is dirty if a part was.
 */
#include <kunit/test.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../iommu-dirty-log.h"
#include "../iommu-dirty-split.h"
#include "model.h"
#include "sources.h"

static size_t table_bytes(const struct dirty_format *format)
{
	return sizeof(u64) << format->index_bits;
}

static void drain(struct iommu_dirty_split *split,
		  const struct dirty_format *format)
{
	while (split->nr)
		free_pages_exact(split->stock[--split->nr],
				 table_bytes(format));
}

static void refill(struct iommu_dirty_split *split,
		   const struct dirty_format *format)
{
	while (split->nr < IOMMU_DIRTY_STOCK) {
		u64 *table = alloc_pages_exact(table_bytes(format), GFP_KERNEL);

		if (!table)
			return;
		/* What it has in it must not matter. */
		memset(table, 0xff, table_bytes(format));
		split->stock[split->nr++] = table;
	}
}

enum change { LAZY, EAGER, JOIN };

/* Returns how many leaves were split, or made. */
static unsigned long change(struct dirty_table *table, enum change how,
			    struct iommu_dirty_log *log, unsigned long iova,
			    unsigned long last)
{
	struct iommu_dirty_split *split = kmalloc(sizeof(*split), GFP_KERNEL);
	struct iommu_dirty_read read = {
		.log = log,
		.clear = how == LAZY,
		.last = last,
		.whole = iova,
		.next = iova,
		.cleared = ~0UL,
	};
	unsigned long leaves;
	bool again;

	if (!split)
		return 0;
	if (how == JOIN)
		iommu_dirty_join_init(split);
	else
		iommu_dirty_split_init(split, how == EAGER);
	read.shape = &split->shape;
	do {
		cond_resched();
		if (how != JOIN)
			refill(split, table->format);
		dirty_read_window(table, &read, iova, last);
		again = how == JOIN ? split->nr == IOMMU_DIRTY_STOCK :
				      how == EAGER && !split->nr;
		if (how == JOIN)
			iommu_dirty_join_late(split);
		drain(split, table->format);
	} while (again);
	leaves = split->leaves;
	kfree(split);
	return leaves;
}

/* A leaf's word and what it splits into; the address of a table is 0. */
struct example {
	unsigned int format;
	unsigned int level;
	unsigned int words;
	u64 leaf;
	u64 first;	/* of its children, */
	u64 last;	/* and the last one */
	u64 pointer;	/* what stands in the place of a leaf of one word */
};

/*
 * VT-d 4.1, 9.8; AMD 48882, 2.2.3; Arm DDI 0487, D8.3. Marks: VT-d bit 10, AMD
 * bits 4:1, Armv8 bit 56, all of them ignored by hardware.
 */
static const struct example examples[] = {
	/* VT-d: R, W, A, D, SNP, ignored bits, TM; 2 MiB, 1 GiB, a child's */
	{ DIRTY_VTDSS, 2, 1, 0x0000000140000083, 0x0000000140000403,
	  0x00000001401ff403, 0x0000000000000003 },
	{ DIRTY_VTDSS, 2, 1, 0xfff00001c0000b81, 0xfff00001c0000f01,
	  0xfff00001c01fff01, 0x0000000000000003 },
	{ DIRTY_VTDSS, 3, 1, 0x7ff0000140000b83, 0x7ff0000140000f83,
	  0x7ff000017fe00f83, 0x0000000000000003 },
	{ DIRTY_VTDSS, 2, 1, 0x0000000140000583, 0x0000000140000503,
	  0x00000001401ff503, 0x0000000000000403 },
	/* AMD, next level 0: PR, A, D, FC, IR, IW; a child of replicas */
	{ DIRTY_AMDV1, 2, 1, 0x6000000140000001, 0x6000000140000003,
	  0x60000001401ff003, 0x6000000000000201 },
	{ DIRTY_AMDV1, 3, 1, 0xf000000140000061, 0xf000000140000063,
	  0xf00000017fe00063, 0x6000000000000401 },
	{ DIRTY_AMDV1, 2, 1, 0x4000000140000065, 0x4000000140000063,
	  0x40000001401ff063, 0x6000000000000205 },
	/* Next level 7: 8 KiB, 16 KiB, 1 MiB, 4 MiB, 512 MiB, 2 GiB */
	{ DIRTY_AMDV1, 1, 2, 0x6000000123456e01, 0x6000000123456005,
	  0x6000000123457005, 0 },
	{ DIRTY_AMDV1, 1, 4, 0x7000000123455e61, 0x7000000123454067,
	  0x7000000123457067, 0 },
	{ DIRTY_AMDV1, 1, 256, 0x600000012347fe01, 0x6000000123400013,
	  0x60000001234ff013, 0 },
	{ DIRTY_AMDV1, 2, 2, 0x60000001401ffe01, 0x6000000140000005,
	  0x6000000140200005, 0 },
	{ DIRTY_AMDV1, 2, 256, 0x600000014ffffe21, 0x6000000140000033,
	  0x600000015fe00033, 0 },
	{ DIRTY_AMDV1, 3, 2, 0x600000013ffffe01, 0x6000000100000005,
	  0x6000000140000005, 0 },
	/* Arm: blocks to pages, blocks to blocks, XN, contiguous, nG, software */
	{ DIRTY_ARMV8_S1_4K, 2, 1, 0x00080001400007c1, 0x01080001400007c3,
	  0x01080001401ff7c3, 0x0000000000000003 },
	{ DIRTY_ARMV8_S1_4K, 2, 1, 0x00c8000140000f41, 0x01c8000140000f43,
	  0x01c80001401fff43, 0x0000000000000003 },
	{ DIRTY_ARMV8_S1_4K, 3, 1, 0x00080001400007c1, 0x01080001400007c1,
	  0x010800017fe007c1, 0x0000000000000003 },
	{ DIRTY_ARMV8_S1_4K, 2, 1, 0x01080001400007c1, 0x01080001400007c3,
	  0x01080001401ff7c3, 0x0100000000000003 },
	{ DIRTY_ARMV8_S2_4K, 2, 1, 0x000800014000077d, 0x010800014000077f,
	  0x01080001401ff77f, 0x0000000000000003 },
	{ DIRTY_ARMV8_S2_4K, 3, 1, 0x00080001400007fd, 0x01080001400007fd,
	  0x010800017fe007fd, 0x0000000000000003 },
	{ DIRTY_ARMV8_S1_16K, 2, 1, 0x00080001400007c1, 0x01080001400007c3,
	  0x0108000141ffc7c3, 0x0000000000000003 },
	{ DIRTY_ARMV8_S2_16K, 2, 1, 0x000800014000077d, 0x010800014000077f,
	  0x0108000141ffc77f, 0x0000000000000003 },
	{ DIRTY_ARMV8_S1_64K, 2, 1, 0x00080001400007c1, 0x01080001400007c3,
	  0x010800015fff07c3, 0x0000000000000003 },
	/* Bits 51:48 of the address stand in 15:12. */
	{ DIRTY_ARMV8_S1_64K, 2, 1, 0x000800014000a7c1, 0x010800014000a7c3,
	  0x010800015fffa7c3, 0x0000000000000003 },
	{ DIRTY_ARMV8_S2_64K, 2, 1, 0x000800014000f7fd, 0x010800014000f7ff,
	  0x010800015ffff7ff, 0x0000000000000003 },
};

/* With a bit of its last word changed it is not joined; but for two of them. */
static void expect_apart(struct kunit *test, struct dirty_table *table,
			 const struct example *example, u64 *word)
{
	const struct dirty_format *format = table->format;
	unsigned int bit;

	for (bit = 0; bit < 64; bit++) {
		if (bit == format->accessed || bit == format->dirty)
			continue;
		*word ^= BIT_ULL(bit);
		KUNIT_EXPECT_EQ_MSG(test, change(table, JOIN, NULL, 0,
						 table->leaves->size - 1),
				    0, "leaf %#llx, bit %u changed",
				    example->leaf, bit);
		*word ^= BIT_ULL(bit);
	}
}

/*
 * The words of the leaf, in a table of its level by itself: split eagerly once,
 * and joined again.
 */
static void expect_example(struct kunit *test, const struct example *example,
			   u64 *root)
{
	const struct dirty_format *format = dirty_formats + example->format;
	const unsigned int shift = format->page_shift +
				   format->index_bits * (example->level - 1);
	unsigned long size = example->words * BIT(shift);
	unsigned int nr = example->words, i;
	struct dirty_leaf leaf = { .size = size, .words = nr, .entry = root };
	struct dirty_table table = {
		.format = format,
		.root = root,
		.level = example->level,
		.leaves = &leaf,
		.nr = 1,
	};
	unsigned int below = example->level;
	u64 step, *words = root;

	for (i = 0; i < nr; i++)
		root[i] = example->leaf;
	/* Of the leaf one page: what is on the way to it, is split further. */
	change(&table, EAGER, NULL, 0, BIT(format->page_shift) - 1);
	if (nr == 1) {
		u64 to = format->address(*root);

		KUNIT_EXPECT_EQ_MSG(test, *root, example->pointer |
				    (format->table(to, example->level) ^
				     format->table(0, example->level)),
				    "leaf %#llx", example->leaf);
		words = phys_to_virt(to);
		nr = 1U << format->index_bits;
		below--;
	}
	step = (example->last - example->first) / (nr - 1);
	/* The first one is a table by now, above level 1. */
	for (i = 0; i < nr; i++)
		if (i || below == 1)
			KUNIT_EXPECT_EQ_MSG(test, words[i],
					    example->first + i * step,
					    "leaf %#llx, word %u",
					    example->leaf, i);
	KUNIT_EXPECT_EQ(test, words[nr - 1], example->last);
	/* Above level 1 another bit makes it a table, which is nowhere. */
	if (below == 1)
		expect_apart(test, &table, example, words + nr - 1);

	change(&table, JOIN, NULL, 0, size - 1);
	for (i = 0; i < example->words; i++)
		KUNIT_EXPECT_EQ_MSG(test, root[i], example->leaf,
				    "joined, word %u", i);
}

static void words(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(examples); i++) {
		size_t bytes = table_bytes(dirty_formats + examples[i].format);
		u64 *root = alloc_pages_exact(bytes, GFP_KERNEL | __GFP_ZERO);

		KUNIT_ASSERT_NOT_NULL(test, root);
		expect_example(test, examples + i, root);
		free_pages_exact(root, bytes);
	}
}

/* The word that translates an IOVA, which is mapped, and the size of its leaf */
static u64 *find(const struct dirty_table *table, unsigned long iova,
		 unsigned int *shift)
{
	const struct dirty_format *format = table->format;
	unsigned int level = table->level;
	u64 *at = table->root;

	for (;; level--) {
		unsigned long index;

		*shift = format->page_shift + format->index_bits * (level - 1);
		index = iova >> *shift;
		index %= level == table->level ? table->root_words :
						 1U << format->index_bits;
		if (!format->is_table(at[index], level)) {
			/* Of the formats, AMD's has leaves of this size. */
			if (format->words(*shift + 1) > 1 &&
			    (at[index] >> 9 & 7) == 7)
				*shift = 13 + __ffs(~at[index] >> 12);
			return at + index;
		}
		at = phys_to_virt(format->address(at[index]));
	}
}

static bool word_dirty(const struct dirty_format *format, u64 word)
{
	return !(word & BIT_ULL(format->dirty)) == format->dirty_is_clear;
}

/* All words of a table, as they were */
static u64 *copy_table(const struct dirty_table *table)
{
	unsigned long nr = 0;
	unsigned int i;
	u64 *copy, *at;

	for (i = 0; i < table->nr_pages; i++)
		nr += table->pages[i].nr;
	copy = kvcalloc(nr, sizeof(*copy), GFP_KERNEL);
	at = copy;
	for (i = 0; copy && i < table->nr_pages; at += table->pages[i++].nr)
		memcpy(at, table->pages[i].words,
		       table->pages[i].nr * sizeof(*copy));
	return copy;
}

/* A leaf's first word in a copy */
static const u64 *copy_of(const struct dirty_table *table, const u64 *copy,
			  const struct dirty_leaf *leaf)
{
	unsigned int i;

	for (i = 0; i < leaf->page; i++)
		copy += table->pages[i].nr;
	return copy + (leaf->entry - table->pages[leaf->page].words);
}

/* Word by word; @ignore: bits that may have changed */
static void expect_copy(struct kunit *test, const struct dirty_table *table,
			const u64 *copy, u64 ignore)
{
	unsigned int i, word;

	for (i = 0; i < table->nr_pages; copy += table->pages[i++].nr)
		for (word = 0; word < table->pages[i].nr; word++)
			if ((table->pages[i].words[word] ^ copy[word]) & ~ignore)
				KUNIT_FAIL(test, "word %u of table %u is %#llx, was %#llx",
					   word, i, table->pages[i].words[word],
					   copy[word]);
}

static bool was_dirty(const struct dirty_table *table, const u64 *copy,
		      const struct dirty_leaf *leaf)
{
	const u64 *words = copy_of(table, copy, leaf);
	unsigned int i;

	for (i = 0; i < leaf->words; i++)
		if (word_dirty(table->format, words[i]))
			return true;
	return false;
}

/*
 * What a word must be that translates @iova by a leaf of 2^@shift bytes, and is
 * @dirty, if it was part of @leaf: as far as the format's own masks go, what the
 * specification says; the rest is the leaf's. Accessed bits are not compared.
 */
static void expect_word(struct kunit *test, const struct dirty_table *table,
			const u64 *copy, const struct dirty_leaf *leaf,
			unsigned long iova, unsigned int shift, bool dirty)
{
	const struct dirty_format *format = table->format;
	const u64 ad = BIT_ULL(format->accessed) | BIT_ULL(format->dirty);
	u64 phys = round_down(iova, BIT(shift)) & format->phys;
	u64 rest = *copy_of(table, copy, leaf) &
		   ~(format->leaf_mask | format->mark | ad);
	u64 want = (format->leaf(phys, shift) & ~ad) | rest;
	unsigned int found;
	u64 word = *find(table, iova, &found);

	KUNIT_EXPECT_EQ_MSG(test, found, shift, "IOVA %#lx", iova);
	KUNIT_EXPECT_EQ_MSG(test, word & ~(ad | format->mark), want,
			    "IOVA %#lx", iova);
	KUNIT_EXPECT_EQ_MSG(test, word_dirty(format, word), dirty,
			    "IOVA %#lx", iova);
	KUNIT_EXPECT_EQ_MSG(test, !!(word & format->mark),
			    shift < ilog2(leaf->size), "IOVA %#lx", iova);
}

/* Some pages of the part of a leaf: first, last, any */
#define NR_PAGES	8

static unsigned long some_page(unsigned int i, unsigned int shift,
			       unsigned long iova, unsigned long last)
{
	unsigned long pages = ((last - iova) >> shift) + 1;

	if (!i)
		return iova;
	if (i == 1)
		return round_down(last, BIT(shift));
	return iova + (dirty_random(pages) << shift);
}

/* Any leaf, preferably one that can be split */
static const struct dirty_leaf *random_leaf(const struct dirty_table *table)
{
	const unsigned long small = BIT(dirty_small(table->format));
	unsigned int first = dirty_random(table->nr), i = first;

	while (table->leaves[i].size == small) {
		i = (i + 1) % table->nr;
		if (i == first)
			break;
	}
	return table->leaves + i;
}

/* A random table, some of it written */
static void written_table(struct dirty_table *table,
			  const struct dirty_source *source)
{
	unsigned int writes = dirty_random(64);

	dirty_random_table(table, source);
	for (; writes && !*table->wrong; writes--)
		dirty_leaf_write(table, random_leaf(table), dirty_random(256));
}

/* Not more than a page has bits for, and a stock tables */
static void random_range(const struct dirty_table *table, unsigned long *iova,
			 unsigned long *last)
{
	const unsigned int shift = dirty_small(table->format);
	const struct dirty_leaf *leaf = random_leaf(table);

	*iova = leaf->iova;
	if (dirty_random(2))
		*iova += dirty_random(leaf->size >> shift) << shift;
	*last = *iova + ((1 + dirty_random(BIT(14))) << shift) - 1;
}

/* Of what is split, only leaves that lie in the range are joined. */
static void expect_joined(struct kunit *test, struct dirty_table *table)
{
	unsigned long iova, last;
	unsigned int i;

	random_range(table, &iova, &last);
	change(table, EAGER, NULL, iova, last);
	/* A page less, at either end, or not */
	iova += dirty_random(2) << dirty_small(table->format);
	last -= dirty_random(2) << dirty_small(table->format);
	if (last < iova)
		return;
	change(table, JOIN, NULL, iova, last);
	for (i = 0; i < table->nr; i++) {
		const struct dirty_leaf *leaf = table->leaves + i;
		unsigned long leaf_last = leaf->iova + leaf->size - 1;
		bool whole = leaf->iova >= iova && leaf_last <= last;
		unsigned int shift;

		if (leaf->iova > last || leaf_last < iova ||
		    leaf->size == BIT(dirty_small(table->format)))
			continue;
		find(table, max(leaf->iova, iova), &shift);
		KUNIT_EXPECT_EQ_MSG(test, BIT(shift) == leaf->size, whole,
				    "leaf %#lx of %#lx", leaf->iova,
				    leaf->size);
	}
}

/* Split eagerly, in part, and joined: dirt is everywhere that it was. */
static void eager_round(struct kunit *test, struct dirty_table *table)
{
	const u64 ad = BIT_ULL(table->format->accessed) |
		       BIT_ULL(table->format->dirty);
	const unsigned int small = dirty_small(table->format);
	unsigned long iova, last;
	u64 *copy = copy_table(table);
	unsigned int i, j;

	KUNIT_ASSERT_NOT_NULL(test, copy);
	/* Nothing is ours yet. */
	change(table, JOIN, NULL, 0, ULONG_MAX >> 1);
	expect_copy(test, table, copy, 0);

	random_range(table, &iova, &last);
	change(table, EAGER, NULL, iova, last);
	for (i = 0; i < table->nr; i++) {
		const struct dirty_leaf *leaf = table->leaves + i;
		unsigned long leaf_last = leaf->iova + leaf->size - 1;

		if (leaf->iova > last || leaf_last < iova)
			continue;
		for (j = 0; j < NR_PAGES; j++)
			expect_word(test, table, copy, leaf,
				    some_page(j, small, max(iova, leaf->iova),
					      min(last, leaf_last)),
				    small, was_dirty(table, copy, leaf));
	}

	expect_joined(test, table);
	change(table, JOIN, NULL, 0, ULONG_MAX >> 1);
	expect_copy(test, table, copy, ad);
	for (i = 0; i < table->nr; i++)
		KUNIT_EXPECT_EQ(test, dirty_leaf_test(table, table->leaves + i),
				was_dirty(table, copy, table->leaves + i));
	kvfree(copy);
}

/* What a leaf of 2^@shift bytes splits into */
static unsigned int child_shift(const struct dirty_format *format,
				unsigned int shift)
{
	unsigned int above = (shift - format->page_shift) % format->index_bits;

	if (shift == format->page_shift)
		return shift;
	return shift - (above ?: format->index_bits);
}

static void expect_report(struct kunit *test, const unsigned long *bits,
			  unsigned int shift, const struct dirty_leaf *leaf,
			  unsigned long iova, unsigned long last, bool dirty)
{
	unsigned long page = (max(iova, leaf->iova) - iova) >> shift;
	unsigned long end = ((min(last, leaf->iova + leaf->size - 1) - iova) >>
			     shift) + 1;

	for (; page < end; page++)
		if ((bits[page / BITS_PER_LONG] >> page % BITS_PER_LONG & 1) !=
		    dirty)
			KUNIT_FAIL(test, "page %lu of %#lx is%s reported", page,
				   iova, dirty ? " not" : "");
}

/*
 * Read, and split what is dirty: a child is clean if all of it was reported, and
 * dirty if not. What is clean stays whole.
 */
static void lazy_round(struct kunit *test, struct dirty_table *table,
		       unsigned long *bits)
{
	const u64 ad = BIT_ULL(table->format->accessed) |
		       BIT_ULL(table->format->dirty);
	const unsigned int small = dirty_small(table->format);
	struct iommu_dirty_log log = {
		.shift = small,
		.page = { bits },
	};
	u64 *copy = copy_table(table);
	unsigned long iova, last;
	unsigned int i, j;

	KUNIT_ASSERT_NOT_NULL(test, copy);
	memset(bits, 0, PAGE_SIZE);
	random_range(table, &iova, &last);
	log.iova = iova;
	log.last = last;
	change(table, LAZY, &log, iova, last);
	for (i = 0; i < table->nr; i++) {
		const struct dirty_leaf *leaf = table->leaves + i;
		unsigned int whole = ilog2(leaf->size), shift;
		bool dirty = was_dirty(table, copy, leaf);

		if (leaf->iova > last || leaf->iova + leaf->size - 1 < iova)
			continue;
		expect_report(test, bits, small, leaf, iova, last, dirty);
		shift = dirty ? child_shift(table->format, whole) : whole;
		for (j = 0; j < NR_PAGES; j++) {
			unsigned long at = some_page(j, small, leaf->iova,
						     leaf->iova + leaf->size - 1);
			unsigned long child = round_down(at, BIT(shift));
			bool reported = child >= iova &&
					child + BIT(shift) - 1 <= last;

			expect_word(test, table, copy, leaf, at, shift,
				    dirty && !reported);
		}
	}

	change(table, JOIN, NULL, 0, ULONG_MAX >> 1);
	expect_copy(test, table, copy, ad);
	kvfree(copy);
}

static void random_splits(struct kunit *test)
{
	const struct dirty_source *source = test->param_value;
	unsigned int rounds = dirty_random_begin(test), i;
	unsigned long *bits = kunit_kmalloc(test, PAGE_SIZE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, bits);
	for (i = 0; i < rounds; i++) {
		struct dirty_table table;

		written_table(&table, source);
		if (!*table.wrong)
			eager_round(test, &table);
		if (!*table.wrong)
			lazy_round(test, &table, bits);
		KUNIT_EXPECT_STREQ(test, table.wrong, "");
		dirty_table_free(&table);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(words),
	KUNIT_CASE_PARAM(random_splits, dirty_source_next),
	{ }
};

static struct kunit_suite suite = {
	.name = "iommu-dirty-split",
	.test_cases = cases,
};

kunit_test_suite(suite);
