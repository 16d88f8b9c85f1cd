// SPDX-License-Identifier: GPL-2.0-only
/*
 * Somebody writes who is not tracked: everything that is mapped writable is
 * dirty, in every report, for as long as dirt of his may be there.  Devices that
 * cannot be tracked: ../mock/dirty_type1.c.
 */

static void expect_all(struct __test_metadata *_metadata, struct rig *r)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		MUST(rig_write_pages(r, T1_IOVA, 3 * PAGE, 10));
		EXPECT_EQ(AREA_PAGES, t1_count(r, T1_IOVA, T1_LEN));
		EXPECT_EQ(AREA_PAGES, t1_count(r, T1_IOVA - STRIP,
					       T1_LEN + 32 * STRIP));
		EXPECT_EQ(100, t1_count(r, T1_IOVA + 77 * PAGE, 100 * PAGE));
	}
}

static void expect_exact(struct __test_metadata *_metadata, struct rig *r)
{
	unsigned int i;

	MUST(t1_log(r, false));
	MUST(t1_log(r, true));
	for (i = 0; i < 2; i++) {
		MUST(rig_write_pages(r, T1_IOVA, 3 * PAGE, 10));
		OK(t1_get(r, T1_IOVA, T1_LEN));
		OK(t1_get(r, T1_IOVA, T1_LEN));
	}
}

/* The group does not say by which number iommufd knows a device; they are small. */
static int find_device(struct rig *r, uint32_t *idev)
{
	uint64_t caps;

	for (*idev = 1; *idev < 64; ++*idev)
		if (!iommufd_hw_caps(r->fd, *idev, &caps))
			return 0;
	return -ENOENT;
}

/* A page table of the program's own making, which is the program's to switch */
TEST_F(type1, page_table_of_the_program)
{
	struct rig *r = &self->rig;
	uint32_t idev, hwpt;

	MUST(find_device(r, &idev));
	MUST(t1_log(r, true));
	MUST(rig_write_pages(r, T1_IOVA, 3 * PAGE, 10));
	OK(t1_get(r, T1_IOVA, T1_LEN));

	MUST(iommufd_hwpt_alloc(r->fd, idev, r->ioas, 0, &hwpt));
	expect_all(_metadata, r);
	MUST(iommufd_destroy(r->fd, hwpt));
	expect_exact(_metadata, r);

	MUST(iommufd_hwpt_alloc(r->fd, idev, r->ioas,
				IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt));
	expect_all(_metadata, r);
	/* Neither START nor STOP switches it. */
	MUST(t1_log(r, false));
	MUST(t1_log(r, true));
	expect_all(_metadata, r);
	MUST(iommufd_set_dirty(r->fd, hwpt, true));
	expect_exact(_metadata, r);
	expect_exact(_metadata, r);
	MUST(iommufd_set_dirty(r->fd, hwpt, false));
	expect_all(_metadata, r);
	MUST(iommufd_destroy(r->fd, hwpt));
	expect_exact(_metadata, r);
}

static int access_create(struct rig *r)
{
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd),
		.op = IOMMU_TEST_OP_CREATE_ACCESS,
		.id = r->ioas,
	};

	if (ioctl(r->fd, IOMMU_TEST_CMD, &cmd))
		return -errno;
	return cmd.create_access.out_access_fd;
}

/* What the kernel writes for a device that it emulates */
TEST_F(type1, kernel_access)
{
	struct rig *r = &self->rig;
	int access = access_create(r);

	ASSERT_LE(0, access);
	MUST(t1_log(r, true));
	expect_all(_metadata, r);
	/* It goes, and what it wrote is not known. */
	close(access);
	expect_all(_metadata, r);
	expect_exact(_metadata, r);

	access = access_create(r);
	ASSERT_LE(0, access);
	expect_all(_metadata, r);
	close(access);
	expect_all(_metadata, r);
	expect_exact(_metadata, r);
}

/* Nobody can write what is mapped read-only, tracked or not. */
TEST_F(type1, read_only)
{
	struct rig *r = &self->rig;
	uint64_t iova = T1_IOVA + 64 * STRIP;
	void *mem = mem_alloc(STRIP, PAGE);
	int access;

	ASSERT_NE(NULL, mem);
	MUST(type1_map_ro(r->fd, mem, iova, STRIP));
	MUST(t1_log(r, true));
	EXPECT_EQ(0, t1_count(r, iova, STRIP));
	access = access_create(r);
	ASSERT_LE(0, access);
	EXPECT_EQ(AREA_PAGES, t1_count(r, T1_IOVA, 128 * STRIP));
	EXPECT_EQ(0, t1_count(r, iova, STRIP));
	close(access);
	mem_free(mem, STRIP, PAGE);
}
