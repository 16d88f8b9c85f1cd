// SPDX-License-Identifier: GPL-2.0-only
/*
 * What happens to the process during a read: its bitmap comes and goes, it
 * forks, is signalled, is killed. Promises 1 and 2: the result is right or an
 * error, and what was not delivered is delivered by the next read.
 *
 * The bitmap is in a file where bits must outlive a mapping or a process.
 */
#include "kselftest_harness.h"
#include "mock.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/userfaultfd.h>

/* Windows, each with an area at its begin and one at its end */
#define WINDOWS		4
#define START		MOCK_WINDOW
#define LENGTH		(WINDOWS * MOCK_WINDOW)
#define AREA_LEN	KIB(256)
#define SIZE		(WINDOWS * 4096)

#define RACE_MS		1500

static const struct oracle_req whole = {
	.iova = START,
	.length = LENGTH,
	.page_size = MOCK_PAGE,
};

FIXTURE(process)
{
	struct mock m;
	int fd;
	uint8_t *map;
};

/* Areas, tracking, and an empty file for a bitmap */
static int set_up(struct mock *m, int *fd)
{
	unsigned int i;
	int rc;

	rc = mock_open(m, MOCK_PAGE);
	for (i = 0; i < WINDOWS && !rc; i++) {
		uint64_t iova = START + i * MOCK_WINDOW;

		rc = mock_map(m, iova, AREA_LEN, MOCK_PAGE);
		if (!rc)
			rc = mock_map(m, iova + MOCK_WINDOW - AREA_LEN,
				      AREA_LEN, MOCK_PAGE);
	}
	if (!rc)
		rc = mock_set(m, true);
	*fd = memfd_create("bitmap", 0);
	return rc ? rc : ftruncate(*fd, SIZE);
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

static int write_some(struct mock *m, unsigned int seed)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; i < WINDOWS && !rc; i++) {
		rc = mock_write_random(m, START + i * MOCK_WINDOW, AREA_LEN, 20,
				       &seed);
		if (!rc)
			rc = mock_write_random(m, START +
					       (i + 1) * MOCK_WINDOW - AREA_LEN,
					       AREA_LEN, 20, &seed);
	}
	return rc;
}

/* A GET from START on by a thread */
struct get_thread {
	struct mock *m;
	uint64_t length;
	void *map;
	int rc;
};

static void *get_thread(void *arg)
{
	struct get_thread *g = arg;

	g->rc = iommufd_get_dirty(g->m->fd, g->m->hwpt, 0, START, g->length,
				  MOCK_PAGE, g->map);
	return NULL;
}

static int get_whole(struct mock *m, void *map)
{
	return iommufd_get_dirty(m->fd, m->hwpt, 0, START, LENGTH, MOCK_PAGE,
				 map);
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
		OK(oracle_delivered(&m->oracle, &whole, copy, SIZE));
	} else {
		OK(oracle_compare(&m->oracle, &whole, copy));
		oracle_covered(&m->oracle, START, LENGTH);
	}
	OK(oracle_ask(&m->oracle, &whole));
	ASSERT_EQ(SIZE, pwrite(file, zero, SIZE, 0));
}

/* A thread that takes pages of the bitmap away and gives them back */
struct thief {
	uint8_t *map;
	int file;
	int how;
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

	for (n = 0; !__atomic_load_n(&t->stop, __ATOMIC_RELAXED); n++)
		steal(t, n % WINDOWS);
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
	uint64_t end = mock_now_ms() + RACE_MS;
	unsigned int round, errors = 0;
	pthread_t thread;

	MUST(pthread_create(&thread, NULL, thief_thread, &t));
	for (round = 0; mock_now_ms() < end; round++) {
		int rc;

		MUST(write_some(&self->m, round));
		rc = get_whole(&self->m, t.map);
		ASSERT_TRUE(!rc || rc == -EFAULT);
		errors += !!rc;
		account(_metadata, &self->m, self->fd, rc);
	}
	__atomic_store_n(&t.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	TH_LOG("%u rounds, %u of them EFAULT", round, errors);
	ASSERT_LT(2, round);
}

/* A bitmap whose missing pages are for user space to fill in, slowly */
struct slow {
	int uffd;
	uint8_t *map;
	unsigned int wait_ms;
	volatile bool go;
	unsigned int faults;
};

static int slow_map(struct slow *s)
{
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_api api = { .api = UFFD_API };

	s->map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	s->uffd = syscall(SYS_userfaultfd, O_NONBLOCK);
	if (s->map == MAP_FAILED || s->uffd < 0 ||
	    ioctl(s->uffd, UFFDIO_API, &api))
		return -errno;
	reg.range.start = (uintptr_t)s->map;
	reg.range.len = SIZE;
	return ioctl(s->uffd, UFFDIO_REGISTER, &reg) ? -errno : 0;
}

static bool faulted_within(struct slow *s, int ms)
{
	struct pollfd pfd = { .fd = s->uffd, .events = POLLIN };

	return poll(&pfd, 1, ms) == 1 && pfd.revents == POLLIN;
}

static bool faulted(struct slow *s)
{
	return faulted_within(s, 10000);
}

/* Fill in what the faults ask for, each after a while or when told to. */
static void *slow_thread(void *arg)
{
	struct slow *s = arg;
	struct uffd_msg msg;
	unsigned int ms;

	while (s->faults--) {
		struct uffdio_zeropage zero = { .range = { .len = 4096 } };

		if (!faulted(s) ||
		    read(s->uffd, &msg, sizeof(msg)) != sizeof(msg))
			break;
		for (ms = 0; ms < s->wait_ms && !s->go; ms++)
			usleep(1000);
		zero.range.start = msg.arg.pagefault.address & ~4095ULL;
		ioctl(s->uffd, UFFDIO_ZEROPAGE, &zero);
	}
	return NULL;
}

/* Promise 2: pages that fault for long are pages. */
TEST_F(process, promise2_slow_bitmap)
{
	struct slow s = { .wait_ms = 30, .faults = WINDOWS };
	struct mock *m = &self->m;
	pthread_t thread;

	MUST(slow_map(&s));
	MUST(write_some(m, 1));
	MUST(pthread_create(&thread, NULL, slow_thread, &s));
	MUST(get_whole(m, s.map));
	pthread_join(thread, NULL);
	OK(oracle_compare(&m->oracle, &whole, s.map));
	oracle_covered(&m->oracle, START, LENGTH);
	OK(oracle_ask(&m->oracle, &whole));
	close(s.uffd);
}

/*
 * A GET that waits for its own bitmap holds up nobody else: MAP, UNMAP, SET on
 * another HWPT, and other GETs of the same.
 */
TEST_F(process, promise1_slow_bitmap_stalls_nobody)
{
	struct slow s = { .wait_ms = 5000, .faults = WINDOWS };
	struct get_thread g = { .m = &self->m, .length = LENGTH };
	struct mock *m = &self->m;
	pthread_t getter, filler;
	uint64_t begin;
	uint32_t other;

	MUST(iommufd_hwpt_alloc(m->fd, m->idev, m->ioas,
				IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &other));
	MUST(slow_map(&s));
	MUST(write_some(m, 2));
	g.map = s.map;
	MUST(pthread_create(&getter, NULL, get_thread, &g));
	ASSERT_TRUE(faulted(&s));

	/*
	 * Whoever had to wait for the GET would wait for good: after 5 seconds
	 * somebody fills the bitmap in, so that the test comes to an end.
	 */
	MUST(pthread_create(&filler, NULL, slow_thread, &s));
	begin = mock_now_ms();
	MUST(iommufd_map(m->fd, m->ioas, m->small, GIB(1), KIB(64)));
	MUST(iommufd_unmap(m->fd, m->ioas, GIB(1), KIB(64)));
	MUST(iommufd_set_dirty(m->fd, other, true));
	OK(oracle_get(&m->oracle, START, LENGTH, MOCK_PAGE, NO_CLEAR));
	EXPECT_GT(begin + 4000, mock_now_ms());
	s.go = true;
	pthread_join(filler, NULL);
	pthread_join(getter, NULL);
	OK(g.rc);
	OK(oracle_compare(&m->oracle, &whole, s.map));
	oracle_covered(&m->oracle, START, LENGTH);
	OK(oracle_ask(&m->oracle, &whole));
	close(s.uffd);
}

/*
 * An area that comes while a GET waits for its bitmap, and whose bits lie in a
 * page of that which nobody needed before, is as if it had come after the GET:
 * the page is not touched, and what was written is in the next report.
 */
TEST_F(process, promise1_area_comes_while_bitmap_faults)
{
	const uint64_t area = START + MOCK_WINDOW - AREA_LEN, written = 0x15;
	const struct oracle_req first = {
		.iova = START, .length = AREA_LEN, .page_size = MOCK_PAGE,
	};
	struct get_thread g = { .m = &self->m, .length = MOCK_WINDOW };
	struct slow s = { .wait_ms = 5000, .faults = 1 };
	struct mock *m = &self->m;
	pthread_t getter, filler;
	uint64_t bits = 0;

	MUST(slow_map(&s));
	MUST(mock_unmap(m, area, AREA_LEN));
	MUST(write_some(m, 3));
	/* The bits of the area at the window's end are in the second page. */
	g.map = s.map + 2048;
	MUST(pthread_create(&getter, NULL, get_thread, &g));
	ASSERT_TRUE(faulted(&s));
	MUST(pthread_create(&filler, NULL, slow_thread, &s));
	MUST(mock_map(m, area, AREA_LEN, MOCK_PAGE));
	ASSERT_EQ(3, mock_mark(m->fd, m->hwpt, area, 64, &written));
	s.go = true;
	pthread_join(filler, NULL);
	pthread_join(getter, NULL);
	OK(g.rc);
	OK(oracle_compare(&m->oracle, &first, g.map));
	oracle_covered(&m->oracle, START, AREA_LEN);

	EXPECT_FALSE(faulted_within(&s, 0));
	MUST(iommufd_get_dirty(m->fd, m->hwpt, 0, area, 64 * MOCK_PAGE,
			       MOCK_PAGE, &bits));
	EXPECT_EQ(written, bits);
	close(s.uffd);
}

/* Killed while it waits for its bitmap: it dies, and nothing was cleared. */
TEST_F(process, promise1_killed_in_a_fault)
{
	struct slow s = {};
	struct mock *m = &self->m;
	int status;
	pid_t pid;

	MUST(write_some(m, 3));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (slow_map(&s))
			_exit(1);
		get_whole(m, s.map);
		_exit(2);
	}
	usleep(300 * 1000);
	MUST(kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status)) {
		TH_LOG("the child ended with %d", WEXITSTATUS(status));
	}
	OK(oracle_ask(&m->oracle, &whole));
	OK(oracle_ask(&m->oracle, &whole));
}

/* Killed anywhere in a GET: what is not in the file is still dirty. */
TEST_F_TIMEOUT(process, promise1_killed, SLOW)
{
	struct mock *m = &self->m;
	unsigned int round;

	for (round = 0; round < 25; round++) {
		int status;
		pid_t pid;

		MUST(write_some(m, round));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			for (;;)
				if (get_whole(m, self->map))
					_exit(1);
		usleep(round * 400);
		MUST(kill(pid, SIGKILL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_TRUE(WIFSIGNALED(status));
		account(_metadata, m, self->fd, -EINTR);
	}
}

static unsigned int alarms;

static void on_alarm(int sig)
{
	alarms++;
}

/* Promise 1: signals, handled, in the midst of everything. */
TEST_F_TIMEOUT(process, promise1_signals, SLOW)
{
	struct itimerval often = { { 0, 500 }, { 0, 500 } }, never = {};
	struct sigaction sa = { .sa_handler = on_alarm };
	uint64_t end = mock_now_ms() + RACE_MS;
	struct mock *m = &self->m;
	unsigned int round;

	MUST(sigaction(SIGALRM, &sa, NULL));
	for (round = 0; mock_now_ms() < end; round++) {
		int rc;

		MUST(write_some(m, round));
		MUST(setitimer(ITIMER_REAL, &often, NULL));
		rc = get_whole(m, self->map);
		MUST(setitimer(ITIMER_REAL, &never, NULL));
		ASSERT_TRUE(!rc || rc == -EINTR);
		account(_metadata, m, self->fd, rc);
	}
	TH_LOG("%u rounds, %u signals", round, alarms);
	ASSERT_LT(0, alarms);
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
		MUST(write_some(m, round));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			/* Pages that were the parent's: the GET copies them. */
			if (child_reads)
				_exit(!!get_whole(m, bitmap) ||
				      oracle_compare(&m->oracle, &whole,
						     bitmap));
			pause();
			_exit(1);
		}
		if (child_reads) {
			ASSERT_EQ(pid, waitpid(pid, &status, 0));
			EXPECT_EQ(0, status);
			EXPECT_EQ(0, memcmp(bitmap, zero, SIZE));
		} else {
			MUST(get_whole(m, bitmap));
			OK(oracle_compare(&m->oracle, &whole, bitmap));
			MUST(kill(pid, SIGKILL));
			ASSERT_EQ(pid, waitpid(pid, &status, 0));
		}
		oracle_covered(&m->oracle, START, LENGTH);
		OK(oracle_ask(&m->oracle, &whole));
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
		MUST(write_some(m, round));
		MUST(get_whole(m, bitmap));
		OK(oracle_compare(&m->oracle, &whole, bitmap));
		oracle_covered(&m->oracle, START, LENGTH);
		OK(oracle_ask(&m->oracle, &whole));
	}
	__atomic_store_n(&f.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	TH_LOG("%u rounds, %u forks", round, f.forks);
	ASSERT_LT(0, f.forks);
}

/* The ioctl holds the file, if it has begun when the last descriptor goes. */
TEST_F(process, promise2_closed_during_get)
{
	unsigned int round;

	for (round = 0; round < 10; round++) {
		struct get_thread g = { .length = LENGTH, .map = self->map };
		pthread_t thread;
		struct mock other;

		MUST(mock_open(&other, MOCK_PAGE));
		MUST(mock_map(&other, START, AREA_LEN, MOCK_PAGE));
		MUST(mock_set(&other, true));
		g.m = &other;
		MUST(pthread_create(&thread, NULL, get_thread, &g));
		usleep(round * 50);
		mock_close(&other);
		pthread_join(thread, NULL);
		EXPECT_TRUE(!g.rc || g.rc == -EBADF);
	}
}

TEST_HARNESS_MAIN
