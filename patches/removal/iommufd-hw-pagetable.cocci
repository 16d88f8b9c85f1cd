// SPDX-License-Identifier: GPL-2.0-only
// The allocation flag and the two ioctl handlers.
// target: drivers/iommu/iommufd/hw_pagetable.c

@valid_flags@
expression E;
@@
  E
- | IOMMU_HWPT_ALLOC_DIRTY_TRACKING

@capability_check@
identifier flags;
statement S;
@@
- if ((flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING) && ...)
-	S

@set_dirty_tracking@
@@
- int iommufd_hwpt_set_dirty_tracking(...)
- { ... }

@get_dirty_bitmap@
@@
- int iommufd_hwpt_get_dirty_bitmap(...)
- { ... }
