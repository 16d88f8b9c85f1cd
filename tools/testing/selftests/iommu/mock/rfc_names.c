// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program written to the names of the first proposal, on the mock IOMMU
 *
 * Built twice: with the struct of the first posting (IOMMUFD_RFC_V1) and with
 * that of the later ones. It calls ioctl() as such programs do.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/iommufd.h>

#include "iommufd_rfc.h"
#include "iommufd_test.h"
#include "kselftest_harness.h"

#define MOCK_PAGE	2048
#define PAGES		200

FIXTURE(rfc)
{
	int fd;
	uint32_t ioas_id;
	uint32_t idev_id;
	uint32_t hwpt_id;
	uint64_t bitmap[(PAGES + 63) / 64];
};

FIXTURE_SETUP(rfc)
{
	struct iommu_ioas_alloc ioas = { .size = sizeof(ioas) };
	struct iommu_test_cmd mock = {
		.size = sizeof(mock),
		.op = IOMMU_TEST_OP_MOCK_DOMAIN,
	};
	struct iommu_hwpt_alloc hwpt = {
		.size = sizeof(hwpt),
		.flags = IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
	};
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
	ASSERT_EQ(0, ioctl(self->fd, IOMMU_IOAS_ALLOC, &ioas));
	self->ioas_id = ioas.out_ioas_id;

	mock.id = self->ioas_id;
	ASSERT_EQ(0, ioctl(self->fd, IOMMU_TEST_CMD, &mock));
	self->idev_id = mock.mock_domain.out_idev_id;

	mem = mmap(NULL, map.length, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, mem);
	map.ioas_id = self->ioas_id;
	map.user_va = (uintptr_t)mem;
	ASSERT_EQ(0, ioctl(self->fd, IOMMU_IOAS_MAP, &map));

	hwpt.dev_id = self->idev_id;
	hwpt.pt_id = self->ioas_id;
	ASSERT_EQ(0, ioctl(self->fd, IOMMU_HWPT_ALLOC, &hwpt));
	self->hwpt_id = hwpt.out_hwpt_id;
}

FIXTURE_TEARDOWN(rfc)
{
	close(self->fd);
}

static int set_dirty(int fd, uint32_t hwpt_id, uint32_t flags)
{
	struct iommu_hwpt_set_dirty cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.hwpt_id = hwpt_id,
	};

	return ioctl(fd, IOMMU_HWPT_SET_DIRTY, &cmd);
}

static int get_dirty(int fd, uint32_t hwpt_id, uint64_t *bitmap)
{
	struct iommu_hwpt_get_dirty_iova cmd = {
		.size = sizeof(cmd),
		.hwpt_id = hwpt_id,
		.bitmap = {
			.iova = MOCK_APERTURE_START,
			.length = PAGES * MOCK_PAGE,
			.page_size = MOCK_PAGE,
			.data = (void *)bitmap,
		},
	};

	return ioctl(fd, IOMMU_HWPT_GET_DIRTY_IOVA, &cmd);
}

static int device_writes(int fd, uint32_t hwpt_id, uint64_t *bitmap)
{
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd),
		.op = IOMMU_TEST_OP_DIRTY,
		.id = hwpt_id,
		.dirty = {
			.iova = MOCK_APERTURE_START,
			.length = PAGES * MOCK_PAGE,
			.page_size = MOCK_PAGE,
			.uptr = (uintptr_t)bitmap,
		},
	};

	return ioctl(fd, IOMMU_TEST_CMD, &cmd);
}

TEST_F(rfc, set_write_get)
{
	uint64_t written[ARRAY_SIZE(self->bitmap)] = {
		0x8000000000000001, 0, 0xff00, 0x80,
	};

	ASSERT_EQ(0, set_dirty(self->fd, self->hwpt_id,
			       IOMMU_DIRTY_TRACKING_ENABLED));
	ASSERT_EQ(0, device_writes(self->fd, self->hwpt_id, written));
	ASSERT_EQ(0, get_dirty(self->fd, self->hwpt_id, self->bitmap));
	EXPECT_EQ(0, memcmp(written, self->bitmap, sizeof(written)));

	memset(self->bitmap, 0, sizeof(self->bitmap));
	memset(written, 0, sizeof(written));
	ASSERT_EQ(0, get_dirty(self->fd, self->hwpt_id, self->bitmap));
	EXPECT_EQ(0, memcmp(written, self->bitmap, sizeof(written)));

	ASSERT_EQ(0, set_dirty(self->fd, self->hwpt_id,
			       IOMMU_DIRTY_TRACKING_DISABLED));
	EXPECT_EQ(-1, get_dirty(self->fd, self->hwpt_id, self->bitmap));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(rfc, errors_are_the_kernels)
{
	EXPECT_EQ(-1, set_dirty(self->fd, self->hwpt_id, 0x80));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(-1, set_dirty(self->fd, 0xdead,
				IOMMU_DIRTY_TRACKING_ENABLED));
	EXPECT_EQ(ENOENT, errno);
}

TEST_HARNESS_MAIN
