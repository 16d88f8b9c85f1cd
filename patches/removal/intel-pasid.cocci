// SPDX-License-Identifier: GPL-2.0-only
// SSADE when a PASID entry is set up, and the function that switches it.
// target: drivers/iommu/intel/pasid.c

@setup@
expression D, P;
@@
- if (D->dirty_tracking)
-	pasid_set_ssade(P);

@switch_ssade@
@@
- int intel_pasid_setup_dirty_tracking(...)
- { ... }
