// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mock IOMMU's page table with dirty bits
 *
 * A domain that tracks has, beside the mock's xarray of PFNs, a radix table
 * whose leaves carry dirty bits: 512 entries a table, leaves of MOCK_IO_PAGE
 * size at level 1 and of 512 times that at level 2. It is walked by the same
 * code as the hardware formats. IOMMU_TEST_OP_DIRTY takes the part of the
 * device and sets dirty bits.
 *
 * Tables live as long as the domain. Only a table whose whole range is mapped
 * by one large leaf is freed earlier: no read enters it, since the range is in
 * no live area.
 */
#include <linux/gfp.h>
#include <linux/iommu.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "../iommu-dirty-walk.h"
#include "iommufd_private.h"
#include "iommufd_test.h"
#include "mock_dirty.h"

#define MOCK_PT_PAGE_SHIFT	(PAGE_SHIFT - 1)
#define MOCK_PT_INDEX_BITS	9
#define MOCK_PT_ROOT_LEVEL	3

#define MOCK_PT_PRESENT		BIT_ULL(0)
#define MOCK_PT_LEAF		BIT_ULL(1)
#define MOCK_PT_DIRTY_BIT	2

static __always_inline bool mock_pt_leaf(u64 entry)
{
	return entry & MOCK_PT_LEAF;
}

static __always_inline u64 *mock_pt_table(u64 entry)
{
	return (u64 *)(unsigned long)(entry & ~MOCK_PT_PRESENT);
}

static const struct iommu_dirty_fmt mock_pt_fmt = {
	.page_shift = MOCK_PT_PAGE_SHIFT,
	.index_bits = MOCK_PT_INDEX_BITS,
	.present = MOCK_PT_PRESENT,
	.dirty_bit = MOCK_PT_DIRTY_BIT,
	.leaf = mock_pt_leaf,
	.table = mock_pt_table,
};

DEFINE_IOMMU_DIRTY_WALK(mock_pt_walk, &mock_pt_fmt)

/*
 * The domain's operations have the table beside them: selftest.c's struct need
 * not know of it.
 */
struct mock_dirty {
	struct iommu_dirty_ops ops;
	u64 *root;
};

static struct mock_dirty *to_mock_dirty(struct iommu_domain *domain)
{
	return container_of(domain->dirty_ops, struct mock_dirty, ops);
}

static unsigned int mock_pt_shift(unsigned int level)
{
	return MOCK_PT_PAGE_SHIFT + (level - 1) * MOCK_PT_INDEX_BITS;
}

static void mock_pt_free_table(u64 *table, unsigned int level)
{
	unsigned int i;

	for (i = 0; level > 1 && i < 1U << MOCK_PT_INDEX_BITS; i++)
		if ((table[i] & MOCK_PT_PRESENT) && !mock_pt_leaf(table[i]))
			mock_pt_free_table(mock_pt_table(table[i]), level - 1);
	kfree(table);
}

/*
 * The entry for @iova at @level, or the leaf above it that maps it. Tables on
 * the way are made if @gfp allows. Returns NULL where there is no table.
 */
static u64 *mock_pt_entry(struct mock_dirty *mock, unsigned long iova,
			  unsigned int level, gfp_t gfp)
{
	unsigned int at = MOCK_PT_ROOT_LEVEL;
	u64 *table = mock->root;

	for (;; at--) {
		u64 *slot = table + (iova >> mock_pt_shift(at)) %
					    (1U << MOCK_PT_INDEX_BITS);
		u64 entry = READ_ONCE(*slot);
		u64 *new;

		if (at == level || mock_pt_leaf(entry))
			return slot;
		if (!(entry & MOCK_PT_PRESENT)) {
			if (!gfp)
				return NULL;
			new = kcalloc(1U << MOCK_PT_INDEX_BITS, sizeof(*new),
				      gfp);
			if (!new)
				return NULL;
			entry = 0;
			/* A map of a neighbour may install one at this time. */
			if (try_cmpxchg64(slot, &entry,
					  (unsigned long)new | MOCK_PT_PRESENT))
				entry = (unsigned long)new | MOCK_PT_PRESENT;
			else
				kfree(new);
		}
		table = mock_pt_table(entry);
	}
}

/**
 * mock_dirty_map() - map leaves, all clean
 * @domain: mock domain
 * @iova: first IOVA
 * @pgsize: size of a leaf: one of level 1 or 2
 * @pgcount: number of leaves
 * @gfp: how to allocate tables
 *
 * Return: 0 or -ENOMEM.
 */
int mock_dirty_map(struct iommu_domain *domain, unsigned long iova,
		   size_t pgsize, size_t pgcount, gfp_t gfp)
{
	unsigned int level = pgsize == BIT(MOCK_PT_PAGE_SHIFT) ? 1 : 2;

	if (!domain->dirty_ops)
		return 0;

	for (; pgcount; pgcount--, iova += pgsize) {
		u64 *slot = mock_pt_entry(to_mock_dirty(domain), iova, level,
					  gfp);
		u64 old;

		if (!slot)
			return -ENOMEM;
		old = READ_ONCE(*slot);
		WRITE_ONCE(*slot, MOCK_PT_PRESENT | MOCK_PT_LEAF);
		if ((old & MOCK_PT_PRESENT) && !mock_pt_leaf(old))
			mock_pt_free_table(mock_pt_table(old), level - 1);
	}
	return 0;
}

/**
 * mock_dirty_unmap() - unmap leaves
 * @domain: mock domain
 * @iova: first IOVA
 * @size: length in bytes; what is not mapped is skipped
 */
void mock_dirty_unmap(struct iommu_domain *domain, unsigned long iova,
		      size_t size)
{
	unsigned long end = iova + size;

	if (!domain->dirty_ops)
		return;

	for (; iova != end; iova += BIT(MOCK_PT_PAGE_SHIFT)) {
		u64 *slot = mock_pt_entry(to_mock_dirty(domain), iova, 1, 0);

		if (slot)
			WRITE_ONCE(*slot, 0);
	}
}

static int mock_dirty_set(struct iommu_domain *domain, bool enable)
{
	return 0;
}

static void mock_dirty_read(struct iommu_domain *domain,
			    struct iommu_dirty_read *read, unsigned long iova,
			    unsigned long last)
{
	mock_pt_walk(to_mock_dirty(domain)->root, MOCK_PT_ROOT_LEVEL, read,
		     iova, last);
}

/* IOMMU_TEST_OP_DIRTY goes to the table each time: nothing is cached. */
static void mock_dirty_flush(struct iommu_domain *domain, unsigned long iova,
			     unsigned long last, unsigned long sizes)
{
}

/**
 * mock_dirty_init() - make a mock domain track
 * @domain: domain under construction
 *
 * Return: 0 or -ENOMEM.
 */
int mock_dirty_init(struct iommu_domain *domain)
{
	struct mock_dirty *mock = kzalloc(sizeof(*mock), GFP_KERNEL_ACCOUNT);

	if (!mock)
		return -ENOMEM;
	mock->root = kcalloc(1U << MOCK_PT_INDEX_BITS, sizeof(*mock->root),
			     GFP_KERNEL_ACCOUNT);
	if (!mock->root) {
		kfree(mock);
		return -ENOMEM;
	}
	mock->ops.set = mock_dirty_set;
	mock->ops.read = mock_dirty_read;
	mock->ops.flush = mock_dirty_flush;
	domain->dirty_ops = &mock->ops;
	return 0;
}

/**
 * mock_dirty_free() - undo mock_dirty_init(), if it was called
 * @domain: mock domain
 */
void mock_dirty_free(struct iommu_domain *domain)
{
	struct mock_dirty *mock;

	if (!domain->dirty_ops)
		return;
	mock = to_mock_dirty(domain);
	mock_pt_free_table(mock->root, MOCK_PT_ROOT_LEVEL);
	kfree(mock);
}

/* Set the dirty bit of each leaf that a bit of the user's bitmap stands for. */
static int mock_dirty_mark(struct mock_dirty *mock, unsigned long iova,
			   unsigned long page_size, unsigned long nr,
			   void __user *uptr)
{
	unsigned long *bits, i;
	int count = 0;

	bits = kvcalloc(BITS_TO_LONGS(nr), sizeof(*bits), GFP_KERNEL_ACCOUNT);
	if (!bits)
		return -ENOMEM;
	if (copy_from_user(bits, uptr, DIV_ROUND_UP(nr, BITS_PER_BYTE))) {
		kvfree(bits);
		return -EFAULT;
	}

	for_each_set_bit(i, bits, nr) {
		u64 *slot = mock_pt_entry(mock, iova + i * page_size, 1, 0);

		if (slot && mock_pt_leaf(READ_ONCE(*slot))) {
			set_bit(MOCK_PT_DIRTY_BIT, (unsigned long *)slot);
			count++;
		}
	}
	kvfree(bits);
	return count;
}

/**
 * mock_dirty_test() - IOMMU_TEST_OP_DIRTY: have a device write pages
 * @ucmd: the call
 * @cmd: its command
 *
 * Return: 0; -ENOENT for an id that is no paging HWPT; -EINVAL for one that is
 *	   not the mock's or whose tracking is off, and for bad arguments;
 *	   -EOVERFLOW if there are too many pages; -ENOMEM; -EFAULT.
 */
int mock_dirty_test(struct iommufd_ucmd *ucmd, struct iommu_test_cmd *cmd)
{
	unsigned long page_size = cmd->dirty.page_size;
	struct iommufd_hwpt_paging *hwpt;
	struct iommu_domain *domain;
	unsigned long nr;
	int rc = -EINVAL;

	if (!page_size || !cmd->dirty.length || !cmd->dirty.uptr ||
	    cmd->dirty.iova % page_size || cmd->dirty.length % page_size)
		return -EINVAL;
	nr = cmd->dirty.length / page_size;
	if (nr > SZ_16M * BITS_PER_BYTE)
		return -EOVERFLOW;

	hwpt = iommufd_get_hwpt_paging(ucmd, cmd->id);
	if (IS_ERR(hwpt))
		return PTR_ERR(hwpt);
	domain = hwpt->common.domain;
	if (!domain->dirty_ops || domain->dirty_ops->read != mock_dirty_read)
		goto out_put;

	down_read(&hwpt->dirty.lock);
	down_read(&hwpt->ioas->iopt.iova_rwsem);
	if (domain->dirty_enabled)
		rc = mock_dirty_mark(to_mock_dirty(domain), cmd->dirty.iova,
				     page_size, nr,
				     u64_to_user_ptr(cmd->dirty.uptr));
	up_read(&hwpt->ioas->iopt.iova_rwsem);
	up_read(&hwpt->dirty.lock);
	if (rc < 0)
		goto out_put;

	cmd->dirty.out_nr_dirty = rc;
	rc = iommufd_ucmd_respond(ucmd, sizeof(*cmd));
out_put:
	iommufd_put_object(ucmd->ictx, &hwpt->common.obj);
	return rc;
}
