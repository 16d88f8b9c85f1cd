// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO's container on the mock IOMMU: devices that cannot be tracked beside some
 * that can, several page tables, switches that fail.  ../dma/dma_type1.c has the
 * rest of it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../dma/type1.h"
#include "hw.h"
#include "kselftest_harness.h"

#define PAGES	64
#define ALL	(~0ULL)

/* A container with 64 pages, of the processor's size, and a device; logging is off */
struct container {
	int fd;
	uint32_t ioas;
	uint64_t page;
	void *mem;
	struct mock_device dev;
};

FIXTURE(type1)
{
	struct container c;
};

FIXTURE_SETUP(type1)
{
	struct iommu_vfio_ioas set = {
		.size = sizeof(set),
		.op = IOMMU_VFIO_IOAS_SET,
	};

	self->c.page = sysconf(_SC_PAGESIZE);
	self->c.fd = type1_open();
	ASSERT_LE(0, self->c.fd);
	ASSERT_EQ(0, iommufd_ioas_alloc(self->c.fd, &self->c.ioas));
	set.ioas_id = self->c.ioas;
	ASSERT_EQ(0, ioctl(self->c.fd, IOMMU_VFIO_IOAS, &set));
	self->c.mem = mmap(NULL, PAGES * self->c.page, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->c.mem);
	ASSERT_EQ(0, type1_map(self->c.fd, self->c.mem, MOCK_START,
			       PAGES * self->c.page));
	ASSERT_EQ(0, mock_add(self->c.fd, self->c.ioas, 0, &self->c.dev));
}

FIXTURE_TEARDOWN(type1)
{
	close(self->c.fd);
	munmap(self->c.mem, PAGES * self->c.page);
}

/* What GET_BITMAP reports of the 64 pages, or an error in their place */
static uint64_t get(struct container *c)
{
	struct type1_get get;
	uint64_t bits = 0;
	int rc;

	type1_get_init(&get, MOCK_START, PAGES * c->page, c->page, &bits);
	rc = type1_get(c->fd, &get);
	return rc ? (uint64_t)rc : bits;
}

/* What UNMAP_DMA reports of them; then they are mapped again. */
static uint64_t unmap(struct container *c)
{
	struct type1_unmap unmap;
	uint64_t bits = 0;
	int rc;

	type1_unmap_init(&unmap, MOCK_START, PAGES * c->page, c->page, &bits);
	rc = type1_unmap(c->fd, &unmap);
	if (!rc)
		rc = type1_map(c->fd, c->mem, MOCK_START, PAGES * c->page);
	return rc ? (uint64_t)rc : bits;
}

static int writes(struct container *c, struct mock_device *dev,
		  unsigned int page)
{
	return hw_writes(c->fd, dev->idev, MOCK_START + page * c->page);
}

static void expect_exact(struct __test_metadata *_metadata,
			 struct container *c)
{
	unsigned int i;

	ASSERT_EQ(0, type1_log(c->fd, false));
	ASSERT_EQ(0, type1_log(c->fd, true));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, writes(c, &c->dev, 7));
		EXPECT_EQ(1ULL << 7, get(c));
		EXPECT_EQ(0, get(c));
		ASSERT_EQ(0, writes(c, &c->dev, 9));
		EXPECT_EQ(1ULL << 9, unmap(c));
		EXPECT_EQ(0, get(c));
	}
}

static void expect_all(struct __test_metadata *_metadata, struct container *c)
{
	ASSERT_EQ(0, writes(c, &c->dev, 7));
	EXPECT_EQ(ALL, get(c));
	EXPECT_EQ(ALL, get(c));
	EXPECT_EQ(ALL, unmap(c));
	EXPECT_EQ(ALL, get(c));
}

TEST_F(type1, exact)
{
	expect_exact(_metadata, &self->c);
}

/*
 * A device that cannot be tracked gets a page table of its own.  What it wrote
 * before it went, nobody will ever know.
 */
TEST_F(type1, device_that_cannot)
{
	struct mock_device blind;
	int late;

	for (late = 0; late < 2; late++) {
		if (late)
			ASSERT_EQ(0, type1_log(self->c.fd, true));
		ASSERT_EQ(0, mock_add(self->c.fd, self->c.ioas,
				      MOCK_FLAGS_DEVICE_NO_DIRTY, &blind));
		EXPECT_NE(self->c.dev.hwpt, blind.hwpt);
		ASSERT_EQ(0, type1_log(self->c.fd, true));
		expect_all(_metadata, &self->c);
		ASSERT_EQ(0, iommufd_destroy(self->c.fd, blind.stdev));
		expect_all(_metadata, &self->c);
		expect_exact(_metadata, &self->c);
	}
}

/* Nor does one that can be tracked take the page table of one that cannot. */
TEST_F(type1, device_that_can)
{
	struct mock_device blind;

	ASSERT_EQ(0, iommufd_destroy(self->c.fd, self->c.dev.stdev));
	ASSERT_EQ(0, mock_add(self->c.fd, self->c.ioas,
			      MOCK_FLAGS_DEVICE_NO_DIRTY, &blind));
	ASSERT_EQ(0, mock_add(self->c.fd, self->c.ioas, 0, &self->c.dev));
	EXPECT_NE(self->c.dev.hwpt, blind.hwpt);
	ASSERT_EQ(0, type1_log(self->c.fd, true));
	expect_all(_metadata, &self->c);
	ASSERT_EQ(0, iommufd_destroy(self->c.fd, blind.stdev));
	expect_exact(_metadata, &self->c);
}

/* Two page tables that track: one of the kernel's making, one of the program's */
TEST_F(type1, second_page_table)
{
	struct mock_device other;
	uint32_t hwpt;

	ASSERT_EQ(0, mock_add(self->c.fd, self->c.ioas, 0, &other));
	EXPECT_EQ(self->c.dev.hwpt, other.hwpt);
	ASSERT_EQ(0, iommufd_hwpt_alloc(self->c.fd, other.idev, self->c.ioas,
					IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
					&hwpt));
	ASSERT_EQ(0, mock_replace(self->c.fd, other.stdev, hwpt));
	ASSERT_EQ(0, type1_log(self->c.fd, true));
	/* It is not START that switches it. */
	expect_all(_metadata, &self->c);
	ASSERT_EQ(0, iommufd_set_dirty(self->c.fd, hwpt, true));
	expect_exact(_metadata, &self->c);

	ASSERT_EQ(0, writes(&self->c, &self->c.dev, 3));
	ASSERT_EQ(0, writes(&self->c, &other, 5));
	EXPECT_EQ(1ULL << 3 | 1ULL << 5, get(&self->c));
	ASSERT_EQ(0, writes(&self->c, &self->c.dev, 3));
	ASSERT_EQ(0, writes(&self->c, &other, 5));
	EXPECT_EQ(1ULL << 3 | 1ULL << 5, unmap(&self->c));
	EXPECT_EQ(0, get(&self->c));
	/* Nor does STOP. */
	ASSERT_EQ(0, writes(&self->c, &other, 5));
	ASSERT_EQ(0, type1_log(self->c.fd, false));
	ASSERT_EQ(0, type1_log(self->c.fd, true));
	EXPECT_EQ(1ULL << 5, get(&self->c));
}

/* The last device leaves its dirt behind. */
TEST_F(type1, last_device_leaves)
{
	ASSERT_EQ(0, type1_log(self->c.fd, true));
	ASSERT_EQ(0, writes(&self->c, &self->c.dev, 3));
	ASSERT_EQ(0, iommufd_destroy(self->c.fd, self->c.dev.stdev));
	EXPECT_EQ(1ULL << 3, get(&self->c));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->c.fd, self->c.ioas));
	ASSERT_EQ(0, type1_log(self->c.fd, false));
	EXPECT_EQ(0, iommufd_destroy(self->c.fd, self->c.ioas));
}

/*
 * A page table that is made while logging is on is switched on before a device is
 * attached to it: one that insists on the opposite fails.
 */
TEST_F(type1, switched_on_before_attached)
{
	const uint32_t flags = MOCK_DIRTY_DEVICE_NOT_WHILE_ON;

	ASSERT_EQ(0, iommufd_destroy(self->c.fd, self->c.dev.stdev));
	ASSERT_EQ(0, mock_add(self->c.fd, self->c.ioas, flags, &self->c.dev));
	ASSERT_EQ(0, iommufd_destroy(self->c.fd, self->c.dev.stdev));
	ASSERT_EQ(0, type1_log(self->c.fd, true));
	EXPECT_EQ(-EBUSY, mock_add(self->c.fd, self->c.ioas, flags, &self->c.dev));
	/* Nothing is left of that. */
	ASSERT_EQ(0, mock_add(self->c.fd, self->c.ioas, 0, &self->c.dev));
	ASSERT_EQ(0, writes(&self->c, &self->c.dev, 3));
	EXPECT_EQ(1ULL << 3, get(&self->c));
	expect_exact(_metadata, &self->c);
}

/* The page table cannot be switched on, and then it can; and the same off. */
TEST_F(type1, start_fails)
{
	ASSERT_EQ(0, hw_fail(self->c.fd, self->c.dev.hwpt, MOCK_DIRTY_FAIL_SET, 1,
			     EIO));
	EXPECT_EQ(-EIO, type1_log(self->c.fd, true));
	EXPECT_EQ((uint64_t)-EINVAL, get(&self->c));
	expect_exact(_metadata, &self->c);
	ASSERT_EQ(0, hw_fail(self->c.fd, self->c.dev.hwpt, MOCK_DIRTY_FAIL_SET, 1,
			     EIO));
	EXPECT_EQ(0, type1_log(self->c.fd, false));
	EXPECT_EQ((uint64_t)-EINVAL, get(&self->c));
	expect_exact(_metadata, &self->c);
}

TEST_HARNESS_MAIN
