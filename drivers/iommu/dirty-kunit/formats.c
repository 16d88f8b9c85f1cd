// SPDX-License-Identifier: GPL-2.0-only
/*
 * The formats, word for word
 *
 * Words and what they mean are written down here as the specifications have
 * them: Intel VT-d 4.1, 9.8; AMD 48882, 2.2.3; Arm DDI 0487, D8.3 and D8.5.
 * Nothing is taken from the headers under test.
 *
 * On arm64, phys_to_virt() drops the bits of a physical address above those
 * that a kernel can have. x86 keeps them, and there all 52 are compared.
 */
#include <kunit/test.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/prandom.h>

#include "../iommu-dirty-walk.h"
#include "table.h"

static const struct iommu_dirty_fmt *fmt_of(unsigned int format)
{
	return dirty_formats[format].fmt;
}

enum nature { ABSENT, POINTER, CLEAN, DIRTY };

/* A word of a table of some level, and what it is */
struct word {
	u64 word;
	unsigned int level;
	enum nature is;
	union {
		u64 clean;	/* of a dirty leaf, what clearing makes of it */
		u64 address;	/* of a pointer, where to */
	};
};

static void expect_words(struct kunit *test, unsigned int format,
			 const struct word *words, unsigned int nr)
{
	const struct iommu_dirty_fmt *fmt = fmt_of(format);

	for (; nr--; words++) {
		bool present = __iommu_dirty_present(fmt, words->word);
		u64 entry = words->word;

		KUNIT_EXPECT_EQ_MSG(test, present, words->is != ABSENT,
				    "word %#llx", entry);
		if (words->is == ABSENT)
			continue;
		if (words->level > 1)
			KUNIT_EXPECT_EQ_MSG(test, __iommu_dirty_leaf(fmt, entry),
					    words->is != POINTER,
					    "word %#llx", entry);
		if (words->is == POINTER) {
			KUNIT_EXPECT_PTR_EQ_MSG(test, (void *)fmt->table(entry),
						phys_to_virt(words->address),
						"word %#llx", entry);
			continue;
		}
		KUNIT_EXPECT_EQ_MSG(test, !!__iommu_dirty_test(fmt, entry),
				    words->is == DIRTY, "word %#llx", entry);
		if (words->is == CLEAN)
			continue;
		KUNIT_EXPECT_EQ(test, __iommu_dirty_clean(fmt, entry),
				words->clean);
		__iommu_dirty_clear(fmt, &entry, words->level);
		KUNIT_EXPECT_EQ(test, entry, words->clean);
	}
}

static void vtdss_words(struct kunit *test)
{
	static const struct word words[] = {
		{ 0x0000000000000000, 1, ABSENT },
		/* All but R and W */
		{ 0xfffffffffffffffc, 1, ABSENT },
		{ 0xfffffffffffffffc, 4, ABSENT },
		/* 4 KiB: R, W, A, D, SNP, ignored bits, TM */
		{ 0x0000000123456003, 1, CLEAN },
		{ 0x0000000123456001, 1, CLEAN },
		{ 0x0000000123456103, 1, CLEAN },
		{ 0x0000000123456203, 1, DIRTY, { 0x0000000123456003 } },
		{ 0x0000000123456303, 1, DIRTY, { 0x0000000123456103 } },
		{ 0x000ffffffffff303, 1, DIRTY, { 0x000ffffffffff103 } },
		{ 0x7ff0000123456b03, 1, DIRTY, { 0x7ff0000123456903 } },
		{ 0xffffffffffffffff, 1, DIRTY, { 0xfffffffffffffdff } },
		/* 2 MiB, 1 GiB: page size too */
		{ 0x0000000140000083, 2, CLEAN },
		{ 0x0000000140000383, 2, DIRTY, { 0x0000000140000183 } },
		{ 0x000ffffffe000283, 2, DIRTY, { 0x000ffffffe000083 } },
		{ 0x0000000140000083, 3, CLEAN },
		{ 0x000fffffc0000b83, 3, DIRTY, { 0x000fffffc0000983 } },
		/* Tables. What would be D in a leaf means nothing. */
		{ 0x0000000012345003, 2, POINTER, { 0x0000000012345000 } },
		{ 0x0000000012345002, 2, POINTER, { 0x0000000012345000 } },
		{ 0x000ffffffffff001, 5, POINTER, { 0x000ffffffffff000 } },
		{ 0x0008000000000003, 4, POINTER, { 0x0008000000000000 } },
		{ 0xfff5555555555f7f, 3, POINTER, { 0x0005555555555000 } },
	};

	expect_words(test, DIRTY_VTDSS, words, ARRAY_SIZE(words));
}

static void amdv1_words(struct kunit *test)
{
	static const struct word words[] = {
		{ 0x0000000000000000, 1, ABSENT },
		/* All but PR */
		{ 0xfffffffffffffffe, 1, ABSENT },
		{ 0xfffffffffffffffe, 5, ABSENT },
		/* Next level 0: a leaf; PR, A, D, FC, IR, IW */
		{ 0x6000000123456001, 1, CLEAN },
		{ 0x7000000123456021, 1, CLEAN },
		{ 0x7000000123456041, 1, DIRTY, { 0x7000000123456001 } },
		{ 0x7000000123456061, 1, DIRTY, { 0x7000000123456021 } },
		{ 0x600ffffffffff061, 1, DIRTY, { 0x600ffffffffff021 } },
		{ 0x7000000140000061, 2, DIRTY, { 0x7000000140000021 } },
		{ 0x7000000140000021, 3, CLEAN },
		{ 0x7008000000000061, 4, DIRTY, { 0x7008000000000021 } },
		{ 0xf1fffffffffff1ff, 6, DIRTY, { 0xf1fffffffffff1bf } },
		/* Next level 7: a leaf, its size in the address */
		{ 0x6000000123456e01, 1, CLEAN },
		{ 0x6000000123456e61, 1, DIRTY, { 0x6000000123456e21 } },
		{ 0x60000001401ffe61, 2, DIRTY, { 0x60000001401ffe21 } },
		{ 0x6003ffffffffee01, 5, CLEAN },
		/* Next level 1 to 6: a table */
		{ 0x6000000012345201, 2, POINTER, { 0x0000000012345000 } },
		{ 0x600fffffffffe401, 3, POINTER, { 0x000fffffffffe000 } },
		{ 0x6000000012345601, 4, POINTER, { 0x0000000012345000 } },
		{ 0x6008000000000801, 5, POINTER, { 0x0008000000000000 } },
		{ 0x6000000012345a01, 6, POINTER, { 0x0000000012345000 } },
		{ 0x6000000012345c01, 6, POINTER, { 0x0000000012345000 } },
		{ 0xfff55555555553ff, 2, POINTER, { 0x0005555555555000 } },
	};

	expect_words(test, DIRTY_AMDV1, words, ARRAY_SIZE(words));
}

/* 48882, "Example Page Size Encodings": words, level, log2 of the words */
static void amdv1_sizes(struct kunit *test)
{
	static const struct {
		u64 word;
		unsigned int level;
		unsigned int replicas;
		u64 size;
	} sizes[] = {
		{ 0x0000000000000001, 1, 0, 1ULL << 12 },
		{ 0x0000000000000e01, 1, 1, 1ULL << 13 },
		{ 0x0000000000001e01, 1, 2, 1ULL << 14 },
		{ 0x0000000000003e01, 1, 3, 1ULL << 15 },
		{ 0x0000000000007e01, 1, 4, 1ULL << 16 },
		{ 0x000000000000fe01, 1, 5, 1ULL << 17 },
		{ 0x000000000001fe01, 1, 6, 1ULL << 18 },
		{ 0x000000000003fe01, 1, 7, 1ULL << 19 },
		{ 0x000000000007fe01, 1, 8, 1ULL << 20 },
		{ 0x0000000000000001, 2, 0, 1ULL << 21 },
		{ 0x00000000000ffe01, 2, 0, 1ULL << 21 },
		{ 0x00000000001ffe01, 2, 1, 1ULL << 22 },
		{ 0x00000000003ffe01, 2, 2, 1ULL << 23 },
		{ 0x00000000007ffe01, 2, 3, 1ULL << 24 },
		{ 0x0000000000fffe01, 2, 4, 1ULL << 25 },
		{ 0x0000000001fffe01, 2, 5, 1ULL << 26 },
		{ 0x0000000003fffe01, 2, 6, 1ULL << 27 },
		{ 0x0000000007fffe01, 2, 7, 1ULL << 28 },
		{ 0x000000000ffffe01, 2, 8, 1ULL << 29 },
		{ 0x0000000000000001, 3, 0, 1ULL << 30 },
		{ 0x000000001ffffe01, 3, 0, 1ULL << 30 },
		{ 0x000000003ffffe01, 3, 1, 1ULL << 31 },
		{ 0x000000007ffffe01, 3, 2, 1ULL << 32 },
		{ 0x00000000fffffe01, 3, 3, 1ULL << 33 },
		{ 0x00000001fffffe01, 3, 4, 1ULL << 34 },
		{ 0x00000003fffffe01, 3, 5, 1ULL << 35 },
		{ 0x00000007fffffe01, 3, 6, 1ULL << 36 },
		{ 0x0000000ffffffe01, 3, 7, 1ULL << 37 },
		{ 0x0000001ffffffe01, 3, 8, 1ULL << 38 },
		{ 0x0000003ffffffe01, 4, 0, 1ULL << 39 },
		{ 0x0000007ffffffe01, 4, 1, 1ULL << 40 },
		{ 0x00003ffffffffe01, 4, 8, 1ULL << 47 },
		{ 0x00007ffffffffe01, 5, 0, 1ULL << 48 },
		{ 0x0000fffffffffe01, 5, 1, 1ULL << 49 },
		{ 0x0003fffffffffe01, 5, 3, 1ULL << 51 },
	};
	const struct iommu_dirty_fmt *fmt = fmt_of(DIRTY_AMDV1);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		/* A leaf of this size at the highest address but one */
		u64 address = (0x000ffffffffff000 & ~(sizes[i].size - 1)) ^
			      sizes[i].size;
		u64 low = sizes[i].word, high = low | address;
		unsigned int level = sizes[i].level;

		KUNIT_EXPECT_EQ_MSG(test,
				    __iommu_dirty_replicas(fmt, low, level),
				    sizes[i].replicas, "word %#llx", low);
		KUNIT_EXPECT_EQ_MSG(test,
				    __iommu_dirty_replicas(fmt, high, level),
				    sizes[i].replicas, "word %#llx", high);
		high |= 0xf000000000000060;
		KUNIT_EXPECT_EQ_MSG(test,
				    __iommu_dirty_replicas(fmt, high, level),
				    sizes[i].replicas, "word %#llx", high);
		KUNIT_EXPECT_EQ(test, BIT_ULL(__iommu_dirty_shift(fmt,
								  sizes[i].level) +
					      sizes[i].replicas),
				sizes[i].size);
	}
}

static void armv8_s1_words(struct kunit *test)
{
	static const struct word words[] = {
		{ 0x0000000000000000, 1, ABSENT },
		{ 0xfffffffffffffffe, 1, ABSENT },
		{ 0xfffffffffffffffe, 3, ABSENT },
		/* Type 0b11 at the last level: AF, SH, AP[1]; AP[2], DBM */
		{ 0x00080001234407c3, 1, CLEAN },
		{ 0x0008000123440743, 1, DIRTY, { 0x00080001234407c3 } },
		/* Read-only, and writable without being tracked: no DBM */
		{ 0x00000001234407c3, 1, CLEAN },
		{ 0x0000000123440743, 1, CLEAN },
		/* nG, GP, contiguous, PXN, UXN, software bits */
		{ 0xffffffffffff0fff, 1, CLEAN },
		{ 0xffffffffffff0f7f, 1, DIRTY, { 0xffffffffffff0fff } },
		{ 0x0018000123440743, 1, DIRTY, { 0x00180001234407c3 } },
		/* Type 0b01 above it */
		{ 0x0008000140000741, 2, DIRTY, { 0x00080001400007c1 } },
		{ 0x00080001400007c1, 2, CLEAN },
		{ 0x0018ffffc0000741, 3, DIRTY, { 0x0018ffffc00007c1 } },
	};
	unsigned int i;

	for (i = DIRTY_ARMV8_S1_4K; i <= DIRTY_ARMV8_S1_64K; i += 2)
		expect_words(test, i, words, ARRAY_SIZE(words));
}

static void armv8_s2_words(struct kunit *test)
{
	static const struct word words[] = {
		{ 0x0000000000000000, 1, ABSENT },
		{ 0xfffffffffffffffe, 1, ABSENT },
		{ 0xfffffffffffffffe, 3, ABSENT },
		/* Type 0b11 at the last level: MemAttr, SH, AF; S2AP[1], DBM */
		{ 0x000800012344077f, 1, CLEAN },
		{ 0x00080001234407ff, 1, DIRTY, { 0x000800012344077f } },
		/* Read-only, and writable without being tracked: no DBM */
		{ 0x000000012344077f, 1, CLEAN },
		{ 0x00000001234407ff, 1, CLEAN },
		/* FnXS, contiguous, XN, software bits */
		{ 0xffffffffffff0f7f, 1, CLEAN },
		{ 0xffffffffffff0fff, 1, DIRTY, { 0xffffffffffff0f7f } },
		{ 0x00180001234407ff, 1, DIRTY, { 0x001800012344077f } },
		/* Type 0b01 above it */
		{ 0x00080001400007fd, 2, DIRTY, { 0x000800014000077d } },
		{ 0x000800014000077d, 2, CLEAN },
		{ 0x0018ffffc00007fd, 3, DIRTY, { 0x0018ffffc000077d } },
	};
	unsigned int i;

	for (i = DIRTY_ARMV8_S2_4K; i <= DIRTY_ARMV8_S2_64K; i += 2)
		expect_words(test, i, words, ARRAY_SIZE(words));
}

/* Table descriptors: type 0b11, attributes 63:59, ignored 58:51 and 11:2 */
static void armv8_pointers(struct kunit *test)
{
	static const struct word granule_4k[] = {
		{ 0x0000000012345003, 2, POINTER, { 0x0000000012345000 } },
		{ 0x0000fffffffff003, 4, POINTER, { 0x0000fffffffff000 } },
		{ 0xfff8123456789fff, 3, POINTER, { 0x0000123456789000 } },
	};
	static const struct word granule_16k[] = {
		{ 0x0000000012344003, 2, POINTER, { 0x0000000012344000 } },
		{ 0x0000ffffffffc003, 4, POINTER, { 0x0000ffffffffc000 } },
		{ 0xfff8123456788fff, 3, POINTER, { 0x0000123456788000 } },
	};
	static const struct word granule_64k[] = {
		{ 0x0000000012340003, 2, POINTER, { 0x0000000012340000 } },
		{ 0x0000ffffffff0003, 2, POINTER, { 0x0000ffffffff0000 } },
		{ 0x0000ffffffff1003, 2, POINTER, { 0x0001ffffffff0000 } },
		{ 0x0000ffffffff8003, 3, POINTER, { 0x0008ffffffff0000 } },
		{ 0x000012345678a003, 3, POINTER, { 0x000a123456780000 } },
		{ 0x000000000000f003, 3, POINTER, { 0x000f000000000000 } },
		{ 0xfff812345678ffff, 3, POINTER, { 0x000f123456780000 } },
	};

	expect_words(test, DIRTY_ARMV8_S1_4K, granule_4k,
		     ARRAY_SIZE(granule_4k));
	expect_words(test, DIRTY_ARMV8_S2_4K, granule_4k,
		     ARRAY_SIZE(granule_4k));
	expect_words(test, DIRTY_ARMV8_S1_16K, granule_16k,
		     ARRAY_SIZE(granule_16k));
	expect_words(test, DIRTY_ARMV8_S2_16K, granule_16k,
		     ARRAY_SIZE(granule_16k));
	expect_words(test, DIRTY_ARMV8_S1_64K, granule_64k,
		     ARRAY_SIZE(granule_64k));
	expect_words(test, DIRTY_ARMV8_S2_64K, granule_64k,
		     ARRAY_SIZE(granule_64k));
}

/* Tables of 512, 2048 and 8192 entries of 8 bytes */
static void geometry(struct kunit *test)
{
	static const unsigned int shifts[DIRTY_NR_FORMATS][4] = {
		[DIRTY_VTDSS] = { 12, 21, 30, 39 },
		[DIRTY_AMDV1] = { 12, 21, 30, 39 },
		[DIRTY_ARMV8_S1_4K] = { 12, 21, 30, 39 },
		[DIRTY_ARMV8_S2_4K] = { 12, 21, 30, 39 },
		[DIRTY_ARMV8_S1_16K] = { 14, 25, 36, 47 },
		[DIRTY_ARMV8_S2_16K] = { 14, 25, 36, 47 },
		[DIRTY_ARMV8_S1_64K] = { 16, 29, 42, 55 },
		[DIRTY_ARMV8_S2_64K] = { 16, 29, 42, 55 },
	};
	unsigned int i, level;

	for (i = 0; i < DIRTY_NR_FORMATS; i++) {
		const struct iommu_dirty_fmt *fmt = fmt_of(i);

		for (level = 1; level <= 4; level++) {
			unsigned int shift = shifts[i][level - 1];
			unsigned int nr = 1U << (shifts[i][1] - shifts[i][0]);

			KUNIT_EXPECT_EQ(test, __iommu_dirty_shift(fmt, level),
					shift);
			KUNIT_EXPECT_EQ(test, __iommu_dirty_index(fmt, level,
								  BIT(shift)),
					1);
			KUNIT_EXPECT_EQ(test, __iommu_dirty_index(fmt, level,
								  BIT(shift) - 1),
					0);
			KUNIT_EXPECT_EQ(test, __iommu_dirty_index(fmt, level,
								  ~0UL),
					min_t(unsigned long, ~0UL >> shift,
					      nr - 1));
		}
	}
}

/* The bit that hardware changes, when it says dirty, and by which value */
static const struct {
	unsigned int dirty;
	unsigned int is;
	int dbm;
} dirty_bits[DIRTY_NR_FORMATS] = {
	[DIRTY_VTDSS] = { 9, 1, -1 },
	[DIRTY_AMDV1] = { 6, 1, -1 },
	[DIRTY_ARMV8_S1_4K] = { 7, 0, 51 },
	[DIRTY_ARMV8_S2_4K] = { 7, 1, 51 },
	[DIRTY_ARMV8_S1_16K] = { 7, 0, 51 },
	[DIRTY_ARMV8_S2_16K] = { 7, 1, 51 },
	[DIRTY_ARMV8_S1_64K] = { 7, 0, 51 },
	[DIRTY_ARMV8_S2_64K] = { 7, 1, 51 },
};

static void expect_dirt(struct kunit *test, unsigned int format, u64 word)
{
	const struct iommu_dirty_fmt *fmt = fmt_of(format);
	u64 bit = 1ULL << dirty_bits[format].dirty;
	int dbm = dirty_bits[format].dbm;
	bool want = !!(word & bit) == dirty_bits[format].is &&
		    (dbm < 0 || (word >> dbm & 1));
	u64 entry = word;

	if (!!__iommu_dirty_test(fmt, word) != want)
		KUNIT_FAIL(test, "%s: word %#llx is%s dirty",
			   dirty_formats[format].name, word, want ? "" : " not");
	if (!want)
		return;
	__iommu_dirty_clear(fmt, &entry, 1);
	if (entry != (word ^ bit) ||
	    __iommu_dirty_clean(fmt, word) != (word ^ bit))
		KUNIT_FAIL(test, "%s: word %#llx is cleared to %#llx, %#llx",
			   dirty_formats[format].name, word, entry,
			   __iommu_dirty_clean(fmt, word));
	/* Clearing what a parallel read has cleared changes nothing. */
	__iommu_dirty_clear(fmt, &entry, 1);
	if (entry != (word ^ bit) || __iommu_dirty_test(fmt, entry))
		KUNIT_FAIL(test, "%s: word %#llx is cleared twice to %#llx",
			   dirty_formats[format].name, word, entry);
}

static u64 random_word(struct rnd_state *state)
{
	u64 high = prandom_u32_state(state);

	return high << 32 | prandom_u32_state(state);
}

/*
 * Dirt depends on the bits that it should and on none else, and clearing
 * changes one bit and none else: every value of the low twelve and of the bits
 * from 50 to 53, each single bit, random words.
 */
static void dirt(struct kunit *test)
{
	struct rnd_state state;
	unsigned int i, bit;
	u64 low, high;

	prandom_seed_state(&state, 1);
	for (i = 0; i < DIRTY_NR_FORMATS; i++) {
		for (low = 0; low < 1 << 12; low++)
			for (high = 0; high < 1 << 4; high++)
				expect_dirt(test, i, high << 50 | low |
					    0x0000123456780000);
		for (bit = 0; bit < 64; bit++) {
			u64 word = random_word(&state);

			expect_dirt(test, i, 1ULL << bit);
			expect_dirt(test, i, ~(1ULL << bit));
			expect_dirt(test, i, word);
			expect_dirt(test, i, word ^ 1ULL << bit);
		}
		for (bit = 0; bit < 1000; bit++)
			expect_dirt(test, i, random_word(&state));
	}
}

/* Present, leaf or pointer: likewise, bits 11:0 decide alone. */
static void nature(struct kunit *test)
{
	static const u64 rest[] = { 0, 0xfffffffffffff000, 0x5ab5a5a5a5a5a000 };
	unsigned int i, j;
	u64 low;

	for (i = 0; i < DIRTY_NR_FORMATS; i++) {
		const struct iommu_dirty_fmt *fmt = fmt_of(i);

		for (j = 0; j < ARRAY_SIZE(rest); j++) {
			for (low = 0; low < 1 << 12; low++) {
				u64 word = rest[j] | low;
				bool present = low & 1, leaf;

				if (i == DIRTY_VTDSS) {
					present = low & 3;
					leaf = low & 0x80;
				} else if (i == DIRTY_AMDV1) {
					leaf = !(low >> 9) || low >> 9 == 7;
				} else {
					leaf = !(low & 2);
				}
				if (__iommu_dirty_present(fmt, word) != present)
					KUNIT_FAIL(test, "%s: word %#llx is%s present",
						   dirty_formats[i].name, word,
						   present ? "" : " not");
				if (present && __iommu_dirty_leaf(fmt, word) != leaf)
					KUNIT_FAIL(test, "%s: word %#llx is%s a leaf",
						   dirty_formats[i].name, word,
						   leaf ? "" : " not");
			}
		}
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(vtdss_words),
	KUNIT_CASE(amdv1_words),
	KUNIT_CASE(amdv1_sizes),
	KUNIT_CASE(armv8_s1_words),
	KUNIT_CASE(armv8_s2_words),
	KUNIT_CASE(armv8_pointers),
	KUNIT_CASE(geometry),
	KUNIT_CASE(dirt),
	KUNIT_CASE(nature),
	{ }
};

static struct kunit_suite suite = {
	.name = "iommu-dirty-formats",
	.test_cases = cases,
};

kunit_test_suite(suite);
