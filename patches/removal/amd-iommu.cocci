// SPDX-License-Identifier: GPL-2.0-only
// The domain's operations, the allocation flag, the attach check, HAD in the
// device table entry. do_iommu_domain_alloc() keeps its allocation flags.
// target: drivers/iommu/amd/iommu.c

// Included for the allocation flag alone.
@include_iommufd@
@@
- #include <uapi/linux/iommufd.h>

@ops_forward@
symbol amd_dirty_ops;
@@
- static const struct iommu_dirty_ops amd_dirty_ops;

@dte@
expression D, P;
@@
- if (D->dirty_tracking)
-	P |= DTE_FLAG_HAD;

@hd_support@
typedef bool;
@@
- static bool amd_iommu_hd_support(...)
- { ... }

@alloc_local@
symbol dirty_tracking;
expression E;
typedef bool;
@@
- bool dirty_tracking = E & IOMMU_HWPT_ALLOC_DIRTY_TRACKING;

@alloc_refusal@
symbol dirty_tracking;
expression I;
statement S;
@@
- if (dirty_tracking && !amd_iommu_hd_support(I))
-	S

@alloc_ops@
symbol dirty_tracking, amd_dirty_ops;
expression D;
@@
- if (dirty_tracking)
-	D.dirty_ops = &amd_dirty_ops;

@alloc_mask@
expression flags;
@@
- (flags & ~IOMMU_HWPT_ALLOC_DIRTY_TRACKING)
+ flags

@attach_refusal@
expression D, I;
statement S;
@@
- if (D->dirty_ops && !amd_iommu_hd_support(I))
-	S

// Its only use was the refusal.
@attach_local@
identifier iommu;
@@
amd_iommu_attach_device(...)
{
	... when exists
-	struct amd_iommu *iommu = ...;
	... when != iommu
}

@capable@
expression cap, R;
statement S;
@@
switch (cap) {
case IOMMU_CAP_CACHE_COHERENCY: return R;
...
- case IOMMU_CAP_DIRTY_TRACKING: S
...
}

@set_dirty_tracking@
@@
- static int amd_iommu_set_dirty_tracking(...)
- { ... }

@read_and_clear@
@@
- static int amd_iommu_read_and_clear_dirty(...)
- { ... }

@ops@
symbol amd_dirty_ops;
@@
- static const struct iommu_dirty_ops amd_dirty_ops = { ... };
