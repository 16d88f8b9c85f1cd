// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty tracking ioctls
 *
 * A read (GET_DIRTY_BITMAP) goes through its range *window* by window. Areas
 * lead: what lies between them is a hole, costs nothing and is not touched. For
 * each window it
 *
 *   looks which areas there are, under iova_rwsem, and so which pages of the
 *        caller's bitmap are needed,
 *   pins these pages, with no lock held (dirty_log.c),
 *   looks the areas up again, under the lock, and has the driver walk them, run
 *        by run: a run is a sequence of areas without a gap,
 *   flushes what the walk cleared, and only then drops the lock and unpins.
 *
 * An area that appeared between the two looks may lie over a page that is not
 * pinned. It is left out, as if it had been mapped after the read: its leaves
 * keep their dirt for the next one. An area whose pages are NULL is being set
 * up or torn down, without a lock: its tables must not be entered.
 *
 * Whenever the read ends early, every page is in one of two states: reported in
 * the caller's bitmap, or dirty in the page table as before.
 *
 * The lock of the tracking state (struct iommufd_dirty) is taken per window as
 * well, outside iova_rwsem. Reads share both locks and run in parallel.
 */
#include <linux/iommu.h>
#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/overflow.h>
#include <linux/sched/clock.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <uapi/linux/iommufd.h>

#include "../iommu-dirty-log.h"
#include "../iommu-dirty-partial.h"
#include "io_pagetable.h"
#include "iommufd_private.h"

#define CREATE_TRACE_POINTS
#include <trace/events/iommu_dirty.h>

/* Both pages that the bits of a window can lie in */
#define IOMMUFD_DIRTY_ALL_PAGES 3

/* More than it takes to wake somebody up on another processor */
#define IOMMUFD_DIRTY_GIVE_WAY_NS (100 * NSEC_PER_USEC)

/**
 * struct iommufd_dirty_seen - what the trace events say of a read
 * @begun: when it began, 0 unless iommu_dirty_read was enabled at that moment:
 *         nothing is counted then
 * @iova: where it ended
 * @pages: number of bits that it set
 * @windows: number of windows that it went through
 */
struct iommufd_dirty_seen {
	u64 begun;
	unsigned long iova;
	unsigned long pages;
	unsigned int windows;
};

/**
 * iommufd_dirty_init() - prepare a paging HWPT for tracking
 * @hwpt: HWPT under construction, whose domain exists
 * @flags: flags of IOMMU_HWPT_ALLOC
 *
 * Return: 0, or -EOPNOTSUPP if tracking was asked for and the driver has not
 *	   given the domain the operations.
 */
int iommufd_dirty_init(struct iommufd_hwpt_paging *hwpt, u32 flags)
{
	init_rwsem(&hwpt->dirty.lock);
	if ((flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING) &&
	    !hwpt->common.domain->dirty_ops)
		return -EOPNOTSUPP;
	return 0;
}

static void iommufd_dirty_read_run(struct iommu_domain *domain,
				   struct iommu_dirty_read *read,
				   unsigned long iova, unsigned long last)
{
	unsigned long whole;

	if (!domain) {
		iommu_dirty_log_range(read->log, iova, last);
		return;
	}
	/*
	 * Behind a hole, behind a leaf that was clean, and where there was
	 * something else when the last window was read: a leaf that begins
	 * before was not seen whole.
	 */
	if (iova != read->next)
		read->whole = iova;
	whole = read->whole;
	/*
	 * Repeated if a parallel read split leaves under its feet. What an
	 * attempt found out about its last leaf may not hold for the next.
	 */
	do {
		read->whole = whole;
		read->next = iova;
		iommu_dirty_partial_begin(read);
		domain->dirty_ops->read(domain, read, iova, last);
	} while (iommu_dirty_partial_retry(read));
}

/**
 * iommufd_dirty_read_areas() - walk the areas of a window
 * @iopt: the areas
 * @domain: whose table to walk; NULL if no table knows, and everything that is
 *          mapped writable is dirty
 * @read: the read
 * @iova: first IOVA
 * @last: last IOVA
 * @pages: the pages of the log that may be written
 *
 * Context: iova_rwsem is held.
 */
void iommufd_dirty_read_areas(struct io_pagetable *iopt,
			      struct iommu_domain *domain,
			      struct iommu_dirty_read *read,
			      unsigned long iova, unsigned long last,
			      unsigned int pages)
{
	unsigned long run = 0, run_last = 0;
	struct iopt_area *area;
	bool open = false;

	lockdep_assert_held_read(&iopt->iova_rwsem);

	for (area = iopt_area_iter_first(iopt, iova, last); area;
	     area = iopt_area_iter_next(area, iova, last)) {
		unsigned long area_iova = max(iova, iopt_area_iova(area));
		unsigned long area_last = min(last, iopt_area_last_iova(area));

		if (!area->pages || !(area->iommu_prot & IOMMU_WRITE))
			continue;
		if (read->log && iommufd_dirty_log_pages(read->log, area_iova,
							 area_last) & ~pages)
			continue;
		if (open && area_iova == run_last + 1) {
			run_last = area_last;
			continue;
		}
		if (open)
			iommufd_dirty_read_run(domain, read, run, run_last);
		run = area_iova;
		run_last = area_last;
		open = true;
	}
	if (open)
		iommufd_dirty_read_run(domain, read, run, run_last);
}

/**
 * iommufd_dirty_find() - find the first IOVA of a range that is mapped
 * @iopt: the areas
 * @iova: in: first IOVA of the range, out: the IOVA found
 * @last: last IOVA of the range
 *
 * Context: iova_rwsem is held.
 * Return: false if there is none.
 */
bool iommufd_dirty_find(struct io_pagetable *iopt, unsigned long *iova,
			unsigned long last)
{
	struct iopt_area *area;

	for (area = iopt_area_iter_first(iopt, *iova, last); area;
	     area = iopt_area_iter_next(area, *iova, last)) {
		if (!area->pages)
			continue;
		*iova = max(*iova, iopt_area_iova(area));
		return true;
	}
	return false;
}

/* Which pages of the log lie under mapped areas, writable by DMA or not */
static unsigned int iommufd_dirty_need(struct io_pagetable *iopt,
				       const struct iommu_dirty_log *log,
				       unsigned long iova)
{
	struct iopt_area *area;
	unsigned int pages = 0;

	for (area = iopt_area_iter_first(iopt, iova, log->last);
	     area && pages != IOMMUFD_DIRTY_ALL_PAGES;
	     area = iopt_area_iter_next(area, iova, log->last)) {
		unsigned long area_iova = max(iova, iopt_area_iova(area));
		unsigned long area_last = min(log->last,
					      iopt_area_last_iova(area));

		if (area->pages)
			pages |= iommufd_dirty_log_pages(log, area_iova,
							 area_last);
	}
	return pages;
}

/**
 * iommufd_dirty_sync() - have the table show what was written until now
 * @domain: whose table
 *
 * Context: process context; may wait for hardware.
 */
void iommufd_dirty_sync(struct iommu_domain *domain)
{
	if (domain->dirty_ops->sync)
		domain->dirty_ops->sync(domain);
}

/**
 * iommufd_dirty_flush() - flush what a walk changed
 * @domain: whose table it was
 * @read: the read; knows of nothing to flush afterwards
 *
 * Context: iommufd_dirty::lock is held, and what was walked cannot be unmapped.
 */
void iommufd_dirty_flush(struct iommu_domain *domain,
			 struct iommu_dirty_read *read)
{
	if (read->cleared <= read->cleared_last)
		domain->dirty_ops->flush(domain, read->cleared,
					 read->cleared_last,
					 read->cleared_sizes);
	read->cleared = ULONG_MAX;
	read->cleared_last = 0;
	read->cleared_sizes = 0;
}

static int iommufd_dirty_read_window(struct io_pagetable *iopt,
				     struct iommufd_hwpt_paging *hwpt,
				     struct iommu_dirty_read *read,
				     unsigned long iova, unsigned int pages)
{
	struct iommu_domain *domain;
	int rc = 0;

	if (!hwpt) {
		down_read(&iopt->iova_rwsem);
		iommufd_dirty_read_areas(iopt, NULL, read, iova,
					 read->log->last, pages);
		up_read(&iopt->iova_rwsem);
		return 0;
	}

	domain = hwpt->common.domain;
	down_read(&hwpt->dirty.lock);
	if (!domain->dirty_enabled) {
		rc = -EINVAL;
		goto out_unlock;
	}

	down_read(&iopt->iova_rwsem);
	iommufd_dirty_read_areas(iopt, domain, read, iova, read->log->last,
				 pages);
	/*
	 * The clears are atomic operations and precede the command that the
	 * driver queues here, so hardware that refills its caches after the
	 * invalidation sees clean leaves.
	 */
	iommufd_dirty_flush(domain, read);
	up_read(&iopt->iova_rwsem);
out_unlock:
	up_read(&hwpt->dirty.lock);
	return rc;
}

/*
 * Who maps or unmaps waits for one window, not for the whole range. But a writer
 * that sleeps needs time to wake up when the lock becomes free, and until then
 * an rwsem lets readers take it again, for milliseconds: wait a moment for who
 * was woken to come. Who does not come in that time waits on, as always.
 *
 * Return: whether anybody waited.
 */
static bool iommufd_dirty_give_way(struct io_pagetable *iopt)
{
	bool contended = rwsem_is_contended(&iopt->iova_rwsem);
	u64 end;

	if (contended) {
		end = local_clock() + IOMMUFD_DIRTY_GIVE_WAY_NS;
		while (rwsem_is_contended(&iopt->iova_rwsem) &&
		       !need_resched() && local_clock() < end)
			cpu_relax();
	}
	cond_resched();
	return contended;
}

/* A window of a read, and what the trace event has to know of it */
static int iommufd_dirty_get_window(struct io_pagetable *iopt,
				    struct iommufd_hwpt_paging *hwpt,
				    struct iommu_dirty_read *read,
				    unsigned long iova, unsigned int pages,
				    struct iommufd_dirty_seen *seen)
{
	unsigned long before;
	int rc;

	if (!seen->begun)
		return iommufd_dirty_read_window(iopt, hwpt, read, iova, pages);

	before = iommufd_dirty_log_weight(read->log);
	rc = iommufd_dirty_read_window(iopt, hwpt, read, iova, pages);
	seen->pages += iommufd_dirty_log_gained(read->log, before);
	seen->windows++;
	return rc;
}

/*
 * The next window that has something mapped in it: moves @iova there, sets up
 * @log, and returns which of its pages are needed, 0 if there is no such window.
 */
static unsigned int iommufd_dirty_next(struct io_pagetable *iopt,
				       const struct iommufd_dirty_bits *bits,
				       struct iommu_dirty_log *log,
				       unsigned long *iova, unsigned long last,
				       bool hurry)
{
	unsigned int pages = 0;

	down_read(&iopt->iova_rwsem);
	if (iommufd_dirty_find(iopt, iova, last)) {
		unsigned long log_last = iommufd_dirty_log_last(bits, *iova,
								hurry);

		iommufd_dirty_log_init(log, bits, *iova, min(log_last, last));
		pages = iommufd_dirty_need(iopt, log, *iova);
	}
	up_read(&iopt->iova_rwsem);
	return pages;
}

/* A read of @hwpt; or, if that is NULL, of what is mapped, all of it dirty */
static int iommufd_dirty_get(struct io_pagetable *iopt,
			     struct iommufd_hwpt_paging *hwpt,
			     const struct iommufd_dirty_bits *bits,
			     unsigned long last, bool clear,
			     struct iommufd_dirty_seen *seen)
{
	const struct iommufd_dirty_shaper *shaper = hwpt ? hwpt->dirty.shaper :
							   NULL;
	unsigned long iova = bits->iova;
	struct iommu_dirty_log log;
	struct iommu_dirty_read read = {
		.log = &log,
		.clear = clear,
		.last = last,
		.partial = shaper ? &hwpt->dirty.partial : NULL,
		.whole = iova,
		.next = iova,
		.cleared = ULONG_MAX,
	};
	bool hurry = false;
	int rc = 0;

	if (hwpt)
		iommufd_dirty_sync(hwpt->common.domain);
	for (;;) {
		unsigned int pages = iommufd_dirty_next(iopt, bits, &log, &iova,
							last, hurry);

		if (!pages)
			break;

		if (shaper)
			shaper->prepare(hwpt, &read);
		rc = iommufd_dirty_log_pin(&log, bits, pages);
		if (rc)
			break;
		rc = iommufd_dirty_get_window(iopt, hwpt, &read, iova, pages,
					      seen);
		iommufd_dirty_log_unpin(&log);
		if (rc || log.last == last)
			break;

		rc = -EINTR;
		if (fatal_signal_pending(current))
			break;
		rc = 0;
		/*
		 * A MAP takes the lock again and again, each time a moment after
		 * the last, when this has just taken it too: small windows until
		 * nobody comes any more.
		 */
		hurry = iommufd_dirty_give_way(iopt);
		iova = log.last + 1;
	}
	if (shaper)
		shaper->finish(hwpt, &read, bits->iova);
	seen->iova = iova;
	return rc;
}

/**
 * iommufd_dirty_mark() - report everything that is mapped writable
 * @iopt: the areas
 * @bits: where the bits go, the first IOVA of the range among it
 * @last: last IOVA of the range
 *
 * For what is written by somebody whom no page table knows.
 *
 * Context: process context; takes iova_rwsem for read.
 * Return: 0; -EFAULT if the bitmap under a mapped area cannot be written;
 *	   -EINTR on a fatal signal.
 */
int iommufd_dirty_mark(struct io_pagetable *iopt,
		       const struct iommufd_dirty_bits *bits,
		       unsigned long last)
{
	struct iommufd_dirty_seen seen = {};

	return iommufd_dirty_get(iopt, NULL, bits, last, false, &seen);
}

/**
 * iommufd_dirty_read() - read, and clear, a range of an HWPT
 * @hwpt: an HWPT that tracks
 * @cmd: the request, of which @data, @flags, @iova and @page_size count here
 * @last: last IOVA of the range
 *
 * Context: process context; takes iommufd_dirty::lock and iova_rwsem for read.
 * Return: 0; -EINVAL while tracking is off; -EFAULT if the bitmap under a mapped
 *	   area cannot be written; -EINTR on a fatal signal.
 */
int iommufd_dirty_read(struct iommufd_hwpt_paging *hwpt,
		       const struct iommu_hwpt_get_dirty_bitmap *cmd,
		       unsigned long last)
{
	const struct iommufd_dirty_bits bits = {
		.iova = cmd->iova,
		.user = cmd->data,
		.shift = ilog2(cmd->page_size),
	};
	struct iommufd_dirty_seen seen = { .iova = cmd->iova };
	int rc = -EINVAL;

	/* A range without areas has no window that would find out. */
	if (!READ_ONCE(hwpt->common.domain->dirty_enabled))
		goto out;

	if (trace_iommu_dirty_read_enabled())
		seen.begun = ktime_get_ns();
	rc = iommufd_dirty_get(&hwpt->ioas->iopt, hwpt, &bits, last,
			       !(cmd->flags &
				 IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR), &seen);
	if (seen.begun)
		trace_iommu_dirty_read(cmd, seen.pages, seen.windows,
				       ktime_get_ns() - seen.begun, rc);
out:
	if (rc)
		trace_iommu_dirty_error(hwpt->common.obj.id, "get", seen.iova,
					rc);
	return rc;
}

/**
 * iommufd_dirty_last() - where a range ends that user space names
 * @iova: first IOVA
 * @length: its length
 * @last: set to its last IOVA
 *
 * Return: 0; -EINVAL if it is empty; -EOVERFLOW if it wraps.
 */
int iommufd_dirty_last(u64 iova, u64 length, unsigned long *last)
{
	u64 last_iova;

	if (!length)
		return -EINVAL;
	if (check_add_overflow(iova, length - 1, &last_iova) ||
	    last_iova > ULONG_MAX)
		return -EOVERFLOW;
	*last = last_iova;
	return 0;
}

/**
 * iommufd_dirty_page_mask() - what of an IOVA says where in its page it is
 * @iopt: the areas, whose alignment is the smallest leaf that there may be
 *
 * Context: takes iova_rwsem.
 * Return: the size of such a page, minus 1.
 */
unsigned long iommufd_dirty_page_mask(struct io_pagetable *iopt)
{
	unsigned long mask;

	down_read(&iopt->iova_rwsem);
	mask = iopt->iova_alignment - 1;
	up_read(&iopt->iova_rwsem);
	return mask;
}

/**
 * iommufd_dirty_check() - check a range that is to be reported
 * @iopt: what maps it
 * @iova: first IOVA
 * @length: its length
 * @page_size: bytes that one bit stands for
 * @last: set to its last IOVA
 *
 * Context: takes iova_rwsem.
 * Return: 0; -EINVAL if it is empty, or not made of whole pages of either size,
 *	   or @page_size is no power of two; -EOVERFLOW if it wraps.
 */
int iommufd_dirty_check(struct io_pagetable *iopt, u64 iova, u64 length,
			u64 page_size, unsigned long *last)
{
	int rc = iommufd_dirty_last(iova, length, last);

	if (rc)
		return rc;
	if (!page_size || page_size & (page_size - 1))
		return -EINVAL;
	if ((iova | length) & (page_size - 1))
		return -EINVAL;

	if ((iova | length) & iommufd_dirty_page_mask(iopt))
		return -EINVAL;
	return 0;
}

/**
 * iommufd_hwpt_get_dirty_bitmap() - ioctl(IOMMU_HWPT_GET_DIRTY_BITMAP)
 * @ucmd: the call
 *
 * Context: process context; takes iommufd_dirty::lock and iova_rwsem for read.
 * Return: 0; -EOPNOTSUPP for flags or reserved fields that are unknown, or an
 *	   HWPT that does not track; -ENOENT for an id that is no paging HWPT;
 *	   -EINVAL for length, page size or alignment, or while tracking is off;
 *	   -EOVERFLOW for a range that wraps; -EFAULT if the bitmap under a
 *	   mapped area cannot be written; -EINTR on a fatal signal.
 */
int iommufd_hwpt_get_dirty_bitmap(struct iommufd_ucmd *ucmd)
{
	struct iommu_hwpt_get_dirty_bitmap *cmd = ucmd->cmd;
	struct iommufd_hwpt_paging *hwpt;
	unsigned long last;
	int rc;

	if ((cmd->flags & ~IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR) ||
	    cmd->__reserved)
		return -EOPNOTSUPP;

	hwpt = iommufd_get_hwpt_paging(ucmd, cmd->hwpt_id);
	if (IS_ERR(hwpt))
		return PTR_ERR(hwpt);

	rc = -EOPNOTSUPP;
	if (hwpt->common.domain->dirty_ops)
		rc = iommufd_dirty_check(&hwpt->ioas->iopt, cmd->iova,
					 cmd->length, cmd->page_size, &last);
	if (!rc && cmd->data > ULONG_MAX)
		rc = -EFAULT;
	if (rc)
		trace_iommu_dirty_error(hwpt->common.obj.id, "get", cmd->iova,
					rc);
	else
		rc = iommufd_dirty_read(hwpt, cmd, last);
	iommufd_put_object(ucmd->ictx, &hwpt->common.obj);
	return rc;
}

/*
 * Tracking begins with a clean table: dirt that an earlier period left behind
 * is cleared, in windows. Nobody reads or switches at the same time, and the
 * switch that follows flushes everything.
 */
static void iommufd_dirty_forget(struct iommufd_hwpt_paging *hwpt)
{
	struct io_pagetable *iopt = &hwpt->ioas->iopt;
	struct iommu_dirty_read read = { .clear = true };
	unsigned long iova = 0, last;

	lockdep_assert_held_write(&hwpt->dirty.lock);

	iommufd_dirty_sync(hwpt->common.domain);
	do {
		down_read(&iopt->iova_rwsem);
		if (!iommufd_dirty_find(iopt, &iova, ULONG_MAX)) {
			up_read(&iopt->iova_rwsem);
			return;
		}
		last = iova | (SZ_1G - 1);
		iommufd_dirty_read_areas(iopt, hwpt->common.domain, &read, iova,
					 last, 0);
		up_read(&iopt->iova_rwsem);
		iommufd_dirty_give_way(iopt);
		iova = last + 1;
	} while (iova);
}

static int iommufd_dirty_switch(struct iommufd_hwpt_paging *hwpt, bool enable)
{
	struct iommu_domain *domain = hwpt->common.domain;
	int rc = 0;

	down_write(&hwpt->dirty.lock);
	/* On already: the dirt there is has not been read yet. */
	if (domain->dirty_enabled == enable)
		goto out_unlock;

	if (enable) {
		iommufd_dirty_forget(hwpt);
		if (hwpt->dirty.shaper)
			hwpt->dirty.shaper->set(hwpt, true);
	}
	/* A driver may rewrite its tables at any time, from what it finds here. */
	WRITE_ONCE(domain->dirty_enabled, enable);
	rc = domain->dirty_ops->set(domain, enable);
	if (rc)
		WRITE_ONCE(domain->dirty_enabled, !enable);
	if (!domain->dirty_enabled && hwpt->dirty.shaper)
		hwpt->dirty.shaper->set(hwpt, false);
out_unlock:
	up_write(&hwpt->dirty.lock);
	return rc;
}

/**
 * iommufd_dirty_set() - switch tracking
 * @hwpt: any paging HWPT
 * @enable: on or off
 *
 * Context: process context; takes iommufd_dirty::lock for write and iova_rwsem
 *	    for read.
 * Return: 0, also if tracking was on, or off, already; -EOPNOTSUPP if the HWPT
 *	   does not track; else what the driver returns.
 */
int iommufd_dirty_set(struct iommufd_hwpt_paging *hwpt, bool enable)
{
	int rc = -EOPNOTSUPP;
	u64 begun = 0;

	if (trace_iommu_dirty_set_enabled())
		begun = ktime_get_ns();
	if (hwpt->common.domain->dirty_ops)
		rc = iommufd_dirty_switch(hwpt, enable);
	if (begun)
		trace_iommu_dirty_set(hwpt->common.obj.id, enable,
				      ktime_get_ns() - begun, rc);
	if (rc)
		trace_iommu_dirty_error(hwpt->common.obj.id, "set", 0, rc);
	return rc;
}

/**
 * iommufd_hwpt_set_dirty_tracking() - ioctl(IOMMU_HWPT_SET_DIRTY_TRACKING)
 * @ucmd: the call
 *
 * Context: process context; takes iommufd_dirty::lock for write and iova_rwsem
 *	    for read.
 * Return: 0, also if tracking was on, or off, already; -EOPNOTSUPP for flags or
 *	   reserved fields that are unknown, or an HWPT that does not track;
 *	   -ENOENT for an id that is no paging HWPT.
 */
int iommufd_hwpt_set_dirty_tracking(struct iommufd_ucmd *ucmd)
{
	struct iommu_hwpt_set_dirty_tracking *cmd = ucmd->cmd;
	struct iommufd_hwpt_paging *hwpt;
	int rc;

	if ((cmd->flags & ~IOMMU_HWPT_DIRTY_TRACKING_ENABLE) || cmd->__reserved)
		return -EOPNOTSUPP;

	hwpt = iommufd_get_hwpt_paging(ucmd, cmd->hwpt_id);
	if (IS_ERR(hwpt))
		return PTR_ERR(hwpt);

	rc = iommufd_dirty_set(hwpt,
			       cmd->flags & IOMMU_HWPT_DIRTY_TRACKING_ENABLE);
	iommufd_put_object(ucmd->ictx, &hwpt->common.obj);
	return rc;
}
