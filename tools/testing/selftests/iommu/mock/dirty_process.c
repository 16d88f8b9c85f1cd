// SPDX-License-Identifier: GPL-2.0-only
/*
 * What happens to the process during a read: its bitmap comes and goes, it
 * forks, is signalled, is killed. Promises 1 and 2: the result is right or an
 * error, and what was not delivered is delivered by the next read.
 *
 * The bitmap is in a file where bits must outlive a mapping or a process.
 */
#include "kselftest_harness.h"
#include "process.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define RACE_MS		1500

/* A GET that has not come to its first window by then never will. */
#define COMES_MS	10000

/* The bits of an area: two words */
#define AREA_BYTES	(AREA_LEN / MOCK_PAGE / 8)

FIXTURE(process)
{
	struct mock m;
	int fd;
	uint8_t *map;
};

/* As process_open(), and an empty file for a bitmap */
static int set_up(struct mock *m, int *fd)
{
	*fd = memfd_create("bitmap", 0);
	if (*fd < 0 || ftruncate(*fd, SIZE))
		return -errno;
	return process_open(m);
}

FIXTURE_SETUP(process)
{
	MUST(set_up(&self->m, &self->fd));
	self->map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			 self->fd, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->map);
}

FIXTURE_TEARDOWN(process)
{
	close(self->fd);
	mock_close(&self->m);
}

/*
 * A GET into @file has ended with @rc: if well, then with everything, else
 * with what it has delivered; and then the rest is still there. Empties it.
 */
static void account(struct __test_metadata *_metadata, struct mock *m, int file,
		    int rc)
{
	static uint8_t copy[SIZE];
	static const uint8_t zero[SIZE];

	ASSERT_EQ(SIZE, pread(file, copy, SIZE, 0));
	if (rc) {
		OK(oracle_delivered(&m->oracle, &process_whole, copy, SIZE));
	} else {
		OK(oracle_compare(&m->oracle, &process_whole, copy));
		oracle_covered(&m->oracle, START, LENGTH);
	}
	OK(oracle_ask(&m->oracle, &process_whole));
	ASSERT_EQ(SIZE, pwrite(file, zero, SIZE, 0));
}

/* A thread that takes pages of the bitmap away and gives them back */
struct thief {
	uint8_t *map;
	int file;
	int how;
	unsigned int thefts;
	bool stop;
};

enum {
	UNMAP,
	PROTECT,
	DROP,
	MOVE,
	THEFTS,
};

static void steal(struct thief *t, unsigned int n)
{
	uint8_t *page = t->map + n * 4096, *away;

	switch (t->how) {
	case UNMAP:
		munmap(page, 4096);
		sched_yield();
		mmap(page, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		     t->file, n * 4096);
		break;
	case PROTECT:
		mprotect(page, 4096, n % 2 ? PROT_NONE : PROT_READ);
		sched_yield();
		mprotect(page, 4096, PROT_READ | PROT_WRITE);
		break;
	case DROP:
		madvise(page, 4096, MADV_DONTNEED);
		break;
	case MOVE:
		away = mremap(page, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED,
			      t->map + SIZE);
		sched_yield();
		mremap(away, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, page);
		break;
	}
}

static void *thief_thread(void *arg)
{
	struct thief *t = arg;
	unsigned int n;

	for (n = 0; !__atomic_load_n(&t->stop, __ATOMIC_RELAXED); n++) {
		steal(t, n % WINDOWS);
		__atomic_store_n(&t->thefts, n + 1, __ATOMIC_RELAXED);
		/* A read that comes now, on the same processor, may succeed. */
		sched_yield();
	}
	return NULL;
}

FIXTURE(theft)
{
	struct mock m;
	int fd;
	uint8_t *map;
};

FIXTURE_VARIANT(theft)
{
	int how;
};

FIXTURE_VARIANT_ADD(theft, unmap) { .how = UNMAP };
FIXTURE_VARIANT_ADD(theft, protect) { .how = PROTECT };
FIXTURE_VARIANT_ADD(theft, drop) { .how = DROP };
FIXTURE_VARIANT_ADD(theft, move) { .how = MOVE };

FIXTURE_SETUP(theft)
{
	MUST(set_up(&self->m, &self->fd));
	/*
	 * The page behind is where MOVE puts what it takes away. Pages around
	 * all this keep others from moving into a hole that is there for once.
	 */
	self->map = mmap(NULL, SIZE + 3 * 4096, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->map);
	self->map += 4096;
	ASSERT_EQ(self->map, mmap(self->map, SIZE, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_FIXED, self->fd, 0));
}

FIXTURE_TEARDOWN(theft)
{
	close(self->fd);
	mock_close(&self->m);
}

/* What came of the rounds */
struct rounds {
	unsigned int all;
	unsigned int errors;
	unsigned int beside;	/* while pages were taken away */
};

/*
 * Have reads and thefts met? Then there have been errors, and not in all rounds;
 * but what is dropped comes back by itself.
 */
static bool have_met(const struct rounds *n, int how)
{
	if (how == DROP)
		return n->beside;
	return n->errors && n->errors < n->all;
}

/*
 * Promise 2: pages of the bitmap go away while it is written. The mapping goes,
 * the file stays: whatever was delivered is there.
 */
TEST_F_TIMEOUT(theft, promise2_bitmap_goes_away, SLOW)
{
	struct thief t = {
		.map = self->map,
		.file = self->fd,
		.how = variant->how,
	};
	uint64_t begin = mock_now_ms();
	struct rounds n = {};
	pthread_t thread;

	MUST(pthread_create(&thread, NULL, thief_thread, &t));
	for (; mock_race(begin, RACE_MS, have_met(&n, t.how)); n.all++) {
		unsigned int thefts;
		int rc;

		MUST(process_write(&self->m, n.all));
		thefts = __atomic_load_n(&t.thefts, __ATOMIC_RELAXED);
		rc = process_get(&self->m, t.map);
		/* Of two that ended meanwhile, one has begun meanwhile, too. */
		n.beside += __atomic_load_n(&t.thefts, __ATOMIC_RELAXED) -
			    thefts > 1;
		ASSERT_TRUE(!rc || rc == -EFAULT);
		n.errors += !!rc;
		account(_metadata, &self->m, self->fd, rc);
	}
	__atomic_store_n(&t.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	TH_LOG("%u rounds, %u of them EFAULT, thefts during %u", n.all,
	       n.errors, n.beside);
	EXPECT_TRUE(have_met(&n, t.how));
	if (t.how == DROP)
		OK(n.errors);
}

/* Is anything reported of an area, whose bits these are? */
static bool reported(const uint8_t *bits)
{
	const uint64_t *word = (const uint64_t *)bits;

	return __atomic_load_n(&word[0], __ATOMIC_RELAXED) ||
	       __atomic_load_n(&word[1], __ATOMIC_RELAXED);
}

/*
 * Wait until a GET of somebody else's, into an empty bitmap, has come to a window.
 * Its bits are seen as it stores them. Returns false if it does not come.
 */
static bool comes_to(const uint8_t *map, unsigned int window)
{
	uint64_t begin = mock_now_ms();
	unsigned int i;

	for (i = 1; !reported(map + window * 4096); i++) {
		if (i % 1024)
			continue;
		if (mock_now_ms() - begin > COMES_MS)
			return false;
		sched_yield();
	}
	return true;
}

/*
 * Is it under way still? Who asks this after they have struck, and is told that it
 * is, has struck in the midst of it.
 */
static bool under_way(const uint8_t *map)
{
	return !reported(map + SIZE - AREA_BYTES);
}

/* Killed anywhere in a GET: what is not in the file is still dirty. */
TEST_F_TIMEOUT(process, promise1_killed, SLOW)
{
	unsigned int round, struck = 0;
	uint64_t begin = mock_now_ms();
	struct mock *m = &self->m;

	for (round = 0; round < 25 || mock_race(begin, 0, struck); round++) {
		int status;
		bool came;
		pid_t pid;

		MUST(process_write(m, round));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			for (;;)
				if (process_get(m, self->map))
					_exit(1);
		came = comes_to(self->map, round % WINDOWS);
		MUST(kill(pid, SIGKILL));
		struck += came && under_way(self->map);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_TRUE(WIFSIGNALED(status));
		ASSERT_TRUE(came);
		account(_metadata, m, self->fd, -EINTR);
	}
	TH_LOG("%u rounds, killed in the midst of %u", round, struck);
	EXPECT_LT(0, struck);
}

static unsigned int signals;

static void on_signal(int sig)
{
	signals++;
}

/* Promise 1: signals, handled, in the midst of everything. */
TEST_F_TIMEOUT(process, promise1_signals, SLOW)
{
	struct sigaction sa = { .sa_handler = on_signal };
	unsigned int round, struck = 0;
	uint64_t begin = mock_now_ms();
	struct mock *m = &self->m;

	MUST(sigaction(SIGUSR1, &sa, NULL));
	for (round = 0; mock_race(begin, RACE_MS, struck); round++) {
		struct process_getter g = {
			.m = m, .length = LENGTH, .map = self->map,
		};
		pthread_t thread;

		MUST(process_write(m, round));
		/* Every page faults, with a signal pending or without. */
		MUST(madvise(self->map, SIZE, MADV_DONTNEED));
		MUST(pthread_create(&thread, NULL, process_get_thread, &g));
		ASSERT_TRUE(comes_to(self->map, round % WINDOWS));
		MUST(pthread_kill(thread, SIGUSR1));
		struck += under_way(self->map);
		pthread_join(thread, NULL);
		ASSERT_TRUE(!g.rc || g.rc == -EINTR);
		account(_metadata, m, self->fd, g.rc);
	}
	TH_LOG("%u rounds, %u signals, %u in the midst of it", round, signals,
	       struck);
	EXPECT_LT(0, struck);
	EXPECT_LE(struck, signals);
}

/* An inherited file descriptor is the same HWPT, a bitmap is the child's own. */
TEST_F(process, promise1_fork)
{
	static uint8_t bitmap[SIZE];
	static const uint8_t zero[SIZE];
	struct mock *m = &self->m;
	unsigned int round;

	for (round = 0; round < 4; round++) {
		bool child_reads = round % 2;
		int status;
		pid_t pid;

		memset(bitmap, 0, SIZE);
		MUST(process_write(m, round));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			/* Pages that were the parent's: the GET copies them. */
			if (child_reads)
				_exit(!!process_get(m, bitmap) ||
				      oracle_compare(&m->oracle, &process_whole,
						     bitmap));
			pause();
			_exit(1);
		}
		if (child_reads) {
			ASSERT_EQ(pid, waitpid(pid, &status, 0));
			EXPECT_EQ(0, status);
			EXPECT_EQ(0, memcmp(bitmap, zero, SIZE));
		} else {
			MUST(process_get(m, bitmap));
			OK(oracle_compare(&m->oracle, &process_whole, bitmap));
			MUST(kill(pid, SIGKILL));
			ASSERT_EQ(pid, waitpid(pid, &status, 0));
		}
		oracle_covered(&m->oracle, START, LENGTH);
		OK(oracle_ask(&m->oracle, &process_whole));
	}
}

struct forker {
	bool stop;
	unsigned int forks;
};

static void *fork_thread(void *arg)
{
	struct forker *f = arg;

	while (!__atomic_load_n(&f->stop, __ATOMIC_RELAXED)) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
		f->forks++;
	}
	return NULL;
}

/* Promise 1: forks all the time, the bitmap's pages becoming shared. */
TEST_F_TIMEOUT(process, promise1_fork_during_get, SLOW)
{
	static uint8_t bitmap[SIZE];
	uint64_t end = mock_now_ms() + RACE_MS;
	struct mock *m = &self->m;
	struct forker f = {};
	unsigned int round;
	pthread_t thread;

	MUST(pthread_create(&thread, NULL, fork_thread, &f));
	for (round = 0; mock_now_ms() < end; round++) {
		memset(bitmap, 0, SIZE);
		MUST(process_write(m, round));
		MUST(process_get(m, bitmap));
		OK(oracle_compare(&m->oracle, &process_whole, bitmap));
		oracle_covered(&m->oracle, START, LENGTH);
		OK(oracle_ask(&m->oracle, &process_whole));
	}
	__atomic_store_n(&f.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	TH_LOG("%u rounds, %u forks", round, f.forks);
	ASSERT_LT(0, f.forks);
}

/* The ioctl holds the file, if it has begun when the last descriptor goes. */
TEST_F_TIMEOUT(process, promise2_closed_during_get, SLOW)
{
	unsigned int round, struck = 0;
	uint64_t begin = mock_now_ms();

	for (round = 0; round < 10 || mock_race(begin, 0, struck); round++) {
		struct process_getter g = {
			.length = LENGTH, .map = self->map,
		};
		pthread_t thread;
		struct mock other;

		MUST(process_open(&other));
		MUST(process_write(&other, round));
		g.m = &other;
		MUST(pthread_create(&thread, NULL, process_get_thread, &g));
		ASSERT_TRUE(comes_to(self->map, round % WINDOWS));
		MUST(close(other.fd));
		struck += under_way(self->map);
		pthread_join(thread, NULL);
		OK(g.rc);
		OK(oracle_compare(&other.oracle, &process_whole, self->map));
		memset(self->map, 0, SIZE);
		other.fd = -1;
		mock_close(&other);
	}
	TH_LOG("%u rounds, closed in the midst of %u", round, struck);
	EXPECT_LT(0, struck);
}

TEST_HARNESS_MAIN
