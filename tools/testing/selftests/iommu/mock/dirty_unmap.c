// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unmapping with a report: every page that a device wrote until then, no other
 * one, and the areas are gone; or an error, and what is left is as it was.
 *
 * Who has to wait for whom is in dirty_hw_order.c, that allocations fail in
 * dirty_failnth.c.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hw.h"
#include "kselftest_harness.h"

#define BYTES		(HW_PAGES / 8)
#define PAGE		2051U

/* Areas of 64 pages, every second of them, behind the one that is there */
#define AREAS		4U
#define AREA_PAGES	64U
#define AREA_LENGTH	(AREA_PAGES * MOCK_PAGE)
#define BESIDE		(MOCK_START + HW_LENGTH)
#define BESIDE_LENGTH	(2 * AREAS * AREA_LENGTH)

#define ROUNDS		25

static uint64_t area(unsigned int n)
{
	return BESIDE + 2 * n * AREA_LENGTH;
}

static int map_areas(struct hw *hw)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; i < AREAS && !rc; i++)
		rc = iommufd_map(hw->fd, hw->ioas, hw->mem, area(i),
				 AREA_LENGTH);
	return rc;
}

/* Of the whole area that there is first, into zeroed bits */
static int unmap_dirty(struct hw *hw, uint64_t *length, uint8_t *bits)
{
	*length = HW_LENGTH;
	memset(bits, 0, BYTES);
	return iommufd_unmap_dirty(hw->fd, hw->ioas, MOCK_START, length,
				   MOCK_PAGE, bits);
}

static bool bit(const uint8_t *bits, unsigned int n)
{
	return bits[n / 8] & 1 << n % 8;
}

FIXTURE(unmap)
{
	struct hw hw;
	uint64_t length;
	uint8_t bits[BYTES];
};

FIXTURE_VARIANT(unmap)
{
	uint32_t dev_flags;
	uint64_t size;
};

FIXTURE_VARIANT_ADD(unmap, page) { 0, MOCK_PAGE };
FIXTURE_VARIANT_ADD(unmap, level2) { 0, MIB(1) };
FIXTURE_VARIANT_ADD(unmap, replicated_8k) {
	MOCK_DIRTY_DEVICE_REPLICATED, 4 * MOCK_PAGE,
};

FIXTURE_VARIANT_ADD(unmap, replicated_4m) {
	MOCK_DIRTY_DEVICE_REPLICATED, MIB(4),
};

FIXTURE_SETUP(unmap)
{
	struct hw *hw = &self->hw;

	ASSERT_EQ(0, hw_open(hw, variant->dev_flags | MOCK_DIRTY_DEVICE_SPLIT,
			     variant->size));
	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, true));
}

FIXTURE_TEARDOWN(unmap)
{
	EXPECT_EQ(0, hw_close(&self->hw));
}

/* One page: its leaf is reported, and the area is gone. */
TEST_F(unmap, reports)
{
	unsigned int pages = variant->size / MOCK_PAGE;
	struct hw *hw = &self->hw;

	ASSERT_EQ(0, hw_reads(hw->fd, hw->idev, at(1)));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_EQ(0, unmap_dirty(hw, &self->length, self->bits));
	EXPECT_EQ(HW_LENGTH, self->length);
	EXPECT_TRUE(hw_only(self->bits, PAGE / pages * pages, pages));
	EXPECT_EQ(-EFAULT, hw_writes(hw->fd, hw->idev, at(PAGE)));
	EXPECT_EQ(-EFAULT, hw_writes(hw->fd, hw->idev, at(1)));
	EXPECT_EQ(-ENOENT, unmap_dirty(hw, &self->length, self->bits));
	EXPECT_EQ(0, self->length);
	EXPECT_TRUE(hw_only(self->bits, 0, 0));
	/* What is mapped there next is clean. */
	ASSERT_EQ(0, iommufd_map(hw->fd, hw->ioas, hw->mem, MOCK_START,
				 HW_LENGTH));
	ASSERT_EQ(0, hw_get(hw, 0, self->bits));
	EXPECT_TRUE(hw_only(self->bits, 0, 0));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_EQ(0, hw_get(hw, 0, self->bits));
	EXPECT_TRUE(hw_only(self->bits, PAGE, 1));
}

TEST_F(unmap, clean)
{
	struct hw *hw = &self->hw;

	ASSERT_EQ(0, hw_reads(hw->fd, hw->idev, at(PAGE)));
	ASSERT_EQ(0, unmap_dirty(hw, &self->length, self->bits));
	EXPECT_TRUE(hw_only(self->bits, 0, 0));
}

/* What another read has reported is not reported again. */
TEST_F(unmap, reported_before)
{
	struct hw *hw = &self->hw;

	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_EQ(0, hw_get(hw, 0, self->bits));
	ASSERT_EQ(0, unmap_dirty(hw, &self->length, self->bits));
	EXPECT_TRUE(hw_only(self->bits, 0, 0));
}

/* Leaves that are in pieces, exactly */
TEST_F(unmap, split)
{
	struct hw *hw = &self->hw;
	uint64_t leaves;

	ASSERT_EQ(0, iommufd_split(hw->fd, hw->hwpt, MOCK_START, HW_LENGTH,
				   &leaves));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_EQ(0, unmap_dirty(hw, &self->length, self->bits));
	EXPECT_TRUE(hw_only(self->bits, PAGE, 1));
}

/* What came of unmapping while a device wrote; @writes: in the last round */
struct unmapped {
	unsigned int round;
	unsigned int writes;
	unsigned int lost;
	unsigned int invented;
};

/* One round */
static int unmap_while_written(struct hw *hw, uint64_t iova, uint64_t seed,
			       unsigned int pages, struct unmapped *u)
{
	uint8_t bits[BYTES] = {};
	bool leaf[HW_PAGES] = {};
	uint32_t log[HW_PAGES] = {}, flushed;
	uint64_t length = HW_LENGTH;
	unsigned int i;
	int rc;

	rc = hw_run(hw->fd, hw->idev, iova, HW_LENGTH, seed + u->round);
	if (rc)
		return rc;
	usleep(u->round++ % 5 * 1000);
	rc = iommufd_unmap_dirty(hw->fd, hw->ioas, iova, &length, MOCK_PAGE,
				 bits);
	usleep(2000);
	if (!rc)
		rc = hw_stop(hw->fd, hw->idev);
	if (!rc)
		rc = hw_log(hw->fd, hw->idev, log, &u->writes, &flushed);
	if (rc)
		return rc;
	for (i = 0; i < HW_PAGES; i++) {
		leaf[i / pages] |= !!log[i];
		if (log[i] && !bit(bits, i) && !u->lost++)
			printf("# page %u is lost\n", i);
	}
	for (i = 0; i < HW_PAGES; i++)
		u->invented += bit(bits, i) && !leaf[i / pages];
	return 0;
}

/*
 * A device writes on and on, all the time. Whatever it wrote is reported, and
 * what is reported it wrote.
 */
TEST_F_TIMEOUT(unmap, written_meanwhile, 120)
{
	unsigned int pages = variant->size / MOCK_PAGE;
	struct unmapped u = {};
	uint64_t seed = hw_seed();
	struct hw *hw = &self->hw;

	while (u.round < ROUNDS) {
		ASSERT_EQ(0, unmap_while_written(hw, MOCK_START, seed, pages,
						 &u));
		ASSERT_EQ(0, iommufd_map(hw->fd, hw->ioas, hw->mem, MOCK_START,
					 HW_LENGTH));
		if (pages > 1)
			ASSERT_EQ(0, hw_leaves(hw->fd, hw->hwpt, MOCK_START,
					       HW_LENGTH, variant->size));
	}
	EXPECT_EQ(0, u.lost);
	EXPECT_EQ(0, u.invented);
	EXPECT_LT(0, u.writes);
}

FIXTURE(areas)
{
	struct hw hw;
	uint64_t length;
	uint8_t bits[BYTES];
	struct iommu_ioas_unmap_dirty cmd;
};

FIXTURE_SETUP(areas)
{
	struct hw *hw = &self->hw;

	ASSERT_EQ(0, hw_open(hw, 0, MOCK_PAGE));
	ASSERT_EQ(0, map_areas(hw));
	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, true));
	self->cmd = (struct iommu_ioas_unmap_dirty){
		.size = sizeof(self->cmd),
		.ioas_id = hw->ioas,
		.iova = MOCK_START,
		.length = HW_LENGTH,
		.page_size = MOCK_PAGE,
		.data = (uintptr_t)self->bits,
	};
}

FIXTURE_TEARDOWN(areas)
{
	EXPECT_EQ(0, hw_close(&self->hw));
}

/* Refused, and nothing has changed */
static int refused(struct hw *hw, struct iommu_ioas_unmap_dirty cmd)
{
	uint8_t bits[BYTES];
	int rc;

	rc = hw_writes(hw->fd, hw->idev, at(PAGE));
	if (!rc)
		rc = ioctl(hw->fd, IOMMU_IOAS_UNMAP_DIRTY, &cmd) ? -errno : 1;
	if (hw_get(hw, 0, bits) || !hw_only(bits, PAGE, 1))
		return 2;
	return rc;
}

#define REFUSED(err, field, value) do {					\
	struct iommu_ioas_unmap_dirty changed = self->cmd;		\
	changed.field = value;						\
	EXPECT_EQ(-(err), refused(&self->hw, changed)) {		\
		TH_LOG("with " #field " = " #value);			\
	}								\
} while (0)

TEST_F(areas, arguments)
{
	unsigned int i;

	for (i = 0; i < 32; i++)
		REFUSED(EOPNOTSUPP, flags, 1U << i);
	REFUSED(EOPNOTSUPP, __reserved, 1);
	REFUSED(EINVAL, size, 40);
	REFUSED(ENOENT, ioas_id, self->hw.hwpt);
	REFUSED(ENOENT, ioas_id, self->hw.idev);
	REFUSED(ENOENT, ioas_id, -1U);
	REFUSED(EINVAL, length, 0);
	REFUSED(EINVAL, length, MOCK_PAGE - 1);
	REFUSED(EINVAL, length, HW_LENGTH + 1024);
	REFUSED(EINVAL, iova, MOCK_START + 1024);
	REFUSED(EOVERFLOW, length, -MOCK_PAGE);
	REFUSED(EOVERFLOW, iova, -MOCK_PAGE);
	REFUSED(EINVAL, page_size, 0);
	REFUSED(EINVAL, page_size, 3 * MOCK_PAGE);
	REFUSED(EINVAL, page_size, 1ULL << 40);
	REFUSED(EFAULT, data, 0);
	REFUSED(EFAULT, data, 1ULL << 63);
	REFUSED(EFAULT, data, -1ULL);
	REFUSED(EFAULT, data, (uintptr_t)refused);
	EXPECT_EQ(0x3bc3, IOMMU_IOAS_UNMAP_DIRTY);
	EXPECT_EQ(48, sizeof(self->cmd));
	EXPECT_EQ(40, offsetof(struct iommu_ioas_unmap_dirty, data));
}

/* Areas go whole or not at all, and nothing goes if one is cut. */
TEST_F(areas, cut)
{
	struct hw *hw = &self->hw;

	REFUSED(ENOENT, length, HW_LENGTH - MOCK_PAGE);
	REFUSED(ENOENT, iova, MOCK_START - MOCK_PAGE);
	self->cmd.length = HW_LENGTH + MOCK_PAGE;
	REFUSED(ENOENT, iova, MOCK_START);
	self->cmd.length = HW_LENGTH + 3 * AREA_LENGTH - MOCK_PAGE;
	REFUSED(ENOENT, iova, MOCK_START);
	self->cmd.length = AREA_LENGTH;
	REFUSED(ENOENT, iova, area(0) - MOCK_PAGE);
	REFUSED(ENOENT, iova, area(0) + AREA_LENGTH / 2);
	REFUSED(ENOENT, iova, area(0) + AREA_LENGTH);
	ASSERT_EQ(0, iommufd_unmap(hw->fd, hw->ioas, BESIDE, BESIDE_LENGTH));
}

/* On errors, too, the caller learns how much is gone: nothing, here. */
TEST_F(areas, length_of_errors)
{
	struct hw *hw = &self->hw;

	self->length = HW_LENGTH - MOCK_PAGE;
	EXPECT_EQ(-ENOENT, iommufd_unmap_dirty(hw->fd, hw->ioas, MOCK_START,
					       &self->length, MOCK_PAGE,
					       self->bits));
	EXPECT_EQ(0, self->length);
	self->length = 1;
	EXPECT_EQ(-EINVAL, iommufd_unmap_dirty(hw->fd, hw->ioas, MOCK_START,
					       &self->length, MOCK_PAGE,
					       self->bits));
	EXPECT_EQ(0, self->length);
}

/* Several areas with holes: bits are ORed, and those of holes left alone. */
TEST_F(areas, several)
{
	struct hw *hw = &self->hw;
	unsigned int i, wrong = 0;
	uint8_t bits[128] = {};

	bits[0] = 0x10;
	for (i = 0; i < AREAS; i++)
		ASSERT_EQ(0, hw_writes(hw->fd, hw->idev,
				       area(i) + (i + 1) * MOCK_PAGE));
	/* Up to one bit behind the last area */
	self->length = BESIDE_LENGTH;
	bits[AREA_PAGES / 8] = 0xff;
	ASSERT_EQ(0, iommufd_unmap_dirty(hw->fd, hw->ioas, BESIDE,
					 &self->length, MOCK_PAGE, bits));
	EXPECT_EQ(AREAS * AREA_LENGTH, self->length);
	for (i = 0; i < sizeof(bits) * 8; i++) {
		unsigned int n = i / AREA_PAGES;
		bool want = n % 2 == 0 && n < 2 * AREAS &&
			    i % AREA_PAGES == n / 2 + 1;

		want |= i == 4 || (i >= AREA_PAGES && i < AREA_PAGES + 8);
		wrong += bit(bits, i) != want;
	}
	EXPECT_EQ(0, wrong);
	/* The other area is not touched. */
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_EQ(0, hw_get(hw, 0, self->bits));
	EXPECT_TRUE(hw_only(self->bits, PAGE, 1));
}

/* Areas side by side, some of whose bits are in one word */
TEST_F(areas, adjacent)
{
	struct hw *hw = &self->hw;
	uint64_t bits[2] = {};
	unsigned int i;

	for (i = 0; i < 10; i++)
		ASSERT_EQ(0, iommufd_map(hw->fd, hw->ioas, hw->mem,
					 area(AREAS) + 5 * i * MOCK_PAGE,
					 5 * MOCK_PAGE));
	for (i = 0; i < 50; i += 3)
		ASSERT_EQ(0, hw_writes(hw->fd, hw->idev,
				       area(AREAS) + i * MOCK_PAGE));
	self->length = 50 * MOCK_PAGE;
	ASSERT_EQ(0, iommufd_unmap_dirty(hw->fd, hw->ioas, area(AREAS),
					 &self->length, MOCK_PAGE, bits));
	EXPECT_EQ(50 * MOCK_PAGE, self->length);
	EXPECT_EQ(0x1249249249249ULL, bits[0]);
	EXPECT_EQ(0, bits[1]);
}

/* Any granule, any address */
TEST_F(areas, granule)
{
	struct hw *hw = &self->hw;
	static uint8_t fine[8 * BYTES + 16];
	unsigned int i, wrong = 0;

	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	self->length = HW_LENGTH;
	ASSERT_EQ(0, iommufd_unmap_dirty(hw->fd, hw->ioas, MOCK_START,
					 &self->length, 256, fine + 3));
	for (i = 0; i < 8 * HW_PAGES; i++)
		wrong += bit(fine + 3, i) != (i / 8 == PAGE);
	EXPECT_EQ(0, wrong);
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, area(1) + 9 * MOCK_PAGE));
	self->length = BESIDE_LENGTH;
	ASSERT_EQ(0, iommufd_unmap_dirty(hw->fd, hw->ioas, BESIDE,
					 &self->length, AREA_LENGTH,
					 self->bits));
	EXPECT_EQ(1 << 2, self->bits[0]);
}

/* A bitmap of many pages and windows */
TEST_F(areas, windows)
{
	const unsigned int bits = MOCK_PAGE / 4;
	uint8_t *map = mmap(NULL, HW_LENGTH / 32 + 4096,
			    PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	struct hw *hw = &self->hw;
	unsigned int i, wrong = 0;

	ASSERT_NE(MAP_FAILED, (void *)map);
	for (i = 0; i < HW_PAGES; i += 63)
		ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(i)));
	self->length = HW_LENGTH;
	ASSERT_EQ(0, iommufd_unmap_dirty(hw->fd, hw->ioas, MOCK_START,
					 &self->length, 4, map + 5));
	for (i = 0; i < HW_PAGES * bits; i++)
		wrong += bit(map + 5, i) != !(i / bits % 63);
	EXPECT_EQ(0, wrong);
	munmap(map, HW_LENGTH / 32 + 4096);
}

/*
 * Write permission is taken GiB by GiB: an area that reaches over the border of
 * two, which a device writes meanwhile
 */
TEST_F_TIMEOUT(areas, written_across_a_border, 120)
{
	const uint64_t iova = GIB(1) - HW_LENGTH / 2;
	struct unmapped u = {};
	uint64_t seed = hw_seed();
	struct hw *hw = &self->hw;

	while (u.round < ROUNDS) {
		ASSERT_EQ(0, iommufd_map(hw->fd, hw->ioas, hw->mem, iova,
					 HW_LENGTH));
		ASSERT_EQ(0, unmap_while_written(hw, iova, seed, 1, &u));
	}
	EXPECT_EQ(0, u.lost);
	EXPECT_EQ(0, u.invented);
	EXPECT_LT(0, u.writes);
}

/* The bitmap under the third area is missing: two are gone, with their report. */
TEST_F(areas, bitmap_missing)
{
	uint8_t *map = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct hw *hw = &self->hw;
	unsigned int i;
	uint8_t *bits;

	ASSERT_NE(MAP_FAILED, (void *)map);
	ASSERT_EQ(0, munmap(map + 4096, 4096));
	/* It begins in the third area, with a part of its bits. */
	bits = map + 4096 - (4 * AREA_PAGES + AREA_PAGES / 2) / 8;
	for (i = 0; i < AREAS; i++)
		ASSERT_EQ(0, hw_writes(hw->fd, hw->idev,
				       area(i) + (i + 1) * MOCK_PAGE));
	self->length = BESIDE_LENGTH;
	EXPECT_EQ(-EFAULT, iommufd_unmap_dirty(hw->fd, hw->ioas, BESIDE,
					       &self->length, MOCK_PAGE, bits));
	EXPECT_EQ(2 * AREA_LENGTH, self->length);
	EXPECT_EQ(1 << 1, bits[0]);
	EXPECT_EQ(1 << 2, bits[2 * AREA_PAGES / 8]);
	EXPECT_EQ(0, bits[4 * AREA_PAGES / 8]);
	munmap(map, 4096);

	/* The others are mapped, dirty and can be written. */
	EXPECT_EQ(-EFAULT, hw_writes(hw->fd, hw->idev, area(1)));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, area(3)));
	memset(self->bits, 0, BYTES);
	self->length = BESIDE_LENGTH;
	ASSERT_EQ(0, iommufd_unmap_dirty(hw->fd, hw->ioas, BESIDE,
					 &self->length, MOCK_PAGE, self->bits));
	EXPECT_EQ(2 * AREA_LENGTH, self->length);
	EXPECT_EQ(1 << 3, self->bits[4 * AREA_PAGES / 8]);
	EXPECT_EQ(1 << 4 | 1 << 0, self->bits[6 * AREA_PAGES / 8]);
}

/* The bitmap under holes need not exist. */
TEST_F(areas, bitmap_missing_under_holes)
{
	uint8_t *map = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct hw *hw = &self->hw;

	ASSERT_NE(MAP_FAILED, (void *)map);
	ASSERT_EQ(0, munmap(map + 4096, 4096));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, area(3)));
	self->length = BESIDE_LENGTH;
	ASSERT_EQ(0, iommufd_unmap_dirty(hw->fd, hw->ioas, BESIDE,
					 &self->length, MOCK_PAGE, map + 4096 -
					 7 * AREA_PAGES / 8));
	EXPECT_EQ(AREAS * AREA_LENGTH, self->length);
	EXPECT_EQ(1, map[4096 - AREA_PAGES / 8]);
	munmap(map, 4096);
}

/* Areas that no device may write go as well, and nothing is said of them. */
TEST_F(areas, read_only)
{
	struct hw *hw = &self->hw;

	ASSERT_EQ(0, iommufd_map_ro(hw->fd, hw->ioas, hw->mem, area(AREAS),
				    AREA_LENGTH));
	EXPECT_EQ(-EFAULT, hw_writes(hw->fd, hw->idev, area(AREAS)));
	self->length = AREA_LENGTH;
	ASSERT_EQ(0, iommufd_unmap_dirty(hw->fd, hw->ioas, area(AREAS),
					 &self->length, MOCK_PAGE, self->bits));
	EXPECT_EQ(AREA_LENGTH, self->length);
	EXPECT_TRUE(hw_only(self->bits, 0, 0));
}

/* Tracking is off, or off for one of them: nothing happens. */
TEST_F(areas, not_tracking)
{
	uint32_t hwpt, stdev, idev, plain;
	struct hw *hw = &self->hw;

	ASSERT_EQ(0, iommufd_hwpt_alloc(hw->fd, hw->idev, hw->ioas,
					IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
					&hwpt));
	REFUSED(EINVAL, flags, 0);
	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hwpt, true));
	ASSERT_EQ(0, iommufd_hwpt_alloc(hw->fd, hw->idev, hw->ioas, 0, &plain));
	REFUSED(EINVAL, flags, 0);
	ASSERT_EQ(0, iommufd_destroy(hw->fd, plain));

	/* The union of both */
	ASSERT_EQ(0, mock_add_device(hw->fd, hwpt, 0, &stdev, &idev));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_EQ(0, hw_writes(hw->fd, idev, at(PAGE + 1)));
	ASSERT_EQ(0, unmap_dirty(hw, &self->length, self->bits));
	EXPECT_TRUE(hw_only(self->bits, PAGE, 2));
	EXPECT_EQ(-EFAULT, hw_writes(hw->fd, idev, at(PAGE)));
	EXPECT_EQ(0, hw_faults(hw->fd, hwpt));

	ASSERT_EQ(0, iommufd_map(hw->fd, hw->ioas, hw->mem, MOCK_START,
				 HW_LENGTH));
	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, false));
	EXPECT_EQ(-EINVAL, unmap_dirty(hw, &self->length, self->bits));
	EXPECT_EQ(0, self->length);
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
}

/* An IOAS without HWPTs has nobody who could have written. */
TEST_F(areas, no_hwpt)
{
	struct hw *hw = &self->hw;
	uint32_t ioas;

	ASSERT_EQ(0, iommufd_ioas_alloc(hw->fd, &ioas));
	ASSERT_EQ(0, iommufd_map(hw->fd, ioas, hw->mem, MOCK_START, HW_LENGTH));
	self->length = HW_LENGTH;
	ASSERT_EQ(0, iommufd_unmap_dirty(hw->fd, ioas, MOCK_START,
					 &self->length, MOCK_PAGE, self->bits));
	EXPECT_EQ(HW_LENGTH, self->length);
	EXPECT_TRUE(hw_only(self->bits, 0, 0));
}

/* Leaves that cannot be made read-only: all of it is reported. */
TEST_F(areas, writable_only)
{
	struct hw hw;

	ASSERT_EQ(0, hw_open(&hw, MOCK_DIRTY_DEVICE_WRITABLE_ONLY, MOCK_PAGE));
	ASSERT_EQ(0, iommufd_set_dirty(hw.fd, hw.hwpt, true));
	ASSERT_EQ(0, unmap_dirty(&hw, &self->length, self->bits));
	EXPECT_TRUE(hw_only(self->bits, 0, HW_PAGES));
	EXPECT_EQ(0, hw_close(&hw));
}

/* An in-kernel user is told to let go, as by any unmap. */
TEST_F(areas, access)
{
	struct hw *hw = &self->hw;
	struct iommu_test_cmd create = {
		.size = sizeof(create),
		.op = IOMMU_TEST_OP_CREATE_ACCESS,
		.id = hw->ioas,
		.create_access.flags = MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES,
	};
	struct iommu_test_cmd pin = {
		.size = sizeof(pin),
		.op = IOMMU_TEST_OP_ACCESS_PAGES,
		.access_pages = {
			.flags = MOCK_FLAGS_ACCESS_WRITE,
			.iova = MOCK_START, .length = 16 * MOCK_PAGE,
			.uptr = (uintptr_t)hw->mem,
		},
	};
	struct iommu_test_cmd unpin = {
		.size = sizeof(unpin),
		.op = IOMMU_TEST_OP_DESTROY_ACCESS_PAGES,
	};

	ASSERT_EQ(0, ioctl(hw->fd, IOMMU_TEST_CMD, &create));
	pin.id = create.create_access.out_access_fd;
	unpin.id = pin.id;
	ASSERT_EQ(0, ioctl(hw->fd, IOMMU_TEST_CMD, &pin));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_EQ(0, unmap_dirty(hw, &self->length, self->bits));
	EXPECT_EQ(HW_LENGTH, self->length);
	EXPECT_TRUE(hw_only(self->bits, PAGE, 1));
	unpin.destroy_access_pages.access_pages_id =
		pin.access_pages.out_access_pages_id;
	EXPECT_EQ(-1, ioctl(hw->fd, IOMMU_TEST_CMD, &unpin));
	EXPECT_EQ(ENOENT, errno);
	close(create.create_access.out_access_fd);
}

TEST_HARNESS_MAIN
