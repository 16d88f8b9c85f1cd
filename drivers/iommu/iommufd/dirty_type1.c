// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty tracking for who knows VFIO's container only
 *
 * A program that opens /dev/vfio/vfio has one address space, the container's.
 * For iommufd that is an IOAS whose page tables, the auto domains, it makes
 * itself as devices come; the program never sees them. So tracking is switched
 * for the IOAS, which is called *logging*, and a report is the union of those
 * of all page tables.
 *
 * The interface says before there is a device that it can do that, and has no
 * word for a device that cannot be tracked. It reports pages that are "dirtied
 * or potentially dirtied": whatever is mapped writable is, as soon as there is
 * somebody who can write and is not tracked. These are page tables without
 * dirty bits, those that the program made by itself and did not switch on, and
 * kernel accesses, which emulated devices use.
 *
 * Nothing is lost
 *
 *   when a device comes: a page table that is made while logging is on is
 *        switched on before a device is attached to it, both under
 *        iommufd_ioas::mutex;
 *   when a device goes: the last one of an auto domain takes it along, and
 *        with it the dirt that nobody has read. So logging holds a reference
 *        to each (iommufd_dirty::held), until it is stopped. An access that
 *        goes leaves a mark (iommufd_type1::blind), which lasts as long.
 */
#include <linux/align.h>
#include <linux/iommu.h>
#include <linux/log2.h>
#include <linux/sizes.h>
#include <linux/vfio.h>
#include <trace/events/iommu_dirty.h>
#include <uapi/linux/iommufd.h>

#include "io_pagetable.h"
#include "iommufd_private.h"

/* What VFIO itself takes: bits for 2^31 pages */
#define IOMMUFD_TYPE1_BITMAP_MAX SZ_256M

/**
 * struct iommufd_type1_request - a range to report, checked
 * @bits: where the bits go; its iova is the first of the range
 * @last: last IOVA of the range
 */
struct iommufd_type1_request {
	struct iommufd_dirty_bits bits;
	unsigned long last;
};

/*
 * The smallest page that can be mapped, the only one that bits stand for. Before
 * there is a device it is the processor's.
 */
static unsigned long iommufd_type1_pgsize(struct io_pagetable *iopt)
{
	lockdep_assert_held(&iopt->iova_rwsem);

	return max(PAGE_SIZE, iopt->iova_alignment);
}

/**
 * iommufd_type1_fill_cap() - VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION
 * @ioas: the container's
 * @cur: where the capability goes
 * @avail: how much room is there
 *
 * Context: iova_rwsem is held.
 * Return: its size, also if there was no room for it, or -EFAULT.
 */
int iommufd_type1_fill_cap(struct iommufd_ioas *ioas,
			   struct vfio_info_cap_header __user *cur,
			   size_t avail)
{
	struct vfio_iommu_type1_info_cap_migration cap;

	/* With the hole behind flags */
	memset(&cap, 0, sizeof(cap));
	cap.header.id = VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION;
	cap.header.version = 1;
	cap.pgsize_bitmap = iommufd_type1_pgsize(&ioas->iopt);
	cap.max_dirty_bitmap_size = IOMMUFD_TYPE1_BITMAP_MAX;

	if (avail >= sizeof(cap) && copy_to_user(cur, &cap, sizeof(cap)))
		return -EFAULT;
	return sizeof(cap);
}

/**
 * iommufd_type1_suits() - should a device be attached to an auto domain
 * @idev: the device
 * @hwpt: the auto domain, made for another device
 *
 * One that can be tracked has no use for a page table that cannot: everything
 * would be reported for as long as it is there.
 *
 * Return: false if another one is to be looked for, or made.
 */
bool iommufd_type1_suits(struct iommufd_device *idev,
			 struct iommufd_hwpt_paging *hwpt)
{
	return hwpt->common.domain->dirty_ops ||
	       iommufd_dirty_capable(idev->igroup->group);
}

/**
 * iommufd_type1_hwpt_alloc() - make an auto domain that tracks
 * @idev: the device that it is for
 * @pasid: the PASID that it is for
 * @ioas: the address space
 *
 * It tracks already if the IOAS is being logged, and has no device yet.
 *
 * Context: iommufd_ioas::mutex is held, until the HWPT is finalized or aborted.
 * Return: the HWPT; NULL if @idev cannot be tracked; or an error.
 */
struct iommufd_hwpt_paging *
iommufd_type1_hwpt_alloc(struct iommufd_device *idev, ioasid_t pasid,
			 struct iommufd_ioas *ioas)
{
	struct iommufd_hwpt_paging *hwpt;
	int rc;

	lockdep_assert_held(&ioas->mutex);

	if (iommufd_dirty_capable(idev->igroup->group))
		return NULL;
	hwpt = iommufd_hwpt_paging_alloc(idev->ictx, ioas, idev, pasid,
					 IOMMU_HWPT_ALLOC_DIRTY_TRACKING, false,
					 NULL);
	if (hwpt == ERR_PTR(-EOPNOTSUPP))
		return NULL;
	if (IS_ERR(hwpt) || !ioas->type1.logging)
		return hwpt;

	rc = iommufd_dirty_set(hwpt, true);
	if (rc) {
		iommufd_object_abort_and_destroy(idev->ictx, &hwpt->common.obj);
		return ERR_PTR(rc);
	}
	return hwpt;
}

static bool iommufd_type1_hold(struct iommufd_hwpt_paging *hwpt)
{
	lockdep_assert_held(&hwpt->ioas->mutex);

	/* Its last device has left and it is being destroyed: nobody writes. */
	if (!refcount_inc_not_zero(&hwpt->common.obj.users))
		return false;
	hwpt->dirty.held = true;
	return true;
}

/**
 * iommufd_type1_hwpt_added() - there is a new auto domain
 * @hwpt: the HWPT, whether it tracks or not
 *
 * Context: iommufd_ioas::mutex is held.
 */
void iommufd_type1_hwpt_added(struct iommufd_hwpt_paging *hwpt)
{
	if (hwpt->ioas->type1.logging)
		iommufd_type1_hold(hwpt);
}

/* One that was held, with the reference */
static struct iommufd_hwpt_paging *iommufd_type1_held(struct iommufd_ioas *ioas)
{
	struct iommufd_hwpt_paging *hwpt, *found = NULL;

	mutex_lock(&ioas->mutex);
	list_for_each_entry(hwpt, &ioas->hwpt_list, hwpt_item) {
		if (hwpt->dirty.held) {
			hwpt->dirty.held = false;
			found = hwpt;
			break;
		}
	}
	mutex_unlock(&ioas->mutex);
	return found;
}

static int iommufd_type1_stop(struct iommufd_ctx *ictx,
			      struct iommufd_ioas *ioas)
{
	struct iommufd_hwpt_paging *hwpt;

	lockdep_assert_held_write(&ioas->type1.lock);

	if (!ioas->type1.logging)
		return 0;

	mutex_lock(&ioas->mutex);
	ioas->type1.logging = false;
	list_for_each_entry(hwpt, &ioas->hwpt_list, hwpt_item)
		if (hwpt->dirty.held && hwpt->common.domain->dirty_ops)
			iommufd_dirty_set(hwpt, false);
	mutex_unlock(&ioas->mutex);

	/* Destroying takes the mutex. None is held anew while type1.lock is. */
	while ((hwpt = iommufd_type1_held(ioas)))
		iommufd_object_put_and_try_destroy(ictx, &hwpt->common.obj);
	return 0;
}

static int iommufd_type1_start(struct iommufd_ctx *ictx,
			       struct iommufd_ioas *ioas)
{
	struct iommufd_hwpt_paging *hwpt;
	int rc = 0;

	lockdep_assert_held_write(&ioas->type1.lock);

	/* On already: the dirt there is has not been read yet. */
	if (ioas->type1.logging)
		return 0;

	down_write(&ioas->iopt.iova_rwsem);
	ioas->type1.blind = false;
	up_write(&ioas->iopt.iova_rwsem);

	mutex_lock(&ioas->mutex);
	ioas->type1.logging = true;
	list_for_each_entry(hwpt, &ioas->hwpt_list, hwpt_item) {
		/* The others are the program's to switch. */
		if (!hwpt->auto_domain || !iommufd_type1_hold(hwpt) ||
		    !hwpt->common.domain->dirty_ops)
			continue;
		rc = iommufd_dirty_set(hwpt, true);
		if (rc)
			break;
	}
	mutex_unlock(&ioas->mutex);
	if (rc)
		iommufd_type1_stop(ictx, ioas);
	return rc;
}

/*
 * Walks the page tables of an IOAS without keeping its mutex: reading sleeps on
 * the caller's memory. Each has a reference while it is looked at, and so stays
 * in the list.
 */
static struct iommufd_hwpt_paging *
iommufd_type1_next(struct iommufd_ctx *ictx, struct iommufd_ioas *ioas,
		   struct iommufd_hwpt_paging *prev)
{
	struct iommufd_hwpt_paging *hwpt, *next = NULL;

	mutex_lock(&ioas->mutex);
	hwpt = list_prepare_entry(prev, &ioas->hwpt_list, hwpt_item);
	list_for_each_entry_continue(hwpt, &ioas->hwpt_list, hwpt_item) {
		if (iommufd_lock_obj(&hwpt->common.obj)) {
			next = hwpt;
			break;
		}
	}
	mutex_unlock(&ioas->mutex);
	if (prev)
		iommufd_put_object(ictx, &prev->common.obj);
	return next;
}

/* Does, or did, anybody write whom no page table knows? */
static bool iommufd_type1_blind(struct iommufd_ioas *ioas)
{
	bool blind;

	down_read(&ioas->iopt.iova_rwsem);
	blind = ioas->type1.blind || !xa_empty(&ioas->iopt.access_list);
	up_read(&ioas->iopt.iova_rwsem);
	return blind;
}

static bool iommufd_type1_mapped(struct iommufd_ioas *ioas, unsigned long iova,
				 unsigned long last)
{
	bool mapped;

	down_read(&ioas->iopt.iova_rwsem);
	mapped = iopt_area_iter_first(&ioas->iopt, iova, last);
	up_read(&ioas->iopt.iova_rwsem);
	return mapped;
}

/* -EINVAL if it does not track now */
static int iommufd_type1_read(struct iommufd_hwpt_paging *hwpt,
			      const struct iommufd_type1_request *req)
{
	const struct iommu_hwpt_get_dirty_bitmap cmd = {
		.hwpt_id = hwpt->common.obj.id,
		.iova = req->bits.iova,
		.length = req->last - req->bits.iova + 1,
		.page_size = BIT(req->bits.shift),
		.data = req->bits.user,
	};
	struct iommu_domain *domain = hwpt->common.domain;

	if (!domain->dirty_ops || !READ_ONCE(domain->dirty_enabled))
		return -EINVAL;
	return iommufd_dirty_read(hwpt, &cmd, req->last);
}

static int iommufd_type1_get(struct iommufd_ctx *ictx,
			     struct iommufd_ioas *ioas,
			     const struct iommufd_type1_request *req)
{
	/* Before the tables: who leaves while they are read has left a mark. */
	bool blind = iommufd_type1_blind(ioas);
	struct iommufd_hwpt_paging *hwpt = NULL;
	int rc = 0;

	if (blind)
		trace_iommu_dirty_error(ioas->obj.id, "type1", req->bits.iova,
					-EOPNOTSUPP);

	/* Its mutex is taken here: who is attached already is in the list. */
	while ((hwpt = iommufd_type1_next(ictx, ioas, hwpt))) {
		rc = iommufd_type1_read(hwpt, req);
		if (rc == -EINVAL) {
			trace_iommu_dirty_error(hwpt->common.obj.id, "type1",
						req->bits.iova, -EOPNOTSUPP);
			blind = true;
			rc = 0;
		}
		if (rc) {
			iommufd_put_object(ictx, &hwpt->common.obj);
			return rc;
		}
	}
	return blind ? iommufd_dirty_mark(&ioas->iopt, &req->bits, req->last) :
		       0;
}

static int iommufd_type1_check(struct iommufd_ioas *ioas, u64 iova, u64 size,
			       const struct vfio_bitmap *bitmap,
			       struct iommufd_type1_request *req)
{
	unsigned long pgsize;

	lockdep_assert_held(&ioas->type1.lock);

	if (!ioas->type1.logging)
		return -EINVAL;

	down_read(&ioas->iopt.iova_rwsem);
	pgsize = iommufd_type1_pgsize(&ioas->iopt);
	up_read(&ioas->iopt.iova_rwsem);
	if (bitmap->pgsize != pgsize ||
	    iommufd_dirty_check(&ioas->iopt, iova, size, pgsize, &req->last))
		return -EINVAL;

	/* Whole words, although what is behind the last bit is not touched */
	if (bitmap->size > IOMMUFD_TYPE1_BITMAP_MAX ||
	    bitmap->size < ALIGN(size >> ilog2(pgsize), 64) / BITS_PER_BYTE)
		return -EINVAL;
	if (!access_ok(bitmap->data, bitmap->size))
		return -EINVAL;

	req->bits.iova = iova;
	req->bits.user = (unsigned long)bitmap->data;
	req->bits.shift = ilog2(pgsize);
	return 0;
}

static int iommufd_type1_get_bitmap(struct iommufd_ctx *ictx,
				    struct iommufd_ioas *ioas,
				    void __user *data, size_t size)
{
	struct vfio_iommu_type1_dirty_bitmap_get range;
	struct iommufd_type1_request req;
	int rc;

	if (size < sizeof(range))
		return -EINVAL;
	if (copy_from_user(&range, data, sizeof(range)))
		return -EFAULT;
	/* VFIO does not take the last page of all here. */
	if (range.iova + range.size < range.iova)
		return -EINVAL;

	if (down_read_killable(&ioas->type1.lock))
		return -EINTR;
	rc = iommufd_type1_check(ioas, range.iova, range.size, &range.bitmap,
				 &req);
	if (!rc)
		rc = iommufd_type1_get(ictx, ioas, &req);
	up_read(&ioas->type1.lock);
	return rc;
}

static int iommufd_type1_log(struct iommufd_ctx *ictx,
			     struct iommufd_ioas *ioas, bool on)
{
	int rc;

	/* A report may be waiting for its bitmap, which may be anything. */
	if (down_write_killable(&ioas->type1.lock))
		return -EINTR;
	rc = on ? iommufd_type1_start(ictx, ioas) :
		  iommufd_type1_stop(ictx, ioas);
	up_write(&ioas->type1.lock);
	return rc;
}

/**
 * iommufd_type1_dirty_pages() - ioctl(VFIO_IOMMU_DIRTY_PAGES)
 * @ictx: opened as /dev/vfio/vfio
 * @ioas: the container's
 * @arg: struct vfio_iommu_type1_dirty_bitmap
 *
 * Context: process context; takes iommufd_type1::lock, iommufd_ioas::mutex and
 *	    what SET_DIRTY_TRACKING and GET_DIRTY_BITMAP take.
 * Return: 0, also if logging was on, or off, already; -EACCES for a container of
 *	   type 1, not 1v2; -EINVAL for a structure too short, not exactly one
 *	   flag, a range, page size or size of the bitmap that is wrong, or a read
 *	   while logging is off; -EFAULT if the structure cannot be read or the
 *	   bitmap under a mapped area not be written; -EINTR on a fatal signal.
 */
int iommufd_type1_dirty_pages(struct iommufd_ctx *ictx,
			      struct iommufd_ioas *ioas, void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_iommu_type1_dirty_bitmap,
					 flags);
	struct vfio_iommu_type1_dirty_bitmap dirty;

	/* iommufd_vfio_set_iommu() knows type 1 by that. */
	if (READ_ONCE(ioas->iopt.disable_large_pages))
		return -EACCES;
	if (copy_from_user(&dirty, arg, minsz))
		return -EFAULT;
	if (dirty.argsz < minsz)
		return -EINVAL;

	switch (dirty.flags) {
	case VFIO_IOMMU_DIRTY_PAGES_FLAG_START:
		return iommufd_type1_log(ictx, ioas, true);
	case VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP:
		return iommufd_type1_log(ictx, ioas, false);
	case VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP:
		return iommufd_type1_get_bitmap(ictx, ioas, arg + minsz,
						dirty.argsz - minsz);
	default:
		return -EINVAL;
	}
}

/**
 * iommufd_type1_unmap() - ioctl(VFIO_IOMMU_UNMAP_DMA) with a bitmap
 * @ictx: opened as /dev/vfio/vfio
 * @ioas: the container's
 * @unmap: the request; its flags are VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP and
 *         others
 * @data: struct vfio_bitmap, which follows @unmap in user memory
 * @unmapped: set to the number of bytes that were unmapped, also on failure
 *
 * Context: process context, as iommufd_type1_dirty_pages().
 * Return: 0; -EINVAL for other flags too, a structure too short, a range, page
 *	   size or size of the bitmap that is wrong, or while logging is off;
 *	   else what iommufd_ioas_unmap_dirty() returns.
 */
int iommufd_type1_unmap(struct iommufd_ctx *ictx, struct iommufd_ioas *ioas,
			const struct vfio_iommu_type1_dma_unmap *unmap,
			void __user *data, unsigned long *unmapped)
{
	struct iommufd_type1_request req;
	struct vfio_bitmap bitmap;
	int rc;

	*unmapped = 0;
	if (unmap->flags != VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP ||
	    unmap->argsz < sizeof(*unmap) + sizeof(bitmap))
		return -EINVAL;
	if (copy_from_user(&bitmap, data, sizeof(bitmap)))
		return -EFAULT;

	if (down_read_killable(&ioas->type1.lock))
		return -EINTR;
	rc = iommufd_type1_check(ioas, unmap->iova, unmap->size, &bitmap, &req);
	/* What is known to be lost goes into the report while it is mapped. */
	if (!rc && iommufd_type1_blind(ioas))
		rc = iommufd_dirty_mark(&ioas->iopt, &req.bits, req.last);
	if (!rc)
		rc = iommufd_ioas_unmap_dirty(ioas, req.bits.iova, req.last,
					      &req.bits, &ioas->type1.blind,
					      unmapped);
	/* To unmap nothing is no error here. */
	if (rc == -ENOENT &&
	    !iommufd_type1_mapped(ioas, req.bits.iova, req.last))
		rc = 0;
	up_read(&ioas->type1.lock);
	return rc;
}

/**
 * iommufd_type1_release() - a container is closed
 * @ictx: opened as /dev/vfio/vfio; nobody uses it any more
 *
 * Lets go of what logging holds, which could not be destroyed otherwise.
 */
void iommufd_type1_release(struct iommufd_ctx *ictx)
{
	struct iommufd_object *obj;
	unsigned long index;

	xa_for_each(&ictx->objects, index, obj) {
		struct iommufd_hwpt_paging *hwpt;

		if (obj->type != IOMMUFD_OBJ_HWPT_PAGING)
			continue;
		hwpt = container_of(obj, struct iommufd_hwpt_paging,
				    common.obj);
		if (hwpt->dirty.held)
			refcount_dec(&obj->users);
		hwpt->dirty.held = false;
	}
}
