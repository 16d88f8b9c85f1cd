// SPDX-License-Identifier: GPL-2.0-only
/*
 * Splitting leaves and joining them: what a report says before and after, and
 * that no table is left over
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

#include "hw_split.h"
#include "kselftest_harness.h"

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

/* What was split for tracking that does not begin is joined. */
TEST_F(split, set_fails)
{
	struct hw *hw = &self->hw;

	ASSERT_EQ(0, hw_fail(hw->fd, hw->hwpt, MOCK_DIRTY_FAIL_SET, 1, EIO));
	EXPECT_EQ(-EIO, start(hw, IOMMU_HWPT_DIRTY_SPLIT_EAGER));
	EXPECT_EQ(self->before, iommu_table_pages());
	ASSERT_EQ(0, start(hw, IOMMU_HWPT_DIRTY_SPLIT_OFF));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	EXPECT_TRUE(reports(hw, self->bits, PAGE, self->pages));
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
	EXPECT_EQ(0, hw_count(hw, flushes));
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
	int64_t hits;

	ASSERT_EQ(0, start(hw, IOMMU_HWPT_DIRTY_SPLIT_LAZY));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_EQ(0, hw_hold(hw->fd, hw->hwpt, 1 << MOCK_DIRTY_HOLD_FLUSH));
	ASSERT_EQ(0, pthread_create(&thread, NULL, get_thread, &getter));
	ASSERT_TRUE(hw_is_held(hw->fd, hw->hwpt, MOCK_DIRTY_HOLD_FLUSH));
	/* One through the cache, which leaves no trace, one that walks */
	hits = hw_count(hw, hits);
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	EXPECT_EQ(hits + 1, hw_count(hw, hits));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE - 1)));
	ASSERT_EQ(0, hw_hold(hw->fd, hw->hwpt, 0));
	pthread_join(thread, NULL);
	ASSERT_EQ(0, getter.rc);
	EXPECT_TRUE(hw_only(self->bits, PAGE / self->pages * self->pages,
			    self->pages));
	ASSERT_EQ(0, hw_get(hw, 0, self->bits));
	EXPECT_TRUE(self->bits[(PAGE - 1) / 8] & 1 << (PAGE - 1) % 8);
	EXPECT_EQ(hits + 1, hw_count(hw, hits));
}

TEST_HARNESS_MAIN
