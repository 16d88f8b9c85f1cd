// SPDX-License-Identifier: GPL-2.0-only
// The mock IOMMU: its dirty bits, its operations, the test command that sets
// bits, the device that cannot track.
// target: drivers/iommu/iommufd/selftest.c

@dirty_track@
expression E;
@@
enum {
-	MOCK_DIRTY_TRACK = E,
	...
};

@pfn_dirty@
expression E;
@@
enum {
	...,
-	MOCK_PFN_DIRTY_IOVA = E,
	...
};

// Nothing but the tracking state was kept in it.
@domain_flags@
@@
struct mock_iommu_domain {
-	unsigned long flags;
	...
};

@nop_attach@
identifier domain, mdev;
expression E;
@@
mock_domain_nop_attach(struct iommu_domain *domain, ...)
{
-	struct mock_dev *mdev = ...;
-	if (domain->dirty_ops && ...)
-		return E;
	...
}

@set_dirty_tracking@
@@
- static int mock_domain_set_dirty_tracking(...)
- { ... }

@test_and_clear@
typedef bool;
@@
- static bool mock_test_and_clear_dirty(...)
- { ... }

@read_and_clear@
@@
- static int mock_domain_read_and_clear_dirty(...)
- { ... }

@ops@
symbol dirty_ops;
@@
- static const struct iommu_dirty_ops dirty_ops = { ... };

@alloc_locals@
identifier mdev, has, no;
expression E1, E2;
typedef bool;
@@
-	struct mock_dev *mdev = E1;
-	bool has = E2 & IOMMU_HWPT_ALLOC_DIRTY_TRACKING;
-	bool no = mdev->flags & MOCK_FLAGS_DEVICE_NO_DIRTY;

@alloc_mask@
expression flags;
statement S;
@@
- if (flags & (~(IOMMU_HWPT_ALLOC_NEST_PARENT | IOMMU_HWPT_ALLOC_DIRTY_TRACKING)))
+ if (flags & ~IOMMU_HWPT_ALLOC_NEST_PARENT)
	S

@alloc_refusal@
symbol has_dirty_flag, no_dirty_ops;
expression E;
@@
- E || (has_dirty_flag && no_dirty_ops)
+ E

@alloc_ops@
symbol has_dirty_flag;
statement S;
@@
- if (has_dirty_flag)
-	S

@capable@
identifier mdev;
symbol cap;
expression E, R;
@@
mock_domain_capable(...)
{
-	struct mock_dev *mdev = ...;
	switch (cap) {
	case IOMMU_CAP_CACHE_COHERENCY: return R;
-	case IOMMU_CAP_DIRTY_TRACKING: return E;
	...
	}
	...
}

@device_flags@
expression flags;
statement S;
@@
- if (flags & ~(MOCK_FLAGS_DEVICE_NO_DIRTY | MOCK_FLAGS_DEVICE_HUGE_IOVA))
+ if (flags & ~MOCK_FLAGS_DEVICE_HUGE_IOVA)
	S

@test_dirty@
@@
- static int iommufd_test_dirty(...)
- { ... }

@test_case@
expression E, R;
@@
switch (E) {
case IOMMU_TEST_OP_ADD_RESERVED: return R;
...
- case IOMMU_TEST_OP_DIRTY: return iommufd_test_dirty(...);
...
}
