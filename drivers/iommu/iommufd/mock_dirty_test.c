// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mock IOMMU's test operations for dirty tracking
 *
 * IOMMU_TEST_OP_DIRTY, which marks pages in the table behind everybody's back,
 * and those of mock_dirty_test.h, which make devices write, hold and fail
 * operations, and tell what was observed.
 */
#include <linux/iommu.h>
#include <linux/log2.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "io_pagetable.h"
#include "iommufd_private.h"
#include "iommufd_test.h"
#include "mock_dirty.h"

#define MOCK_DIRTY_LOG_MAX	SZ_64K

static_assert(sizeof(struct mock_dirty_cmd) == sizeof(struct iommu_test_cmd));
static_assert(offsetof(struct mock_dirty_cmd, last) ==
	      offsetof(struct iommu_test_cmd, last));

/* Set the dirty bit of each leaf that a bit of the user's bitmap stands for. */
static int mock_dirty_mark(struct mock_dirty *mock, unsigned long iova,
			   unsigned long page_size, unsigned long nr,
			   void __user *uptr)
{
	unsigned long *bits, i;
	int count = 0;

	bits = kvcalloc(BITS_TO_LONGS(nr), sizeof(*bits), GFP_KERNEL_ACCOUNT);
	if (!bits)
		return -ENOMEM;
	if (copy_from_user(bits, uptr, DIV_ROUND_UP(nr, BITS_PER_BYTE))) {
		kvfree(bits);
		return -EFAULT;
	}

	down_read(&mock->tables);
	for_each_set_bit(i, bits, nr)
		count += mock_pt_mark(mock, iova + i * page_size);
	up_read(&mock->tables);
	kvfree(bits);
	return count;
}

/**
 * mock_dirty_test() - IOMMU_TEST_OP_DIRTY: have a device write pages
 * @ucmd: the call
 * @cmd: its command
 *
 * Return: 0; -ENOENT for an id that is no paging HWPT; -EINVAL for one that is
 *	   not the mock's or whose tracking is off, and for bad arguments;
 *	   -EOVERFLOW if there are too many pages; -ENOMEM; -EFAULT.
 */
int mock_dirty_test(struct iommufd_ucmd *ucmd, struct iommu_test_cmd *cmd)
{
	unsigned long page_size = cmd->dirty.page_size;
	struct iommufd_hwpt_paging *hwpt;
	struct mock_dirty *mock;
	unsigned long nr;
	int rc = -EINVAL;

	if (!page_size || !cmd->dirty.length || !cmd->dirty.uptr ||
	    cmd->dirty.iova % page_size || cmd->dirty.length % page_size)
		return -EINVAL;
	nr = cmd->dirty.length / page_size;
	if (nr > SZ_16M * BITS_PER_BYTE)
		return -EOVERFLOW;

	hwpt = iommufd_get_hwpt_paging(ucmd, cmd->id);
	if (IS_ERR(hwpt))
		return PTR_ERR(hwpt);
	mock = to_mock_dirty(hwpt->common.domain);
	if (!mock)
		goto out_put;

	down_read(&hwpt->dirty.lock);
	if (mock->domain->dirty_enabled)
		rc = mock_dirty_mark(mock, cmd->dirty.iova, page_size, nr,
				     u64_to_user_ptr(cmd->dirty.uptr));
	up_read(&hwpt->dirty.lock);
	if (rc < 0)
		goto out_put;

	cmd->dirty.out_nr_dirty = rc;
	rc = iommufd_ucmd_respond(ucmd, sizeof(*cmd));
out_put:
	iommufd_put_object(ucmd->ictx, &hwpt->common.obj);
	return rc;
}

static int mock_dirty_op_leaf(struct iommufd_hwpt_paging *hwpt,
			      struct mock_dirty *mock,
			      struct mock_dirty_cmd *cmd)
{
	struct io_pagetable *iopt = &hwpt->ioas->iopt;
	unsigned long iova = cmd->leaf.iova, last;
	struct iopt_area *area;
	int rc = -ENOENT;

	if (!cmd->leaf.length || !is_power_of_2(cmd->leaf.size) ||
	    check_add_overflow(iova, (unsigned long)cmd->leaf.length - 1,
			       &last))
		return -EINVAL;

	/* A leaf over the edge of an area would go with either of two. */
	down_write(&iopt->iova_rwsem);
	area = iopt_area_iter_first(iopt, iova, last);
	if (area && area->pages && iopt_area_iova(area) <= iova &&
	    iopt_area_last_iova(area) >= last)
		rc = mock_pt_join(mock, iova, last, ilog2(cmd->leaf.size));
	up_write(&iopt->iova_rwsem);
	mock_dirty_invalidate(mock, iova, last, ~0UL, true);
	return rc;
}

static int mock_dirty_op_hold(struct mock_dirty *mock,
			      struct mock_dirty_cmd *cmd)
{
	WRITE_ONCE(mock->hold, cmd->hold.points);
	wake_up_all(&mock->wait);
	return 0;
}

static int mock_dirty_op_fail(struct mock_dirty *mock,
			      struct mock_dirty_cmd *cmd)
{
	if (cmd->fail.what >= MOCK_DIRTY_NR_FAIL || !cmd->fail.error ||
	    cmd->fail.error > MAX_ERRNO)
		return -EINVAL;
	spin_lock(&mock->lock);
	mock->fail_nth[cmd->fail.what] = cmd->fail.nth;
	mock->fail_error[cmd->fail.what] = -cmd->fail.error;
	spin_unlock(&mock->lock);
	return 0;
}

static int mock_dirty_op_stats(struct mock_dirty *mock,
			       struct mock_dirty_cmd *cmd)
{
	struct mock_dirty_stats stats;

	mock_dirty_stats(mock, cmd->stats.flags & MOCK_DIRTY_STATS_QUIET,
			 &stats);
	if (copy_to_user(u64_to_user_ptr(cmd->stats.uptr), &stats,
			 sizeof(stats)))
		return -EFAULT;
	return 0;
}

static int mock_dirty_op_hwpt(struct iommufd_ucmd *ucmd,
			      struct mock_dirty_cmd *cmd)
{
	struct iommufd_hwpt_paging *hwpt;
	struct mock_dirty *mock;
	int rc = -EINVAL;

	hwpt = iommufd_get_hwpt_paging(ucmd, cmd->id);
	if (IS_ERR(hwpt))
		return PTR_ERR(hwpt);
	mock = to_mock_dirty(hwpt->common.domain);
	if (!mock)
		goto out_put;

	switch (cmd->op) {
	case MOCK_DIRTY_OP_LEAF:
		rc = mock_dirty_op_leaf(hwpt, mock, cmd);
		break;
	case MOCK_DIRTY_OP_HOLD:
		rc = mock_dirty_op_hold(mock, cmd);
		break;
	case MOCK_DIRTY_OP_FAIL:
		rc = mock_dirty_op_fail(mock, cmd);
		break;
	case MOCK_DIRTY_OP_STATS:
		rc = mock_dirty_op_stats(mock, cmd);
		break;
	}
out_put:
	iommufd_put_object(ucmd->ictx, &hwpt->common.obj);
	return rc;
}

static int mock_dirty_op_log(struct device *dev, struct mock_dirty_cmd *cmd)
{
	unsigned int nr = cmd->log.nr;
	u32 *log;
	int rc;

	if (nr > MOCK_DIRTY_LOG_MAX)
		return -EINVAL;
	log = kvcalloc(nr, sizeof(*log), GFP_KERNEL_ACCOUNT);
	if (!log)
		return -ENOMEM;
	rc = mock_dirty_log(dev, log, nr, &cmd->log.out_writes,
			    &cmd->log.out_flushed);
	if (!rc && copy_to_user(u64_to_user_ptr(cmd->log.uptr), log,
				nr * sizeof(*log)))
		rc = -EFAULT;
	kvfree(log);
	return rc;
}

static int mock_dirty_op_device(struct iommufd_ucmd *ucmd,
				struct mock_dirty_cmd *cmd)
{
	struct iommufd_device *idev;
	int rc = -EINVAL;

	idev = iommufd_get_device(ucmd, cmd->id);
	if (IS_ERR(idev))
		return PTR_ERR(idev);
	if (!iommufd_selftest_is_mock_dev(idev->dev))
		goto out_put;

	switch (cmd->op) {
	case MOCK_DIRTY_OP_WRITE:
		if (cmd->write.length)
			rc = mock_dirty_write(idev->dev, cmd->write.iova,
					      cmd->write.iova +
						      cmd->write.length - 1,
					      !(cmd->write.flags &
						MOCK_DIRTY_WRITE_READS));
		break;
	case MOCK_DIRTY_OP_RUN:
		if (cmd->run.length)
			rc = mock_dirty_run(idev->dev, cmd->run.iova,
					    cmd->run.iova +
						    cmd->run.length - 1,
					    cmd->run.seed);
		break;
	case MOCK_DIRTY_OP_STOP:
		rc = mock_dirty_stop(idev->dev);
		break;
	case MOCK_DIRTY_OP_LOG:
		rc = mock_dirty_op_log(idev->dev, cmd);
		break;
	}
out_put:
	iommufd_put_object(ucmd->ictx, &idev->obj);
	return rc;
}

/**
 * mock_dirty_op() - IOMMU_TEST_CMD: MOCK_DIRTY_OP_*
 * @ucmd: the call
 *
 * Return: 0; -EOPNOTSUPP for another operation; -ENOENT if there is no such
 *	   object; -EINVAL if it is not the mock's or cannot track; what the
 *	   operation returns.
 */
int mock_dirty_op(struct iommufd_ucmd *ucmd)
{
	struct mock_dirty_cmd *cmd = ucmd->cmd;
	int rc;

	switch (cmd->op) {
	case MOCK_DIRTY_OP_LEAF:
	case MOCK_DIRTY_OP_HOLD:
	case MOCK_DIRTY_OP_FAIL:
	case MOCK_DIRTY_OP_STATS:
		rc = mock_dirty_op_hwpt(ucmd, cmd);
		break;
	case MOCK_DIRTY_OP_WRITE:
	case MOCK_DIRTY_OP_RUN:
	case MOCK_DIRTY_OP_STOP:
	case MOCK_DIRTY_OP_LOG:
		rc = mock_dirty_op_device(ucmd, cmd);
		break;
	default:
		return -EOPNOTSUPP;
	}
	return rc ? rc : iommufd_ucmd_respond(ucmd, sizeof(*cmd));
}
