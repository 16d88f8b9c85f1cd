// SPDX-License-Identifier: GPL-2.0-only
// The capability in GET_HW_INFO.
// target: drivers/iommu/iommufd/device.c

@report_capability@
expression E;
statement S;
@@
- if (device_iommu_capable(E, IOMMU_CAP_DIRTY_TRACKING))
-	S
