// SPDX-License-Identifier: GPL-2.0-only
// The walk over the areas of an IOAS, and the clean snapshot.
// target: drivers/iommu/iommufd/io_pagetable.c

@fn_arg@
@@
- struct iova_bitmap_fn_arg { ... };

@read_window@
@@
- static int __iommu_read_and_clear_dirty(...)
- { ... }

@read_domain@
@@
- static int iommu_read_and_clear_dirty(...)
- { ... }

@check_range@
@@
- int iommufd_check_iova_range(...)
- { ... }

@read_ioas@
@@
- int iopt_read_and_clear_dirty_data(...)
- { ... }

@clear_ioas@
@@
- static int iopt_clear_dirty_data(...)
- { ... }

@set_dirty_tracking@
@@
- int iopt_set_dirty_tracking(...)
- { ... }
