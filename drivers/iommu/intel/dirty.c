// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty tracking by VT-d second-stage A/D bits
 *
 * The switch is SSADE in the PASID-table entry of each device, for second-stage
 * and nested translation alike (VT-d 4.1, section 9.6). Devices nested on the
 * domain have a PASID-table entry of their own, which points to the domain's
 * second-stage table: they are switched too.
 *
 * A device that is attached while tracking is on gets the bit with the rest of
 * its entry (pasid.c), from iommu_domain::dirty_enabled. The core excludes
 * attaching from switching and from reading. The latter also keeps the root of
 * the table in place: attaching an IOMMU of a smaller address width takes
 * levels off the top.
 *
 * Tables are coherent wherever A/D bits work, so nothing is written back from
 * the CPU's cache.
 */
#include <linux/iommu-dirty.h>
#include <linux/iommu.h>
#include <linux/pci.h>
#include <linux/rculist.h>

#include "dirty.h"
#include "dirty_fmt.h"
#include "iommu.h"
#include "pasid.h"

/**
 * intel_dirty_capable() - can DMA writes of a device be tracked
 * @dev: device that the driver has probed
 *
 * Hardware updates A/D bits only by a walk that snoops (SMPWC). A sub-device
 * whose DMA carries another device's requester id has no PASID-table entry of
 * its own to switch. The walker counts on a word that holds an IOVA.
 *
 * Return: true if a domain that tracks can be allocated for @dev and attached.
 */
bool intel_dirty_capable(struct device *dev)
{
	struct device_domain_info *info = dev_iommu_priv_get(dev);
	struct intel_iommu *iommu = info->iommu;

	if (dev_is_pci(dev) &&
	    pci_real_dma_dev(to_pci_dev(dev)) != to_pci_dev(dev))
		return false;
	return IS_ENABLED(CONFIG_64BIT) && sm_supported(iommu) &&
	       ecap_slts(iommu->ecap) &&
	       ecap_slads(iommu->ecap) && ecap_smpwc(iommu->ecap);
}

/*
 * Switch one device. What is cached under the old setting goes, in the order
 * that VT-d has for a change of a present entry (section 6.5.3.3 "Guidance to
 * Software for Invalidations"): PASID cache, IOTLB by domain, device TLB.
 */
static int intel_dirty_set_device(struct device_domain_info *info, bool enable)
{
	struct intel_iommu *iommu = info->iommu;
	struct pasid_entry *pte;
	u16 did, pgtt;

	spin_lock(&iommu->lock);
	pte = intel_pasid_get_entry(info->dev, IOMMU_NO_PASID);
	if (!pte) {
		spin_unlock(&iommu->lock);
		return -ENODEV;
	}
	/*
	 * On its way in, and takes the setting with its entry; or on its way
	 * out. See intel_dirty_set_devices().
	 */
	if (!pasid_pte_is_present(pte)) {
		spin_unlock(&iommu->lock);
		return 0;
	}
	pgtt = pasid_pte_get_pgtt(pte);
	if (WARN_ON_ONCE(pgtt != PASID_ENTRY_PGTT_SL_ONLY &&
			 pgtt != PASID_ENTRY_PGTT_NESTED)) {
		spin_unlock(&iommu->lock);
		return -EOPNOTSUPP;
	}
	did = pasid_get_domain_id(pte);
	if (enable)
		pasid_set_ssade(pte);
	else
		pasid_clear_ssade(pte);
	spin_unlock(&iommu->lock);

	if (!ecap_coherent(iommu->ecap))
		clflush_cache_range(pte, sizeof(*pte));

	pasid_cache_invalidation_with_pasid(iommu, did, IOMMU_NO_PASID);
	iommu->flush.flush_iotlb(iommu, did, 0, 0, DMA_TLB_DSI_FLUSH);
	devtlb_invalidation_with_pasid(iommu, info->dev, IOMMU_NO_PASID);
	return 0;
}

/*
 * Switch every device of @domain, up to the first that fails. The core excludes
 * attaching, but not a device that is plugged into a group in use, or out of it.
 *
 * Who is plugged in is in the list before it gets its entry. Who is plugged out
 * loses its PASID table and its place in memory after a grace period.
 * domain->lock would do for that as well, but it nests inside iommu->lock:
 * domain_attach_iommu() looks for a NUMA node in this list.
 */
static int intel_dirty_set_devices(struct dmar_domain *domain, bool enable)
{
	struct device_domain_info *info;
	int ret = 0;

	/*
	 * The core has written iommu_domain::dirty_enabled, the list is read
	 * now. Who is plugged in does it the other way round: it adds itself,
	 * takes iommu->lock, a full barrier on x86, and reads the setting for
	 * its entry. One of the two sees the other.
	 */
	smp_mb();
	rcu_read_lock();
	list_for_each_entry_rcu(info, &domain->devices, link) {
		ret = intel_dirty_set_device(info, enable);
		if (ret)
			break;
	}
	rcu_read_unlock();
	return ret;
}

static int intel_dirty_set_all(struct dmar_domain *s2_domain, bool enable)
{
	struct dmar_domain *s1_domain;
	int ret;

	ret = intel_dirty_set_devices(s2_domain, enable);
	if (ret || !s2_domain->nested_parent)
		return ret;

	spin_lock(&s2_domain->s1_lock);
	list_for_each_entry(s1_domain, &s2_domain->s1_domains, s2_link) {
		ret = intel_dirty_set_devices(s1_domain, enable);
		if (ret)
			break;
	}
	spin_unlock(&s2_domain->s1_lock);
	return ret;
}

static int intel_dirty_set(struct iommu_domain *domain, bool enable)
{
	int ret = intel_dirty_set_all(to_dmar_domain(domain), enable);

	/* A device that fails now failed before and was not switched. */
	if (ret)
		intel_dirty_set_all(to_dmar_domain(domain), !enable);
	return ret;
}

static void intel_dirty_read(struct iommu_domain *domain,
			     struct iommu_dirty_read *read, unsigned long iova,
			     unsigned long last)
{
	struct dmar_domain *dmar_domain = to_dmar_domain(domain);

	vtdss_walk((u64 *)dmar_domain->pgd, agaw_to_level(dmar_domain->agaw),
		   read, iova, last);
}

/*
 * The invalidation hint says that the paging-structure caches may stay. So they
 * may if only leaves changed that have nothing but leaves beside them.
 */
static void intel_dirty_flush(struct iommu_domain *domain, unsigned long iova,
			      unsigned long last, unsigned long sizes)
{
	cache_tag_flush_range(to_dmar_domain(domain), iova, last,
			      sizes == VTD_PAGE_SIZE);
}

static size_t intel_dirty_split_table(struct iommu_domain *domain)
{
	return VTD_PAGE_SIZE;
}

static const struct iommu_dirty_ops intel_dirty_ops = {
	.set = intel_dirty_set,
	.read = intel_dirty_read,
	.flush = intel_dirty_flush,
	.split_table = intel_dirty_split_table,
};

/*
 * A second stage that others are nested on has no leaf that is read-only: what
 * hardware writes there to first-stage tables may pass by the permission
 * (ERRATA_772415_SPR17; __domain_mapping() refuses to map any).
 */
static const struct iommu_dirty_ops intel_dirty_parent_ops = {
	.set = intel_dirty_set,
	.read = intel_dirty_read,
	.flush = intel_dirty_flush,
	.split_table = intel_dirty_split_table,
	.writable_only = true,
};

/**
 * intel_dirty_init_domain() - make a second-stage domain track
 * @domain: domain under construction, of a device that is capable
 */
void intel_dirty_init_domain(struct iommu_domain *domain)
{
	domain->dirty_ops = to_dmar_domain(domain)->nested_parent ?
				    &intel_dirty_parent_ops :
				    &intel_dirty_ops;
}
