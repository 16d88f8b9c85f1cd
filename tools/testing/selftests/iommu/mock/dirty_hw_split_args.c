// SPDX-License-Identifier: GPL-2.0-only
/* Every argument of the calls that split and join, and the module's parameter */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../dma/text.h"
#include "hw_split.h"
#include "kselftest_harness.h"

#define PARAMETER	"/sys/module/iommufd/parameters/dirty_split"

static int put_parameter(const char *value)
{
	return text_write(PARAMETER, value);
}

static int get_parameter(char *value, size_t size)
{
	int rc = text_read(PARAMETER, value, size);

	if (!rc)
		value[strcspn(value, "\n")] = 0;
	return rc;
}

/* What is refused, and with which errno. It changes nothing. */
FIXTURE(args)
{
	struct hw hw;
	long tables;
	uint32_t ioas;
	uint32_t untracked;
	uint32_t stdev;
	uint32_t idev;
	uint32_t whole;
	uint8_t bits[HW_PAGES / 8];
	struct iommu_hwpt_dirty_split_mode mode;
	struct iommu_hwpt_dirty_range range;
};

FIXTURE_SETUP(args)
{
	struct hw *hw = &self->hw;

	self->tables = iommu_table_pages();
	ASSERT_LE(0, self->tables);
	ASSERT_EQ(0, hw_open(hw, MOCK_DIRTY_DEVICE_SPLIT, MIB(1)));
	ASSERT_EQ(0, start(hw, IOMMU_HWPT_DIRTY_SPLIT_OFF));
	ASSERT_EQ(0, iommufd_hwpt_alloc(hw->fd, hw->idev, hw->ioas, 0,
					&self->untracked));
	/* One that tracks, and cannot split */
	ASSERT_EQ(0, iommufd_ioas_alloc(hw->fd, &self->ioas));
	ASSERT_EQ(0, mock_add_device(hw->fd, self->ioas, 0, &self->stdev,
				     &self->idev));
	ASSERT_EQ(0, iommufd_hwpt_alloc(hw->fd, self->idev, self->ioas,
					IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
					&self->whole));
	self->mode = (struct iommu_hwpt_dirty_split_mode){
		.size = sizeof(self->mode),
		.flags = IOMMU_HWPT_DIRTY_SPLIT_MODE_SET,
		.hwpt_id = hw->hwpt,
		.mode = IOMMU_HWPT_DIRTY_SPLIT_EAGER,
	};
	self->range = (struct iommu_hwpt_dirty_range){
		.size = sizeof(self->range),
		.hwpt_id = hw->hwpt,
		.iova = MOCK_START,
		.length = HW_LENGTH,
	};
}

/* No leaf was split, no mode was set. */
FIXTURE_TEARDOWN(args)
{
	struct hw *hw = &self->hw;
	uint32_t mode, modes;

	EXPECT_EQ(0, iommufd_split_mode(hw->fd, hw->hwpt, &mode, &modes));
	EXPECT_EQ(IOMMU_HWPT_DIRTY_SPLIT_OFF, mode);
	EXPECT_EQ(7, modes);
	EXPECT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	EXPECT_TRUE(reports(hw, self->bits, PAGE, TABLE_PAGES));
	EXPECT_EQ(0, hw_close(hw));
	EXPECT_EQ(self->tables, iommu_table_pages());
}

/* A good call with one field changed: refused, and with this errno. */
#define REFUSED(err, nr, cmd, field, value) do {			\
	typeof(cmd) changed = cmd;					\
	int rc;								\
	changed.field = value;						\
	rc = ioctl(self->hw.fd, nr, &changed) ? errno : 0;		\
	EXPECT_EQ(err, rc) {						\
		TH_LOG("with " #field " = " #value);			\
	}								\
} while (0)

#define MODE_REFUSED(err, field, value) \
	REFUSED(err, IOMMU_HWPT_DIRTY_SPLIT_MODE, self->mode, field, value)
#define RANGE_REFUSED(err, field, value) do {				\
	REFUSED(err, IOMMU_HWPT_DIRTY_SPLIT, self->range, field, value); \
	REFUSED(err, IOMMU_HWPT_DIRTY_JOIN, self->range, field, value);	\
} while (0)

TEST_F(args, modes)
{
	unsigned int bit;

	for (bit = 1; bit < 32; bit++) {
		MODE_REFUSED(EOPNOTSUPP, flags, 1U << bit);
		MODE_REFUSED(EOPNOTSUPP, flags,
			     IOMMU_HWPT_DIRTY_SPLIT_MODE_SET | 1U << bit);
	}
	for (bit = 3; bit < 64; bit++)
		MODE_REFUSED(EOPNOTSUPP, mode, bit);
	for (bit = 2; bit < 32; bit++)
		MODE_REFUSED(EOPNOTSUPP, mode, 1U << bit);
	MODE_REFUSED(EOPNOTSUPP, mode, ~0U);
	/* A mode that is only read does not matter. */
	self->mode.flags = 0;
	MODE_REFUSED(0, mode, ~0U);
}

TEST_F(args, ranges)
{
	unsigned int bit;

	for (bit = 0; bit < 32; bit++) {
		RANGE_REFUSED(EOPNOTSUPP, flags, 1U << bit);
		RANGE_REFUSED(EOPNOTSUPP, __reserved, 1U << bit);
	}
	RANGE_REFUSED(EINVAL, length, 0);
	RANGE_REFUSED(EOVERFLOW, length, -MOCK_START + 1);
	RANGE_REFUSED(EOVERFLOW, length, ~0ULL);
	RANGE_REFUSED(EOVERFLOW, iova, -HW_LENGTH + 1);
	RANGE_REFUSED(EOVERFLOW, iova, ~0ULL);
	/* Up to the last byte, and a hole */
	RANGE_REFUSED(0, iova, -HW_LENGTH);
}

/* Other objects, and none */
TEST_F(args, ids)
{
	const uint32_t strange[] = {
		0, ~0U, 1U << 31, self->hw.ioas, self->hw.idev, self->hw.stdev,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(strange); i++) {
		MODE_REFUSED(ENOENT, hwpt_id, strange[i]);
		RANGE_REFUSED(ENOENT, hwpt_id, strange[i]);
	}
	MODE_REFUSED(EOPNOTSUPP, hwpt_id, self->untracked);
	RANGE_REFUSED(EOPNOTSUPP, hwpt_id, self->untracked);
	MODE_REFUSED(EOPNOTSUPP, hwpt_id, self->whole);
	RANGE_REFUSED(EOPNOTSUPP, hwpt_id, self->whole);
}

/* Structs of older and of later programs */
TEST_F(args, sizes)
{
	struct {
		struct iommu_hwpt_dirty_range range;
		uint64_t more;
	} large = { self->range, 0 };

	MODE_REFUSED(EINVAL, size, 0);
	MODE_REFUSED(EINVAL, size, sizeof(self->mode) - 4);
	RANGE_REFUSED(EINVAL, size, 0);
	RANGE_REFUSED(EINVAL, size, 24);
	large.range.size = sizeof(large);
	large.more = 1;
	EXPECT_EQ(-1, ioctl(self->hw.fd, IOMMU_HWPT_DIRTY_SPLIT, &large));
	EXPECT_EQ(E2BIG, errno);
	large.more = 0;
	EXPECT_EQ(0, ioctl(self->hw.fd, IOMMU_HWPT_DIRTY_JOIN, &large));
}

/* It has one mode, and may be told so. */
TEST_F(args, cannot_split)
{
	uint32_t mode, modes;

	ASSERT_EQ(0, iommufd_split_mode(self->hw.fd, self->whole, &mode,
					&modes));
	EXPECT_EQ(IOMMU_HWPT_DIRTY_SPLIT_OFF, mode);
	EXPECT_EQ(1, modes);
	ASSERT_EQ(0, iommufd_set_split_mode(self->hw.fd, self->whole,
					    IOMMU_HWPT_DIRTY_SPLIT_OFF));
	EXPECT_EQ(-EOPNOTSUPP,
		  iommufd_set_split_mode(self->hw.fd, self->whole,
					 IOMMU_HWPT_DIRTY_SPLIT_LAZY));
}

/* The mode of a new HWPT, and no other's, is the module parameter. */
TEST_F(args, parameter)
{
	static const char * const names[] = { "off", "lazy", "eager" };
	struct hw *hw = &self->hw;
	uint32_t hwpt, mode, modes, i;
	char was[16], is[16];

	ASSERT_EQ(0, get_parameter(was, sizeof(was)));
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		ASSERT_EQ(0, put_parameter(names[i]));
		EXPECT_EQ(-EINVAL, put_parameter("never"));
		EXPECT_EQ(-EINVAL, put_parameter("\n"));
		ASSERT_EQ(0, get_parameter(is, sizeof(is)));
		EXPECT_STREQ(names[i], is);
		ASSERT_EQ(0, iommufd_hwpt_alloc(hw->fd, hw->idev, hw->ioas,
						IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
						&hwpt));
		ASSERT_EQ(0, iommufd_split_mode(hw->fd, hwpt, &mode, &modes));
		EXPECT_EQ(i, mode);
		EXPECT_EQ(7, modes);
		ASSERT_EQ(0, iommufd_destroy(hw->fd, hwpt));
		ASSERT_EQ(0, iommufd_hwpt_alloc(hw->fd, self->idev, self->ioas,
						IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
						&hwpt));
		ASSERT_EQ(0, iommufd_split_mode(hw->fd, hwpt, &mode, &modes));
		EXPECT_EQ(IOMMU_HWPT_DIRTY_SPLIT_OFF, mode);
		ASSERT_EQ(0, iommufd_destroy(hw->fd, hwpt));
	}
	ASSERT_EQ(0, put_parameter(was));
	/* What it is when nobody has said anything */
	EXPECT_STREQ("lazy", was);
}

TEST_HARNESS_MAIN
