/* SPDX-License-Identifier: GPL-2.0-only */
/* Dirty tracking by SMMUv3 HTTU: what arm-smmu-v3.c needs of it */
#ifndef __ARM_SMMU_V3_DIRTY_H
#define __ARM_SMMU_V3_DIRTY_H

#include <linux/bits.h>
#include <linux/kconfig.h>
#include <linux/types.h>

struct arm_smmu_device;
struct iommu_domain;

/* IDR0.HTTU: access flag and dirty state of leaves, access flag of tables */
#define IDR0_HTTU_ACCESS_DIRTY_TABLE	3

/* Hardware updates access flag and dirty state, context descriptor and STE */
#define CTXDESC_CD_0_TCR_HD		BIT_ULL(42)
#define CTXDESC_CD_0_TCR_HA		BIT_ULL(43)
#define STRTAB_STE_2_S2HD		BIT_ULL(55)
#define STRTAB_STE_2_S2HA		BIT_ULL(56)

void arm_smmu_cmdq_sync(struct arm_smmu_device *smmu);

#if IS_ENABLED(CONFIG_IOMMUFD_DRIVER)
bool arm_smmu_dirty_capable(struct arm_smmu_device *smmu);
void arm_smmu_dirty_init_domain(struct iommu_domain *domain);
#else
static inline bool arm_smmu_dirty_capable(struct arm_smmu_device *smmu)
{
	return false;
}

static inline void arm_smmu_dirty_init_domain(struct iommu_domain *domain)
{
}
#endif

#endif /* __ARM_SMMU_V3_DIRTY_H */
