/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device that writes at each step of whoever changes the shape of its table
 *
 * There is one thread and no luck: the shim tells when a word is about to be
 * exchanged, cleared or recorded, and at that moment the device writes, often
 * through that very word. It has the caches that hardware has. Nothing is evicted
 * from them, but now and then what is about to change:
 *
 *   translations        of a page, with the size of its leaf, and whether it was
 *                       dirty: a write through one that was does not touch the
 *                       table;
 *   tables on the way   the one that a page's leaf was found in. Hardware goes on
 *                       from there, also when no entry points there any more.
 *
 * They forget what they are told to: translations in a range, of leaves of some
 * sizes; and tables, if not all of the sizes are the smallest.
 */
#ifndef WRITER_H
#define WRITER_H

#include "table.h"

#define HOT_PAGES	6

/* What is cached of a page */
struct writer_page {
	bool cached;
	bool dirty;
	unsigned char shift;
	unsigned char level;
	u64 *table;
};

/**
 * struct writer - the device
 * @table: what it walks; each IOVA maps to itself
 * @base: IOVA of page 0
 * @nr: how many pages of the smallest size are mapped from there
 * @pages: its caches
 * @stamp: by page, how often it was written
 * @hot: pages that it writes when something happens
 * @random: state of its random numbers
 * @next: the word that is about to be changed, or NULL
 * @busy: it is writing, or may not
 * @hits: writes through a translation that was cached dirty
 * @steps: writes through a word that was about to be changed
 * @shortcuts: walks that began at a cached table
 * @wrong: what it found that should not be, or NULL
 */
struct writer {
	struct table *table;
	unsigned long base;
	unsigned long nr;
	struct writer_page *pages;
	unsigned long *stamp;
	unsigned long hot[HOT_PAGES];
	unsigned long random;
	u64 *next;
	bool busy;
	unsigned long hits;
	unsigned long steps;
	unsigned long shortcuts;
	const char *wrong;
};

void writer_init(struct writer *writer, struct table *table,
		 unsigned long base, unsigned long nr, unsigned long seed);
void writer_free(struct writer *writer);
unsigned long writer_random(struct writer *writer, unsigned long below);
/* Other hot pages than before */
void writer_choose(struct writer *writer);
/* Write, or read, a page. */
void writer_access(struct writer *writer, unsigned long page, bool write);
/* Accesses to hot pages and others */
void writer_some(struct writer *writer, unsigned int nr);
/* Something happens to @word, of the table or not. */
void writer_step(struct writer *writer, const void *word);
/* Forget leaves of @sizes, a bit for each, from @iova to @last. */
void writer_forget(struct writer *writer, unsigned long iova,
		   unsigned long last, unsigned long sizes);

#endif /* WRITER_H */
