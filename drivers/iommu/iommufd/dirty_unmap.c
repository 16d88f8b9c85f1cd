// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unmapping a range, and reporting what was written until then
 *
 * Reading first and unmapping second loses what is written in between. Here the
 * areas of a range are unmapped one by one, and for each of them
 *
 *   the pages of the caller's bitmap that its bits lie in are pinned, all of
 *        them, with no lock held: from here on nothing can fail for want of
 *        memory or of the bitmap;
 *   the area is made unfindable, as in any unmap (io_pagetable.c): its pages
 *        are NULL. Reads, splits and joins that walk hold iova_rwsem, so none of
 *        them is in it any more, and those that come pass it by. What is left is
 *        hardware;
 *   for each HWPT of the IOAS, what is clean is made read-only and flushed, and
 *        what is dirty then is reported (iommu-dirty-revoke.h). Nothing is
 *        cleared: the leaves go;
 *   and the domains are unfilled, as in any unmap.
 *
 * A write is therefore either reported or refused.
 *
 * What has to stand still meanwhile, and who sees to it:
 *
 *   the HWPTs of the IOAS   ioas->mutex: one that is allocated enters the list,
 *        and has its devices attached, under it. One that is being destroyed may
 *        have left the list and not yet the IOAS: it has no devices;
 *   the domains             domains_rwsem, held for read from before the area is
 *        unfindable until it is gone. A domain that comes later is filled from
 *        the areas that there are then. One that came before is in the list, and
 *        has the area mapped, and clean;
 *   who is attached         iommufd_dirty::lock of the HWPT, held for read from
 *        the revoke to the last bit read, as in a read: the flush reaches
 *        everybody. Once it is dropped a device may be attached and find what is
 *        left of the area: leaves that cannot be written, or were reported;
 *   tracking                the same lock. It is looked at before each area, and
 *        the call fails if somebody has switched it off. If they do so after
 *        that, there is no way back, and the area is reported whole.
 *
 * The locks nest in this order, with iova_rwsem inside all of them. A caller's
 * bitmap, which may be anything, is waited for with none of them held.
 */
#include <linux/highmem.h>
#include <linux/iommu.h>
#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <trace/events/iommu_dirty.h>
#include <uapi/linux/iommufd.h>

#include "../iommu-dirty-log.h"
#include "../iommu-dirty-revoke.h"
#include "io_pagetable.h"
#include "iommufd_private.h"

/* How much is revoked without giving others a chance to run */
#define IOMMUFD_DIRTY_REVOKE_WINDOW	SZ_1G

/* Pages of the bitmap that are pinned at once, between looks for signals */
#define IOMMUFD_DIRTY_PIN_PAGES		512UL

/**
 * struct iommufd_dirty_unmap - unmapping a range with a report
 * @ioas: whose range it is
 * @bits: where the bits go
 * @blind: somebody who was not tracked is gone; NULL if that is an error while
 *         they are there
 * @user: address of the first page of the bitmap that is pinned
 * @pages: the pinned pages of the bitmap
 * @nr_pages: number of them
 * @count: count what is reported, for the trace event
 * @before: number of bits that were set when the window was opened
 * @reported: number of bits that became set
 */
struct iommufd_dirty_unmap {
	struct iommufd_ioas *ioas;
	const struct iommufd_dirty_bits *bits;
	const bool *blind;
	unsigned long user;
	struct page **pages;
	unsigned long nr_pages;
	bool count;
	unsigned long before;
	unsigned long reported;
};

static void iommufd_dirty_unmap_unpin(struct iommufd_dirty_unmap *unmap,
				      bool dirty)
{
	unpin_user_pages_dirty_lock(unmap->pages, unmap->nr_pages, dirty);
	kvfree(unmap->pages);
	unmap->pages = NULL;
	unmap->nr_pages = 0;
}

/* Pin the bitmap under @iova to @last. */
static int iommufd_dirty_unmap_pin(struct iommufd_dirty_unmap *unmap,
				   unsigned long iova, unsigned long last)
{
	const struct iommufd_dirty_bits *bits = unmap->bits;
	unsigned long first_byte = ((iova - bits->iova) >> bits->shift) /
				   BITS_PER_BYTE;
	unsigned long last_byte = ((last - bits->iova) >> bits->shift) /
				  BITS_PER_BYTE;
	unsigned long user_last, nr;
	int rc;

	/* The bits may not wrap around the end of the address space. */
	if (check_add_overflow(bits->user, last_byte, &user_last))
		return -EFAULT;
	unmap->user = (bits->user + first_byte) & PAGE_MASK;
	nr = (user_last >> PAGE_SHIFT) - (unmap->user >> PAGE_SHIFT) + 1;
	/* Pinning would say EOVERFLOW for the last page of all. */
	if (!access_ok((void __user *)unmap->user, nr << PAGE_SHIFT))
		return -EFAULT;

	unmap->pages = kvcalloc(nr, sizeof(*unmap->pages),
				GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!unmap->pages)
		return -ENOMEM;
	do {
		rc = -EINTR;
		if (fatal_signal_pending(current))
			break;
		rc = pin_user_pages_fast(unmap->user +
						 (unmap->nr_pages << PAGE_SHIFT),
					 min(nr - unmap->nr_pages,
					     IOMMUFD_DIRTY_PIN_PAGES),
					 FOLL_WRITE,
					 unmap->pages + unmap->nr_pages);
		if (rc <= 0)
			break;
		unmap->nr_pages += rc;
		cond_resched();
	} while (unmap->nr_pages < nr);
	if (unmap->nr_pages == nr)
		return 0;
	iommufd_dirty_unmap_unpin(unmap, false);
	return rc < 0 ? rc : -EFAULT;
}

/*
 * A window that begins at @iova and ends at @last, at the latest, for what is
 * recorded now.
 */
static void iommufd_dirty_unmap_open(struct iommufd_dirty_unmap *unmap,
				     struct iommu_dirty_log *log,
				     unsigned long iova, unsigned long last)
{
	const struct iommufd_dirty_bits *bits = unmap->bits;
	unsigned long byte = ((iova - bits->iova) >> bits->shift) /
			     BITS_PER_BYTE;
	unsigned long page = (bits->user + byte - unmap->user) >> PAGE_SHIFT;
	unsigned int i;

	iommufd_dirty_log_init(log, bits, iova,
			       min(iommufd_dirty_log_last(bits, iova, false),
				   last));
	for (i = 0; i < ARRAY_SIZE(log->page) && page + i < unmap->nr_pages; i++)
		log->page[i] = kmap_local_page(unmap->pages[page + i]);
	if (unmap->count)
		unmap->before = iommufd_dirty_log_weight(log);
}

static void iommufd_dirty_unmap_close(struct iommufd_dirty_unmap *unmap,
				      struct iommu_dirty_log *log)
{
	int i;

	if (unmap->count)
		unmap->reported += iommufd_dirty_log_gained(log, unmap->before);
	/* Local mappings are undone in the order opposite to their making. */
	for (i = ARRAY_SIZE(log->page) - 1; i >= 0; i--)
		if (log->page[i])
			kunmap_local(log->page[i]);
	cond_resched();
}

/* Report what is dirty, or everything if no domain says what that is. */
static void iommufd_dirty_unmap_report(struct iommufd_dirty_unmap *unmap,
				       struct iommu_domain *domain,
				       unsigned long iova, unsigned long last)
{
	struct iommu_dirty_log log;
	struct iommu_dirty_read read = {
		.log = &log,
		.last = last,
		.cleared = ULONG_MAX,
	};

	for (;; iova = log.last + 1) {
		iommufd_dirty_unmap_open(unmap, &log, iova, last);
		if (domain)
			domain->dirty_ops->read(domain, &read, iova, log.last);
		else
			iommu_dirty_log_range(&log, iova, log.last);
		iommufd_dirty_unmap_close(unmap, &log);
		if (log.last == last)
			return;
	}
}

static void iommufd_dirty_unmap_revoke(struct iommu_domain *domain,
				       unsigned long iova, unsigned long last)
{
	struct iommu_dirty_shape shape;
	struct iommu_dirty_read read = {
		.last = last,
		.shape = &shape,
		.cleared = ULONG_MAX,
	};
	unsigned long window_last;

	iommu_dirty_revoke_init(&shape);
	for (;; iova = window_last + 1) {
		window_last = min(last, iova | (IOMMUFD_DIRTY_REVOKE_WINDOW - 1));
		domain->dirty_ops->read(domain, &read, iova, window_last);
		if (window_last == last)
			break;
		cond_resched();
	}
	/*
	 * The exchanges are full barriers and precede the command that the driver
	 * queues here. When it is done, what was translated by a leaf that is
	 * read-only now has been written, and its leaf marked, or never will be.
	 */
	iommufd_dirty_flush(domain, &read);
}

/* Returns false if what was written through the HWPT is not known. */
static bool iommufd_dirty_unmap_hwpt(struct iommufd_dirty_unmap *unmap,
				     struct iommufd_hwpt_paging *hwpt,
				     unsigned long iova, unsigned long last)
{
	struct iommu_domain *domain = hwpt->common.domain;
	bool tracked;

	if (!domain->dirty_ops)
		return false;

	down_read(&hwpt->dirty.lock);
	tracked = domain->dirty_enabled && !domain->dirty_ops->writable_only;
	if (tracked) {
		/*
		 * Marks that hardware still has to make are of leaves that are
		 * writable: before, of what was written until now, and after, of
		 * what was written until the flush.
		 */
		iommufd_dirty_sync(domain);
		iommufd_dirty_unmap_revoke(domain, iova, last);
		iommufd_dirty_sync(domain);
		iommufd_dirty_unmap_report(unmap, domain, iova, last);
	}
	up_read(&hwpt->dirty.lock);
	return tracked;
}

/**
 * iommufd_dirty_unmap_area() - report an area that is being unmapped
 * @unmap: the call
 * @area: the area, whose pages are NULL, and that is filled still
 *
 * Context: ioas->mutex is held, and domains_rwsem for read.
 */
void iommufd_dirty_unmap_area(struct iommufd_dirty_unmap *unmap,
			      struct iopt_area *area)
{
	unsigned long last = iopt_area_last_iova(area);
	struct iommufd_ioas *ioas = unmap->ioas;
	unsigned long iova = iopt_area_iova(area);
	struct iommufd_hwpt_paging *hwpt;
	bool whole = false;

	lockdep_assert_held(&ioas->mutex);
	lockdep_assert_held_read(&ioas->iopt.domains_rwsem);

	if (!(area->iommu_prot & IOMMU_WRITE))
		return;
	/*
	 * What a driver writes by itself is not in any page table. One that goes
	 * leaves a mark, having taken domains_rwsem for write.
	 */
	if (unmap->blind)
		whole = *unmap->blind ||
			!xa_empty(&ioas->iopt.access_list);
	list_for_each_entry(hwpt, &ioas->hwpt_list, hwpt_item) {
		if (whole)
			break;
		whole = !iommufd_dirty_unmap_hwpt(unmap, hwpt, iova, last);
	}
	if (whole)
		iommufd_dirty_unmap_report(unmap, NULL, iova, last);
}

/* Is every HWPT tracking? The caller holds ioas->mutex. */
static int iommufd_dirty_unmap_check(struct iommufd_dirty_unmap *unmap)
{
	struct iommufd_hwpt_paging *hwpt;

	if (unmap->blind)
		return 0;
	list_for_each_entry(hwpt, &unmap->ioas->hwpt_list, hwpt_item)
		if (!READ_ONCE(hwpt->common.domain->dirty_enabled))
			return -EINVAL;
	return 0;
}

/*
 * Unmap what lies between @iova and @last, for which the bitmap is pinned. It was
 * one area when somebody looked; whatever it is now has its bits there.
 */
static int iommufd_dirty_unmap_step(struct iommufd_dirty_unmap *unmap,
				    unsigned long iova, unsigned long last,
				    unsigned long *unmapped)
{
	struct iommufd_ioas *ioas = unmap->ioas;
	unsigned long step = 0;
	int rc;

	mutex_lock(&ioas->mutex);
	rc = iommufd_dirty_unmap_check(unmap);
	if (!rc)
		rc = iopt_unmap_iova_range(&ioas->iopt, iova, last, &step,
					   unmap);
	mutex_unlock(&ioas->mutex);
	*unmapped += step;
	return rc;
}

/*
 * Areas are unmapped whole or not at all: none may reach over the range. Found
 * out before anything is changed.
 */
static int iommufd_dirty_unmap_check_range(struct io_pagetable *iopt,
					   unsigned long iova,
					   unsigned long last)
{
	struct iopt_area *area;
	int rc = -ENOENT;

	down_read(&iopt->iova_rwsem);
	if (!iopt_area_iter_first(iopt, iova, last))
		goto out_unlock;
	area = iopt_area_iter_first(iopt, iova, iova);
	if (area && iopt_area_iova(area) < iova)
		goto out_unlock;
	area = iopt_area_iter_first(iopt, last, last);
	if (area && iopt_area_last_iova(area) > last)
		goto out_unlock;
	rc = 0;
out_unlock:
	up_read(&iopt->iova_rwsem);
	return rc;
}

/* What of the range comes next; false if there is no area left in it */
static bool iommufd_dirty_unmap_next(struct io_pagetable *iopt,
				     unsigned long *iova, unsigned long last,
				     unsigned long *area_last)
{
	struct iopt_area *area;

	down_read(&iopt->iova_rwsem);
	area = iopt_area_iter_first(iopt, *iova, last);
	if (area) {
		*iova = max(*iova, iopt_area_iova(area));
		*area_last = min(last, iopt_area_last_iova(area));
	}
	up_read(&iopt->iova_rwsem);
	return area;
}

static int iommufd_dirty_unmap_range(struct iommufd_dirty_unmap *unmap,
				     unsigned long iova, unsigned long last,
				     unsigned long *unmapped)
{
	struct io_pagetable *iopt = &unmap->ioas->iopt;
	unsigned long area_last;
	int rc;

	mutex_lock(&unmap->ioas->mutex);
	rc = iommufd_dirty_unmap_check(unmap);
	mutex_unlock(&unmap->ioas->mutex);
	if (!rc)
		rc = iommufd_dirty_unmap_check_range(iopt, iova, last);

	while (!rc && iommufd_dirty_unmap_next(iopt, &iova, last, &area_last)) {
		rc = iommufd_dirty_unmap_pin(unmap, iova, area_last);
		if (rc)
			break;
		rc = iommufd_dirty_unmap_step(unmap, iova, area_last, unmapped);
		iommufd_dirty_unmap_unpin(unmap, true);
		if (area_last == last)
			break;
		iova = area_last + 1;
	}
	/* Somebody else was faster. */
	if (!rc && !*unmapped)
		rc = -ENOENT;
	return rc;
}

/**
 * iommufd_ioas_unmap_dirty() - unmap a range and report what was written to it
 * @ioas: whose range it is
 * @iova: first IOVA
 * @last: last IOVA
 * @bits: where the bits go
 * @blind: Not NULL if of a HWPT that is not tracking, or of an access by a driver,
 *	   it is not known what they wrote: all pages of the areas are reported
 *	   while there is one, or if *@blind says, which is set with domains_rwsem
 *	   held for write, that there was. NULL if the former is an error and the
 *	   latter is not looked at
 * @unmapped: set to the number of bytes that were unmapped, on errors as well
 *
 * Areas that were unmapped when an error occurs are reported. The others are as
 * they were.
 *
 * Context: process context; takes ioas->mutex, and under it the locks of an
 *	    unmap and iommufd_dirty::lock of each HWPT for read.
 * Return: 0; -ENOENT if nothing is mapped there, or an area reaches over the
 *	   range; -EINVAL if a HWPT is not tracking; -EFAULT if the bitmap under an
 *	   area cannot be written; -EBUSY if somebody maps or unmaps there;
 *	   -EDEADLOCK if an access does not let go; -ENOMEM; -EINTR on a fatal
 *	   signal.
 */
int iommufd_ioas_unmap_dirty(struct iommufd_ioas *ioas, unsigned long iova,
			     unsigned long last,
			     const struct iommufd_dirty_bits *bits,
			     const bool *blind, unsigned long *unmapped)
{
	struct iommufd_dirty_unmap unmap = {
		.ioas = ioas,
		.bits = bits,
		.blind = blind,
	};
	u64 begun = 0;
	int rc;

	if (trace_iommu_dirty_unmap_enabled()) {
		begun = ktime_get_ns();
		unmap.count = true;
	}
	*unmapped = 0;
	rc = iommufd_dirty_unmap_range(&unmap, iova, last, unmapped);
	if (begun)
		trace_iommu_dirty_unmap(ioas->obj.id, iova, last,
					1ULL << bits->shift, unmap.reported,
					*unmapped, ktime_get_ns() - begun, rc);
	return rc;
}

/**
 * iommufd_ioas_unmap_dirty_ioctl() - ioctl(IOMMU_IOAS_UNMAP_DIRTY)
 * @ucmd: the call
 *
 * Context: process context; see iommufd_ioas_unmap_dirty().
 * Return: 0; -EOPNOTSUPP for flags or reserved fields that are unknown; -ENOENT
 *	   for an id that is no IOAS; -EINVAL for length, page size or alignment;
 *	   -EOVERFLOW for a range that wraps; what iommufd_ioas_unmap_dirty()
 *	   returns.
 */
int iommufd_ioas_unmap_dirty_ioctl(struct iommufd_ucmd *ucmd)
{
	struct iommu_ioas_unmap_dirty *cmd = ucmd->cmd;
	unsigned long last, unmapped = 0;
	struct iommufd_dirty_bits bits;
	struct iommufd_ioas *ioas;
	int rc;

	if (cmd->flags || cmd->__reserved)
		return -EOPNOTSUPP;

	ioas = iommufd_get_ioas(ucmd->ictx, cmd->ioas_id);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);

	rc = iommufd_dirty_check(&ioas->iopt, cmd->iova, cmd->length,
				 cmd->page_size, &last);
	if (!rc && cmd->data > ULONG_MAX)
		rc = -EFAULT;
	if (!rc) {
		bits.iova = cmd->iova;
		bits.user = cmd->data;
		bits.shift = ilog2(cmd->page_size);
		rc = iommufd_ioas_unmap_dirty(ioas, cmd->iova, last, &bits,
					      NULL, &unmapped);
	}
	/* Whoever gets an error wants to know what is gone. */
	cmd->length = unmapped;
	if (iommufd_ucmd_respond(ucmd, sizeof(*cmd)))
		rc = -EFAULT;
	iommufd_put_object(ucmd->ictx, &ioas->obj);
	return rc;
}
