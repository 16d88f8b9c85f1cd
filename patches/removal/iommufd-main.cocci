// SPDX-License-Identifier: GPL-2.0-only
// The two ioctls in the dispatch table, and their room in the command buffer.
// target: drivers/iommu/iommufd/main.c

@buffer_get_dirty_bitmap@
@@
union ucmd_buffer {
	...
-	struct iommu_hwpt_get_dirty_bitmap get_dirty_bitmap;
	...
};

@buffer_set_dirty_tracking@
@@
union ucmd_buffer {
	...
-	struct iommu_hwpt_set_dirty_tracking set_dirty_tracking;
	...
};

@op_get_dirty_bitmap@
symbol iommufd_ioctl_ops;
@@
const struct iommufd_ioctl_op iommufd_ioctl_ops[] = {
	...,
-	IOCTL_OP(IOMMU_HWPT_GET_DIRTY_BITMAP, ...),
	...,
};

@op_set_dirty_tracking@
symbol iommufd_ioctl_ops;
@@
const struct iommufd_ioctl_op iommufd_ioctl_ops[] = {
	...,
-	IOCTL_OP(IOMMU_HWPT_SET_DIRTY_TRACKING, ...),
	...,
};
