// SPDX-License-Identifier: GPL-2.0-only
/*
 * Splitting leaves and joining them: every argument, what a report says before
 * and after, and that no table is left over
 *
 * The device forgets a translation only when it is told to, and the mock counts
 * what the core must not do: nothing, at the end of each test. Nor are there more
 * pages of tables than in the beginning.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../dma/text.h"
#include "failnth.h"
#include "hw.h"
#include "kselftest_harness.h"

#define PARAMETER	"/sys/module/iommufd/parameters/dirty_split"

/* In the middle of everything, and in the first leaf */
#define PAGE		2051U
#define OTHER		17U

/* Leaves of level 2, which need a table each */
#define TABLE_PAGES	512U
#define NR_TABLES	(HW_PAGES / TABLE_PAGES)

static uint64_t at(unsigned int page)
{
	return MOCK_START + page * MOCK_PAGE;
}

static int put_parameter(const char *value)
{
	return text_write(PARAMETER, value);
}

static int get_parameter(char *value, size_t size)
{
	int rc = text_read(PARAMETER, value, size);

	if (!rc)
		value[strcspn(value, "\n")] = 0;
	return rc;
}

FIXTURE(split)
{
	struct hw hw;
	long tables;
	long before;
	unsigned int pages;
	uint64_t leaves;
	uint8_t bits[HW_PAGES / 8];
};

FIXTURE_VARIANT(split)
{
	uint32_t dev_flags;
	uint64_t size;
};

FIXTURE_VARIANT_ADD(split, level2) { 0, MIB(1) };
FIXTURE_VARIANT_ADD(split, replicated_8k) {
	MOCK_DIRTY_DEVICE_REPLICATED, 4 * MOCK_PAGE,
};

FIXTURE_VARIANT_ADD(split, replicated_512k) {
	MOCK_DIRTY_DEVICE_REPLICATED, KIB(512),
};

FIXTURE_VARIANT_ADD(split, replicated_4m) {
	MOCK_DIRTY_DEVICE_REPLICATED, MIB(4),
};

FIXTURE_SETUP(split)
{
	struct hw *hw = &self->hw;

	self->tables = iommu_table_pages();
	ASSERT_LE(0, self->tables);
	ASSERT_EQ(0, hw_open(hw, variant->dev_flags | MOCK_DIRTY_DEVICE_SPLIT,
			     variant->size));
	self->pages = variant->size / MOCK_PAGE;
	self->before = iommu_table_pages();
}

FIXTURE_TEARDOWN(split)
{
	EXPECT_EQ(0, hw_close(&self->hw));
	EXPECT_EQ(self->tables, iommu_table_pages());
}

static int set_mode(const struct hw *hw, uint32_t mode)
{
	return iommufd_set_split_mode(hw->fd, hw->hwpt, mode);
}

static int start(const struct hw *hw, uint32_t mode)
{
	int rc = set_mode(hw, mode);

	return rc ? rc : iommufd_set_dirty(hw->fd, hw->hwpt, true);
}

/* What a leaf of so many pages is split into */
static unsigned int split_once(unsigned int pages)
{
	return pages > TABLE_PAGES ? TABLE_PAGES : 1;
}

/* Does a read report these pages only, around @page? */
static bool reports(struct hw *hw, uint8_t *bits, unsigned int page,
		    unsigned int pages)
{
	return !hw_get(hw, 0, bits) &&
	       hw_only(bits, page / pages * pages, pages);
}

static bool clean(struct hw *hw, uint8_t *bits)
{
	return !hw_get(hw, 0, bits) && hw_only(bits, 0, 0);
}

/* Whole once, level by level, and exactly afterwards; and joined. */
TEST_F(split, lazy)
{
	struct hw *hw = &self->hw;
	unsigned int round, pages;
	long tables;

	for (round = 0; round < 2; round++) {
		ASSERT_EQ(0, start(hw, IOMMU_HWPT_DIRTY_SPLIT_LAZY));
		ASSERT_TRUE(clean(hw, self->bits));
		EXPECT_EQ(self->before, iommu_table_pages());
		tables = self->before;
		for (pages = self->pages; pages > 1; pages = split_once(pages)) {
			ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
			ASSERT_TRUE(reports(hw, self->bits, PAGE, pages));
			tables += pages == TABLE_PAGES;
			EXPECT_EQ(tables, iommu_table_pages());
		}
		ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
		ASSERT_TRUE(reports(hw, self->bits, PAGE, 1));
		ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE - 1)));
		ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
		ASSERT_EQ(0, hw_get(hw, 0, self->bits));
		EXPECT_TRUE(hw_only(self->bits, PAGE - 1, 2));
		ASSERT_TRUE(clean(hw, self->bits));
		/* The others are what they were. */
		ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(OTHER)));
		ASSERT_TRUE(reports(hw, self->bits, OTHER, self->pages));
		ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, false));
		EXPECT_EQ(self->before, iommu_table_pages());
	}
}

/* Exact from the first read on, by as many tables as it takes */
TEST_F(split, eager)
{
	struct hw *hw = &self->hw;
	long tables = self->pages < TABLE_PAGES ? 0 : NR_TABLES;
	unsigned int round;

	for (round = 0; round < 2; round++) {
		ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(OTHER)));
		ASSERT_EQ(0, start(hw, IOMMU_HWPT_DIRTY_SPLIT_EAGER));
		EXPECT_EQ(self->before + tables, iommu_table_pages());
		ASSERT_TRUE(clean(hw, self->bits));
		ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
		ASSERT_TRUE(reports(hw, self->bits, PAGE, 1));
		ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
		ASSERT_TRUE(reports(hw, self->bits, PAGE, 1));
		ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, false));
		EXPECT_EQ(self->before, iommu_table_pages());
	}
	ASSERT_EQ(0, start(hw, IOMMU_HWPT_DIRTY_SPLIT_OFF));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_TRUE(reports(hw, self->bits, PAGE, self->pages));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_TRUE(reports(hw, self->bits, PAGE, self->pages));
	EXPECT_EQ(self->before, iommu_table_pages());
}

/* Promise 7: who does not clear does not split. */
TEST_F(split, no_clear)
{
	struct hw *hw = &self->hw;
	unsigned int i;

	ASSERT_EQ(0, start(hw, IOMMU_HWPT_DIRTY_SPLIT_LAZY));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, hw_get(hw, NO_CLEAR, self->bits));
		EXPECT_TRUE(hw_only(self->bits,
				    PAGE / self->pages * self->pages,
				    self->pages));
	}
	EXPECT_EQ(0, hw_stats(hw->fd, hw->hwpt, 0).flushes);
	EXPECT_EQ(self->before, iommu_table_pages());
}

/* Of a leaf read in part the rest is still to be reported, once. */
TEST_F(split, part)
{
	unsigned int first = PAGE / self->pages * self->pages;
	unsigned int half = self->pages / 2;
	struct hw *hw = &self->hw;

	ASSERT_EQ(0, start(hw, IOMMU_HWPT_DIRTY_SPLIT_LAZY));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	memset(self->bits, 0, sizeof(self->bits));
	ASSERT_EQ(0, iommufd_get_dirty(hw->fd, hw->hwpt, 0, at(first),
				       half * MOCK_PAGE, MOCK_PAGE,
				       self->bits));
	EXPECT_TRUE(hw_only(self->bits, 0, half));
	ASSERT_EQ(0, hw_get(hw, 0, self->bits));
	EXPECT_TRUE(hw_only(self->bits, first + half, half));
	ASSERT_TRUE(clean(hw, self->bits));
}

/* By range: dirt goes to what a leaf is split into, and back. */
TEST_F(split, by_range)
{
	unsigned int first = PAGE / self->pages * self->pages;
	uint64_t length = self->pages * MOCK_PAGE;
	struct hw *hw = &self->hw;

	ASSERT_EQ(0, start(hw, IOMMU_HWPT_DIRTY_SPLIT_OFF));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_EQ(0, iommufd_split(hw->fd, hw->hwpt, at(first), length,
				   &self->leaves));
	EXPECT_LE(1, self->leaves);
	ASSERT_TRUE(reports(hw, self->bits, PAGE, self->pages));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_TRUE(reports(hw, self->bits, PAGE, 1));

	/* Short of a page, at either end */
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_EQ(0, iommufd_split(hw->fd, hw->hwpt, at(first), MOCK_PAGE,
				   &self->leaves));
	EXPECT_EQ(0, self->leaves);
	ASSERT_EQ(0, iommufd_join(hw->fd, hw->hwpt, at(first) + MOCK_PAGE,
				  length - MOCK_PAGE, &self->leaves));
	ASSERT_EQ(0, iommufd_join(hw->fd, hw->hwpt, at(first),
				  length - MOCK_PAGE, &self->leaves));
	ASSERT_EQ(0, iommufd_split(hw->fd, hw->hwpt, at(first), length,
				   &self->leaves));
	ASSERT_EQ(0, hw_get(hw, NO_CLEAR, self->bits));
	/* What a larger leaf was split into first lies in these ranges whole. */
	if (self->pages <= TABLE_PAGES)
		EXPECT_TRUE(hw_only(self->bits, PAGE, 1));

	ASSERT_EQ(0, iommufd_join(hw->fd, hw->hwpt, 0, ~0ULL, &self->leaves));
	EXPECT_LE(1, self->leaves);
	ASSERT_TRUE(reports(hw, self->bits, PAGE, self->pages));
	EXPECT_EQ(self->before, iommu_table_pages());
	ASSERT_EQ(0, iommufd_join(hw->fd, hw->hwpt, 0, ~0ULL, &self->leaves));
	EXPECT_EQ(0, self->leaves);
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_TRUE(reports(hw, self->bits, PAGE, self->pages));
}

/*
 * A range may begin and end anywhere: a leaf that it touches is split, one of
 * which it leaves out a byte is not joined. The driver sees whole pages.
 */
TEST_F(split, bytes)
{
	unsigned int first = PAGE / self->pages * self->pages;
	uint64_t length = self->pages * MOCK_PAGE;
	struct hw *hw = &self->hw;

	ASSERT_EQ(0, start(hw, IOMMU_HWPT_DIRTY_SPLIT_OFF));
	ASSERT_EQ(0, iommufd_split(hw->fd, hw->hwpt, at(PAGE) + 1, 1,
				   &self->leaves));
	EXPECT_LE(1, self->leaves);
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_TRUE(reports(hw, self->bits, PAGE, 1));
	ASSERT_EQ(0, iommufd_join(hw->fd, hw->hwpt, at(PAGE) + 1, 1,
				  &self->leaves));
	EXPECT_EQ(0, self->leaves);
	ASSERT_EQ(0, iommufd_join(hw->fd, hw->hwpt, ~0ULL, 1, &self->leaves));
	EXPECT_EQ(0, self->leaves);
	if (self->pages <= TABLE_PAGES) {
		ASSERT_EQ(0, iommufd_join(hw->fd, hw->hwpt, at(first) + 1,
					  length - 1, &self->leaves));
		EXPECT_EQ(0, self->leaves);
		ASSERT_EQ(0, iommufd_join(hw->fd, hw->hwpt, at(first),
					  length - 1, &self->leaves));
		EXPECT_EQ(0, self->leaves);
	}
	ASSERT_EQ(0, iommufd_join(hw->fd, hw->hwpt, at(first) - 1, length + 2,
				  &self->leaves));
	EXPECT_LE(1, self->leaves);
	EXPECT_EQ(self->before, iommu_table_pages());
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_TRUE(reports(hw, self->bits, PAGE, self->pages));
}

/* All of it whether tracking is on or off; SET(1) begins clean. */
TEST_F(split, while_off)
{
	struct hw *hw = &self->hw;

	ASSERT_EQ(0, set_mode(hw, IOMMU_HWPT_DIRTY_SPLIT_OFF));
	ASSERT_EQ(0, iommufd_split(hw->fd, hw->hwpt, 0, ~0ULL, &self->leaves));
	EXPECT_LE(HW_PAGES / self->pages, self->leaves);
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, true));
	ASSERT_TRUE(clean(hw, self->bits));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_TRUE(reports(hw, self->bits, PAGE, 1));
	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, false));
	EXPECT_EQ(self->before, iommu_table_pages());
}

/* Whatever became of the leaves: an area goes as it came, and no part of it. */
TEST_F(split, unmap)
{
	struct hw *hw = &self->hw;
	unsigned int round;
	long empty;

	ASSERT_EQ(0, start(hw, IOMMU_HWPT_DIRTY_SPLIT_LAZY));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_EQ(0, hw_get(hw, 0, self->bits));
	EXPECT_EQ(-ENOENT, iommufd_unmap(hw->fd, hw->ioas, MOCK_START,
					 HW_LENGTH / 2));
	ASSERT_EQ(0, iommufd_unmap(hw->fd, hw->ioas, MOCK_START, HW_LENGTH));
	EXPECT_EQ(-EFAULT, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_TRUE(clean(hw, self->bits));
	empty = iommu_table_pages();
	EXPECT_GE(self->before, empty);
	for (round = 0; round < 3; round++) {
		ASSERT_EQ(0, iommufd_map(hw->fd, hw->ioas, hw->mem, MOCK_START,
					 HW_LENGTH));
		ASSERT_EQ(0, hw_leaves(hw->fd, hw->hwpt, MOCK_START, HW_LENGTH,
				       self->pages * MOCK_PAGE));
		ASSERT_EQ(0, iommufd_split(hw->fd, hw->hwpt, 0, ~0ULL,
					   &self->leaves));
		ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
		ASSERT_TRUE(reports(hw, self->bits, PAGE, 1));
		ASSERT_EQ(0, iommufd_unmap(hw->fd, hw->ioas, MOCK_START,
					   HW_LENGTH));
		EXPECT_EQ(empty, iommu_table_pages());
	}
}

/* Does the domain translate to the memory? */
static int check_map(const struct hw *hw, uint64_t iova, void *mem)
{
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd),
		.op = IOMMU_TEST_OP_MD_CHECK_MAP,
		.id = hw->hwpt,
		.check_map = {
			.iova = iova,
			.length = HW_LENGTH,
			.uptr = (uintptr_t)mem,
		},
	};

	return ioctl(hw->fd, IOMMU_TEST_CMD, &cmd) ? -errno : 0;
}

/* A copy of an area whose leaves are split is the same memory. */
TEST_F(split, copy)
{
	const uint64_t iova = MOCK_START + 4 * HW_LENGTH;
	struct hw *hw = &self->hw;
	uint64_t leaves;

	ASSERT_EQ(0, start(hw, IOMMU_HWPT_DIRTY_SPLIT_EAGER));
	ASSERT_EQ(0, check_map(hw, MOCK_START, hw->mem));
	ASSERT_EQ(0, iommufd_copy(hw->fd, hw->ioas, iova, hw->ioas, MOCK_START,
				  HW_LENGTH));
	ASSERT_EQ(0, check_map(hw, iova, hw->mem));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, iova));
	ASSERT_TRUE(reports(hw, self->bits, PAGE, 1));
	ASSERT_EQ(0, iommufd_join(hw->fd, hw->hwpt, 0, ~0ULL, &leaves));
	EXPECT_LE(HW_PAGES / self->pages, leaves);
	ASSERT_EQ(0, check_map(hw, MOCK_START, hw->mem));
	ASSERT_EQ(0, check_map(hw, iova, hw->mem));
	ASSERT_EQ(0, iommufd_unmap(hw->fd, hw->ioas, iova, HW_LENGTH));
}

/* Two areas side by side: each is split and joined for itself. */
TEST_F(split, neighbours)
{
	const uint64_t length = self->pages * MOCK_PAGE;
	const uint64_t next = MOCK_START + HW_LENGTH;
	struct hw *hw = &self->hw;
	uint64_t bit = 0;

	ASSERT_EQ(0, iommufd_map(hw->fd, hw->ioas, hw->mem, next, length));
	ASSERT_EQ(0, hw_leaves(hw->fd, hw->hwpt, next, length, length));
	ASSERT_EQ(0, start(hw, IOMMU_HWPT_DIRTY_SPLIT_EAGER));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, next - MOCK_PAGE));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, next));
	ASSERT_EQ(0, iommufd_get_dirty(hw->fd, hw->hwpt, NO_CLEAR,
				       next - 2 * MOCK_PAGE, 4 * MOCK_PAGE,
				       MOCK_PAGE, &bit));
	EXPECT_EQ(6, bit);
	ASSERT_EQ(0, iommufd_unmap(hw->fd, hw->ioas, next, length));
	ASSERT_EQ(0, hw_get(hw, 0, self->bits));
	EXPECT_TRUE(hw_only(self->bits, HW_PAGES - 1, 1));
}

/* The device leaves, leaves change, it comes back and is tracked. */
TEST_F(split, detach)
{
	struct hw *hw = &self->hw;
	uint32_t ioas;

	ASSERT_EQ(0, iommufd_ioas_alloc(hw->fd, &ioas));
	ASSERT_EQ(0, start(hw, IOMMU_HWPT_DIRTY_SPLIT_LAZY));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_TRUE(reports(hw, self->bits, PAGE, self->pages));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_EQ(0, mock_replace(hw->fd, hw->stdev, ioas));
	ASSERT_EQ(0, iommufd_join(hw->fd, hw->hwpt, 0, ~0ULL, &self->leaves));
	EXPECT_EQ(1, self->leaves);
	EXPECT_EQ(self->before, iommu_table_pages());
	ASSERT_EQ(0, iommufd_split(hw->fd, hw->hwpt, 0, ~0ULL, &self->leaves));
	ASSERT_EQ(0, mock_replace(hw->fd, hw->stdev, hw->hwpt));
	ASSERT_TRUE(reports(hw, self->bits, PAGE, self->pages));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_TRUE(reports(hw, self->bits, PAGE, 1));
	/* It goes as it is: split. The teardown counts what is left. */
}

/* While a read has split a leaf, and not flushed, writes go on through caches. */
struct getter {
	struct hw *hw;
	uint8_t *bits;
	int rc;
};

static void *get_thread(void *arg)
{
	struct getter *getter = arg;

	getter->rc = hw_get(getter->hw, 0, getter->bits);
	return NULL;
}

TEST_F(split, written_before_the_flush)
{
	struct hw *hw = &self->hw;
	struct getter getter = { .hw = hw, .bits = self->bits };
	pthread_t thread;
	uint32_t hits;

	ASSERT_EQ(0, start(hw, IOMMU_HWPT_DIRTY_SPLIT_LAZY));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_EQ(0, hw_hold(hw->fd, hw->hwpt, 1 << MOCK_DIRTY_HOLD_FLUSH));
	ASSERT_EQ(0, pthread_create(&thread, NULL, get_thread, &getter));
	ASSERT_TRUE(hw_is_held(hw->fd, hw->hwpt, MOCK_DIRTY_HOLD_FLUSH));
	/* One through the cache, which leaves no trace, one that walks */
	hits = hw_stats(hw->fd, hw->hwpt, 0).hits;
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	EXPECT_EQ(hits + 1, hw_stats(hw->fd, hw->hwpt, 0).hits);
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE - 1)));
	ASSERT_EQ(0, hw_hold(hw->fd, hw->hwpt, 0));
	pthread_join(thread, NULL);
	ASSERT_EQ(0, getter.rc);
	EXPECT_TRUE(hw_only(self->bits, PAGE / self->pages * self->pages,
			    self->pages));
	ASSERT_EQ(0, hw_get(hw, 0, self->bits));
	EXPECT_TRUE(self->bits[(PAGE - 1) / 8] & 1 << (PAGE - 1) % 8);
	EXPECT_EQ(hits + 1, hw_stats(hw->fd, hw->hwpt, 0).hits);
}

/* Whichever allocation fails, a leaf stays huge and nothing is lost. */
FIXTURE(nth)
{
	struct hw hw;
	long tables;
	long before;
	int fail;
	uint8_t bits[HW_PAGES / 8];
};

FIXTURE_SETUP(nth)
{
	self->fail = failnth_open();
	ASSERT_LE(0, self->fail);
	ASSERT_EQ(0, failnth_pages(true)) {
		TH_LOG("is CONFIG_FAIL_PAGE_ALLOC set?");
	}
	self->tables = iommu_table_pages();
	ASSERT_EQ(0, hw_open(&self->hw, MOCK_DIRTY_DEVICE_SPLIT, MIB(1)));
	self->before = iommu_table_pages();
}

FIXTURE_TEARDOWN(nth)
{
	EXPECT_EQ(0, failnth_pages(false));
	EXPECT_EQ(0, hw_close(&self->hw));
	EXPECT_EQ(self->tables, iommu_table_pages());
	close(self->fail);
}

/* Is the leaf at @page, which is to be written, reported whole? */
static bool is_huge(struct hw *hw, uint8_t *bits, unsigned int page)
{
	unsigned int last = page | (TABLE_PAGES - 1);

	if (hw_writes(hw->fd, hw->idev, at(page)) || hw_get(hw, NO_CLEAR, bits))
		return false;
	return bits[last / 8] & 1 << last % 8;
}

/*
 * A leaf stays huge if it is the first of the tables that fails. Allocators have
 * allocations of their own now and then, so that none may have been the n-th:
 * then from the beginning.
 */
static bool nth_done(unsigned int *n, unsigned int *passes, unsigned int huge)
{
	if (huge || ++*passes == 10)
		return true;
	*n = 0;
	return false;
}

TEST_F_TIMEOUT(nth, split, 120)
{
	struct hw *hw = &self->hw;
	unsigned int n, passes = 0, errors = 0, huge = 0;
	uint64_t leaves;
	bool failed;

	ASSERT_EQ(0, start(hw, IOMMU_HWPT_DIRTY_SPLIT_OFF));
	for (n = 1; n < FAILNTH_MAX; n++) {
		int rc;

		ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
		ASSERT_EQ(0, failnth_arm(self->fail, n));
		leaves = 0;
		rc = iommufd_split(hw->fd, hw->hwpt, 0, ~0ULL, &leaves);
		failed = failnth_fired(self->fail);
		ASSERT_TRUE(!rc || failed);
		errors += !!rc;
		huge += !rc && leaves < NR_TABLES;
		EXPECT_EQ(rc ? self->before : self->before + (long)leaves,
			  iommu_table_pages());
		ASSERT_TRUE(reports(hw, self->bits, PAGE, TABLE_PAGES));
		EXPECT_EQ(rc || !leaves, is_huge(hw, self->bits, PAGE));
		ASSERT_EQ(0, iommufd_join(hw->fd, hw->hwpt, 0, ~0ULL, &leaves));
		EXPECT_EQ(self->before, iommu_table_pages());
		ASSERT_TRUE(reports(hw, self->bits, PAGE, TABLE_PAGES));
		if (!failed && nth_done(&n, &passes, huge))
			break;
	}
	TH_LOG("%u allocations, %u errors, %u with leaves left", n - 1, errors,
	       huge);
	ASSERT_GT(FAILNTH_MAX, n);
	EXPECT_LT(0, errors);
	EXPECT_LT(0, huge);
}

/* The report is whole whether there is a table or not. */
TEST_F_TIMEOUT(nth, lazy, 120)
{
	unsigned int n, passes = 0, errors = 0, huge = 0;
	struct hw *hw = &self->hw;
	bool failed;

	for (n = 1; n < FAILNTH_MAX; n++) {
		int rc;

		ASSERT_EQ(0, start(hw, IOMMU_HWPT_DIRTY_SPLIT_LAZY));
		ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
		ASSERT_EQ(0, failnth_arm(self->fail, n));
		rc = hw_get(hw, 0, self->bits);
		failed = failnth_fired(self->fail);
		ASSERT_TRUE(!rc || failed);
		errors += !!rc;
		/* What was not reported is so by the next call. */
		if (rc)
			rc = hw_get(hw, 0, self->bits);
		ASSERT_EQ(0, rc);
		ASSERT_TRUE(hw_only(self->bits, PAGE / TABLE_PAGES * TABLE_PAGES,
				    TABLE_PAGES));
		huge += is_huge(hw, self->bits, PAGE);
		ASSERT_EQ(0, hw_get(hw, 0, self->bits));
		EXPECT_TRUE(self->bits[PAGE / 8] & 1 << PAGE % 8);
		ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, false));
		EXPECT_EQ(self->before, iommu_table_pages());
		if (!failed && nth_done(&n, &passes, huge))
			break;
	}
	TH_LOG("%u allocations, %u errors, %u times still huge", n - 1, errors,
	       huge);
	ASSERT_GT(FAILNTH_MAX, n);
	EXPECT_LT(0, huge);
}

/* Promise 4: SET does not fail, whatever is not to be had for splitting. */
TEST_F_TIMEOUT(nth, eager, 120)
{
	struct hw *hw = &self->hw;
	unsigned int n, passes = 0, huge = 0;
	bool failed;

	for (n = 1; n < FAILNTH_MAX; n++) {
		int rc;

		ASSERT_EQ(0, set_mode(hw, IOMMU_HWPT_DIRTY_SPLIT_EAGER));
		ASSERT_EQ(0, failnth_arm(self->fail, n));
		rc = iommufd_set_dirty(hw->fd, hw->hwpt, true);
		failed = failnth_fired(self->fail);
		/* The look-up of an object fails on demand, too. */
		if (rc == -ENOENT && n == 1 && failed)
			rc = iommufd_set_dirty(hw->fd, hw->hwpt, true);
		ASSERT_EQ(0, rc);
		ASSERT_TRUE(clean(hw, self->bits));
		huge += is_huge(hw, self->bits, PAGE);
		EXPECT_TRUE(self->bits[PAGE / 8] & 1 << PAGE % 8);
		ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, false));
		EXPECT_EQ(self->before, iommu_table_pages());
		if (!failed && nth_done(&n, &passes, huge))
			break;
	}
	TH_LOG("%u allocations, %u times still huge", n - 1, huge);
	ASSERT_GT(FAILNTH_MAX, n);
	EXPECT_LT(0, huge);
}

/* What is refused, and with which errno. It changes nothing. */
FIXTURE(args)
{
	struct hw hw;
	long tables;
	uint32_t ioas;
	uint32_t untracked;
	uint32_t stdev;
	uint32_t idev;
	uint32_t whole;
	uint8_t bits[HW_PAGES / 8];
	struct iommu_hwpt_dirty_split_mode mode;
	struct iommu_hwpt_dirty_range range;
};

FIXTURE_SETUP(args)
{
	struct hw *hw = &self->hw;

	self->tables = iommu_table_pages();
	ASSERT_EQ(0, hw_open(hw, MOCK_DIRTY_DEVICE_SPLIT, MIB(1)));
	ASSERT_EQ(0, start(hw, IOMMU_HWPT_DIRTY_SPLIT_OFF));
	ASSERT_EQ(0, iommufd_hwpt_alloc(hw->fd, hw->idev, hw->ioas, 0,
					&self->untracked));
	/* One that tracks, and cannot split */
	ASSERT_EQ(0, iommufd_ioas_alloc(hw->fd, &self->ioas));
	ASSERT_EQ(0, mock_add_device(hw->fd, self->ioas, 0, &self->stdev,
				     &self->idev));
	ASSERT_EQ(0, iommufd_hwpt_alloc(hw->fd, self->idev, self->ioas,
					IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
					&self->whole));
	self->mode = (struct iommu_hwpt_dirty_split_mode){
		.size = sizeof(self->mode),
		.flags = IOMMU_HWPT_DIRTY_SPLIT_MODE_SET,
		.hwpt_id = hw->hwpt,
		.mode = IOMMU_HWPT_DIRTY_SPLIT_EAGER,
	};
	self->range = (struct iommu_hwpt_dirty_range){
		.size = sizeof(self->range),
		.hwpt_id = hw->hwpt,
		.iova = MOCK_START,
		.length = HW_LENGTH,
	};
}

/* No leaf was split, no mode was set. */
FIXTURE_TEARDOWN(args)
{
	struct hw *hw = &self->hw;
	uint32_t mode, modes;

	EXPECT_EQ(0, iommufd_split_mode(hw->fd, hw->hwpt, &mode, &modes));
	EXPECT_EQ(IOMMU_HWPT_DIRTY_SPLIT_OFF, mode);
	EXPECT_EQ(7, modes);
	EXPECT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	EXPECT_TRUE(reports(hw, self->bits, PAGE, TABLE_PAGES));
	EXPECT_EQ(0, hw_close(hw));
	EXPECT_EQ(self->tables, iommu_table_pages());
}

/* A good call with one field changed: refused, and with this errno. */
#define REFUSED(err, nr, cmd, field, value) do {			\
	typeof(cmd) changed = cmd;					\
	int rc;								\
	changed.field = value;						\
	rc = ioctl(self->hw.fd, nr, &changed) ? errno : 0;		\
	EXPECT_EQ(err, rc) {						\
		TH_LOG("with " #field " = " #value);			\
	}								\
} while (0)

#define MODE_REFUSED(err, field, value) \
	REFUSED(err, IOMMU_HWPT_DIRTY_SPLIT_MODE, self->mode, field, value)
#define RANGE_REFUSED(err, field, value) do {				\
	REFUSED(err, IOMMU_HWPT_DIRTY_SPLIT, self->range, field, value); \
	REFUSED(err, IOMMU_HWPT_DIRTY_JOIN, self->range, field, value);	\
} while (0)

TEST_F(args, modes)
{
	unsigned int bit;

	for (bit = 1; bit < 32; bit++) {
		MODE_REFUSED(EOPNOTSUPP, flags, 1U << bit);
		MODE_REFUSED(EOPNOTSUPP, flags,
			     IOMMU_HWPT_DIRTY_SPLIT_MODE_SET | 1U << bit);
	}
	for (bit = 3; bit < 64; bit++)
		MODE_REFUSED(EOPNOTSUPP, mode, bit);
	for (bit = 2; bit < 32; bit++)
		MODE_REFUSED(EOPNOTSUPP, mode, 1U << bit);
	MODE_REFUSED(EOPNOTSUPP, mode, ~0U);
	/* A mode that is only read does not matter. */
	self->mode.flags = 0;
	MODE_REFUSED(0, mode, ~0U);
}

TEST_F(args, ranges)
{
	unsigned int bit;

	for (bit = 0; bit < 32; bit++) {
		RANGE_REFUSED(EOPNOTSUPP, flags, 1U << bit);
		RANGE_REFUSED(EOPNOTSUPP, __reserved, 1U << bit);
	}
	RANGE_REFUSED(EINVAL, length, 0);
	RANGE_REFUSED(EOVERFLOW, length, -MOCK_START + 1);
	RANGE_REFUSED(EOVERFLOW, length, ~0ULL);
	RANGE_REFUSED(EOVERFLOW, iova, -HW_LENGTH + 1);
	RANGE_REFUSED(EOVERFLOW, iova, ~0ULL);
	/* Up to the last byte, and a hole */
	RANGE_REFUSED(0, iova, -HW_LENGTH);
}

/* Other objects, and none */
TEST_F(args, ids)
{
	const uint32_t strange[] = {
		0, ~0U, 1U << 31, self->hw.ioas, self->hw.idev, self->hw.stdev,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(strange); i++) {
		MODE_REFUSED(ENOENT, hwpt_id, strange[i]);
		RANGE_REFUSED(ENOENT, hwpt_id, strange[i]);
	}
	MODE_REFUSED(EOPNOTSUPP, hwpt_id, self->untracked);
	RANGE_REFUSED(EOPNOTSUPP, hwpt_id, self->untracked);
	MODE_REFUSED(EOPNOTSUPP, hwpt_id, self->whole);
	RANGE_REFUSED(EOPNOTSUPP, hwpt_id, self->whole);
}

/* Structs of older and of later programs */
TEST_F(args, sizes)
{
	struct {
		struct iommu_hwpt_dirty_range range;
		uint64_t more;
	} large = { self->range, 0 };

	MODE_REFUSED(EINVAL, size, 0);
	MODE_REFUSED(EINVAL, size, sizeof(self->mode) - 4);
	RANGE_REFUSED(EINVAL, size, 0);
	RANGE_REFUSED(EINVAL, size, 24);
	large.range.size = sizeof(large);
	large.more = 1;
	EXPECT_EQ(-1, ioctl(self->hw.fd, IOMMU_HWPT_DIRTY_SPLIT, &large));
	EXPECT_EQ(E2BIG, errno);
	large.more = 0;
	EXPECT_EQ(0, ioctl(self->hw.fd, IOMMU_HWPT_DIRTY_JOIN, &large));
}

/* It has one mode, and may be told so. */
TEST_F(args, cannot_split)
{
	uint32_t mode, modes;

	ASSERT_EQ(0, iommufd_split_mode(self->hw.fd, self->whole, &mode,
					&modes));
	EXPECT_EQ(IOMMU_HWPT_DIRTY_SPLIT_OFF, mode);
	EXPECT_EQ(1, modes);
	ASSERT_EQ(0, iommufd_set_split_mode(self->hw.fd, self->whole,
					    IOMMU_HWPT_DIRTY_SPLIT_OFF));
	EXPECT_EQ(-EOPNOTSUPP,
		  iommufd_set_split_mode(self->hw.fd, self->whole,
					 IOMMU_HWPT_DIRTY_SPLIT_LAZY));
}

/* The mode of a new HWPT, and no other's, is the module parameter. */
TEST_F(args, parameter)
{
	static const char * const names[] = { "off", "lazy", "eager" };
	struct hw *hw = &self->hw;
	uint32_t hwpt, mode, modes, i;
	char was[16], is[16];

	ASSERT_EQ(0, get_parameter(was, sizeof(was)));
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		ASSERT_EQ(0, put_parameter(names[i]));
		EXPECT_EQ(-EINVAL, put_parameter("never"));
		EXPECT_EQ(-EINVAL, put_parameter("\n"));
		ASSERT_EQ(0, get_parameter(is, sizeof(is)));
		EXPECT_STREQ(names[i], is);
		ASSERT_EQ(0, iommufd_hwpt_alloc(hw->fd, hw->idev, hw->ioas,
						IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
						&hwpt));
		ASSERT_EQ(0, iommufd_split_mode(hw->fd, hwpt, &mode, &modes));
		EXPECT_EQ(i, mode);
		EXPECT_EQ(7, modes);
		ASSERT_EQ(0, iommufd_destroy(hw->fd, hwpt));
		ASSERT_EQ(0, iommufd_hwpt_alloc(hw->fd, self->idev, self->ioas,
						IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
						&hwpt));
		ASSERT_EQ(0, iommufd_split_mode(hw->fd, hwpt, &mode, &modes));
		EXPECT_EQ(IOMMU_HWPT_DIRTY_SPLIT_OFF, mode);
		ASSERT_EQ(0, iommufd_destroy(hw->fd, hwpt));
	}
	ASSERT_EQ(0, put_parameter(was));
	/* What it is when nobody has said anything */
	EXPECT_STREQ("lazy", was);
}

TEST_HARNESS_MAIN
