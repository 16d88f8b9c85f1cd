// SPDX-License-Identifier: GPL-2.0-only
/* Writes of every shape, each reported once and nothing else: promises 1, 9. */

/* Promise 9: what nobody wrote is clean, the first time and the second. */
TEST_F(dma, nothing_written)
{
	struct rig *r = &self->rig;

	MUST(rig_set(r, true));
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
}

/* Promises 1, 9: one byte, at the edges of pages and of bitmap words. */
TEST_F_TIMEOUT(dma, single_bytes, SLOW)
{
	static const uint64_t page[] = { 0, 63, 64, 511, 512, 9999,
					 AREA_PAGES - 1 };
	struct rig *r = &self->rig;
	unsigned int i;

	MUST(rig_add_edu(r, 0));
	MUST(rig_set(r, true));
	for (i = 0; i < ARRAY_SIZE(page); i++) {
		uint64_t iova = RIG_IOVA + page[i] * PAGE;

		MUST(rig_edu_write(r, 0, iova, 1));
		OK(rig_get(r, RIG_IOVA, AREA_LEN));
		MUST(rig_edu_write(r, 0, iova + PAGE - 1, 1));
		OK(rig_get(r, RIG_IOVA, AREA_LEN));
	}
}

/* Promise 1: two bytes on two pages; the last of a leaf, the first of another. */
TEST_F(dma, two_bytes_on_two_pages)
{
	static const uint64_t page[] = { 1, 64, 512, 4096 };
	struct rig *r = &self->rig;
	unsigned int i;

	MUST(rig_add_edu(r, 0));
	MUST(rig_set(r, true));
	for (i = 0; i < ARRAY_SIZE(page); i++) {
		MUST(rig_edu_write(r, 0, RIG_IOVA + page[i] * PAGE - 1, 2));
		OK(rig_get(r, RIG_IOVA, AREA_LEN));
	}
}

/* Promise 1: pages at the edges of words, halves of tables, tables. */
TEST_F(dma, word_edges)
{
	static const uint64_t page[] = { 0, 1, 7, 8, 31, 32, 62, 63, 64, 65,
					 127, 128, 510, 511, 512, 513, 1023,
					 9998, 9999, 10000, AREA_PAGES - 2,
					 AREA_PAGES - 1 };
	struct rig *r = &self->rig;
	unsigned int i;

	MUST(rig_set(r, true));
	for (i = 0; i < ARRAY_SIZE(page); i++) {
		MUST(rig_write(r, RIG_IOVA + page[i] * PAGE, 64));
		OK(rig_get(r, RIG_IOVA, AREA_LEN));
	}
	for (i = 0; i < ARRAY_SIZE(page); i++)
		MUST(rig_write(r, RIG_IOVA + page[i] * PAGE, 64));
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
}

/* Promise 1: every length and alignment, across pages and leaves. */
TEST_F(dma, straddling_writes)
{
	struct e1000e_write w[64];
	struct rig *r = &self->rig;
	uint64_t seed = 0x5eed, span;
	unsigned int round, i;

	MUST(rig_set(r, true));
	for (round = 0; round < 60; round++) {
		for (i = 0; i < ARRAY_SIZE(w); i++) {
			w[i].len = E1000E_MIN_LEN + rnd(&seed) %
				   (E1000E_MAX_LEN - E1000E_MIN_LEN + 1);
			span = round & 1 ? AREA_LEN : 8 * STRIP;
			w[i].iova = RIG_IOVA + rnd(&seed) % (span - w[i].len);
		}
		/* And one that ends with the area */
		w[0].iova = RIG_IOVA + AREA_LEN - w[0].len;
		MUST(rig_write_many(r, w, 1 + rnd(&seed) % ARRAY_SIZE(w)));
		OK(rig_get(r, RIG_IOVA, AREA_LEN));
	}
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
}

/* Promise 1: all of them at once; every second; every third. */
TEST_F(dma, every_page)
{
	struct rig *r = &self->rig;
	unsigned int step;

	MUST(rig_set(r, true));
	for (step = 1; step <= 3; step++) {
		MUST(rig_write_pages(r, RIG_IOVA, step * PAGE,
				     AREA_PAGES / step));
		OK(rig_get(r, RIG_IOVA, AREA_LEN));
		OK(rig_get(r, RIG_IOVA, AREA_LEN));
	}
}

/*
 * Promise 1: the translation of a page that was just reported is still cached,
 * with its Dirty bit.  If the clear is not followed by an invalidation the next
 * write does not reach the page table.
 */
TEST_F(dma, written_again_after_get)
{
	struct rig *r = &self->rig;
	unsigned int round;

	MUST(rig_set(r, true));
	for (round = 0; round < 100; round++) {
		uint64_t first = (round * 37 % 64) * PAGE;

		MUST(rig_write_pages(r, RIG_IOVA + first, 65 * PAGE, 128));
		OK(rig_get(r, RIG_IOVA, AREA_LEN));
	}
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
}

/* Promise 1: the same, one page, one write, one GET. */
TEST_F(dma, one_page_again_and_again)
{
	struct rig *r = &self->rig;
	unsigned int round;

	MUST(rig_set(r, true));
	for (round = 0; round < 300; round++) {
		MUST(rig_write(r, RIG_IOVA + 63 * PAGE + round, 60));
		OK(rig_get(r, RIG_IOVA, STRIP));
	}
}

/* Promise 1: written many times in a row, reported once, every time. */
TEST_F(dma, hot_page)
{
	struct rig *r = &self->rig;
	unsigned int round;

	MUST(rig_set(r, true));
	for (round = 0; round < 20; round++) {
		MUST(rig_write_pages(r, RIG_IOVA + 9999 * PAGE, 0, 500));
		OK(rig_get(r, RIG_IOVA, AREA_LEN));
		OK(rig_get(r, RIG_IOVA, AREA_LEN));
	}
}

/*
 * Promise 1: nothing is lost for having other invalidations, of other leaves
 * and in other ranges, between the write and its report.
 */
TEST_F(dma, get_of_one_range_leaves_the_others)
{
	const uint64_t part = AREA_LEN / 4;
	struct rig *r = &self->rig;
	unsigned int round, i;

	MUST(rig_set(r, true));
	for (round = 0; round < 20; round++) {
		MUST(rig_write_pages(r, RIG_IOVA + round * PAGE, 100 * PAGE,
				     100));
		for (i = 0; i < 4; i++) {
			uint64_t iova = RIG_IOVA + (i + round) % 4 * part;

			OK(rig_get(r, iova, part));
			OK(rig_get(r, iova, part));
		}
	}
}

/* Promise 9: a DMA read is no write; nor does one hide the write behind it. */
TEST_F(dma, reads_do_not_dirty)
{
	const uint64_t iova = RIG_IOVA + 64 * PAGE;
	struct rig *r = &self->rig;
	struct edu *edu = &r->edu[0];

	MUST(rig_add_edu(r, 0));
	MUST(rig_set(r, true));
	MUST(edu_read(edu, iova, 4096, 0));
	MUST(edu_read(edu, RIG_IOVA + 4095, 2, 0));
	OK(rig_get(r, RIG_IOVA, AREA_LEN));

	/* The translation that the read has cached is clean: this sets D. */
	MUST(rig_edu_write(r, 0, iova, 1));
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
	/* After the clear, a read brings it back, and it is clean. */
	MUST(edu_read(edu, iova, 4096, 0));
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
	MUST(rig_edu_write(r, 0, iova, 1));
	MUST(edu_read(edu, iova, 4096, 0));
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
}

/* Promise 7: NO_CLEAR reports and changes nothing. */
TEST_F(dma, no_clear)
{
	struct oracle_req req = {
		.iova = RIG_IOVA,
		.length = AREA_LEN,
		.page_size = PAGE,
		.flags = NO_CLEAR,
	};
	struct rig *r = &self->rig;

	MUST(rig_set(r, true));
	MUST(rig_write_pages(r, RIG_IOVA + PAGE, 63 * PAGE, 100));
	OK(oracle_ask(&r->oracle, &req));
	OK(oracle_ask(&r->oracle, &req));
	/* More writes to the same and to others in between */
	MUST(rig_write_pages(r, RIG_IOVA + PAGE, 62 * PAGE, 100));
	OK(oracle_ask(&r->oracle, &req));
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
	OK(oracle_ask(&r->oracle, &req));
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
	MUST(rig_write_pages(r, RIG_IOVA + PAGE, 63 * PAGE, 100));
	OK(oracle_ask(&r->oracle, &req));
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
}

/*
 * The machine itself: the bytes that arrive are the bytes that were sent, and
 * none lands beside them.  Without this the rest proves nothing.
 */
TEST_F(dma, writes_land_where_they_should)
{
	const struct e1000e_write w[] = {
		{ .iova = RIG_IOVA + 4090, .len = 60 },
		{ .iova = RIG_IOVA + STRIP - 1, .len = 61 },
		{ .iova = RIG_IOVA + STRIP + 8191, .len = 2000 },
		{ .iova = RIG_IOVA + AREA_LEN - 4000, .len = 4000 },
	};
	struct e1000e_write sent[ARRAY_SIZE(w)];
	uint8_t *want = calloc(AREA_LEN, 1);
	unsigned int i;

	ASSERT_NE(NULL, want);
	memset(self->mem, 0, AREA_LEN);
	memcpy(sent, w, sizeof(sent));
	MUST(rig_write_many(&self->rig, sent, ARRAY_SIZE(sent)));
	for (i = 0; i < ARRAY_SIZE(sent); i++)
		e1000e_frame(want + (sent[i].iova - RIG_IOVA), sent[i].len,
			     sent[i].stamp);
	EXPECT_EQ(0, memcmp(self->mem, want, AREA_LEN));
	free(want);
}
