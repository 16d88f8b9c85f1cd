/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The AMD v1 host page table, as the dirty walker sees it
 *
 * AMD I/O Virtualization Technology specification (48882), section 2.2.3 "I/O
 * Page Tables for Host Translations". Every level has 512 entries. An entry
 * whose next-level field is 0 maps a leaf of the level's own size; with 7 the
 * size stands in the address, as the lowest bit from bit 12 up that is clear,
 * and the entry is repeated in as many words as the leaf has pages of that
 * size. With host dirty support enabled, hardware sets the dirty bit of a leaf
 * in any of them.
 */
#ifndef __AMD_DIRTY_FMT_H
#define __AMD_DIRTY_FMT_H

#include <linux/mem_encrypt.h>

#include "../iommu-dirty-walk.h"

#define AMDV1_PRESENT		BIT_ULL(0)
#define AMDV1_MARK		GENMASK_ULL(4, 1)	/* Ignored, at all levels */
#define AMDV1_ACCESSED_BIT	5
#define AMDV1_DIRTY_BIT		6
#define AMDV1_NEXT_LEVEL	GENMASK_ULL(11, 9)
#define AMDV1_IR		BIT_ULL(61)
#define AMDV1_IW		BIT_ULL(62)
#define AMDV1_ADDRESS		GENMASK_ULL(51, 12)

static __always_inline unsigned int amdv1_replicas(u64 entry,
						   unsigned int level)
{
	/* Entries ORed may have no bit of the address clear. */
	return __ffs64(~(entry | GENMASK_ULL(11, 0)) | BIT_ULL(52)) + 1 -
	       (12 + 9 * (level - 1));
}

static __always_inline u64 *amdv1_table(u64 entry)
{
	return phys_to_virt(__sme_clr(entry & AMDV1_ADDRESS));
}

/* The bits that encode the size end with the one that is clear. */
static __always_inline u64 amdv1_child(u64 leaf, unsigned int level)
{
	u64 size = GENMASK_ULL(__ffs64(~(leaf | GENMASK_ULL(11, 0))), 12);

	if ((leaf & AMDV1_NEXT_LEVEL) != AMDV1_NEXT_LEVEL)
		return leaf;
	return leaf & ~(size | AMDV1_NEXT_LEVEL);
}

static __always_inline u64 amdv1_parent(u64 child, unsigned int level,
					unsigned int bits)
{
	unsigned int shift = 12 + 9 * (level - 1) + bits;

	if (!bits)
		return child;
	return child | AMDV1_NEXT_LEVEL | (BIT_ULL(shift - 1) - BIT_ULL(12));
}

static __always_inline u64 amdv1_pointer(u64 *table, unsigned int level)
{
	return __sme_set(virt_to_phys(table)) | AMDV1_PRESENT | AMDV1_IR |
	       AMDV1_IW | (u64)(level - 1) << 9;
}

static const struct iommu_dirty_fmt amdv1_fmt = {
	.page_shift = 12,
	.index_bits = 9,
	.present = AMDV1_PRESENT,
	.dirty_bit = AMDV1_DIRTY_BIT,
	.not_leaf = AMDV1_NEXT_LEVEL,
	.replicated = AMDV1_NEXT_LEVEL,
	.replicas = amdv1_replicas,
	.table = amdv1_table,
	.mark = AMDV1_MARK,
	.accessed_bit = AMDV1_ACCESSED_BIT,
	.write = AMDV1_IW,
	.child = amdv1_child,
	.parent = amdv1_parent,
	.pointer = amdv1_pointer,
};

DEFINE_IOMMU_DIRTY_WALK(amdv1_walk, &amdv1_fmt)

#endif /* __AMD_DIRTY_FMT_H */
