// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attaching devices to an HWPT that tracks dirt
 *
 * A driver sets up a device in several steps: it looks up whether the domain
 * tracks, programs the hardware, enters the device into a list for later
 * switches, and another one for later flushes. Tracking that is switched
 * between two of these steps misses the device, whatever their order is. So
 * all changes of who is attached exclude switching, and reading, by one lock
 * per paging HWPT.
 *
 * Only HWPTs that track take it; the rest attach as ever.
 */
#include <linux/iommu.h>
#include <trace/events/iommu_dirty.h>

#include "../iommu-priv.h"
#include "iommufd_private.h"

/* The domain whose second-stage table @hwpt's devices go through, if tracked */
static struct iommufd_hwpt_paging *
iommufd_dirty_hwpt(struct iommufd_hw_pagetable *hwpt)
{
	struct iommufd_hwpt_paging *paging = find_hwpt_paging(hwpt);

	if (!paging || !paging->common.domain->dirty_ops)
		return NULL;
	return paging;
}

static void iommufd_dirty_lock_two(struct iommufd_hwpt_paging *a,
				   struct iommufd_hwpt_paging *b)
{
	if (a == b)
		b = NULL;
	/* By object id, as two replaces may go in opposite directions. */
	if (a && b && a->common.obj.id > b->common.obj.id)
		swap(a, b);
	if (a)
		down_write(&a->dirty.lock);
	if (b)
		down_write_nested(&b->dirty.lock, SINGLE_DEPTH_NESTING);
}

static void iommufd_dirty_unlock_two(struct iommufd_hwpt_paging *a,
				     struct iommufd_hwpt_paging *b)
{
	if (a)
		up_write(&a->dirty.lock);
	if (b && b != a)
		up_write(&b->dirty.lock);
}

static int iommufd_dirty_incapable(struct device *dev, void *data)
{
	return device_iommu_capable(dev, IOMMU_CAP_DIRTY_TRACKING) ? 0 :
								     -EINVAL;
}

/**
 * iommufd_dirty_capable() - can an HWPT that tracks be attached to a group?
 * @group: the group
 *
 * A group attaches as one, so every device in it must be able to track, those
 * included that iommufd does not know.
 *
 * Return: 0, or -EINVAL if not.
 */
int iommufd_dirty_capable(struct iommu_group *group)
{
	return iommu_group_for_each_dev(group, NULL, iommufd_dirty_incapable);
}

/* EINVAL lets the caller try another HWPT. */
static int iommufd_dirty_check_group(struct iommufd_hwpt_paging *paging,
				     struct iommu_group *group)
{
	int rc;

	if (!paging)
		return 0;
	rc = iommufd_dirty_capable(group);
	if (rc)
		trace_iommu_dirty_error(paging->common.obj.id, "attach", 0, rc);
	return rc;
}

/**
 * iommufd_dirty_attach() - attach a group to an HWPT
 * @hwpt: HWPT to attach to
 * @group: group that is attached to none
 * @handle: attach handle
 *
 * Context: process context; the caller holds igroup->lock.
 * Return: 0; -EINVAL if @hwpt tracks dirt and a device of the group cannot;
 *	   else what iommu_attach_group_handle() returns.
 */
int iommufd_dirty_attach(struct iommufd_hw_pagetable *hwpt,
			 struct iommu_group *group,
			 struct iommu_attach_handle *handle)
{
	struct iommufd_hwpt_paging *paging = iommufd_dirty_hwpt(hwpt);
	int rc;

	rc = iommufd_dirty_check_group(paging, group);
	if (rc)
		return rc;

	iommufd_dirty_lock_two(paging, NULL);
	rc = iommu_attach_group_handle(hwpt->domain, group, handle);
	iommufd_dirty_unlock_two(paging, NULL);
	return rc;
}

/**
 * iommufd_dirty_replace() - move a group from one HWPT to another
 * @old: HWPT that the group is attached to
 * @hwpt: HWPT to attach to
 * @group: the group
 * @handle: attach handle
 *
 * Context: process context; the caller holds igroup->lock.
 * Return: 0; -EINVAL if @hwpt tracks dirt and a device of the group cannot;
 *	   else what iommu_replace_group_handle() returns. On failure the group
 *	   stays on @old.
 */
int iommufd_dirty_replace(struct iommufd_hw_pagetable *old,
			  struct iommufd_hw_pagetable *hwpt,
			  struct iommu_group *group,
			  struct iommu_attach_handle *handle)
{
	struct iommufd_hwpt_paging *old_paging = iommufd_dirty_hwpt(old);
	struct iommufd_hwpt_paging *paging = iommufd_dirty_hwpt(hwpt);
	int rc;

	rc = iommufd_dirty_check_group(paging, group);
	if (rc)
		return rc;

	iommufd_dirty_lock_two(old_paging, paging);
	rc = iommu_replace_group_handle(group, hwpt->domain, handle);
	iommufd_dirty_unlock_two(old_paging, paging);
	return rc;
}

/**
 * iommufd_dirty_detach() - detach a group from its HWPT
 * @hwpt: HWPT that the group is attached to
 * @group: the group
 *
 * Context: process context; the caller holds igroup->lock.
 */
void iommufd_dirty_detach(struct iommufd_hw_pagetable *hwpt,
			  struct iommu_group *group)
{
	struct iommufd_hwpt_paging *paging = iommufd_dirty_hwpt(hwpt);

	iommufd_dirty_lock_two(paging, NULL);
	iommu_detach_group_handle(hwpt->domain, group);
	iommufd_dirty_unlock_two(paging, NULL);
}
