// SPDX-License-Identifier: GPL-2.0-only
/* UNMAP_DMA with a bitmap: what was written until it was gone, and nothing else */

/* Unmap with a bitmap, and compare every bit. */
static int t1_unmap(struct rig *r, uint64_t iova, uint64_t length,
		    uint64_t mapped)
{
	struct type1_unmap unmap;
	struct t1_bitmap b;
	int rc;

	if (!t1_bitmap_alloc(&b, length))
		return -ENOMEM;
	type1_unmap_init(&unmap, iova, length, PAGE, b.bits);
	rc = type1_unmap(r->fd, &unmap);
	if (!rc && unmap.head.size != mapped)
		rc = -ERANGE;
	if (!rc) {
		rc = t1_compare(r, &b, iova, length);
		oracle_unmap(&r->oracle, iova, length);
	}
	return t1_bitmap_free(&b) ? -EFBIG : rc;
}

static int t1_map_again(struct rig *r, void *mem, uint64_t piece)
{
	int rc = type1_map(r->fd, mem, T1_IOVA, T1_LEN);

	return rc ? rc : rig_expect_map(r, &r->oracle, T1_IOVA, T1_LEN, piece);
}

TEST_F(type1, unmap_reports)
{
	struct rig *r = &self->rig;
	unsigned int round;

	MUST(edu_open(&r->edu[0], r->fd, 0));
	MUST(t1_log(r, true));
	for (round = 0; round < 3; round++) {
		MUST(rig_write_pages(r, T1_IOVA + 5 * PAGE, 301 * PAGE, 30));
		OK(t1_get(r, T1_IOVA, T1_LEN));
		MUST(rig_write_pages(r, T1_IOVA + round * PAGE, 701 * PAGE,
				     14));
		MUST(rig_edu_write(r, 0, T1_IOVA + 9999 * PAGE + 17, 3));
		OK(t1_unmap(r, T1_IOVA, T1_LEN, T1_LEN));
		/* Nothing is there, which is no error. */
		OK(t1_unmap(r, T1_IOVA, T1_LEN, 0));
		OK(t1_get(r, T1_IOVA, T1_LEN));
		/* What is mapped there next is clean, and is tracked. */
		MUST(t1_map_again(r, self->mem, self->piece));
		OK(t1_get(r, T1_IOVA, T1_LEN));
	}
}

/* Several mappings with holes between them, and neighbours that stay */
TEST_F(type1, unmap_several)
{
	const uint64_t base = T1_IOVA + 64 * STRIP, len = 100 * PAGE;
	struct rig *r = &self->rig;
	unsigned int i;
	void *mem[5];

	for (i = 0; i < ARRAY_SIZE(mem); i++) {
		mem[i] = t1_map(r, base + i * 2 * len, len, PAGE);
		ASSERT_NE(NULL, mem[i]);
	}
	MUST(t1_log(r, true));
	for (i = 0; i < ARRAY_SIZE(mem); i++)
		MUST(rig_write_pages(r, base + i * 2 * len + i * PAGE, 9 * PAGE,
				     10));
	/* The three in the middle, beginning and ending in a hole */
	OK(t1_unmap(r, base + len, 7 * len, 3 * len));
	OK(t1_get(r, base, 10 * len));
	OK(t1_get(r, base, 10 * len));
	for (i = 0; i < ARRAY_SIZE(mem); i++)
		mem_free(mem[i], len, PAGE);
}

/* What is reported of memory that goes while a device writes to it */
struct t1_unmap_race {
	struct rig *rig;
	struct t1_bitmap map;
};

static int t1_race_unmap(void *arg)
{
	struct t1_unmap_race *race = arg;
	struct type1_unmap unmap;
	int rc;

	type1_unmap_init(&unmap, T1_IOVA, T1_LEN, PAGE, race->map.bits);
	rc = type1_unmap(race->rig->fd, &unmap);
	return rc ? rc : unmap.head.size == T1_LEN ? 0 : -ERANGE;
}

static bool t1_race_reported(void *arg, size_t page)
{
	const struct t1_unmap_race *race = arg;

	return race->map.bits[page / 64] & 1ULL << page % 64;
}

/*
 * A device writes on and on while the memory goes.  Whatever has changed in it is
 * reported, also what changed at the last moment, and nothing else is; and nothing
 * changes once it is gone.
 */
TEST_F_TIMEOUT(type1, unmap_races_writes, SLOW)
{
	struct rig *r = &self->rig;
	struct t1_unmap_race race = { .rig = r };
	struct burst b = {
		.rig = r,
		.iova = T1_IOVA,
		.mem = self->mem,
		.pages = AREA_PAGES,
		.leaf = self->piece / PAGE,
		.seed = 7,
		.stamp = 1,
		.unmap = t1_race_unmap,
		.reported = t1_race_reported,
		.arg = &race,
	};
	unsigned int round;

	MUST(t1_log(r, true));
	for (round = 0; round < 10; round++) {
		ASSERT_TRUE(t1_bitmap_alloc(&race.map, T1_LEN));
		EXPECT_EQ(0, burst_unmap(&b, 1 + round % 4)) {
			TH_LOG("in round %u", round);
		}
		OK(t1_bitmap_free(&race.map));
		oracle_unmap(&r->oracle, T1_IOVA, T1_LEN);
		MUST(t1_map_again(r, self->mem, self->piece));
	}
}

/* A refused call has changed nothing. */
TEST_F(type1, unmap_refused)
{
	const uint32_t dirty = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP;
	const uint32_t all = VFIO_DMA_UNMAP_FLAG_ALL;
	void *ro = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);
	struct rig *r = &self->rig;
	struct type1_unmap unmap;
	struct t1_bitmap b;

	ASSERT_NE(MAP_FAILED, ro);
	ASSERT_TRUE(t1_bitmap_alloc(&b, T1_LEN));
	/* Logging is off. */
	type1_unmap_init(&unmap, T1_IOVA, T1_LEN, PAGE, b.bits);
	EXPECT_EQ(-EINVAL, type1_unmap(r->fd, &unmap));

	MUST(t1_log(r, true));
	MUST(rig_write_pages(r, T1_IOVA, 3 * PAGE, 100));
	unmap.head.flags = dirty | all;
	EXPECT_EQ(-EINVAL, type1_unmap(r->fd, &unmap));
	unmap.head.flags = dirty | VFIO_DMA_UNMAP_FLAG_VADDR;
	EXPECT_EQ(-EINVAL, type1_unmap(r->fd, &unmap));
	unmap.head.flags = dirty | 1u << 3;
	EXPECT_EQ(-EINVAL, type1_unmap(r->fd, &unmap));
	unmap.head.flags = dirty | all;
	unmap.head.iova = 0;
	unmap.head.size = 0;
	EXPECT_EQ(-EINVAL, type1_unmap(r->fd, &unmap));

	type1_unmap_init(&unmap, T1_IOVA, T1_LEN, PAGE, b.bits);
	unmap.head.argsz--;
	EXPECT_EQ(-EINVAL, type1_unmap(r->fd, &unmap));
	unmap.head.argsz = sizeof(unmap.head);
	EXPECT_EQ(-EINVAL, type1_unmap(r->fd, &unmap));
	unmap.head.argsz--;
	EXPECT_EQ(-EINVAL, type1_unmap(r->fd, &unmap));

	/* A part of a mapping: as without a bitmap */
	type1_unmap_init(&unmap, T1_IOVA, T1_LEN - PAGE, PAGE, b.bits);
	EXPECT_EQ(-ENOENT, type1_unmap(r->fd, &unmap));
	type1_unmap_init(&unmap, T1_IOVA + PAGE, T1_LEN - PAGE, PAGE, b.bits);
	EXPECT_EQ(-ENOENT, type1_unmap(r->fd, &unmap));

	type1_unmap_init(&unmap, T1_IOVA, T1_LEN, PAGE, ro);
	EXPECT_EQ(-EFAULT, type1_unmap(r->fd, &unmap));
	EXPECT_EQ(T1_LEN, unmap.head.size);

	EXPECT_EQ(0, b.bits[0]);
	OK(t1_get(r, T1_IOVA, T1_LEN));
	MUST(rig_write_pages(r, T1_IOVA, 7 * PAGE, 100));
	OK(t1_unmap(r, T1_IOVA, T1_LEN, T1_LEN));
	OK(t1_bitmap_free(&b));
	munmap(ro, PAGE);
}

/* How many pages are reported of the whole area as it is unmapped */
static long t1_unmap_count(struct rig *r)
{
	struct type1_unmap unmap;
	struct t1_bitmap b;
	long count;

	if (!t1_bitmap_alloc(&b, T1_LEN))
		return -ENOMEM;
	type1_unmap_init(&unmap, T1_IOVA, T1_LEN, PAGE, b.bits);
	count = type1_unmap(r->fd, &unmap);
	if (!count)
		count = t1_bitmap_weight(&b);
	oracle_unmap(&r->oracle, T1_IOVA, T1_LEN);
	return t1_bitmap_free(&b) ? -EFBIG : count;
}

/* Somebody writes who is not tracked, or did until a moment ago. */
TEST_F(type1, unmap_untracked)
{
	struct rig *r = &self->rig;
	uint32_t idev, hwpt;
	int access;

	MUST(t1_log(r, true));
	access = access_create(r);
	ASSERT_LE(0, access);
	EXPECT_EQ(AREA_PAGES, t1_unmap_count(r));
	MUST(t1_map_again(r, self->mem, self->piece));
	close(access);
	EXPECT_EQ(AREA_PAGES, t1_unmap_count(r));
	MUST(t1_map_again(r, self->mem, self->piece));

	MUST(t1_log(r, false));
	MUST(t1_log(r, true));
	MUST(find_device(r, &idev));
	MUST(iommufd_hwpt_alloc(r->fd, idev, r->ioas,
				IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt));
	EXPECT_EQ(AREA_PAGES, t1_unmap_count(r));
	MUST(t1_map_again(r, self->mem, self->piece));
	MUST(iommufd_set_dirty(r->fd, hwpt, true));
	MUST(rig_write_pages(r, T1_IOVA, 7 * PAGE, 100));
	OK(t1_unmap(r, T1_IOVA, T1_LEN, T1_LEN));
}
