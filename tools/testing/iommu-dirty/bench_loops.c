// SPDX-License-Identifier: GPL-2.0-only
/* The walker and what it is measured against, see bench.h */
#include "bench.h"
#include "iommu-dirty-log.h"

unsigned long plain_read(const struct field *field)
{
	unsigned long table;
	unsigned int i;
	u64 any = 0;

	for (table = 0; table < field->nr; table++) {
		const u64 *entries = field->leaves[table];

		for (i = 0; i < ENTRIES; i++)
			any |= READ_ONCE(entries[i]);
	}
	return any;
}

/* What nobody would write, but the fastest that there is without vectors */
unsigned long plain_read_unrolled(const struct field *field)
{
	u64 a = 0, b = 0, c = 0, d = 0;
	unsigned long table;
	unsigned int i;

	for (table = 0; table < field->nr; table++) {
		const u64 *entries = field->leaves[table];

		for (i = 0; i < ENTRIES; i += 8) {
			a |= READ_ONCE(entries[i]) | READ_ONCE(entries[i + 1]);
			b |= READ_ONCE(entries[i + 2]) | READ_ONCE(entries[i + 3]);
			c |= READ_ONCE(entries[i + 4]) | READ_ONCE(entries[i + 5]);
			d |= READ_ONCE(entries[i + 6]) | READ_ONCE(entries[i + 7]);
		}
	}
	return a | b | c | d;
}

static __always_inline void clear_word(u64 *word, unsigned int dirty,
				       bool dirty_is_clear)
{
	if (dirty_is_clear)
		set_bit(dirty, (unsigned long *)word);
	else
		clear_bit(dirty, (unsigned long *)word);
}

/* Bits that share a word, or fill whole ones */
static __always_inline void set_bits(unsigned long *bitmap, unsigned long first,
				     unsigned long nr)
{
	if (nr < BITS_PER_LONG) {
		bitmap[first / BITS_PER_LONG] |= GENMASK(nr - 1, 0) <<
						 first % BITS_PER_LONG;
		return;
	}
	for (; nr; nr -= BITS_PER_LONG, first += BITS_PER_LONG)
		bitmap[first / BITS_PER_LONG] = ~0UL;
}

/* How many bits of the bitmap a word of a leaf stands for */
static unsigned long word_bits(const struct field *field)
{
	return (1UL << (field->shift - field->granule)) /
	       field->format->words(field->shift);
}

/* @dirty_is_clear is a constant, and so is @bits if it is 1. */
static __always_inline unsigned long
clear_all(const struct field *field, bool dirty_is_clear, unsigned long bits)
{
	const unsigned int dirty = field->format->dirty;
	unsigned long *bitmap = field->bitmap;
	unsigned long table, bit = 0;
	unsigned int i;

	for (table = 0; table < field->nr; table++) {
		u64 *entries = field->leaves[table];

		for (i = 0; i < ENTRIES; i++, bit += bits) {
			clear_word(entries + i, dirty, dirty_is_clear);
			set_bits(bitmap, bit, bits);
		}
	}
	return bit;
}

unsigned long plain_clear(const struct field *field)
{
	unsigned long bits = word_bits(field);

	if (field->format->dirty_is_clear)
		return bits == 1 ? clear_all(field, true, 1) :
				   clear_all(field, true, bits);
	return bits == 1 ? clear_all(field, false, 1) :
			   clear_all(field, false, bits);
}

/* For leaves of which one word, whichever, is dirty: one that is set */
unsigned long plain_test_and_clear(const struct field *field)
{
	const unsigned long bits = 1UL << (field->shift - field->granule);
	const unsigned long per_word = word_bits(field);
	const unsigned int dirty = field->format->dirty;
	unsigned long *bitmap = field->bitmap;
	unsigned long table, bit = 0;
	unsigned int i;

	for (table = 0; table < field->nr; table++) {
		u64 *entries = field->leaves[table];

		for (i = 0; i < ENTRIES; i++, bit += per_word) {
			if (!(READ_ONCE(entries[i]) & BIT_ULL(dirty)))
				continue;
			clear_word(entries + i, dirty, false);
			set_bits(bitmap, round_down(bit, bits), bits);
		}
	}
	return bit;
}

unsigned long walk_windows(const struct field *field)
{
	struct iommu_dirty_read read = {
		.clear = true,
		.whole = field->iova,
		.next = field->iova,
		.cleared = ~0UL,
	};
	unsigned long i;

	for (i = 0; i < field->nr_logs; i++) {
		read.log = field->logs + i;
		field->format->walk(field->root, field->level, &read,
				    read.log->iova, read.log->last);
	}
	return read.cleared;
}

/* All that the root covers, holes included. Nothing may be dirty. */
unsigned long walk_space(const struct field *field)
{
	unsigned int bits = field->format->page_shift +
			    field->level * field->format->index_bits;
	struct iommu_dirty_read read = { .clear = true, .cleared = ~0UL };

	field->format->walk(field->root, field->level, &read, 0,
			    (1UL << bits) - 1);
	return read.cleared;
}
