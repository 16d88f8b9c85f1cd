// SPDX-License-Identifier: GPL-2.0-only
// The D bit of second-stage entries and the test for the capability. What stays
// describes hardware or first-stage tables: ecap_slads(), DMA_FL_PTE_DIRTY.
// dmar_domain.dirty_tracking has a trailing comment: see edits.toml.
// target: drivers/iommu/intel/iommu.h

@dirty_bit@
expression E;
@@
- #define DMA_SL_PTE_DIRTY_BIT E

@dirty_mask@
expression E;
@@
- #define DMA_SL_PTE_DIRTY E

@ssads@
expression E;
identifier iommu;
@@
- #define ssads_supported(iommu) E

@test_and_clear@
typedef bool;
@@
- static inline bool dma_sl_pte_test_and_clear_dirty(...)
- { ... }
