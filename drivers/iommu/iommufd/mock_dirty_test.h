/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Test operations of the mock IOMMU that tracks dirt, for user space as well
 *
 * They go through IOMMU_TEST_CMD, have numbers of their own and a struct of the
 * size of struct iommu_test_cmd.
 */
#ifndef __IOMMUFD_MOCK_DIRTY_TEST_H
#define __IOMMUFD_MOCK_DIRTY_TEST_H

#include <linux/types.h>

/*
 * Flags of a mock device, beside MOCK_FLAGS_DEVICE_*
 *
 * REPLICATED    domains allocated for it can have leaves of every power of two,
 *               whose entries are repeated
 * NOT_WHILE_ON  it cannot be attached to a domain whose tracking is on
 * SPLIT         leaves of domains allocated for it can be split
 * WRITABLE_ONLY leaves of domains allocated for it cannot be made read-only
 */
enum {
	MOCK_DIRTY_DEVICE_REPLICATED = 1 << 16,
	MOCK_DIRTY_DEVICE_NOT_WHILE_ON = 1 << 17,
	MOCK_DIRTY_DEVICE_SPLIT = 1 << 18,
	MOCK_DIRTY_DEVICE_WRITABLE_ONLY = 1 << 19,
};

/*
 * Values of iommu_test_cmd::op; @id is that of the HWPT or of the device
 *
 * LEAF   HWPT: map a range, all of it in one area, by leaves of a size that is
 *        at least that of the leaves there. Their dirt is kept
 * WRITE  device: write or read each page of a range now
 * RUN    device: write pages of a range in a random order until STOP, in a
 *        thread of its own
 * STOP   device: end that
 * LOG    device: what it has written
 * HOLD   HWPT: wait at the points whose bits are set, until they are not
 * FAIL   HWPT: fail the nth of an operation from now on, once
 * STATS  HWPT: what has happened so far, and what should not have
 */
enum {
	MOCK_DIRTY_OP_LEAF = 0xc0,
	MOCK_DIRTY_OP_WRITE,
	MOCK_DIRTY_OP_RUN,
	MOCK_DIRTY_OP_STOP,
	MOCK_DIRTY_OP_LOG,
	MOCK_DIRTY_OP_HOLD,
	MOCK_DIRTY_OP_FAIL,
	MOCK_DIRTY_OP_STATS,
};

/*
 * Where HOLD can hold: an attach after the device translates and before flushes
 * and switches reach it; a read after it cleared; a flush before it
 * invalidates; a switch before it does anything; a map before it maps; an unmap
 * after it unmapped.
 */
enum {
	MOCK_DIRTY_HOLD_ATTACH,
	MOCK_DIRTY_HOLD_READ,
	MOCK_DIRTY_HOLD_FLUSH,
	MOCK_DIRTY_HOLD_SET,
	MOCK_DIRTY_HOLD_MAP,
	MOCK_DIRTY_HOLD_UNMAP,
};

/* What FAIL can fail */
enum {
	MOCK_DIRTY_FAIL_ATTACH,
	MOCK_DIRTY_FAIL_SET,
	MOCK_DIRTY_FAIL_TABLE,
	MOCK_DIRTY_NR_FAIL,
};

/*
 * What the core must never do, counted in mock_dirty_stats::faults
 *
 * INCAPABLE  attach a device that cannot track
 * OVERLAP    read, flush, switch or attach while a device is attached or
 *            detached, or while the domain is switched
 * SET_SAME   switch to the state that there is
 * SET_EARLY  switch before iommu_domain::dirty_enabled has the new state
 * READ_OFF   read for a caller while tracking is off
 * UNALIGNED  read a range that does not begin and end with a smallest leaf
 * OUTSIDE    read where no device could write
 * UNFLUSHED  end a window without flushing what was cleared in it
 * SHORT      flush less than was cleared, in range or in sizes
 * IDLE       flush when nothing was cleared
 */
enum {
	MOCK_DIRTY_FAULT_INCAPABLE,
	MOCK_DIRTY_FAULT_OVERLAP,
	MOCK_DIRTY_FAULT_SET_SAME,
	MOCK_DIRTY_FAULT_SET_EARLY,
	MOCK_DIRTY_FAULT_READ_OFF,
	MOCK_DIRTY_FAULT_UNALIGNED,
	MOCK_DIRTY_FAULT_OUTSIDE,
	MOCK_DIRTY_FAULT_UNFLUSHED,
	MOCK_DIRTY_FAULT_SHORT,
	MOCK_DIRTY_FAULT_IDLE,
	MOCK_DIRTY_NR_FAULTS,
};

/**
 * struct mock_dirty_stats - what has happened to a HWPT
 * @held: bit n: somebody waits at point n of MOCK_DIRTY_HOLD_*
 * @sets: calls of iommu_dirty_ops::set
 * @reads: calls of iommu_dirty_ops::read
 * @flushes: calls of iommu_dirty_ops::flush
 * @hits: writes of devices through a cached translation, without a trace in
 *        the table
 * @faults: what should not have happened
 */
struct mock_dirty_stats {
	__u32 held;
	__u32 sets;
	__u32 reads;
	__u32 flushes;
	__u32 hits;
	__u32 faults[MOCK_DIRTY_NR_FAULTS];
};

/* Flags of WRITE, and of STATS */
enum {
	MOCK_DIRTY_WRITE_READS = 1 << 0,
};

enum {
	MOCK_DIRTY_STATS_QUIET = 1 << 0,
};

/**
 * struct mock_dirty_cmd - IOMMU_TEST_CMD with MOCK_DIRTY_OP_*
 * @size: sizeof(struct mock_dirty_cmd)
 * @op: MOCK_DIRTY_OP_*
 * @id: of the HWPT or the device
 * @__reserved: 0
 * @leaf: LEAF
 * @leaf.iova: first IOVA, a multiple of @leaf.size
 * @leaf.length: bytes, a multiple of @leaf.size
 * @leaf.size: bytes of a leaf
 * @write: WRITE
 * @write.iova: first IOVA
 * @write.length: bytes
 * @write.flags: MOCK_DIRTY_WRITE_READS: read instead
 * @run: RUN
 * @run.iova: first IOVA
 * @run.length: bytes
 * @run.seed: of the pseudo-random order
 * @log: LOG
 * @log.uptr: array of __u32, for each page of @run's range the number of the
 *            last write of it; writes are counted from 1, and 0 is none
 * @log.nr: length of the array
 * @log.out_writes: number of the last write
 * @log.out_flushed: number of the last write before the last flush, or before
 *                   the device was detached
 * @hold: HOLD
 * @hold.points: bit n: hold at MOCK_DIRTY_HOLD_*
 * @fail: FAIL
 * @fail.what: MOCK_DIRTY_FAIL_*
 * @fail.nth: 1 for the next one; 0 to fail none
 * @fail.error: the errno, positive
 * @stats: STATS
 * @stats.uptr: struct mock_dirty_stats
 * @stats.flags: MOCK_DIRTY_STATS_QUIET: nobody reads, nothing may be left to be
 *               flushed
 * @last: 0
 */
struct mock_dirty_cmd {
	__u32 size;
	__u32 op;
	__u32 id;
	__u32 __reserved;
	union {
		struct {
			__aligned_u64 iova;
			__aligned_u64 length;
			__aligned_u64 size;
		} leaf;
		struct {
			__aligned_u64 iova;
			__aligned_u64 length;
			__u32 flags;
		} write;
		struct {
			__aligned_u64 iova;
			__aligned_u64 length;
			__aligned_u64 seed;
		} run;
		struct {
			__aligned_u64 uptr;
			__u32 nr;
			__u32 out_writes;
			__u32 out_flushed;
		} log;
		struct {
			__u32 points;
		} hold;
		struct {
			__u32 what;
			__u32 nth;
			__u32 error;
		} fail;
		struct {
			__aligned_u64 uptr;
			__u32 flags;
		} stats;
		/* private: as long as the union in struct iommu_test_cmd */
		__aligned_u64 pad[6];
	};
	/* public: */
	__u32 last;
};

#endif /* __IOMMUFD_MOCK_DIRTY_TEST_H */
