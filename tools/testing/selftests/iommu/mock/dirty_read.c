// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a read says, over areas from one page to many windows of the kernel's,
 * and ranges up to the whole address space: promises 1, 3, 7 and 9.
 */
#include "kselftest_harness.h"
#include "mock.h"

#include <sys/mman.h>

/* A granule smaller than that makes a bitmap of a large area too large. */
#define MAX_BITS	(1ULL << 20)

FIXTURE(read)
{
	struct mock m;
};

FIXTURE_VARIANT(read)
{
	uint64_t iova;
	uint64_t length;
	uint64_t leaf;
};

FIXTURE_VARIANT_ADD(read, one_page)
{
	.iova = MOCK_START,
	.length = MOCK_PAGE,
	.leaf = MOCK_PAGE,
};

FIXTURE_VARIANT_ADD(read, last_page)
{
	.iova = MOCK_END - MOCK_PAGE,
	.length = MOCK_PAGE,
	.leaf = MOCK_PAGE,
};

FIXTURE_VARIANT_ADD(read, pages_63)
{
	.iova = MOCK_START + MOCK_PAGE,
	.length = 63 * MOCK_PAGE,
	.leaf = MOCK_PAGE,
};

FIXTURE_VARIANT_ADD(read, pages_64)
{
	.iova = MOCK_START,
	.length = 64 * MOCK_PAGE,
	.leaf = MOCK_PAGE,
};

FIXTURE_VARIANT_ADD(read, pages_65)
{
	.iova = MOCK_START + 63 * MOCK_PAGE,
	.length = 65 * MOCK_PAGE,
	.leaf = MOCK_PAGE,
};

FIXTURE_VARIANT_ADD(read, pages_1000)
{
	.iova = MOCK_START + 37 * MOCK_PAGE,
	.length = 1000 * MOCK_PAGE,
	.leaf = MOCK_PAGE,
};

FIXTURE_VARIANT_ADD(read, window)
{
	.iova = MOCK_WINDOW,
	.length = MOCK_WINDOW,
	.leaf = MOCK_PAGE,
};

FIXTURE_VARIANT_ADD(read, over_a_window)
{
	.iova = MOCK_WINDOW - 3 * MOCK_PAGE,
	.length = MOCK_WINDOW + 8 * MOCK_PAGE,
	.leaf = MOCK_PAGE,
};

FIXTURE_VARIANT_ADD(read, one_huge)
{
	.iova = MOCK_START + MOCK_HUGE,
	.length = MOCK_HUGE,
	.leaf = MOCK_HUGE,
};

FIXTURE_VARIANT_ADD(read, many_huge)
{
	.iova = MOCK_WINDOW - 5 * MOCK_HUGE,
	.length = MOCK_WINDOW + 10 * MOCK_HUGE,
	.leaf = MOCK_HUGE,
};

FIXTURE_SETUP(read)
{
	MUST(mock_open(&self->m, variant->leaf));
	MUST(mock_map(&self->m, variant->iova, variant->length, variant->leaf));
	MUST(mock_set(&self->m, true));
}

FIXTURE_TEARDOWN(read)
{
	mock_close(&self->m);
}

/* Some of the pages, whatever their number */
static int scatter(struct mock *m, uint64_t iova, uint64_t length,
		   unsigned int seed)
{
	return mock_write_random(m, iova, length, 1 + length / MOCK_PAGE / 3,
				 &seed);
}

/* Promise 1: a write is in the next report, and in no other one. */
TEST_F(read, promise1_reported_once)
{
	struct mock *m = &self->m;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		MUST(scatter(m, variant->iova, variant->length, i));
		OK(mock_get(m, variant->iova, variant->length));
		OK(mock_get(m, variant->iova, variant->length));
	}
	MUST(mock_write(m, variant->iova, MOCK_PAGE,
			variant->length / MOCK_PAGE));
	OK(mock_get(m, variant->iova, variant->length));
	OK(mock_get(m, variant->iova, variant->length));
}

/* Promise 1: reports of parts, of any size and order, add up. */
TEST_F(read, promise1_reported_in_parts)
{
	uint64_t pages = variant->length / MOCK_PAGE, first, nr;
	struct mock *m = &self->m;
	unsigned int seed = 1, i;

	for (i = 0; i < 40; i++) {
		first = rand_r(&seed) % pages;
		nr = 1 + rand_r(&seed) % (pages - first);
		if (nr > 300 && i % 8)
			nr = 1 + nr % 300;
		MUST(mock_write_random(m, variant->iova, variant->length, 5,
				       &seed));
		OK(mock_get(m, variant->iova + first * MOCK_PAGE,
			    nr * MOCK_PAGE));
	}
	OK(mock_get(m, variant->iova, variant->length));
	OK(mock_get(m, variant->iova, variant->length));
}

/*
 * Promise 3: one bit for each granule, which may be less or more than a leaf
 * and reach out of the area.
 */
TEST_F(read, promise3_any_granule)
{
	struct oracle_req req = { .prefill = 0x10 };
	struct mock *m = &self->m;
	unsigned int shift;

	for (shift = 0; shift <= 30; shift++) {
		uint64_t mask, end = variant->iova + variant->length;

		req.page_size = 1ULL << shift;
		mask = req.page_size < MOCK_PAGE ? MOCK_PAGE - 1 :
						   req.page_size - 1;
		req.iova = variant->iova & ~mask;
		req.length = ((end + mask) & ~mask) - req.iova;
		if (req.length / req.page_size > MAX_BITS)
			req.length = MAX_BITS * req.page_size;
		req.skew = shift * 17;
		MUST(scatter(m, variant->iova, variant->length, shift));
		OK(oracle_ask(&m->oracle, &req));
		OK(oracle_ask(&m->oracle, &req));
	}
	OK(mock_get(m, variant->iova, variant->length));
}

/* Promise 3: the bitmap begins at each byte of a page. */
TEST_F(read, promise3_any_address)
{
	struct oracle_req req = {
		.iova = variant->iova,
		.length = variant->length,
		.page_size = MOCK_PAGE,
	};
	struct mock *m = &self->m;
	/* Every byte is a lot for the large ones: those are long in any case. */
	size_t step = variant->length > MIB(16) ? 1365 : 13;

	for (req.skew = 0; req.skew < 4096; req.skew += step) {
		req.prefill = req.skew % 2 ? 0 : 0x81;
		MUST(scatter(m, variant->iova, variant->length, req.skew));
		OK(oracle_ask(&m->oracle, &req));
	}
	for (req.skew = 4088; req.skew < 4096; req.skew++) {
		MUST(scatter(m, variant->iova, variant->length, req.skew));
		OK(oracle_ask(&m->oracle, &req));
	}
}

/* Promise 7: a report with NO_CLEAR is repeated by every one that follows. */
TEST_F(read, promise7_no_clear_changes_nothing)
{
	uint64_t part = (variant->length / MOCK_PAGE + 1) / 2 * MOCK_PAGE;
	struct mock *m = &self->m;
	unsigned int i;

	MUST(scatter(m, variant->iova, variant->length, 7));
	for (i = 0; i < 3; i++)
		OK(oracle_get(&m->oracle, variant->iova, variant->length,
			      MOCK_PAGE, NO_CLEAR));
	OK(oracle_get(&m->oracle, variant->iova, part, MOCK_PAGE, NO_CLEAR));
	OK(mock_get(m, variant->iova, variant->length));
	OK(oracle_get(&m->oracle, variant->iova, variant->length, MOCK_PAGE,
		      NO_CLEAR));
}

/* Promise 9: what is mapped anew is clean, whatever was there before. */
TEST_F(read, promise9_fresh_mapping_is_clean)
{
	struct mock *m = &self->m;

	OK(mock_get(m, variant->iova, variant->length));
	MUST(mock_write(m, variant->iova, MOCK_PAGE,
			variant->length / MOCK_PAGE));
	MUST(mock_unmap(m, variant->iova, variant->length));
	OK(mock_get(m, variant->iova, variant->length));
	MUST(mock_map(m, variant->iova, variant->length, variant->leaf));
	OK(mock_get(m, variant->iova, variant->length));
}

/* Ranges that are mostly hole, up to all of the address space */
FIXTURE(sparse)
{
	struct mock m;
};

FIXTURE_VARIANT(sparse)
{
	uint64_t length;
	uint64_t granule;
};

FIXTURE_VARIANT_ADD(sparse, aperture_2k)
{
	.length = GIB(2),
	.granule = MOCK_PAGE,
};

FIXTURE_VARIANT_ADD(sparse, range_64g_2k)
{
	.length = GIB(64),
	.granule = MOCK_PAGE,
};

FIXTURE_VARIANT_ADD(sparse, range_64g_4k)
{
	.length = GIB(64),
	.granule = KIB(4),
};

FIXTURE_VARIANT_ADD(sparse, range_64g_2m)
{
	.length = GIB(64),
	.granule = MIB(2),
};

FIXTURE_VARIANT_ADD(sparse, range_2pow47_1g)
{
	.length = 1ULL << 47,
	.granule = GIB(1),
};

FIXTURE_VARIANT_ADD(sparse, range_2pow63_1t)
{
	.length = 1ULL << 63,
	.granule = GIB(1024),
};

FIXTURE_VARIANT_ADD(sparse, whole_1t)
{
	.length = -GIB(1024),
	.granule = GIB(1024),
};

/* Small areas here and there, and where windows, words and all of it end */
static const struct {
	uint64_t iova;
	uint64_t pages;
} spots[] = {
	{ MOCK_START, 1 },
	{ MOCK_START + KIB(64), 3 },
	{ MOCK_START + MIB(1) - KIB(2), 2 },
	{ MOCK_WINDOW - KIB(4), 4 },
	{ 5 * MOCK_WINDOW, 1 },
	{ 5 * MOCK_WINDOW + KIB(130), 70 },
	{ 7 * MOCK_WINDOW - KIB(2), 1 },
	{ GIB(1) - KIB(256), 256 },
	{ GIB(1) + MIB(700), 9 },
	{ MOCK_END - MOCK_PAGE, 1 },
};

static int write_spots(struct mock *m, unsigned int seed)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; i < ARRAY_SIZE(spots) && !rc; i++)
		rc = scatter(m, spots[i].iova, spots[i].pages * MOCK_PAGE,
			     seed + i);
	return rc;
}

FIXTURE_SETUP(sparse)
{
	unsigned int i;

	MUST(mock_open(&self->m, MOCK_PAGE));
	for (i = 0; i < ARRAY_SIZE(spots); i++)
		MUST(mock_map(&self->m, spots[i].iova,
			      spots[i].pages * MOCK_PAGE, MOCK_PAGE));
	MUST(mock_set(&self->m, true));
}

FIXTURE_TEARDOWN(sparse)
{
	mock_close(&self->m);
}

/* Promise 3: holes are no error, and the bits under them are left alone. */
TEST_F(sparse, promise3_holes_leave_bits)
{
	struct oracle_req req = {
		.length = variant->length,
		.page_size = variant->granule,
	};
	struct mock *m = &self->m;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		req.prefill = i * 0x11;
		req.skew = i * 1001;
		MUST(write_spots(m, i));
		OK(oracle_ask(&m->oracle, &req));
		OK(oracle_ask(&m->oracle, &req));
	}
}

/*
 * Promise 3: under holes there need not be a bitmap. Each page of it exists
 * only if a bit of a mapped area lies in it.
 */
TEST_F(sparse, promise3_no_bitmap_under_holes)
{
	struct oracle_req req = {
		.length = variant->length,
		.page_size = variant->granule,
	};
	size_t size = variant->length / variant->granule / 8 + 1, off;
	struct mock *m = &self->m;
	uint8_t *map, *copy;
	unsigned int i;

	map = mmap(NULL, size, PROT_NONE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_NE(MAP_FAILED, map);
	for (i = 0; i < ARRAY_SIZE(spots); i++) {
		uint64_t bit = spots[i].iova / variant->granule;
		uint64_t last = (spots[i].iova + spots[i].pages * MOCK_PAGE -
				 1) / variant->granule;

		for (off = bit / 8 & ~4095ULL; off <= last / 8; off += 4096)
			MUST(mprotect(map + off, 4096,
				      PROT_READ | PROT_WRITE));
	}
	MUST(write_spots(m, 3));
	OK(iommufd_get_dirty(m->fd, m->hwpt, 0, 0, variant->length,
			     variant->granule, map));
	MUST(mprotect(map, size, PROT_READ));
	copy = malloc(size);
	ASSERT_NE(NULL, copy);
	memcpy(copy, map, size);
	OK(oracle_compare(&m->oracle, &req, copy));
	oracle_covered(&m->oracle, 0, variant->length);
	OK(oracle_get(&m->oracle, 0, variant->length, variant->granule, 0));
	free(copy);
	munmap(map, size);
}

/* Promise 3: a range without any area is no error, and needs no bitmap. */
TEST_F(sparse, promise3_only_hole)
{
	struct mock *m = &self->m;
	uint64_t iova = GIB(1) + MIB(800);

	MUST(write_spots(m, 4));
	OK(iommufd_get_dirty(m->fd, m->hwpt, 0, 0, MOCK_START, MOCK_PAGE,
			     NULL));
	OK(iommufd_get_dirty(m->fd, m->hwpt, 0, iova, MIB(100), MOCK_PAGE,
			     NULL));
	OK(iommufd_get_dirty(m->fd, m->hwpt, 0, MOCK_END, GIB(64), MOCK_PAGE,
			     NULL));
	OK(oracle_get(&m->oracle, 0, variant->length, variant->granule, 0));
}

/* Promise 3: areas that DMA only reads are no hole, and never dirty. */
TEST_F(sparse, promise3_read_only_areas)
{
	struct mock *m = &self->m;
	uint64_t iova = MOCK_START + MIB(100);
	uint64_t bit = 0;

	MUST(iommufd_map_ro(m->fd, m->ioas, m->small, iova, KIB(4)));
	MUST(iommufd_map_ro(m->fd, m->ioas, m->small, MOCK_START + KIB(2),
			    KIB(4)));
	MUST(write_spots(m, 5));
	OK(oracle_get(&m->oracle, 0, variant->length, variant->granule, 0));
	EXPECT_EQ(-EFAULT, iommufd_get_dirty(m->fd, m->hwpt, 0, iova, KIB(4),
					     MOCK_PAGE, NULL));
	OK(iommufd_get_dirty(m->fd, m->hwpt, 0, iova, KIB(4), MOCK_PAGE, &bit));
	EXPECT_EQ(0, bit);
}

TEST_HARNESS_MAIN
