// SPDX-License-Identifier: GPL-2.0-only
/*
 * Blocks of contiguous memory, of every power of two from two pages on.
 *
 * An AMD IOMMU maps each by one leaf, whose entry is repeated in several words
 * of the table, and hardware marks the word that it happened to use: the leaf
 * is dirty if any is, and clean when all are.  For the others a block is many
 * small leaves next to one another.  The rig knows which, so that the same tests
 * say on each machine which pages one write dirties.
 */

#define ORDERS		10
#define CHUNK		(2 * STRIP)
#define BLOCKS		3
#define BLOCK_SIZE(order)	(PAGE << (order))
#define BLOCKS_LEN	((ORDERS + 1) * 4 * CHUNK)

/*
 * A rig with three blocks of each size, next to one another, all of the same
 * memory.
 */
FIXTURE(block)
{
	struct rig rig;
	uint8_t *mem;
};

FIXTURE_VARIANT(block)
{
	enum oracle_split split;
};

FIXTURE_VARIANT_ADD(block, whole)
{
	.split = ORACLE_HUGE,
};

FIXTURE_VARIANT_ADD(block, split)
{
	.split = ORACLE_LAZY,
};

/* Block @nr of an order */
static uint64_t block_at(unsigned int order, unsigned int nr)
{
	return RIG_IOVA + order * 4 * CHUNK + nr * BLOCK_SIZE(order);
}

FIXTURE_SETUP(block)
{
	struct rig *r = &self->rig;
	unsigned int order, nr;

	MUST(rig_open(r));
	self->mem = mem_alloc_contiguous(CHUNK);
	ASSERT_NE(NULL, self->mem) {
		TH_LOG("no huge pages that are neighbours");
	}
	for (order = 1; order <= ORDERS; order++)
		for (nr = 0; nr < BLOCKS; nr++)
			MUST(rig_map_at(r, self->mem, block_at(order, nr),
					BLOCK_SIZE(order), BLOCK_SIZE(order)));
	ASSERT_EQ(0, rig_split(r, variant->split)) {
		TH_LOG("the IOMMU cannot split leaves in use");
	}
}

FIXTURE_TEARDOWN(block)
{
	rig_close(&self->rig);
	mem_free(self->mem, CHUNK, CHUNK);
}

/* How many pages of three blocks does the kernel say are dirty? */
static int count_dirty(struct rig *r, unsigned int order, uint64_t *dirty)
{
	const uint64_t pages = (uint64_t)BLOCKS << order;
	uint8_t map[(BLOCKS << ORDERS) / 8] = { 0 };
	uint64_t i;
	int rc;

	rc = iommufd_get_dirty(r->fd, r->hwpt, NO_CLEAR, block_at(order, 0),
			       pages * PAGE, PAGE, map);
	for (*dirty = 0, i = 0; i < pages; i++)
		*dirty += map[i / 8] >> i % 8 & 1;
	return rc;
}

/*
 * Promises 1, 8, 9: a few bytes in the first, the last or the middle page dirty
 * the leaf, that is the block on AMD and nothing but the page elsewhere.
 */
TEST_F_TIMEOUT(block, any_page_dirties_its_leaf, SLOW)
{
	struct rig *r = &self->rig;
	unsigned int order, i;
	uint64_t dirty;

	MUST(rig_set(r, true));
	for (order = 1; order <= ORDERS; order++) {
		const uint64_t pages = 1ULL << order;
		const uint64_t page[] = { 0, pages - 1, pages / 2 };
		uint64_t leaf = rig_leaf(r, block_at(order, 1),
					 BLOCK_SIZE(order));

		for (i = 0; i < ARRAY_SIZE(page); i++) {
			MUST(rig_write(r, block_at(order, 1) + page[i] * PAGE +
				       i, 60));
			MUST(count_dirty(r, order, &dirty));
			/* Once split, the oracle knows how finely. */
			EXPECT_TRUE(dirty == leaf / PAGE ||
				    (i && variant->split)) {
				TH_LOG("order %u, page %u: %llu", order,
				       (unsigned int)page[i],
				       (unsigned long long)dirty);
			}
			OK(rig_get(r, RIG_IOVA, BLOCKS_LEN));
			OK(rig_get(r, RIG_IOVA, BLOCKS_LEN));
		}
	}
}

/*
 * Promise 1: a leaf that was reported is reported again when it is written
 * again, to the same page or through another word of its entry.
 */
TEST_F_TIMEOUT(block, written_again_after_get, SLOW)
{
	struct rig *r = &self->rig;
	unsigned int order, round;

	MUST(rig_set(r, true));
	for (round = 0; round < 12; round++) {
		for (order = 1; order <= ORDERS; order++) {
			uint64_t page = round / 2 * 7 % (1U << order);

			MUST(rig_write(r, block_at(order, 1) + page * PAGE,
				       60));
		}
		OK(rig_get(r, RIG_IOVA, BLOCKS_LEN));
	}
	OK(rig_get(r, RIG_IOVA, BLOCKS_LEN));
}

/* Promise 8: one half, the other, the whole: reported all three times. */
TEST_F_TIMEOUT(block, halves, SLOW)
{
	struct rig *r = &self->rig;
	unsigned int order, round;

	MUST(rig_set(r, true));
	for (order = 1; order <= ORDERS; order++) {
		const uint64_t size = BLOCK_SIZE(order), half = size / 2;
		const uint64_t iova = block_at(order, 1);

		for (round = 0; round < 4; round++) {
			MUST(rig_write(r, iova + round * (size / 4), 60));
			OK(rig_get(r, iova, half));
			OK(rig_get(r, iova + half, half));
			OK(rig_get(r, iova, size));
			OK(rig_get(r, iova, size));
		}
		/* From the middle of one to the middle of the next but one */
		MUST(rig_write_pages(r, iova - size, size, BLOCKS));
		OK(rig_get(r, iova - half, 2 * size));
		OK(rig_get(r, RIG_IOVA, BLOCKS_LEN));
		OK(rig_get(r, RIG_IOVA, BLOCKS_LEN));
	}
}

/* Promise 8: its pages one by one, reported each time anew. */
TEST_F_TIMEOUT(block, single_pages, SLOW)
{
	struct rig *r = &self->rig;
	unsigned int order, i;

	MUST(rig_set(r, true));
	for (order = 1; order <= ORDERS; order++) {
		const uint64_t pages = 1ULL << order;

		MUST(rig_write(r, block_at(order, 1) + pages / 3 * PAGE, 60));
		for (i = 0; i < pages; i += 1 + pages / 9)
			OK(rig_get(r, block_at(order, 1) + i * PAGE, PAGE));
		OK(rig_get(r, block_at(order, 1) + (pages - 1) * PAGE, PAGE));
		OK(rig_get(r, RIG_IOVA, BLOCKS_LEN));
		OK(rig_get(r, RIG_IOVA, BLOCKS_LEN));
	}
}

/* Promise 7: NO_CLEAR reports the block or a part of it and changes nothing. */
TEST_F_TIMEOUT(block, no_clear, SLOW)
{
	struct rig *r = &self->rig;
	struct oracle *o = &r->oracle;
	unsigned int order, round;

	MUST(rig_set(r, true));
	for (round = 0; round < 2; round++) {
		for (order = 1; order <= ORDERS; order++) {
			const uint64_t size = BLOCK_SIZE(order);
			const uint64_t iova = block_at(order, 1);

			MUST(rig_write(r, iova + round * (size / 2), 60));
			OK(oracle_get(o, iova, size / 2, PAGE, NO_CLEAR));
			OK(oracle_get(o, iova, size, PAGE, NO_CLEAR));
		}
		OK(oracle_get(o, RIG_IOVA, BLOCKS_LEN, PAGE, NO_CLEAR));
		OK(rig_get(r, RIG_IOVA, BLOCKS_LEN));
		OK(oracle_get(o, RIG_IOVA, BLOCKS_LEN, PAGE, NO_CLEAR));
	}
}

/* Promise 8: two devices mark two words of an entry, and both are cleared. */
TEST_F_TIMEOUT(block, marked_by_two_devices, SLOW)
{
	struct rig *r = &self->rig;
	unsigned int order;

	MUST(rig_add_edu(r, 0));
	MUST(rig_set(r, true));
	for (order = 1; order <= ORDERS; order++) {
		const uint64_t size = BLOCK_SIZE(order);
		const uint64_t iova = block_at(order, 1);

		MUST(rig_write(r, iova, 60));
		MUST(rig_edu_write(r, 0, iova + size - 8, 8));
		OK(rig_get(r, iova, size / 2));
		OK(rig_get(r, RIG_IOVA, BLOCKS_LEN));
		OK(rig_get(r, RIG_IOVA, BLOCKS_LEN));
		MUST(rig_edu_write(r, 0, iova + size - 8, 8));
		OK(rig_get(r, RIG_IOVA, BLOCKS_LEN));
		MUST(rig_write(r, iova, 60));
		OK(rig_get(r, RIG_IOVA, BLOCKS_LEN));
	}
}

/*
 * Promise 8: a leaf in several windows is cleared in the last.  With bits this
 * small a window is half the largest block, an eighth of that, or less.
 */
TEST_F_TIMEOUT(block, windows_cut_a_block, SLOW)
{
	const uint64_t bits = 8 * PAGE;
	struct rig *r = &self->rig;
	struct oracle *o = &r->oracle;
	unsigned int order, shift;

	MUST(rig_set(r, true));
	for (shift = 1; shift <= 4; shift += 3) {
		const uint64_t size = (CHUNK >> shift) / bits;

		for (order = ORDERS - 3; order <= ORDERS; order++) {
			const uint64_t block = BLOCK_SIZE(order);
			const uint64_t iova = block_at(order, 0);

			MUST(rig_write_pages(r, iova + block / 3, block, 3));
			OK(oracle_get(o, iova, 3 * block, size, NO_CLEAR));
			/* Begins and ends in the middle of a block */
			OK(oracle_get(o, iova + block / 2, 2 * block, size, 0));
			OK(oracle_get(o, iova, 3 * block, size, 0));
			MUST(rig_write(r, iova + 2 * block - 64, 60));
			OK(oracle_get(o, iova, 3 * block, size, 0));
			OK(rig_get(r, RIG_IOVA, BLOCKS_LEN));
		}
	}
}

/* Write to a page of each leaf there is, then ask for all and for parts. */
static void expect_run_tracked(struct __test_metadata *_metadata,
			       struct rig *r, uint64_t iova, uint64_t length)
{
	const uint64_t pages = length / PAGE;
	unsigned int round;

	for (round = 0; round < 8; round++) {
		uint64_t seed = 0xb10c + round;
		uint64_t first = rnd(&seed) % pages;
		uint64_t nr = 1 + rnd(&seed) % (pages - first);
		uint64_t page;

		/* Doubling meets each leaf of a run that doubles. */
		for (page = 0; page < pages; page += 1 + page) {
			MUST(rig_write(r, iova + page * PAGE, 60));
			MUST(rig_write(r, iova + length - (page + 1) * PAGE,
				       60));
		}
		OK(rig_get(r, iova + first * PAGE, nr * PAGE));
		OK(rig_get(r, iova, length));
		OK(rig_get(r, iova, length));
		/* One of them alone: its neighbours stay clean. */
		MUST(rig_write(r, iova + first * PAGE, 60));
		OK(rig_get(r, iova, length));
	}
}

/* Promises 8, 9: blocks of all sizes in a row, each a mapping of its own. */
TEST_F_TIMEOUT(block, mixed_sizes_in_a_row, SLOW)
{
	const uint64_t base = RIG_IOVA + BLOCKS_LEN;
	struct rig *r = &self->rig;
	uint64_t at = 0, size;

	/* One page, and then as large as what is there, up to half of it ... */
	MUST(rig_map_at(r, self->mem, base, PAGE, CHUNK));
	for (at = PAGE; at < CHUNK; at *= 2)
		MUST(rig_map_at(r, self->mem + at, base + at, at, CHUNK));
	/* ... and down again. */
	for (size = CHUNK / 2; size >= PAGE; size /= 2, at += size * 2)
		MUST(rig_map_at(r, self->mem + at - CHUNK, base + at, size,
				CHUNK));
	MUST(rig_set(r, true));
	expect_run_tracked(_metadata, r, base, at);
}

/* Promises 8, 9: the same sizes, by one mapping that is not aligned. */
TEST_F_TIMEOUT(block, mixed_sizes_of_one_mapping, SLOW)
{
	const uint64_t base = RIG_IOVA + BLOCKS_LEN + PAGE;
	const uint64_t length = CHUNK - 2 * PAGE;
	struct rig *r = &self->rig;

	MUST(rig_map_at(r, self->mem + PAGE, base, length, CHUNK));
	MUST(rig_set(r, true));
	expect_run_tracked(_metadata, r, base, length);
}

/* Promise 9: a block that comes where small pages were, and back. */
TEST_F_TIMEOUT(block, remapped, SLOW)
{
	const uint64_t base = RIG_IOVA + BLOCKS_LEN;
	struct rig *r = &self->rig;
	unsigned int order;
	uint64_t page;

	MUST(rig_set(r, true));
	for (order = 1; order <= ORDERS; order += 3) {
		const uint64_t size = BLOCK_SIZE(order);

		for (page = 0; page < 2; page++)
			MUST(rig_map_at(r, self->mem, base + page * PAGE, PAGE,
					PAGE));
		MUST(rig_write_pages(r, base, PAGE, 2));
		for (page = 0; page < 2; page++)
			MUST(rig_unmap(r, base + page * PAGE, PAGE));
		MUST(rig_map_at(r, self->mem, base, size, size));
		OK(rig_get(r, RIG_IOVA, BLOCKS_LEN + size));
		MUST(rig_write(r, base + size - 60, 60));
		OK(rig_get(r, RIG_IOVA, BLOCKS_LEN + size));
		MUST(rig_write(r, base, 60));
		MUST(rig_unmap(r, base, size));
		OK(rig_get(r, RIG_IOVA, BLOCKS_LEN + size));
	}
}
