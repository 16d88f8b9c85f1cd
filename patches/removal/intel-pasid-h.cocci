// SPDX-License-Identifier: GPL-2.0-only
// The SSADE bit of a PASID entry.
// target: drivers/iommu/intel/pasid.h

@set_ssade@
@@
- static inline void pasid_set_ssade(...)
- { ... }

@clear_ssade@
@@
- static inline void pasid_clear_ssade(...)
- { ... }

@get_ssade@
typedef bool;
@@
- static inline bool pasid_get_ssade(...)
- { ... }

@switch_ssade@
@@
- int intel_pasid_setup_dirty_tracking(...);
