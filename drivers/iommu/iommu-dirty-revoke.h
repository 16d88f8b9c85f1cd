/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Revoking the permission to write, where nothing was written yet
 *
 * What is about to be unmapped is read one last time. Between that read and the
 * end of the last translation devices could write to leaves that were found
 * clean, and nobody would be told. So such leaves are made read-only first:
 *
 *   revoke   every clean leaf of the range, by compare-and-swap of the word that
 *            was found clean. Leaves that are dirty stay as they are: they are
 *            reported, whatever else is written to them;
 *   flush    the translations of what was revoked, cached as clean and writable;
 *   read     what is dirty now. Nothing can become so any more.
 *
 * Who else can touch the word when it is exchanged: hardware, by an atomic
 * update that checks the permission. If it sets dirty first, the exchange fails,
 * and the leaf is found dirty. If it comes second it finds that the leaf may not
 * be written, and the write faults, as one after the unmap would: a write whose
 * leaf cannot be marked is refused. It sets accessed: the exchange fails, and is
 * tried again. Hardware that has the leaf cached as clean has to mark it in
 * memory before it writes, and so is no different. Nobody splits or joins what is
 * being unmapped.
 *
 * It is done by a walk like any other, which calls revoke_table() for each table
 * when it has seen what lies in it: a format contributes one mask, and drivers
 * nothing.
 */
#ifndef __IOMMU_DIRTY_REVOKE_H
#define __IOMMU_DIRTY_REVOKE_H

#include <linux/iommu-dirty.h>

void iommu_dirty_revoke_init(struct iommu_dirty_shape *shape);

#endif /* __IOMMU_DIRTY_REVOKE_H */
