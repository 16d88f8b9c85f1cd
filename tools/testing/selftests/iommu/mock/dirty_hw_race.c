// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device that writes on and on, through its cache, while it is read
 *
 * The device numbers its writes and keeps for each page the number of the last
 * one. From that and the reports of all reads it follows, at any time:
 *
 *   lost      a page was written, the write was done before this read began,
 *             and no report since has it;
 *   invented  a page is reported, and no page of its leaf was written since the
 *             read before the last one that reported it began.
 *
 * A report covers the writes done before the flush, not only those before the
 * read: who was told to copy the page copies them too. A device that is
 * detached meanwhile has written nothing after that.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hw.h"
#include "kselftest_harness.h"

/* At least so many reads, and writes meanwhile; it must not take longer */
#define ROUNDS		60
#define WRITES		40000
#define TOO_LONG_S	60

/* Areas that come and go beside the one that is written */
#define BESIDE		(MOCK_START + HW_LENGTH)
#define BESIDE_LENGTH	(64 * MOCK_PAGE)

struct judge {
	struct hw *hw;
	uint32_t idev;
	unsigned int leaf_pages;
	uint32_t before[HW_PAGES];
	uint32_t after[HW_PAGES];
	/* Number of the last write that reports of this page cover */
	uint32_t covered[HW_PAGES];
	/* Number of the last write before the last read that reported it */
	uint32_t since[HW_PAGES];
	uint8_t bits[HW_PAGES / 8];
	unsigned int reported;
	uint32_t writes;
};

static bool is_reported(const struct judge *judge, unsigned int page)
{
	return judge->bits[page / 8] & 1 << page % 8;
}

/* Was a page of the leaf at @page written since it was reported last? */
static bool is_written(const struct judge *judge, unsigned int page)
{
	unsigned int first = page / judge->leaf_pages * judge->leaf_pages;
	unsigned int i;

	for (i = first; i < first + judge->leaf_pages; i++)
		if (judge->after[i] > judge->since[page])
			return true;
	return false;
}

/* Returns how many pages are lost or invented, or a negative errno. */
static int judge_check(struct judge *judge, uint32_t begin, uint32_t flushed)
{
	unsigned int wrong = 0, i;

	for (i = 0; i < HW_PAGES; i++) {
		if (!is_reported(judge, i))
			continue;
		judge->reported++;
		if (!is_written(judge, i) && !wrong++)
			printf("# page %u is invented\n", i);
		judge->covered[i] = flushed > begin ? flushed : begin;
	}
	/* Only now: what a leaf is judged by must stand still until then. */
	for (i = 0; i < HW_PAGES; i++) {
		if (is_reported(judge, i))
			judge->since[i] = begin;
		if (judge->before[i] > judge->covered[i] && !wrong++)
			printf("# write %u, of page %u, is lost\n",
			       judge->before[i], i);
	}
	return wrong;
}

/* One read of everything, which clears */
static int judge_round(struct judge *judge)
{
	struct hw *hw = judge->hw;
	uint32_t begin, flushed;
	int rc;

	rc = hw_log(hw->fd, judge->idev, judge->before, &begin, &flushed);
	if (!rc)
		rc = hw_get(hw, 0, judge->bits);
	if (!rc)
		rc = hw_log(hw->fd, judge->idev, judge->after,
			    &judge->writes, &flushed);
	return rc ? rc : judge_check(judge, begin, flushed);
}

/* What somebody else does meanwhile, over and over */
struct meanwhile {
	pthread_t thread;
	atomic_bool stop;
	struct hw *hw;
	uint32_t ioas;
	uint32_t stdev;
	unsigned int times;
	unsigned int seed;
	uint64_t leaves;
	int rc;
	int (*fn)(struct meanwhile *meanwhile);
};

static int map_and_unmap(struct meanwhile *meanwhile)
{
	struct hw *hw = meanwhile->hw;
	int rc = iommufd_map(hw->fd, hw->ioas, hw->mem, BESIDE, BESIDE_LENGTH);

	return rc ? rc : iommufd_unmap(hw->fd, hw->ioas, BESIDE, BESIDE_LENGTH);
}

static int come_and_go(struct meanwhile *meanwhile)
{
	struct hw *hw = meanwhile->hw;
	int rc = mock_replace(hw->fd, meanwhile->stdev, hw->hwpt);

	if (rc)
		return rc;
	usleep(2000);
	return mock_replace(hw->fd, meanwhile->stdev, meanwhile->ioas);
}

/* Split or join a part of it, whichever, in any mode */
static int reshape(struct meanwhile *meanwhile)
{
	struct hw *hw = meanwhile->hw;
	unsigned int page = rand_r(&meanwhile->seed) % HW_PAGES;
	uint64_t iova = MOCK_START + page * MOCK_PAGE;
	uint64_t length = MOCK_START + HW_LENGTH - iova, leaves;
	uint32_t mode = rand_r(&meanwhile->seed) % 3;
	int rc;

	if (rand_r(&meanwhile->seed) % 2) {
		iova = MOCK_START;
		length = HW_LENGTH;
	}
	rc = iommufd_set_split_mode(hw->fd, hw->hwpt, mode);
	if (rc)
		return rc;
	if (rand_r(&meanwhile->seed) % 2)
		rc = iommufd_split(hw->fd, hw->hwpt, iova, length, &leaves);
	else
		rc = iommufd_join(hw->fd, hw->hwpt, iova, length, &leaves);
	meanwhile->leaves += leaves;
	return rc;
}

static void *meanwhile_thread(void *arg)
{
	struct meanwhile *meanwhile = arg;

	while (!meanwhile->stop && !meanwhile->rc) {
		meanwhile->rc = meanwhile->fn(meanwhile);
		meanwhile->times++;
	}
	return NULL;
}

static int meanwhile_end(struct meanwhile *meanwhile)
{
	meanwhile->stop = true;
	pthread_join(meanwhile->thread, NULL);
	return meanwhile->rc;
}

FIXTURE(race)
{
	struct hw hw;
	struct judge judge;
	struct meanwhile meanwhile;
	uint64_t seed;
};

FIXTURE_VARIANT(race)
{
	uint32_t dev_flags;
	uint64_t size;
};

FIXTURE_VARIANT_ADD(race, page) { 0, MOCK_PAGE };
FIXTURE_VARIANT_ADD(race, level2) { 0, MIB(1) };
FIXTURE_VARIANT_ADD(race, replicated_8k) {
	MOCK_DIRTY_DEVICE_REPLICATED, 4 * MOCK_PAGE,
};

FIXTURE_VARIANT_ADD(race, replicated_4m) {
	MOCK_DIRTY_DEVICE_REPLICATED, MIB(4),
};

FIXTURE_SETUP(race)
{
	struct hw *hw = &self->hw;

	ASSERT_EQ(0, hw_open(hw, variant->dev_flags | MOCK_DIRTY_DEVICE_SPLIT,
			     variant->size));
	ASSERT_EQ(0, iommufd_set_split_mode(hw->fd, hw->hwpt,
					    IOMMU_HWPT_DIRTY_SPLIT_OFF));
	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, true));
	self->judge.hw = hw;
	self->judge.idev = hw->idev;
	self->judge.leaf_pages = variant->size / MOCK_PAGE;
	self->meanwhile.hw = hw;
	self->seed = hw_seed();
}

FIXTURE_TEARDOWN(race)
{
	EXPECT_EQ(0, hw_close(&self->hw));
}

/* Rounds while the device writes, one when it has stopped, and one for luck */
static int rounds(struct judge *judge)
{
	struct hw *hw = judge->hw;
	time_t end = time(NULL) + TOO_LONG_S;
	int i, rc;

	for (i = 0; i < ROUNDS || judge->writes < WRITES; i++) {
		if (time(NULL) > end)
			return -ETIME;
		rc = judge_round(judge);
		if (rc)
			return rc;
		rc = hw_get(hw, NO_CLEAR, judge->bits);
		if (rc)
			return rc;
	}
	rc = hw_stop(hw->fd, judge->idev);
	if (!rc)
		rc = judge_round(judge);
	return rc ? rc : judge_round(judge);
}

TEST_F_TIMEOUT(race, writes, 120)
{
	struct hw *hw = &self->hw;

	self->meanwhile.fn = map_and_unmap;
	ASSERT_EQ(0, pthread_create(&self->meanwhile.thread, NULL,
				    meanwhile_thread, &self->meanwhile));
	ASSERT_EQ(0, hw_run(hw->fd, hw->idev, MOCK_START, HW_LENGTH,
			    self->seed));
	EXPECT_EQ(0, rounds(&self->judge));
	EXPECT_EQ(0, meanwhile_end(&self->meanwhile));
	EXPECT_TRUE(hw_only(self->judge.bits, 0, 0));
	/* All of it was worth something. */
	EXPECT_LT(ROUNDS, self->judge.reported);
	EXPECT_LT(0, self->meanwhile.times);
	EXPECT_LT(0, hw_count(hw, hits));
}

/* Leaves are split and joined under the device, and under the reads. */
TEST_F_TIMEOUT(race, reshaped, 120)
{
	struct hw *hw = &self->hw;
	long tables;

	self->meanwhile.fn = reshape;
	self->meanwhile.seed = self->seed;
	tables = iommu_table_pages();
	ASSERT_LE(0, tables);
	ASSERT_EQ(0, pthread_create(&self->meanwhile.thread, NULL,
				    meanwhile_thread, &self->meanwhile));
	ASSERT_EQ(0, hw_run(hw->fd, hw->idev, MOCK_START, HW_LENGTH,
			    self->seed));
	EXPECT_EQ(0, rounds(&self->judge));
	EXPECT_EQ(0, meanwhile_end(&self->meanwhile));
	EXPECT_EQ(0, hw_get(hw, 0, self->judge.bits));
	EXPECT_TRUE(hw_only(self->judge.bits, 0, 0));
	EXPECT_LT(ROUNDS, self->judge.reported);
	if (variant->size > MOCK_PAGE)
		EXPECT_LT(ROUNDS, self->meanwhile.leaves);
	ASSERT_EQ(0, iommufd_set_dirty(hw->fd, hw->hwpt, false));
	EXPECT_EQ(tables, iommu_table_pages());
}

/* A second device is attached and detached, and writes when it can. */
TEST_F_TIMEOUT(race, comes_and_goes, 120)
{
	struct hw *hw = &self->hw;

	ASSERT_EQ(0, iommufd_ioas_alloc(hw->fd, &self->meanwhile.ioas));
	ASSERT_EQ(0, mock_add_device(hw->fd, hw->hwpt, 0,
				     &self->meanwhile.stdev,
				     &self->judge.idev));
	self->meanwhile.fn = come_and_go;
	ASSERT_EQ(0, hw_run(hw->fd, self->judge.idev, MOCK_START, HW_LENGTH,
			    self->seed));
	ASSERT_EQ(0, pthread_create(&self->meanwhile.thread, NULL,
				    meanwhile_thread, &self->meanwhile));
	EXPECT_EQ(0, rounds(&self->judge));
	EXPECT_EQ(0, meanwhile_end(&self->meanwhile));
	EXPECT_TRUE(hw_only(self->judge.bits, 0, 0));
	EXPECT_LT(ROUNDS, self->judge.reported);
	EXPECT_LT(1, self->meanwhile.times);
}

TEST_HARNESS_MAIN
