// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mock IOMMU as hardware: devices that cache translations, leaves of every
 * size, operations that fail, holes that look dirty
 *
 * A device here forgets a cached translation only when it is told to, so that
 * whatever is cleared and not flushed is lost at the next write. The mock
 * counts, besides, what the core does that include/linux/iommu-dirty.h forbids:
 * at the end of each test that is nothing.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hw.h"
#include "kselftest_harness.h"

/* In the middle of everything, and not the first page of a leaf */
#define PAGE		2051U
#define OTHER		17U

/* Every size of leaf, in both formats */
FIXTURE(leaf)
{
	struct hw hw;
	unsigned int first;
	unsigned int pages;
	uint8_t bits[HW_PAGES / 8];
};

FIXTURE_VARIANT(leaf)
{
	uint32_t dev_flags;
	uint64_t size;
};

FIXTURE_VARIANT_ADD(leaf, page) { 0, MOCK_PAGE };
FIXTURE_VARIANT_ADD(leaf, level2) { 0, MIB(1) };
FIXTURE_VARIANT_ADD(leaf, replicated_page) {
	MOCK_DIRTY_DEVICE_REPLICATED, MOCK_PAGE,
};

FIXTURE_VARIANT_ADD(leaf, replicated_8k) {
	MOCK_DIRTY_DEVICE_REPLICATED, 4 * MOCK_PAGE,
};

FIXTURE_VARIANT_ADD(leaf, replicated_512k) {
	MOCK_DIRTY_DEVICE_REPLICATED, KIB(512),
};

FIXTURE_VARIANT_ADD(leaf, replicated_4m) {
	MOCK_DIRTY_DEVICE_REPLICATED, MIB(4),
};

FIXTURE_SETUP(leaf)
{
	ASSERT_EQ(0, hw_open(&self->hw, variant->dev_flags, variant->size));
	ASSERT_EQ(0, iommufd_set_dirty(self->hw.fd, self->hw.hwpt, true));
	self->pages = variant->size / MOCK_PAGE;
	self->first = PAGE / self->pages * self->pages;
}

FIXTURE_TEARDOWN(leaf)
{
	EXPECT_EQ(0, hw_close(&self->hw));
}

/* The cached translation must not outlive the clear. */
TEST_F(leaf, written_again)
{
	struct hw *hw = &self->hw;
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
		ASSERT_EQ(0, hw_get(hw, 0, self->bits));
		ASSERT_TRUE(hw_only(self->bits, self->first, self->pages));
	}
	ASSERT_EQ(0, hw_get(hw, 0, self->bits));
	EXPECT_TRUE(hw_only(self->bits, 0, 0));
	EXPECT_EQ(3, hw_count(hw, flushes));
}

/* Nothing cleared, nothing to flush: the device goes on through its cache. */
TEST_F(leaf, no_clear)
{
	struct hw *hw = &self->hw;
	int i;

	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, hw_get(hw, NO_CLEAR, self->bits));
		EXPECT_TRUE(hw_only(self->bits, self->first, self->pages));
	}
	EXPECT_EQ(0, hw_count(hw, flushes));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	EXPECT_EQ(1, hw_count(hw, hits));
	ASSERT_EQ(0, hw_get(hw, 0, self->bits));
	EXPECT_TRUE(hw_only(self->bits, self->first, self->pages));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	EXPECT_EQ(1, hw_count(hw, hits));
}

/* Reading sets nothing, and what it leaves in the cache hides no write. */
TEST_F(leaf, read_first)
{
	struct hw *hw = &self->hw;

	ASSERT_EQ(0, hw_reads(hw->fd, hw->idev, at(PAGE)));
	ASSERT_EQ(0, hw_get(hw, 0, self->bits));
	EXPECT_TRUE(hw_only(self->bits, 0, 0));
	EXPECT_EQ(0, hw_count(hw, flushes));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_EQ(0, hw_get(hw, 0, self->bits));
	EXPECT_TRUE(hw_only(self->bits, self->first, self->pages));
}

/* What was cached under the old setting goes when tracking is switched. */
TEST_F(leaf, written_before_set)
{
	struct hw *hw = &self->hw;

	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, false));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, true));
	ASSERT_EQ(0, hw_get(hw, 0, self->bits));
	EXPECT_TRUE(hw_only(self->bits, 0, 0));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_EQ(0, hw_get(hw, 0, self->bits));
	EXPECT_TRUE(hw_only(self->bits, self->first, self->pages));
}

/* Two devices have two caches. */
TEST_F(leaf, two_devices)
{
	struct hw *hw = &self->hw;
	uint32_t stdev, idev;
	int i;

	ASSERT_EQ(0, mock_add_device(hw->fd, hw->hwpt, 0, &stdev, &idev));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
		ASSERT_EQ(0, hw_writes(hw->fd, idev, at(PAGE)));
		ASSERT_EQ(0, hw_get(hw, 0, self->bits));
		ASSERT_TRUE(hw_only(self->bits, self->first, self->pages));
		ASSERT_EQ(0, hw_writes(hw->fd, idev, at(PAGE)));
		ASSERT_EQ(0, hw_get(hw, 0, self->bits));
		ASSERT_TRUE(hw_only(self->bits, self->first, self->pages));
	}
}

/*
 * A read of one page of a leaf reports it and leaves the leaf dirty: the rest
 * of it was not recorded.
 */
TEST_F(leaf, one_page_of_it)
{
	struct hw *hw = &self->hw;
	uint64_t some = 0;

	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_EQ(0, iommufd_get_dirty(hw->fd, hw->hwpt, 0, at(self->first),
				       2 * MOCK_PAGE, MOCK_PAGE, &some));
	if (self->pages == 1) {
		EXPECT_EQ(1, some);
		return;
	}
	EXPECT_EQ(3, some);
	EXPECT_EQ(0, hw_count(hw, flushes));
	ASSERT_EQ(0, hw_get(hw, 0, self->bits));
	EXPECT_TRUE(hw_only(self->bits, self->first, self->pages));
	ASSERT_EQ(0, hw_get(hw, 0, self->bits));
	EXPECT_TRUE(hw_only(self->bits, 0, 0));
}

/* One leaf, of the level above, over eight windows: cleared in the last */
#define HUGE		MIB(512)
#define HUGE_PAGES	(HUGE / MOCK_PAGE)
#define HUGE_IOVA	HUGE

FIXTURE(huge)
{
	struct hw hw;
	uint8_t *bits;
};

FIXTURE_SETUP(huge)
{
	const size_t chunk = MIB(2);
	int fd = memfd_create("huge", 0);
	uint8_t *mem;
	size_t i;

	ASSERT_EQ(0, hw_open(&self->hw, 0, MOCK_PAGE));
	self->bits = calloc(1, HUGE_PAGES / 8);
	ASSERT_NE(NULL, self->bits);
	ASSERT_EQ(0, ftruncate(fd, chunk));
	mem = mmap(NULL, HUGE, PROT_NONE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_NE(MAP_FAILED, mem);
	for (i = 0; i < HUGE; i += chunk)
		ASSERT_EQ(mem + i, mmap(mem + i, chunk, PROT_READ | PROT_WRITE,
					MAP_SHARED | MAP_FIXED, fd, 0));
	ASSERT_EQ(0, iommufd_map(self->hw.fd, self->hw.ioas, mem, HUGE_IOVA,
				 HUGE));
	ASSERT_EQ(0, hw_leaves(self->hw.fd, self->hw.hwpt, HUGE_IOVA, HUGE,
			       HUGE));
	ASSERT_EQ(0, iommufd_set_dirty(self->hw.fd, self->hw.hwpt, true));
}

FIXTURE_TEARDOWN(huge)
{
	EXPECT_EQ(0, hw_close(&self->hw));
}

/* GET of the first @windows windows; returns how many bits are set. */
static long huge_get(const struct hw *hw, uint8_t *bits, unsigned int windows)
{
	uint64_t length = windows * MIB(64);
	long n = 0;
	size_t i;

	memset(bits, 0, HUGE_PAGES / 8);
	if (iommufd_get_dirty(hw->fd, hw->hwpt, 0, HUGE_IOVA, length, MOCK_PAGE,
			      bits))
		return -1;
	for (i = 0; i < HUGE_PAGES / 8; i++)
		n += __builtin_popcount(bits[i]);
	return n;
}

TEST_F_TIMEOUT(huge, windows, 120)
{
	struct hw *hw = &self->hw;
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, hw_writes(hw->fd, hw->idev,
				       HUGE_IOVA + HUGE - MOCK_PAGE));
		ASSERT_EQ(HUGE_PAGES / 2, huge_get(hw, self->bits, 4));
		ASSERT_EQ(i, hw_count(hw, flushes));
		ASSERT_EQ(HUGE_PAGES, huge_get(hw, self->bits, 8));
		ASSERT_EQ(i + 1, hw_count(hw, flushes));
		ASSERT_EQ(0, huge_get(hw, self->bits, 8));
	}
}

/* Switching, failures and holes: no matter what size leaves have */
FIXTURE(hw)
{
	struct hw hw;
	uint32_t other_ioas;
	uint32_t other_stdev;
	uint32_t other_idev;
	uint8_t bits[HW_PAGES / 8];
};

FIXTURE_SETUP(hw)
{
	struct hw *hw = &self->hw;

	ASSERT_EQ(0, hw_open(hw, 0, MOCK_PAGE));
	ASSERT_EQ(0, iommufd_ioas_alloc(hw->fd, &self->other_ioas));
	ASSERT_EQ(0, mock_add_device(hw->fd, self->other_ioas, 0,
				     &self->other_stdev, &self->other_idev));
}

FIXTURE_TEARDOWN(hw)
{
	EXPECT_EQ(0, hw_close(&self->hw));
}

TEST_F(hw, set_twice)
{
	struct hw *hw = &self->hw;

	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, false));
	EXPECT_EQ(0, hw_count(hw, sets));
	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, true));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, true));
	EXPECT_EQ(1, hw_count(hw, sets));
	ASSERT_EQ(0, hw_get(hw, 0, self->bits));
	EXPECT_TRUE(hw_only(self->bits, PAGE, 1));
	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, false));
	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, false));
	EXPECT_EQ(2, hw_count(hw, sets));
}

/* Tracking begins with a clean table, and with empty caches. */
TEST_F(hw, set_forgets)
{
	struct hw *hw = &self->hw;

	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, true));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, false));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(OTHER)));
	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, true));
	ASSERT_EQ(0, hw_get(hw, 0, self->bits));
	EXPECT_TRUE(hw_only(self->bits, 0, 0));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_EQ(0, hw_get(hw, 0, self->bits));
	EXPECT_TRUE(hw_only(self->bits, PAGE, 1));
}

TEST_F(hw, set_fails)
{
	struct hw *hw = &self->hw;

	ASSERT_EQ(0, hw_fail(hw->fd, hw->hwpt, MOCK_DIRTY_FAIL_SET, 1, EIO));
	EXPECT_EQ(-EIO, iommufd_set_dirty(hw->fd, hw->hwpt, true));
	EXPECT_EQ(-EINVAL, hw_get(hw, 0, self->bits));
	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, true));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));

	/* It is on still, and nothing of what was written is forgotten. */
	ASSERT_EQ(0, hw_fail(hw->fd, hw->hwpt, MOCK_DIRTY_FAIL_SET, 1, EIO));
	EXPECT_EQ(-EIO, iommufd_set_dirty(hw->fd, hw->hwpt, false));
	ASSERT_EQ(0, hw_get(hw, 0, self->bits));
	EXPECT_TRUE(hw_only(self->bits, PAGE, 1));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_EQ(0, hw_get(hw, 0, self->bits));
	EXPECT_TRUE(hw_only(self->bits, PAGE, 1));
	EXPECT_EQ(3, hw_count(hw, sets));
}

/* A device that cannot be moved stays where it was, and is tracked there. */
TEST_F(hw, attach_fails)
{
	struct hw *hw = &self->hw;
	uint32_t hwpt, stdev, idev;
	uint64_t some = 0;

	ASSERT_EQ(0, iommufd_map(hw->fd, self->other_ioas, hw->mem, MOCK_START,
				 8 * MOCK_PAGE));
	ASSERT_EQ(0, iommufd_hwpt_alloc(hw->fd, self->other_idev,
					self->other_ioas,
					IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
					&hwpt));
	ASSERT_EQ(0, mock_replace(hw->fd, self->other_stdev, hwpt));
	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hwpt, true));
	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, true));
	ASSERT_EQ(0, hw_fail(hw->fd, hw->hwpt, MOCK_DIRTY_FAIL_ATTACH, 1,
			     ENODEV));
	EXPECT_EQ(-ENODEV, mock_replace(hw->fd, self->other_stdev, hw->hwpt));
	ASSERT_EQ(0, hw_fail(hw->fd, hw->hwpt, MOCK_DIRTY_FAIL_ATTACH, 1,
			     ENODEV));
	EXPECT_EQ(-ENODEV, mock_add_device(hw->fd, hw->hwpt, 0, &stdev, &idev));

	ASSERT_EQ(0, hw_writes(hw->fd, self->other_idev, at(3)));
	ASSERT_EQ(0, iommufd_get_dirty(hw->fd, hwpt, 0, MOCK_START,
				       8 * MOCK_PAGE, MOCK_PAGE, &some));
	EXPECT_EQ(1 << 3, some);
	ASSERT_EQ(0, hw_get(hw, 0, self->bits));
	EXPECT_TRUE(hw_only(self->bits, 0, 0));
	EXPECT_EQ(0, hw_faults(hw->fd, hwpt));
}

/* The core asks before the driver has to. */
TEST_F(hw, incapable_device)
{
	struct hw *hw = &self->hw;
	uint32_t stdev, idev;

	EXPECT_EQ(-EINVAL, mock_add_device(hw->fd, hw->hwpt,
					   MOCK_FLAGS_DEVICE_NO_DIRTY, &stdev,
					 &idev));
	ASSERT_EQ(0, mock_add_device(hw->fd, self->other_ioas,
				     MOCK_FLAGS_DEVICE_NO_DIRTY, &stdev,
				     &idev));
	EXPECT_EQ(-EINVAL, mock_replace(hw->fd, stdev, hw->hwpt));
}

TEST_F(hw, attach_fails_while_on)
{
	struct hw *hw = &self->hw;
	uint32_t stdev, idev;

	ASSERT_EQ(0, mock_add_device(hw->fd, self->other_ioas,
				     MOCK_DIRTY_DEVICE_NOT_WHILE_ON, &stdev,
				   &idev));
	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, true));
	EXPECT_EQ(-EBUSY, mock_replace(hw->fd, stdev, hw->hwpt));
	EXPECT_EQ(-ENXIO, hw_writes(hw->fd, idev, at(PAGE)));
	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, false));
	ASSERT_EQ(0, mock_replace(hw->fd, stdev, hw->hwpt));
	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, true));
	ASSERT_EQ(0, hw_writes(hw->fd, idev, at(PAGE)));
	ASSERT_EQ(0, hw_get(hw, 0, self->bits));
	EXPECT_TRUE(hw_only(self->bits, PAGE, 1));
}

/* GET of an area where only page @page may be dirty, if that is not -1 */
static bool is_dirty(const struct hw *hw, uint64_t iova, int page)
{
	uint8_t bits[HW_PAGES / 8] = {};

	if (iommufd_get_dirty(hw->fd, hw->hwpt, 0, iova, HW_LENGTH, MOCK_PAGE,
			      bits))
		return false;
	return page < 0 ? hw_only(bits, 0, 0) : hw_only(bits, page, 1);
}

/*
 * Whichever table a map lacks: nothing is mapped then, and nothing is dirty.
 * Each attempt is where no table is yet.
 */
TEST_F_TIMEOUT(hw, table_fails, 60)
{
	struct hw *hw = &self->hw;
	unsigned int nth = 0;
	uint64_t iova;
	int failed;

	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, true));
	do {
		ASSERT_GT(90, ++nth);
		iova = HUGE_IOVA + nth * 2 * HW_LENGTH;
		ASSERT_EQ(0, hw_fail(hw->fd, hw->hwpt, MOCK_DIRTY_FAIL_TABLE,
				     nth, ENOMEM));
		failed = iommufd_map(hw->fd, hw->ioas, hw->mem, iova,
				     HW_LENGTH);
		if (failed) {
			ASSERT_EQ(-ENOMEM, failed);
			EXPECT_EQ(-EFAULT, hw_writes(hw->fd, hw->idev, iova));
			ASSERT_TRUE(is_dirty(hw, iova, -1));
			ASSERT_EQ(0, iommufd_map(hw->fd, hw->ioas, hw->mem,
						 iova, HW_LENGTH));
		}
		ASSERT_TRUE(is_dirty(hw, iova, -1));
		ASSERT_EQ(0, hw_writes(hw->fd, hw->idev,
				       iova + PAGE * MOCK_PAGE));
		ASSERT_TRUE(is_dirty(hw, iova, PAGE));
		ASSERT_EQ(0, iommufd_unmap(hw->fd, hw->ioas, iova, HW_LENGTH));
	} while (failed);
	/* Eight tables of the lowest level */
	EXPECT_LE(8, nth);
}

/*
 * What is not mapped looks dirty to whoever walks there. The edges of areas
 * share words with each other and tables with nothing.
 */
TEST_F(hw, holes)
{
	static const struct {
		unsigned int page;
		unsigned int n;
	} areas[] = {
		{ 2, 2 }, { 62, 4 }, { 128, 64 }, { 510, 4 }, { 1024, 512 },
		{ 2046, 2 }, { 4094, 2 },
	};
	struct hw *hw = &self->hw;
	unsigned int i;

	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, true));
	ASSERT_EQ(0, iommufd_unmap(hw->fd, hw->ioas, MOCK_START, HW_LENGTH));
	for (i = 0; i < ARRAY_SIZE(areas); i++)
		ASSERT_EQ(0, iommufd_map(hw->fd, hw->ioas, hw->mem,
					 at(areas[i].page),
					 areas[i].n * MOCK_PAGE));
	ASSERT_EQ(0, iommufd_map_ro(hw->fd, hw->ioas, hw->mem, at(66),
				    2 * MOCK_PAGE));
	EXPECT_EQ(-EFAULT, hw_writes(hw->fd, hw->idev, at(66)));
	EXPECT_EQ(-EFAULT, hw_writes(hw->fd, hw->idev, at(4)));
	for (i = 0; i < ARRAY_SIZE(areas); i++) {
		unsigned int page = areas[i].page + areas[i].n - 1;

		ASSERT_EQ(0, hw_get(hw, NO_CLEAR, self->bits));
		EXPECT_TRUE(hw_only(self->bits, 0, 0));
		ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(page)));
		ASSERT_EQ(0, hw_get(hw, 0, self->bits));
		EXPECT_TRUE(hw_only(self->bits, page, 1));
	}
}

TEST_HARNESS_MAIN
