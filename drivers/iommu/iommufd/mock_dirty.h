/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The mock IOMMU that tracks dirt
 *
 * mock_dirty.c       the operations of a domain, and what the core owes them
 * mock_dirty_pt.c    the page table, in two formats
 * mock_dirty_hw.c    devices: attaching, cached translations, writing
 * mock_dirty_test.c  test operations
 */
#ifndef __IOMMUFD_MOCK_DIRTY_H
#define __IOMMUFD_MOCK_DIRTY_H

#include <linux/atomic.h>
#include <linux/iommu-dirty.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "mock_dirty_test.h"

struct device;
struct iommu_domain;
struct iommu_test_cmd;
struct iommufd_ucmd;
struct task_struct;

#define MOCK_PT_PAGE_SHIFT	(PAGE_SHIFT - 1)
#define MOCK_PT_DIRTY_BIT	2
#define MOCK_PT_TABLE_SIZE	(512 * sizeof(u64))

/**
 * struct mock_dirty_pending - what a window has cleared and not yet flushed
 * @task: whose window; NULL if the slot is free
 * @iova: first IOVA of the leaves
 * @last: last IOVA of them
 * @sizes: of the leaves, as iommu_dirty_read::cleared_sizes
 */
struct mock_dirty_pending {
	struct task_struct *task;
	unsigned long iova;
	unsigned long last;
	unsigned long sizes;
};

#define MOCK_DIRTY_PENDING	64

/**
 * struct mock_dirty - a domain that tracks
 * @ops: what the domain points to; selftest.c's struct need not know of us
 * @domain: the domain
 * @replicated: format of the page table
 * @root: root table
 * @tables: held for write while entries are made and removed, for read while a
 *          device walks: tables are freed at once. A read of dirt does without,
 *          as it must with hardware's tables
 * @astray: what was counted of walks astray when @root was made
 * @devices_lock: protects @devices
 * @devices: struct mock_dirty_dev
 * @enabled: what the hardware was told last
 * @readers: reads and flushes under way
 * @writers: switches, attaches and detaches under way
 * @lock: protects what follows
 * @pending: windows with something to flush
 * @fail_nth: countdown to the failure of MOCK_DIRTY_FAIL_*; 0 if there is none
 * @fail_error: what it fails with, negative
 * @hold: points to wait at
 * @held: points where somebody waits
 * @wait: for changes of @hold
 * @sets: see struct mock_dirty_stats
 * @reads: the same
 * @flushes: the same
 * @hits: the same
 * @faults: the same
 */
struct mock_dirty {
	struct iommu_dirty_ops ops;
	struct iommu_domain *domain;
	bool replicated;
	u64 *root;
	struct rw_semaphore tables;
	unsigned int astray;
	struct mutex devices_lock; /* nests outside mock_dirty_dev::lock */
	struct list_head devices;
	bool enabled;
	atomic_t readers;
	atomic_t writers;
	spinlock_t lock; /* nests inside everything */
	struct mock_dirty_pending pending[MOCK_DIRTY_PENDING];
	unsigned int fail_nth[MOCK_DIRTY_NR_FAIL];
	int fail_error[MOCK_DIRTY_NR_FAIL];
	unsigned long hold;
	unsigned long held;
	wait_queue_head_t wait;
	atomic_t sets;
	atomic_t reads;
	atomic_t flushes;
	atomic_t hits;
	atomic_t faults[MOCK_DIRTY_NR_FAULTS];
};

/* What selftest.c calls */
int mock_dirty_init(struct iommu_domain *domain, unsigned long dev_flags);
void mock_dirty_free(struct iommu_domain *domain);
int mock_dirty_map(struct iommu_domain *domain, unsigned long iova,
		   size_t pgsize, size_t pgcount, int prot, gfp_t gfp);
void mock_dirty_unmap(struct iommu_domain *domain, unsigned long iova,
		      size_t size);
int mock_dirty_attach(struct iommu_domain *domain, struct device *dev,
		      unsigned long dev_flags);
void mock_dirty_release(struct device *dev);
int mock_dirty_test(struct iommufd_ucmd *ucmd, struct iommu_test_cmd *cmd);
int mock_dirty_op(struct iommufd_ucmd *ucmd);

struct mock_dirty *to_mock_dirty(struct iommu_domain *domain);
void mock_dirty_fault(struct mock_dirty *mock, unsigned int fault);
void mock_dirty_change_begin(struct mock_dirty *mock);
void mock_dirty_change_end(struct mock_dirty *mock);
void mock_dirty_hold(struct mock_dirty *mock, unsigned int point);
int mock_dirty_fail(struct mock_dirty *mock, unsigned int what);
void mock_dirty_stats(struct mock_dirty *mock, bool quiet,
		      struct mock_dirty_stats *stats);

int mock_pt_init(struct mock_dirty *mock);
void mock_pt_free(struct mock_dirty *mock);
int mock_pt_map(struct mock_dirty *mock, unsigned long iova, unsigned int shift,
		size_t count, bool write, gfp_t gfp);
void mock_pt_unmap(struct mock_dirty *mock, unsigned long iova,
		   unsigned long last);
int mock_pt_join(struct mock_dirty *mock, unsigned long iova,
		 unsigned long last, unsigned int shift);
bool mock_pt_was_writable(struct mock_dirty *mock, unsigned long iova);
int mock_pt_use(struct mock_dirty *mock, unsigned long iova, bool write,
		bool track, unsigned int *shift, bool *writable, bool *dirty);
bool mock_pt_mark(struct mock_dirty *mock, unsigned long iova);
void mock_pt_settle(struct mock_dirty *mock);
unsigned int mock_pt_astray(struct mock_dirty *mock);
void mock_pt_read(struct mock_dirty *mock, struct iommu_dirty_read *read,
		  unsigned long iova, unsigned long last);

void mock_dirty_switch(struct mock_dirty *mock, bool enable);
void mock_dirty_invalidate(struct mock_dirty *mock, unsigned long iova,
			   unsigned long last, unsigned long sizes,
			   bool unmap);
int mock_dirty_write(struct device *dev, unsigned long iova,
		     unsigned long last, bool write);
int mock_dirty_run(struct device *dev, unsigned long iova, unsigned long last,
		   u64 seed);
int mock_dirty_stop(struct device *dev);
int mock_dirty_log(struct device *dev, u32 *log, unsigned int nr, u32 *writes,
		   u32 *flushed);

#endif /* __IOMMUFD_MOCK_DIRTY_H */
