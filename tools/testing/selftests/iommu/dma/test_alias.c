// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device behind a bridge to conventional PCI: promise 4, aliases included.
 * Its requests carry an id of the bridge's, not its own, so whatever switches
 * tracking per device must do so for that id too.
 */

#define ALIAS_LEN	(64 * PAGE)
#define ALIAS_PAGE	(RIG_IOVA + 63 * PAGE)

FIXTURE(alias)
{
	struct rig rig;
	struct vfio_dev *dev;
};

FIXTURE_SETUP(alias)
{
	struct rig *r = &self->rig;

	MUST(rig_open(r));
	ASSERT_NE(NULL, rig_map(r, RIG_IOVA, ALIAS_LEN, PAGE));
	self->dev = &r->edu[RIG_EDU_BRIDGED].vfio;
	MUST(edu_open(&r->edu[RIG_EDU_BRIDGED], r->fd, RIG_EDU_BRIDGED));
	/* Another bus than the root's, and not the id that a bridge makes up */
	ASSERT_NE(0, strncmp(self->dev->bdf, "0000:00:", 8)) {
		TH_LOG("%s is behind no bridge", self->dev->bdf);
	}
	ASSERT_NE(0, strcmp(self->dev->bdf + 8, "00.0"));
}

FIXTURE_TEARDOWN(alias)
{
	rig_close(&self->rig);
}

/* What it writes is reported, and reported again. */
static void expect_bridged_tracked(struct __test_metadata *_metadata,
				   struct rig *r)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		MUST(rig_edu_write(r, RIG_EDU_BRIDGED, ALIAS_PAGE, 1));
		OK(rig_get(r, RIG_IOVA, ALIAS_LEN));
		OK(rig_get(r, RIG_IOVA, ALIAS_LEN));
	}
}

TEST_F(alias, attached_before_set)
{
	struct rig *r = &self->rig;

	MUST(vfio_attach(self->dev, r->hwpt));
	MUST(rig_edu_write(r, RIG_EDU_BRIDGED, ALIAS_PAGE, 1));
	MUST(rig_set(r, true));
	expect_bridged_tracked(_metadata, r);
}

TEST_F(alias, attached_after_set)
{
	struct rig *r = &self->rig;

	MUST(rig_set(r, true));
	MUST(vfio_attach(self->dev, r->hwpt));
	expect_bridged_tracked(_metadata, r);
}

/* Alone, without a device that is no alias of anything */
TEST_F(alias, the_only_device)
{
	struct rig *r = &self->rig;

	MUST(vfio_detach(&r->nic.vfio));
	MUST(vfio_attach(self->dev, r->hwpt));
	MUST(rig_set(r, true));
	expect_bridged_tracked(_metadata, r);
	MUST(rig_set(r, false));
	MUST(rig_edu_write(r, RIG_EDU_BRIDGED, ALIAS_PAGE, 1));
	MUST(rig_set(r, true));
	expect_bridged_tracked(_metadata, r);
}

/* Beside others, that come before and after it, on one page */
TEST_F(alias, among_others)
{
	struct rig *r = &self->rig;
	unsigned int nth;

	MUST(rig_add_edu(r, 0));
	MUST(rig_add_edu(r, RIG_EDU_GROUP));
	MUST(vfio_attach(self->dev, r->hwpt));
	MUST(rig_set(r, true));
	MUST(rig_add_edu(r, RIG_EDU_GROUP + 1));
	MUST(rig_add_edu(r, 1));
	expect_bridged_tracked(_metadata, r);
	for (nth = 0; nth < RIG_EDUS; nth++) {
		MUST(rig_edu_write(r, nth, ALIAS_PAGE, 1));
		OK(rig_get(r, RIG_IOVA, ALIAS_LEN));
	}
	MUST(rig_write(r, ALIAS_PAGE, 60));
	OK(rig_get(r, RIG_IOVA, ALIAS_LEN));
	expect_bridged_tracked(_metadata, r);
}

/* Promise 1: dirt outlives the attachment that made it. */
TEST_F(alias, detached_and_attached)
{
	struct rig *r = &self->rig;
	unsigned int round;

	MUST(rig_set(r, true));
	for (round = 0; round < 3; round++) {
		MUST(vfio_attach(self->dev, r->hwpt));
		expect_bridged_tracked(_metadata, r);
		MUST(rig_edu_write(r, RIG_EDU_BRIDGED, ALIAS_PAGE - PAGE, 1));
		MUST(vfio_detach(self->dev));
		OK(rig_get(r, RIG_IOVA, ALIAS_LEN));
	}
	MUST(rig_set(r, false));
	MUST(rig_set(r, true));
	MUST(vfio_attach(self->dev, r->hwpt));
	expect_bridged_tracked(_metadata, r);
}

/* From a page table that does not track */
TEST_F(alias, replaced)
{
	struct rig *r = &self->rig;
	uint32_t plain;

	MUST(iommufd_hwpt_alloc(r->fd, self->dev->devid, r->ioas, 0, &plain));
	MUST(vfio_attach(self->dev, plain));
	MUST(rig_set(r, true));
	MUST(edu_write(&r->edu[RIG_EDU_BRIDGED], ALIAS_PAGE, 1, 0));
	OK(rig_get(r, RIG_IOVA, ALIAS_LEN));
	MUST(vfio_attach(self->dev, r->hwpt));
	expect_bridged_tracked(_metadata, r);
}
