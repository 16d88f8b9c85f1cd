// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tables that the AMD driver makes and reads, with no device attached
 *
 * They begin with three levels and grow with what is mapped.
 */
#include <linux/gfp.h>
#include <linux/io-pgtable.h>
#include <linux/iommu-dirty.h>
#include <linux/iommu.h>
#include <linux/numa.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>

#include "../amd/amd_iommu_types.h"
#include "../amd/dirty.h"
#include "table.h"

static int amd_init(struct dirty_table *table)
{
	struct protection_domain *domain = kzalloc(sizeof(*domain), GFP_KERNEL);
	struct io_pgtable_cfg *cfg;

	if (!domain)
		return -ENOMEM;
	INIT_LIST_HEAD(&domain->dev_list);
	INIT_LIST_HEAD(&domain->dev_data_list);
	spin_lock_init(&domain->lock);
	xa_init(&domain->iommu_array);
	domain->pd_mode = PD_MODE_V1;
	cfg = &domain->iop.pgtbl.cfg;
	cfg->amd.nid = NUMA_NO_NODE;
	if (!alloc_io_pgtable_ops(AMD_IOMMU_V1, cfg, domain)) {
		kfree(domain);
		return -ENOMEM;
	}
	amd_dirty_init_domain(&domain->domain);
	table->driver_data = domain;
	return 0;
}

static void amd_free(struct dirty_table *table)
{
	struct protection_domain *domain = table->driver_data;

	free_io_pgtable_ops(&domain->iop.pgtbl.ops);
	kfree(domain);
}

static int amd_map(struct dirty_table *table, unsigned long iova, u64 phys,
		   unsigned long size)
{
	struct protection_domain *domain = table->driver_data;
	struct io_pgtable_ops *ops = &domain->iop.pgtbl.ops;
	size_t mapped = 0;

	return ops->map_pages(ops, iova, phys, size, 1,
			      IOMMU_PROT_IR | IOMMU_PROT_IW, GFP_KERNEL,
			      &mapped);
}

static void amd_root(struct dirty_table *table)
{
	struct protection_domain *domain = table->driver_data;

	table->root = domain->iop.root;
	table->level = domain->iop.mode;
	table->root_words = 512;
}

static void amd_read(struct dirty_table *table, struct iommu_dirty_read *read,
		     unsigned long iova, unsigned long last)
{
	struct protection_domain *domain = table->driver_data;

	domain->domain.dirty_ops->read(&domain->domain, read, iova, last);
}

static phys_addr_t amd_phys(struct dirty_table *table, unsigned long iova)
{
	struct protection_domain *domain = table->driver_data;
	struct io_pgtable_ops *ops = &domain->iop.pgtbl.ops;

	return ops->iova_to_phys(ops, iova);
}

static const struct dirty_driver amd_driver = {
	.init = amd_init,
	.free = amd_free,
	.map = amd_map,
	.root = amd_root,
	.read = amd_read,
	.phys = amd_phys,
};

#define AMD_SOURCE(_bits)						\
	{								\
		.format = &dirty_formats[DIRTY_AMDV1],			\
		.driver = &amd_driver,					\
		.name = "AMD driver, " #_bits " bits",			\
		.top_bits = (_bits),					\
	}

const struct dirty_source dirty_amd_sources[] = {
	AMD_SOURCE(39),
	AMD_SOURCE(48),
	AMD_SOURCE(57),
	AMD_SOURCE(63),
	{ }
};
