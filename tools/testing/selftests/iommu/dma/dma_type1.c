// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty tracking through VFIO's container, /dev/vfio/vfio, where iommufd provides
 * that (CONFIG_IOMMUFD_VFIO_CONTAINER).
 *
 * The same devices, and the same oracle, as in dma_dirty.c: none lost, none
 * invented; and all of it reported where somebody writes who cannot be tracked,
 * which is an access of iommufd's own tests (CONFIG_IOMMUFD_TEST).
 *
 * The tests need an e1000e and two edu devices of QEMU's behind an IOMMU with
 * Dirty bits; nothing else may use them.  They need huge pages, and to be root.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "burst.h"
#include "fixture.h"
#include "iommufd_test.h"
#include "type1.h"

/* The tested area; large leaves are 20 strips. */
#define T1_IOVA		RIG_IOVA
#define T1_LEN		AREA_LEN

/* A bitmap in whole words, and a word behind it that must stay as it is */
struct t1_bitmap {
	uint64_t *bits;
	size_t words;
};

static bool t1_bitmap_alloc(struct t1_bitmap *b, uint64_t length)
{
	b->words = (length / PAGE + 63) / 64;
	b->bits = calloc(b->words + 1, sizeof(*b->bits));
	return b->bits;
}

static long t1_bitmap_weight(const struct t1_bitmap *b)
{
	long weight = 0;
	size_t i;

	for (i = 0; i < b->words; i++)
		weight += __builtin_popcountll(b->bits[i]);
	return weight;
}

static int t1_bitmap_free(struct t1_bitmap *b)
{
	bool stray = b->bits[b->words];

	free(b->bits);
	if (stray)
		printf("# the word behind the bitmap has changed\n");
	return stray;
}

/* What the oracle says of a report of a range, bit by bit */
static int t1_compare(struct rig *r, const struct t1_bitmap *b, uint64_t iova,
		      uint64_t length)
{
	struct oracle_req req = {
		.iova = iova,
		.length = length,
		.page_size = PAGE,
	};

	return oracle_compare(&r->oracle, &req, (uint8_t *)b->bits);
}

/* Map memory in the container, and tell the oracle. */
static void *t1_map(struct rig *r, uint64_t iova, uint64_t length,
		    uint64_t piece)
{
	void *mem = mem_alloc(length, piece);

	if (mem && (type1_map(r->fd, mem, iova, length) ||
		    rig_expect_map(r, &r->oracle, iova, length, piece))) {
		mem_free(mem, length, piece);
		return NULL;
	}
	return mem;
}

/* START or STOP, and tell the oracle. */
static int t1_log(struct rig *r, bool on)
{
	int rc = type1_log(r->fd, on);

	if (!rc)
		oracle_switched(&r->oracle, on);
	return rc;
}

/* GET_BITMAP, and compare every bit. */
static int t1_get(struct rig *r, uint64_t iova, uint64_t length)
{
	struct type1_get get;
	struct t1_bitmap b;
	int rc;

	if (!t1_bitmap_alloc(&b, length))
		return -ENOMEM;
	type1_get_init(&get, iova, length, PAGE, b.bits);
	rc = type1_get(r->fd, &get);
	if (!rc) {
		rc = t1_compare(r, &b, iova, length);
		oracle_covered(&r->oracle, iova, length);
	}
	return t1_bitmap_free(&b) ? -EFBIG : rc;
}

/* How many pages GET_BITMAP reports, without asking the oracle */
static long t1_count(struct rig *r, uint64_t iova, uint64_t length)
{
	struct type1_get get;
	struct t1_bitmap b;
	long count;

	if (!t1_bitmap_alloc(&b, length))
		return -ENOMEM;
	type1_get_init(&get, iova, length, PAGE, b.bits);
	count = type1_get(r->fd, &get);
	if (!count)
		count = t1_bitmap_weight(&b);
	return t1_bitmap_free(&b) ? -EFBIG : count;
}

/* A container with a device, and one tested area; logging is off. */
FIXTURE(type1)
{
	struct rig rig;
	uint64_t piece;
	uint8_t *mem;
};

FIXTURE_VARIANT(type1)
{
	bool large;
};

FIXTURE_VARIANT_ADD(type1, small)
{
	.large = false,
};

FIXTURE_VARIANT_ADD(type1, large)
{
	.large = true,
};

FIXTURE_SETUP(type1)
{
	ASSERT_EQ(0, rig_open_container(&self->rig));
	ASSERT_EQ(0, rig_add_nic(&self->rig)) {
		TH_LOG("no e1000e behind an IOMMU");
	}
	self->piece = variant->large ? mem_large() : PAGE;
	self->mem = t1_map(&self->rig, T1_IOVA, T1_LEN, self->piece);
	ASSERT_NE(NULL, self->mem) {
		TH_LOG("not enough memory, or too few huge pages");
	}
}

FIXTURE_TEARDOWN(type1)
{
	rig_close(&self->rig);
	mem_free(self->mem, T1_LEN, self->piece);
}

/* A container with an address space, and nothing in it yet */
FIXTURE(container)
{
	struct rig rig;
};

FIXTURE_SETUP(container)
{
	ASSERT_EQ(0, rig_open_container(&self->rig));
}

FIXTURE_TEARDOWN(container)
{
	rig_close(&self->rig);
}

#include "test_type1_args.c"
#include "test_type1_log.c"
#include "test_type1_untracked.c"
#include "test_type1_unmap.c"

TEST_HARNESS_MAIN
