// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty tracking by AMD host A/D bits
 *
 * The switch is HAD in the device-table entry of each device, which the driver
 * writes anew, with the entries of the device's aliases, whenever something in
 * it changes: on attach, when the page table grows a level, and here. It takes
 * the setting from iommu_domain::dirty_enabled every time, so that a table that
 * grows while tracking is being switched writes the same entry as this does.
 *
 * Only v1 tables have these bits; domains that user space asks for have such.
 */
#include <linux/iommu-dirty.h>
#include <linux/iommu.h>
#include <linux/seqlock.h>
#include <linux/sizes.h>

#include "amd_iommu.h"
#include "amd_iommu_types.h"
#include "dirty.h"
#include "dirty_fmt.h"

/**
 * amd_dirty_capable() - can DMA writes of a device be tracked
 * @dev: device that the driver has probed
 *
 * Return: true if a domain that tracks can be allocated for @dev and attached.
 */
bool amd_dirty_capable(struct device *dev)
{
	const u64 need = FEATURE_HASUP | FEATURE_HDSUP;
	struct amd_iommu *iommu = get_amd_iommu_from_dev(dev);

	return iommu && (iommu->features & need) == need;
}

/*
 * Hardware may have cached the old entry, and translations under it. Both are
 * flushed, in this order, before the switch is done.
 */
static int amd_dirty_set(struct iommu_domain *domain, bool enable)
{
	struct protection_domain *pdom = to_pdomain(domain);
	unsigned long flags;

	spin_lock_irqsave(&pdom->lock, flags);
	amd_iommu_update_and_flush_device_table(pdom);
	amd_iommu_domain_flush_pages(pdom, 0, CMD_INV_IOMMU_ALL_PAGES_ADDRESS);
	spin_unlock_irqrestore(&pdom->lock, flags);
	return 0;
}

/*
 * A table that grows puts its old root below a new one, where it stays: either
 * pair of root and level leads to what is mapped by now.
 */
static void amd_dirty_read(struct iommu_domain *domain,
			   struct iommu_dirty_read *read, unsigned long iova,
			   unsigned long last)
{
	struct amd_io_pgtable *pgtable = &to_pdomain(domain)->iop;
	unsigned int seq, level;
	u64 *root;

	do {
		seq = read_seqcount_begin(&pgtable->seqcount);
		root = pgtable->root;
		level = pgtable->mode;
	} while (read_seqcount_retry(&pgtable->seqcount, seq));

	if (WARN_ON_ONCE(last > PM_LEVEL_SIZE(level)))
		return;
	amdv1_walk(root, level, read, iova, last);
}

static void amd_dirty_flush(struct iommu_domain *domain, unsigned long iova,
			    unsigned long last, unsigned long sizes)
{
	struct protection_domain *pdom = to_pdomain(domain);
	unsigned long flags;

	spin_lock_irqsave(&pdom->lock, flags);
	amd_iommu_domain_flush_pages(pdom, iova, last - iova + 1);
	spin_unlock_irqrestore(&pdom->lock, flags);
}

static size_t amd_dirty_split_table(struct iommu_domain *domain)
{
	return SZ_4K;
}

static const struct iommu_dirty_ops amd_dirty_ops = {
	.set = amd_dirty_set,
	.read = amd_dirty_read,
	.flush = amd_dirty_flush,
	.split_table = amd_dirty_split_table,
};

/**
 * amd_dirty_init_domain() - make a v1 domain track
 * @domain: domain under construction, of a device that is capable
 */
void amd_dirty_init_domain(struct iommu_domain *domain)
{
	domain->dirty_ops = &amd_dirty_ops;
}
