// SPDX-License-Identifier: GPL-2.0-only
/*
 * The order of calls, on the mock IOMMU: who must wait for whom
 *
 * One call is held at the point in question, by the mock, and the other one is
 * made and must wait. What it would have lost, had it not waited, is looked
 * for; and the mock counts what the core does that include/linux/iommu-dirty.h
 * forbids.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hw.h"
#include "kselftest_harness.h"

/* Who has begun, and not come back for so long, is waiting for something. */
#define WAITS_MS	300

/* A thread that has not begun by then never will. */
#define BEGINS_MS	15000

#define PAGE		2051U
#define OTHER		17U

/* An area behind the one that is there */
#define BESIDE		(MOCK_START + HW_LENGTH)
#define BESIDE_LENGTH	(64 * MOCK_PAGE)

/*
 * A call in a thread of its own. @pt is a HWPT, or for unmap and alloc the IOAS,
 * and @stdev for alloc what iommufd knows the device as.
 */
struct call {
	pthread_t thread;
	atomic_bool begun;
	atomic_bool done;
	int rc;
	int fd;
	uint32_t pt;
	uint32_t stdev;
	uint32_t idev;
	uint8_t bits[HW_PAGES / 8];
	int (*fn)(struct call *call);
};

static int call_get(struct call *call)
{
	return iommufd_get_dirty(call->fd, call->pt, 0, MOCK_START, HW_LENGTH,
				 MOCK_PAGE, call->bits);
}

static int call_replace(struct call *call)
{
	return mock_replace(call->fd, call->stdev, call->pt);
}

static int call_attach(struct call *call)
{
	return mock_add_device(call->fd, call->pt, 0, &call->stdev,
			       &call->idev);
}

static int call_detach(struct call *call)
{
	return iommufd_destroy(call->fd, call->stdev);
}

static int call_set(struct call *call)
{
	return iommufd_set_dirty(call->fd, call->pt, true);
}

static int call_unmap(struct call *call)
{
	return iommufd_unmap(call->fd, call->pt, MOCK_START, HW_LENGTH);
}

/* Everything there is, into bits for the first area */
static int call_unmap_dirty(struct call *call)
{
	uint64_t length = HW_LENGTH;

	return iommufd_unmap_dirty(call->fd, call->pt, MOCK_START, &length,
				   MOCK_PAGE, call->bits);
}

static int call_alloc(struct call *call)
{
	uint32_t hwpt;

	return iommufd_hwpt_alloc(call->fd, call->stdev, call->pt,
				  IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt);
}

static int call_map_beside(struct call *call)
{
	void *mem = mmap(NULL, BESIDE_LENGTH, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return iommufd_map(call->fd, call->pt, mem, BESIDE, BESIDE_LENGTH);
}

static int call_unmap_beside(struct call *call)
{
	return iommufd_unmap(call->fd, call->pt, BESIDE, BESIDE_LENGTH);
}

static void *call_thread(void *arg)
{
	struct call *call = arg;

	call->begun = true;
	call->rc = call->fn(call);
	call->done = true;
	return NULL;
}

static int start(struct call *call, int (*fn)(struct call *call), int fd,
		 uint32_t pt, uint32_t stdev)
{
	memset(call, 0, sizeof(*call));
	call->fn = fn;
	call->fd = fd;
	call->pt = pt;
	call->stdev = stdev;
	return -pthread_create(&call->thread, NULL, call_thread, call);
}

static int finish(struct call *call)
{
	pthread_join(call->thread, NULL);
	return call->rc;
}

static bool is_waiting(struct call *call)
{
	unsigned int ms;

	for (ms = 0; ms < BEGINS_MS && !call->begun; ms++)
		usleep(1000);
	for (ms = 0; ms < WAITS_MS && !call->done; ms++)
		usleep(1000);
	return call->begun && !call->done;
}

FIXTURE(order)
{
	struct hw hw;
	uint32_t other_ioas;
	uint32_t other_stdev;
	uint32_t other_idev;
	struct call a;
	struct call b;
	uint8_t bits[HW_PAGES / 8];
};

FIXTURE_SETUP(order)
{
	struct hw *hw = &self->hw;

	ASSERT_EQ(0, hw_open(hw, 0, MOCK_PAGE));
	ASSERT_EQ(0, iommufd_ioas_alloc(hw->fd, &self->other_ioas));
	ASSERT_EQ(0, mock_add_device(hw->fd, self->other_ioas, 0,
				     &self->other_stdev, &self->other_idev));
}

FIXTURE_TEARDOWN(order)
{
	EXPECT_EQ(0, hw_close(&self->hw));
}

/*
 * A device that is half attached writes, and no flush knows of it yet. A read
 * at this time would clear what the device goes on writing through its cache.
 */
TEST_F(order, get_waits_for_attach)
{
	struct hw *hw = &self->hw;

	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, true));
	ASSERT_EQ(0, hw_hold(hw->fd, hw->hwpt, 1 << MOCK_DIRTY_HOLD_ATTACH));
	ASSERT_EQ(0, start(&self->a, call_replace, hw->fd, hw->hwpt,
			   self->other_stdev));
	ASSERT_TRUE(hw_is_held(hw->fd, hw->hwpt, MOCK_DIRTY_HOLD_ATTACH));
	ASSERT_EQ(0, hw_writes(hw->fd, self->other_idev, at(PAGE)));

	ASSERT_EQ(0, start(&self->b, call_get, hw->fd, hw->hwpt, 0));
	EXPECT_TRUE(is_waiting(&self->b));
	ASSERT_EQ(0, hw_hold(hw->fd, hw->hwpt, 0));
	ASSERT_EQ(0, finish(&self->a));
	ASSERT_EQ(0, finish(&self->b));
	EXPECT_TRUE(hw_only(self->b.bits, PAGE, 1));

	ASSERT_EQ(0, hw_writes(hw->fd, self->other_idev, at(PAGE)));
	ASSERT_EQ(0, hw_get(hw, 0, self->bits));
	EXPECT_TRUE(hw_only(self->bits, PAGE, 1));
}

/* The same of a device that was attached to nothing; nobody can use it yet. */
TEST_F(order, get_waits_for_first_attach)
{
	struct hw *hw = &self->hw;

	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, true));
	ASSERT_EQ(0, hw_hold(hw->fd, hw->hwpt, 1 << MOCK_DIRTY_HOLD_ATTACH));
	ASSERT_EQ(0, start(&self->a, call_attach, hw->fd, hw->hwpt, 0));
	ASSERT_TRUE(hw_is_held(hw->fd, hw->hwpt, MOCK_DIRTY_HOLD_ATTACH));

	ASSERT_EQ(0, start(&self->b, call_get, hw->fd, hw->hwpt, 0));
	EXPECT_TRUE(is_waiting(&self->b));
	ASSERT_EQ(0, hw_hold(hw->fd, hw->hwpt, 0));
	ASSERT_EQ(0, finish(&self->a));
	ASSERT_EQ(0, finish(&self->b));

	ASSERT_EQ(0, hw_writes(hw->fd, self->a.idev, at(PAGE)));
	ASSERT_EQ(0, hw_get(hw, 0, self->bits));
	EXPECT_TRUE(hw_only(self->bits, PAGE, 1));
}

/* Read, cleared and not yet flushed: nobody comes or goes at this time. */
static void wait_for_get(struct __test_metadata *_metadata, struct hw *hw,
			 struct call *get, struct call *other,
			 int (*fn)(struct call *call), uint32_t pt,
			 uint32_t stdev)
{
	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, true));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_EQ(0, hw_hold(hw->fd, hw->hwpt, 1 << MOCK_DIRTY_HOLD_FLUSH));
	ASSERT_EQ(0, start(get, call_get, hw->fd, hw->hwpt, 0));
	ASSERT_TRUE(hw_is_held(hw->fd, hw->hwpt, MOCK_DIRTY_HOLD_FLUSH));

	ASSERT_EQ(0, start(other, fn, hw->fd, pt, stdev));
	EXPECT_TRUE(is_waiting(other));
	ASSERT_EQ(0, hw_hold(hw->fd, hw->hwpt, 0));
	ASSERT_EQ(0, finish(get));
	ASSERT_EQ(0, finish(other));
	EXPECT_TRUE(hw_only(get->bits, PAGE, 1));
}

TEST_F(order, attach_waits_for_get)
{
	wait_for_get(_metadata, &self->hw, &self->a, &self->b, call_attach,
		     self->hw.hwpt, 0);
}

TEST_F(order, replace_waits_for_get)
{
	wait_for_get(_metadata, &self->hw, &self->a, &self->b, call_replace,
		     self->hw.hwpt, self->other_stdev);
}

TEST_F(order, detach_waits_for_get)
{
	wait_for_get(_metadata, &self->hw, &self->a, &self->b, call_detach, 0,
		     self->hw.stdev);
}

/* The areas of a window stay mapped until it is flushed. */
TEST_F(order, unmap_waits_for_get)
{
	wait_for_get(_metadata, &self->hw, &self->a, &self->b, call_unmap,
		     self->hw.ioas, 0);
}

/* A device that leaves is the business of where it comes from, too. */
TEST_F(order, replace_away_waits_for_get)
{
	struct hw *hw = &self->hw;
	uint32_t hwpt;

	ASSERT_EQ(0, iommufd_hwpt_alloc(hw->fd, self->other_idev,
					self->other_ioas,
					IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
					&hwpt));
	wait_for_get(_metadata, hw, &self->a, &self->b, call_replace, hwpt,
		     hw->stdev);
	EXPECT_EQ(0, hw_faults(hw->fd, hwpt));
}

/* A half-attached device has its setting already: the new one must reach it. */
TEST_F(order, set_waits_for_attach)
{
	struct hw *hw = &self->hw;

	ASSERT_EQ(0, hw_hold(hw->fd, hw->hwpt, 1 << MOCK_DIRTY_HOLD_ATTACH));
	ASSERT_EQ(0, start(&self->a, call_replace, hw->fd, hw->hwpt,
			   self->other_stdev));
	ASSERT_TRUE(hw_is_held(hw->fd, hw->hwpt, MOCK_DIRTY_HOLD_ATTACH));

	ASSERT_EQ(0, start(&self->b, call_set, hw->fd, hw->hwpt, 0));
	EXPECT_TRUE(is_waiting(&self->b));
	ASSERT_EQ(0, hw_hold(hw->fd, hw->hwpt, 0));
	ASSERT_EQ(0, finish(&self->a));
	ASSERT_EQ(0, finish(&self->b));

	ASSERT_EQ(0, hw_writes(hw->fd, self->other_idev, at(PAGE)));
	ASSERT_EQ(0, hw_get(hw, 0, self->bits));
	EXPECT_TRUE(hw_only(self->bits, PAGE, 1));
}

TEST_F(order, attach_and_get_wait_for_set)
{
	struct hw *hw = &self->hw;
	struct call set;

	ASSERT_EQ(0, hw_hold(hw->fd, hw->hwpt, 1 << MOCK_DIRTY_HOLD_SET));
	ASSERT_EQ(0, start(&set, call_set, hw->fd, hw->hwpt, 0));
	ASSERT_TRUE(hw_is_held(hw->fd, hw->hwpt, MOCK_DIRTY_HOLD_SET));

	ASSERT_EQ(0, start(&self->a, call_replace, hw->fd, hw->hwpt,
			   self->other_stdev));
	ASSERT_EQ(0, start(&self->b, call_get, hw->fd, hw->hwpt, 0));
	EXPECT_TRUE(is_waiting(&self->a));
	EXPECT_TRUE(is_waiting(&self->b));
	ASSERT_EQ(0, hw_hold(hw->fd, hw->hwpt, 0));
	ASSERT_EQ(0, finish(&set));
	ASSERT_EQ(0, finish(&self->a));
	ASSERT_EQ(0, finish(&self->b));

	ASSERT_EQ(0, hw_writes(hw->fd, self->other_idev, at(PAGE)));
	ASSERT_EQ(0, hw_get(hw, 0, self->bits));
	EXPECT_TRUE(hw_only(self->bits, PAGE, 1));
}

/*
 * Between clear and flush a write through the cache leaves no trace and needs
 * none, since this read reports it; any other is for the next.
 */
TEST_F(order, writes_between_clear_and_flush)
{
	struct hw *hw = &self->hw;

	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, true));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_EQ(0, hw_hold(hw->fd, hw->hwpt, 1 << MOCK_DIRTY_HOLD_READ));
	ASSERT_EQ(0, start(&self->a, call_get, hw->fd, hw->hwpt, 0));
	ASSERT_TRUE(hw_is_held(hw->fd, hw->hwpt, MOCK_DIRTY_HOLD_READ));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	EXPECT_EQ(1, hw_count(hw, hits));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(OTHER)));
	ASSERT_EQ(0, hw_hold(hw->fd, hw->hwpt, 0));
	ASSERT_EQ(0, finish(&self->a));
	EXPECT_TRUE(hw_only(self->a.bits, PAGE, 1));

	ASSERT_EQ(0, hw_get(hw, 0, self->bits));
	EXPECT_TRUE(hw_only(self->bits, OTHER, 1));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_EQ(0, hw_get(hw, 0, self->bits));
	EXPECT_TRUE(hw_only(self->bits, PAGE, 1));
}

/*
 * An area that is being set up or torn down is in nobody's page table wholly,
 * and no lock is held for it: a read passes it by, and does not wait for it.
 */
static void pass_by(struct __test_metadata *_metadata, struct hw *hw,
		    struct call *call, int (*fn)(struct call *call),
		    unsigned int point)
{
	uint64_t bits[HW_PAGES / 64 + 1] = {};

	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, true));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_EQ(0, hw_hold(hw->fd, hw->hwpt, 1 << point));
	ASSERT_EQ(0, start(call, fn, hw->fd, hw->ioas, 0));
	ASSERT_TRUE(hw_is_held(hw->fd, hw->hwpt, point));

	ASSERT_EQ(0, iommufd_get_dirty(hw->fd, hw->hwpt, 0, MOCK_START,
				       HW_LENGTH + BESIDE_LENGTH, MOCK_PAGE,
				       bits));
	EXPECT_FALSE(call->done);
	EXPECT_TRUE(hw_only((uint8_t *)bits, PAGE, 1));
	EXPECT_EQ(0, bits[HW_PAGES / 64]);
	ASSERT_EQ(0, hw_hold(hw->fd, hw->hwpt, 0));
	ASSERT_EQ(0, finish(call));
}

TEST_F(order, get_passes_by_map)
{
	pass_by(_metadata, &self->hw, &self->a, call_map_beside,
		MOCK_DIRTY_HOLD_MAP);
}

TEST_F(order, get_passes_by_unmap)
{
	struct call map = { .fd = self->hw.fd, .pt = self->hw.ioas };

	ASSERT_EQ(0, call_map_beside(&map));
	pass_by(_metadata, &self->hw, &self->a, call_unmap_beside,
		MOCK_DIRTY_HOLD_UNMAP);
}

/*
 * An unmap with a report, step by step: what a device writes before it is flushed
 * is reported, what it writes after that is refused.
 */
TEST_F(order, writes_during_unmap_dirty)
{
	struct hw *hw = &self->hw;

	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, true));
	/* Cached as clean, which pages may be written */
	ASSERT_EQ(0, hw_reads(hw->fd, hw->idev, at(PAGE)));
	ASSERT_EQ(0, hw_reads(hw->fd, hw->idev, at(PAGE + 1)));
	ASSERT_EQ(0, hw_reads(hw->fd, hw->idev, at(PAGE + 2)));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE + 3)));
	ASSERT_EQ(0, hw_hold(hw->fd, hw->hwpt, 1 << MOCK_DIRTY_HOLD_READ));
	ASSERT_EQ(0, start(&self->a, call_unmap_dirty, hw->fd, hw->ioas, 0));
	/* What is clean has been made read-only. */
	ASSERT_TRUE(hw_is_held(hw->fd, hw->hwpt, MOCK_DIRTY_HOLD_READ));
	EXPECT_EQ(-EFAULT, hw_writes(hw->fd, hw->idev, at(OTHER)));
	EXPECT_EQ(0, hw_reads(hw->fd, hw->idev, at(OTHER)));
	EXPECT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_EQ(0, hw_hold(hw->fd, hw->hwpt, 1 << MOCK_DIRTY_HOLD_FLUSH));
	ASSERT_TRUE(hw_is_held(hw->fd, hw->hwpt, MOCK_DIRTY_HOLD_FLUSH));
	EXPECT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE + 1)));
	/* Flushed, and read */
	ASSERT_EQ(0, hw_hold(hw->fd, hw->hwpt, 1 << MOCK_DIRTY_HOLD_READ));
	ASSERT_TRUE(hw_is_held(hw->fd, hw->hwpt, MOCK_DIRTY_HOLD_READ));
	EXPECT_EQ(-EFAULT, hw_writes(hw->fd, hw->idev, at(PAGE + 2)));
	EXPECT_EQ(-EFAULT, hw_writes(hw->fd, hw->idev, at(OTHER)));
	ASSERT_EQ(0, hw_hold(hw->fd, hw->hwpt, 0));
	ASSERT_EQ(0, finish(&self->a));
	self->a.bits[(PAGE + 3) / 8] ^= 1 << (PAGE + 3) % 8;
	EXPECT_TRUE(hw_only(self->a.bits, PAGE, 2));
	EXPECT_EQ(-EFAULT, hw_writes(hw->fd, hw->idev, at(PAGE)));
}

/* Until what is revoked is flushed and read, nobody comes, goes or switches. */
static void wait_for_unmap_dirty(struct __test_metadata *_metadata,
				 struct hw *hw, struct call *unmap,
				 struct call *other,
				 int (*fn)(struct call *call), uint32_t pt,
				 uint32_t stdev)
{
	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, true));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_EQ(0, hw_hold(hw->fd, hw->hwpt, 1 << MOCK_DIRTY_HOLD_FLUSH));
	ASSERT_EQ(0, start(unmap, call_unmap_dirty, hw->fd, hw->ioas, 0));
	ASSERT_TRUE(hw_is_held(hw->fd, hw->hwpt, MOCK_DIRTY_HOLD_FLUSH));

	ASSERT_EQ(0, start(other, fn, hw->fd, pt, stdev));
	EXPECT_TRUE(is_waiting(other));
	ASSERT_EQ(0, hw_hold(hw->fd, hw->hwpt, 0));
	ASSERT_EQ(0, finish(unmap));
	ASSERT_EQ(0, finish(other));
	EXPECT_TRUE(hw_only(unmap->bits, PAGE, 1));
}

TEST_F(order, attach_waits_for_unmap_dirty)
{
	struct hw *hw = &self->hw;

	wait_for_unmap_dirty(_metadata, hw, &self->a, &self->b, call_attach,
			     hw->hwpt, 0);
	EXPECT_EQ(-EFAULT, hw_writes(hw->fd, self->b.idev, at(PAGE)));
}

TEST_F(order, replace_waits_for_unmap_dirty)
{
	wait_for_unmap_dirty(_metadata, &self->hw, &self->a, &self->b,
			     call_replace, self->hw.hwpt, self->other_stdev);
}

TEST_F(order, set_waits_for_unmap_dirty)
{
	wait_for_unmap_dirty(_metadata, &self->hw, &self->a, &self->b, call_set,
			     self->hw.hwpt, 0);
}

/* A HWPT that is allocated would have the area mapped, and not be looked at. */
TEST_F(order, alloc_waits_for_unmap_dirty)
{
	struct hw *hw = &self->hw;

	wait_for_unmap_dirty(_metadata, hw, &self->a, &self->b, call_alloc,
			     hw->ioas, hw->idev);
}

/* Reads of other areas go on, and pass by the one that goes. */
TEST_F(order, get_passes_by_unmap_dirty)
{
	struct hw *hw = &self->hw;
	uint64_t bits[HW_PAGES / 64 + 1] = {};
	struct call map = { .fd = hw->fd, .pt = hw->ioas };

	ASSERT_EQ(0, call_map_beside(&map));
	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, true));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, BESIDE));
	ASSERT_EQ(0, hw_hold(hw->fd, hw->hwpt, 1 << MOCK_DIRTY_HOLD_UNMAP));
	ASSERT_EQ(0, start(&self->a, call_unmap_dirty, hw->fd, hw->ioas, 0));
	ASSERT_TRUE(hw_is_held(hw->fd, hw->hwpt, MOCK_DIRTY_HOLD_UNMAP));
	ASSERT_EQ(0, iommufd_get_dirty(hw->fd, hw->hwpt, 0, MOCK_START,
				       HW_LENGTH + BESIDE_LENGTH, MOCK_PAGE,
				       bits));
	EXPECT_FALSE(self->a.done);
	EXPECT_TRUE(hw_only((uint8_t *)bits, 0, 0));
	EXPECT_EQ(1, bits[HW_PAGES / 64]);
	ASSERT_EQ(0, hw_hold(hw->fd, hw->hwpt, 0));
	ASSERT_EQ(0, finish(&self->a));
	EXPECT_TRUE(hw_only(self->a.bits, PAGE, 1));
}

/*
 * Killed in its first window, a read ends with that: what it has reported stands
 * in the bitmap, which outlives the process, and the rest is dirty still.
 */
TEST_F(order, killed_between_windows)
{
	/* A bit for 4 bytes: 32 of these windows lie before PAGE. */
	const size_t page_bytes = MOCK_PAGE / 4 / 8;
	const size_t size = HW_PAGES * page_bytes;
	struct hw *hw = &self->hw;
	unsigned int wrong = 0;
	uint8_t *map;
	int status;
	bool held;
	size_t i;
	pid_t pid;

	map = mmap(NULL, size, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)map);
	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, true));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(OTHER)));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_EQ(0, hw_hold(hw->fd, hw->hwpt, 1 << MOCK_DIRTY_HOLD_FLUSH));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		/* Who must fault a page in to pin it looks for signals too. */
		memset(map, 0, size);
		_exit(!!iommufd_get_dirty(hw->fd, hw->hwpt, 0, MOCK_START,
					  HW_LENGTH, 4, map));
	}
	held = hw_is_held(hw->fd, hw->hwpt, MOCK_DIRTY_HOLD_FLUSH);
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(0, hw_hold(hw->fd, hw->hwpt, 0));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(held);
	EXPECT_TRUE(WIFSIGNALED(status));
	for (i = 0; i < size; i++)
		wrong += map[i] != (i / page_bytes == OTHER ? 0xff : 0);
	EXPECT_EQ(0, wrong);
	ASSERT_EQ(0, hw_get(hw, 0, self->bits));
	EXPECT_TRUE(hw_only(self->bits, PAGE, 1));
	munmap(map, size);
}

/* Two reads at once need not wait for each other. */
TEST_F(order, get_does_not_wait_for_get)
{
	struct hw *hw = &self->hw;

	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, true));
	ASSERT_EQ(0, hw_writes(hw->fd, hw->idev, at(PAGE)));
	ASSERT_EQ(0, hw_hold(hw->fd, hw->hwpt, 1 << MOCK_DIRTY_HOLD_FLUSH));
	ASSERT_EQ(0, start(&self->a, call_get, hw->fd, hw->hwpt, 0));
	ASSERT_TRUE(hw_is_held(hw->fd, hw->hwpt, MOCK_DIRTY_HOLD_FLUSH));
	ASSERT_EQ(0, hw_get(hw, 0, self->bits));
	EXPECT_TRUE(hw_only(self->bits, 0, 0));
	ASSERT_EQ(0, hw_hold(hw->fd, hw->hwpt, 0));
	ASSERT_EQ(0, finish(&self->a));
	EXPECT_TRUE(hw_only(self->a.bits, PAGE, 1));
}

TEST_HARNESS_MAIN
