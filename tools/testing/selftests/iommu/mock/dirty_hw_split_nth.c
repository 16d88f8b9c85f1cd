// SPDX-License-Identifier: GPL-2.0-only
/*
 * Splitting when there is no memory for a table: every allocation fails once. A
 * leaf then stays as it is, and nothing is lost or left over.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <unistd.h>

#include "failnth.h"
#include "hw_split.h"
#include "kselftest_harness.h"

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
	ASSERT_LE(0, self->tables);
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

TEST_HARNESS_MAIN
