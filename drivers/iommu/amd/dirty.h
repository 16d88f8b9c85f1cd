/* SPDX-License-Identifier: GPL-2.0-only */
/* Dirty tracking by AMD host A/D bits: what iommu.c needs of it */
#ifndef __AMD_DIRTY_H
#define __AMD_DIRTY_H

#include <linux/bits.h>
#include <linux/kconfig.h>
#include <linux/types.h>

struct device;
struct iommu_domain;

/* Host access and dirty bits of the domain's table are updated, DTE bits 8:7 */
#define DTE_FLAG_HAD		GENMASK_ULL(8, 7)

#if IS_ENABLED(CONFIG_IOMMUFD_DRIVER)
bool amd_dirty_capable(struct device *dev);
void amd_dirty_init_domain(struct iommu_domain *domain);
#else
static inline bool amd_dirty_capable(struct device *dev)
{
	return false;
}

static inline void amd_dirty_init_domain(struct iommu_domain *domain)
{
}
#endif

#endif /* __AMD_DIRTY_H */
