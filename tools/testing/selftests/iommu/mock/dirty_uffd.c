// SPDX-License-Identifier: GPL-2.0-only
/*
 * A read whose bitmap is filled in by user space, late or never. Promises 1 and
 * 2: it waits, nobody else does, and who is killed meanwhile has lost nothing.
 */
#include "kselftest_harness.h"
#include "process.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/userfaultfd.h>

/* Longer than a GET takes to come to its bitmap, on any machine */
#define FAULT_MS	10000

/* By the name of those of dirty_process.c, in the lists of known failures too */
FIXTURE(process)
{
	struct mock m;
};

FIXTURE_SETUP(process)
{
	MUST(process_open(&self->m));
}

FIXTURE_TEARDOWN(process)
{
	mock_close(&self->m);
}

/* A bitmap whose missing pages are for user space to fill in, slowly */
struct slow {
	int uffd;
	uint8_t *map;
	unsigned int wait_ms;
	atomic_bool go;
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
	return faulted_within(s, FAULT_MS);
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
	MUST(process_write(m, 1));
	MUST(pthread_create(&thread, NULL, slow_thread, &s));
	MUST(process_get(m, s.map));
	pthread_join(thread, NULL);
	OK(oracle_compare(&m->oracle, &process_whole, s.map));
	oracle_covered(&m->oracle, START, LENGTH);
	OK(oracle_ask(&m->oracle, &process_whole));
	close(s.uffd);
}

/*
 * A GET that waits for its own bitmap holds up nobody else: MAP, UNMAP, SET on
 * another HWPT, and other GETs of the same.
 */
TEST_F(process, promise1_slow_bitmap_stalls_nobody)
{
	struct slow s = { .wait_ms = 5000, .faults = WINDOWS };
	struct process_getter g = { .m = &self->m, .length = LENGTH };
	struct mock *m = &self->m;
	pthread_t getter, filler;
	uint64_t begin;
	uint32_t other;

	MUST(iommufd_hwpt_alloc(m->fd, m->idev, m->ioas,
				IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &other));
	MUST(slow_map(&s));
	MUST(process_write(m, 2));
	g.map = s.map;
	MUST(pthread_create(&getter, NULL, process_get_thread, &g));
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
	OK(oracle_compare(&m->oracle, &process_whole, s.map));
	oracle_covered(&m->oracle, START, LENGTH);
	OK(oracle_ask(&m->oracle, &process_whole));
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
	struct process_getter g = { .m = &self->m, .length = MOCK_WINDOW };
	struct slow s = { .wait_ms = 5000, .faults = 1 };
	struct mock *m = &self->m;
	pthread_t getter, filler;
	uint64_t bits = 0;

	MUST(slow_map(&s));
	MUST(mock_unmap(m, area, AREA_LEN));
	MUST(process_write(m, 3));
	/* The bits of the area at the window's end are in the second page. */
	g.map = s.map + 2048;
	MUST(pthread_create(&getter, NULL, process_get_thread, &g));
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

/* A child that is to be killed in a fault, and says when */
struct victim {
	struct slow s;
	int tell;
};

static void *tell_thread(void *arg)
{
	struct victim *v = arg;

	if (faulted(&v->s) && write(v->tell, "f", 1) != 1)
		_exit(3);
	return NULL;
}

static void be_killed(struct mock *m, int tell)
{
	struct victim v = { .tell = tell };
	pthread_t thread;

	if (slow_map(&v.s) ||
	    pthread_create(&thread, NULL, tell_thread, &v))
		_exit(1);
	process_get(m, v.s.map);
	_exit(2);
}

/* Killed while it waits for its bitmap: it dies, and nothing was cleared. */
TEST_F(process, promise1_killed_in_a_fault)
{
	struct pollfd pfd = { .events = POLLIN };
	struct mock *m = &self->m;
	int status, tell[2];
	bool told;
	pid_t pid;

	MUST(process_write(m, 3));
	MUST(pipe(tell));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		be_killed(m, tell[1]);
	close(tell[1]);
	pfd.fd = tell[0];
	told = poll(&pfd, 1, FAULT_MS) == 1 && pfd.revents & POLLIN;
	MUST(kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status)) {
		TH_LOG("the child ended with %d", WEXITSTATUS(status));
	}
	ASSERT_TRUE(told);
	OK(oracle_ask(&m->oracle, &process_whole));
	OK(oracle_ask(&m->oracle, &process_whole));
	close(tell[0]);
}

TEST_HARNESS_MAIN
