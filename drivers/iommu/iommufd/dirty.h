/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * iommufd's own side of dirty tracking
 *
 * dirty.c         the ioctls: arguments, areas and windows, locks, state
 * dirty_attach.c  attaching devices so that none escapes tracking
 * dirty_log.c     the caller's bitmap: pinning a window of it
 */
#ifndef __IOMMUFD_DIRTY_H
#define __IOMMUFD_DIRTY_H

#include <linux/iommu-dirty.h>
#include <linux/iommu.h>
#include <linux/rwsem.h>

struct iommufd_hw_pagetable;
struct iommufd_hwpt_paging;
struct iommufd_ucmd;

/**
 * struct iommufd_dirty - tracking of a paging HWPT
 * @lock: Held for write while tracking is switched and while a device is
 *        attached to, replaced on or detached from the HWPT or one nested on
 *        it: so that every device gets the setting, whichever comes first.
 *        Held for read while a window is walked and flushed: a device that is
 *        half attached may already cache translations and not yet be known to
 *        the flush. Protects iommu_domain::dirty_enabled. Nests outside
 *        iova_rwsem and inside igroup->lock.
 */
struct iommufd_dirty {
	struct rw_semaphore lock;
};

int iommufd_dirty_init(struct iommufd_hwpt_paging *hwpt, u32 flags);

int iommufd_dirty_attach(struct iommufd_hw_pagetable *hwpt,
			 struct iommu_group *group,
			 struct iommu_attach_handle *handle);
int iommufd_dirty_replace(struct iommufd_hw_pagetable *old,
			  struct iommufd_hw_pagetable *hwpt,
			  struct iommu_group *group,
			  struct iommu_attach_handle *handle);
void iommufd_dirty_detach(struct iommufd_hw_pagetable *hwpt,
			  struct iommu_group *group);

/**
 * struct iommufd_dirty_bits - where the bits of a read go in user memory
 * @iova: IOVA of bit 0
 * @user: address of the byte that holds bit 0; any address
 * @shift: log2 of the granule
 */
struct iommufd_dirty_bits {
	unsigned long iova;
	unsigned long user;
	unsigned int shift;
};

unsigned long iommufd_dirty_log_last(const struct iommufd_dirty_bits *bits,
				     unsigned long iova);
void iommufd_dirty_log_init(struct iommu_dirty_log *log,
			    const struct iommufd_dirty_bits *bits,
			    unsigned long iova, unsigned long last);
unsigned int iommufd_dirty_log_pages(const struct iommu_dirty_log *log,
				     unsigned long iova, unsigned long last);
int iommufd_dirty_log_pin(struct iommu_dirty_log *log,
			  const struct iommufd_dirty_bits *bits,
			  unsigned int pages);
void iommufd_dirty_log_unpin(struct iommu_dirty_log *log);

int iommufd_hwpt_set_dirty_tracking(struct iommufd_ucmd *ucmd);
int iommufd_hwpt_get_dirty_bitmap(struct iommufd_ucmd *ucmd);

#endif /* __IOMMUFD_DIRTY_H */
