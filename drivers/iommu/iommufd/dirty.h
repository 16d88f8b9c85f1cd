/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * iommufd's own side of dirty tracking
 *
 * dirty.c         the ioctls: arguments, areas and windows, locks, state
 * dirty_attach.c  attaching devices so that none escapes tracking
 * dirty_log.c     the caller's bitmap: pinning a window of it
 * dirty_split.c   when huge leaves are split and joined
 * dirty_type1.c   tracking for who knows VFIO's container only
 * dirty_unmap.c   unmapping a range with a report of what was written
 */
#ifndef __IOMMUFD_DIRTY_H
#define __IOMMUFD_DIRTY_H

#include <linux/iommu-dirty.h>
#include <linux/iommu.h>
#include <linux/rwsem.h>

struct io_pagetable;
struct iommu_hwpt_get_dirty_bitmap;
struct iommufd_ctx;
struct iommufd_device;
struct iommufd_dirty_unmap;
struct iommufd_hw_pagetable;
struct iommufd_hwpt_paging;
struct iommufd_ioas;
struct iommufd_ucmd;
struct iopt_area;
struct vfio_info_cap_header;
struct vfio_iommu_type1_dma_unmap;

/**
 * struct iommufd_dirty_shaper - what becomes of huge leaves while one tracks
 * @prepare: Called before each window of a read, whose log is initialised, without
 *           locks. May set iommu_dirty_read::shape.
 * @finish: Called after the last window of a read, which began at @iova, without
 *          locks.
 * @set: Tracking is about to be switched on, the table being clean, or was
 *       switched off. Called with iommufd_dirty::lock held for write.
 */
struct iommufd_dirty_shaper {
	void (*prepare)(struct iommufd_hwpt_paging *hwpt,
			struct iommu_dirty_read *read);
	void (*finish)(struct iommufd_hwpt_paging *hwpt,
		       struct iommu_dirty_read *read, unsigned long iova);
	void (*set)(struct iommufd_hwpt_paging *hwpt, bool enable);
};

/**
 * struct iommufd_dirty - tracking of a paging HWPT
 * @lock: Held for write while tracking is switched and while a device is
 *        attached to, replaced on or detached from the HWPT or one nested on
 *        it: so that every device gets the setting, whichever comes first.
 *        Held for read while a window is walked and flushed: a device that is
 *        half attached may already cache translations and not yet be known to
 *        the flush. It covers a window of a read, an area of an unmap, all
 *        of a split or join. iommu_domain::dirty_enabled is written with it
 *        held. Nests outside iova_rwsem, and inside igroup->lock,
 *        iommufd_ioas::mutex and domains_rwsem.
 * @shaper: NULL if leaves stay as they were mapped
 * @mode: for @shaper; changed with @lock held for write
 * @partial: for reads that run in parallel, if there is a @shaper
 * @tables: for @shaper: number of tables that it added to the page table
 * @shaped: for @shaper: leaves may have been split
 * @held: logging, see struct iommufd_type1, holds a reference to the HWPT;
 *        protected by iommufd_ioas::mutex
 */
struct iommufd_dirty {
	struct rw_semaphore lock;
	const struct iommufd_dirty_shaper *shaper;
	unsigned int mode;
	struct iommu_dirty_partial partial;
	atomic_long_t tables;
	bool shaped;
	bool held;
};

int iommufd_dirty_init(struct iommufd_hwpt_paging *hwpt, u32 flags);

int iommufd_dirty_capable(struct iommu_group *group);
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
				     unsigned long iova, bool hurry);
void iommufd_dirty_log_init(struct iommu_dirty_log *log,
			    const struct iommufd_dirty_bits *bits,
			    unsigned long iova, unsigned long last);
unsigned int iommufd_dirty_log_pages(const struct iommu_dirty_log *log,
				     unsigned long iova, unsigned long last);
int iommufd_dirty_log_pin(struct iommu_dirty_log *log,
			  const struct iommufd_dirty_bits *bits,
			  unsigned int pages);
void iommufd_dirty_log_unpin(struct iommu_dirty_log *log);
unsigned long iommufd_dirty_log_weight(const struct iommu_dirty_log *log);
unsigned long iommufd_dirty_log_gained(const struct iommu_dirty_log *log,
				       unsigned long before);

bool iommufd_dirty_find(struct io_pagetable *iopt, unsigned long *iova,
			unsigned long last);
void iommufd_dirty_read_areas(struct io_pagetable *iopt,
			      struct iommu_domain *domain,
			      struct iommu_dirty_read *read,
			      unsigned long iova, unsigned long last,
			      unsigned int pages);
void iommufd_dirty_sync(struct iommu_domain *domain);
void iommufd_dirty_flush(struct iommu_domain *domain,
			 struct iommu_dirty_read *read);

int iommufd_dirty_last(u64 iova, u64 length, unsigned long *last);
unsigned long iommufd_dirty_page_mask(struct io_pagetable *iopt);
int iommufd_dirty_check(struct io_pagetable *iopt, u64 iova, u64 length,
			u64 page_size, unsigned long *last);
int iommufd_dirty_mark(struct io_pagetable *iopt,
		       const struct iommufd_dirty_bits *bits,
		       unsigned long last);
int iommufd_dirty_read(struct iommufd_hwpt_paging *hwpt,
		       const struct iommu_hwpt_get_dirty_bitmap *cmd,
		       unsigned long last);
int iommufd_dirty_set(struct iommufd_hwpt_paging *hwpt, bool enable);

int iommufd_hwpt_set_dirty_tracking(struct iommufd_ucmd *ucmd);
int iommufd_hwpt_get_dirty_bitmap(struct iommufd_ucmd *ucmd);

void iommufd_dirty_split_init(struct iommufd_hwpt_paging *hwpt);
int iommufd_hwpt_dirty_split_mode(struct iommufd_ucmd *ucmd);
int iommufd_hwpt_dirty_split(struct iommufd_ucmd *ucmd);
int iommufd_hwpt_dirty_join(struct iommufd_ucmd *ucmd);

void iommufd_dirty_unmap_area(struct iommufd_dirty_unmap *unmap,
			      struct iopt_area *area);
int iommufd_ioas_unmap_dirty(struct iommufd_ioas *ioas, unsigned long iova,
			     unsigned long last,
			     const struct iommufd_dirty_bits *bits,
			     const bool *blind, unsigned long *unmapped);
int iommufd_ioas_unmap_dirty_ioctl(struct iommufd_ucmd *ucmd);

/**
 * struct iommufd_type1 - dirty tracking of an IOAS as VFIO's container has it
 * @lock: Held for write while logging is started and stopped, for read while
 *        dirt is reported, the caller's bitmap being waited for: as in VFIO,
 *        who starts or stops waits for that. Nests outside iommufd_ioas::mutex.
 * @logging: Logging is on: changed with @lock and iommufd_ioas::mutex held
 * @blind: Since logging began, somebody could write without being tracked who
 *         is gone by now; set with io_pagetable::domains_rwsem and iova_rwsem
 *         held for write
 */
struct iommufd_type1 {
	struct rw_semaphore lock;
	bool logging;
	bool blind;
};

/* Called only for contexts of whom iommufd_vfio_container() says yes */
void iommufd_type1_release(struct iommufd_ctx *ictx);
struct iommufd_hwpt_paging *
iommufd_type1_hwpt_alloc(struct iommufd_device *idev, ioasid_t pasid,
			 struct iommufd_ioas *ioas);
bool iommufd_type1_suits(struct iommufd_device *idev,
			 struct iommufd_hwpt_paging *hwpt);
void iommufd_type1_hwpt_added(struct iommufd_hwpt_paging *hwpt);
int iommufd_type1_fill_cap(struct iommufd_ioas *ioas,
			   struct vfio_info_cap_header __user *cur,
			   size_t avail);
int iommufd_type1_dirty_pages(struct iommufd_ctx *ictx,
			      struct iommufd_ioas *ioas, void __user *arg);
int iommufd_type1_unmap(struct iommufd_ctx *ictx, struct iommufd_ioas *ioas,
			const struct vfio_iommu_type1_dma_unmap *unmap,
			void __user *data, unsigned long *unmapped);

#endif /* __IOMMUFD_DIRTY_H */
