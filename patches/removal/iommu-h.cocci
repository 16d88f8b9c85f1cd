// SPDX-License-Identifier: GPL-2.0-only
// The domain's dirty operations, the bitmap that drivers record into; for
// kernels without an IOMMU the empty versions too. The capability has a trailing
// comment, which a semantic patch would leave behind: see edits.toml.
// target: include/linux/iommu.h

@include_iova_bitmap@
@@
- #include <linux/iova_bitmap.h>

@dirty_ops_forward@
@@
- struct iommu_dirty_ops;

@domain_dirty_ops@
@@
struct iommu_domain {
	...
-	const struct iommu_dirty_ops *dirty_ops;
	...
};

@no_clear@
expression E;
@@
- #define IOMMU_DIRTY_NO_CLEAR E

@dirty_bitmap@
@@
- struct iommu_dirty_bitmap { ... };

@dirty_ops@
@@
- struct iommu_dirty_ops { ... };

@bitmap_init@
@@
- static inline void iommu_dirty_bitmap_init(...)
- { ... }

@bitmap_record@
@@
- static inline void iommu_dirty_bitmap_record(...)
- { ... }
