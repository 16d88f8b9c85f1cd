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

/* What is reported of an area that goes while a device writes to it */
struct unmap_race {
	struct rig *rig;
	uint8_t got[UNMAP_BYTES];
	uint8_t map[UNMAP_BYTES];
};

static int race_get(void *arg)
{
	struct unmap_race *race = arg;
	struct rig *r = race->rig;

	return iommufd_get_dirty(r->fd, r->hwpt, 0, RIG_IOVA, AREA_LEN, PAGE,
				 race->got);
}

static int race_unmap(void *arg)
{
	struct unmap_race *race = arg;

	return unmap_area(race->rig, race->map);
}

static bool race_reported(void *arg, size_t page)
{
	const struct unmap_race *race = arg;

	return (race->got[page / 8] | race->map[page / 8]) & 1 << page % 8;
}

/*
 * A device writes on and on while the area goes.  Whatever has changed in memory
 * is in a report, also what changed at the last moment, and nothing else is; and
 * nothing changes once the area is gone.  Some of it is reported by a GET before,
 * which splits leaves.
 */
TEST_F_TIMEOUT(dma, unmap_races_writes, SLOW)
{
	struct rig *r = &self->rig;
	struct unmap_race race = { .rig = r };
	struct burst b = {
		.rig = r,
		.iova = RIG_IOVA,
		.mem = self->mem,
		.pages = AREA_PAGES,
		.leaf = self->piece / PAGE,
		.seed = 7,
		.stamp = 1,
		.unmap = race_unmap,
		.reported = race_reported,
		.arg = &race,
	};
	unsigned int round;

	MUST(rig_set(r, true));
	for (round = 0; round < UNMAP_ROUNDS; round++) {
		memset(race.got, 0, sizeof(race.got));
		b.get = round % 3 == 2 ? race_get : NULL;
		EXPECT_EQ(0, burst_unmap(&b, 1 + round % 4)) {
			TH_LOG("in round %u", round);
		}
		oracle_unmap(&r->oracle, RIG_IOVA, AREA_LEN);
		MUST(rig_map_at(r, self->mem, RIG_IOVA, AREA_LEN, self->piece));
	}
}
