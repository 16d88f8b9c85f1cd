// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unmapping with a report: promise 1 for what will not be there for a later
 * GET.  What a device wrote is seen in memory here, where its stamps are.
 */
#define UNMAP_BYTES	(AREA_PAGES / 8)
#define UNMAP_ROUNDS	12

/* Into @map, which is zeroed; all of the fixture's area */
static int unmap_area(struct rig *r, uint8_t *map)
{
	uint64_t length = AREA_LEN;
	int rc;

	memset(map, 0, UNMAP_BYTES);
	rc = iommufd_unmap_dirty(r->fd, r->ioas, RIG_IOVA, &length, PAGE, map);
	return rc ? rc : length == AREA_LEN ? 0 : -ERANGE;
}

/* What was written before is reported, exactly, by either kind of device. */
TEST_F(dma, unmap_reports)
{
	struct oracle_req req = { RIG_IOVA, AREA_LEN, PAGE, 0, 0, 0 };
	struct rig *r = &self->rig;
	uint8_t map[UNMAP_BYTES];
	uint64_t length = AREA_LEN;

	MUST(rig_add_edu(r, 0));
	MUST(rig_add_edu(r, 1));
	MUST(rig_set(r, true));
	MUST(rig_write_pages(r, RIG_IOVA + 5 * PAGE, 301 * PAGE, 30));
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
	MUST(rig_write_pages(r, RIG_IOVA, 701 * PAGE, 14));
	MUST(rig_edu_write(r, 0, RIG_IOVA + 9999 * PAGE + 17, 3));
	MUST(rig_edu_write(r, 1, RIG_IOVA + 4095 * PAGE, 1));
	MUST(unmap_area(r, map));
	OK(oracle_compare(&r->oracle, &req, map));
	oracle_unmap(&r->oracle, RIG_IOVA, AREA_LEN);
	EXPECT_EQ(-ENOENT, iommufd_unmap_dirty(r->fd, r->ioas, RIG_IOVA,
					       &length, PAGE, map));
	EXPECT_EQ(0, length);

	/* What is mapped there next is clean, and is tracked. */
	MUST(rig_map_at(r, self->mem, RIG_IOVA, AREA_LEN, self->piece));
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
	MUST(rig_write_pages(r, RIG_IOVA, 701 * PAGE, 14));
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
}

static bool is_reported(const uint8_t *map, unsigned int page)
{
	return map[page / 8] & 1 << page % 8;
}

/*
 * A device writes on and on while the area goes.  Whatever has changed in memory
 * is in a report, also what changed at the last moment, and nothing else is.
 * Some of it is reported by a GET before, which splits leaves.
 */
TEST_F_TIMEOUT(dma, unmap_races_writes, SLOW)
{
	struct rig *r = &self->rig;
	struct burst b = {
		.rig = r,
		.iova = RIG_IOVA,
		.pages = AREA_PAGES,
		.seed = 7,
		.stamp = 1,
	};
	unsigned int leaf = self->piece / PAGE, round, i, refused = 0;
	static uint8_t map[UNMAP_BYTES], got[UNMAP_BYTES];
	const bool late = burst_late();

	MUST(rig_set(r, true));
	for (round = 0; round < UNMAP_ROUNDS; round++) {
		unsigned int lost = 0, invented = 0, pages = 0;

		for (i = 0; i < AREA_PAGES; i++)
			memset(self->mem + i * PAGE, 0, E1000E_MIN_LEN);
		memset(got, 0, sizeof(got));
		MUST(burst_begin(&b));
		burst_wait(&b, 1 + round % 4);
		if (round % 3 == 2)
			MUST(iommufd_get_dirty(r->fd, r->hwpt, 0, RIG_IOVA,
					       AREA_LEN, PAGE, got));
		if (late)
			MUST(burst_end(&b));
		MUST(unmap_area(r, map));
		if (late)
			MUST(burst_begin(&b));
		burst_wait(&b, 3);
		MUST(burst_end(&b));

		for (i = 0; i < AREA_PAGES; i++) {
			bool reported = is_reported(map, i) ||
					is_reported(got, i);

			pages += burst_written(self->mem, i);
			if (burst_written(self->mem, i) && !reported && !lost++)
				TH_LOG("round %u: page %u is lost", round, i);
			if (reported &&
			    !burst_leaf_written(self->mem, AREA_PAGES, i,
						leaf) && !invented++)
				TH_LOG("round %u: page %u is invented", round,
				       i);
		}
		EXPECT_EQ(0, lost);
		EXPECT_EQ(0, invented);
		EXPECT_LT(0, pages);
		refused += pages < b.bursts * BURST_WRITES;
		oracle_unmap(&r->oracle, RIG_IOVA, AREA_LEN);
		MUST(rig_map_at(r, self->mem, RIG_IOVA, AREA_LEN, self->piece));
	}
	/* The device went on when it could not write any more. */
	EXPECT_LT(0, refused);
}
