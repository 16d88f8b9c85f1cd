// SPDX-License-Identifier: GPL-2.0-only
/*
 * Trace events: what is asked for, and what fails, is seen with its figures, and
 * nothing is seen while they are off. Splitting needs an IOMMU: ../dma/test_trace.c
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <string.h>

#include "../dma/trace.h"
#include "hw.h"
#include "kselftest_harness.h"

/* A duration: some time, not none */
#define NS		"ns=[1-9]*"

FIXTURE(trace)
{
	struct hw hw;
	uint8_t bits[HW_PAGES / 8];
};

FIXTURE_SETUP(trace)
{
	ASSERT_EQ(0, hw_open(&self->hw, 0, MOCK_PAGE));
	ASSERT_EQ(0, trace_enable(true)) {
		TH_LOG("no events iommu_dirty:* (CONFIG_FTRACE, tracefs)");
	}
}

FIXTURE_TEARDOWN(trace)
{
	EXPECT_EQ(0, trace_enable(false));
	EXPECT_EQ(0, hw_close(&self->hw));
}

TEST_F(trace, set)
{
	struct hw *hw = &self->hw;

	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, true));
	EXPECT_EQ(1, trace_count("iommu_dirty_set", "hwpt=%u enable=1 " NS " rc=0",
				 hw->hwpt));
	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, true));
	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, false));
	EXPECT_EQ(2, trace_count("iommu_dirty_set", "hwpt=%u enable=1 " NS " rc=0",
				 hw->hwpt));
	EXPECT_EQ(1, trace_count("iommu_dirty_set", "hwpt=%u enable=0 " NS " rc=0",
				 hw->hwpt));
	EXPECT_EQ(3, trace_count("iommu_dirty_*", "*"));
}

/* The pages that a report names, of a bitmap that has others already */
TEST_F(trace, read)
{
	struct hw *hw = &self->hw;
	unsigned int i;

	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, true));
	for (i = 0; i < 5; i++)
		ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(100 + 700 * i)));
	ASSERT_EQ(0, hw_get(hw, NO_CLEAR, self->bits));
	EXPECT_EQ(1, trace_count("iommu_dirty_read",
				 "hwpt=%u iova=0x%llx last=0x%llx page_size=%llu flags=NO_CLEAR pages=5 windows=1 "
				 NS " rc=0", hw->hwpt,
				 (unsigned long long)MOCK_START,
				 (unsigned long long)(MOCK_START + HW_LENGTH - 1),
				 MOCK_PAGE));
	memset(self->bits, 0, sizeof(self->bits));
	self->bits[100 / 8] = 1 << 100 % 8;
	ASSERT_EQ(0, iommufd_get_dirty(hw->fd, hw->hwpt, 0, MOCK_START,
				       HW_LENGTH, MOCK_PAGE, self->bits));
	EXPECT_EQ(1, trace_count("iommu_dirty_read",
				 "hwpt=%u * flags= pages=4 windows=1 " NS " rc=0",
				 hw->hwpt));
	ASSERT_EQ(0, hw_get(hw, 0, self->bits));
	EXPECT_EQ(1, trace_count("iommu_dirty_read",
				 "hwpt=%u * flags= pages=0 windows=1 " NS " rc=0",
				 hw->hwpt));
	EXPECT_EQ(3, trace_count("iommu_dirty_read", "*"));
	EXPECT_EQ(0, trace_count("iommu_dirty_error", "*"));
}

/*
 * A bit for four bytes makes windows of 128 KiB. Their bits lie in two pages each,
 * and count wherever they lie.
 */
TEST_F(trace, windows)
{
	const unsigned int bits = MOCK_PAGE / 4, windows = HW_LENGTH / KIB(128);
	struct hw *hw = &self->hw;
	unsigned int i;
	uint8_t *map;

	map = calloc(1, HW_LENGTH / 4 / 8 + 8);
	ASSERT_NE(NULL, map);
	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, true));
	for (i = 0; i < windows; i++)
		ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(64 * i + i)));
	ASSERT_EQ(0, iommufd_get_dirty(hw->fd, hw->hwpt, 0, MOCK_START,
				       HW_LENGTH, 4, map + 3));
	EXPECT_EQ(1, trace_count("iommu_dirty_read",
				 "* page_size=4 flags= pages=%u windows=%u " NS " rc=0",
				 windows * bits, windows));
	free(map);
}

/* Areas that go with a report, and some that do not */
TEST_F(trace, unmap)
{
	struct hw *hw = &self->hw;
	uint64_t length = HW_LENGTH;
	unsigned int i;

	ASSERT_EQ(0, iommufd_map(hw->fd, hw->ioas, hw->mem,
				 MOCK_START + 2 * HW_LENGTH, HW_LENGTH));
	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, true));
	for (i = 0; i < 5; i++)
		ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(100 + 700 * i)));
	self->bits[100 / 8] = 1 << 100 % 8;
	ASSERT_EQ(0, iommufd_unmap_dirty(hw->fd, hw->ioas, MOCK_START, &length,
					 MOCK_PAGE, self->bits));
	EXPECT_EQ(1, trace_count("iommu_dirty_unmap",
				 "ioas=%u iova=0x%llx last=0x%llx page_size=%llu pages=4 unmapped=%llu "
				 NS " rc=0", hw->ioas,
				 (unsigned long long)MOCK_START,
				 (unsigned long long)(MOCK_START + HW_LENGTH - 1),
				 MOCK_PAGE, (unsigned long long)HW_LENGTH));
	EXPECT_EQ(-ENOENT, iommufd_unmap_dirty(hw->fd, hw->ioas, MOCK_START,
					       &length, MOCK_PAGE, self->bits));
	EXPECT_EQ(1, trace_count("iommu_dirty_unmap",
				 "ioas=%u * pages=0 unmapped=0 " NS " rc=%d",
				 hw->ioas, -ENOENT));
	EXPECT_EQ(2, trace_count("iommu_dirty_unmap", "*"));
	EXPECT_EQ(0, trace_count("iommu_dirty_error", "*"));
}

/* What fails, with where and why */
TEST_F(trace, errors)
{
	struct hw *hw = &self->hw;
	uint32_t stdev, idev;
	uint8_t *map;

	EXPECT_EQ(-EINVAL, hw_get(hw, 0, self->bits));
	EXPECT_EQ(1, trace_count("iommu_dirty_error",
				 "hwpt=%u what=get iova=0x%llx rc=%d", hw->hwpt,
				 (unsigned long long)MOCK_START, -EINVAL));

	ASSERT_EQ(0, hw_fail(hw->fd, hw->hwpt, MOCK_DIRTY_FAIL_SET, 1, EIO));
	EXPECT_EQ(-EIO, iommufd_set_dirty(hw->fd, hw->hwpt, true));
	EXPECT_EQ(1, trace_count("iommu_dirty_set", "hwpt=%u enable=1 " NS " rc=%d",
				 hw->hwpt, -EIO));
	EXPECT_EQ(1, trace_count("iommu_dirty_error", "hwpt=%u what=set * rc=%d",
				 hw->hwpt, -EIO));

	ASSERT_EQ(-EINVAL, mock_add_device(hw->fd, hw->hwpt,
					   MOCK_FLAGS_DEVICE_NO_DIRTY, &stdev,
					   &idev));
	EXPECT_EQ(1, trace_count("iommu_dirty_error",
				 "hwpt=%u what=attach * rc=%d", hw->hwpt,
				 -EINVAL));

	/* The second page of the bitmap is missing: the window that needs it. */
	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, true));
	map = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, munmap(map + 4096, 4096));
	EXPECT_EQ(-EFAULT, iommufd_get_dirty(hw->fd, hw->hwpt, 0, MOCK_START,
					     MIB(1), 4, map));
	EXPECT_EQ(1, trace_count("iommu_dirty_error",
				 "hwpt=%u what=get iova=0x%llx rc=%d", hw->hwpt,
				 (unsigned long long)MOCK_START + KIB(128),
				 -EFAULT));
	EXPECT_EQ(1, trace_count("iommu_dirty_read", "* windows=1 " NS " rc=%d",
				 -EFAULT));
	munmap(map, 4096);
	EXPECT_EQ(4, trace_count("iommu_dirty_error", "*"));
}

/* Off is off, each event by itself as well. */
TEST_F(trace, off)
{
	struct hw *hw = &self->hw;

	ASSERT_EQ(0, trace_enable(false));
	EXPECT_EQ(-EINVAL, hw_get(hw, 0, self->bits));
	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, true));
	ASSERT_EQ(0, hw_get(hw, 0, self->bits));
	EXPECT_EQ(0, trace_count("iommu_dirty_*", "*"));
}

TEST_HARNESS_MAIN
