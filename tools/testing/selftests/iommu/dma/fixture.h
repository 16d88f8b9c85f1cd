/* SPDX-License-Identifier: GPL-2.0-only */
/* What every test starts from: a rig and one tested area, tracking off. */
#ifndef DMA_FIXTURE_H
#define DMA_FIXTURE_H

#include "expect.h"
#include "kselftest_harness.h"
#include "rig.h"

/* Beyond page 9999, and 160 bitmap words */
#define AREA_PAGES	10240
#define AREA_LEN	(AREA_PAGES * PAGE)

/* Under TCG with every debug option a test may be slow; it may not hang. */
#define SLOW		180

/* For how long, at most, threads that race go on until they have met */
#define PATIENCE_MS	60000

/*
 * A rig with an area at RIG_IOVA.  Each test runs three times: with small leaves
 * and with large ones, a page, and what an entry of the next level maps; and
 * with large ones that are split when they were reported.
 */
FIXTURE(dma)
{
	struct rig rig;
	uint64_t piece;
	uint8_t *mem;
};

FIXTURE_VARIANT(dma)
{
	bool large;
	enum oracle_split split;
};

FIXTURE_VARIANT_ADD(dma, small)
{
	.large = false,
};

FIXTURE_VARIANT_ADD(dma, large)
{
	.large = true,
};

FIXTURE_VARIANT_ADD(dma, split)
{
	.large = true,
	.split = ORACLE_LAZY,
};

FIXTURE_SETUP(dma)
{
	ASSERT_EQ(0, rig_open(&self->rig)) {
		TH_LOG("no e1000e behind an IOMMU that tracks");
	}
	self->piece = variant->large ? mem_large() : PAGE;
	self->mem = rig_map(&self->rig, RIG_IOVA, AREA_LEN, self->piece);
	ASSERT_NE(NULL, self->mem) {
		TH_LOG("not enough memory, or too few huge pages");
	}
	ASSERT_EQ(0, rig_split(&self->rig, variant->split)) {
		TH_LOG("the IOMMU cannot split leaves in use");
	}
}

FIXTURE_TEARDOWN(dma)
{
	rig_close(&self->rig);
	mem_free(self->mem, AREA_LEN, self->piece);
}

/* A rig alone, for tests that lay out their own areas of small leaves. */
FIXTURE(rig)
{
	struct rig rig;
};

FIXTURE_SETUP(rig)
{
	ASSERT_EQ(0, rig_open(&self->rig)) {
		TH_LOG("no e1000e behind an IOMMU that tracks");
	}
}

FIXTURE_TEARDOWN(rig)
{
	rig_close(&self->rig);
}

#endif /* DMA_FIXTURE_H */
