// SPDX-License-Identifier: GPL-2.0-only
/*
 * Leaves that are split and joined under a device's feet.  The other tests run
 * with leaves that are split lazily, too; here is what is only about splitting.
 */
#include <pthread.h>

#define LEAF		mem_large()
#define LEAF_PAGES	(LEAF / PAGE)
#define SPLIT_LEAVES	4
#define SPLIT_LEN	(SPLIT_LEAVES * LEAF)
/* With pages of 64 KiB a leaf has 8192 of them. */
#define SPLIT_BYTES	(SPLIT_LEAVES * 8192 / 8)

/* A rig with some large leaves */
FIXTURE(split)
{
	struct rig rig;
	uint8_t *mem;
};

FIXTURE_SETUP(split)
{
	MUST(rig_open(&self->rig));
	self->mem = rig_map(&self->rig, RIG_IOVA, SPLIT_LEN, mem_large());
	ASSERT_NE(NULL, self->mem) {
		TH_LOG("too few huge pages");
	}
}

FIXTURE_TEARDOWN(split)
{
	rig_close(&self->rig);
	mem_free(self->mem, SPLIT_LEN, mem_large());
}

/* How many pages does a clearing GET report? */
static uint64_t count_get(struct rig *r)
{
	uint8_t map[SPLIT_BYTES] = { 0 };
	uint64_t sum = 0;
	unsigned int i;
	int rc;

	rc = iommufd_get_dirty(r->fd, r->hwpt, 0, RIG_IOVA, SPLIT_LEN, PAGE,
			       map);
	oracle_covered(&r->oracle, RIG_IOVA, SPLIT_LEN);
	for (i = 0; i < sizeof(map); i++)
		sum += __builtin_popcount(map[i]);
	return rc ? ~0ULL : sum;
}

/* Whole once, exactly afterwards; what is not written costs nothing. */
TEST_F(split, lazy)
{
	struct rig *r = &self->rig;
	long before = iommu_table_pages();

	ASSERT_LE(0, before);
	MUST(rig_split(r, ORACLE_LAZY));
	MUST(rig_set(r, true));
	EXPECT_EQ(0, count_get(r));
	EXPECT_EQ(before, iommu_table_pages());
	MUST(rig_write_pages(r, RIG_IOVA + 7 * PAGE, LEAF, 3));
	EXPECT_EQ(3 * LEAF_PAGES, count_get(r));
	EXPECT_EQ(before + 3, iommu_table_pages());
	MUST(rig_write_pages(r, RIG_IOVA + 9 * PAGE, LEAF, 3));
	EXPECT_EQ(3, count_get(r));
	EXPECT_EQ(0, count_get(r));
	MUST(rig_write_pages(r, RIG_IOVA + 9 * PAGE, LEAF, 3));
	OK(rig_get(r, RIG_IOVA, SPLIT_LEN));
	MUST(rig_set(r, false));
	EXPECT_EQ(before, iommu_table_pages());
}

/* Exact from the first read */
TEST_F(split, eager)
{
	struct rig *r = &self->rig;
	long before = iommu_table_pages();

	ASSERT_LE(0, before);
	MUST(rig_split(r, ORACLE_EAGER));
	MUST(rig_set(r, true));
	EXPECT_EQ(before + SPLIT_LEAVES, iommu_table_pages());
	EXPECT_EQ(0, count_get(r));
	MUST(rig_write_pages(r, RIG_IOVA + 7 * PAGE, LEAF, 3));
	EXPECT_EQ(3, count_get(r));
	MUST(rig_write_pages(r, RIG_IOVA + 7 * PAGE, LEAF, 3));
	OK(rig_get(r, RIG_IOVA, SPLIT_LEN));
	MUST(rig_set(r, false));
	EXPECT_EQ(before, iommu_table_pages());
}

/* Switching off joins; the next time tracking is on, leaves are huge again. */
TEST_F(split, off_joins)
{
	struct rig *r = &self->rig;
	unsigned int round;

	MUST(rig_split(r, ORACLE_LAZY));
	for (round = 0; round < 4; round++) {
		MUST(rig_set(r, true));
		MUST(rig_write_pages(r, RIG_IOVA, LEAF, SPLIT_LEAVES));
		EXPECT_EQ(SPLIT_LEAVES * LEAF_PAGES, count_get(r));
		MUST(rig_write_pages(r, RIG_IOVA, LEAF, SPLIT_LEAVES));
		EXPECT_EQ(SPLIT_LEAVES, count_get(r));
		MUST(rig_write_pages(r, RIG_IOVA, LEAF, SPLIT_LEAVES));
		MUST(rig_set(r, false));
	}
}

/* By range, while tracking: dirt goes to the children, and back to the leaf. */
TEST_F(split, by_range_keeps_dirt)
{
	struct rig *r = &self->rig;
	uint64_t leaves;

	MUST(rig_set(r, true));
	MUST(rig_write(r, RIG_IOVA + LEAF + 5 * PAGE, 60));
	/* From the middle of the first leaf to the middle of the third */
	MUST(iommufd_split(r->fd, r->hwpt, RIG_IOVA + LEAF / 2, 2 * LEAF,
			   &leaves));
	EXPECT_EQ(3, leaves);
	EXPECT_EQ(LEAF_PAGES, count_get(r));
	MUST(rig_write(r, RIG_IOVA + LEAF + 5 * PAGE, 60));
	EXPECT_EQ(1, count_get(r));
	MUST(rig_write(r, RIG_IOVA + LEAF + 5 * PAGE, 60));
	/* What is cut stays. */
	MUST(iommufd_join(r->fd, r->hwpt, RIG_IOVA + LEAF,
			  LEAF + LEAF / 2, &leaves));
	EXPECT_EQ(1, leaves);
	EXPECT_EQ(LEAF_PAGES, count_get(r));
	MUST(rig_write(r, RIG_IOVA + 5 * PAGE, 60));
	EXPECT_EQ(1, count_get(r));
	MUST(iommufd_join(r->fd, r->hwpt, 0, ~0ULL, &leaves));
	EXPECT_EQ(2, leaves);
	EXPECT_EQ(0, count_get(r));
	MUST(rig_write(r, RIG_IOVA, 60));
	EXPECT_EQ(LEAF_PAGES, count_get(r));
}

/* What was mapped small is not joined, though it be contiguous. */
TEST_F(split, native_pages_stay)
{
	const uint64_t iova = RIG_IOVA + 2 * SPLIT_LEN;
	struct rig *r = &self->rig;
	uint64_t leaves, page;
	uint8_t map[SPLIT_BYTES] = { 0 };

	for (page = 0; page < LEAF_PAGES; page++)
		MUST(iommufd_map(r->fd, r->ioas, self->mem + page * PAGE,
				 iova + page * PAGE, PAGE));
	MUST(rig_set(r, true));
	MUST(iommufd_join(r->fd, r->hwpt, 0, ~0ULL, &leaves));
	EXPECT_EQ(0, leaves);
	MUST(e1000e_write_pages(&r->nic, iova, PAGE, 1, r->stamp++));
	MUST(iommufd_get_dirty(r->fd, r->hwpt, 0, iova, LEAF, PAGE, map));
	EXPECT_EQ(1, map[0]);
	EXPECT_EQ(0, map[1]);
}

/* Unmapping exactly what was mapped works, split or not, and leaves nothing. */
TEST_F(split, unmap)
{
	struct rig *r = &self->rig;
	unsigned int round;
	uint64_t leaves;
	long before = 0;

	for (round = 0; round < 6; round++) {
		const uint64_t iova = RIG_IOVA + SPLIT_LEN;

		MUST(rig_map_at(r, self->mem, iova, SPLIT_LEN, mem_large()));
		MUST(rig_split(r, ORACLE_LAZY));
		MUST(rig_set(r, true));
		MUST(rig_write_pages(r, iova, 2 * LEAF, SPLIT_LEAVES / 2));
		OK(rig_get(r, RIG_IOVA, 2 * SPLIT_LEN));
		if (round & 1)
			MUST(iommufd_split(r->fd, r->hwpt, iova, SPLIT_LEN,
					   &leaves));
		MUST(rig_unmap(r, iova, SPLIT_LEN));
		OK(rig_get(r, RIG_IOVA, 2 * SPLIT_LEN));
		MUST(rig_set(r, false));
	}
	/* Tables that AMD's driver keeps are used again by the next mapping. */
	before = iommu_table_pages();
	ASSERT_LE(0, before);
	for (round = 0; round < 6; round++) {
		MUST(rig_map_at(r, self->mem, RIG_IOVA + SPLIT_LEN, SPLIT_LEN,
				mem_large()));
		MUST(rig_set(r, true));
		MUST(iommufd_split(r->fd, r->hwpt, 0, ~0ULL, &leaves));
		/* Huge pages side by side AMD's driver may map with one leaf. */
		EXPECT_LE(2 * SPLIT_LEAVES, leaves);
		EXPECT_GT(4 * SPLIT_LEAVES, leaves);
		MUST(rig_unmap(r, RIG_IOVA + SPLIT_LEN, SPLIT_LEN));
		MUST(rig_set(r, false));
	}
	EXPECT_GE(before + SPLIT_LEAVES, iommu_table_pages());
}

/* Modes, and what is not one */
TEST_F(split, mode)
{
	struct rig *r = &self->rig;
	uint32_t mode, modes;
	uint64_t leaves;

	MUST(iommufd_split_mode(r->fd, r->hwpt, &mode, &modes));
	EXPECT_EQ(IOMMU_HWPT_DIRTY_SPLIT_OFF, mode);
	EXPECT_EQ(7, modes);
	EXPECT_EQ(-EOPNOTSUPP, iommufd_set_split_mode(r->fd, r->hwpt, 3));
	EXPECT_EQ(-EOPNOTSUPP, iommufd_set_split_mode(r->fd, r->hwpt, ~0U));
	MUST(iommufd_set_split_mode(r->fd, r->hwpt,
				    IOMMU_HWPT_DIRTY_SPLIT_EAGER));
	MUST(iommufd_split_mode(r->fd, r->hwpt, &mode, &modes));
	EXPECT_EQ(IOMMU_HWPT_DIRTY_SPLIT_EAGER, mode);
	EXPECT_EQ(-ENOENT, iommufd_split_mode(r->fd, r->ioas, &mode, &modes));
	EXPECT_EQ(-ENOENT, iommufd_set_split_mode(r->fd, ~0U, 0));
	EXPECT_EQ(-EINVAL, iommufd_split(r->fd, r->hwpt, 0, 0, &leaves));
	EXPECT_EQ(-EOVERFLOW, iommufd_join(r->fd, r->hwpt, PAGE, ~0ULL, &leaves));
	EXPECT_EQ(-ENOENT, iommufd_join(r->fd, r->ioas, 0, PAGE, &leaves));
}

/* Leaves that are split, and joined, in a test of either */
#define RESHAPED	50

/* Somebody who splits and joins all the time */
struct shaper {
	struct rig *rig;
	bool stop;
	uint64_t split;
	uint64_t joined;
	int rc;
};

static void *shaper_thread(void *arg)
{
	struct shaper *s = arg;
	struct rig *r = s->rig;
	uint64_t seed = 99, leaves;

	while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED) && !s->rc) {
		uint64_t iova = RIG_IOVA + rnd(&seed) % SPLIT_LEAVES * LEAF;

		s->rc = iommufd_split(r->fd, r->hwpt, iova, LEAF, &leaves);
		if (!s->rc)
			__atomic_add_fetch(&s->split, leaves, __ATOMIC_RELAXED);
		iova = RIG_IOVA + rnd(&seed) % SPLIT_LEAVES * LEAF;
		if (!s->rc)
			s->rc = iommufd_join(r->fd, r->hwpt, iova, 2 * LEAF,
					     &leaves);
		if (!s->rc)
			__atomic_add_fetch(&s->joined, leaves, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* There is more for it to do, and it works. */
static bool shaper_behind(const struct shaper *s)
{
	return !__atomic_load_n(&s->rc, __ATOMIC_RELAXED) &&
	       (__atomic_load_n(&s->split, __ATOMIC_RELAXED) < RESHAPED ||
		__atomic_load_n(&s->joined, __ATOMIC_RELAXED) < RESHAPED);
}

/*
 * Promise 1 while leaves change shape: a page that was written when a GET began
 * is in its report, and memory holds what the device wrote.
 */
TEST_F_TIMEOUT(split, nothing_lost_while_reshaped, SLOW)
{
	struct rig *r = &self->rig;
	uint64_t seed = 7, end = now_ms() + PATIENCE_MS;
	struct shaper s = { .rig = r };
	pthread_t thread;
	unsigned int round, i;

	MUST(rig_split(r, ORACLE_LAZY));
	MUST(rig_set(r, true));
	MUST(pthread_create(&thread, NULL, shaper_thread, &s));
	for (round = 0; round < 400 || (shaper_behind(&s) && now_ms() < end);
	     round++) {
		uint8_t map[SPLIT_BYTES] = { 0 };
		uint64_t page[8];

		for (i = 0; i < ARRAY_SIZE(page); i++) {
			page[i] = rnd(&seed) % (SPLIT_LEAVES * LEAF_PAGES);
			MUST(rig_write(r, RIG_IOVA + page[i] * PAGE, 60));
		}
		MUST(iommufd_get_dirty(r->fd, r->hwpt, 0, RIG_IOVA, SPLIT_LEN,
				       PAGE, map));
		for (i = 0; i < ARRAY_SIZE(page); i++) {
			EXPECT_TRUE(map[page[i] / 8] & 1 << page[i] % 8) {
				TH_LOG("round %u: page %llu is lost", round,
				       (unsigned long long)page[i]);
			}
		}
	}
	__atomic_store_n(&s.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, s.rc);
	EXPECT_LE(RESHAPED, s.split);
	EXPECT_LE(RESHAPED, s.joined);
}

/*
 * COPY asks the domain for physical addresses while leaves change shape. What
 * the copy maps must be the memory, not the page that holds a table.
 */
TEST_F_TIMEOUT(split, copy_while_reshaped, SLOW)
{
	struct rig *r = &self->rig;
	uint64_t end = now_ms() + PATIENCE_MS;
	struct shaper s = { .rig = r };
	uint32_t ioas, hwpt;
	pthread_t thread;
	unsigned int round;

	MUST(iommufd_ioas_alloc(r->fd, &ioas));
	MUST(edu_open(&r->edu[0], r->fd, 0));
	MUST(iommufd_hwpt_alloc(r->fd, r->edu[0].vfio.devid, ioas, 0, &hwpt));
	MUST(vfio_attach(&r->edu[0].vfio, hwpt));
	MUST(rig_set(r, true));
	MUST(pthread_create(&thread, NULL, shaper_thread, &s));
	for (round = 0; round < 60 || (shaper_behind(&s) && now_ms() < end);
	     round++) {
		uint64_t at = round % SPLIT_LEAVES * LEAF +
			      round % LEAF_PAGES * PAGE;
		uint64_t *word = (uint64_t *)(self->mem + at);

		MUST(iommufd_copy(r->fd, ioas, RIG_IOVA, r->ioas, RIG_IOVA,
				  SPLIT_LEN));
		*word = ~0ULL;
		MUST(edu_write(&r->edu[0], RIG_IOVA + at, 8, 0));
		EXPECT_NE(~0ULL, *(volatile uint64_t *)word) {
			TH_LOG("round %u: the write went elsewhere", round);
		}
		MUST(iommufd_unmap(r->fd, ioas, RIG_IOVA, SPLIT_LEN));
	}
	__atomic_store_n(&s.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, s.rc);
	EXPECT_LE(RESHAPED, s.split);
	EXPECT_LE(RESHAPED, s.joined);
}
