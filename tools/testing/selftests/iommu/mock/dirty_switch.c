// SPDX-License-Identifier: GPL-2.0-only
/*
 * Switching tracking on and off, and who can track: promises 4 and 5.
 */
#include "kselftest_harness.h"
#include "mock.h"

#define LENGTH		MIB(4)
#define ALL_PAGES	(LENGTH / MOCK_PAGE)

FIXTURE(set)
{
	struct mock m;
};

FIXTURE_VARIANT(set)
{
	uint64_t leaf;
};

FIXTURE_VARIANT_ADD(set, small) { .leaf = MOCK_PAGE };
FIXTURE_VARIANT_ADD(set, huge) { .leaf = MOCK_HUGE };

FIXTURE_SETUP(set)
{
	MUST(mock_open(&self->m, variant->leaf));
	MUST(mock_map(&self->m, MOCK_START, LENGTH, variant->leaf));
}

FIXTURE_TEARDOWN(set)
{
	mock_close(&self->m);
}

static int get(struct mock *m, uint32_t hwpt, void *map)
{
	return iommufd_get_dirty(m->fd, hwpt, 0, MOCK_START, LENGTH, MOCK_PAGE,
				 map);
}

static int count(const uint8_t *map, size_t bytes)
{
	int n = 0;

	while (bytes--)
		n += __builtin_popcount(map[bytes]);
	return n;
}

/* Promise 4: on starts clean, whatever an earlier time has left. */
TEST_F(set, promise4_on_starts_clean)
{
	struct mock *m = &self->m;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		MUST(mock_set(m, true));
		OK(mock_get(m, MOCK_START, LENGTH));
		MUST(mock_write(m, MOCK_START, 3 * MOCK_PAGE, 600));
		if (i != 1)
			OK(mock_get(m, MOCK_START, MIB(2)));
		MUST(mock_write(m, MOCK_START, 5 * MOCK_PAGE, 300));
		MUST(mock_set(m, false));
	}
}

/* Promise 4: on, when it is on, clears nothing. */
TEST_F(set, promise4_on_twice_changes_nothing)
{
	struct mock *m = &self->m;

	MUST(mock_set(m, true));
	MUST(mock_write(m, MOCK_START, 3 * MOCK_PAGE, 600));
	MUST(mock_set(m, true));
	MUST(mock_set(m, true));
	OK(mock_get(m, MOCK_START, LENGTH));
	OK(mock_get(m, MOCK_START, LENGTH));
}

/* Promise 4: off, when it is off, is no error and switches nothing on. */
TEST_F(set, promise4_off_twice_changes_nothing)
{
	static uint8_t map[ALL_PAGES / 8];
	struct mock *m = &self->m;

	MUST(mock_set(m, false));
	EXPECT_EQ(-EINVAL, get(m, m->hwpt, map));
	MUST(mock_set(m, true));
	MUST(mock_set(m, false));
	MUST(mock_set(m, false));
	EXPECT_EQ(-EINVAL, get(m, m->hwpt, map));
	EXPECT_EQ(0, count(map, sizeof(map)));
	MUST(mock_set(m, true));
	OK(mock_get(m, MOCK_START, LENGTH));
}

/* Promise 4: with tracking off there is nothing to read, not even of a hole. */
TEST_F(set, promise4_get_while_off)
{
	static uint8_t map[ALL_PAGES / 8];
	struct mock *m = &self->m;

	EXPECT_EQ(-EINVAL, get(m, m->hwpt, map));
	MUST(mock_set(m, true));
	MUST(mock_write(m, MOCK_START, MOCK_PAGE, 100));
	MUST(mock_set(m, false));
	EXPECT_EQ(-EINVAL, get(m, m->hwpt, map));
	EXPECT_EQ(-EINVAL, iommufd_get_dirty(m->fd, m->hwpt, NO_CLEAR,
					     MOCK_START, LENGTH, MOCK_PAGE,
					     map));
	EXPECT_EQ(-EINVAL, iommufd_get_dirty(m->fd, m->hwpt, 0, GIB(1), LENGTH,
					     MOCK_PAGE, NULL));
	EXPECT_EQ(-EINVAL, get(m, m->hwpt, NULL));
	EXPECT_EQ(0, count(map, sizeof(map)));
}

/* Promise 4: it never fails: without devices, without areas, with many. */
TEST_F(set, promise4_set_does_not_fail)
{
	uint32_t ioas, stdev[8], hwpt, empty;
	struct mock *m = &self->m;
	unsigned int i, k;

	MUST(iommufd_ioas_alloc(m->fd, &ioas));
	MUST(iommufd_hwpt_alloc(m->fd, m->idev, ioas,
				IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &empty));
	MUST(iommufd_hwpt_alloc(m->fd, m->idev, m->ioas,
				IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt));
	for (i = 0; i < ARRAY_SIZE(stdev); i++) {
		for (k = 0; k < 4; k++) {
			MUST(iommufd_set_dirty(m->fd, empty, k % 2));
			MUST(iommufd_set_dirty(m->fd, hwpt, k % 2));
		}
		MUST(mock_add_device(m->fd, hwpt, 0, &stdev[i], NULL));
		MUST(iommufd_set_dirty(m->fd, hwpt, i % 2));
	}
	for (i = 0; i < ARRAY_SIZE(stdev); i++) {
		MUST(iommufd_set_dirty(m->fd, hwpt, i % 2));
		MUST(iommufd_destroy(m->fd, stdev[i]));
	}
	MUST(iommufd_destroy(m->fd, hwpt));
	MUST(iommufd_destroy(m->fd, empty));
}

/* Promise 4: what is mapped while it is on is tracked, too. */
TEST_F(set, promise4_mapped_later)
{
	struct mock *m = &self->m;

	MUST(mock_set(m, true));
	MUST(mock_map(m, MIB(64), LENGTH, variant->leaf));
	MUST(mock_write(m, MIB(64), 3 * MOCK_PAGE, 600));
	OK(mock_get(m, MIB(64), LENGTH));
	OK(mock_get(m, MOCK_START, MIB(64)));
}

/* Promise 4: a HWPT that is made later tracks all that is mapped by then. */
TEST_F(set, promise4_hwpts_are_separate)
{
	static uint8_t map[ALL_PAGES / 8];
	struct mock *m = &self->m;
	uint64_t bits = 0xf00f;
	uint32_t other;

	MUST(mock_set(m, true));
	MUST(mock_write(m, MOCK_START, 3 * MOCK_PAGE, 600));
	MUST(iommufd_hwpt_alloc(m->fd, m->idev, m->ioas,
				IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &other));
	EXPECT_EQ(-EINVAL, get(m, other, map));
	MUST(iommufd_set_dirty(m->fd, other, true));
	OK(get(m, other, map));
	EXPECT_EQ(0, count(map, sizeof(map)));
	ASSERT_EQ(8, mock_mark(m->fd, other, MOCK_START, 64, &bits));
	MUST(iommufd_set_dirty(m->fd, m->hwpt, true));
	OK(mock_get(m, MOCK_START, LENGTH));
	OK(get(m, other, map));
	if (variant->leaf == MOCK_PAGE)
		OK(memcmp(map, &bits, 8));
	EXPECT_EQ(variant->leaf == MOCK_PAGE ? 8 : 512,
		  count(map, sizeof(map)));

	/* And one off does not switch the other. */
	MUST(iommufd_set_dirty(m->fd, other, false));
	MUST(mock_write(m, MOCK_START, 7 * MOCK_PAGE, 200));
	OK(mock_get(m, MOCK_START, LENGTH));
}

/* Promise 4: nor does moving the device away and back switch anything. */
TEST_F(set, promise4_detach_changes_nothing)
{
	struct mock *m = &self->m;
	uint32_t other;

	MUST(mock_set(m, true));
	MUST(mock_write(m, MOCK_START, 3 * MOCK_PAGE, 600));
	MUST(iommufd_hwpt_alloc(m->fd, m->idev, m->ioas, 0, &other));
	MUST(mock_replace(m->fd, m->stdev, other));
	OK(oracle_get(&m->oracle, MOCK_START, LENGTH, MOCK_PAGE, NO_CLEAR));
	MUST(mock_replace(m->fd, m->stdev, m->hwpt));
	OK(mock_get(m, MOCK_START, LENGTH));
	OK(mock_get(m, MOCK_START, LENGTH));
}

/* What devices are there, and what they can do */
FIXTURE(capability)
{
	int fd;
	uint32_t ioas;
};

FIXTURE_VARIANT(capability)
{
	uint32_t flags;
	bool capable;
};

FIXTURE_VARIANT_ADD(capability, plain)
{
	.capable = true,
};

FIXTURE_VARIANT_ADD(capability, huge)
{
	.flags = MOCK_FLAGS_DEVICE_HUGE_IOVA,
	.capable = true,
};

FIXTURE_VARIANT_ADD(capability, incapable)
{
	.flags = MOCK_FLAGS_DEVICE_NO_DIRTY,
};

FIXTURE_VARIANT_ADD(capability, incapable_huge)
{
	.flags = MOCK_FLAGS_DEVICE_NO_DIRTY | MOCK_FLAGS_DEVICE_HUGE_IOVA,
};

FIXTURE_SETUP(capability)
{
	self->fd = iommufd_open();
	ASSERT_LE(0, self->fd);
	MUST(iommufd_ioas_alloc(self->fd, &self->ioas));
}

FIXTURE_TEARDOWN(capability)
{
	close(self->fd);
}

/* Promise 5: the capability is reported if and only if allocation works. */
TEST_F(capability, promise5_reported_iff_it_works)
{
	int error = variant->capable ? 0 : -EOPNOTSUPP;
	uint32_t stdev, idev, hwpt;
	uint64_t caps;

	MUST(mock_add_device(self->fd, self->ioas, variant->flags, &stdev,
			     &idev));
	MUST(iommufd_hw_caps(self->fd, idev, &caps));
	EXPECT_EQ(variant->capable, !!(caps & IOMMU_HW_CAP_DIRTY_TRACKING));
	EXPECT_EQ(error, iommufd_hwpt_alloc(self->fd, idev, self->ioas,
					    IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
					    &hwpt));
	EXPECT_EQ(error, iommufd_hwpt_alloc(self->fd, idev, self->ioas,
					    IOMMU_HWPT_ALLOC_NEST_PARENT |
					    IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
					    &hwpt));
	OK(iommufd_hwpt_alloc(self->fd, idev, self->ioas, 0, &hwpt));
	EXPECT_EQ(-EOPNOTSUPP, iommufd_set_dirty(self->fd, hwpt, true));
}

/* Promise 5: who cannot track is refused with EINVAL, and stays where it is. */
TEST_F(capability, promise5_attach)
{
	int error = variant->capable ? 0 : -EINVAL;
	uint32_t stdev, idev, tracking, plain, other;
	struct mock m;

	MUST(mock_open(&m, MOCK_PAGE));
	tracking = m.hwpt;
	MUST(iommufd_hwpt_alloc(m.fd, m.idev, m.ioas, 0, &plain));
	EXPECT_EQ(error, mock_add_device(m.fd, tracking, variant->flags, &other,
					 NULL));
	MUST(mock_add_device(m.fd, plain, variant->flags, &stdev, &idev));
	EXPECT_EQ(error, mock_replace(m.fd, stdev, tracking));
	MUST(mock_set(&m, true));
	EXPECT_EQ(error, mock_replace(m.fd, stdev, tracking));
	MUST(mock_set(&m, false));
	/* Attached to what it was attached to: that cannot be destroyed. */
	EXPECT_EQ(variant->capable ? 0 : -EBUSY, iommufd_destroy(m.fd, plain));
	MUST(iommufd_destroy(m.fd, stdev));
	mock_close(&m);
}

TEST_HARNESS_MAIN
