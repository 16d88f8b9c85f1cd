/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Splitting huge leaves while they are tracked, and joining them afterwards
 *
 * The bit of a huge leaf says that one of its pages was written, not which.
 * Splitting makes *children* of it that say it more exactly: a leaf of one word
 * becomes a table of leaves one level below, and a replicated leaf becomes as
 * many leaves as it has words, in place. Joining makes what there was before.
 *
 *   lazy    a dirty leaf that a clearing read has reported is split into clean
 *           children: it is reported whole once. Memory goes to what is
 *           written, not to what is mapped.
 *   eager   every leaf is split; its dirt goes to all its children.
 *   join    children become the leaf again, dirty if one of them is.
 *
 * Hardware walks the table all the time, caches what it finds, and sets dirty
 * and accessed. The word of a leaf is exchanged for that of a table, or the
 * other way round, by compare-and-swap. Both translate every IOVA alike, so
 * that it does not matter which of them hardware meets, or has cached. What
 * matters is where dirt goes; iommu-dirty-split.c argues that step by step.
 *
 * Who else there is:
 *
 *   other reads   run in parallel with lazy splitting. They are excluded from
 *                 eager splitting and from joining (dirty.lock);
 *   iova_to_phys  of a driver loads each word once and takes it for what it was
 *                 then, which is right with either. Joining frees tables, and
 *                 keeps it away meanwhile (iopt_pages::mutex);
 *   map, unmap    of other areas touch other words of shared tables. The areas
 *                 that are walked stand still (iova_rwsem).
 *
 * Children carry a *mark*, in bits that hardware ignores, which says what they
 * were part of; the pointer to them carries the mark that the leaf in its place
 * had. Children are joined only if all are there, with their marks: what was
 * mapped small from the start has none, though it may lie in a table that
 * splitting left behind.
 */
#ifndef __IOMMU_DIRTY_SPLIT_H
#define __IOMMU_DIRTY_SPLIT_H

#include <linux/kernel.h>

#include "iommu-dirty-partial.h"
#include "iommu-dirty-walk.h"

/* Tables for a window of 128 MiB, which a page of bits at 4 KiB covers */
#define IOMMU_DIRTY_STOCK	64U

/**
 * struct iommu_dirty_split - how a read changes the shape of the table
 * @shape: what the walker calls; iommu_dirty_read::shape points to it
 * @fmt: the table's format, known once the walker has called
 * @eager: split whatever is huge, not only what is dirty and was reported
 * @stock: splitting takes tables from here, and a leaf for which there is none
 *         stays huge. Joining puts tables here, and stops when there is no room
 * @nr: number of tables in @stock
 * @joined: of each table that joining put into @stock: the word that pointed
 *          to it
 * @tables: counts the tables that were put into the page table, or taken out
 * @leaves: counts the leaves that were split, or made by joining
 */
struct iommu_dirty_split {
	struct iommu_dirty_shape shape;
	const struct iommu_dirty_fmt *fmt;
	bool eager;
	u64 *stock[IOMMU_DIRTY_STOCK];
	unsigned int nr;
	u64 *joined[IOMMU_DIRTY_STOCK];
	unsigned long tables;
	unsigned long leaves;
};

static inline struct iommu_dirty_split *
iommu_dirty_to_split(struct iommu_dirty_read *read)
{
	return container_of(read->shape, struct iommu_dirty_split, shape);
}

void iommu_dirty_split_init(struct iommu_dirty_split *split, bool eager);
void iommu_dirty_join_init(struct iommu_dirty_split *split);
void iommu_dirty_join_late(struct iommu_dirty_split *split);

#endif /* __IOMMU_DIRTY_SPLIT_H */
