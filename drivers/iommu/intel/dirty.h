/* SPDX-License-Identifier: GPL-2.0-only */
/* Dirty tracking by VT-d second-stage A/D bits: what iommu.c needs of it */
#ifndef __INTEL_DIRTY_H
#define __INTEL_DIRTY_H

#include <linux/kconfig.h>
#include <linux/types.h>

struct device;
struct iommu_domain;

#if IS_ENABLED(CONFIG_IOMMUFD_DRIVER)
bool intel_dirty_capable(struct device *dev);
void intel_dirty_init_domain(struct iommu_domain *domain);
#else
static inline bool intel_dirty_capable(struct device *dev)
{
	return false;
}

static inline void intel_dirty_init_domain(struct iommu_domain *domain)
{
}
#endif

#endif /* __INTEL_DIRTY_H */
