// SPDX-License-Identifier: GPL-2.0-only
/* What state.cocci must report: the lines marked so, and no others */

static int backend_set(struct iommu_domain *domain, bool enable)
{
	struct dmar_domain *dmar_domain = to_dmar_domain(domain);

	domain->dirty_enabled = enable; /* reported */
	dmar_domain->domain.dirty_enabled |= enable; /* reported */
	WRITE_ONCE(domain->dirty_enabled, enable); /* reported */
	return domain->dirty_enabled == enable;
}

static void backend_entry(struct protection_domain *domain, u64 *entry)
{
	if (domain->domain.dirty_enabled)
		*entry |= DTE_FLAG_HAD;
}

static int iommufd_dirty_switch(struct iommufd_hwpt_paging *hwpt, bool enable)
{
	struct iommu_domain *domain = hwpt->common.domain;

	WRITE_ONCE(domain->dirty_enabled, enable);
	return 0;
}
