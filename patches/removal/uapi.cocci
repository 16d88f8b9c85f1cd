// SPDX-License-Identifier: GPL-2.0-only
// The two ioctls, their structures and flags, the allocation flag and the
// capability bit. Every other number in this header is explicit and stays.
// The kernel-doc lines of the flag and of the bit are text: see edits.toml.
// target: include/uapi/linux/iommufd.h

@cmd_set_dirty_tracking@
expression E;
@@
enum {
	...,
-	IOMMUFD_CMD_HWPT_SET_DIRTY_TRACKING = E,
	...
};

@cmd_get_dirty_bitmap@
expression E;
@@
enum {
	...,
-	IOMMUFD_CMD_HWPT_GET_DIRTY_BITMAP = E,
	...
};

@alloc_flag@
expression E;
@@
enum iommufd_hwpt_alloc_flags {
	...,
-	IOMMU_HWPT_ALLOC_DIRTY_TRACKING = E,
	...
};

// The next enumerator is named on purpose: early 6.12.y have no other one in
// this enum, and an empty enum is no C. Such a tree is too old for the series.
@hw_capability@
expression E, F;
@@
enum iommufd_hw_capabilities {
-	IOMMU_HW_CAP_DIRTY_TRACKING = E,
	IOMMU_HW_CAP_PCI_PASID_EXEC = F,
	...
};

@set_flags@
@@
- enum iommufd_hwpt_set_dirty_tracking_flags { ... };

@set_struct@
@@
- struct iommu_hwpt_set_dirty_tracking { ... };

@set_ioctl@
expression E;
@@
- #define IOMMU_HWPT_SET_DIRTY_TRACKING E

@get_flags@
@@
- enum iommufd_hwpt_get_dirty_bitmap_flags { ... };

@get_struct@
@@
- struct iommu_hwpt_get_dirty_bitmap { ... };

@get_ioctl@
expression E;
@@
- #define IOMMU_HWPT_GET_DIRTY_BITMAP E
