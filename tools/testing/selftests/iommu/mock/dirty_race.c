// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads while everything else changes: promises 1, 3 and 4 under concurrency.
 *
 * A part of the IOVA space stands still. A device writes each of its pages at
 * most once, in a scattered order, while threads read and one thread maps,
 * attaches, switches. When all have stopped, what the reads together and a last
 * one have reported is exactly what was written: a page that is missing was
 * lost, for good.
 */
#include "kselftest_harness.h"
#include "mock.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

/* Across the end of a window; then a part that comes and goes; then a hole */
#define STABLE		(MOCK_WINDOW - MIB(8))
#define STABLE_LEN	MIB(16)
#define PAGES		(STABLE_LEN / MOCK_PAGE)
#define CHANGING	(STABLE + STABLE_LEN)
#define CHANGING_LEN	MIB(2)
#define READ_LEN	(STABLE_LEN + MIB(4))
#define BYTES		(READ_LEN / MOCK_PAGE / 8)

/* Two pages after one another are that far apart: a prime, so that all come */
#define SCATTER		1291

#define READERS		2
#define RACE_MS		2000

struct race;

struct reader {
	struct race *race;
	pthread_t thread;
	uint32_t flags;
	unsigned int reads;
	int rc;
	uint8_t seen[BYTES];
};

struct race {
	struct mock m;
	uint32_t other;
	unsigned int next;
	unsigned int steps;
	bool stop;
	uint8_t written[PAGES / 8];
	struct reader reader[READERS];
};

static bool stopped(struct race *race)
{
	return __atomic_load_n(&race->stop, __ATOMIC_RELAXED);
}

FIXTURE(race)
{
	struct race *race;
};

FIXTURE_VARIANT(race)
{
	/* One change, and back */
	int (*step)(struct race *race);
};

/* The device writes the next page of the part that stands still. */
static int write_next(struct race *race)
{
	uint64_t page = (uint64_t)race->next * SCATTER % PAGES;
	uint8_t one = 1;
	int rc;

	if (race->next == PAGES)
		return 0;
	rc = mock_mark(race->m.fd, race->m.hwpt, STABLE + page * MOCK_PAGE, 1,
		       &one);
	if (rc != 1)
		return rc < 0 ? rc : -EIO;
	race->written[page / 8] |= 1 << page % 8;
	race->next++;
	return 0;
}

static int map_changing(struct race *race, bool huge)
{
	struct mock *m = &race->m;
	uint64_t off;
	int rc = 0;

	if (huge)
		return iommufd_map(m->fd, m->ioas, m->huge, CHANGING,
				   CHANGING_LEN);
	for (off = 0; off < CHANGING_LEN && !rc; off += KIB(512))
		rc = iommufd_map(m->fd, m->ioas, m->small, CHANGING + off,
				 KIB(512));
	return rc;
}

/* Small and large leaves in turns: tables are freed under the reads. */
static int step_map(struct race *race)
{
	static const uint8_t all[CHANGING_LEN / MOCK_PAGE / 8] = {
		[0 ... CHANGING_LEN / MOCK_PAGE / 8 - 1] = 0xff,
	};
	struct mock *m = &race->m;
	int rc = map_changing(race, race->steps % 2);

	if (rc)
		return rc;
	rc = mock_mark(m->fd, m->hwpt, CHANGING, CHANGING_LEN / MOCK_PAGE, all);
	if (rc < 0)
		return rc;
	return iommufd_unmap(m->fd, m->ioas, CHANGING, CHANGING_LEN);
}

static int step_copy(struct race *race)
{
	struct mock *m = &race->m;
	int rc = iommufd_copy(m->fd, m->ioas, CHANGING, m->ioas, STABLE,
			      KIB(64));

	return rc ? rc : iommufd_unmap(m->fd, m->ioas, CHANGING, KIB(64));
}

static int step_attach(struct race *race)
{
	uint32_t stdev;
	int rc = mock_add_device(race->m.fd, race->m.hwpt, 0, &stdev, NULL);

	return rc ? rc : iommufd_destroy(race->m.fd, stdev);
}

static int step_replace(struct race *race)
{
	struct mock *m = &race->m;
	int rc = mock_replace(m->fd, m->stdev, race->other);

	return rc ? rc : mock_replace(m->fd, m->stdev, m->hwpt);
}

/* A HWPT comes, is switched on and goes, while others may be reading it. */
static int step_alloc(struct race *race)
{
	struct mock *m = &race->m;
	uint32_t hwpt;
	int rc;

	rc = iommufd_hwpt_alloc(m->fd, m->idev, m->ioas,
				IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt);
	if (rc)
		return rc;
	__atomic_store_n(&race->other, hwpt, __ATOMIC_RELAXED);
	rc = iommufd_set_dirty(m->fd, hwpt, true);
	/* A HWPT that is being read is in use. */
	while (!rc && (rc = iommufd_destroy(m->fd, hwpt)) == -EBUSY)
		rc = 0;
	return rc;
}

static int step_set_other(struct race *race)
{
	int rc = iommufd_set_dirty(race->m.fd, race->other, true);

	return rc ? rc : iommufd_set_dirty(race->m.fd, race->other, false);
}

/* On, which it is: nothing is cleared. */
static int step_set(struct race *race)
{
	return iommufd_set_dirty(race->m.fd, race->m.hwpt, true);
}

/* Reads alone, against one another and against the device */
static int step_write(struct race *race)
{
	return write_next(race);
}

FIXTURE_VARIANT_ADD(race, map_unmap) { .step = step_map };
FIXTURE_VARIANT_ADD(race, copy) { .step = step_copy };
FIXTURE_VARIANT_ADD(race, attach_detach) { .step = step_attach };
FIXTURE_VARIANT_ADD(race, replace) { .step = step_replace };
FIXTURE_VARIANT_ADD(race, alloc_destroy) { .step = step_alloc };
FIXTURE_VARIANT_ADD(race, set_other) { .step = step_set_other };
FIXTURE_VARIANT_ADD(race, set_on) { .step = step_set };
FIXTURE_VARIANT_ADD(race, write) { .step = step_write };

FIXTURE_SETUP(race)
{
	struct race *race = calloc(1, sizeof(*race));
	struct mock *m;

	ASSERT_NE(NULL, race);
	self->race = race;
	m = &race->m;
	MUST(mock_open(m, MOCK_HUGE));
	MUST(mock_map(m, STABLE, STABLE_LEN, MOCK_PAGE));
	/* For its memory */
	MUST(mock_map(m, CHANGING, CHANGING_LEN, MOCK_HUGE));
	MUST(mock_unmap(m, CHANGING, CHANGING_LEN));
	MUST(mock_set(m, true));
	MUST(iommufd_hwpt_alloc(m->fd, m->idev, m->ioas,
				IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &race->other));
}

FIXTURE_TEARDOWN(race)
{
	mock_close(&self->race->m);
	free(self->race);
}

/*
 * Reads all, and every second time only what is behind the middle; and now and
 * then another HWPT's.
 */
static void *reader_thread(void *arg)
{
	struct reader *r = arg;
	struct race *race = r->race;
	struct mock *m = &race->m;
	uint8_t other[BYTES];
	uint64_t half = STABLE_LEN / 2 + 65 * MOCK_PAGE * 8;

	for (r->reads = 0; !stopped(race) && !r->rc; r->reads++) {
		uint64_t from = r->reads % 2 ? half : 0;

		r->rc = iommufd_get_dirty(m->fd, m->hwpt, r->flags,
					  STABLE + from, READ_LEN - from,
					  MOCK_PAGE,
					  r->seen + from / MOCK_PAGE / 8);
		if (r->reads % 3)
			continue;
		/* It may be gone, or off. */
		iommufd_get_dirty(m->fd, __atomic_load_n(&race->other,
							 __ATOMIC_RELAXED),
				  0, STABLE, READ_LEN, MOCK_PAGE, other);
	}
	return NULL;
}

static int start_readers(struct race *race)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; i < READERS && !rc; i++) {
		race->reader[i].race = race;
		rc = pthread_create(&race->reader[i].thread, NULL,
				    reader_thread, &race->reader[i]);
	}
	return rc;
}

static void stop_readers(struct __test_metadata *_metadata, struct race *race)
{
	unsigned int i;

	__atomic_store_n(&race->stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < READERS; i++) {
		pthread_join(race->reader[i].thread, NULL);
		OK(race->reader[i].rc);
		EXPECT_LT(2, race->reader[i].reads);
	}
}

/* What was seen by the readers together and what is still dirty, is all. */
static void expect_written(struct __test_metadata *_metadata, struct race *race,
			   const uint8_t *rest)
{
	unsigned int i, t, lost = 0, invented = 0;

	for (i = 0; i < PAGES / 8; i++) {
		uint8_t seen = rest[i];

		for (t = 0; t < READERS; t++)
			seen |= race->reader[t].seen[i];
		lost += __builtin_popcount(race->written[i] & ~seen);
		invented += __builtin_popcount(seen & ~race->written[i]);
	}
	EXPECT_EQ(0, lost);
	EXPECT_EQ(0, invented);
	TH_LOG("%u steps, %u pages, %u + %u reads", race->steps, race->next,
	       race->reader[0].reads, race->reader[1].reads);
	EXPECT_LT(0, race->next);
}

/* Promise 1: GET, beside everything that may go on at the time */
TEST_F_TIMEOUT(race, promise1_get, SLOW)
{
	struct race *race = self->race;
	uint64_t end = mock_now_ms() + RACE_MS;
	static uint8_t rest[BYTES];

	MUST(start_readers(race));
	for (; mock_now_ms() < end; race->steps++) {
		MUST(variant->step(race));
		MUST(write_next(race));
	}
	stop_readers(_metadata, race);
	MUST(iommufd_get_dirty(race->m.fd, race->m.hwpt, 0, STABLE, READ_LEN,
			       MOCK_PAGE, rest));
	expect_written(_metadata, race, rest);
}

/* Promises 1, 7: readers that clear nothing */
TEST_F_TIMEOUT(race, promise7_no_clear, SLOW)
{
	struct race *race = self->race;
	uint64_t end = mock_now_ms() + RACE_MS / 4;
	static uint8_t rest[BYTES];

	race->reader[0].flags = NO_CLEAR;
	race->reader[1].flags = NO_CLEAR;
	MUST(start_readers(race));
	for (; mock_now_ms() < end; race->steps++) {
		MUST(variant->step(race));
		MUST(write_next(race));
	}
	stop_readers(_metadata, race);
	MUST(iommufd_get_dirty(race->m.fd, race->m.hwpt, 0, STABLE, STABLE_LEN,
			       MOCK_PAGE, rest));
	/* Nothing was cleared: this one has everything by itself. */
	EXPECT_EQ(0, memcmp(rest, race->written, sizeof(race->written)));
	expect_written(_metadata, race, rest);
}

/* Threads that read into one bitmap: they share its words. */
FIXTURE(share)
{
	struct race race;
};

FIXTURE_VARIANT(share)
{
	/* Pages each thread reads at a time; those of others are in between */
	unsigned int pages;
};

FIXTURE_VARIANT_ADD(share, bytes) { .pages = 8 };
FIXTURE_VARIANT_ADD(share, odd_bytes) { .pages = 24 };
FIXTURE_VARIANT_ADD(share, words) { .pages = 64 };
FIXTURE_VARIANT_ADD(share, all) { .pages = 0 };

#define SHARE_PAGES	3072

FIXTURE_SETUP(share)
{
	MUST(mock_open(&self->race.m, MOCK_PAGE));
	MUST(mock_map(&self->race.m, STABLE, STABLE_LEN, MOCK_PAGE));
	MUST(mock_set(&self->race.m, true));
}

FIXTURE_TEARDOWN(share)
{
	mock_close(&self->race.m);
}

struct sharer {
	struct race *race;
	unsigned int nth;
	unsigned int pages;
	int rc;
	pthread_t thread;
};

/* All ranges that are this thread's, over and over, into the first's bitmap */
static void *sharer_thread(void *arg)
{
	struct sharer *s = arg;
	struct race *race = s->race;
	uint8_t *seen = race->reader[0].seen;
	unsigned int pages = s->pages ? s->pages : SHARE_PAGES;
	unsigned int first = s->pages ? s->nth * pages : 0;
	unsigned int stride = s->pages ? READERS * pages : pages, page;

	while (!stopped(race) && !s->rc)
		for (page = first; page < SHARE_PAGES && !s->rc; page += stride)
			s->rc = iommufd_get_dirty(race->m.fd, race->m.hwpt, 0,
						  STABLE + page * MOCK_PAGE,
						  pages * MOCK_PAGE, MOCK_PAGE,
						  seen + page / 8);
	return NULL;
}

/* Promise 3: bits are ORed in, a word at a time, each word by one. */
TEST_F_TIMEOUT(share, promise3_reads_share_words, SLOW)
{
	struct sharer s[READERS];
	struct race *race = &self->race;
	uint64_t end = mock_now_ms() + RACE_MS;
	static uint8_t rest[BYTES];
	unsigned int i, page;

	for (i = 0; i < READERS; i++) {
		s[i] = (struct sharer){ race, i, variant->pages };
		MUST(pthread_create(&s[i].thread, NULL, sharer_thread, &s[i]));
	}
	for (i = 0; i < SHARE_PAGES && mock_now_ms() < end; i++) {
		uint8_t one = 1;

		page = i * SCATTER % SHARE_PAGES;
		ASSERT_EQ(1, mock_mark(race->m.fd, race->m.hwpt,
				       STABLE + page * MOCK_PAGE, 1, &one));
		race->written[page / 8] |= 1 << page % 8;
		race->next++;
	}
	__atomic_store_n(&race->stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < READERS; i++) {
		pthread_join(s[i].thread, NULL);
		OK(s[i].rc);
	}
	MUST(iommufd_get_dirty(race->m.fd, race->m.hwpt, 0, STABLE, STABLE_LEN,
			       MOCK_PAGE, rest));
	expect_written(_metadata, race, rest);
}

/* One thread that switches, and one that reads */
FIXTURE(toggle)
{
	struct race race;
};

FIXTURE_SETUP(toggle)
{
	MUST(mock_open(&self->race.m, MOCK_PAGE));
	MUST(mock_map(&self->race.m, STABLE, STABLE_LEN, MOCK_PAGE));
}

FIXTURE_TEARDOWN(toggle)
{
	mock_close(&self->race.m);
}

static void *toggle_thread(void *arg)
{
	struct reader *r = arg;
	unsigned int n;

	for (n = 1; !stopped(r->race) && !r->rc; n++)
		r->rc = iommufd_set_dirty(r->race->m.fd, r->race->m.hwpt,
					  n % 2);
	if (!r->rc)
		r->rc = iommufd_set_dirty(r->race->m.fd, r->race->m.hwpt,
					  false);
	return NULL;
}

/*
 * Promise 4: switched while it is read. On or off at the time, a read ends well
 * or with EINVAL; nothing is invented; at last all is as ever.
 */
TEST_F_TIMEOUT(toggle, promise4_switched_during_get, SLOW)
{
	struct race *race = &self->race;
	struct mock *m = &race->m;
	uint64_t begin = mock_now_ms(), even = 0x5555555555555555;
	static uint8_t seen[BYTES];
	unsigned int i, reads[2] = {};
	pthread_t thread;

	race->reader[0].race = race;
	MUST(pthread_create(&thread, NULL, toggle_thread, &race->reader[0]));
	while (mock_race(begin, RACE_MS / 2, reads[0] && reads[1])) {
		int rc = mock_mark(m->fd, m->hwpt, STABLE, 64, &even);

		ASSERT_TRUE(rc == 32 || rc == -EINVAL);
		rc = iommufd_get_dirty(m->fd, m->hwpt, 0, STABLE, STABLE_LEN,
				       MOCK_PAGE, seen);
		ASSERT_TRUE(!rc || rc == -EINVAL);
		reads[!rc]++;
	}
	__atomic_store_n(&race->stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	OK(race->reader[0].rc);
	for (i = 0; i < 8; i++)
		EXPECT_EQ(0, seen[i] & 0xaa);
	for (; i < BYTES; i++)
		MUST(seen[i]);
	TH_LOG("%u reads while on, %u while off", reads[1], reads[0]);
	EXPECT_LT(0, reads[0]);
	EXPECT_LT(0, reads[1]);
	MUST(mock_set(m, true));
	MUST(mock_write(m, STABLE, 3 * MOCK_PAGE, 100));
	OK(mock_get(m, STABLE, STABLE_LEN));
}

TEST_HARNESS_MAIN
