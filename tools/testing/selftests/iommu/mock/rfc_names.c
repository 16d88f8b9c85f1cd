// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program written to the names of the first proposal, on the mock IOMMU
 *
 * Built twice: with the struct of the first posting (IOMMUFD_RFC_V1) and with
 * that of the later ones. It calls ioctl() as such programs do.
 */
#include <linux/iommufd.h>

#include "iommufd_rfc.h"
#include "kselftest_harness.h"
#include "mock.h"

#define PAGES		200

FIXTURE(rfc)
{
	struct mock m;
	uint64_t bitmap[(PAGES + 63) / 64];
};

FIXTURE_SETUP(rfc)
{
	MUST(mock_open(&self->m, MOCK_PAGE));
	MUST(mock_map(&self->m, MOCK_START, PAGES * MOCK_PAGE, MOCK_PAGE));
}

FIXTURE_TEARDOWN(rfc)
{
	mock_close(&self->m);
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
			.iova = MOCK_START,
			.length = PAGES * MOCK_PAGE,
			.page_size = MOCK_PAGE,
			.data = (void *)bitmap,
		},
	};

	return ioctl(fd, IOMMU_HWPT_GET_DIRTY_IOVA, &cmd);
}

TEST_F(rfc, set_write_get)
{
	uint64_t written[ARRAY_SIZE(self->bitmap)] = {
		0x8000000000000001, 0, 0xff00, 0x80,
	};
	struct mock *m = &self->m;

	MUST(set_dirty(m->fd, m->hwpt, IOMMU_DIRTY_TRACKING_ENABLED));
	ASSERT_EQ(11, mock_mark(m->fd, m->hwpt, MOCK_START, PAGES, written));
	MUST(get_dirty(m->fd, m->hwpt, self->bitmap));
	EXPECT_EQ(0, memcmp(written, self->bitmap, sizeof(written)));

	memset(self->bitmap, 0, sizeof(self->bitmap));
	memset(written, 0, sizeof(written));
	MUST(get_dirty(m->fd, m->hwpt, self->bitmap));
	EXPECT_EQ(0, memcmp(written, self->bitmap, sizeof(written)));

	MUST(set_dirty(m->fd, m->hwpt, IOMMU_DIRTY_TRACKING_DISABLED));
	EXPECT_EQ(-1, get_dirty(m->fd, m->hwpt, self->bitmap));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(rfc, errors_are_the_kernels)
{
	EXPECT_EQ(-1, set_dirty(self->m.fd, self->m.hwpt, 0x80));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(-1, set_dirty(self->m.fd, 0xdead,
				IOMMU_DIRTY_TRACKING_ENABLED));
	EXPECT_EQ(ENOENT, errno);
}

TEST_HARNESS_MAIN
