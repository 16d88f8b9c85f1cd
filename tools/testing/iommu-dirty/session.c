// SPDX-License-Identifier: GPL-2.0-only
/* Readers and devices at work on one table, see session.h */
#include <stdlib.h>
#include <string.h>

#include "iommu-dirty-walk.h"
#include "session.h"
#include "util.h"

#define WRITES_PER_ROUND 50

bool shim_plain;
static __thread struct reader *self;

static void complain(struct session *session, const char *verdict)
{
	const char *none = NULL;

	__atomic_compare_exchange_n(&session->verdict, &none, verdict, false,
				    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static bool bit_is_set(const struct get *get, unsigned long iova)
{
	unsigned long bit = (iova - get->iova) >> get->granule;

	return __atomic_load_n(get->bitmap + bit / 8, __ATOMIC_RELAXED) >>
	       bit % 8 & 1;
}

static const struct leaf *leaf_of_word(const struct table *table,
				       const u64 *word)
{
	unsigned int i;

	for (i = 0; i < table->nr; i++)
		if (word >= table->leaves[i].entry &&
		    word < table->leaves[i].entry + table->leaves[i].words)
			return table->leaves + i;
	return NULL;
}

/* A leaf is cleared only if all of it is in the range and was recorded. */
void shim_clearing(const u64 *entry)
{
	const struct get *get = &self->get;
	const struct leaf *leaf = leaf_of_word(get->table, entry);
	unsigned long step = BIT(get->granule), i;

	chance(&self->random, 4);
	if (!leaf || leaf->iova < get->iova ||
	    leaf->iova + leaf->size - 1 > get->last) {
		complain(self->session, "cleared what is not all in the range");
		return;
	}
	for (i = 0; i < leaf->size; i += step)
		if (!bit_is_set(get, leaf->iova + i)) {
			complain(self->session, "cleared before it was recorded");
			return;
		}
}

void shim_torn(void)
{
	chance(&self->random, 2);
}

/* What hardware did to the word since it was loaded would be undone. */
void shim_storing(const void *word)
{
	chance(&self->random, 2);
	if (leaf_of_word(self->get.table, word))
		complain(self->session, "a leaf's word was stored blindly");
}

bool shim_recording(unsigned long *word, unsigned long mask)
{
	chance(&self->random, 4);
	if (self->session->fault != FAULT_CLEAR_FIRST)
		return false;
	if (self->nr_late == MAX_RECORDS)
		abort();
	self->late[self->nr_late++] = (struct record) { word, mask };
	return true;
}

static void record_late(struct reader *reader)
{
	const struct record *record = reader->late;

	for (; reader->nr_late; record++, reader->nr_late--)
		__atomic_fetch_or(record->word, record->mask, __ATOMIC_SEQ_CST);
}

/* The flush, as the core does it: if anything was cleared, before returning */
static void window_done(struct get *get, struct iommu_dirty_read *read,
			unsigned long iova, unsigned long last)
{
	struct reader *reader = (struct reader *)get;
	struct rig *rig = &reader->session->rig;
	unsigned long page = BIT(rig->table.format->page_shift);

	record_late(reader);
	if (read->cleared > read->cleared_last)
		return;
	switch (reader->session->fault) {
	case FAULT_NO_FLUSH:
	case FAULT_EARLY_FLUSH:
		break;
	case FAULT_SHORT_FLUSH:
		if (read->cleared_last - read->cleared >= page)
			rig_invalidate(rig, read->cleared,
				       read->cleared_last - page,
				       read->cleared_sizes);
		break;
	case FAULT_ONE_SIZE:
		rig_invalidate(rig, read->cleared, read->cleared_last,
			       BIT(__fls(read->cleared_sizes)));
		break;
	case FAULT_NO_WAIT:
		rig_invalidate_later(rig);
		break;
	default:
		rig_invalidate(rig, read->cleared, read->cleared_last,
			       read->cleared_sizes);
	}
	get_flushed(read);
}

/*
 * All, or from and to anywhere; with a bitmap in common, a half. When devices
 * have stopped, all.
 */
static void choose_range(struct reader *reader)
{
	const struct session *session = reader->session;
	const struct table *table = &session->rig.table;
	unsigned int shift = table->format->page_shift;
	unsigned int first = 0, last = session->rig.nr_pages - 1, window;
	bool whole = session->rig.stop;
	struct get *get = &reader->get;

	get->granule = shift;
	if (session->share) {
		unsigned int half = round_down(last / 2, 8);

		if (reader == session->readers)
			last = half - 1;
		else
			first = half;
		get->bitmap = session->shared + first / 8;
	} else {
		get->bitmap = reader->own + next_random(&reader->random, 64);
		if (!whole && next_random(&reader->random, 2))
			first = next_random(&reader->random, last);
		if (!whole && next_random(&reader->random, 2))
			last = first + next_random(&reader->random,
						   last - first + 1);
		if (!next_random(&reader->random, 3))
			get->granule += 1 + next_random(&reader->random, 2);
	}
	get->iova = session->rig.base + ((unsigned long)first << shift);
	get->last = session->rig.base + ((last + 1UL) << shift) - 1;
	get->iova = round_down(get->iova, BIT(get->granule));
	get->last |= BIT(get->granule) - 1;
	if (!session->share)
		memset(get->bitmap, 0, session->rig.nr_pages / 8 + 8);
	get->clear = next_random(&reader->random, 6);
	window = table->format->index_bits + 1;
	window = window - next_random(&reader->random, 6);
	get->window = shift + window;
}

static unsigned long page_iova(const struct rig *rig, unsigned int page)
{
	return rig->base + ((unsigned long)page << rig->table.format->page_shift);
}

/* What was reported is copied, after the read. */
static void copy_reported(struct reader *reader)
{
	struct rig *rig = &reader->session->rig;
	const struct get *get = &reader->get;
	unsigned int page, d;

	for (page = 0; page < rig->nr_pages; page++) {
		unsigned long iova = page_iova(rig, page);
		unsigned int leaf = rig->leaf_of[page];

		if (iova < get->iova || iova > get->last ||
		    !bit_is_set(get, iova))
			continue;
		for (d = 0; d < rig->nr_devices; d++)
			reader->copy[d][page] =
				__atomic_load_n(rig->devices[d].stamp + page,
						__ATOMIC_SEQ_CST);
		/* A larger granule may be dirty for its other pages. */
		if (leaf != NO_LEAF && rig->table.leaves[leaf].size >=
				       BIT(get->granule))
			reader->reported[leaf] = true;
		else if (get->granule == rig->table.format->page_shift)
			complain(reader->session, "invented: nothing is mapped there");
	}
}

static void read_once(struct reader *reader)
{
	struct session *session = reader->session;
	struct rig *rig = &session->rig;
	struct get *get = &reader->get;
	unsigned int i;

	self = reader;
	choose_range(reader);
	for (i = 0; i < rig->table.nr; i++) {
		const struct leaf *leaf = rig->table.leaves + i;

		reader->reported[i] = false;
		reader->covered[i] = get->clear && leaf->iova >= get->iova &&
				     leaf->iova + leaf->size - 1 <= get->last;
	}
	if (session->fault == FAULT_EARLY_FLUSH)
		rig_invalidate(rig, get->iova, get->last, ~0UL);
	__atomic_fetch_add(&rig->reading, 1, __ATOMIC_SEQ_CST);
	get_range(get);
	__atomic_fetch_sub(&rig->reading, 1, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&session->reads, 1, __ATOMIC_RELAXED);
	copy_reported(reader);
}

static void *reader_thread(void *arg)
{
	struct reader *reader = arg;

	for (;;) {
		pthread_barrier_wait(&reader->session->barrier);
		if (reader->session->over)
			return NULL;
		read_once(reader);
		pthread_barrier_wait(&reader->session->barrier);
	}
}

static void note_writes(struct session *session)
{
	struct rig *rig = &session->rig;
	unsigned int d, i;

	for (d = 0; d < rig->nr_devices; d++) {
		const struct device *dev = rig->devices + d;

		for (i = 0; i < rig->nr_pages; i++)
			session->done[d][i] =
				__atomic_load_n(dev->done + i, __ATOMIC_SEQ_CST);
		for (i = 0; i < rig->table.nr; i++)
			session->ended[d][i] =
				__atomic_load_n(dev->ended + i, __ATOMIC_SEQ_CST);
	}
}

/* Is a write that was complete before in nobody's copy? */
static void check_lost(struct session *session)
{
	const struct rig *rig = &session->rig;
	unsigned int d, r, page;

	for (page = 0; page < rig->nr_pages; page++) {
		unsigned long iova = page_iova(rig, page);
		bool read = false;

		for (r = 0; r < session->nr_readers; r++)
			read |= iova >= session->readers[r].get.iova &&
				iova <= session->readers[r].get.last;
		for (d = 0; read && d < rig->nr_devices; d++) {
			unsigned long copy = 0;

			for (r = 0; r < session->nr_readers; r++)
				copy = max(copy,
					   session->readers[r].copy[d][page]);
			if (copy < session->done[d][page])
				complain(session, "lost: a write is in no report");
		}
	}
}

static void check_invented(struct session *session)
{
	const struct rig *rig = &session->rig;
	unsigned int d, r, leaf;

	for (leaf = 0; leaf < rig->table.nr; leaf++) {
		bool reported = false, covered = false, written = false;

		for (r = 0; r < session->nr_readers; r++) {
			reported |= session->readers[r].reported[leaf];
			covered |= session->readers[r].covered[leaf];
		}
		for (d = 0; d < rig->nr_devices; d++) {
			written |= __atomic_load_n(rig->devices[d].begun + leaf,
						   __ATOMIC_SEQ_CST) >
				   session->clean[d][leaf];
			if (covered)
				session->clean[d][leaf] =
					session->ended[d][leaf];
		}
		if (reported && !written)
			complain(session, "invented: nobody wrote there");
	}
}

static void check_accessed(struct session *session)
{
	const struct rig *rig = &session->rig;
	unsigned int page;

	for (page = 0; page < rig->nr_pages; page++)
		if (__atomic_load_n(rig->accessed + page, __ATOMIC_ACQUIRE) &&
		    !(__atomic_load_n(rig_word(rig, page), __ATOMIC_RELAXED) &
		      BIT_ULL(rig->table.format->accessed)))
			complain(session, "an accessed bit is gone");
}

void session_round(struct session *session, bool age)
{
	struct rig *rig = &session->rig;

	/* On a machine with little time, devices might not get any. */
	if (!rig->stop)
		rig_wait(rig, WRITES_PER_ROUND);
	if (age)
		rig_age(rig);
	session->share = session->nr_readers > 1 &&
			 next_random(&session->readers[0].random, 2);
	memset(session->shared, 0, rig->nr_pages / 8 + 8);
	note_writes(session);
	pthread_barrier_wait(&session->barrier);
	read_once(session->readers);
	pthread_barrier_wait(&session->barrier);
	check_lost(session);
	check_invented(session);
	check_accessed(session);
}

static u8 *new_bitmap(const struct rig *rig)
{
	size_t bytes = round_up(rig->nr_pages / 8 + 128, PAGE_SIZE) + PAGE_SIZE;
	u8 *bitmap = aligned_alloc(PAGE_SIZE, bytes);

	if (!bitmap)
		abort();
	return memset(bitmap, 0, bytes);
}

/* Each word of an AMD leaf for itself */
static unsigned int one_word_replicas(u64 entry, unsigned int level)
{
	return 0;
}

static u64 *one_word_table(u64 entry)
{
	return phys_to_virt(entry & GENMASK_ULL(51, 12));
}

static const struct iommu_dirty_fmt one_word_fmt = {
	.page_shift = 12,
	.index_bits = 9,
	.present = BIT_ULL(0),
	.dirty_bit = 6,
	.not_leaf = 7ULL << 9,
	.replicated = 7ULL << 9,
	.replicas = one_word_replicas,
	.table = one_word_table,
};

DEFINE_IOMMU_DIRTY_WALK(one_word_walk, &one_word_fmt)

void session_init(struct session *session, const struct format *format,
		  unsigned int nr, enum fault fault, unsigned long seed)
{
	struct rig *rig = &session->rig;
	unsigned int r, d;

	memset(session, 0, sizeof(*session));
	rig_init(rig, format, nr, seed);
	session->nr_readers = nr;
	session->fault = fault;
	session->shared = new_bitmap(rig);
	for (d = 0; d < nr; d++) {
		session->done[d] = zeroed(rig->nr_pages, sizeof(long));
		session->ended[d] = zeroed(rig->table.nr, sizeof(long));
		session->clean[d] = zeroed(rig->table.nr, sizeof(long));
	}
	for (r = 0; r < nr; r++) {
		struct reader *reader = session->readers + r;

		reader->session = session;
		reader->random = (seed + r + 1) * 0xbf58476d1ce4e5b9;
		reader->own = new_bitmap(rig);
		reader->reported = zeroed(rig->table.nr, sizeof(bool));
		reader->covered = zeroed(rig->table.nr, sizeof(bool));
		reader->get.table = &rig->table;
		reader->get.done = window_done;
		if (fault == FAULT_ONE_WORD)
			reader->get.walk = one_word_walk;
		for (d = 0; d < nr; d++)
			reader->copy[d] = zeroed(rig->nr_pages, sizeof(long));
	}
	pthread_barrier_init(&session->barrier, NULL, nr);
	shim_plain = fault == FAULT_PLAIN_CLEAR;
}

void session_free(struct session *session)
{
	unsigned int nr = session->nr_readers, r, d;

	for (d = 0; d < nr; d++) {
		free(session->done[d]);
		free(session->ended[d]);
		free(session->clean[d]);
		for (r = 0; r < nr; r++)
			free(session->readers[r].copy[d]);
	}
	for (r = 0; r < nr; r++) {
		free(session->readers[r].own);
		free(session->readers[r].reported);
		free(session->readers[r].covered);
	}
	free(session->shared);
	pthread_barrier_destroy(&session->barrier);
	rig_free(&session->rig);
}

/* The first reader is the caller's thread. */
void session_start(struct session *session)
{
	unsigned int r;

	for (r = 1; r < session->nr_readers; r++)
		if (pthread_create(&session->readers[r].thread, NULL,
				   reader_thread, session->readers + r))
			abort();
}

void session_stop(struct session *session)
{
	unsigned int r;

	session->over = true;
	pthread_barrier_wait(&session->barrier);
	for (r = 1; r < session->nr_readers; r++)
		pthread_join(session->readers[r].thread, NULL);
}
