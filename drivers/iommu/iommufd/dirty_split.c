// SPDX-License-Identifier: GPL-2.0-only
/*
 * When huge leaves are split and joined
 *
 * An HWPT that tracks has a mode:
 *
 *   off     leaves stay as they were mapped;
 *   lazy    a leaf that a clearing read finds dirty, and reports, is split;
 *   eager   switching tracking on splits them all, so that the first read is
 *           exact; what is mapped later is split as in lazy mode.
 *
 * Switching tracking off joins what was split. Both can be asked for by range,
 * too. Everything here is best effort: without memory a leaf stays huge and its
 * report coarse, and what cannot be joined stays small.
 *
 * How it is done is the business of iommu-dirty-split.c. Here are the tables,
 * which are allocated before a lock is taken and charged to the caller, and the
 * locks:
 *
 *   lazy    those of the read;
 *   eager   dirty.lock for write, since no read may run in parallel, and
 *           iova_rwsem for read, per window;
 *   join    dirty.lock, and iova_rwsem for write, so that no read runs, per
 *           piece of an area; and the area's iopt_pages::mutex, under which
 *           others ask the domain for physical addresses without iova_rwsem. An
 *           area whose mutex is taken, which can be for as long as it takes to
 *           pin its memory, is left as it is.
 */
#include <linux/iommu.h>
#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/moduleparam.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <trace/events/iommu_dirty.h>
#include <uapi/linux/iommufd.h>

#include "../iommu-dirty-split.h"
#include "../iommu-pages.h"
#include "io_pagetable.h"
#include "iommufd_private.h"

/*
 * How much is joined, or split eagerly, without letting go of the locks. Leaves
 * larger than that, which AMD has, are not made again: they stay in pieces.
 */
#define IOMMUFD_DIRTY_SPLIT_WINDOW	SZ_1G

static const char * const iommufd_dirty_split_modes[] = {
	[IOMMU_HWPT_DIRTY_SPLIT_OFF] = "off",
	[IOMMU_HWPT_DIRTY_SPLIT_LAZY] = "lazy",
	[IOMMU_HWPT_DIRTY_SPLIT_EAGER] = "eager",
};

/* The mode of an HWPT when nobody says anything: this line decides. */
static unsigned int iommufd_dirty_split_default = IOMMU_HWPT_DIRTY_SPLIT_LAZY;

static int iommufd_dirty_split_param_set(const char *val,
					 const struct kernel_param *kp)
{
	int mode = sysfs_match_string(iommufd_dirty_split_modes, val);

	if (mode < 0)
		return mode;
	WRITE_ONCE(iommufd_dirty_split_default, mode);
	return 0;
}

static int iommufd_dirty_split_param_get(char *buffer,
					 const struct kernel_param *kp)
{
	unsigned int mode = READ_ONCE(iommufd_dirty_split_default);

	return sysfs_emit(buffer, "%s\n", iommufd_dirty_split_modes[mode]);
}

static const struct kernel_param_ops iommufd_dirty_split_param_ops = {
	.set = iommufd_dirty_split_param_set,
	.get = iommufd_dirty_split_param_get,
};

module_param_cb(dirty_split, &iommufd_dirty_split_param_ops, NULL, 0644);
MODULE_PARM_DESC(dirty_split,
		 "What becomes of huge leaves of a new HWPT while it tracks dirty pages: off, lazy or eager");

static unsigned long iommufd_dirty_split_max_mb;
module_param_named(dirty_split_max_mb, iommufd_dirty_split_max_mb, ulong, 0644);
MODULE_PARM_DESC(dirty_split_max_mb,
		 "MiB of tables that splitting may add to an HWPT, 0 for no limit but the memory cgroup's (default)");

/* Bytes of a table, 0 if the domain's leaves cannot be split */
static size_t iommufd_dirty_table_size(struct iommufd_hwpt_paging *hwpt)
{
	struct iommu_domain *domain = hwpt->common.domain;

	if (!domain->dirty_ops || !domain->dirty_ops->split_table)
		return 0;
	return domain->dirty_ops->split_table(domain);
}

/*
 * How many tables splitting has added that are there still. Less than none are
 * if some were forgotten when tracking ended, their area being busy, and taken
 * out later.
 */
static unsigned long iommufd_dirty_tables(struct iommufd_hwpt_paging *hwpt)
{
	return max(atomic_long_read(&hwpt->dirty.tables), 0L);
}

/*
 * For as many leaves as lie between @iova and @last, if they are of the size that
 * a table maps, as far as there is room. Running out is harmless: neither reclaim
 * hard nor kill anybody for it.
 */
static void iommufd_dirty_split_refill(struct iommufd_hwpt_paging *hwpt,
				       struct iommu_dirty_split *split,
				       unsigned long iova, unsigned long last)
{
	size_t size = iommufd_dirty_table_size(hwpt);
	unsigned int shift = 2 * ilog2(size) - ilog2(sizeof(u64));
	unsigned long want = (last >> shift) - (iova >> shift) + 1;
	int order = get_order(size);
	const gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_NORETRY | __GFP_NOWARN;
	unsigned long max = READ_ONCE(iommufd_dirty_split_max_mb);
	unsigned long nr = iommufd_dirty_tables(hwpt);

	while (split->nr < min(want, IOMMU_DIRTY_STOCK)) {
		u64 *table = NULL;
		int rc = -ENOSPC;

		if (!max || (nr + split->nr + 1) << (order + PAGE_SHIFT) <=
				    max * SZ_1M) {
			table = iommu_alloc_pages(gfp, order);
			rc = -ENOMEM;
		}
		if (!table) {
			trace_iommu_dirty_error(hwpt->common.obj.id, "split",
						iova, rc);
			return;
		}
		split->stock[split->nr++] = table;
	}
}

static void iommufd_dirty_split_drain(struct iommufd_hwpt_paging *hwpt,
				      struct iommu_dirty_split *split)
{
	int order = get_order(iommufd_dirty_table_size(hwpt));

	while (split->nr)
		iommu_free_pages(split->stock[--split->nr], order);
}

/* What was put into the page table, or, joining, taken out, since last time */
static void iommufd_dirty_split_account(struct iommufd_hwpt_paging *hwpt,
					struct iommu_dirty_split *split,
					bool join)
{
	if (join)
		atomic_long_sub(split->tables, &hwpt->dirty.tables);
	else
		atomic_long_add(split->tables, &hwpt->dirty.tables);
	split->tables = 0;
}

static struct iommu_dirty_split *
iommufd_dirty_split_alloc(struct iommufd_hwpt_paging *hwpt, bool eager,
			  unsigned long iova)
{
	struct iommu_dirty_split *split;

	split = kmalloc(sizeof(*split), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!split) {
		trace_iommu_dirty_error(hwpt->common.obj.id, "split", iova,
					-ENOMEM);
		return NULL;
	}
	iommu_dirty_split_init(split, eager);
	/* Before anything is split, for who holds dirty.lock next */
	WRITE_ONCE(hwpt->dirty.shaped, true);
	return split;
}

/* Before each window of a read, without locks */
static void iommufd_dirty_split_prepare(struct iommufd_hwpt_paging *hwpt,
					struct iommu_dirty_read *read)
{
	struct iommu_dirty_split *split;

	if (!read->clear ||
	    READ_ONCE(hwpt->dirty.mode) == IOMMU_HWPT_DIRTY_SPLIT_OFF)
		return;
	if (!read->shape) {
		split = iommufd_dirty_split_alloc(hwpt, false, read->log->iova);
		if (!split)
			return;
		read->shape = &split->shape;
	}
	split = iommu_dirty_to_split(read);
	iommufd_dirty_split_account(hwpt, split, false);
	iommufd_dirty_split_refill(hwpt, split, read->log->iova,
				   read->log->last);
}

static void iommufd_dirty_split_finish(struct iommufd_hwpt_paging *hwpt,
				       struct iommu_dirty_read *read,
				       unsigned long iova)
{
	struct iommu_dirty_split *split;

	if (!read->shape)
		return;
	split = iommu_dirty_to_split(read);
	iommufd_dirty_split_account(hwpt, split, false);
	if (trace_iommu_dirty_split_enabled() && split->leaves)
		trace_iommu_dirty_split(hwpt->common.obj.id, iova, read->last,
					"lazy", split->leaves,
					iommufd_dirty_tables(hwpt), 0, 0);
	iommufd_dirty_split_drain(hwpt, split);
	kfree(split);
}

/*
 * Split whatever is huge in a window. Returns whether to come again with new
 * tables: the stock was used up.
 */
static bool iommufd_dirty_split_window(struct iommufd_hwpt_paging *hwpt,
				       struct iommu_dirty_read *read,
				       unsigned long iova, unsigned long last)
{
	struct io_pagetable *iopt = &hwpt->ioas->iopt;
	struct iommu_dirty_split *split = iommu_dirty_to_split(read);
	unsigned int nr;

	iommufd_dirty_split_refill(hwpt, split, iova, last);
	nr = split->nr;

	down_read(&iopt->iova_rwsem);
	iommufd_dirty_read_areas(iopt, hwpt->common.domain, read, iova, last,
				 0);
	iommufd_dirty_flush(hwpt->common.domain, read);
	up_read(&iopt->iova_rwsem);

	iommufd_dirty_split_account(hwpt, split, false);
	return nr && !split->nr;
}

/*
 * Split every leaf between @iova and @last. The caller holds dirty.lock for
 * write, so that no read sees a replicated leaf while its words are exchanged.
 */
static int iommufd_dirty_split_range(struct iommufd_hwpt_paging *hwpt,
				     unsigned long iova, unsigned long last,
				     unsigned long *leaves, const char *how)
{
	struct iommu_dirty_read read = { .cleared = ULONG_MAX };
	struct io_pagetable *iopt = &hwpt->ioas->iopt;
	const unsigned long first = iova;
	struct iommu_dirty_split *split;
	unsigned long window_last;
	u64 begun = 0;
	bool found;
	int rc = 0;

	lockdep_assert_held_write(&hwpt->dirty.lock);

	if (trace_iommu_dirty_split_enabled())
		begun = ktime_get_ns();
	split = iommufd_dirty_split_alloc(hwpt, true, iova);
	if (!split)
		return -ENOMEM;
	read.shape = &split->shape;

	/* What was written is known of its leaf, and counts for all of that. */
	iommufd_dirty_sync(hwpt->common.domain);

	for (;;) {
		down_read(&iopt->iova_rwsem);
		found = iommufd_dirty_find(iopt, &iova, last);
		up_read(&iopt->iova_rwsem);
		if (!found)
			break;
		window_last = min(last, iova | (IOMMUFD_DIRTY_SPLIT_WINDOW - 1));
		while (iommufd_dirty_split_window(hwpt, &read, iova,
						  window_last))
			cond_resched();
		if (window_last == last)
			break;
		if (fatal_signal_pending(current)) {
			rc = -EINTR;
			break;
		}
		cond_resched();
		iova = window_last + 1;
	}
	*leaves = split->leaves;
	if (begun)
		trace_iommu_dirty_split(hwpt->common.obj.id, first, last, how,
					*leaves, iommufd_dirty_tables(hwpt),
					ktime_get_ns() - begun, rc);
	if (rc)
		trace_iommu_dirty_error(hwpt->common.obj.id, "split", iova, rc);
	iommufd_dirty_split_drain(hwpt, split);
	kfree(split);
	return rc;
}

/*
 * Join what lies between @iova and @last of one area. Returns whether to come
 * again: there was no more room for the tables that are left over.
 */
static bool iommufd_dirty_join_piece(struct iommufd_hwpt_paging *hwpt,
				     struct iopt_area *area,
				     struct iommu_dirty_read *read,
				     unsigned long iova, unsigned long last)
{
	struct iommu_domain *domain = hwpt->common.domain;
	struct iommu_dirty_split *split = iommu_dirty_to_split(read);

	lockdep_assert_held_write(&hwpt->ioas->iopt.iova_rwsem);

	if (!mutex_trylock(&area->pages->mutex)) {
		trace_iommu_dirty_error(hwpt->common.obj.id, "join", iova,
					-EBUSY);
		return false;
	}
	domain->dirty_ops->read(domain, read, iova, last);
	/*
	 * The flush takes what hardware has cached of the tables, too. After it
	 * nothing sets bits in them; what was set until then goes to the leaves
	 * that took their place. A read has to wait for iova_rwsem.
	 */
	iommufd_dirty_flush(domain, read);
	iommu_dirty_join_late(split);
	mutex_unlock(&area->pages->mutex);
	return split->nr == IOMMU_DIRTY_STOCK;
}

/*
 * One step of joining: the next area, or the next window of it. Returns false if
 * there is none left, else moves @iova behind what was joined.
 */
static bool iommufd_dirty_join_step(struct iommufd_hwpt_paging *hwpt,
				    struct iommu_dirty_read *read,
				    unsigned long *iova, unsigned long last)
{
	struct io_pagetable *iopt = &hwpt->ioas->iopt;
	struct iommu_dirty_split *split = iommu_dirty_to_split(read);
	unsigned long piece, piece_last;
	struct iopt_area *area;
	bool again = false;

	down_write(&iopt->iova_rwsem);
	for (area = iopt_area_iter_first(iopt, *iova, last); area;
	     area = iopt_area_iter_next(area, *iova, last))
		if (area->pages && (area->iommu_prot & IOMMU_WRITE))
			break;
	if (!area) {
		up_write(&iopt->iova_rwsem);
		return false;
	}

	piece = max(*iova, iopt_area_iova(area));
	piece_last = min3(last, iopt_area_last_iova(area),
			  piece | (IOMMUFD_DIRTY_SPLIT_WINDOW - 1));
	/* An area of one page has nothing to join; there may be many of them. */
	if (piece_last - piece >= PAGE_SIZE)
		again = iommufd_dirty_join_piece(hwpt, area, read, piece,
						 piece_last);
	up_write(&iopt->iova_rwsem);

	iommufd_dirty_split_account(hwpt, split, true);
	iommufd_dirty_split_drain(hwpt, split);
	if (again)
		return true;
	*iova = piece_last + 1;
	return piece_last != last;
}

static int iommufd_dirty_join_range(struct iommufd_hwpt_paging *hwpt,
				    unsigned long iova, unsigned long last,
				    unsigned long *leaves, const char *how)
{
	struct iommu_dirty_read read = { .cleared = ULONG_MAX };
	const unsigned long first = iova;
	struct iommu_dirty_split *split;
	u64 begun = 0;
	int rc = 0;

	lockdep_assert_held(&hwpt->dirty.lock);

	if (trace_iommu_dirty_join_enabled())
		begun = ktime_get_ns();
	split = iommufd_dirty_split_alloc(hwpt, false, iova);
	if (!split)
		return -ENOMEM;
	iommu_dirty_join_init(split);
	read.shape = &split->shape;

	while (iommufd_dirty_join_step(hwpt, &read, &iova, last)) {
		if (fatal_signal_pending(current)) {
			rc = -EINTR;
			break;
		}
		cond_resched();
	}
	*leaves = split->leaves;
	if (begun)
		trace_iommu_dirty_join(hwpt->common.obj.id, first, last, how,
				       *leaves, iommufd_dirty_tables(hwpt),
				       ktime_get_ns() - begun, rc);
	if (rc)
		trace_iommu_dirty_error(hwpt->common.obj.id, "join", iova, rc);
	kfree(split);
	return rc;
}

/* Tracking is about to be on, or is off now. The caller wants no errors. */
static void iommufd_dirty_split_switch(struct iommufd_hwpt_paging *hwpt,
				       bool enable)
{
	unsigned long leaves;

	if (!enable && READ_ONCE(hwpt->dirty.shaped)) {
		/*
		 * Tables that were unmapped with what they map have not been
		 * taken off the number. No others are left, but for those of
		 * areas that were busy: better too few than too many.
		 */
		if (!iommufd_dirty_join_range(hwpt, 0, ULONG_MAX, &leaves,
					      "off"))
			atomic_long_set(&hwpt->dirty.tables, 0);
	} else if (enable && hwpt->dirty.mode == IOMMU_HWPT_DIRTY_SPLIT_EAGER) {
		iommufd_dirty_split_range(hwpt, 0, ULONG_MAX, &leaves,
					  "eager");
	}
}

static const struct iommufd_dirty_shaper iommufd_dirty_split_shaper = {
	.prepare = iommufd_dirty_split_prepare,
	.finish = iommufd_dirty_split_finish,
	.set = iommufd_dirty_split_switch,
};

/**
 * iommufd_dirty_split_init() - give an HWPT the mode that is the default
 * @hwpt: HWPT under construction, whose domain exists
 */
void iommufd_dirty_split_init(struct iommufd_hwpt_paging *hwpt)
{
	if (!iommufd_dirty_table_size(hwpt))
		return;
	hwpt->dirty.mode = READ_ONCE(iommufd_dirty_split_default);
	hwpt->dirty.shaper = &iommufd_dirty_split_shaper;
}

static struct iommufd_hwpt_paging *
iommufd_dirty_split_get(struct iommufd_ucmd *ucmd, u32 hwpt_id, bool can_split)
{
	struct iommufd_hwpt_paging *hwpt = iommufd_get_hwpt_paging(ucmd, hwpt_id);

	if (IS_ERR(hwpt) ||
	    (can_split ? !!hwpt->dirty.shaper : !!hwpt->common.domain->dirty_ops))
		return hwpt;
	iommufd_put_object(ucmd->ictx, &hwpt->common.obj);
	return ERR_PTR(-EOPNOTSUPP);
}

/**
 * iommufd_hwpt_dirty_split_mode() - ioctl(IOMMU_HWPT_DIRTY_SPLIT_MODE)
 * @ucmd: the call
 *
 * Context: process context; takes iommufd_dirty::lock for write.
 * Return: 0; -EOPNOTSUPP for flags, reserved fields or modes that are unknown,
 *	   a mode that the HWPT does not have, or an HWPT that does not track;
 *	   -ENOENT for an id that is no paging HWPT; -EFAULT.
 */
int iommufd_hwpt_dirty_split_mode(struct iommufd_ucmd *ucmd)
{
	struct iommu_hwpt_dirty_split_mode *cmd = ucmd->cmd;
	struct iommufd_hwpt_paging *hwpt;
	int rc = 0;

	if (cmd->flags & ~IOMMU_HWPT_DIRTY_SPLIT_MODE_SET)
		return -EOPNOTSUPP;

	hwpt = iommufd_dirty_split_get(ucmd, cmd->hwpt_id, false);
	if (IS_ERR(hwpt))
		return PTR_ERR(hwpt);

	cmd->out_modes = BIT(IOMMU_HWPT_DIRTY_SPLIT_OFF);
	if (hwpt->dirty.shaper)
		cmd->out_modes |= BIT(IOMMU_HWPT_DIRTY_SPLIT_LAZY) |
				  BIT(IOMMU_HWPT_DIRTY_SPLIT_EAGER);
	if (!(cmd->flags & IOMMU_HWPT_DIRTY_SPLIT_MODE_SET)) {
		cmd->mode = READ_ONCE(hwpt->dirty.mode);
	} else if (cmd->mode >= BITS_PER_TYPE(cmd->out_modes) ||
		   !(cmd->out_modes & BIT(cmd->mode))) {
		rc = -EOPNOTSUPP;
		goto out_put;
	} else {
		down_write(&hwpt->dirty.lock);
		WRITE_ONCE(hwpt->dirty.mode, cmd->mode);
		up_write(&hwpt->dirty.lock);
	}
	rc = iommufd_ucmd_respond(ucmd, sizeof(*cmd));
out_put:
	iommufd_put_object(ucmd->ictx, &hwpt->common.obj);
	return rc;
}

static int iommufd_dirty_check_range(struct iommu_hwpt_dirty_range *cmd,
				     unsigned long *last)
{
	if (cmd->flags || cmd->__reserved)
		return -EOPNOTSUPP;
	return iommufd_dirty_last(cmd->iova, cmd->length, last);
}

/* With the pages that it begins and ends in */
static int iommufd_dirty_split_ioctl(struct iommufd_hwpt_paging *hwpt,
				     unsigned long iova, unsigned long last,
				     unsigned long *leaves)
{
	unsigned long mask = iommufd_dirty_page_mask(&hwpt->ioas->iopt);
	int rc;

	down_write(&hwpt->dirty.lock);
	rc = iommufd_dirty_split_range(hwpt, iova & ~mask, last | mask, leaves,
				       "range");
	up_write(&hwpt->dirty.lock);
	return rc;
}

/* Without pages that it begins or ends in the middle of */
static int iommufd_dirty_join_ioctl(struct iommufd_hwpt_paging *hwpt,
				    unsigned long iova, unsigned long last,
				    unsigned long *leaves)
{
	unsigned long mask = iommufd_dirty_page_mask(&hwpt->ioas->iopt);
	unsigned long skip = -iova & mask, cut = (last + 1) & mask;
	int rc;

	if (last - iova < skip + cut)
		return 0;
	down_read(&hwpt->dirty.lock);
	rc = iommufd_dirty_join_range(hwpt, iova + skip, last - cut, leaves,
				      "range");
	up_read(&hwpt->dirty.lock);
	return rc;
}

static int
iommufd_dirty_range_ioctl(struct iommufd_ucmd *ucmd,
			  int (*change)(struct iommufd_hwpt_paging *hwpt,
					unsigned long iova, unsigned long last,
					unsigned long *leaves))
{
	struct iommu_hwpt_dirty_range *cmd = ucmd->cmd;
	struct iommufd_hwpt_paging *hwpt;
	unsigned long last, leaves = 0;
	int rc;

	rc = iommufd_dirty_check_range(cmd, &last);
	if (rc)
		return rc;
	hwpt = iommufd_dirty_split_get(ucmd, cmd->hwpt_id, true);
	if (IS_ERR(hwpt))
		return PTR_ERR(hwpt);

	rc = change(hwpt, cmd->iova, last, &leaves);
	cmd->out_leaves = leaves;
	if (!rc)
		rc = iommufd_ucmd_respond(ucmd, sizeof(*cmd));
	iommufd_put_object(ucmd->ictx, &hwpt->common.obj);
	return rc;
}

/**
 * iommufd_hwpt_dirty_split() - ioctl(IOMMU_HWPT_DIRTY_SPLIT)
 * @ucmd: the call
 *
 * Context: process context; takes iommufd_dirty::lock for write and iova_rwsem
 *	    for read.
 * Return: 0; -EOPNOTSUPP for flags or reserved fields that are unknown, or an
 *	   HWPT whose leaves cannot be split; -ENOENT for an id that is no
 *	   paging HWPT; -EINVAL for an empty range, -EOVERFLOW for one that
 *	   wraps; -ENOMEM; -EINTR on a fatal signal; -EFAULT.
 */
int iommufd_hwpt_dirty_split(struct iommufd_ucmd *ucmd)
{
	return iommufd_dirty_range_ioctl(ucmd, iommufd_dirty_split_ioctl);
}

/**
 * iommufd_hwpt_dirty_join() - ioctl(IOMMU_HWPT_DIRTY_JOIN)
 * @ucmd: the call
 *
 * Context: process context; takes iommufd_dirty::lock for read, so that no
 *	    device comes of which the flush does not know, and iova_rwsem for
 *	    write.
 * Return: as iommufd_hwpt_dirty_split().
 */
int iommufd_hwpt_dirty_join(struct iommufd_ucmd *ucmd)
{
	return iommufd_dirty_range_ioctl(ucmd, iommufd_dirty_join_ioctl);
}
