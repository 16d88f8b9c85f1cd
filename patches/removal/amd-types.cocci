// SPDX-License-Identifier: GPL-2.0-only
// The D bit of v1 entries and HAD of the device table entry. The feature bits
// (FEATURE_HASUP, FEATURE_HDSUP) and DEV_ENTRY_HAD describe hardware and stay.
// protection_domain.dirty_tracking has a trailing comment: see edits.toml.
// target: drivers/iommu/amd/amd_iommu_types.h

@hd_bit@
expression E;
@@
- #define IOMMU_PTE_HD_BIT E

@hd@
expression E;
@@
- #define IOMMU_PTE_HD E

@had@
expression E;
@@
- #define DTE_FLAG_HAD E

@pte_dirty@
identifier pte;
expression E;
@@
- #define IOMMU_PTE_DIRTY(pte) E
