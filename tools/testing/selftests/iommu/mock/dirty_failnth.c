// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocation of every call fails once: promises 1, 2 and 4. A call is
 * made with its first allocation failing, then with its second, and so on until
 * it makes no more. Each time it ends well or with an error, and nothing that
 * was dirty before is lost. SET does not fail.
 *
 * Needs CONFIG_FAILSLAB and debugfs.
 */
#include "failnth.h"
#include "kselftest_harness.h"
#include "mock.h"

#include <sys/mman.h>
#include <unistd.h>

#define LENGTH		(16 * MOCK_PAGE)
#define OTHER		(3 * MOCK_WINDOW)
#define ALL_LEN		(OTHER + MIB(1) - MOCK_START)

FIXTURE(nth)
{
	struct mock m;
	int fail;
};

FIXTURE_SETUP(nth)
{
	self->fail = failnth_open();
	ASSERT_LE(0, self->fail) {
		TH_LOG("is CONFIG_FAILSLAB set, and debugfs mounted?");
	}

	MUST(mock_open(&self->m, MOCK_PAGE));
	MUST(mock_map(&self->m, MOCK_START, LENGTH, MOCK_PAGE));
	MUST(mock_map(&self->m, OTHER - LENGTH, LENGTH, MOCK_PAGE));
	MUST(mock_set(&self->m, true));
}

FIXTURE_TEARDOWN(nth)
{
	mock_close(&self->m);
	close(self->fail);
}

static int write_all(struct mock *m, unsigned int n)
{
	int rc = mock_write(m, MOCK_START, (n % 3 + 1) * MOCK_PAGE, 5);

	return rc ? rc : mock_write(m, OTHER - LENGTH, MOCK_PAGE, n % 16 + 1);
}

/* All of it, reported and then no more */
static void expect_all(struct __test_metadata *_metadata, struct mock *m)
{
	OK(mock_get(m, MOCK_START, ALL_LEN));
	OK(mock_get(m, MOCK_START, ALL_LEN));
}

/*
 * A bitmap whose first page is there. For the first fault in the others, which
 * are a mapping that is like no neighbour of it, the kernel has to allocate.
 */
static uint8_t *bitmap(size_t size)
{
	uint8_t *map = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED ||
	    madvise(map + 4096, size - 4096, MADV_DONTFORK))
		return NULL;
	map[0] = 0;
	return map;
}

/* Promise 2: what an interrupted GET has delivered is good, the rest dirty. */
TEST_F_TIMEOUT(nth, promise2_get, SLOW)
{
	struct oracle_req req = {
		.iova = MOCK_START,
		.length = ALL_LEN,
		.page_size = MOCK_PAGE,
	};
	size_t size = ALL_LEN / MOCK_PAGE / 8;
	unsigned int n, errors = 0;
	struct mock *m = &self->m;
	bool failed;

	for (n = 1; n < FAILNTH_MAX; n++) {
		uint8_t *map;
		int rc;

		map = bitmap(size);
		ASSERT_NE(NULL, map);
		MUST(write_all(m, n));
		MUST(failnth_arm(self->fail, n));
		rc = iommufd_get_dirty(m->fd, m->hwpt, 0, req.iova, req.length,
				       MOCK_PAGE, map);
		failed = failnth_fired(self->fail);
		if (rc) {
			ASSERT_TRUE(failed);
			OK(oracle_delivered(&m->oracle, &req, map, size));
			errors++;
		} else {
			OK(oracle_compare(&m->oracle, &req, map));
			oracle_covered(&m->oracle, req.iova, req.length);
		}
		expect_all(_metadata, m);
		munmap(map, size);
		if (!failed)
			break;
	}
	TH_LOG("%u allocations, %u errors", n - 1, errors);
	ASSERT_GT(FAILNTH_MAX, n);
	ASSERT_LT(0, errors);
}

/*
 * With CONFIG_IOMMUFD_TEST the look-up of an object fails on demand, too, with
 * ENOENT. That is the first thing SET does, and no allocation: again, then.
 */
static int set(struct mock *m, int fail, unsigned int n, bool on, bool *failed)
{
	int rc = failnth_arm(fail, n);

	if (!rc)
		rc = mock_set(m, on);
	*failed = failnth_fired(fail);
	if (rc == -ENOENT && n == 1 && *failed)
		rc = mock_set(m, on);
	return rc;
}

/* Promise 4: SET succeeds, whatever is not to be had. */
TEST_F_TIMEOUT(nth, promise4_set_does_not_fail, SLOW)
{
	struct mock *m = &self->m;
	bool off_failed, on_failed;
	unsigned int n;

	for (n = 1; n < FAILNTH_MAX; n++) {
		MUST(write_all(m, n));
		OK(set(m, self->fail, n, false, &off_failed));
		OK(set(m, self->fail, n, true, &on_failed));
		expect_all(_metadata, m);
		MUST(write_all(m, n));
		expect_all(_metadata, m);
		if (!off_failed && !on_failed)
			break;
	}
	TH_LOG("%u points of failure", n - 1);
	ASSERT_GT(FAILNTH_MAX, n);
	ASSERT_LT(1, n);
}

/* A call that makes something, and how to undo it */
struct call {
	int (*act)(struct mock *m);
	int (*undo)(struct mock *m);
};

static void every_nth(struct __test_metadata *_metadata, struct mock *m,
		      int fail, const struct call *call)
{
	unsigned int n;
	bool failed;
	int rc;

	for (n = 1; n < FAILNTH_MAX; n++) {
		MUST(write_all(m, n));
		MUST(failnth_arm(fail, n));
		rc = call->act(m);
		failed = failnth_fired(fail);
		ASSERT_TRUE(!rc || failed);
		if (!rc)
			MUST(call->undo(m));
		expect_all(_metadata, m);
		if (!failed)
			break;
	}
	TH_LOG("%u allocations", n - 1);
	ASSERT_GT(FAILNTH_MAX, n);
	ASSERT_LT(1, n);
}

static uint32_t made;

static int alloc(struct mock *m)
{
	return iommufd_hwpt_alloc(m->fd, m->idev, m->ioas,
				  IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &made);
}

/* A HWPT that was made can be switched and read: SET does not fail. */
static int use_and_destroy(struct mock *m)
{
	uint64_t bits = 0x11, seen = 0;
	int rc;

	rc = iommufd_set_dirty(m->fd, made, true);
	if (!rc)
		rc = mock_mark(m->fd, made, MOCK_START, 16, &bits) == 2 ? 0 :
									 -EIO;
	if (!rc)
		rc = iommufd_get_dirty(m->fd, made, 0, MOCK_START, LENGTH,
				       MOCK_PAGE, &seen);
	if (!rc && seen != bits)
		rc = -EBADMSG;
	return rc ? rc : iommufd_destroy(m->fd, made);
}

/* Promise 4: what has been allocated works, what failed leaves nothing. */
TEST_F_TIMEOUT(nth, promise4_hwpt_alloc, SLOW)
{
	const struct call call = { alloc, use_and_destroy };

	every_nth(_metadata, &self->m, self->fail, &call);
}

static int destroy(struct mock *m)
{
	return iommufd_destroy(m->fd, made);
}

static int attach(struct mock *m)
{
	return mock_add_device(m->fd, m->hwpt, 0, &made, NULL);
}

/* Promise 4: a device that is attached, or is not. */
TEST_F_TIMEOUT(nth, promise4_attach, SLOW)
{
	const struct call call = { attach, destroy };

	every_nth(_metadata, &self->m, self->fail, &call);
}

static uint32_t other;

static int move(struct mock *m)
{
	return mock_replace(m->fd, m->stdev, other);
}

static int move_back(struct mock *m)
{
	return mock_replace(m->fd, m->stdev, m->hwpt);
}

/* Promise 4: a device that is moved, or stays where it is. */
TEST_F_TIMEOUT(nth, promise4_replace, SLOW)
{
	const struct call call = { move, move_back };
	struct mock *m = &self->m;

	MUST(iommufd_hwpt_alloc(m->fd, m->idev, m->ioas,
				IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &other));
	every_nth(_metadata, m, self->fail, &call);
}

static int map(struct mock *m)
{
	return iommufd_map(m->fd, m->ioas, m->small, OTHER, KIB(64));
}

static int unmap(struct mock *m)
{
	return iommufd_unmap(m->fd, m->ioas, OTHER, KIB(64));
}

/* Promises 1, 9: an area that is mapped beside the others, or is a hole. */
TEST_F_TIMEOUT(nth, promise1_map, SLOW)
{
	const struct call call = { map, unmap };

	every_nth(_metadata, &self->m, self->fail, &call);
}

static int copy(struct mock *m)
{
	return iommufd_copy(m->fd, m->ioas, OTHER, m->ioas, MOCK_START, LENGTH);
}

static int unmap_copy(struct mock *m)
{
	return iommufd_unmap(m->fd, m->ioas, OTHER, LENGTH);
}

/* Promises 1, 9: the same, of memory that is mapped already. */
TEST_F_TIMEOUT(nth, promise1_copy, SLOW)
{
	const struct call call = { copy, unmap_copy };

	every_nth(_metadata, &self->m, self->fail, &call);
}

/*
 * Promise 2: areas are gone and reported, or there and dirty. Which is which, the
 * length says.
 */
TEST_F_TIMEOUT(nth, promise2_unmap_dirty, SLOW)
{
	struct mock *m = &self->m;
	unsigned int n, errors = 0;
	bool failed;

	for (n = 1; n < FAILNTH_MAX; n++) {
		uint64_t length = 2 * LENGTH, bits = 0, left = 0;
		int rc;

		MUST(iommufd_map(m->fd, m->ioas, m->small, OTHER, LENGTH));
		MUST(iommufd_map(m->fd, m->ioas, m->small, OTHER + LENGTH,
				 LENGTH));
		ASSERT_EQ(2, mock_mark(m->fd, m->hwpt, OTHER, 16, "\x11"));
		ASSERT_EQ(2, mock_mark(m->fd, m->hwpt, OTHER + LENGTH, 16,
				       "\x22"));
		MUST(failnth_arm(self->fail, n));
		rc = iommufd_unmap_dirty(m->fd, m->ioas, OTHER, &length,
					 MOCK_PAGE, &bits);
		failed = failnth_fired(self->fail);
		ASSERT_TRUE(!rc || failed);
		/* The struct is as it was if the IOAS was not found. */
		if (rc == -ENOENT && n == 1)
			length = 0;
		if (rc) {
			errors++;
			ASSERT_NE(2 * LENGTH, length);
			MUST(iommufd_get_dirty(m->fd, m->hwpt, 0, OTHER,
					       2 * LENGTH, MOCK_PAGE, &left));
			MUST(iommufd_unmap(m->fd, m->ioas, OTHER, 2 * LENGTH));
		} else {
			ASSERT_EQ(2 * LENGTH, length);
		}
		EXPECT_EQ(0x220011, bits | left);
		EXPECT_EQ(0, bits & left);
		EXPECT_EQ(length ? length == LENGTH ? 0x11 : 0x220011 : 0, bits);
		if (!failed)
			break;
	}
	TH_LOG("%u allocations, %u errors", n - 1, errors);
	ASSERT_GT(FAILNTH_MAX, n);
	ASSERT_LT(0, errors);
}

TEST_HARNESS_MAIN
