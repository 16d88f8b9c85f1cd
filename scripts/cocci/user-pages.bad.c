// SPDX-License-Identifier: GPL-2.0-only
/* What user-pages.cocci must report: the lines marked so, and no others */

static int pin_under_lock(struct io_pagetable *iopt, unsigned long user)
{
	struct page *page;
	int rc;

	down_read(&iopt->iova_rwsem);
	rc = pin_user_pages_fast(user, 1, FOLL_WRITE, &page); /* reported */
	up_read(&iopt->iova_rwsem);
	return rc;
}

static int store_on_one_path(struct iommufd_hwpt_paging *hwpt,
			     unsigned long __user *user, bool last)
{
	down_write(&hwpt->ioas->iopt.iova_rwsem);
	if (!last)
		up_write(&hwpt->ioas->iopt.iova_rwsem);
	if (put_user(0UL, user)) /* reported */
		return -EFAULT;
	return 0;
}

static int pin_before(struct io_pagetable *iopt, struct iommu_dirty_log *log,
		      const struct iommufd_dirty_bits *bits)
{
	unsigned int pages;
	int rc;

	down_read(&iopt->iova_rwsem);
	pages = iommufd_dirty_need(iopt, log, bits->iova);
	up_read(&iopt->iova_rwsem);
	rc = iommufd_dirty_log_pin(log, bits, pages);
	if (rc)
		return rc;
	down_read(&iopt->iova_rwsem);
	up_read(&iopt->iova_rwsem);
	return 0;
}
