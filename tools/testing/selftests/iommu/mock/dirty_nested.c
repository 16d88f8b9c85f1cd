// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty tracking and nesting, and who may attach, on the mock IOMMU
 *
 * No emulated device has nested translation, so that this is where HWPTs nested
 * on one that tracks are exercised: their devices are the parent's to switch,
 * and must be able to track (promises 4 and 5).
 */
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/iommufd.h>

#include "iommufd_test.h"
#include "kselftest_harness.h"

#define MOCK_PAGE	2048
#define PAGES		64

FIXTURE(nested)
{
	int fd;
	uint32_t ioas_id;
	uint32_t stdev_id;
	uint32_t idev_id;
	uint32_t parent_id;
	uint32_t nested_id;
};

static int alloc_ioas(int fd, uint32_t *id)
{
	struct iommu_ioas_alloc cmd = { .size = sizeof(cmd) };
	int rc = ioctl(fd, IOMMU_IOAS_ALLOC, &cmd);

	*id = cmd.out_ioas_id;
	return rc;
}

static int add_device(int fd, uint32_t pt_id, uint32_t flags, uint32_t *stdev,
		      uint32_t *idev)
{
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd),
		.op = IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS,
		.id = pt_id,
		.mock_domain_flags = { .dev_flags = flags },
	};
	int rc = ioctl(fd, IOMMU_TEST_CMD, &cmd);

	*stdev = cmd.mock_domain_flags.out_stdev_id;
	if (idev)
		*idev = cmd.mock_domain_flags.out_idev_id;
	return rc;
}

static int replace(int fd, uint32_t stdev, uint32_t pt_id)
{
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd),
		.op = IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE,
		.id = stdev,
		.mock_domain_replace = { .pt_id = pt_id },
	};

	return ioctl(fd, IOMMU_TEST_CMD, &cmd);
}

static int alloc_hwpt(int fd, uint32_t idev, uint32_t pt_id, uint32_t flags,
		      uint32_t *id)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.dev_id = idev,
		.pt_id = pt_id,
	};
	int rc = ioctl(fd, IOMMU_HWPT_ALLOC, &cmd);

	*id = cmd.out_hwpt_id;
	return rc;
}

static int alloc_nested(int fd, uint32_t idev, uint32_t parent, uint32_t *id)
{
	struct iommu_hwpt_selftest data = {
		.iotlb = IOMMU_TEST_IOTLB_DEFAULT,
	};
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.dev_id = idev,
		.pt_id = parent,
		.data_type = IOMMU_HWPT_DATA_SELFTEST,
		.data_len = sizeof(data),
		.data_uptr = (uintptr_t)&data,
	};
	int rc = ioctl(fd, IOMMU_HWPT_ALLOC, &cmd);

	*id = cmd.out_hwpt_id;
	return rc;
}

static int set_dirty(int fd, uint32_t hwpt, bool enable)
{
	struct iommu_hwpt_set_dirty_tracking cmd = {
		.size = sizeof(cmd),
		.flags = enable ? IOMMU_HWPT_DIRTY_TRACKING_ENABLE : 0,
		.hwpt_id = hwpt,
	};

	return ioctl(fd, IOMMU_HWPT_SET_DIRTY_TRACKING, &cmd);
}

static int get_dirty(int fd, uint32_t hwpt, uint64_t *bitmap)
{
	struct iommu_hwpt_get_dirty_bitmap cmd = {
		.size = sizeof(cmd),
		.hwpt_id = hwpt,
		.iova = MOCK_APERTURE_START,
		.length = PAGES * MOCK_PAGE,
		.page_size = MOCK_PAGE,
		.data = (uintptr_t)bitmap,
	};

	return ioctl(fd, IOMMU_HWPT_GET_DIRTY_BITMAP, &cmd);
}

static int device_writes(int fd, uint32_t hwpt, uint64_t pages)
{
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd),
		.op = IOMMU_TEST_OP_DIRTY,
		.id = hwpt,
		.dirty = {
			.iova = MOCK_APERTURE_START,
			.length = PAGES * MOCK_PAGE,
			.page_size = MOCK_PAGE,
			.uptr = (uintptr_t)&pages,
		},
	};

	return ioctl(fd, IOMMU_TEST_CMD, &cmd);
}

FIXTURE_SETUP(nested)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.length = PAGES * MOCK_PAGE,
		.iova = MOCK_APERTURE_START,
	};
	void *mem;

	self->fd = open("/dev/iommu", O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, alloc_ioas(self->fd, &self->ioas_id));
	ASSERT_EQ(0, add_device(self->fd, self->ioas_id, 0, &self->stdev_id,
				&self->idev_id));
	mem = mmap(NULL, map.length, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, mem);
	map.ioas_id = self->ioas_id;
	map.user_va = (uintptr_t)mem;
	ASSERT_EQ(0, ioctl(self->fd, IOMMU_IOAS_MAP, &map));
	ASSERT_EQ(0, alloc_hwpt(self->fd, self->idev_id, self->ioas_id,
				IOMMU_HWPT_ALLOC_NEST_PARENT |
					IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
				&self->parent_id));
	ASSERT_EQ(0, alloc_nested(self->fd, self->idev_id, self->parent_id,
				  &self->nested_id));
}

FIXTURE_TEARDOWN(nested)
{
	close(self->fd);
}

/* A nested HWPT has no second-stage table of its own to track. */
TEST_F(nested, id_of_nested_is_refused)
{
	uint64_t bitmap = 0;

	EXPECT_EQ(-1, set_dirty(self->fd, self->nested_id, true));
	EXPECT_EQ(ENOENT, errno);
	EXPECT_EQ(-1, get_dirty(self->fd, self->nested_id, &bitmap));
	EXPECT_EQ(ENOENT, errno);
}

TEST_F(nested, parent_tracks_for_nested)
{
	uint64_t bitmap = 0;

	ASSERT_EQ(0, set_dirty(self->fd, self->parent_id, true));
	ASSERT_EQ(0, replace(self->fd, self->stdev_id, self->nested_id));
	ASSERT_EQ(0, device_writes(self->fd, self->parent_id, 0x8001));
	ASSERT_EQ(0, get_dirty(self->fd, self->parent_id, &bitmap));
	EXPECT_EQ(0x8001UL, bitmap);

	/* From one to another on the same parent takes the same lock twice. */
	ASSERT_EQ(0, replace(self->fd, self->stdev_id, self->parent_id));
	ASSERT_EQ(0, replace(self->fd, self->stdev_id, self->nested_id));
	ASSERT_EQ(0, set_dirty(self->fd, self->parent_id, false));
	EXPECT_EQ(-1, get_dirty(self->fd, self->parent_id, &bitmap));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(nested, incapable_device_is_refused)
{
	uint32_t stdev, idev, ioas, hwpt;

	ASSERT_EQ(-1, add_device(self->fd, self->parent_id,
				 MOCK_FLAGS_DEVICE_NO_DIRTY, &stdev, NULL));
	EXPECT_EQ(EINVAL, errno);

	ASSERT_EQ(0, alloc_ioas(self->fd, &ioas));
	ASSERT_EQ(0, add_device(self->fd, ioas, MOCK_FLAGS_DEVICE_NO_DIRTY,
				&stdev, &idev));
	EXPECT_EQ(-1, replace(self->fd, stdev, self->nested_id));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, replace(self->fd, stdev, self->parent_id));
	EXPECT_EQ(EINVAL, errno);
	/* It is where it was, and can still be moved elsewhere. */
	ASSERT_EQ(0, alloc_hwpt(self->fd, idev, ioas, 0, &hwpt));
	EXPECT_EQ(0, replace(self->fd, stdev, hwpt));
}

/* Two HWPTs that track, replaced in both directions: one order of locks */
TEST_F(nested, replace_between_tracking)
{
	uint32_t other;
	int i;

	ASSERT_EQ(0, alloc_hwpt(self->fd, self->idev_id, self->ioas_id,
				IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &other));
	ASSERT_EQ(0, set_dirty(self->fd, other, true));
	for (i = 0; i < 16; i++) {
		ASSERT_EQ(0, replace(self->fd, self->stdev_id,
				     i % 2 ? self->nested_id : other));
	}
}

TEST_HARNESS_MAIN
