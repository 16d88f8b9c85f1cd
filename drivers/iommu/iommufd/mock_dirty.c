// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mock IOMMU's operations for dirty tracking
 *
 * They do what include/linux/iommu-dirty.h asks of a driver, and watch whether
 * the core keeps its side: that reading and flushing exclude switching and
 * attaching, that the driver is called when the contract says and with what it
 * says, and that a window that cleared something flushes it. What goes wrong is
 * counted, for tests to assert that nothing did. Most of it would also lose
 * dirt, since the devices (mock_dirty_hw.c) cache translations as hardware
 * does; a count says why.
 *
 * Any operation can be held at a point or made to fail, by test operations: a
 * race is a sequence of steps then, and happens every time.
 */
#include <linux/iommu.h>
#include <linux/log2.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "mock_dirty.h"

#define MOCK_PT_PAGE_SIZE	BIT(MOCK_PT_PAGE_SHIFT)

/* Nobody who is held may be so for ever. */
#define MOCK_DIRTY_HOLD_MAX	(20 * HZ)

/**
 * mock_dirty_fault() - count what the core must not do
 * @mock: domain
 * @fault: MOCK_DIRTY_FAULT_*
 */
void mock_dirty_fault(struct mock_dirty *mock, unsigned int fault)
{
	atomic_inc(&mock->faults[fault]);
}

/**
 * mock_dirty_hold() - wait, if a test wants it, until it does not any more
 * @mock: domain
 * @point: MOCK_DIRTY_HOLD_*
 */
void mock_dirty_hold(struct mock_dirty *mock, unsigned int point)
{
	if (!test_bit(point, &mock->hold))
		return;
	set_bit(point, &mock->held);
	wait_event_timeout(mock->wait, !test_bit(point, &mock->hold),
			   MOCK_DIRTY_HOLD_MAX);
	clear_bit(point, &mock->held);
}

/**
 * mock_dirty_fail() - should an operation fail, as a test wants it
 * @mock: domain
 * @what: MOCK_DIRTY_FAIL_*
 *
 * Return: 0 or the negative errno to fail with.
 */
int mock_dirty_fail(struct mock_dirty *mock, unsigned int what)
{
	int rc = 0;

	spin_lock(&mock->lock);
	if (mock->fail_nth[what] && !--mock->fail_nth[what])
		rc = mock->fail_error[what];
	spin_unlock(&mock->lock);
	return rc;
}

/* The slot of a task, or a free one for NULL; the caller holds mock->lock */
static struct mock_dirty_pending *
mock_dirty_pending(struct mock_dirty *mock, const struct task_struct *task)
{
	unsigned int i;

	for (i = 0; i < MOCK_DIRTY_PENDING; i++)
		if (mock->pending[i].task == task)
			return mock->pending + i;
	return NULL;
}

/* Whoever cleared something and is not at it any more did not flush it. */
static void mock_dirty_drop_pending(struct mock_dirty *mock)
{
	unsigned int i;

	spin_lock(&mock->lock);
	for (i = 0; i < MOCK_DIRTY_PENDING; i++) {
		if (!mock->pending[i].task)
			continue;
		mock->pending[i].task = NULL;
		mock_dirty_fault(mock, MOCK_DIRTY_FAULT_UNFLUSHED);
	}
	spin_unlock(&mock->lock);
}

/**
 * mock_dirty_change_begin() - devices or their setting are about to change
 * @mock: domain
 *
 * Windows exclude that, from the first read to the flush.
 */
void mock_dirty_change_begin(struct mock_dirty *mock)
{
	if (atomic_inc_return(&mock->writers) > 1 ||
	    atomic_read(&mock->readers))
		mock_dirty_fault(mock, MOCK_DIRTY_FAULT_OVERLAP);
	mock_dirty_drop_pending(mock);
}

/**
 * mock_dirty_change_end() - the end of what mock_dirty_change_begin() began
 * @mock: domain
 */
void mock_dirty_change_end(struct mock_dirty *mock)
{
	atomic_dec(&mock->writers);
}

static void mock_dirty_read_begin(struct mock_dirty *mock)
{
	atomic_inc(&mock->readers);
	if (atomic_read(&mock->writers))
		mock_dirty_fault(mock, MOCK_DIRTY_FAULT_OVERLAP);
}

static void mock_dirty_read_end(struct mock_dirty *mock)
{
	atomic_dec(&mock->readers);
}

static int mock_dirty_set(struct iommu_domain *domain, bool enable)
{
	struct mock_dirty *mock = to_mock_dirty(domain);
	int rc;

	atomic_inc(&mock->sets);
	mock_dirty_change_begin(mock);
	if (mock->enabled == enable)
		mock_dirty_fault(mock, MOCK_DIRTY_FAULT_SET_SAME);
	if (domain->dirty_enabled != enable)
		mock_dirty_fault(mock, MOCK_DIRTY_FAULT_SET_EARLY);

	mock_dirty_hold(mock, MOCK_DIRTY_HOLD_SET);
	rc = mock_dirty_fail(mock, MOCK_DIRTY_FAIL_SET);
	if (!rc) {
		mock->enabled = enable;
		mock_dirty_switch(mock, enable);
	}
	mock_dirty_change_end(mock);
	return rc;
}

/* Both ends of the range are mapped for writing; poison is in between if not */
static bool mock_dirty_mapped(struct mock_dirty *mock, unsigned long iova,
			      unsigned long last)
{
	bool mapped;

	down_read(&mock->tables);
	mapped = mock_pt_was_writable(mock, iova) &&
		 mock_pt_was_writable(mock, last);
	up_read(&mock->tables);
	return mapped;
}

static void mock_dirty_check_read(struct mock_dirty *mock,
				  const struct iommu_dirty_read *read,
				  unsigned long iova, unsigned long last)
{
	struct mock_dirty_pending *pending;

	if (iova > last || (iova | (last + 1)) & (MOCK_PT_PAGE_SIZE - 1))
		mock_dirty_fault(mock, MOCK_DIRTY_FAULT_UNALIGNED);
	if (read->log && !mock->enabled)
		mock_dirty_fault(mock, MOCK_DIRTY_FAULT_READ_OFF);
	if (!mock_dirty_mapped(mock, iova, last))
		mock_dirty_fault(mock, MOCK_DIRTY_FAULT_OUTSIDE);

	/* A new window: what the one before cleared should be flushed. */
	if (read->cleared <= read->cleared_last)
		return;
	spin_lock(&mock->lock);
	pending = mock_dirty_pending(mock, current);
	if (pending) {
		pending->task = NULL;
		mock_dirty_fault(mock, MOCK_DIRTY_FAULT_UNFLUSHED);
	}
	spin_unlock(&mock->lock);
}

/* Remember what must be flushed before the window ends */
static void mock_dirty_note_cleared(struct mock_dirty *mock,
				    const struct iommu_dirty_read *read)
{
	struct mock_dirty_pending *pending;

	spin_lock(&mock->lock);
	pending = mock_dirty_pending(mock, current);
	if (!pending)
		pending = mock_dirty_pending(mock, NULL);
	if (!WARN_ON(!pending)) {
		pending->task = current;
		pending->iova = read->cleared;
		pending->last = read->cleared_last;
		pending->sizes = read->cleared_sizes;
	}
	spin_unlock(&mock->lock);
}

static void mock_dirty_read(struct iommu_domain *domain,
			    struct iommu_dirty_read *read, unsigned long iova,
			    unsigned long last)
{
	struct mock_dirty *mock = to_mock_dirty(domain);

	atomic_inc(&mock->reads);
	mock_dirty_read_begin(mock);
	mock_dirty_check_read(mock, read, iova, last);
	mock_pt_read(mock, read, iova, last);
	/* What is forgotten when tracking begins is the switch's to flush. */
	if ((read->log || read->shape) && read->cleared <= read->cleared_last)
		mock_dirty_note_cleared(mock, read);
	mock_dirty_hold(mock, MOCK_DIRTY_HOLD_READ);
	mock_dirty_read_end(mock);
}

static void mock_dirty_check_flush(struct mock_dirty *mock, unsigned long iova,
				   unsigned long last, unsigned long sizes)
{
	struct mock_dirty_pending *pending;

	spin_lock(&mock->lock);
	pending = mock_dirty_pending(mock, current);
	if (!pending) {
		mock_dirty_fault(mock, MOCK_DIRTY_FAULT_IDLE);
	} else {
		if (iova > pending->iova || last < pending->last ||
		    pending->sizes & ~sizes)
			mock_dirty_fault(mock, MOCK_DIRTY_FAULT_SHORT);
		pending->task = NULL;
	}
	spin_unlock(&mock->lock);
}

static void mock_dirty_flush(struct iommu_domain *domain, unsigned long iova,
			     unsigned long last, unsigned long sizes)
{
	struct mock_dirty *mock = to_mock_dirty(domain);

	atomic_inc(&mock->flushes);
	mock_dirty_read_begin(mock);
	mock_dirty_check_flush(mock, iova, last, sizes);
	mock_dirty_hold(mock, MOCK_DIRTY_HOLD_FLUSH);
	mock_pt_settle(mock);
	mock_dirty_invalidate(mock, iova, last, sizes, false);
	mock_dirty_read_end(mock);
}

static size_t mock_dirty_split_table(struct iommu_domain *domain)
{
	return MOCK_PT_TABLE_SIZE;
}

/**
 * to_mock_dirty() - the mock of a domain
 * @domain: any domain
 *
 * Return: the mock, or NULL if the domain is not one that tracks.
 */
struct mock_dirty *to_mock_dirty(struct iommu_domain *domain)
{
	if (!domain->dirty_ops || domain->dirty_ops->read != mock_dirty_read)
		return NULL;
	return container_of(domain->dirty_ops, struct mock_dirty, ops);
}

/**
 * mock_dirty_init() - make a mock domain track
 * @domain: domain under construction
 * @dev_flags: flags of the mock device that it is made for
 *
 * Return: 0 or -ENOMEM.
 */
int mock_dirty_init(struct iommu_domain *domain, unsigned long dev_flags)
{
	struct mock_dirty *mock = kzalloc(sizeof(*mock), GFP_KERNEL_ACCOUNT);
	int rc;

	if (!mock)
		return -ENOMEM;
	mutex_init(&mock->devices_lock);
	INIT_LIST_HEAD(&mock->devices);
	spin_lock_init(&mock->lock);
	init_waitqueue_head(&mock->wait);
	rc = mock_pt_init(mock);
	if (rc) {
		kfree(mock);
		return rc;
	}
	mock->replicated = dev_flags & MOCK_DIRTY_DEVICE_REPLICATED;
	mock->domain = domain;
	mock->ops.set = mock_dirty_set;
	mock->ops.read = mock_dirty_read;
	mock->ops.flush = mock_dirty_flush;
	if (dev_flags & MOCK_DIRTY_DEVICE_SPLIT)
		mock->ops.split_table = mock_dirty_split_table;
	mock->ops.writable_only = dev_flags & MOCK_DIRTY_DEVICE_WRITABLE_ONLY;
	domain->dirty_ops = &mock->ops;
	return 0;
}

/**
 * mock_dirty_free() - undo mock_dirty_init(), if it was called
 * @domain: mock domain
 */
void mock_dirty_free(struct iommu_domain *domain)
{
	struct mock_dirty *mock = to_mock_dirty(domain);

	if (!mock)
		return;
	WARN_ON(!list_empty(&mock->devices));
	mock_pt_free(mock);
	kfree(mock);
}

/**
 * mock_dirty_map() - map leaves, all clean
 * @domain: mock domain, which need not track
 * @iova: first IOVA
 * @pgsize: size of a leaf, which the format has
 * @pgcount: number of leaves
 * @prot: IOMMU_WRITE if devices may write
 * @gfp: how to allocate tables
 *
 * Return: 0 or -ENOMEM.
 */
int mock_dirty_map(struct iommu_domain *domain, unsigned long iova,
		   size_t pgsize, size_t pgcount, int prot, gfp_t gfp)
{
	struct mock_dirty *mock = to_mock_dirty(domain);

	if (!mock)
		return 0;
	mock_dirty_hold(mock, MOCK_DIRTY_HOLD_MAP);
	return mock_pt_map(mock, iova, ilog2(pgsize), pgcount,
			   prot & IOMMU_WRITE, gfp);
}

/**
 * mock_dirty_unmap() - unmap leaves
 * @domain: mock domain, which need not track
 * @iova: first IOVA
 * @size: length in bytes; what is not mapped is skipped
 */
void mock_dirty_unmap(struct iommu_domain *domain, unsigned long iova,
		      size_t size)
{
	struct mock_dirty *mock = to_mock_dirty(domain);

	if (!mock)
		return;
	mock_pt_unmap(mock, iova, iova + size - 1);
	mock_dirty_invalidate(mock, iova, iova + size - 1, ~0UL, true);
	mock_dirty_hold(mock, MOCK_DIRTY_HOLD_UNMAP);
}

/**
 * mock_dirty_stats() - what has happened so far
 * @mock: domain
 * @quiet: nobody is reading, so that nothing may be left to be flushed
 * @stats: filled in
 */
void mock_dirty_stats(struct mock_dirty *mock, bool quiet,
		      struct mock_dirty_stats *stats)
{
	unsigned int i;

	stats->held = READ_ONCE(mock->held);
	stats->sets = atomic_read(&mock->sets);
	stats->reads = atomic_read(&mock->reads);
	stats->flushes = atomic_read(&mock->flushes);
	stats->hits = atomic_read(&mock->hits);
	if (quiet)
		mock_dirty_drop_pending(mock);
	for (i = 0; i < MOCK_DIRTY_NR_FAULTS; i++)
		stats->faults[i] = atomic_read(&mock->faults[i]);
	stats->faults[MOCK_DIRTY_FAULT_OUTSIDE] += mock_pt_astray(mock);
}
