// SPDX-License-Identifier: GPL-2.0-only
/* A device that writes at each step, see writer.h */
#include <stdlib.h>
#include <string.h>

#include "reshape.h"
#include "util.h"
#include "writer.h"

void writer_init(struct writer *writer, struct table *table,
		 unsigned long base, unsigned long nr, unsigned long seed)
{
	memset(writer, 0, sizeof(*writer));
	writer->table = table;
	writer->base = base;
	writer->nr = nr;
	writer->random = random_state(seed);
	writer->pages = zeroed(nr, sizeof(*writer->pages));
	writer->stamp = zeroed(nr, sizeof(*writer->stamp));
	writer_choose(writer);
}

void writer_free(struct writer *writer)
{
	free(writer->pages);
	free(writer->stamp);
}

unsigned long writer_random(struct writer *writer, unsigned long below)
{
	return next_random(&writer->random, below);
}

void writer_choose(struct writer *writer)
{
	unsigned int i;

	for (i = 0; i < HOT_PAGES; i++)
		writer->hot[i] = writer_random(writer, writer->nr);
}

static unsigned long page_iova(const struct writer *writer, unsigned long page)
{
	return writer->base + (page << writer->table->format->page_shift);
}

static u64 *word_at(const struct writer *writer, u64 *table,
		    unsigned int level, unsigned long iova)
{
	const struct format *format = writer->table->format;

	return table + (iova >> (format->page_shift +
				 format->index_bits * (level - 1))) %
		       (1U << format->index_bits);
}

/*
 * Find the word that translates a page, from the table that is cached or from
 * the root. Of no format are both bits clear in what is mapped.
 */
static u64 *find(struct writer *writer, unsigned long page)
{
	const struct format *format = writer->table->format;
	struct writer_page *cache = writer->pages + page;
	u64 *table = writer->table->root, *word;
	unsigned int level = writer->table->level;
	unsigned long iova = page_iova(writer, page);

	if (cache->table) {
		table = cache->table;
		level = cache->level;
		writer->shortcuts++;
	}
	for (;; level--) {
		word = word_at(writer, table, level, iova);
		if (!(*word & 3)) {
			writer->wrong = "the device finds nothing mapped";
			return NULL;
		}
		if (!format->is_table(*word, level))
			break;
		table = (u64 *)(uintptr_t)(*word & format->address);
	}
	cache->table = table;
	cache->level = level;
	return word;
}

/* Does the word map the page to itself, for writing? */
static void check(struct writer *writer, unsigned long page, u64 word)
{
	const struct format *format = writer->table->format;
	unsigned long iova = page_iova(writer, page);
	unsigned int shift = word_shift(format, word,
					writer->pages[page].level);
	u64 size = BIT_ULL(shift);

	if ((word & format->address & ~(size - 1)) != (iova & ~(size - 1)))
		writer->wrong = "the device is led elsewhere";
	if ((word & format->tracked) != format->tracked)
		writer->wrong = "the device may not write any more";
}

/* One of the words of the leaf: hardware may mark any of them. */
static u64 *any_word(struct writer *writer, unsigned long page, u64 *word)
{
	const struct format *format = writer->table->format;
	const u64 ad = BIT_ULL(format->dirty) | BIT_ULL(format->accessed);
	unsigned int shift = word_shift(format, *word,
					writer->pages[page].level);
	unsigned int words = format->words(shift);
	u64 *first = (u64 *)round_down((uintptr_t)word, words * sizeof(u64));
	u64 *other = first + writer_random(writer, words);

	if (writer->next >= first && writer->next < first + words)
		other = writer->next;
	return (*other ^ *word) & ~ad ? word : other;
}

void writer_access(struct writer *writer, unsigned long page, bool write)
{
	const struct format *format = writer->table->format;
	struct writer_page *cache = writer->pages + page;
	u64 *word;

	if (cache->cached && (cache->dirty || !write)) {
		writer->hits += write;
		writer->stamp[page] += write;
		return;
	}
	word = find(writer, page);
	if (!word)
		return;
	check(writer, page, *word);
	if (write)
		word = any_word(writer, page, word);
	*word |= BIT_ULL(format->accessed);
	if (write && !word_dirty(format, *word))
		*word ^= BIT_ULL(format->dirty);
	cache->cached = true;
	cache->dirty = word_dirty(format, *word);
	cache->shift = word_shift(format, *word, cache->level);
	writer->stamp[page] += write;
}

void writer_some(struct writer *writer, unsigned int nr)
{
	for (; nr; nr--) {
		unsigned long page = writer_random(writer, 4) ?
			writer->hot[writer_random(writer, HOT_PAGES)] :
			writer_random(writer, writer->nr);

		writer_access(writer, page, writer_random(writer, 8));
	}
}

/* Is the word on the way to the page, or one of its leaf's? */
static bool leads_to(struct writer *writer, const u64 *word,
		     unsigned long page)
{
	const struct format *format = writer->table->format;
	unsigned int level = writer->table->level;
	u64 *table = writer->table->root;

	for (;; level--) {
		const u64 *at = word_at(writer, table, level,
					page_iova(writer, page));
		unsigned int words = 1;

		if (!(*at & 3))
			return false;
		if (!format->is_table(*at, level)) {
			words = format->words(word_shift(format, *at, level));
			at = (u64 *)round_down((uintptr_t)at,
					       words * sizeof(u64));
			return word >= at && word < at + words;
		}
		if (at == word)
			return true;
		table = (u64 *)(uintptr_t)(*at & format->address);
	}
}

void writer_step(struct writer *writer, const void *word)
{
	unsigned int i;

	if (writer->busy)
		return;
	writer->busy = true;
	writer->next = (u64 *)word;
	for (i = 0; i < HOT_PAGES; i++) {
		unsigned long page = writer->hot[i];

		if (writer_random(writer, 2) || !leads_to(writer, word, page))
			continue;
		/* A cache may forget at any time, too. */
		if (writer_random(writer, 2))
			writer->pages[page].cached = false;
		writer_access(writer, page, true);
		writer->steps++;
	}
	if (!writer_random(writer, 16))
		writer_some(writer, 1);
	writer->next = NULL;
	writer->busy = false;
}

void writer_forget(struct writer *writer, unsigned long iova,
		   unsigned long last, unsigned long sizes)
{
	const unsigned int small = writer->table->format->page_shift;
	unsigned long page;

	for (page = 0; page < writer->nr; page++) {
		struct writer_page *cache = writer->pages + page;
		unsigned long at = page_iova(writer, page);

		if (at < iova || at > last)
			continue;
		if (sizes & ~BIT(small))
			cache->table = NULL;
		if (cache->cached && sizes & BIT(cache->shift))
			cache->cached = false;
	}
}
