// SPDX-License-Identifier: GPL-2.0-only
/*
 * Trace events, where leaves are split and joined.  The others, and errors, are
 * seen on the mock: ../mock/dirty_trace.c.
 */
#include "text.h"
#include "trace.h"

/* A duration: some time, not none */
#define NS		"ns=[1-9]*"

/* In no mapping of the fixture */
#define FAR_IOVA	(RIG_IOVA + 0x1000000000ULL)

#define MAX_MB		"/sys/module/iommufd/parameters/dirty_split_max_mb"

static int set_max_mb(unsigned int mb)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", mb);
	return text_write(MAX_MB, text);
}

FIXTURE(trace)
{
	struct rig rig;
	uint8_t *mem;
};

FIXTURE_SETUP(trace)
{
	MUST(rig_open(&self->rig));
	self->mem = rig_map(&self->rig, RIG_IOVA, SPLIT_LEN, mem_large());
	ASSERT_NE(NULL, self->mem) {
		TH_LOG("too few huge pages");
	}
	ASSERT_EQ(0, trace_enable(true)) {
		TH_LOG("no events iommu_dirty:* (CONFIG_FTRACE, tracefs)");
	}
}

FIXTURE_TEARDOWN(trace)
{
	OK(trace_enable(false));
	OK(set_max_mb(0));
	rig_close(&self->rig);
	mem_free(self->mem, SPLIT_LEN, mem_large());
}

/* A read splits what it reports; switching off joins it. */
TEST_F(trace, lazy)
{
	struct rig *r = &self->rig;

	MUST(rig_split(r, ORACLE_LAZY));
	MUST(rig_set(r, true));
	MUST(rig_write_pages(r, RIG_IOVA + 7 * PAGE, LEAF, 3));
	EXPECT_EQ(3 * LEAF_PAGES, count_get(r));
	EXPECT_EQ(1, trace_count("iommu_dirty_split",
				 "hwpt=%u iova=0x%llx last=0x%llx how=lazy leaves=3 tables=3 ns=0 rc=0",
				 r->hwpt, RIG_IOVA,
				 (unsigned long long)(RIG_IOVA + SPLIT_LEN - 1)));
	EXPECT_EQ(1, trace_count("iommu_dirty_read",
				 "hwpt=%u iova=0x%llx last=0x%llx page_size=%llu flags= pages=%llu windows=* "
				 NS " rc=0", r->hwpt, RIG_IOVA,
				 (unsigned long long)(RIG_IOVA + SPLIT_LEN - 1),
				 (unsigned long long)PAGE,
				 (unsigned long long)(3 * LEAF_PAGES)));
	MUST(rig_write_pages(r, RIG_IOVA + 9 * PAGE, LEAF, 3));
	EXPECT_EQ(3, count_get(r));
	EXPECT_EQ(1, trace_count("iommu_dirty_read", "* pages=3 *"));
	EXPECT_EQ(1, trace_count("iommu_dirty_split", "*"));
	MUST(rig_set(r, false));
	EXPECT_EQ(1, trace_count("iommu_dirty_join",
				 "hwpt=%u iova=0x0 last=0x*f how=off leaves=3 tables=0 "
				 NS " rc=0", r->hwpt));
	EXPECT_EQ(0, trace_count("iommu_dirty_error", "*"));
}

TEST_F(trace, eager)
{
	struct rig *r = &self->rig;

	MUST(rig_split(r, ORACLE_EAGER));
	MUST(rig_set(r, true));
	EXPECT_EQ(1, trace_count("iommu_dirty_split",
				 "hwpt=%u iova=0x0 last=0x*f how=eager leaves=%d tables=%d "
				 NS " rc=0", r->hwpt, SPLIT_LEAVES,
				 SPLIT_LEAVES));
	EXPECT_EQ(1, trace_count("iommu_dirty_set",
				 "hwpt=%u enable=1 " NS " rc=0", r->hwpt));
}

TEST_F(trace, by_range)
{
	struct rig *r = &self->rig;
	uint64_t leaves;

	MUST(iommufd_split(r->fd, r->hwpt, RIG_IOVA + LEAF, 2 * LEAF, &leaves));
	EXPECT_EQ(2, leaves);
	EXPECT_EQ(1, trace_count("iommu_dirty_split",
				 "hwpt=%u iova=0x%llx last=0x%llx how=range leaves=2 tables=2 "
				 NS " rc=0", r->hwpt,
				 (unsigned long long)(RIG_IOVA + LEAF),
				 (unsigned long long)(RIG_IOVA + 3 * LEAF - 1)));
	MUST(iommufd_join(r->fd, r->hwpt, RIG_IOVA, 2 * LEAF, &leaves));
	EXPECT_EQ(1, leaves);
	EXPECT_EQ(1, trace_count("iommu_dirty_join",
				 "hwpt=%u iova=0x%llx last=0x%llx how=range leaves=1 tables=1 "
				 NS " rc=0", r->hwpt, RIG_IOVA,
				 (unsigned long long)(RIG_IOVA + 2 * LEAF - 1)));
}

/* What goes with a report, leaf by leaf */
TEST_F(trace, unmap)
{
	uint64_t length = SPLIT_LEN;
	uint8_t map[SPLIT_BYTES] = { 0 };
	struct rig *r = &self->rig;

	MUST(rig_set(r, true));
	MUST(rig_write_pages(r, RIG_IOVA + 7 * PAGE, LEAF, 3));
	MUST(iommufd_unmap_dirty(r->fd, r->ioas, RIG_IOVA, &length, PAGE, map));
	EXPECT_EQ(SPLIT_LEN, length);
	EXPECT_EQ(1, trace_count("iommu_dirty_unmap",
				 "ioas=%u iova=0x%llx last=0x%llx page_size=%llu pages=%llu unmapped=%llu "
				 NS " rc=0", r->ioas, RIG_IOVA,
				 (unsigned long long)(RIG_IOVA + SPLIT_LEN - 1),
				 (unsigned long long)PAGE,
				 (unsigned long long)(3 * LEAF_PAGES),
				 (unsigned long long)SPLIT_LEN));
}

/*
 * Leaves that it takes tables of a MiB to split, a page each, and SPLIT_LEAVES
 * more
 */
static uint64_t map_beyond_limit(struct rig *r, uint8_t *mem, bool map)
{
	const uint64_t leaves = (1 << 20) / PAGE + SPLIT_LEAVES;
	uint64_t iova, end = FAR_IOVA + leaves * LEAF;

	for (iova = FAR_IOVA; iova < end; iova += SPLIT_LEN)
		if (map ? rig_map_at(r, mem, iova, SPLIT_LEN, mem_large()) :
			  rig_unmap(r, iova, SPLIT_LEN))
			return 0;
	return end - FAR_IOVA;
}

/*
 * As many tables as the limit allows, and no more, which is said.  Those that
 * went with what they mapped do not count the next time.
 */
TEST_F(trace, limit)
{
	const unsigned int tables = (1 << 20) / PAGE;
	struct rig *r = &self->rig;
	unsigned int round;
	uint64_t length, leaves;
	int rc;

	MUST(set_max_mb(1));
	for (round = 1; round < 4; round++) {
		length = map_beyond_limit(r, self->mem, true);
		leaves = 0;
		rc = iommufd_split(r->fd, r->hwpt, FAR_IOVA, length, &leaves);
		OK(rc);
		EXPECT_EQ(tables, leaves);
		EXPECT_EQ(round, trace_count("iommu_dirty_split",
					     "* how=range leaves=%u tables=%u "
					     NS " rc=0", tables, tables));
		EXPECT_LE(round, trace_count("iommu_dirty_error",
					     "hwpt=%u what=split iova=0x* rc=%d",
					     r->hwpt, -ENOSPC));
		EXPECT_EQ(length, map_beyond_limit(r, self->mem, false));
		OK(rig_set(r, true));
		OK(rig_set(r, false));
	}
}
