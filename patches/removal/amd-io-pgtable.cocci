// SPDX-License-Identifier: GPL-2.0-only
// The walk of v1 tables.
// target: drivers/iommu/amd/io_pgtable.c

@test_and_clear@
typedef bool;
@@
- static bool pte_test_and_clear_dirty(...)
- { ... }

@read_and_clear@
@@
- static int iommu_v1_read_and_clear_dirty(...)
- { ... }

@op@
symbol iommu_v1_read_and_clear_dirty;
expression E;
@@
- E.read_and_clear_dirty = iommu_v1_read_and_clear_dirty;
