// SPDX-License-Identifier: GPL-2.0-only
/*
 * Revoking the permission to write: what the walker calls, see
 * iommu-dirty-revoke.h
 */
#include <linux/bits.h>
#include <linux/export.h>
#include <linux/kernel.h>

#include "iommu-dirty-revoke.h"
#include "iommu-dirty-walk.h"

/*
 * Make a word of a leaf read-only, if it is clean. One that would map nothing
 * then, since it can only be written, is made dirty instead: who unmaps it has
 * to find it. So is one of a format that has no such permission.
 *
 * Returns whether it was made read-only.
 */
static bool revoke_word(const struct iommu_dirty_fmt *fmt, u64 *entry)
{
	u64 old = READ_ONCE(*entry), new;
	bool read_only;

	do {
		if (__iommu_dirty_test(fmt, old) ||
		    (fmt->write && !(old & fmt->write)))
			return false;
		new = old & ~fmt->write;
		read_only = fmt->write && __iommu_dirty_present(fmt, new);
		if (!read_only)
			new = old ^ BIT_ULL(fmt->dirty_bit);
	} while (!try_cmpxchg64(entry, &old, new));
	return read_only;
}

/*
 * What lies in @table from @iova to @last was walked. A leaf that is replicated
 * is revoked word by word, all of them, whichever part the walk came for: each
 * word translates alone. If one of them is dirty, the leaf is, and what becomes
 * of the others does not matter.
 */
static void revoke_table(struct iommu_dirty_read *read,
			 const struct iommu_dirty_fmt *fmt, u64 *table,
			 unsigned int level, unsigned long iova,
			 unsigned long last)
{
	const unsigned int shift = __iommu_dirty_shift(fmt, level);

	for (;;) {
		unsigned int index = __iommu_dirty_index(fmt, level, iova);
		u64 entry = READ_ONCE(table[index]);
		unsigned int bits = 0, i;
		unsigned long leaf, leaf_last;
		bool revoked = false;

		if (__iommu_dirty_present(fmt, entry) &&
		    (level == 1 || __iommu_dirty_leaf(fmt, entry))) {
			bits = __iommu_dirty_replicas(fmt, entry, level);
			index = round_down(index, 1U << bits);
			for (i = 0; i < 1U << bits; i++)
				revoked |= revoke_word(fmt, table + index + i);
		}
		leaf = round_down(iova, BIT(shift + bits));
		leaf_last = leaf + BIT(shift + bits) - 1;
		if (revoked)
			__iommu_dirty_cleared(read, leaf, leaf_last,
					      BIT(shift + bits));
		if (leaf_last >= last)
			return;
		iova = leaf_last + 1;
	}
}

/**
 * iommu_dirty_revoke_init() - prepare a read that revokes
 * @shape: what the walker calls; for iommu_dirty_read::shape
 *
 * It walks without a log and without clearing. The range consists of whole
 * areas, which nobody else reads, splits, joins or unmaps. The caller flushes
 * what the walk says, and reads what is dirty only then.
 */
void iommu_dirty_revoke_init(struct iommu_dirty_shape *shape)
{
	*shape = (struct iommu_dirty_shape) {
		.table = revoke_table,
	};
}
EXPORT_SYMBOL_NS_GPL(iommu_dirty_revoke_init, IOMMUFD_INTERNAL);
