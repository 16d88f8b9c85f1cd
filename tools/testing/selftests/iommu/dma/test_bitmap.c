// SPDX-License-Identifier: GPL-2.0-only
/* The bitmap in memory of every kind: promises 2 and 3. */
#include <sys/mman.h>

/* Promise 3: any address will do, also one whose words cross a page. */
TEST_F(dma, odd_addresses)
{
	static const size_t skew[] = { 1, 2, 3, 4, 7, 8, 9, 63, 0x800, 0xff1,
				       0xff8, 0xffc, 0xfff };
	struct oracle_req req = {
		.iova = RIG_IOVA,
		.length = AREA_LEN,
		.page_size = PAGE,
	};
	struct rig *r = &self->rig;
	unsigned int i;

	MUST(rig_set(r, true));
	for (i = 0; i < ARRAY_SIZE(skew); i++) {
		req.skew = skew[i];
		req.prefill = i & 1 ? 0x18 : 0;
		MUST(rig_write_pages(r, RIG_IOVA + i * PAGE, 31 * PAGE, 320));
		OK(oracle_ask(&r->oracle, &req));
		OK(oracle_ask(&r->oracle, &req));
	}
}

/* Promise 3: both at once, an odd address and a range that begins anywhere. */
TEST_F(rig, odd_addresses_and_ranges)
{
	struct oracle_req req = { .page_size = PAGE };
	struct rig *r = &self->rig;
	uint64_t seed = 0x0dd;
	unsigned int i;

	ASSERT_NE(NULL, rig_map(r, RIG_IOVA, 600 * PAGE, PAGE));
	MUST(rig_set(r, true));
	for (i = 0; i < 200; i++) {
		unsigned int first = rnd(&seed) % 600;
		unsigned int nr = 1 + rnd(&seed) % (600 - first);

		MUST(rig_write_pages(r, RIG_IOVA + i % 5 * PAGE, 5 * PAGE,
				     119));
		req.iova = RIG_IOVA + first * PAGE;
		req.length = nr * PAGE;
		req.skew = rnd(&seed) % PAGE;
		req.prefill = rnd(&seed);
		OK(oracle_ask(&r->oracle, &req));
	}
	OK(rig_get(r, RIG_IOVA, 600 * PAGE));
}

/* Promise 3: a file has the bits, not only the mapping of it. */
TEST_F(dma, file_backed)
{
	struct oracle_req req = {
		.iova = RIG_IOVA,
		.length = AREA_LEN,
		.page_size = PAGE,
	};
	struct rig *r = &self->rig;
	uint8_t copy[AREA_PAGES / 8];
	unsigned int round;
	uint8_t *map;
	int fd;

	fd = memfd_create("bitmap", MFD_CLOEXEC);
	ASSERT_LE(0, fd);
	MUST(rig_set(r, true));
	for (round = 0; round < 4; round++) {
		MUST(ftruncate(fd, 0));
		MUST(ftruncate(fd, sizeof(copy)));
		map = mmap(NULL, sizeof(copy), PROT_READ | PROT_WRITE,
			   MAP_SHARED, fd, 0);
		ASSERT_NE(MAP_FAILED, map);
		MUST(rig_write_pages(r, RIG_IOVA, 11 * PAGE, 900));
		OK(iommufd_get_dirty(r->fd, r->hwpt, 0, RIG_IOVA, AREA_LEN,
				     PAGE, map));
		MUST(munmap(map, sizeof(copy)));
		ASSERT_EQ(sizeof(copy), pread(fd, copy, sizeof(copy), 0));
		OK(oracle_compare(&r->oracle, &req, copy));
		oracle_covered(&r->oracle, RIG_IOVA, AREA_LEN);
	}
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
	close(fd);
}

/*
 * A page that is good, then one that is not; the bitmap of the area begins
 * @good bytes before the bad one.
 */
static uint8_t *half_bad(size_t good, int prot)
{
	uint8_t *map;

	map = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return NULL;
	if (prot < 0)
		munmap(map + PAGE, 2 * PAGE);
	else
		mprotect(map + PAGE, 2 * PAGE, prot);
	return map + PAGE - good;
}

/* Fail, take what was delivered, and then all the rest must come. */
static void bad_bitmap(struct __test_metadata *_metadata, struct rig *r,
		       size_t good, int prot, uint32_t flags)
{
	struct oracle_req req = {
		.iova = RIG_IOVA,
		.length = AREA_LEN,
		.page_size = PAGE,
		.flags = flags,
	};
	uint8_t *map = half_bad(good, prot);

	ASSERT_NE(NULL, map);
	MUST(rig_write_pages(r, RIG_IOVA + 2 * PAGE, 29 * PAGE, 350));
	EXPECT_EQ(-EFAULT, iommufd_get_dirty(r->fd, r->hwpt, flags, RIG_IOVA,
					     AREA_LEN, PAGE, map));
	if (flags & NO_CLEAR)
		memset(map, 0, good);
	OK(oracle_delivered(&r->oracle, &req, map, good));
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
	munmap(map + good - PAGE, 3 * PAGE);
}

/* Promise 2: a bitmap that cannot be written is an error, and loses nothing. */
TEST_F(dma, read_only_bitmap)
{
	struct rig *r = &self->rig;

	MUST(rig_set(r, true));
	bad_bitmap(_metadata, r, 0, PROT_READ, 0);
	bad_bitmap(_metadata, r, 0, PROT_READ, NO_CLEAR);
}

/* Promise 2: the same, with nothing there or nothing accessible. */
TEST_F(dma, unmapped_bitmap)
{
	struct rig *r = &self->rig;

	MUST(rig_set(r, true));
	bad_bitmap(_metadata, r, 0, -1, 0);
	bad_bitmap(_metadata, r, 0, PROT_NONE, 0);
	bad_bitmap(_metadata, r, 0, -1, NO_CLEAR);
}

/* Promise 2: half of it good, cut at words, bytes, leaves and in their midst. */
TEST_F(dma, half_unmapped_bitmap)
{
	static const size_t good[] = { 8, 64, 63, 65, 7, 1, 640, 1000, 1279 };
	struct rig *r = &self->rig;
	unsigned int i;

	MUST(rig_set(r, true));
	for (i = 0; i < ARRAY_SIZE(good); i++)
		bad_bitmap(_metadata, r, good[i], -1, 0);
	bad_bitmap(_metadata, r, 100, -1, NO_CLEAR);
}

/* Promise 2: the same cuts, where the other half can be read. */
TEST_F(dma, half_read_only_bitmap)
{
	static const size_t good[] = { 8, 64, 63, 65, 7, 1, 640, 1000, 1279 };
	struct rig *r = &self->rig;
	unsigned int i;

	MUST(rig_set(r, true));
	for (i = 0; i < ARRAY_SIZE(good); i++)
		bad_bitmap(_metadata, r, good[i], PROT_READ, 0);
}

/* Promise 2: the bad page is in another window than the good one. */
TEST_F(rig, bad_bitmap_in_a_later_window)
{
	struct oracle_req req = {
		.iova = RIG_IOVA,
		.length = 3 * BITMAP_PAGE,
		.page_size = PAGE,
	};
	struct rig *r = &self->rig;
	uint8_t *map;
	int i;

	MUST(rig_set(r, true));
	for (i = 0; i < 3; i++)
		ASSERT_NE(NULL, rig_map(r, RIG_IOVA + i * BITMAP_PAGE,
					HALF_STRIP, PAGE));
	for (i = 0; i < 3; i++) {
		map = half_bad(PAGE, i - 1);
		ASSERT_NE(NULL, map);
		MUST(rig_write_pages(r, RIG_IOVA, 8 * PAGE, 32));
		MUST(rig_write_pages(r, RIG_IOVA + BITMAP_PAGE, PAGE, 32));
		MUST(rig_write_pages(r, RIG_IOVA + 2 * BITMAP_PAGE, PAGE, 32));
		EXPECT_EQ(-EFAULT, iommufd_get_dirty(r->fd, r->hwpt, 0, req.iova,
						     req.length, PAGE, map));
		OK(oracle_delivered(&r->oracle, &req, map, PAGE));
		OK(rig_get(r, req.iova, req.length));
		OK(rig_get(r, req.iova, req.length));
		munmap(map, 3 * PAGE);
	}
}

/* Promise 2: also where every page is clean, the bitmap must be writable. */
TEST_F(dma, bad_bitmap_of_clean_pages)
{
	struct rig *r = &self->rig;
	uint8_t *map;

	MUST(rig_set(r, true));
	map = half_bad(0, PROT_READ);
	ASSERT_NE(NULL, map);
	EXPECT_EQ(-EFAULT, iommufd_get_dirty(r->fd, r->hwpt, 0, RIG_IOVA,
					     AREA_LEN, PAGE, map));
	EXPECT_EQ(-EFAULT, iommufd_get_dirty(r->fd, r->hwpt, 0, RIG_IOVA,
					     AREA_LEN, PAGE, NULL));
	EXPECT_EQ(-EFAULT, iommufd_get_dirty(r->fd, r->hwpt, 0, RIG_IOVA,
					     AREA_LEN, PAGE,
					     (void *)(-64UL * PAGE)));
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
	munmap(map - PAGE, 3 * PAGE);
}
