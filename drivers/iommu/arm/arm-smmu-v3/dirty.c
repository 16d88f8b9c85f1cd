// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty tracking by SMMUv3 HTTU, at stage 1 and stage 2
 *
 * A clean leaf differs from a read-only one only by DBM, which hardware looks
 * at if HD is set in the context descriptor, or S2HD in the stream table entry.
 * Without it, a clean leaf is read-only and a write to it faults. So HD stays on
 * for the life of a domain that can track, and its leaves are made clean;
 * switching tracking has no hardware to switch. It forgets what is dirty and
 * what is cached.
 */
#include <linux/io-pgtable.h>
#include <linux/iommu-dirty.h>
#include <linux/iommu.h>

#include "arm-smmu-v3.h"
#include "dirty.h"
#include "dirty_fmt.h"

/*
 * Without range invalidation it takes a command for each of the smallest leaves
 * from the first to the last that was cleared, clean ones included: 262144 of
 * 4 KiB in a window of 1 GiB. Beyond this number one command drops all that is
 * cached of the domain, and devices walk its tables anew. It is the number that
 * the driver uses for address spaces of processes whose pages have 4 KiB
 * (CMDQ_MAX_TLBI_OPS), and has not been measured here.
 */
#define ARM_SMMU_DIRTY_MAX_CMDS		512

/**
 * arm_smmu_dirty_capable() - can DMA writes through an SMMU be tracked
 * @smmu: the SMMU
 *
 * The updates must be coherent with the processor's atomic operations. With
 * ACPI, firmware has a say in that: the SMMU's node in IORT can take from it
 * what IDR0 has, since the interconnect may not do what the SMMU can.
 *
 * Return: true if a domain that tracks can be allocated for its devices and
 *	   attached, whatever stage it has.
 */
bool arm_smmu_dirty_capable(struct arm_smmu_device *smmu)
{
	const u32 need = ARM_SMMU_FEAT_HA | ARM_SMMU_FEAT_HD |
			 ARM_SMMU_FEAT_COHERENCY;

	return (smmu->features & need) == need;
}

static struct io_pgtable *arm_smmu_dirty_pgtable(struct iommu_domain *domain)
{
	return io_pgtable_ops_to_pgtable(to_smmu_domain(domain)->pgtbl_ops);
}

/* What was dirty when tracking began has been cleared, and not flushed. */
static int arm_smmu_dirty_set(struct iommu_domain *domain, bool enable)
{
	if (enable)
		io_pgtable_tlb_flush_all(arm_smmu_dirty_pgtable(domain));
	return 0;
}

/*
 * A write may be seen in memory before the dirty state that it set is: only a
 * CMD_SYNC that is issued after the write promises that (section 3.13.4 "HTTU
 * behavior summary"). The barrier keeps the walk's loads behind it.
 */
static void arm_smmu_dirty_sync(struct iommu_domain *domain)
{
	arm_smmu_cmdq_sync(to_smmu_domain(domain)->smmu);
	dma_rmb();
}

static iommu_dirty_walk_fn arm_smmu_dirty_walker(enum io_pgtable_fmt fmt,
						 unsigned int page_shift)
{
	bool s2 = fmt == ARM_64_LPAE_S2;

	switch (page_shift) {
	case 12:
		return s2 ? armv8_s2_4k_walk : armv8_s1_4k_walk;
	case 14:
		return s2 ? armv8_s2_16k_walk : armv8_s1_16k_walk;
	default:
		return s2 ? armv8_s2_64k_walk : armv8_s1_64k_walk;
	}
}

/*
 * The root of stage 2 may be several tables, one behind the other. The walker
 * knows of one; no leaf reaches from one into the next.
 */
static void arm_smmu_dirty_read(struct iommu_domain *domain,
				struct iommu_dirty_read *read,
				unsigned long iova, unsigned long last)
{
	struct io_pgtable *iop = arm_smmu_dirty_pgtable(domain);
	struct arm_lpae_geometry geometry;
	unsigned int index_bits, span;
	iommu_dirty_walk_fn walk;

	arm_lpae_get_geometry(&iop->ops, &geometry);
	walk = arm_smmu_dirty_walker(iop->fmt, geometry.page_shift);
	index_bits = geometry.page_shift - 3;
	span = geometry.page_shift + geometry.levels * index_bits;

	for (;;) {
		unsigned long root_last = iova | (BIT(span) - 1);
		u64 *root = geometry.root + ((iova >> span) << index_bits);

		walk(root, geometry.levels, read, iova, min(root_last, last));
		if (root_last >= last)
			break;
		iova = root_last + 1;
	}
}

/*
 * One command a leaf, or a range of them, at the distance of the smallest leaf
 * that was cleared. No level and no leaf hint is given: sizes may be mixed.
 */
static void arm_smmu_dirty_flush(struct iommu_domain *domain,
				 unsigned long iova, unsigned long last,
				 unsigned long sizes)
{
	struct arm_smmu_device *smmu = to_smmu_domain(domain)->smmu;
	struct io_pgtable *iop = arm_smmu_dirty_pgtable(domain);
	unsigned long size = last - iova + 1;
	size_t granule = BIT(__ffs(sizes));

	if (!(smmu->features & ARM_SMMU_FEAT_RANGE_INV) &&
	    size / granule > ARM_SMMU_DIRTY_MAX_CMDS)
		io_pgtable_tlb_flush_all(iop);
	else
		io_pgtable_tlb_flush_walk(iop, iova, size, granule);
}

/*
 * An entry in use may change the size of what it maps if hardware has level 2 of
 * the break-before-make feature. On other hardware a lookup that finds both may
 * abort.
 */
static size_t arm_smmu_dirty_split_table(struct iommu_domain *domain)
{
	struct io_pgtable *iop = arm_smmu_dirty_pgtable(domain);
	struct arm_lpae_geometry geometry;

	if (!(to_smmu_domain(domain)->smmu->features & ARM_SMMU_FEAT_BBML2))
		return 0;
	arm_lpae_get_geometry(&iop->ops, &geometry);
	return BIT(geometry.page_shift);
}

static const struct iommu_dirty_ops arm_smmu_dirty_ops = {
	.set = arm_smmu_dirty_set,
	.sync = arm_smmu_dirty_sync,
	.read = arm_smmu_dirty_read,
	.flush = arm_smmu_dirty_flush,
	.split_table = arm_smmu_dirty_split_table,
};

/**
 * arm_smmu_dirty_init_domain() - make a domain track
 * @domain: domain under construction, whose table has IO_PGTABLE_QUIRK_ARM_HD
 */
void arm_smmu_dirty_init_domain(struct iommu_domain *domain)
{
	domain->dirty_ops = &arm_smmu_dirty_ops;
}
