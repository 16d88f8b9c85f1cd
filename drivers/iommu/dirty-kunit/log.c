// SPDX-License-Identifier: GPL-2.0-only
/*
 * The log: which bits are set, and that no other is touched
 *
 * What should be set is set byte by byte in a second bitmap. Both are full of
 * random bits before, so that a bit that is cleared shows as well.
 */
#include <kunit/test.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/string.h>

#include "../iommu-dirty-log.h"

/* The two pages of a window, and one more before and behind */
#define PAGES		4
#define BYTES		(PAGES * PAGE_SIZE)
#define PAGE_BITS	(PAGE_SIZE * 8)

struct bitmaps {
	struct rnd_state rnd;
	u8 *got;
	u8 *want;
};

static int log_init(struct kunit *test)
{
	struct bitmaps *maps = kunit_kzalloc(test, sizeof(*maps), GFP_KERNEL);

	if (!maps)
		return -ENOMEM;
	test->priv = maps;
	prandom_seed_state(&maps->rnd, 1);
	maps->got = alloc_pages_exact(BYTES, GFP_KERNEL);
	maps->want = alloc_pages_exact(BYTES, GFP_KERNEL);
	if (!maps->got || !maps->want)
		return -ENOMEM;
	prandom_bytes_state(&maps->rnd, maps->got, BYTES);
	memcpy(maps->want, maps->got, BYTES);
	return 0;
}

static void log_exit(struct kunit *test)
{
	struct bitmaps *maps = test->priv;

	if (!maps)
		return;
	if (maps->want)
		free_pages_exact(maps->want, BYTES);
	if (maps->got)
		free_pages_exact(maps->got, BYTES);
}

/* A window whose bits begin with bit @bit of the second page */
static void log_begin(struct bitmaps *maps, struct iommu_dirty_log *log,
		      unsigned long iova, unsigned int shift, unsigned int bit)
{
	log->iova = iova;
	log->last = iova + (PAGE_BITS << shift) - 1;
	log->shift = shift;
	log->bit = bit;
	log->page[0] = (unsigned long *)(maps->got + PAGE_SIZE);
	log->page[1] = (unsigned long *)(maps->got + 2 * PAGE_SIZE);
}

static void want_bits(struct bitmaps *maps, unsigned long first,
		      unsigned long last)
{
	unsigned long bit;

	for (bit = first; bit <= last; bit++)
		maps->want[PAGE_SIZE + bit / 8] |= 1 << bit % 8;
}

static bool same(struct bitmaps *maps)
{
	return !memcmp(maps->got, maps->want, BYTES);
}

/* Other random bits around those that were used */
static void stir(struct bitmaps *maps, unsigned long bit, unsigned long last)
{
	unsigned long byte = PAGE_SIZE + round_down(bit / 8, 8);
	unsigned long nr = PAGE_SIZE + round_up(last / 8 + 1, 8) - byte;

	prandom_bytes_state(&maps->rnd, maps->got + byte, nr);
	memcpy(maps->want + byte, maps->got + byte, nr);
}

static void ranges(struct kunit *test, unsigned int shift, unsigned int begin,
		   unsigned int nr)
{
	struct bitmaps *maps = test->priv;
	struct iommu_dirty_log log;
	unsigned int first, last;

	for (first = 0; first < nr; first++) {
		for (last = first; last < nr; last++) {
			log_begin(maps, &log, 5UL << 40, shift, begin);
			iommu_dirty_log_range(&log, log.iova +
					      ((unsigned long)first << shift),
					      log.iova +
					      ((last + 1UL) << shift) - 1);
			want_bits(maps, begin + first, begin + last);
			if (!same(maps)) {
				KUNIT_FAIL(test, "shift %u, bit %u: range %u to %u",
					   shift, begin, first, last);
				memcpy(maps->want, maps->got, BYTES);
			}
			stir(maps, begin + first, begin + last);
		}
	}
}

/* Ranges that begin and end with any bit of a word, or of the one behind */
static void log_range(struct kunit *test)
{
	ranges(test, 12, 0, 70);
	ranges(test, 21, 64, 70);
}

/* A bitmap begins with any bit: with any byte, and any window behind it. */
static void log_range_begin(struct kunit *test)
{
	unsigned int begin;

	for (begin = 0; begin < 130; begin++)
		ranges(test, 12, begin, 9);
}

/* From one page into the next, and with the last bit of the second */
static void log_range_two_pages(struct kunit *test)
{
	unsigned int before;

	for (before = 1; before < 70; before += 3)
		ranges(test, 12, PAGE_BITS - before, 12);
	ranges(test, 12, 2 * PAGE_BITS - 12, 12);
}

/* As many bits as a window has, from the last bit of a page on */
static void log_range_whole(struct kunit *test)
{
	struct bitmaps *maps = test->priv;
	struct iommu_dirty_log log;
	unsigned int begin;

	for (begin = 0; begin < PAGE_BITS; begin += PAGE_BITS / 7) {
		log_begin(maps, &log, 1UL << 30, 12, begin);
		iommu_dirty_log_range(&log, log.iova, log.last);
		want_bits(maps, begin, begin + PAGE_BITS - 1);
		KUNIT_EXPECT_TRUE(test, same(maps));
		stir(maps, 0, 2 * PAGE_BITS - 1);
	}
}

/* What covers a granule in part makes it dirty. */
static void log_range_parts(struct kunit *test)
{
	struct bitmaps *maps = test->priv;
	struct iommu_dirty_log log;
	unsigned int shift;

	for (shift = 13; shift < 40; shift++) {
		unsigned long size = 1UL << shift;

		log_begin(maps, &log, 1UL << 50, shift, 11);
		iommu_dirty_log_range(&log, log.iova, log.iova + 4095);
		want_bits(maps, 11, 11);
		iommu_dirty_log_range(&log, log.iova + 3 * size - 4096,
				      log.iova + 3 * size - 1);
		want_bits(maps, 13, 13);
		iommu_dirty_log_range(&log, log.iova + 5 * size - 4096,
				      log.iova + 6 * size + 4095);
		want_bits(maps, 15, 17);
		KUNIT_EXPECT_TRUE_MSG(test, same(maps), "shift %u", shift);
		stir(maps, 0, 63);
	}
}

/* A page without a bit in the range need not be there. */
static void log_page_missing(struct kunit *test)
{
	struct bitmaps *maps = test->priv;
	struct iommu_dirty_log log;

	log_begin(maps, &log, 0, 12, PAGE_BITS - 64);
	log.page[1] = NULL;
	iommu_dirty_log_range(&log, 0, (64UL << 12) - 1);
	iommu_dirty_log_mask(&log, 0, ~0UL, 12);
	want_bits(maps, PAGE_BITS - 64, PAGE_BITS - 1);
	KUNIT_EXPECT_TRUE(test, same(maps));

	log_begin(maps, &log, 0, 12, PAGE_BITS - 64);
	log.page[0] = NULL;
	iommu_dirty_log_range(&log, 64UL << 12, (128UL << 12) - 1);
	iommu_dirty_log_mask(&log, 64UL << 12, ~0UL, 12);
	want_bits(maps, PAGE_BITS, PAGE_BITS + 63);
	KUNIT_EXPECT_TRUE(test, same(maps));
}

/*
 * A word of leaves of 2^@leaf bytes, the first @before of them in front of the
 * window, whose granule is 2^@shift and whose bits begin with @begin
 */
static void check_mask(struct kunit *test, unsigned long dirty,
		       unsigned int leaf, unsigned int shift,
		       unsigned int before, unsigned int begin)
{
	struct bitmaps *maps = test->priv;
	unsigned long iova = 3UL << 45, first, last;
	struct iommu_dirty_log log;
	unsigned int i;

	dirty &= ~0UL << before;
	log_begin(maps, &log, iova + ((unsigned long)before << leaf), shift,
		  begin);
	iommu_dirty_log_mask(&log, iova, dirty, leaf);
	for (i = before; i < 64; i++) {
		if (!(dirty >> i & 1))
			continue;
		first = (unsigned long)(i - before) << leaf;
		last = first + (1UL << leaf) - 1;
		want_bits(maps, begin + (first >> shift),
			  begin + (last >> shift));
	}
	if (!same(maps)) {
		KUNIT_FAIL(test, "mask %#lx, leaves 2^%u, granule 2^%u, %u before, bit %u",
			   dirty, leaf, shift, before, begin);
		memcpy(maps->want, maps->got, BYTES);
	}
	last = 64UL - before;
	last = leaf > shift ? last << (leaf - shift) : last;
	stir(maps, begin, begin + last);
}

static void check_masks(struct kunit *test, unsigned int leaf,
			unsigned int shift, unsigned int before,
			unsigned int begin)
{
	struct bitmaps *maps = test->priv;
	unsigned long high = prandom_u32_state(&maps->rnd);

	check_mask(test, ~0UL, leaf, shift, before, begin);
	check_mask(test, 1UL << 63, leaf, shift, before, begin);
	check_mask(test, 1UL << before, leaf, shift, before, begin);
	check_mask(test, high << 32 | prandom_u32_state(&maps->rnd), leaf,
		   shift, before, begin);
}

/* Leaf and granule alike: the word is shifted to any bit. */
static void log_mask(struct kunit *test)
{
	unsigned int begin, before;

	for (begin = 0; begin < 66; begin++)
		for (before = 0; before < 64; before += begin % 7 + 1)
			check_masks(test, 12, 12, before, begin);
}

static void log_mask_two_pages(struct kunit *test)
{
	unsigned int begin;

	for (begin = PAGE_BITS - 65; begin <= PAGE_BITS; begin++) {
		check_masks(test, 14, 14, 0, begin);
		check_masks(test, 14, 14, begin % 64, begin);
	}
	check_masks(test, 16, 16, 0, 2 * PAGE_BITS - 64);
}

/* Leaves that are larger or smaller than the granule */
static void log_mask_shifts(struct kunit *test)
{
	static const unsigned int leaves[] = { 11, 12, 13, 14, 16 };
	unsigned int i, shift, begin;

	for (i = 0; i < ARRAY_SIZE(leaves); i++)
		for (shift = 11; shift <= 18; shift++)
			for (begin = 0; begin < 64; begin += 5)
				check_masks(test, leaves[i], shift, 0,
					    PAGE_BITS - 60 + begin);
	check_masks(test, 12, 30, 0, 17);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(log_range),
	KUNIT_CASE(log_range_begin),
	KUNIT_CASE(log_range_two_pages),
	KUNIT_CASE(log_range_whole),
	KUNIT_CASE(log_range_parts),
	KUNIT_CASE(log_page_missing),
	KUNIT_CASE(log_mask),
	KUNIT_CASE(log_mask_two_pages),
	KUNIT_CASE(log_mask_shifts),
	{ }
};

static struct kunit_suite suite = {
	.name = "iommu-dirty-log",
	.init = log_init,
	.exit = log_exit,
	.test_cases = cases,
};

kunit_test_suite(suite);
