// SPDX-License-Identifier: GPL-2.0-only
/* Second-stage tables that the VT-d driver makes and reads, with no device */
#include <linux/gfp.h>
#include <linux/iommu-dirty.h>
#include <linux/iommu.h>
#include <linux/numa.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>

#include "../intel/dirty.h"
#include "../intel/iommu.h"
#include "../iommu-pages.h"
#include "table.h"

static const struct iommu_domain_ops *vtd_ops(void)
{
	return intel_iommu_ops.default_domain_ops;
}

/* As paging_domain_alloc() does for a device */
static int vtd_init(struct dirty_table *table)
{
	struct dmar_domain *domain = kzalloc(sizeof(*domain), GFP_KERNEL);

	if (!domain)
		return -ENOMEM;
	INIT_LIST_HEAD(&domain->devices);
	INIT_LIST_HEAD(&domain->dev_pasids);
	INIT_LIST_HEAD(&domain->cache_tags);
	spin_lock_init(&domain->lock);
	spin_lock_init(&domain->cache_lock);
	xa_init(&domain->iommu_array);
	domain->nid = NUMA_NO_NODE;
	domain->gaw = table->source->top_bits;
	domain->agaw = width_to_agaw(domain->gaw);
	domain->max_addr = BIT_ULL(domain->gaw) - 1;
	domain->iommu_coherency = true;
	domain->iommu_superpage = 2;
	domain->pgd = iommu_alloc_page_node(domain->nid, GFP_KERNEL);
	if (!domain->pgd) {
		kfree(domain);
		return -ENOMEM;
	}
	intel_dirty_init_domain(&domain->domain);
	table->driver_data = domain;
	return 0;
}

static void vtd_free(struct dirty_table *table)
{
	struct dmar_domain *domain = table->driver_data;

	vtd_ops()->free(&domain->domain);
}

static int vtd_map(struct dirty_table *table, unsigned long iova, u64 phys,
		   unsigned long size)
{
	struct dmar_domain *domain = table->driver_data;
	size_t mapped = 0;

	return vtd_ops()->map_pages(&domain->domain, iova, phys, size, 1,
				    IOMMU_READ | IOMMU_WRITE, GFP_KERNEL,
				    &mapped);
}

static void vtd_root(struct dirty_table *table)
{
	struct dmar_domain *domain = table->driver_data;

	table->root = (u64 *)domain->pgd;
	table->level = agaw_to_level(domain->agaw);
	table->root_words = 512;
}

static void vtd_read(struct dirty_table *table, struct iommu_dirty_read *read,
		     unsigned long iova, unsigned long last)
{
	struct dmar_domain *domain = table->driver_data;

	domain->domain.dirty_ops->read(&domain->domain, read, iova, last);
}

static phys_addr_t vtd_phys(struct dirty_table *table, unsigned long iova)
{
	struct dmar_domain *domain = table->driver_data;

	return vtd_ops()->iova_to_phys(&domain->domain, iova);
}

static const struct dirty_driver vtd_driver = {
	.init = vtd_init,
	.free = vtd_free,
	.map = vtd_map,
	.root = vtd_root,
	.read = vtd_read,
	.phys = vtd_phys,
};

#define VTD_SOURCE(_bits)						\
	{								\
		.format = &dirty_formats[DIRTY_VTDSS],			\
		.driver = &vtd_driver,					\
		.name = "VT-d driver, " #_bits " bits",			\
		.top_bits = (_bits),					\
	}

const struct dirty_source dirty_vtd_sources[] = {
	VTD_SOURCE(39),
	VTD_SOURCE(48),
	VTD_SOURCE(57),
	{ }
};
