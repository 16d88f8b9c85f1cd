/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Armv8 page tables of SMMUv3, as the dirty walker sees them
 *
 * Arm architecture reference manual (DDI 0487), chapter D8, "Hardware management
 * of the dirty state"; SMMUv3 architecture specification (IHI 0070), section
 * 3.13 "Translation tables and Access flag/Dirty state". A leaf with DBM may be
 * written, and hardware records the first write in bit 7: at stage 1 it clears
 * AP[2], which said read-only, at stage 2 it sets S2AP[1], which says writable.
 * A leaf that may not be written has no DBM.
 *
 * The walker counts levels from the leaf up: its level 1 is Arm's level 3. A
 * granule is a format of its own, so that the compiler knows its shifts.
 */
#ifndef __ARM_SMMU_V3_DIRTY_FMT_H
#define __ARM_SMMU_V3_DIRTY_FMT_H

#include "../../iommu-dirty-walk.h"

#define ARMV8_VALID		BIT_ULL(0)
#define ARMV8_TABLE		BIT_ULL(1)
#define ARMV8_AP2_BIT		7
#define ARMV8_AP2		BIT_ULL(ARMV8_AP2_BIT)
#define ARMV8_AF_BIT		10
#define ARMV8_DBM_BIT		51
#define ARMV8_DBM		BIT_ULL(ARMV8_DBM_BIT)
#define ARMV8_MARK		BIT_ULL(56)	/* For software, at all levels */
#define ARMV8_ADDRESS		GENMASK_ULL(47, 12)

/* DBM, brought to the place of AP[2] */
static __always_inline u64 armv8_dbm(u64 entry)
{
	return (entry >> (ARMV8_DBM_BIT - ARMV8_AP2_BIT)) & ARMV8_AP2;
}

static __always_inline u64 armv8_s1_dirty(u64 entry)
{
	return armv8_dbm(entry) & ~entry;
}

static __always_inline u64 armv8_s2_dirty(u64 entry)
{
	return armv8_dbm(entry) & entry;
}

static __always_inline u64 *armv8_table(u64 entry)
{
	return phys_to_virt(entry & ARMV8_ADDRESS);
}

/*
 * With the 64 KiB granule, bits 51:48 of an address stand in the entry's bits
 * 15:12, which a table of that size has no use for.
 */
static __always_inline u64 *armv8_table_64k(u64 entry)
{
	return phys_to_virt((entry & GENMASK_ULL(47, 16)) |
			    (entry & GENMASK_ULL(15, 12)) << 36);
}

static __always_inline u64 armv8_child(u64 leaf, unsigned int level)
{
	/* At level 1 this bit says that it is a page. */
	return level == 2 ? leaf | ARMV8_TABLE : leaf;
}

static __always_inline u64 armv8_parent(u64 child, unsigned int level,
					unsigned int bits)
{
	return child & ~ARMV8_TABLE;
}

static __always_inline u64 armv8_pointer(u64 *table, unsigned int level)
{
	return virt_to_phys(table) | ARMV8_TABLE | ARMV8_VALID;
}

static __always_inline u64 armv8_pointer_64k(u64 *table, unsigned int level)
{
	u64 address = virt_to_phys(table);

	return (address & GENMASK_ULL(47, 16)) |
	       (address >> 36 & GENMASK_ULL(15, 12)) | ARMV8_TABLE | ARMV8_VALID;
}

#define DEFINE_ARMV8_DIRTY(_stage, _granule, _page_shift, _table, _pointer) \
static const struct iommu_dirty_fmt					\
armv8_s##_stage##_##_granule##_fmt = {					\
	.page_shift = (_page_shift),					\
	.index_bits = (_page_shift) - 3,				\
	.present = ARMV8_VALID,						\
	.dirty_bit = ARMV8_AP2_BIT,					\
	.dirty_is_clear = (_stage) == 1,				\
	.leaf = ARMV8_VALID,						\
	.not_leaf = ARMV8_TABLE,					\
	.dirty = armv8_s##_stage##_dirty,				\
	.table = _table,						\
	.mark = ARMV8_MARK,						\
	.accessed_bit = ARMV8_AF_BIT,					\
	.write = ARMV8_DBM,						\
	.child = armv8_child,						\
	.parent = armv8_parent,						\
	.pointer = _pointer,						\
};									\
DEFINE_IOMMU_DIRTY_WALK(armv8_s##_stage##_##_granule##_walk,		\
			&armv8_s##_stage##_##_granule##_fmt)

DEFINE_ARMV8_DIRTY(1, 4k, 12, armv8_table, armv8_pointer)
DEFINE_ARMV8_DIRTY(1, 16k, 14, armv8_table, armv8_pointer)
DEFINE_ARMV8_DIRTY(1, 64k, 16, armv8_table_64k, armv8_pointer_64k)
DEFINE_ARMV8_DIRTY(2, 4k, 12, armv8_table, armv8_pointer)
DEFINE_ARMV8_DIRTY(2, 16k, 14, armv8_table, armv8_pointer)
DEFINE_ARMV8_DIRTY(2, 64k, 16, armv8_table_64k, armv8_pointer_64k)

#endif /* __ARM_SMMU_V3_DIRTY_FMT_H */
