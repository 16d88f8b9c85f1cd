// SPDX-License-Identifier: GPL-2.0-only
/*
 * Large leaves and requests that cut them: promise 8.  A leaf is cleared only
 * by a GET that covers all of it; one that covers a part reports the part, and
 * writes not one bit behind the bitmap that it was given.
 *
 * Small leaves pass through the same tests, and are never cut.
 */

/* The oracle's claim about its own leaves: one byte dirties one, and only one. */
TEST_F(dma, one_write_one_leaf)
{
	const uint64_t pages = self->piece / PAGE;
	uint8_t map[AREA_PAGES / 8] = { 0 };
	struct rig *r = &self->rig;
	uint64_t i, dirty = 0;

	MUST(rig_set(r, true));
	MUST(rig_write(r, RIG_IOVA + 3 * STRIP, 60));
	MUST(iommufd_get_dirty(r->fd, r->hwpt, 0, RIG_IOVA, AREA_LEN, PAGE,
			       map));
	for (i = 0; i < AREA_PAGES; i++)
		dirty += !!(map[i / 8] & 1 << i % 8);
	EXPECT_EQ(pages, dirty);
}

/* First one half, then the other, then the whole: reported all three times. */
TEST_F(dma, halves_of_a_leaf)
{
	const uint64_t leaf = RIG_IOVA + 2 * STRIP;
	struct rig *r = &self->rig;
	unsigned int round;

	MUST(rig_set(r, true));
	for (round = 0; round < 4; round++) {
		MUST(rig_write(r, leaf + (round & 1 ? HALF_STRIP + 5 : 7),
			       60));
		OK(rig_get(r, leaf, HALF_STRIP));
		OK(rig_get(r, leaf + HALF_STRIP, HALF_STRIP));
		OK(rig_get(r, leaf, STRIP));
		OK(rig_get(r, leaf, STRIP));
	}
}

/* A GET that ends inside a leaf, with dirt on both sides of the end. */
TEST_F(dma, range_ends_inside_a_leaf)
{
	static const unsigned int pages[] = { 1, 63, 64, 65, 256, 511 };
	struct rig *r = &self->rig;
	unsigned int i;

	MUST(rig_set(r, true));
	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		MUST(rig_write_pages(r, RIG_IOVA, HALF_STRIP, 8));
		OK(rig_get(r, RIG_IOVA, 2 * STRIP + pages[i] * PAGE));
		OK(rig_get(r, RIG_IOVA, AREA_LEN));
		OK(rig_get(r, RIG_IOVA, AREA_LEN));
	}
}

/* A GET that begins inside a leaf. */
TEST_F(dma, range_begins_inside_a_leaf)
{
	static const unsigned int page[] = { 1, 63, 64, 65, 256, 511 };
	struct rig *r = &self->rig;
	unsigned int i;

	MUST(rig_set(r, true));
	for (i = 0; i < ARRAY_SIZE(page); i++) {
		const uint64_t skip = 2 * STRIP + page[i] * PAGE;

		MUST(rig_write_pages(r, RIG_IOVA, HALF_STRIP, 8));
		OK(rig_get(r, RIG_IOVA + skip, AREA_LEN - skip));
		OK(rig_get(r, RIG_IOVA, AREA_LEN));
		OK(rig_get(r, RIG_IOVA, AREA_LEN));
	}
}

/* A GET of single pages inside a leaf: they are reported, each time anew. */
TEST_F(dma, single_pages_of_a_leaf)
{
	struct rig *r = &self->rig;
	struct oracle_req req = { .length = PAGE, .page_size = PAGE };
	unsigned int i;

	MUST(rig_set(r, true));
	MUST(rig_write(r, RIG_IOVA + STRIP + 300 * PAGE, 60));
	for (i = 0; i < 512; i += 37) {
		req.iova = RIG_IOVA + STRIP + i * PAGE;
		req.prefill = i & 1 ? 0x40 : 0;
		OK(oracle_ask(&r->oracle, &req));
	}
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
}

/* Part of a leaf at a coarser bit, and with NO_CLEAR. */
TEST_F(dma, parts_of_a_leaf_at_other_granules)
{
	struct rig *r = &self->rig;
	struct oracle *o = &r->oracle;
	unsigned int round;

	MUST(rig_set(r, true));
	for (round = 0; round < 3; round++) {
		MUST(rig_write_pages(r, RIG_IOVA + 3 * PAGE, HALF_STRIP, 8));
		OK(oracle_get(o, RIG_IOVA, 3 * HALF_STRIP, 16 * PAGE,
			      NO_CLEAR));
		OK(oracle_get(o, RIG_IOVA + 16 * PAGE, 3 * HALF_STRIP,
			      16 * PAGE, 0));
		OK(oracle_get(o, RIG_IOVA + 4 * PAGE, HALF_STRIP, 4 * PAGE, 0));
		OK(oracle_get(o, RIG_IOVA, AREA_LEN, STRIP, 0));
		OK(rig_get(r, RIG_IOVA, AREA_LEN));
	}
}

/* A leaf that stayed dirty is reported even if nobody writes it again. */
TEST_F(dma, cut_leaf_written_again)
{
	const uint64_t leaf = RIG_IOVA + 4 * STRIP;
	struct rig *r = &self->rig;
	unsigned int round;

	MUST(rig_set(r, true));
	for (round = 0; round < 20; round++) {
		MUST(rig_write(r, leaf + round * PAGE, 60));
		OK(rig_get(r, leaf + 16 * PAGE, HALF_STRIP));
		MUST(rig_write(r, leaf + HALF_STRIP + round * PAGE, 60));
		OK(rig_get(r, leaf + 16 * PAGE, STRIP));
		if (round % 3 == 0)
			OK(rig_get(r, leaf, STRIP));
	}
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
}
