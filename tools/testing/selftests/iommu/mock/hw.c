// SPDX-License-Identifier: GPL-2.0-only
/* The mock IOMMU's own test operations, see hw.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "hw.h"

/* A call that is not held by then never will be. */
#define GIVE_UP_MS	15000

static int op(int fd, struct mock_dirty_cmd *cmd)
{
	cmd->size = sizeof(*cmd);
	return ioctl(fd, IOMMU_TEST_CMD, cmd) ? -errno : 0;
}

int hw_open(struct hw *hw, uint32_t dev_flags, uint64_t leaf)
{
	int rc;

	hw->mem = mmap(NULL, HW_LENGTH, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (hw->mem == MAP_FAILED)
		return -errno;
	hw->fd = iommufd_open();
	if (hw->fd < 0)
		return hw->fd;
	rc = iommufd_ioas_alloc(hw->fd, &hw->ioas);
	if (!rc)
		rc = mock_add_device(hw->fd, hw->ioas, dev_flags, &hw->stdev,
				     &hw->idev);
	if (!rc)
		rc = iommufd_hwpt_alloc(hw->fd, hw->idev, hw->ioas,
					IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
					&hw->hwpt);
	if (!rc)
		rc = mock_replace(hw->fd, hw->stdev, hw->hwpt);
	if (!rc)
		rc = iommufd_map(hw->fd, hw->ioas, hw->mem, MOCK_START,
				 HW_LENGTH);
	if (!rc && leaf != MOCK_PAGE)
		rc = hw_leaves(hw->fd, hw->hwpt, MOCK_START, HW_LENGTH, leaf);
	return rc;
}

unsigned int hw_close(struct hw *hw)
{
	unsigned int n;

	/* Whoever is held still would keep the process from ending. */
	hw_hold(hw->fd, hw->hwpt, 0);
	n = hw_faults(hw->fd, hw->hwpt);
	close(hw->fd);
	munmap(hw->mem, HW_LENGTH);
	return n;
}

int hw_get(struct hw *hw, uint32_t flags, uint8_t *bits)
{
	memset(bits, 0, HW_PAGES / 8);
	return iommufd_get_dirty(hw->fd, hw->hwpt, flags, MOCK_START, HW_LENGTH,
				 MOCK_PAGE, bits);
}

bool hw_only(const uint8_t *bits, unsigned int first, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < HW_PAGES; i++) {
		bool set = bits[i / 8] & 1 << i % 8;

		if (set == (i >= first && i < first + n))
			continue;
		printf("# page %u is %s, expected are %u pages from %u on\n",
		       i, set ? "reported" : "not reported", n, first);
		return false;
	}
	return true;
}

int hw_leaves(int fd, uint32_t hwpt, uint64_t iova, uint64_t length,
	      uint64_t size)
{
	struct mock_dirty_cmd cmd = {
		.op = MOCK_DIRTY_OP_LEAF,
		.id = hwpt,
		.leaf = { .iova = iova, .length = length, .size = size },
	};

	return op(fd, &cmd);
}

static int access_page(int fd, uint32_t idev, uint64_t iova, uint32_t flags)
{
	struct mock_dirty_cmd cmd = {
		.op = MOCK_DIRTY_OP_WRITE,
		.id = idev,
		.write = { .iova = iova, .length = MOCK_PAGE, .flags = flags },
	};

	return op(fd, &cmd);
}

int hw_writes(int fd, uint32_t idev, uint64_t iova)
{
	return access_page(fd, idev, iova, 0);
}

int hw_reads(int fd, uint32_t idev, uint64_t iova)
{
	return access_page(fd, idev, iova, MOCK_DIRTY_WRITE_READS);
}

int hw_run(int fd, uint32_t idev, uint64_t iova, uint64_t length,
	   uint64_t seed)
{
	struct mock_dirty_cmd cmd = {
		.op = MOCK_DIRTY_OP_RUN,
		.id = idev,
		.run = { .iova = iova, .length = length, .seed = seed },
	};

	return op(fd, &cmd);
}

uint64_t hw_seed(void)
{
	const char *text = getenv("MOCK_DIRTY_SEED");
	uint64_t seed = text && *text ? strtoull(text, NULL, 0) : time(NULL);

	printf("# MOCK_DIRTY_SEED=%llu\n", (unsigned long long)seed);
	return seed;
}

int hw_stop(int fd, uint32_t idev)
{
	struct mock_dirty_cmd cmd = { .op = MOCK_DIRTY_OP_STOP, .id = idev };

	return op(fd, &cmd);
}

int hw_log(int fd, uint32_t idev, uint32_t *log, uint32_t *writes,
	   uint32_t *flushed)
{
	struct mock_dirty_cmd cmd = {
		.op = MOCK_DIRTY_OP_LOG,
		.id = idev,
		.log = { .uptr = (uintptr_t)log, .nr = HW_PAGES },
	};
	int rc = op(fd, &cmd);

	*writes = cmd.log.out_writes;
	*flushed = cmd.log.out_flushed;
	return rc;
}

int hw_hold(int fd, uint32_t hwpt, uint32_t points)
{
	struct mock_dirty_cmd cmd = {
		.op = MOCK_DIRTY_OP_HOLD,
		.id = hwpt,
		.hold = { .points = points },
	};

	return op(fd, &cmd);
}

bool hw_is_held(int fd, uint32_t hwpt, unsigned int point)
{
	struct mock_dirty_stats stats;
	unsigned int ms;

	for (ms = 0; ms < GIVE_UP_MS; ms++) {
		if (hw_stats(fd, hwpt, 0, &stats))
			return false;
		if (stats.held & 1U << point)
			return true;
		usleep(1000);
	}
	return false;
}

int hw_fail(int fd, uint32_t hwpt, uint32_t what, uint32_t nth, uint32_t error)
{
	struct mock_dirty_cmd cmd = {
		.op = MOCK_DIRTY_OP_FAIL,
		.id = hwpt,
		.fail = { .what = what, .nth = nth, .error = error },
	};

	return op(fd, &cmd);
}

int hw_stats(int fd, uint32_t hwpt, uint32_t flags,
	     struct mock_dirty_stats *stats)
{
	struct mock_dirty_cmd cmd = {
		.op = MOCK_DIRTY_OP_STATS,
		.id = hwpt,
		.stats = { .uptr = (uintptr_t)stats, .flags = flags },
	};

	return op(fd, &cmd);
}

int64_t hw_count_at(const struct hw *hw, size_t offset)
{
	struct mock_dirty_stats stats;
	int rc = hw_stats(hw->fd, hw->hwpt, 0, &stats);

	return rc ? rc : *(uint32_t *)((char *)&stats + offset);
}

unsigned int hw_faults(int fd, uint32_t hwpt)
{
	static const char * const names[MOCK_DIRTY_NR_FAULTS] = {
		[MOCK_DIRTY_FAULT_INCAPABLE] = "incapable device attached",
		[MOCK_DIRTY_FAULT_OVERLAP] = "attach, switch, read overlap",
		[MOCK_DIRTY_FAULT_SET_SAME] = "switched to what it was",
		[MOCK_DIRTY_FAULT_SET_EARLY] = "switched before dirty_enabled",
		[MOCK_DIRTY_FAULT_READ_OFF] = "read while off",
		[MOCK_DIRTY_FAULT_UNALIGNED] = "read of a piece of a leaf",
		[MOCK_DIRTY_FAULT_OUTSIDE] = "read outside of what is mapped",
		[MOCK_DIRTY_FAULT_UNFLUSHED] = "cleared and not flushed",
		[MOCK_DIRTY_FAULT_SHORT] = "flushed less than was cleared",
		[MOCK_DIRTY_FAULT_IDLE] = "flushed for nothing",
	};
	struct mock_dirty_stats stats;
	unsigned int i, n = 0;

	if (hw_stats(fd, hwpt, MOCK_DIRTY_STATS_QUIET, &stats))
		memset(&stats, 0xff, sizeof(stats));
	for (i = 0; i < MOCK_DIRTY_NR_FAULTS; i++) {
		if (stats.faults[i])
			printf("# fault: %s: %u\n", names[i], stats.faults[i]);
		n += !!stats.faults[i];
	}
	return n;
}
