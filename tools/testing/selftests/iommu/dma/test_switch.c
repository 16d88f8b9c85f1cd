// SPDX-License-Identifier: GPL-2.0-only
/* Tracking on and off: promises 4 and 9. */

/* Promise 4: without tracking there is no answer, and asking breaks nothing. */
TEST_F(dma, get_while_off)
{
	struct rig *r = &self->rig;
	uint8_t map[AREA_PAGES / 8] = { 0 }, zero[AREA_PAGES / 8] = { 0 };

	MUST(rig_write_pages(r, RIG_IOVA, PAGE, 200));
	EXPECT_EQ(-EINVAL, iommufd_get_dirty(r->fd, r->hwpt, 0, RIG_IOVA,
					     AREA_LEN, PAGE, map));
	EXPECT_EQ(-EINVAL, iommufd_get_dirty(r->fd, r->hwpt, NO_CLEAR, RIG_IOVA,
					     AREA_LEN, PAGE, map));
	EXPECT_EQ(0, memcmp(map, zero, sizeof(map)));

	MUST(rig_set(r, true));
	MUST(rig_write_pages(r, RIG_IOVA, 3 * PAGE, 200));
	OK(rig_get(r, RIG_IOVA, AREA_LEN));

	MUST(rig_set(r, false));
	EXPECT_EQ(-EINVAL, iommufd_get_dirty(r->fd, r->hwpt, 0, RIG_IOVA,
					     AREA_LEN, PAGE, map));
	MUST(rig_set(r, true));
	MUST(rig_write_pages(r, RIG_IOVA, 5 * PAGE, 200));
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
}

/* Promise 4: what was written before SET(1) is not reported after it. */
TEST_F(dma, enable_is_a_clean_snapshot)
{
	struct rig *r = &self->rig;

	MUST(rig_write_pages(r, RIG_IOVA, PAGE, 1000));
	MUST(rig_set(r, true));
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
}

/* Promise 4: written before SET(1) and again after it: reported. */
TEST_F(dma, enable_with_cached_translations)
{
	struct rig *r = &self->rig;

	MUST(rig_write_pages(r, RIG_IOVA, PAGE, 300));
	MUST(rig_set(r, true));
	MUST(rig_write_pages(r, RIG_IOVA, PAGE, 300));
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
}

/* Promise 4: off and on again starts anew, however dirty the tables were. */
TEST_F(dma, off_and_on_again)
{
	struct rig *r = &self->rig;
	unsigned int round;

	for (round = 0; round < 10; round++) {
		MUST(rig_set(r, true));
		OK(rig_get(r, RIG_IOVA, AREA_LEN));
		MUST(rig_write_pages(r, RIG_IOVA, 7 * PAGE, 200));
		if (round & 1)
			OK(rig_get(r, RIG_IOVA, AREA_LEN));
		MUST(rig_write_pages(r, RIG_IOVA, 5 * PAGE, 200));
		MUST(rig_set(r, false));
		MUST(rig_write_pages(r, RIG_IOVA, 3 * PAGE, 200));
	}
	MUST(rig_set(r, true));
	MUST(rig_write_pages(r, RIG_IOVA, 5 * PAGE, 200));
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
}

/* Promise 4: a second SET(1) clears nothing. */
TEST_F(dma, set_on_twice)
{
	struct rig *r = &self->rig;

	MUST(rig_set(r, true));
	MUST(rig_write_pages(r, RIG_IOVA, 9 * PAGE, 500));
	MUST(rig_set(r, true));
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
	MUST(rig_write_pages(r, RIG_IOVA, 9 * PAGE, 500));
	MUST(rig_set(r, true));
	MUST(rig_set(r, true));
	MUST(rig_write_pages(r, RIG_IOVA, 11 * PAGE, 500));
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
}

/* Promise 4: SET(0) while off succeeds, and the next SET(1) works. */
TEST_F(dma, set_off_twice)
{
	struct rig *r = &self->rig;

	OK(rig_set(r, false));
	MUST(rig_set(r, true));
	MUST(rig_write(r, RIG_IOVA, 60));
	OK(rig_set(r, false));
	OK(rig_set(r, false));
	MUST(rig_set(r, true));
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
	MUST(rig_write(r, RIG_IOVA, 60));
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
}

/* Promise 9: a mapping that comes during tracking is clean, and is tracked. */
TEST_F(dma, fresh_mapping)
{
	const uint64_t iova = RIG_IOVA + AREA_LEN, length = 4 * STRIP;
	const uint64_t all = AREA_LEN + length;
	struct rig *r = &self->rig;
	unsigned int round;
	void *mem;

	mem = mem_alloc(length, self->piece);
	ASSERT_NE(NULL, mem);
	MUST(rig_set(r, true));
	for (round = 0; round < 5; round++) {
		/* Clean also where the last round left it dirty */
		MUST(rig_map_at(r, mem, iova, length, self->piece));
		OK(rig_get(r, RIG_IOVA, all));
		MUST(rig_write_pages(r, iova, 17 * PAGE, 100));
		OK(rig_get(r, RIG_IOVA, all));
		MUST(rig_write_pages(r, iova, 13 * PAGE, 100));
		MUST(rig_unmap(r, iova, length));
	}
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
	mem_free(mem, length, self->piece);
}

/* Promise 9: also a copy of a mapping that is dirty, at its new address. */
TEST_F(dma, copied_mapping)
{
	const uint64_t iova = RIG_IOVA + 512 * STRIP;
	struct rig *r = &self->rig;

	MUST(rig_set(r, true));
	MUST(rig_write_pages(r, RIG_IOVA, PAGE, 1000));
	MUST(iommufd_copy(r->fd, r->ioas, iova, r->ioas, RIG_IOVA, AREA_LEN));
	MUST(rig_expect_map(r, &r->oracle, iova, AREA_LEN,
			    self->piece));
	OK(rig_get(r, iova, AREA_LEN));
	MUST(rig_write_pages(r, iova, 3 * PAGE, 1000));
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
	OK(rig_get(r, iova, AREA_LEN));
}
