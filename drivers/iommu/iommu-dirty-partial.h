/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads that run while a replicated leaf is split
 *
 * A split of a replicated leaf that a read has recorded in part takes many steps,
 * and leaves dirt behind that is nobody's yet. A parallel walk that loads one
 * word before a step and another after it, cleared since, may take the leaf for
 * clean. What is walked is not made slower for that: the walk is repeated if a
 * split of this kind was under way at any moment of it. That is rare, as only
 * the first and the last leaf of a request can be recorded in part.
 *
 *   splitting         reading
 *
 *   begun++                  wait until begun equals ended
 *   (A) barrier              (C) barrier
 *   words become leaves      words are loaded
 *   (B) barrier              (D) barrier
 *   ended++                  begun has not changed?
 *   words are cleared
 *
 * A reader that loaded a word made into a leaf, or cleared as one, finds that
 * begun has changed, or else saw ended count that split, and then every word it
 * loaded was a leaf of its own. What it split itself it does not count. Those who
 * count are not preempted.
 */
#ifndef __IOMMU_DIRTY_PARTIAL_H
#define __IOMMU_DIRTY_PARTIAL_H

#include <linux/atomic.h>
#include <linux/iommu-dirty.h>
#include <linux/preempt.h>
#include <linux/processor.h>

/**
 * iommu_dirty_partial_start() - a replicated leaf is about to be split
 * @read: the read that splits it, having recorded a part of it
 *
 * Context: disables preemption until iommu_dirty_partial_end().
 */
static inline void iommu_dirty_partial_start(struct iommu_dirty_read *read)
{
	if (!read->partial)
		return;
	preempt_disable();
	atomic_long_inc(&read->partial->begun);
	/* (A): who loads a word changed from now on, and (D), finds begun changed */
	smp_mb__after_atomic();
}

/**
 * iommu_dirty_partial_end() - each word of the leaf is one of its own now
 * @read: the read that split it
 *
 * Called before what was recorded of it is cleared.
 */
static inline void iommu_dirty_partial_end(struct iommu_dirty_read *read)
{
	if (!read->partial)
		return;
	/* (B): who finds ended changed, and (C), loads words that are leaves */
	smp_mb__before_atomic();
	atomic_long_inc(&read->partial->ended);
	preempt_enable();
	/* Its own splits do not make a read begin again. */
	read->partial_ended++;
}

/**
 * iommu_dirty_partial_begin() - before a walk that runs in parallel with others
 * @read: the read
 */
static inline void iommu_dirty_partial_begin(struct iommu_dirty_read *read)
{
	struct iommu_dirty_partial *partial = read->partial;
	unsigned long ended;

	if (!partial)
		return;
	for (;;) {
		ended = atomic_long_read(&partial->ended);
		/*
		 * Both grow, begun first: loaded in this order they are equal
		 * only if nobody was in between when ended was loaded.
		 */
		smp_rmb();
		if (atomic_long_read(&partial->begun) == ended)
			break;
		cpu_relax();
	}
	/* (C) */
	smp_rmb();
	read->partial_ended = ended;
}

/**
 * iommu_dirty_partial_retry() - after a walk
 * @read: the read
 *
 * Return: true if the walk must be repeated. What it recorded and cleared so far
 *	   stands.
 */
static inline bool iommu_dirty_partial_retry(const struct iommu_dirty_read *read)
{
	if (!read->partial)
		return false;
	/* (D) */
	smp_rmb();
	return atomic_long_read(&read->partial->begun) != read->partial_ended;
}

#endif /* __IOMMU_DIRTY_PARTIAL_H */
