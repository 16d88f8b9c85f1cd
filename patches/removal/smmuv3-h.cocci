// SPDX-License-Identifier: GPL-2.0-only
// HA and HD in the context descriptor.
// target: drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.h

@ha@
expression E;
@@
- #define CTXDESC_CD_0_TCR_HA E

@hd@
expression E;
@@
- #define CTXDESC_CD_0_TCR_HD E
