// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty tracking and nesting, and who may attach, on the mock IOMMU
 *
 * No emulated device has nested translation, so that this is where HWPTs nested
 * on one that tracks are exercised: their devices are the parent's to switch,
 * and must be able to track (promises 4 and 5).
 */
#include "kselftest_harness.h"
#include "mock.h"

#define PAGES	64

FIXTURE(nested)
{
	struct mock m;
	uint32_t parent;
	uint32_t nested;
};

FIXTURE_SETUP(nested)
{
	struct mock *m = &self->m;

	MUST(mock_open(m, MOCK_PAGE));
	MUST(iommufd_hwpt_alloc(m->fd, m->idev, m->ioas,
				IOMMU_HWPT_ALLOC_NEST_PARENT |
				IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
				&self->parent));
	MUST(mock_nest(m->fd, m->idev, self->parent, &self->nested));
	MUST(mock_map(m, MOCK_START, PAGES * MOCK_PAGE, MOCK_PAGE));
}

FIXTURE_TEARDOWN(nested)
{
	mock_close(&self->m);
}

static int get(struct mock *m, uint32_t hwpt, uint64_t *bitmap)
{
	return iommufd_get_dirty(m->fd, hwpt, 0, MOCK_START, PAGES * MOCK_PAGE,
				 MOCK_PAGE, bitmap);
}

/* A nested HWPT has no second-stage table of its own to track. */
TEST_F(nested, id_of_nested_is_refused)
{
	uint64_t bitmap = 0;

	EXPECT_EQ(-ENOENT, iommufd_set_dirty(self->m.fd, self->nested, true));
	EXPECT_EQ(-ENOENT, iommufd_set_dirty(self->m.fd, self->nested, false));
	EXPECT_EQ(-ENOENT, get(&self->m, self->nested, &bitmap));
}

TEST_F(nested, parent_tracks_for_nested)
{
	struct mock *m = &self->m;
	uint64_t written = 0x8001, bitmap = 0;

	MUST(iommufd_set_dirty(m->fd, self->parent, true));
	MUST(mock_replace(m->fd, m->stdev, self->nested));
	ASSERT_EQ(2, mock_mark(m->fd, self->parent, MOCK_START, PAGES,
			       &written));
	MUST(get(m, self->parent, &bitmap));
	EXPECT_EQ(written, bitmap);

	/* From one to another on the same parent takes the same lock twice. */
	MUST(mock_replace(m->fd, m->stdev, self->parent));
	MUST(mock_replace(m->fd, m->stdev, self->nested));
	MUST(iommufd_set_dirty(m->fd, self->parent, false));
	EXPECT_EQ(-EINVAL, get(m, self->parent, &bitmap));
}

TEST_F(nested, incapable_device_is_refused)
{
	uint32_t stdev, idev, ioas, hwpt;
	struct mock *m = &self->m;

	ASSERT_EQ(-EINVAL, mock_add_device(m->fd, self->parent,
					   MOCK_FLAGS_DEVICE_NO_DIRTY, &stdev,
					   NULL));

	MUST(iommufd_ioas_alloc(m->fd, &ioas));
	MUST(mock_add_device(m->fd, ioas, MOCK_FLAGS_DEVICE_NO_DIRTY, &stdev,
			     &idev));
	EXPECT_EQ(-EINVAL, mock_replace(m->fd, stdev, self->nested));
	EXPECT_EQ(-EINVAL, mock_replace(m->fd, stdev, self->parent));
	/* It is where it was, and can still be moved elsewhere. */
	MUST(iommufd_hwpt_alloc(m->fd, idev, ioas, 0, &hwpt));
	OK(mock_replace(m->fd, stdev, hwpt));
}

/* Two HWPTs that track, replaced in both directions: one order of locks */
TEST_F(nested, replace_between_tracking)
{
	struct mock *m = &self->m;
	int i;

	MUST(iommufd_set_dirty(m->fd, m->hwpt, true));
	for (i = 0; i < 16; i++)
		MUST(mock_replace(m->fd, m->stdev,
				  i % 2 ? self->nested : m->hwpt));
}

TEST_HARNESS_MAIN
