// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything at once: promises 1 and 4 under concurrency.  Each round ends when
 * all threads have, and then the answer must be exact.
 */
#include <pthread.h>

/*
 * One action against SET.  What may go wrong does so in a small part of either,
 * so the two are shifted against each other by up to what they took last time.
 */
struct race {
	struct rig *rig;
	pthread_barrier_t start;
	int (*act)(struct race *race);
	uint32_t hwpt;
	void *data;		/* of the action */
	uint64_t seed;
	uint64_t delay_ns;	/* of the action */
	uint64_t act_ns;	/* what the action took */
	uint64_t set_ns;	/* what SET took */
	bool set;		/* SET is done */
	int rc;
};

static void spin(uint64_t ns)
{
	uint64_t end = now_ns() + ns;

	while (now_ns() < end)
		;
}

static void *race_thread(void *arg)
{
	struct race *race = arg;
	uint64_t begin;

	pthread_barrier_wait(&race->start);
	spin(race->delay_ns);
	begin = now_ns();
	race->rc = race->act(race);
	race->act_ns = now_ns() - begin;
	return NULL;
}

/* SET(@on) here while @act runs there; now one is ahead, now the other. */
static int race_set(struct race *race, bool on)
{
	uint64_t shift = rnd(&race->seed), begin, delay_ns = 0;
	pthread_t thread;
	int rc;

	if (shift & 1)
		race->delay_ns = (shift >> 1) % (race->set_ns + 1);
	else
		delay_ns = (shift >> 1) % (race->act_ns + 1);
	race->set = false;
	pthread_barrier_init(&race->start, NULL, 2);
	if (pthread_create(&thread, NULL, race_thread, race))
		return -EAGAIN;
	pthread_barrier_wait(&race->start);
	spin(delay_ns);
	begin = now_ns();
	rc = rig_set(race->rig, on);
	race->set_ns = now_ns() - begin;
	__atomic_store_n(&race->set, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&race->start);
	race->delay_ns = 0;
	return rc;
}

static int act_attach(struct race *race)
{
	return vfio_attach(&race->rig->nic.vfio, race->hwpt);
}

static int act_detach(struct race *race)
{
	return vfio_detach(&race->rig->nic.vfio);
}

/*
 * Page after page, as long as SET takes: each write is one chance to come at the
 * wrong moment. The oracle is not told, since nobody knows which come first.
 */
static int act_write(struct race *race)
{
	struct rig *r = race->rig;
	unsigned int i = 0;
	int rc;

	do {
		rc = e1000e_write_pages(&r->nic, RIG_IOVA + i++ % 20 * 3 * PAGE,
					PAGE, 1, r->stamp++);
	} while (!rc && !__atomic_load_n(&race->set, __ATOMIC_RELAXED));
	return rc;
}

static int act_set(struct race *race)
{
	return iommufd_set_dirty(race->rig->fd, race->hwpt, true);
}

/* The device is tracked: what it writes is reported, and reported again. */
static void expect_tracked(struct __test_metadata *_metadata, struct rig *r,
			   uint64_t length)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		MUST(rig_write_pages(r, RIG_IOVA, 3 * PAGE, 20));
		OK(rig_get(r, RIG_IOVA, length));
	}
}

/*
 * A small area, so that SET is no longer than what it races with; and many
 * rounds, for the parts that must not meet are short.
 */
#define RACE_LEN	(64 * PAGE)
#define RACE_ROUNDS	800

/* Promise 4: attached before, during or after SET(1). */
TEST_F_TIMEOUT(rig, attach_races_set, SLOW)
{
	struct rig *r = &self->rig;
	struct race race = { .rig = r, .act = act_attach, .hwpt = r->hwpt,
			     .seed = 1 };
	unsigned int round;

	ASSERT_NE(NULL, rig_map(r, RIG_IOVA, RACE_LEN, PAGE));
	for (round = 0; round < RACE_ROUNDS; round++) {
		MUST(rig_set(r, false));
		MUST(vfio_detach(&r->nic.vfio));
		MUST(race_set(&race, true));
		MUST(race.rc);
		expect_tracked(_metadata, r, RACE_LEN);
	}
}

/*
 * Promise 4: a device that writes while SET(1) runs. What it cached then must not
 * serve it afterwards.
 */
TEST_F_TIMEOUT(rig, writes_race_set, SLOW)
{
	struct rig *r = &self->rig;
	struct race race = { .rig = r, .act = act_write, .seed = 1 };
	unsigned int round;
	uint64_t bits;

	ASSERT_NE(NULL, rig_map(r, RIG_IOVA, RACE_LEN, PAGE));
	for (round = 0; round < RACE_ROUNDS; round++) {
		MUST(rig_set(r, false));
		MUST(race_set(&race, true));
		MUST(race.rc);
		MUST(iommufd_get_dirty(r->fd, r->hwpt, 0, RIG_IOVA, RACE_LEN,
				       PAGE, &bits));
		expect_tracked(_metadata, r, RACE_LEN);
	}
}

/* Promise 4: attached while SET(1) runs, coming from another page table. */
TEST_F_TIMEOUT(rig, replace_races_set, SLOW)
{
	struct rig *r = &self->rig;
	struct race race = { .rig = r, .act = act_attach, .hwpt = r->hwpt,
			     .seed = 1 };
	unsigned int round;
	uint32_t other;

	MUST(iommufd_hwpt_alloc(r->fd, r->nic.vfio.devid, r->ioas,
				IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &other));
	MUST(iommufd_set_dirty(r->fd, other, true));
	ASSERT_NE(NULL, rig_map(r, RIG_IOVA, RACE_LEN, PAGE));
	for (round = 0; round < RACE_ROUNDS; round++) {
		MUST(rig_set(r, false));
		MUST(vfio_attach(&r->nic.vfio, other));
		MUST(race_set(&race, true));
		MUST(race.rc);
		expect_tracked(_metadata, r, RACE_LEN);
	}
}

/* Promise 4: SET does not fail, also where the device is just leaving. */
TEST_F_TIMEOUT(rig, detach_races_set, SLOW)
{
	struct rig *r = &self->rig;
	struct race race = { .rig = r, .act = act_detach, .seed = 1 };
	unsigned int round;

	MUST(rig_add_edu(r, 0));
	ASSERT_NE(NULL, rig_map(r, RIG_IOVA, RACE_LEN, PAGE));
	for (round = 0; round < RACE_ROUNDS; round++) {
		MUST(rig_set(r, round & 2));
		MUST(race_set(&race, true));
		MUST(race.rc);
		MUST(vfio_attach(&r->nic.vfio, r->hwpt));
		expect_tracked(_metadata, r, RACE_LEN);
	}
}

/* Promise 4: SET(1) against SET(1), and tracking is on. */
TEST_F_TIMEOUT(rig, set_races_set, SLOW)
{
	struct rig *r = &self->rig;
	struct race race = { .rig = r, .act = act_set, .hwpt = r->hwpt,
			     .seed = 1 };
	unsigned int round;

	ASSERT_NE(NULL, rig_map(r, RIG_IOVA, RACE_LEN, PAGE));
	for (round = 0; round < RACE_ROUNDS; round++) {
		MUST(rig_set(r, false));
		MUST(rig_write_pages(r, RIG_IOVA, 3 * PAGE, 20));
		MUST(race_set(&race, true));
		MUST(race.rc);
		expect_tracked(_metadata, r, RACE_LEN);
	}
}

/**
 * struct worker - a thread that works until it is told to stop
 * @rig: on this rig
 * @thread: the thread
 * @stop: no more
 * @nr: which of several it is; or how often it has been seen, see toggle()
 * @done: complete rounds of it
 * @rc: what went wrong
 */
struct worker {
	struct rig *rig;
	pthread_t thread;
	bool stop;
	unsigned int nr;
	unsigned int done;
	int rc;
};

static bool worker_goes_on(struct worker *w, unsigned int max)
{
	return !w->rc && w->done < max &&
	       !__atomic_load_n(&w->stop, __ATOMIC_RELAXED);
}

static void worker_did(struct worker *w, int rc)
{
	__atomic_store_n(&w->rc, rc, __ATOMIC_RELAXED);
	if (!rc)
		__atomic_add_fetch(&w->done, 1, __ATOMIC_RELAXED);
}

/* It works, and has not done so many rounds yet. */
static bool worker_behind(const struct worker *w, unsigned int rounds)
{
	return !__atomic_load_n(&w->rc, __ATOMIC_RELAXED) &&
	       __atomic_load_n(&w->done, __ATOMIC_RELAXED) < rounds;
}

static int worker_join(struct worker *w)
{
	__atomic_store_n(&w->stop, true, __ATOMIC_RELAXED);
	pthread_join(w->thread, NULL);
	return w->rc;
}

#define CHURN_LEN	STRIP
/* Of who reads, and of each that maps and unmaps meanwhile */
#define CHURN_ROUNDS	60

/* Map and unmap right behind the tested area, and a little further on. */
static void *churn(void *arg)
{
	struct worker *w = arg;
	uint64_t iova = RIG_IOVA + AREA_LEN + w->nr * 2 * CHURN_LEN;
	void *mem = mem_alloc(CHURN_LEN, PAGE);

	if (!mem)
		worker_did(w, -ENOMEM);
	while (worker_goes_on(w, 100000)) {
		uint64_t len = CHURN_LEN >> w->done % 8;
		int rc;

		rc = iommufd_map(w->rig->fd, w->rig->ioas, mem, iova, len);
		if (!rc)
			rc = iommufd_unmap(w->rig->fd, w->rig->ioas, iova, len);
		worker_did(w, rc);
	}
	mem_free(mem, CHURN_LEN, PAGE);
	return NULL;
}

static bool churn_behind(const struct worker w[2])
{
	return worker_behind(&w[0], CHURN_ROUNDS) ||
	       worker_behind(&w[1], CHURN_ROUNDS);
}

/* Promises 1, 3: mappings come and go inside the range that is read. */
TEST_F_TIMEOUT(dma, map_races_get, SLOW)
{
	struct rig *r = &self->rig;
	struct worker w[2] = { { .rig = r }, { .rig = r, .nr = 1 } };
	uint64_t end = now_ms() + PATIENCE_MS;
	unsigned int round, i;

	MUST(rig_set(r, true));
	for (i = 0; i < ARRAY_SIZE(w); i++)
		MUST(pthread_create(&w[i].thread, NULL, churn, &w[i]));
	for (round = 0; round < CHURN_ROUNDS ||
	     (churn_behind(w) && now_ms() < end); round++) {
		EXPECT_EQ(0, rig_write_pages(r, RIG_IOVA + round % 200 * PAGE,
					     101 * PAGE, 100));
		OK(rig_get(r, RIG_IOVA, AREA_LEN / 2));
		OK(rig_get(r, RIG_IOVA, AREA_LEN + 8 * CHURN_LEN));
	}
	for (i = 0; i < ARRAY_SIZE(w); i++) {
		OK(worker_join(&w[i]));
		EXPECT_LE(CHURN_ROUNDS, w[i].done);
	}
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
}

/* Of SETs; an odd number, so that it is on one time, off the next */
#define TOGGLE_PAUSE	33

/*
 * SET, on and off, as fast as it goes.  After some of them nothing is switched
 * until a whole GET has seen it, or chance might let none find it on, or off.
 */
static void *toggle(void *arg)
{
	struct worker *w = arg;

	while (worker_goes_on(w, 100000)) {
		unsigned int gets;

		worker_did(w, iommufd_set_dirty(w->rig->fd, w->rig->hwpt,
						!(w->done & 1)));
		/* The next that ends may have begun before. */
		gets = __atomic_load_n(&w->nr, __ATOMIC_RELAXED) + 2;
		while (w->done % TOGGLE_PAUSE == 0 &&
		       __atomic_load_n(&w->nr, __ATOMIC_RELAXED) < gets &&
		       !__atomic_load_n(&w->stop, __ATOMIC_RELAXED))
			usleep(100);
	}
	return NULL;
}

/* Promise 4: GET is answered or refused, never wrong; then it is exact. */
TEST_F_TIMEOUT(dma, set_races_get, SLOW)
{
	struct rig *r = &self->rig;
	unsigned int round, answered = 0, refused = 0;
	uint64_t end = now_ms() + PATIENCE_MS;
	struct worker w = { .rig = r };
	uint8_t map[AREA_PAGES / 8];
	int rc;

	MUST(pthread_create(&w.thread, NULL, toggle, &w));
	for (round = 0; round < 200 ||
	     ((!answered || !refused) && now_ms() < end); round++) {
		EXPECT_EQ(0, e1000e_write_pages(&r->nic, RIG_IOVA, PAGE, 20,
						round));
		rc = iommufd_get_dirty(r->fd, r->hwpt, 0, RIG_IOVA, AREA_LEN,
				       PAGE, map);
		__atomic_add_fetch(&w.nr, 1, __ATOMIC_RELAXED);
		EXPECT_TRUE(!rc || rc == -EINVAL) {
			TH_LOG("GET returned %d", rc);
		}
		answered += !rc;
		refused += rc == -EINVAL;
	}
	OK(worker_join(&w));
	EXPECT_LT(0, answered);
	EXPECT_LT(0, refused);
	MUST(iommufd_set_dirty(r->fd, r->hwpt, false));
	MUST(rig_set(r, true));
	expect_tracked(_metadata, r, AREA_LEN);
	OK(rig_get(r, RIG_IOVA, AREA_LEN));
}

/* One half of a request: pages that end in the middle of a word. */
struct half {
	struct rig *rig;
	pthread_barrier_t *start;
	uint64_t iova, length;
	uint8_t *map;
	int rc;
};

static void *get_half(void *arg)
{
	struct half *h = arg;

	pthread_barrier_wait(h->start);
	h->rc = iommufd_get_dirty(h->rig->fd, h->rig->hwpt, 0, h->iova,
				  h->length, PAGE, h->map);
	return NULL;
}

static int get_halves(struct half *h, pthread_barrier_t *start)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, get_half, &h[1]))
		return -EAGAIN;
	h[0].start = start;
	get_half(&h[0]);
	pthread_join(thread, NULL);
	return h[0].rc ? h[0].rc : h[1].rc;
}

/* Promises 1, 3: two GETs side by side, with a word of bitmap between them. */
TEST_F_TIMEOUT(rig, parallel_gets_share_a_word, SLOW)
{
	const uint64_t pages = 224, cut = 104;
	struct rig *r = &self->rig;
	pthread_barrier_t start;
	uint8_t map[224 / 8];
	struct half h[2] = {
		{ r, &start, RIG_IOVA, cut * PAGE, map, 0 },
		{ r, &start, RIG_IOVA + cut * PAGE, (pages - cut) * PAGE,
		  map + cut / 8, 0 },
	};
	struct oracle_req req = { RIG_IOVA, pages * PAGE, PAGE, 0, 0, 0 };
	unsigned int round;

	pthread_barrier_init(&start, NULL, 2);
	ASSERT_NE(NULL, rig_map(r, RIG_IOVA, pages * PAGE, PAGE));
	MUST(rig_set(r, true));
	for (round = 0; round < 300; round++) {
		memset(map, 0, sizeof(map));
		MUST(rig_write_pages(r, RIG_IOVA, (1 + round % 3) * PAGE,
				     pages / (1 + round % 3)));
		MUST(get_halves(h, &start));
		OK(oracle_compare(&r->oracle, &req, map));
		oracle_covered(&r->oracle, req.iova, req.length);
	}
	OK(rig_get(r, RIG_IOVA, pages * PAGE));
}

/* Promise 1: two GETs of one range: what one does not report, the other does. */
TEST_F_TIMEOUT(dma, parallel_gets_of_one_range, SLOW)
{
	struct rig *r = &self->rig;
	pthread_barrier_t start;
	uint8_t map[2][AREA_PAGES / 8];
	struct half h[2] = {
		{ r, &start, RIG_IOVA, AREA_LEN, map[0], 0 },
		{ r, &start, RIG_IOVA, AREA_LEN, map[1], 0 },
	};
	struct oracle_req req = { RIG_IOVA, AREA_LEN, PAGE, 0, 0, 0 };
	unsigned int round, i;

	pthread_barrier_init(&start, NULL, 2);
	MUST(rig_set(r, true));
	for (round = 0; round < 60; round++) {
		memset(map, 0, sizeof(map));
		MUST(rig_write_pages(r, RIG_IOVA, 37 * PAGE, 276));
		MUST(get_halves(h, &start));
		for (i = 0; i < sizeof(map[0]); i++)
			map[0][i] |= map[1][i];
		OK(oracle_compare(&r->oracle, &req, map[0]));
		oracle_covered(&r->oracle, req.iova, req.length);
		OK(rig_get(r, RIG_IOVA, AREA_LEN));
	}
}

#define MIRROR_PAGES	2048
#define MIRROR_LEN	(MIRROR_PAGES * PAGE)
#define MIRROR_BATCHES	5000
#define MIRROR_ROUNDS	12

/* Writes as a guest's devices do: anywhere, any time, some pages often. */
static void *write_at_random(void *arg)
{
	struct worker *w = arg;
	struct e1000e_write write[16];
	uint64_t seed = 0xca11;
	unsigned int i;

	/* Until it is stopped; the bound is for a reader that has hung. */
	while (worker_goes_on(w, 100 * MIRROR_BATCHES)) {
		for (i = 0; i < ARRAY_SIZE(write); i++) {
			uint64_t page = rnd(&seed) % MIRROR_PAGES;

			if (i & 1)
				page %= 8;
			write[i].iova = RIG_IOVA + page * PAGE +
					rnd(&seed) % 4000;
			write[i].len = 64;
			write[i].stamp = rnd(&seed);
		}
		worker_did(w, e1000e_write(&w->rig->nic, write,
					   ARRAY_SIZE(write)));
	}
	return NULL;
}

static int copy_dirty(struct rig *r, uint8_t *mirror, const uint8_t *mem)
{
	uint8_t map[MIRROR_PAGES / 8] = { 0 };
	size_t i;
	int rc;

	rc = iommufd_get_dirty(r->fd, r->hwpt, 0, RIG_IOVA, MIRROR_LEN, PAGE,
			       map);
	for (i = 0; i < MIRROR_PAGES; i++)
		if (map[i / 8] & 1 << i % 8)
			memcpy(mirror + i * PAGE, mem + i * PAGE, PAGE);
	return rc;
}

/*
 * Promise 1, as a migration uses it: read the bitmap while the device writes,
 * copy what is dirty, and again.  Once it has stopped and the last dirty pages
 * are copied, the copy is the memory.  Any write that is lost between a clear
 * and its invalidation shows here, and only here.
 */
TEST_F_TIMEOUT(dma, mirror, SLOW)
{
	struct rig *r = &self->rig;
	struct worker w = { .rig = r };
	uint8_t *mirror = malloc(MIRROR_LEN);
	unsigned int rounds;
	int rc;

	ASSERT_NE(NULL, mirror);
	MUST(rig_set(r, true));
	memset(self->mem, 0, MIRROR_LEN);
	memset(mirror, 0, MIRROR_LEN);
	MUST(pthread_create(&w.thread, NULL, write_at_random, &w));
	/* On a slow machine, fewer rounds would prove little. */
	for (rounds = 0; rounds < MIRROR_ROUNDS ||
	     worker_behind(&w, MIRROR_BATCHES); rounds++) {
		rc = copy_dirty(r, mirror, self->mem);
		EXPECT_EQ(0, rc);
		if (rc || __atomic_load_n(&w.rc, __ATOMIC_RELAXED))
			break;
	}
	OK(worker_join(&w));
	EXPECT_EQ(0, copy_dirty(r, mirror, self->mem));
	EXPECT_EQ(0, memcmp(mirror, self->mem, MIRROR_LEN)) {
		TH_LOG("the copy differs after %u rounds", rounds);
	}
	free(mirror);
}
