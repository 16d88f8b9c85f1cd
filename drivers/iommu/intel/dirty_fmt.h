/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VT-d second-stage page table, as the dirty walker sees it
 *
 * VT-d specification 4.1, section 9.8 "Second-Stage Paging Entries". Every
 * level has 512 entries. A leaf is an entry at level 1, or one above it with
 * the page-size bit; hardware sets the dirty bit in leaves only, and only
 * through an entry that is writable.
 */
#ifndef __INTEL_DIRTY_FMT_H
#define __INTEL_DIRTY_FMT_H

#include "../iommu-dirty-walk.h"

#define VTDSS_R			BIT_ULL(0)
#define VTDSS_W			BIT_ULL(1)
#define VTDSS_PAGE_SIZE		BIT_ULL(7)
#define VTDSS_ACCESSED_BIT	8
#define VTDSS_DIRTY_BIT		9
#define VTDSS_MARK		BIT_ULL(10)	/* Ignored, at all levels */
#define VTDSS_ADDRESS		GENMASK_ULL(51, 12)

static __always_inline u64 *vtdss_table(u64 entry)
{
	return phys_to_virt(entry & VTDSS_ADDRESS);
}

static __always_inline u64 vtdss_child(u64 leaf, unsigned int level)
{
	return level == 2 ? leaf & ~VTDSS_PAGE_SIZE : leaf;
}

static __always_inline u64 vtdss_parent(u64 child, unsigned int level,
					unsigned int bits)
{
	return child | VTDSS_PAGE_SIZE;
}

static __always_inline u64 vtdss_pointer(u64 *table, unsigned int level)
{
	return virt_to_phys(table) | VTDSS_R | VTDSS_W;
}

static const struct iommu_dirty_fmt vtdss_fmt = {
	.page_shift = 12,
	.index_bits = 9,
	.present = VTDSS_R | VTDSS_W,
	.dirty_bit = VTDSS_DIRTY_BIT,
	.leaf = VTDSS_PAGE_SIZE,
	.table = vtdss_table,
	.mark = VTDSS_MARK,
	.accessed_bit = VTDSS_ACCESSED_BIT,
	.write = VTDSS_W,
	.child = vtdss_child,
	.parent = vtdss_parent,
	.pointer = vtdss_pointer,
};

DEFINE_IOMMU_DIRTY_WALK(vtdss_walk, &vtdss_fmt)

#endif /* __INTEL_DIRTY_FMT_H */
