// SPDX-License-Identifier: GPL-2.0-only
// Prototypes. iommufd_get_hwpt_paging() stays: it is a plain accessor beside
// iommufd_get_hwpt_nested().
// target: drivers/iommu/iommufd/iommufd_private.h

@include_iova_bitmap@
@@
- #include <linux/iova_bitmap.h>

@read_ioas@
@@
- int iopt_read_and_clear_dirty_data(...);

@set_ioas@
@@
- int iopt_set_dirty_tracking(...);

@check_range@
@@
- int iommufd_check_iova_range(...);

@set_dirty_tracking@
@@
- int iommufd_hwpt_set_dirty_tracking(...);

@get_dirty_bitmap@
@@
- int iommufd_hwpt_get_dirty_bitmap(...);
