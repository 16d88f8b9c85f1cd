// SPDX-License-Identifier: GPL-2.0-only
/* Ranges, holes, granules and windows: promises 1, 3 and 8. */

/* What a page of bitmap stands for, at a page a bit */
#define BITMAP_PAGE	(8 * PAGE * PAGE)

/* The length of a window, at a page a bit: as much, and at most 1 GiB */
static uint64_t window_length(void)
{
	uint64_t length = BITMAP_PAGE;

	return length < 1ULL << 30 ? length : 1ULL << 30;
}

/* Promise 3: a hole inside the range, at its begin, at its end. */
TEST_F(rig, holes)
{
	static const uint8_t prefill[] = { 0, 0xff, 0x5a };
	struct rig *r = &self->rig;
	struct oracle_req req = {
		.iova = RIG_IOVA,
		.length = 8 * STRIP,
		.page_size = PAGE,
	};
	unsigned int i;

	ASSERT_NE(NULL, rig_map(r, RIG_IOVA + HALF_STRIP, HALF_STRIP, PAGE));
	ASSERT_NE(NULL, rig_map(r, RIG_IOVA + 7 * HALF_STRIP, STRIP, PAGE));
	MUST(rig_set(r, true));
	for (i = 0; i < ARRAY_SIZE(prefill); i++) {
		req.prefill = prefill[i];
		MUST(rig_write_pages(r, RIG_IOVA + HALF_STRIP, 5 * PAGE, 51));
		MUST(rig_write_pages(r, RIG_IOVA + 7 * HALF_STRIP, PAGE, 512));
		OK(oracle_ask(&r->oracle, &req));
		OK(oracle_ask(&r->oracle, &req));
	}
}

/* Promise 3: nothing is mapped there at all. */
TEST_F(rig, only_a_hole)
{
	struct oracle_req req = {
		.iova = RIG_IOVA + 512 * STRIP,
		.length = 512 * STRIP,
		.page_size = PAGE,
		.prefill = 0xa5,
	};
	struct rig *r = &self->rig;

	MUST(rig_set(r, true));
	OK(oracle_ask(&r->oracle, &req));
	ASSERT_NE(NULL, rig_map(r, RIG_IOVA, HALF_STRIP, PAGE));
	MUST(rig_write(r, RIG_IOVA, 60));
	OK(oracle_ask(&r->oracle, &req));
	OK(rig_get(r, RIG_IOVA, HALF_STRIP));
}

/* Promise 3: almost nothing but hole, from address 0; and the last page of all. */
TEST_F(rig, vast_ranges)
{
	struct rig *r = &self->rig;
	unsigned int round;

	ASSERT_NE(NULL, rig_map(r, RIG_IOVA + 1536 * STRIP, HALF_STRIP,
				PAGE));
	MUST(rig_set(r, true));
	for (round = 0; round < 3; round++) {
		MUST(rig_write(r, RIG_IOVA + 1536 * STRIP + round * PAGE, 60));
		OK(oracle_get(&r->oracle, 0, RIG_NIC_IOVA, 512 * STRIP,
			      NO_CLEAR));
		OK(oracle_get(&r->oracle, 0, RIG_NIC_IOVA, STRIP, 0));
		OK(oracle_get(&r->oracle, 0, RIG_NIC_IOVA, 512 * STRIP, 0));
	}
	OK(rig_get(r, -PAGE, PAGE));
}

/* Promise 3: areas that begin and end inside one word of the bitmap. */
TEST_F(rig, areas_inside_a_word)
{
	static const struct {
		unsigned int page, nr;
	} area[] = { { 3, 2 }, { 7, 1 }, { 60, 8 }, { 127, 1 }, { 130, 61 } };
	struct oracle_req req = {
		.iova = RIG_IOVA,
		.length = 256 * PAGE,
		.page_size = PAGE,
		.prefill = 0x24,
	};
	struct rig *r = &self->rig;
	unsigned int i;

	MUST(rig_set(r, true));
	for (i = 0; i < ARRAY_SIZE(area); i++)
		ASSERT_NE(NULL, rig_map(r, RIG_IOVA + area[i].page * PAGE,
					area[i].nr * PAGE, PAGE));
	OK(oracle_ask(&r->oracle, &req));
	for (i = 0; i < ARRAY_SIZE(area); i++) {
		MUST(rig_write_pages(r, RIG_IOVA + area[i].page * PAGE, PAGE,
				     area[i].nr));
		OK(oracle_ask(&r->oracle, &req));
	}
	for (i = 0; i < ARRAY_SIZE(area); i++)
		MUST(rig_write_pages(r, RIG_IOVA + area[i].page * PAGE, PAGE,
				     area[i].nr));
	OK(oracle_ask(&r->oracle, &req));
	OK(oracle_ask(&r->oracle, &req));
}

/* Promise 3: areas that touch, as many as there are pages, without a hole. */
TEST_F(rig, adjacent_areas)
{
	struct rig *r = &self->rig;
	unsigned int i;

	for (i = 0; i < 300; i++)
		ASSERT_NE(NULL, rig_map(r, RIG_IOVA + i * PAGE, PAGE, PAGE));
	MUST(rig_set(r, true));
	MUST(rig_write_pages(r, RIG_IOVA, PAGE, 300));
	OK(rig_get(r, RIG_IOVA, 300 * PAGE));
	MUST(rig_write(r, RIG_IOVA + 1000, 4000));
	MUST(rig_write_pages(r, RIG_IOVA + PAGE, 7 * PAGE, 40));
	OK(rig_get(r, RIG_IOVA, 300 * PAGE));
	OK(rig_get(r, RIG_IOVA, 300 * PAGE));
}

/* Promise 9: a write that is refused writes nothing, and dirties nothing. */
TEST_F(rig, read_only_area)
{
	const uint64_t ro = RIG_IOVA + HALF_STRIP;
	struct rig *r = &self->rig;
	uint8_t *mem = mem_alloc(HALF_STRIP, PAGE);
	unsigned int round;

	ASSERT_NE(NULL, mem);
	ASSERT_NE(NULL, rig_map(r, RIG_IOVA, HALF_STRIP, PAGE));
	MUST(iommufd_map_ro(r->fd, r->ioas, mem, ro, HALF_STRIP));
	MUST(rig_add_edu(r, 0));
	MUST(rig_set(r, true));
	for (round = 0; round < 3; round++) {
		MUST(edu_read(&r->edu[0], ro, 4096, 0));
		/* Not through the rig: the oracle is not to expect it. */
		MUST(e1000e_write_pages(&r->nic, ro + PAGE, PAGE, 2, 1));
		EXPECT_EQ(0, mem[PAGE]);
		OK(rig_get(r, RIG_IOVA, STRIP));
		MUST(rig_write_pages(r, RIG_IOVA, 3 * PAGE, 20));
		OK(rig_get(r, RIG_IOVA, STRIP));
	}
	mem_free(mem, HALF_STRIP, PAGE);
}

/* Promise 3: bitmap memory under holes need not even exist. */
TEST_F(rig, no_bitmap_under_holes)
{
	const size_t page = PAGE;
	struct rig *r = &self->rig;
	struct oracle_req req = {
		.iova = RIG_IOVA,
		.length = 4 * BITMAP_PAGE,
		.page_size = PAGE,
	};
	unsigned int round;
	uint8_t *map, want[64] = { 0 };

	/* Dirty in the first and the last page of the bitmap only */
	ASSERT_NE(NULL, rig_map(r, RIG_IOVA + HALF_STRIP, HALF_STRIP, PAGE));
	ASSERT_NE(NULL, rig_map(r, RIG_IOVA + 3 * BITMAP_PAGE, HALF_STRIP,
				PAGE));
	MUST(rig_set(r, true));
	map = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, map);
	MUST(mprotect(map + page, page, PROT_READ));
	MUST(munmap(map + 2 * page, page));

	for (round = 0; round < 3; round++) {
		MUST(rig_write_pages(r, RIG_IOVA + HALF_STRIP, 3 * PAGE, 80));
		MUST(rig_write_pages(r, RIG_IOVA + 3 * BITMAP_PAGE, PAGE, 9));
		memset(map, 0, page);
		memset(map + 3 * page, 0, page);
		EXPECT_EQ(0, iommufd_get_dirty(r->fd, r->hwpt, 0, req.iova,
					       req.length, PAGE, map));
		/* Compare page by page, for there are pages missing. */
		req.length = BITMAP_PAGE;
		OK(oracle_compare(&r->oracle, &req, map));
		EXPECT_EQ(0, memcmp(map + page, want, sizeof(want)));
		req.iova = RIG_IOVA + 3 * BITMAP_PAGE;
		OK(oracle_compare(&r->oracle, &req, map + 3 * page));
		req.iova = RIG_IOVA;
		req.length = 4 * BITMAP_PAGE;
		oracle_covered(&r->oracle, req.iova, req.length);
	}
	munmap(map, 2 * page);
	munmap(map + 3 * page, page);
}

/* Promise 3: a bit stands for page_size bytes. */
TEST_F(dma, granules)
{
	const uint64_t size[] = { PAGE, 4 * PAGE, 16 * PAGE, STRIP };
	struct rig *r = &self->rig;
	unsigned int i, round;

	MUST(rig_set(r, true));
	for (round = 0; round < 3; round++) {
		for (i = 0; i < ARRAY_SIZE(size); i++) {
			MUST(rig_write_pages(r, RIG_IOVA + (3 + i) * PAGE,
					     (511 - i) * PAGE, 18));
			OK(oracle_get(&r->oracle, RIG_IOVA, AREA_LEN, size[i],
				      NO_CLEAR));
			OK(oracle_get(&r->oracle, RIG_IOVA, AREA_LEN, size[i],
				      0));
			OK(rig_get(r, RIG_IOVA, AREA_LEN));
		}
	}
}

/* Promise 3: a bit larger than an area, with holes under the same bit. */
TEST_F(rig, granule_larger_than_area)
{
	struct rig *r = &self->rig;
	struct oracle_req req = {
		.iova = RIG_IOVA,
		.length = 16 * STRIP,
		.page_size = STRIP,
	};
	unsigned int i;

	for (i = 0; i < 8; i++)
		ASSERT_NE(NULL, rig_map(r, RIG_IOVA + i * 2 * STRIP +
					i * 3 * PAGE, 3 * PAGE, PAGE));
	MUST(rig_set(r, true));
	for (i = 0; i < 8; i++) {
		MUST(rig_write(r, RIG_IOVA + i * 2 * STRIP + i * 3 * PAGE +
			       2 * PAGE, 60));
		OK(oracle_ask(&r->oracle, &req));
	}
	OK(rig_get(r, RIG_IOVA, 16 * STRIP));
}

/* Promise 3: bit 0 is the request's iova, wherever that is. */
TEST_F(rig, ranges_that_begin_anywhere)
{
	static const unsigned int first[] = { 1, 7, 8, 31, 33, 63, 64, 65, 511,
					      513, 1000 };
	static const unsigned int nr[] = { 1, 2, 63, 64, 65, 127, 129, 1024 };
	struct rig *r = &self->rig;
	struct oracle_req req = { .page_size = PAGE };
	unsigned int i, j;

	ASSERT_NE(NULL, rig_map(r, RIG_IOVA, 2100 * PAGE, PAGE));
	MUST(rig_set(r, true));
	MUST(rig_write_pages(r, RIG_IOVA, PAGE, 2100));
	for (i = 0; i < ARRAY_SIZE(first); i++) {
		for (j = 0; j < ARRAY_SIZE(nr); j++) {
			req.iova = RIG_IOVA + first[i] * PAGE;
			req.length = nr[j] * PAGE;
			req.prefill = j & 1 ? 0x81 : 0;
			OK(oracle_ask(&r->oracle, &req));
			MUST(rig_write_pages(r, req.iova, 3 * PAGE,
					     (nr[j] + 2) / 3));
		}
	}
	OK(rig_get(r, RIG_IOVA, 2100 * PAGE));
	OK(rig_get(r, RIG_IOVA, 2100 * PAGE));
}

/* Promise 3: bits are ORed, those of clean pages stay as they are. */
TEST_F(dma, bits_are_ored)
{
	static const uint8_t prefill[] = { 0xff, 0x55, 0x80, 0x01 };
	struct oracle_req req = {
		.iova = RIG_IOVA,
		.length = AREA_LEN,
		.page_size = PAGE,
	};
	struct rig *r = &self->rig;
	unsigned int i;

	MUST(rig_set(r, true));
	for (i = 0; i < ARRAY_SIZE(prefill); i++) {
		req.prefill = prefill[i];
		MUST(rig_write_pages(r, RIG_IOVA + i * PAGE, 29 * PAGE, 300));
		OK(oracle_ask(&r->oracle, &req));
		OK(oracle_ask(&r->oracle, &req));
	}
}

/* Promise 8: areas across the edges of windows, and whole windows of holes. */
TEST_F_TIMEOUT(rig, many_windows, SLOW)
{
	const uint64_t window = window_length();
	const uint64_t edge[] = { window, 3 * window, 8 * window, 16 * window,
				  17 * window };
	const uint64_t size[] = { PAGE, 16 * PAGE, STRIP };
	const uint64_t length = 20 * window;
	struct rig *r = &self->rig;
	unsigned int i, j;

	MUST(rig_set(r, true));
	for (i = 0; i < ARRAY_SIZE(edge); i++)
		ASSERT_NE(NULL, rig_map(r, RIG_IOVA + edge[i] - HALF_STRIP,
					STRIP, PAGE));
	for (j = 0; j < ARRAY_SIZE(size); j++) {
		for (i = 0; i < ARRAY_SIZE(edge); i++) {
			uint64_t iova = RIG_IOVA + edge[i];

			MUST(rig_write(r, iova - 2000, 4000));
			MUST(rig_write(r, iova - HALF_STRIP, 60));
			MUST(rig_write(r, iova + HALF_STRIP - 60, 60));
		}
		OK(oracle_get(&r->oracle, RIG_IOVA, length, size[j], NO_CLEAR));
		OK(oracle_get(&r->oracle, RIG_IOVA, length, size[j], 0));
		OK(oracle_get(&r->oracle, RIG_IOVA, length, size[j], 0));
	}
}

/* Promises 1, 8: more than a window without a hole, all of one memory. */
TEST_F_TIMEOUT(rig, contiguous_windows, SLOW)
{
	const uint64_t part = 8 * STRIP, nr = 20;
	const uint64_t window = window_length();
	const uint64_t first = RIG_IOVA + window - 4 * STRIP;
	struct rig *r = &self->rig;
	unsigned int i, round;
	void *mem;

	mem = mem_alloc(part, PAGE);
	ASSERT_NE(NULL, mem);
	/* Not aligned to a window */
	for (i = 0; i < nr; i++)
		MUST(rig_map_at(r, mem, first + i * part, part, PAGE));
	MUST(rig_set(r, true));
	for (round = 0; round < 3; round++) {
		MUST(rig_write_pages(r, first + round * PAGE, 97 * PAGE, 840));
		MUST(rig_write(r, RIG_IOVA + window - 100, 200));
		MUST(rig_write(r, RIG_IOVA + 3 * window - 100, 200));
		OK(rig_get(r, first, nr * part));
	}
	OK(rig_get(r, first, nr * part));
	mem_free(mem, part, PAGE);
}
