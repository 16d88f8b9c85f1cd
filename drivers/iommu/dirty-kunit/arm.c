// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tables that io-pgtable makes for the SMMUv3 driver, which reads them
 *
 * Both stages, each granule, roots of few and of many entries: stage 2 begins
 * with up to 16 tables, one behind the other. No SMMU is there; what would be
 * invalidated is noted down.
 */
#include <kunit/test.h>
#include <linux/device.h>
#include <linux/gfp.h>
#include <linux/io-pgtable.h>
#include <linux/iommu-dirty.h>
#include <linux/iommu.h>
#include <linux/numa.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "../arm/arm-smmu-v3/arm-smmu-v3.h"
#include "../arm/arm-smmu-v3/dirty.h"
#include "table.h"

struct smmuv3 {
	struct device dev;
	struct arm_smmu_device smmu;
	struct arm_smmu_domain domain;
	unsigned int flush_all;
	unsigned int flush_walk;
	unsigned long iova;
	unsigned long size;
	unsigned long granule;
};

static void flush_all(void *cookie)
{
	struct smmuv3 *smmuv3 = cookie;

	smmuv3->flush_all++;
}

static void flush_walk(unsigned long iova, size_t size, size_t granule,
		       void *cookie)
{
	struct smmuv3 *smmuv3 = cookie;

	smmuv3->flush_walk++;
	smmuv3->iova = iova;
	smmuv3->size = size;
	smmuv3->granule = granule;
}

static const struct iommu_flush_ops flush_ops = {
	.tlb_flush_all = flush_all,
	.tlb_flush_walk = flush_walk,
};

static int smmuv3_init(struct dirty_table *table)
{
	const struct dirty_format *format = table->format;
	struct smmuv3 *smmuv3 = kzalloc(sizeof(*smmuv3), GFP_KERNEL);
	struct io_pgtable_cfg cfg = {
		.quirks = IO_PGTABLE_QUIRK_ARM_HD,
		.ias = table->source->top_bits,
		.oas = fls64(format->phys),
		.coherent_walk = true,
		.tlb = &flush_ops,
	};
	unsigned int i;

	if (!smmuv3)
		return -ENOMEM;
	/* Of the device, io-pgtable asks for the node. */
	set_dev_node(&smmuv3->dev, NUMA_NO_NODE);
	cfg.iommu_dev = &smmuv3->dev;
	for (i = 0; format->shifts[i]; i++)
		cfg.pgsize_bitmap |= BIT(format->shifts[i]);
	smmuv3->domain.smmu = &smmuv3->smmu;
	smmuv3->domain.pgtbl_ops =
		alloc_io_pgtable_ops(format->dirty_is_clear ? ARM_64_LPAE_S1 :
							      ARM_64_LPAE_S2,
				     &cfg, smmuv3);
	if (!smmuv3->domain.pgtbl_ops) {
		kfree(smmuv3);
		return -ENOMEM;
	}
	arm_smmu_dirty_init_domain(&smmuv3->domain.domain);
	table->driver_data = smmuv3;
	return 0;
}

static void smmuv3_free(struct dirty_table *table)
{
	struct smmuv3 *smmuv3 = table->driver_data;

	free_io_pgtable_ops(smmuv3->domain.pgtbl_ops);
	kfree(smmuv3);
}

static int smmuv3_map(struct dirty_table *table, unsigned long iova, u64 phys,
		      unsigned long size)
{
	struct smmuv3 *smmuv3 = table->driver_data;
	struct io_pgtable_ops *ops = smmuv3->domain.pgtbl_ops;
	size_t mapped = 0;

	return ops->map_pages(ops, iova, phys, size, 1,
			      IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE,
			      GFP_KERNEL, &mapped);
}

static void smmuv3_root(struct dirty_table *table)
{
	struct smmuv3 *smmuv3 = table->driver_data;
	const struct dirty_format *format = table->format;
	struct arm_lpae_geometry geometry;

	arm_lpae_get_geometry(smmuv3->domain.pgtbl_ops, &geometry);
	table->root = geometry.root;
	table->level = geometry.levels;
	table->root_words = BIT(table->source->top_bits - format->page_shift -
				format->index_bits * (geometry.levels - 1));
}

static void smmuv3_read(struct dirty_table *table,
			struct iommu_dirty_read *read, unsigned long iova,
			unsigned long last)
{
	struct smmuv3 *smmuv3 = table->driver_data;
	struct iommu_domain *domain = &smmuv3->domain.domain;

	domain->dirty_ops->read(domain, read, iova, last);
}

static phys_addr_t smmuv3_phys(struct dirty_table *table, unsigned long iova)
{
	struct smmuv3 *smmuv3 = table->driver_data;
	struct io_pgtable_ops *ops = smmuv3->domain.pgtbl_ops;

	return ops->iova_to_phys(ops, iova);
}

static const struct dirty_driver smmuv3_driver = {
	.init = smmuv3_init,
	.free = smmuv3_free,
	.map = smmuv3_map,
	.root = smmuv3_root,
	.read = smmuv3_read,
	.phys = smmuv3_phys,
};

#define SMMUV3_SOURCE(_stage, _granule, _bits)				\
	{								\
		.format = &dirty_formats[DIRTY_ARMV8_S##_stage##_##_granule], \
		.driver = &smmuv3_driver,				\
		.name = "SMMUv3 driver, stage " #_stage ", " #_granule	\
			", " #_bits " bits",				\
		.top_bits = (_bits),					\
	}

const struct dirty_source dirty_smmuv3_sources[] = {
	SMMUV3_SOURCE(1, 4K, 39),
	SMMUV3_SOURCE(1, 4K, 48),
	SMMUV3_SOURCE(1, 16K, 36),
	SMMUV3_SOURCE(1, 16K, 47),
	SMMUV3_SOURCE(1, 16K, 48),
	SMMUV3_SOURCE(1, 64K, 42),
	SMMUV3_SOURCE(1, 64K, 52),
	SMMUV3_SOURCE(2, 4K, 39),
	SMMUV3_SOURCE(2, 4K, 40),
	SMMUV3_SOURCE(2, 4K, 43),
	SMMUV3_SOURCE(2, 4K, 48),
	SMMUV3_SOURCE(2, 16K, 40),
	SMMUV3_SOURCE(2, 16K, 48),
	SMMUV3_SOURCE(2, 64K, 40),
	SMMUV3_SOURCE(2, 64K, 52),
	{ }
};

/* One of each stage, of 4 KiB granules */
static const struct dirty_source stages[] = {
	SMMUV3_SOURCE(1, 4K, 48),
	SMMUV3_SOURCE(2, 4K, 40),
};

static void stage_name(const struct dirty_source *source, char *desc)
{
	strscpy(desc, source->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(stage, stages, stage_name);

/* A table with one leaf of 2 MiB at 2 MiB, which is freed after the test */
static int smmuv3_test_init(struct kunit *test)
{
	struct dirty_table *table = kunit_kzalloc(test, sizeof(*table),
						  GFP_KERNEL);

	if (!table)
		return -ENOMEM;
	dirty_table_init_driver(table, test->param_value ?: &stages[0]);
	test->priv = table;
	dirty_table_map(table, SZ_2M, 21);
	dirty_table_find_leaves(table);
	return *table->wrong ? -EINVAL : 0;
}

static void smmuv3_test_exit(struct kunit *test)
{
	if (test->priv)
		dirty_table_free(test->priv);
}

/* Both features, and coherency, or nothing */
static void smmuv3_capable(struct kunit *test)
{
	struct dirty_table *table = test->priv;
	struct smmuv3 *smmuv3 = table->driver_data;
	const u32 need[] = {
		ARM_SMMU_FEAT_HA, ARM_SMMU_FEAT_HD, ARM_SMMU_FEAT_COHERENCY,
	};
	unsigned int i;

	KUNIT_EXPECT_FALSE(test, arm_smmu_dirty_capable(&smmuv3->smmu));
	for (i = 0; i < ARRAY_SIZE(need); i++) {
		smmuv3->smmu.features = ~need[i];
		KUNIT_EXPECT_FALSE(test, arm_smmu_dirty_capable(&smmuv3->smmu));
	}
	smmuv3->smmu.features = need[0] | need[1] | need[2];
	KUNIT_EXPECT_TRUE(test, arm_smmu_dirty_capable(&smmuv3->smmu));
}

/* Switching on flushes what was cleared before, switching off nothing. */
static void smmuv3_set(struct kunit *test)
{
	struct dirty_table *table = test->priv;
	struct smmuv3 *smmuv3 = table->driver_data;
	struct iommu_domain *domain = &smmuv3->domain.domain;

	KUNIT_EXPECT_EQ(test, domain->dirty_ops->set(domain, true), 0);
	KUNIT_EXPECT_EQ(test, smmuv3->flush_all, 1);
	KUNIT_EXPECT_EQ(test, domain->dirty_ops->set(domain, false), 0);
	KUNIT_EXPECT_EQ(test, smmuv3->flush_all, 1);
}

/*
 * The range, at the distance of the smallest leaf that was cleared. Many
 * commands become one if hardware does not know ranges.
 */
static void smmuv3_flush(struct kunit *test)
{
	struct dirty_table *table = test->priv;
	struct smmuv3 *smmuv3 = table->driver_data;
	struct iommu_domain *domain = &smmuv3->domain.domain;
	const struct {
		u32 features;
		unsigned long size;
		unsigned long sizes;
		unsigned long granule;
	} flushes[] = {
		{ 0, SZ_4K, SZ_4K, SZ_4K },
		{ 0, SZ_2M, SZ_4K, SZ_4K },
		{ 0, SZ_4M, SZ_4K, 0 },
		{ 0, SZ_1G, SZ_2M, SZ_2M },
		{ 0, SZ_1G, SZ_2M | SZ_4K, 0 },
		{ 0, SZ_1G, SZ_1G, SZ_1G },
		{ ARM_SMMU_FEAT_RANGE_INV, SZ_4M, SZ_4K, SZ_4K },
		{ ARM_SMMU_FEAT_RANGE_INV, SZ_1G, SZ_2M | SZ_4K, SZ_4K },
		{ ARM_SMMU_FEAT_RANGE_INV, SZ_1G, SZ_1G | SZ_2M, SZ_2M },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flushes); i++) {
		unsigned int all = smmuv3->flush_all;
		unsigned int walk = smmuv3->flush_walk;

		smmuv3->smmu.features = flushes[i].features;
		domain->dirty_ops->flush(domain, SZ_1G,
					 SZ_1G + flushes[i].size - 1,
					 flushes[i].sizes);
		if (!flushes[i].granule) {
			KUNIT_EXPECT_EQ(test, smmuv3->flush_all, all + 1);
			continue;
		}
		KUNIT_EXPECT_EQ(test, smmuv3->flush_all, all);
		KUNIT_EXPECT_EQ(test, smmuv3->flush_walk, walk + 1);
		KUNIT_EXPECT_EQ(test, smmuv3->iova, SZ_1G);
		KUNIT_EXPECT_EQ(test, smmuv3->size, flushes[i].size);
		KUNIT_EXPECT_EQ(test, smmuv3->granule, flushes[i].granule);
	}
}

/* Read 2 MiB from 2 MiB on, a bit for 4 KiB */
static void read_leaf(struct dirty_table *table, unsigned long *bits)
{
	struct iommu_dirty_log log = {
		.iova = SZ_2M,
		.last = SZ_4M - 1,
		.shift = 12,
		.page = { bits },
	};
	struct iommu_dirty_read read = {
		.log = &log,
		.clear = true,
		.whole = SZ_2M,
		.cleared = ~0UL,
	};

	smmuv3_read(table, &read, SZ_2M, SZ_4M - 1);
}

/*
 * When io-pgtable splits a leaf, because a page of it is unmapped, dirt and
 * what makes a leaf trackable go to what is left.
 */
static void smmuv3_split(struct kunit *test)
{
	struct dirty_table *table = test->priv;
	struct smmuv3 *smmuv3 = table->driver_data;
	struct io_pgtable_ops *ops = smmuv3->domain.pgtbl_ops;
	unsigned long *bits = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	unsigned int i;
	u64 *leaves;

	KUNIT_ASSERT_NOT_NULL(test, bits);
	dirty_leaf_write(table, table->leaves, 0);
	KUNIT_ASSERT_EQ(test, ops->unmap_pages(ops, SZ_2M, SZ_4K, 1, NULL),
			SZ_4K);
	leaves = phys_to_virt(table->format->address(*table->leaves->entry));
	KUNIT_EXPECT_EQ(test, leaves[0], 0);
	for (i = 1; i < 512; i++)
		KUNIT_EXPECT_EQ(test, leaves[i] >> 51 & 1, 1);

	read_leaf(table, bits);
	KUNIT_EXPECT_EQ(test, bits[0], ~1UL);
	for (i = 1; i < 8; i++)
		KUNIT_EXPECT_EQ(test, bits[i], ~0UL);
	memset(bits, 0, PAGE_SIZE);
	read_leaf(table, bits);
	for (i = 0; i < 8; i++)
		KUNIT_EXPECT_EQ(test, bits[i], 0);
}

/* A leaf that devices may only read is never dirty. */
static void smmuv3_read_only(struct kunit *test)
{
	struct dirty_table *table = test->priv;
	struct smmuv3 *smmuv3 = table->driver_data;
	struct io_pgtable_ops *ops = smmuv3->domain.pgtbl_ops;
	unsigned long *bits = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	size_t mapped = 0;

	KUNIT_ASSERT_NOT_NULL(test, bits);
	KUNIT_ASSERT_EQ(test, ops->unmap_pages(ops, SZ_2M, SZ_2M, 1, NULL),
			SZ_2M);
	KUNIT_ASSERT_EQ(test, ops->map_pages(ops, SZ_2M, SZ_2M, SZ_2M, 1,
					     IOMMU_READ, GFP_KERNEL, &mapped),
			0);
	KUNIT_EXPECT_EQ(test, *table->leaves->entry >> 51 & 1, 0);
	read_leaf(table, bits);
	KUNIT_EXPECT_EQ(test, bits[0], 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(smmuv3_capable),
	KUNIT_CASE_PARAM(smmuv3_set, stage_gen_params),
	KUNIT_CASE_PARAM(smmuv3_flush, stage_gen_params),
	KUNIT_CASE_PARAM(smmuv3_split, stage_gen_params),
	KUNIT_CASE_PARAM(smmuv3_read_only, stage_gen_params),
	{ }
};

static struct kunit_suite suite = {
	.name = "iommu-dirty-smmuv3",
	.init = smmuv3_test_init,
	.exit = smmuv3_test_exit,
	.test_cases = cases,
};

kunit_test_suite(suite);
