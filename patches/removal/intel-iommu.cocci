// SPDX-License-Identifier: GPL-2.0-only
// The domain's operations, the allocation flag, the attach checks. The lists of
// nested domains (s1_domains, s2_link) stay: they describe nesting.
// target: drivers/iommu/intel/iommu.c

@ops_forward@
symbol intel_dirty_ops;
@@
- static const struct iommu_dirty_ops intel_dirty_ops;

@alloc_local@
symbol dirty_tracking;
expression E;
typedef bool;
@@
- bool dirty_tracking = E & IOMMU_HWPT_ALLOC_DIRTY_TRACKING;

@alloc_mask@
expression flags;
statement S;
@@
- if (flags & (~(IOMMU_HWPT_ALLOC_NEST_PARENT | IOMMU_HWPT_ALLOC_DIRTY_TRACKING)))
+ if (flags & ~IOMMU_HWPT_ALLOC_NEST_PARENT)
	S

@alloc_refusal@
symbol dirty_tracking;
expression E, I;
@@
- E || (dirty_tracking && !ssads_supported(I))
+ E

@alloc_ops@
symbol dirty_tracking;
statement S;
@@
- if (dirty_tracking)
-	S

@attach_refusal@
expression D, I;
statement S;
@@
- if (D->dirty_ops && !ssads_supported(I))
-	S

@capable@
expression cap, I, R;
@@
switch (cap) {
case IOMMU_CAP_CACHE_COHERENCY: case IOMMU_CAP_DEFERRED_FLUSH: return R;
...
- case IOMMU_CAP_DIRTY_TRACKING: return ssads_supported(I);
...
}

@pasid_refusal@
expression D;
statement S;
@@
- if (D->dirty_ops)
-	S

@devices@
@@
- static int device_set_dirty_tracking(...)
- { ... }

@nested_devices@
@@
- static int parent_domain_set_dirty_tracking(...)
- { ... }

@set_dirty_tracking@
@@
- static int intel_iommu_set_dirty_tracking(...)
- { ... }

@read_and_clear@
@@
- static int intel_iommu_read_and_clear_dirty(...)
- { ... }

@ops@
symbol intel_dirty_ops;
@@
- static const struct iommu_dirty_ops intel_dirty_ops = { ... };
