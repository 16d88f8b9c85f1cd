// SPDX-License-Identifier: GPL-2.0-only
// The domain's operations, the allocation flag, HA and HD in the context
// descriptor. What probes HTTU describes hardware and stays; so does the
// allocation flags' way into arm_smmu_domain_finalise().
// target: drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c

// Included for the allocation flag alone.
@include_iommufd@
@@
- #include <uapi/linux/iommufd.h>

@ops_forward@
symbol arm_smmu_dirty_ops;
@@
- static struct iommu_dirty_ops arm_smmu_dirty_ops;

@cd@
expression C;
statement S;
@@
- if (C->quirks & IO_PGTABLE_QUIRK_ARM_HD)
-	S

@dbm_capable@
typedef bool;
@@
- static bool arm_smmu_dbm_capable(...)
- { ... }

@capable@
expression cap, R, E;
@@
switch (cap) {
case IOMMU_CAP_CACHE_COHERENCY: return R;
...
- case IOMMU_CAP_DIRTY_TRACKING: return arm_smmu_dbm_capable(E);
...
}

@finalise_local@
symbol enable_dirty;
expression E;
typedef bool;
@@
- bool enable_dirty = E & IOMMU_HWPT_ALLOC_DIRTY_TRACKING;

@finalise_stages@
symbol enable_dirty;
statement S;
@@
- if (enable_dirty)
-	S

@finalise_ops@
symbol enable_dirty;
statement S;
@@
- if (enable_dirty && ...)
-	S

@alloc_mask@
identifier PAGING_FLAGS;
expression flags;
statement S;
typedef u32;
@@
-	const u32 PAGING_FLAGS = IOMMU_HWPT_ALLOC_DIRTY_TRACKING;
	...
-	if (flags & ~PAGING_FLAGS)
+	if (flags)
		S

@read_and_clear@
@@
- static int arm_smmu_read_and_clear_dirty(...)
- { ... }

@set_dirty_tracking@
@@
- static int arm_smmu_set_dirty_tracking(...)
- { ... }

@ops@
symbol arm_smmu_dirty_ops;
@@
- static struct iommu_dirty_ops arm_smmu_dirty_ops = { ... };
