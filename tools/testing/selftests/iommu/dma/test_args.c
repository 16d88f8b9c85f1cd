// SPDX-License-Identifier: GPL-2.0-only
/* Arguments that are refused, with the errno that says why: promises 2, 6. */
#include <sys/ioctl.h>

static int raw_get(struct rig *r, struct iommu_hwpt_get_dirty_bitmap *cmd)
{
	return ioctl(r->fd, IOMMU_HWPT_GET_DIRTY_BITMAP, cmd) ? -errno : 0;
}

static int raw_set(struct rig *r, struct iommu_hwpt_set_dirty_tracking *cmd)
{
	return ioctl(r->fd, IOMMU_HWPT_SET_DIRTY_TRACKING, cmd) ? -errno : 0;
}

#define GOOD_GET(r, map) {				\
	.size = sizeof(struct iommu_hwpt_get_dirty_bitmap), \
	.hwpt_id = (r)->hwpt,				\
	.iova = RIG_IOVA,				\
	.length = AREA_LEN,				\
	.page_size = PAGE,				\
	.data = (uintptr_t)(map),			\
}

/* A GET with one field changed: refused, and with this errno. */
#define REFUSED(err, field, value) do {					\
	struct iommu_hwpt_get_dirty_bitmap cmd = GOOD_GET(r, map);	\
	cmd.field = value;						\
	EXPECT_EQ(-(err), raw_get(r, &cmd)) {				\
		TH_LOG("with " #field " = " #value);			\
	}								\
} while (0)

#define MAP_BYTES	(AREA_PAGES / 8)

FIXTURE(args)
{
	struct rig rig;
	uint8_t map[MAP_BYTES];
};

FIXTURE_SETUP(args)
{
	struct rig *r = &self->rig;

	MUST(rig_open(r));
	ASSERT_NE(NULL, rig_map(r, RIG_IOVA, AREA_LEN, PAGE));
	MUST(rig_set(r, true));
	MUST(rig_write_pages(r, RIG_IOVA, 3 * PAGE, 1000));
}

/* Nothing was written by a call that was refused, and nothing is lost. */
FIXTURE_TEARDOWN(args)
{
	static const uint8_t zero[MAP_BYTES];

	EXPECT_EQ(0, memcmp(self->map, zero, MAP_BYTES));
	OK(rig_get(&self->rig, RIG_IOVA, AREA_LEN));
	rig_close(&self->rig);
}

/* Promise 2: no granule, or none that a bit can stand for. */
TEST_F(args, page_size)
{
	struct rig *r = &self->rig;
	uint8_t *map = self->map;

	REFUSED(EINVAL, page_size, 0);
	REFUSED(EINVAL, page_size, 3 * PAGE);
	REFUSED(EINVAL, page_size, PAGE + 1);
	REFUSED(EINVAL, page_size, 5);
	REFUSED(EINVAL, page_size, 3 * STRIP);
	/* A power of two, but the range is no multiple of it */
	REFUSED(EINVAL, page_size, STRIP << 19);
	REFUSED(EINVAL, page_size, 1ULL << 63);
}

/* Promise 6: empty, unaligned, or past the end of the address space. */
TEST_F(args, range)
{
	struct rig *r = &self->rig;
	uint8_t *map = self->map;

	REFUSED(EINVAL, length, 0);
	REFUSED(EINVAL, length, PAGE - 1);
	REFUSED(EINVAL, length, AREA_LEN + 1);
	REFUSED(EINVAL, iova, RIG_IOVA + 1);
	REFUSED(EINVAL, iova, RIG_IOVA + 2048);
	REFUSED(EOVERFLOW, length, -RIG_IOVA + PAGE);
	REFUSED(EOVERFLOW, length, -PAGE);
	REFUSED(EOVERFLOW, iova, -PAGE);
	REFUSED(EOVERFLOW, iova, -AREA_LEN + PAGE);
}

/* Promise 6: what later kernels may give a meaning has none here. */
TEST_F(args, flags)
{
	struct rig *r = &self->rig;
	uint8_t *map = self->map;

	REFUSED(EOPNOTSUPP, flags, 2);
	REFUSED(EOPNOTSUPP, flags, 1u << 31);
	REFUSED(EOPNOTSUPP, flags, NO_CLEAR | 4);
	REFUSED(EOPNOTSUPP, __reserved, 1);
}

/* Promise 6: structs of older and of later programs. */
TEST_F(args, struct_size)
{
	struct rig *r = &self->rig;
	uint8_t *map = self->map;
	struct {
		struct iommu_hwpt_get_dirty_bitmap cmd;
		uint64_t more;
	} big = { .cmd = GOOD_GET(r, map), .more = 1 };

	REFUSED(EINVAL, size, sizeof(struct iommu_hwpt_get_dirty_bitmap) - 8);
	REFUSED(EINVAL, size, 0);
	/* Later fields that this kernel does not know, and that are in use */
	big.cmd.size = sizeof(big);
	EXPECT_EQ(-E2BIG, raw_get(r, &big.cmd));
	/* ... and that are not */
	big.more = 0;
	big.cmd.flags = NO_CLEAR;
	EXPECT_EQ(0, raw_get(r, &big.cmd));
	memset(map, 0, MAP_BYTES);
}

/* Promise 6: no such object, or not of this kind. */
TEST_F(args, object)
{
	struct rig *r = &self->rig;
	uint8_t *map = self->map;
	uint32_t plain;

	REFUSED(ENOENT, hwpt_id, 0);
	REFUSED(ENOENT, hwpt_id, 0x7fffff);
	REFUSED(ENOENT, hwpt_id, r->ioas);
	REFUSED(ENOENT, hwpt_id, r->nic.vfio.devid);

	EXPECT_EQ(-ENOENT, iommufd_set_dirty(r->fd, 0x7fffff, true));
	EXPECT_EQ(-ENOENT, iommufd_set_dirty(r->fd, r->ioas, true));

	/* A page table that was not made for it */
	MUST(iommufd_hwpt_alloc(r->fd, r->nic.vfio.devid, r->ioas, 0, &plain));
	REFUSED(EOPNOTSUPP, hwpt_id, plain);
	EXPECT_EQ(-EOPNOTSUPP, iommufd_set_dirty(r->fd, plain, true));
	EXPECT_EQ(-EOPNOTSUPP, iommufd_set_dirty(r->fd, plain, false));
	OK(iommufd_destroy(r->fd, plain));
}

/* Promise 6: SET refuses as GET does. */
TEST_F(args, set)
{
	struct rig *r = &self->rig;
	struct iommu_hwpt_set_dirty_tracking cmd = {
		.size = sizeof(cmd),
		.hwpt_id = r->hwpt,
	};

	/* Had any of these switched tracking off, the last GET would fail. */
	cmd.flags = 2;
	EXPECT_EQ(-EOPNOTSUPP, raw_set(r, &cmd));
	cmd.flags = 1u << 31;
	EXPECT_EQ(-EOPNOTSUPP, raw_set(r, &cmd));
	cmd.flags = 0;
	cmd.size = sizeof(cmd) - 4;
	EXPECT_EQ(-EINVAL, raw_set(r, &cmd));
}
