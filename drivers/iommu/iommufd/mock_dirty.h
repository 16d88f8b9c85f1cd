/* SPDX-License-Identifier: GPL-2.0-only */
/* The mock IOMMU's page table with dirty bits: what selftest.c needs of it */
#ifndef __IOMMUFD_MOCK_DIRTY_H
#define __IOMMUFD_MOCK_DIRTY_H

#include <linux/gfp_types.h>
#include <linux/types.h>

struct iommu_domain;
struct iommu_test_cmd;
struct iommufd_ucmd;

int mock_dirty_init(struct iommu_domain *domain);
void mock_dirty_free(struct iommu_domain *domain);
int mock_dirty_map(struct iommu_domain *domain, unsigned long iova,
		   size_t pgsize, size_t pgcount, gfp_t gfp);
void mock_dirty_unmap(struct iommu_domain *domain, unsigned long iova,
		      size_t size);
int mock_dirty_test(struct iommufd_ucmd *ucmd, struct iommu_test_cmd *cmd);

#endif /* __IOMMUFD_MOCK_DIRTY_H */
