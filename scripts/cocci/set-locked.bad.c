// SPDX-License-Identifier: GPL-2.0-only
/* What set-locked.cocci must report: the lines marked so, and no others */

static int set_without(struct iommu_domain *domain, bool enable)
{
	return domain->dirty_ops->set(domain, enable); /* reported */
}

static int set_read_locked(struct iommufd_hwpt_paging *hwpt, bool enable)
{
	const struct iommu_dirty_ops *ops = hwpt->common.domain->dirty_ops;
	int rc;

	down_read(&hwpt->dirty.lock);
	rc = ops->set(hwpt->common.domain, enable); /* reported */
	up_read(&hwpt->dirty.lock);
	return rc;
}

static int set_on_one_path(struct iommufd_hwpt_paging *hwpt, bool enable)
{
	struct iommu_domain *domain = hwpt->common.domain;
	int rc;

	if (enable)
		down_write(&hwpt->dirty.lock);
	rc = domain->dirty_ops->set(domain, enable); /* reported */
	if (enable)
		up_write(&hwpt->dirty.lock);
	return rc;
}

static int set_too_late(struct iommufd_hwpt_paging *hwpt, bool enable)
{
	struct iommu_domain *domain = hwpt->common.domain;

	down_write(&hwpt->dirty.lock);
	domain->dirty_enabled = enable;
	up_write(&hwpt->dirty.lock);
	return domain->dirty_ops->set(domain, enable); /* reported */
}

static int set_locked(struct iommufd_hwpt_paging *hwpt, bool enable)
{
	struct iommu_domain *domain = hwpt->common.domain;
	int rc = 0;

	down_write(&hwpt->dirty.lock);
	if (domain->dirty_enabled == enable)
		goto out_unlock;
	rc = domain->dirty_ops->set(domain, enable);
out_unlock:
	up_write(&hwpt->dirty.lock);
	return rc;
}
