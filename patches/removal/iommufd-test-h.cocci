// SPDX-License-Identifier: GPL-2.0-only
// The test command's arguments, the device that cannot track. The command's
// number is text: see edits.toml.
// target: drivers/iommu/iommufd/iommufd_test.h

@device_no_dirty@
expression E;
@@
enum {
-	MOCK_FLAGS_DEVICE_NO_DIRTY = E,
	...
};

@cmd_dirty@
symbol dirty;
@@
struct iommu_test_cmd {
	...
	union {
		...
-		struct { ... } dirty;
		...
	};
	...
};
