// SPDX-License-Identifier: GPL-2.0-only
/* Ranges, holes, granules and windows: promises 1, 3 and 8. */

/* What one page of bitmap stands for, at 4 KiB a bit: a window's length */
#define BITMAP_PAGE	(128 * SZ_1M)

/* Promise 3: a hole inside the range, at its begin, at its end. */
TEST_F(rig, holes)
{
	static const uint8_t prefill[] = { 0, 0xff, 0x5a };
	struct rig *r = &self->rig;
	struct oracle_req req = {
		.iova = RIG_IOVA,
		.length = 16 * SZ_1M,
		.page_size = SZ_4K,
	};
	unsigned int i;

	ASSERT_NE(NULL, rig_map(r, RIG_IOVA + SZ_1M, SZ_1M, SZ_4K));
	ASSERT_NE(NULL, rig_map(r, RIG_IOVA + 7 * SZ_1M, SZ_2M, SZ_4K));
	MUST(rig_set(r, true));
	for (i = 0; i < ARRAY_SIZE(prefill); i++) {
		req.prefill = prefill[i];
		MUST(rig_write_pages(r, RIG_IOVA + SZ_1M, 5 * SZ_4K, 51));
		MUST(rig_write_pages(r, RIG_IOVA + 7 * SZ_1M, SZ_4K, 512));
		OK(oracle_ask(&r->oracle, &req));
		OK(oracle_ask(&r->oracle, &req));
	}
}

/* Promise 3: nothing is mapped there at all. */
TEST_F(rig, only_a_hole)
{
	struct oracle_req req = {
		.iova = RIG_IOVA + SZ_1G,
		.length = SZ_1G,
		.page_size = SZ_4K,
		.prefill = 0xa5,
	};
	struct rig *r = &self->rig;

	MUST(rig_set(r, true));
	OK(oracle_ask(&r->oracle, &req));
	ASSERT_NE(NULL, rig_map(r, RIG_IOVA, SZ_1M, SZ_4K));
	MUST(rig_write(r, RIG_IOVA, 60));
	OK(oracle_ask(&r->oracle, &req));
	OK(rig_get(r, RIG_IOVA, SZ_1M));
}

/* Promise 3: almost nothing but hole, from address 0; and the last page of all. */
TEST_F(rig, vast_ranges)
{
	struct rig *r = &self->rig;
	unsigned int round;

	ASSERT_NE(NULL, rig_map(r, RIG_IOVA + 3 * SZ_1G, SZ_1M, SZ_4K));
	MUST(rig_set(r, true));
	for (round = 0; round < 3; round++) {
		MUST(rig_write(r, RIG_IOVA + 3 * SZ_1G + round * SZ_4K, 60));
		OK(oracle_get(&r->oracle, 0, RIG_NIC_IOVA, SZ_1G, NO_CLEAR));
		OK(oracle_get(&r->oracle, 0, RIG_NIC_IOVA, SZ_2M, 0));
		OK(oracle_get(&r->oracle, 0, RIG_NIC_IOVA, SZ_1G, 0));
	}
	OK(rig_get(r, -SZ_4K, SZ_4K));
}

/* Promise 3: areas that begin and end inside one word of the bitmap. */
TEST_F(rig, areas_inside_a_word)
{
	static const struct {
		unsigned int page, nr;
	} area[] = { { 3, 2 }, { 7, 1 }, { 60, 8 }, { 127, 1 }, { 130, 61 } };
	struct oracle_req req = {
		.iova = RIG_IOVA,
		.length = 256 * SZ_4K,
		.page_size = SZ_4K,
		.prefill = 0x24,
	};
	struct rig *r = &self->rig;
	unsigned int i;

	MUST(rig_set(r, true));
	for (i = 0; i < ARRAY_SIZE(area); i++)
		ASSERT_NE(NULL, rig_map(r, RIG_IOVA + area[i].page * SZ_4K,
					area[i].nr * SZ_4K, SZ_4K));
	OK(oracle_ask(&r->oracle, &req));
	for (i = 0; i < ARRAY_SIZE(area); i++) {
		MUST(rig_write_pages(r, RIG_IOVA + area[i].page * SZ_4K, SZ_4K,
				     area[i].nr));
		OK(oracle_ask(&r->oracle, &req));
	}
	for (i = 0; i < ARRAY_SIZE(area); i++)
		MUST(rig_write_pages(r, RIG_IOVA + area[i].page * SZ_4K, SZ_4K,
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
		ASSERT_NE(NULL, rig_map(r, RIG_IOVA + i * SZ_4K, SZ_4K, SZ_4K));
	MUST(rig_set(r, true));
	MUST(rig_write_pages(r, RIG_IOVA, SZ_4K, 300));
	OK(rig_get(r, RIG_IOVA, 300 * SZ_4K));
	MUST(rig_write(r, RIG_IOVA + 1000, 4000));
	MUST(rig_write_pages(r, RIG_IOVA + SZ_4K, 7 * SZ_4K, 40));
	OK(rig_get(r, RIG_IOVA, 300 * SZ_4K));
	OK(rig_get(r, RIG_IOVA, 300 * SZ_4K));
}

/* Promise 9: a write that is refused writes nothing, and dirties nothing. */
TEST_F(rig, read_only_area)
{
	const uint64_t ro = RIG_IOVA + SZ_1M;
	struct rig *r = &self->rig;
	uint8_t *mem = mem_alloc(SZ_1M, SZ_4K);
	unsigned int round;

	ASSERT_NE(NULL, mem);
	ASSERT_NE(NULL, rig_map(r, RIG_IOVA, SZ_1M, SZ_4K));
	MUST(iommufd_map_ro(r->fd, r->ioas, mem, ro, SZ_1M));
	MUST(rig_add_edu(r, 0));
	MUST(rig_set(r, true));
	for (round = 0; round < 3; round++) {
		MUST(edu_read(&r->edu[0], ro, 4096, 0));
		/* Not through the rig: the oracle is not to expect it. */
		MUST(e1000e_write_pages(&r->nic, ro + SZ_4K, SZ_4K, 2, 1));
		EXPECT_EQ(0, mem[SZ_4K]);
		OK(rig_get(r, RIG_IOVA, 2 * SZ_1M));
		MUST(rig_write_pages(r, RIG_IOVA, 3 * SZ_4K, 20));
		OK(rig_get(r, RIG_IOVA, 2 * SZ_1M));
	}
	mem_free(mem, SZ_1M);
}

/* Promise 3: bitmap memory under holes need not even exist. */
TEST_F(rig, no_bitmap_under_holes)
{
	const size_t page = SZ_4K;
	struct rig *r = &self->rig;
	struct oracle_req req = {
		.iova = RIG_IOVA,
		.length = 4 * BITMAP_PAGE,
		.page_size = SZ_4K,
	};
	unsigned int round;
	uint8_t *map, want[64] = { 0 };

	/* Dirty in the first and the last page of the bitmap only */
	ASSERT_NE(NULL, rig_map(r, RIG_IOVA + SZ_1M, SZ_1M, SZ_4K));
	ASSERT_NE(NULL, rig_map(r, RIG_IOVA + 3 * BITMAP_PAGE, SZ_1M, SZ_4K));
	MUST(rig_set(r, true));
	map = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, map);
	MUST(mprotect(map + page, page, PROT_READ));
	MUST(munmap(map + 2 * page, page));

	for (round = 0; round < 3; round++) {
		MUST(rig_write_pages(r, RIG_IOVA + SZ_1M, 3 * SZ_4K, 80));
		MUST(rig_write_pages(r, RIG_IOVA + 3 * BITMAP_PAGE, SZ_4K, 9));
		memset(map, 0, page);
		memset(map + 3 * page, 0, page);
		EXPECT_EQ(0, iommufd_get_dirty(r->fd, r->hwpt, 0, req.iova,
					       req.length, SZ_4K, map));
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
	static const uint64_t size[] = { SZ_4K, SZ_16K, SZ_64K, SZ_2M };
	struct rig *r = &self->rig;
	unsigned int i, round;

	MUST(rig_set(r, true));
	for (round = 0; round < 3; round++) {
		for (i = 0; i < ARRAY_SIZE(size); i++) {
			MUST(rig_write_pages(r, RIG_IOVA + (3 + i) * SZ_4K,
					     (511 - i) * SZ_4K, 18));
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
		.length = 16 * SZ_2M,
		.page_size = SZ_2M,
	};
	unsigned int i;

	for (i = 0; i < 8; i++)
		ASSERT_NE(NULL, rig_map(r, RIG_IOVA + i * 2 * SZ_2M +
					i * 3 * SZ_4K, 3 * SZ_4K, SZ_4K));
	MUST(rig_set(r, true));
	for (i = 0; i < 8; i++) {
		MUST(rig_write(r, RIG_IOVA + i * 2 * SZ_2M + i * 3 * SZ_4K +
			       2 * SZ_4K, 60));
		OK(oracle_ask(&r->oracle, &req));
	}
	OK(rig_get(r, RIG_IOVA, 16 * SZ_2M));
}

/* Promise 3: bit 0 is the request's iova, wherever that is. */
TEST_F(rig, ranges_that_begin_anywhere)
{
	static const unsigned int first[] = { 1, 7, 8, 31, 33, 63, 64, 65, 511,
					      513, 1000 };
	static const unsigned int nr[] = { 1, 2, 63, 64, 65, 127, 129, 1024 };
	struct rig *r = &self->rig;
	struct oracle_req req = { .page_size = SZ_4K };
	unsigned int i, j;

	ASSERT_NE(NULL, rig_map(r, RIG_IOVA, 2100 * SZ_4K, SZ_4K));
	MUST(rig_set(r, true));
	MUST(rig_write_pages(r, RIG_IOVA, SZ_4K, 2100));
	for (i = 0; i < ARRAY_SIZE(first); i++) {
		for (j = 0; j < ARRAY_SIZE(nr); j++) {
			req.iova = RIG_IOVA + first[i] * SZ_4K;
			req.length = nr[j] * SZ_4K;
			req.prefill = j & 1 ? 0x81 : 0;
			OK(oracle_ask(&r->oracle, &req));
			MUST(rig_write_pages(r, req.iova, 3 * SZ_4K,
					     (nr[j] + 2) / 3));
		}
	}
	OK(rig_get(r, RIG_IOVA, 2100 * SZ_4K));
	OK(rig_get(r, RIG_IOVA, 2100 * SZ_4K));
}

/* Promise 3: bits are ORed, those of clean pages stay as they are. */
TEST_F(dma, bits_are_ored)
{
	static const uint8_t prefill[] = { 0xff, 0x55, 0x80, 0x01 };
	struct oracle_req req = {
		.iova = RIG_IOVA,
		.length = AREA_LEN,
		.page_size = SZ_4K,
	};
	struct rig *r = &self->rig;
	unsigned int i;

	MUST(rig_set(r, true));
	for (i = 0; i < ARRAY_SIZE(prefill); i++) {
		req.prefill = prefill[i];
		MUST(rig_write_pages(r, RIG_IOVA + i * SZ_4K, 29 * SZ_4K, 300));
		OK(oracle_ask(&r->oracle, &req));
		OK(oracle_ask(&r->oracle, &req));
	}
}

/* Promise 8: areas across the edges of windows, and whole windows of holes. */
TEST_F_TIMEOUT(rig, many_windows, SLOW)
{
	static const uint64_t edge[] = { BITMAP_PAGE, 3 * BITMAP_PAGE, SZ_1G,
					 2 * SZ_1G, 2 * SZ_1G + BITMAP_PAGE };
	static const uint64_t size[] = { SZ_4K, SZ_64K, SZ_2M };
	const uint64_t length = 2 * SZ_1G + 512 * SZ_1M;
	struct rig *r = &self->rig;
	unsigned int i, j;

	MUST(rig_set(r, true));
	for (i = 0; i < ARRAY_SIZE(edge); i++)
		ASSERT_NE(NULL, rig_map(r, RIG_IOVA + edge[i] - SZ_1M,
					2 * SZ_1M, SZ_4K));
	for (j = 0; j < ARRAY_SIZE(size); j++) {
		for (i = 0; i < ARRAY_SIZE(edge); i++) {
			uint64_t iova = RIG_IOVA + edge[i];

			MUST(rig_write(r, iova - 2000, 4000));
			MUST(rig_write(r, iova - SZ_1M, 60));
			MUST(rig_write(r, iova + SZ_1M - 60, 60));
		}
		OK(oracle_get(&r->oracle, RIG_IOVA, length, size[j], NO_CLEAR));
		OK(oracle_get(&r->oracle, RIG_IOVA, length, size[j], 0));
		OK(oracle_get(&r->oracle, RIG_IOVA, length, size[j], 0));
	}
}

/* Promises 1, 8: more than a window without a hole, all of one memory. */
TEST_F_TIMEOUT(rig, contiguous_windows, SLOW)
{
	const uint64_t part = 16 * SZ_1M, nr = 20;
	struct rig *r = &self->rig;
	unsigned int i, round;
	void *mem;

	mem = mem_alloc(part, SZ_4K);
	ASSERT_NE(NULL, mem);
	/* Not aligned to a window: 300 MiB from 120 MiB on */
	for (i = 0; i < nr; i++)
		MUST(rig_map_at(r, mem, RIG_IOVA + 120 * SZ_1M + i * part, part,
				SZ_4K));
	MUST(rig_set(r, true));
	for (round = 0; round < 3; round++) {
		MUST(rig_write_pages(r, RIG_IOVA + 120 * SZ_1M + round * SZ_4K,
				     97 * SZ_4K, 840));
		MUST(rig_write(r, RIG_IOVA + BITMAP_PAGE - 100, 200));
		MUST(rig_write(r, RIG_IOVA + 3 * BITMAP_PAGE - 100, 200));
		OK(rig_get(r, RIG_IOVA + 120 * SZ_1M, nr * part));
	}
	OK(rig_get(r, RIG_IOVA + 120 * SZ_1M, nr * part));
	mem_free(mem, part);
}
