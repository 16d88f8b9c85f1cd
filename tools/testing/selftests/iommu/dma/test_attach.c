// SPDX-License-Identifier: GPL-2.0-only
/* Devices that come and go: promises 1, 4 and 5. */

/* Promise 5: the capability is reported if and only if the allocation works. */
TEST_F(rig, capability_means_allocation)
{
	struct vfio_dev *dev[] = { &self->rig.nic.vfio,
				   &self->rig.edu[0].vfio };
	struct rig *r = &self->rig;
	uint32_t hwpt;
	uint64_t caps;
	unsigned int i;
	int rc;

	MUST(edu_open(&r->edu[0], r->fd, 0));
	for (i = 0; i < ARRAY_SIZE(dev); i++) {
		MUST(iommufd_hw_caps(r->fd, dev[i]->devid, &caps));
		rc = iommufd_hwpt_alloc(r->fd, dev[i]->devid, r->ioas,
					IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt);
		EXPECT_EQ(!!(caps & IOMMU_HW_CAP_DIRTY_TRACKING), !rc);
		if (!rc)
			OK(iommufd_destroy(r->fd, hwpt));
	}
}

/* Promise 4: attached after SET(1), tracked all the same. */
TEST_F(dma, attached_after_set)
{
	struct rig *r = &self->rig;

	MUST(rig_set(r, true));
	MUST(rig_add_edu(r, 0));
	MUST(rig_edu_write(r, 0, RIG_IOVA + 63 * PAGE, 1));
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
	MUST(rig_edu_write(r, 0, RIG_IOVA + 63 * PAGE, 1));
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
}

/* Promise 4: SET(1) before any device is there. */
TEST_F(dma, set_without_a_device)
{
	struct rig *r = &self->rig;

	MUST(vfio_detach(&r->nic.vfio));
	MUST(rig_set(r, true));
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
	MUST(vfio_attach(&r->nic.vfio, r->hwpt));
	MUST(rig_write_pages(r, RIG_IOVA, 3 * PAGE, 100));
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
}

/* Promise 1: dirt outlives the attachment that made it. */
TEST_F(dma, detach_and_attach)
{
	struct rig *r = &self->rig;
	unsigned int round;

	MUST(rig_set(r, true));
	for (round = 0; round < 10; round++) {
		MUST(rig_write_pages(r, RIG_IOVA, 3 * PAGE, 100));
		MUST(vfio_detach(&r->nic.vfio));
		if (round & 1)
			OK(rig_get(r, RIG_IOVA, AREA_LEN));
		MUST(vfio_attach(&r->nic.vfio, r->hwpt));
		MUST(rig_write_pages(r, RIG_IOVA, 5 * PAGE, 100));
		OK(rig_get(r, RIG_IOVA, AREA_LEN));
	}
}

/* Promise 4: off and on while nobody is attached, or only somebody else. */
TEST_F(dma, set_while_detached)
{
	struct rig *r = &self->rig;

	MUST(rig_add_edu(r, 0));
	MUST(rig_set(r, true));
	MUST(rig_write_pages(r, RIG_IOVA, 3 * PAGE, 100));
	MUST(vfio_detach(&r->nic.vfio));
	MUST(rig_set(r, false));
	MUST(vfio_attach(&r->nic.vfio, r->hwpt));
	MUST(rig_write_pages(r, RIG_IOVA, 5 * PAGE, 100));
	MUST(vfio_detach(&r->nic.vfio));
	MUST(rig_set(r, true));
	MUST(vfio_attach(&r->nic.vfio, r->hwpt));
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
	MUST(rig_write_pages(r, RIG_IOVA, 7 * PAGE, 100));
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
}

/* Promise 4: from one tracking page table to another and back. */
TEST_F(dma, replace)
{
	struct rig *r = &self->rig;
	struct oracle *other = calloc(1, sizeof(*other));
	unsigned int round;
	uint32_t hwpt;

	ASSERT_NE(NULL, other);
	MUST(iommufd_hwpt_alloc(r->fd, r->nic.vfio.devid, r->ioas,
				IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt));
	oracle_init(other, r->fd, hwpt);
	MUST(oracle_split(other, variant->split));
	MUST(rig_expect_map(r, other, RIG_IOVA, AREA_LEN, self->piece));
	MUST(rig_set(r, true));
	MUST(oracle_set(other, true));
	for (round = 0; round < 10; round++) {
		MUST(rig_write_pages(r, RIG_IOVA, 3 * PAGE, 100));
		MUST(vfio_attach(&r->nic.vfio, hwpt));
		/* Past the rig: these are the other oracle's to remember. */
		oracle_write(other, RIG_IOVA + STRIP, PAGE);
		MUST(e1000e_write_pages(&r->nic, RIG_IOVA + STRIP, 0, 3,
					round));
		OK(oracle_get(other, RIG_IOVA, AREA_LEN, PAGE, 0));
		if (round & 1)
			OK(rig_get(r, RIG_IOVA, AREA_LEN));
		MUST(vfio_attach(&r->nic.vfio, r->hwpt));
		OK(rig_get(r, RIG_IOVA, AREA_LEN));
	}
	oracle_free(other);
	free(other);
}

/* Promise 4: from a page table that does not track, and back to it. */
TEST_F(dma, replace_untracked)
{
	struct rig *r = &self->rig;
	unsigned int round;

	MUST(rig_set(r, true));
	for (round = 0; round < 5; round++) {
		uint32_t plain;

		MUST(iommufd_hwpt_alloc(r->fd, r->nic.vfio.devid, r->ioas, 0,
					&plain));
		MUST(vfio_attach(&r->nic.vfio, plain));
		MUST(e1000e_write_pages(&r->nic, RIG_IOVA, PAGE, 50, round));
		OK(rig_get(r, RIG_IOVA, AREA_LEN));
		MUST(vfio_attach(&r->nic.vfio, r->hwpt));
		MUST(rig_write_pages(r, RIG_IOVA, 2 * PAGE, 50));
		OK(rig_get(r, RIG_IOVA, AREA_LEN));
		MUST(iommufd_destroy(r->fd, plain));
	}
}

/*
 * Promise 1: four devices behind one page table.  Each caches translations of
 * its own, and one invalidation must reach them all.
 */
TEST_F_TIMEOUT(dma, several_devices, SLOW)
{
	struct rig *r = &self->rig;
	const uint64_t shared = RIG_IOVA + 5 * PAGE;
	unsigned int round, nth;

	for (nth = 0; nth < RIG_EDUS; nth++)
		MUST(rig_add_edu(r, nth));
	MUST(rig_set(r, true));
	for (round = 0; round < 4; round++) {
		/* All on one page, then each on its own */
		for (nth = 0; nth < RIG_EDUS; nth++) {
			MUST(rig_edu_write(r, nth, shared, 8));
			OK(rig_get(r, RIG_IOVA, AREA_LEN));
		}
		MUST(rig_write(r, shared, 60));
		OK(rig_get(r, RIG_IOVA, AREA_LEN));
		for (nth = 0; nth < RIG_EDUS; nth++)
			MUST(rig_edu_write(r, nth, RIG_IOVA + nth * 8 * STRIP,
					   8));
		MUST(rig_write(r, RIG_IOVA + 17 * STRIP, 60));
		OK(rig_get(r, RIG_IOVA, AREA_LEN));
	}
	/* One leaves; the others stay tracked. */
	MUST(vfio_detach(&r->edu[0].vfio));
	MUST(rig_edu_write(r, 1, shared, 8));
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
	MUST(rig_write(r, shared, 60));
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
}
