// SPDX-License-Identifier: GPL-2.0-only
/*
 * Large leaves, whole and cut, and everything at random: promises 1, 3 and 8.
 */
#include "kselftest_harness.h"
#include "mock.h"

/* Small leaves, large ones, a hole, and again; across the end of a window */
#define SMALL_1		(MOCK_WINDOW - MIB(5))
#define HUGE_1		(MOCK_WINDOW - MIB(4))
#define HUGE_1_LEN	MIB(8)
#define SMALL_2		(MOCK_WINDOW + MIB(6))
#define HUGE_2		(MOCK_WINDOW + MIB(7))
#define ALL		(MOCK_WINDOW - MIB(5))
#define ALL_LEN		MIB(13)

FIXTURE(leaf)
{
	struct mock m;
};

FIXTURE_SETUP(leaf)
{
	struct mock *m = &self->m;

	MUST(mock_open(m, MOCK_HUGE));
	MUST(mock_map(m, SMALL_1, MIB(1), MOCK_PAGE));
	MUST(mock_map(m, HUGE_1, HUGE_1_LEN, MOCK_HUGE));
	MUST(mock_map(m, SMALL_2, MIB(1) - 3 * MOCK_PAGE, MOCK_PAGE));
	MUST(mock_map(m, HUGE_2, MIB(1), MOCK_HUGE));
	MUST(mock_set(m, true));
}

FIXTURE_TEARDOWN(leaf)
{
	mock_close(&self->m);
}

/* Promise 8: one write, and every page of the leaf is reported; no other. */
TEST_F(leaf, promise8_leaf_is_reported_whole)
{
	struct mock *m = &self->m;
	uint64_t iova;

	for (iova = HUGE_1; iova < HUGE_1 + HUGE_1_LEN; iova += MOCK_HUGE) {
		MUST(mock_write(m, iova + KIB(300), MOCK_PAGE, 1));
		OK(mock_get(m, ALL, ALL_LEN));
		OK(mock_get(m, ALL, ALL_LEN));
	}
}

/* Promise 8: a leaf that is cut at either end is reported again. */
TEST_F(leaf, promise8_cut_leaf_stays_dirty)
{
	static const uint64_t cut[] = { 1, 2, 63, 64, 65, 256, 511 };
	struct mock *m = &self->m;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cut); i++) {
		uint64_t len = cut[i] * MOCK_PAGE;

		MUST(mock_write(m, HUGE_1 + MOCK_HUGE, MOCK_PAGE, 1));
		OK(mock_get(m, HUGE_1 + MOCK_HUGE, len));
		OK(mock_get(m, HUGE_1 + MOCK_HUGE + len, MOCK_HUGE - len));
		OK(mock_get(m, HUGE_1 + len, MOCK_HUGE));
		OK(mock_get(m, HUGE_1 + MOCK_HUGE + len, MOCK_HUGE));
		OK(mock_get(m, HUGE_1 + MOCK_HUGE, MOCK_HUGE));
		OK(mock_get(m, HUGE_1 + MOCK_HUGE, MOCK_HUGE));
	}
}

/* Promise 8: a single page from the midst of a leaf, each in turn */
TEST_F(leaf, promise8_pages_of_a_leaf)
{
	struct mock *m = &self->m;
	uint64_t iova;

	MUST(mock_write(m, HUGE_2, MOCK_PAGE, 1));
	for (iova = HUGE_2; iova < HUGE_2 + MOCK_HUGE; iova += 31 * MOCK_PAGE)
		OK(mock_get(m, iova, MOCK_PAGE));
	OK(mock_get(m, ALL, ALL_LEN));
	OK(mock_get(m, ALL, ALL_LEN));
}

/*
 * Promise 8: with granules this small a page of bitmap covers less than a
 * leaf, which is cleared in the last of its windows, and only if it lay whole
 * in the request.
 */
TEST_F(leaf, promise8_leaf_larger_than_a_window)
{
	struct mock *m = &self->m;
	struct oracle_req req;
	unsigned int shift;

	for (shift = 1; shift < 6; shift++) {
		req = (struct oracle_req){
			.iova = HUGE_2,
			.length = MOCK_HUGE,
			.page_size = 1ULL << shift,
			.skew = shift * 800,
		};
		MUST(mock_write(m, HUGE_2, MOCK_PAGE, 1));
		req.length -= MOCK_PAGE;
		OK(oracle_ask(&m->oracle, &req));
		req.iova += MOCK_PAGE;
		OK(oracle_ask(&m->oracle, &req));
		req.iova = HUGE_2 - 2 * MOCK_PAGE;
		req.length = MOCK_HUGE + 2 * MOCK_PAGE;
		OK(oracle_ask(&m->oracle, &req));
		OK(oracle_ask(&m->oracle, &req));
	}
}

/* Promise 2 and 8: a leaf whose last window fails was not recorded whole. */
TEST_F(leaf, promise8_leaf_not_recorded_whole)
{
	struct oracle_req req = {
		.iova = HUGE_2,
		.length = MOCK_HUGE,
		.page_size = 4,
	};
	struct mock *m = &self->m;
	size_t bytes = MOCK_HUGE / 4 / 8, good;
	uint8_t *map;

	for (good = 0; good < bytes; good += 4096) {
		map = mmap(NULL, bytes + 4096, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		ASSERT_NE(MAP_FAILED, map);
		MUST(munmap(map + good, 4096));
		MUST(mock_write(m, HUGE_2 + KIB(500), MOCK_PAGE, 1));
		EXPECT_EQ(-EFAULT, iommufd_get_dirty(m->fd, m->hwpt, 0,
						     req.iova, req.length, 4,
						     map));
		OK(oracle_delivered(&m->oracle, &req, map, good));
		OK(oracle_get(&m->oracle, ALL, ALL_LEN, MOCK_PAGE, NO_CLEAR));
		munmap(map, bytes + 4096);
	}
	OK(mock_get(m, ALL, ALL_LEN));
	OK(mock_get(m, ALL, ALL_LEN));
}

/* Promise 9: a large leaf in the place of small ones, and back */
TEST_F(leaf, promise9_leaf_size_changes)
{
	struct mock *m = &self->m;
	unsigned int i;

	for (i = 0; i < 8; i++) {
		MUST(mock_write(m, HUGE_2, 7 * MOCK_PAGE, 70));
		if (i % 2)
			OK(mock_get(m, ALL, ALL_LEN));
		MUST(mock_unmap(m, HUGE_2, MIB(1)));
		MUST(mock_map(m, HUGE_2, MIB(1),
			      i % 2 ? MOCK_HUGE : MOCK_PAGE));
		OK(mock_get(m, ALL, ALL_LEN));
	}
}

/* One GET of any range, granule, address and content */
static int ask_anything(struct mock *m, unsigned int *seed)
{
	unsigned int shift = 7 + rand_r(seed) % 15;
	uint64_t unit = 1ULL << (shift > 11 ? shift : 11);
	uint64_t units = MIB(16) / unit, first;
	struct oracle_req req = {
		.page_size = 1ULL << shift,
		.flags = rand_r(seed) % 4 ? 0 : NO_CLEAR,
		.prefill = rand_r(seed),
		.skew = rand_r(seed) % 4096,
	};

	first = rand_r(seed) % units;
	req.iova = MOCK_WINDOW - MIB(8) + first * unit;
	req.length = (1 + rand_r(seed) % (units - first)) * unit;
	/* Not too many bits for a machine that is emulated */
	if (req.length > (req.page_size << 16))
		req.length = req.page_size << 16;
	return oracle_ask(&m->oracle, &req);
}

/* Promises 1, 3, 8 and 9, whatever comes after whatever */
TEST_F_TIMEOUT(leaf, promise1_anything, SLOW)
{
	struct mock *m = &self->m;
	unsigned int seed = 0x5eed, i;
	bool small = false;

	for (i = 0; i < 600; i++) {
		switch (rand_r(&seed) % 8) {
		case 0:
			MUST(mock_unmap(m, HUGE_2, MIB(1)));
			small = !small;
			MUST(mock_map(m, HUGE_2, MIB(1),
				      small ? MOCK_PAGE : MOCK_HUGE));
			break;
		case 1:
		case 2:
		case 3:
			MUST(mock_write_random(m, ALL, ALL_LEN,
					       1 + rand_r(&seed) % 30, &seed));
			break;
		default:
			OK(ask_anything(m, &seed));
		}
	}
	OK(mock_get(m, ALL, ALL_LEN));
	OK(mock_get(m, ALL, ALL_LEN));
}

TEST_HARNESS_MAIN
