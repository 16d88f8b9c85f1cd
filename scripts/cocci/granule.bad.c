// SPDX-License-Identifier: GPL-2.0-only
/* What granule.cocci must report: the lines marked so, and no others */

static void flush_walk(struct io_pgtable *iop, unsigned long iova,
		       unsigned long last, unsigned long sizes)
{
	io_pgtable_tlb_flush_walk(iop, iova, last - iova + 1, 0); /* reported */
	io_pgtable_tlb_flush_walk(iop, iova, last - iova + 1, SZ_2M); /* reported */
	io_pgtable_tlb_flush_walk(iop, iova, last - iova + 1,
				  BIT(__ffs(sizes)));
}

static void flush_range(struct iommu_domain *domain, unsigned long iova,
			size_t size)
{
	struct iommu_iotlb_gather gather;

	iommu_iotlb_gather_init(&gather);
	iommu_iotlb_gather_add_range(&gather, iova, size);
	iommu_iotlb_sync(domain, &gather); /* reported */
}

static void flush_constant(struct iommu_domain *domain, unsigned long iova,
			   size_t size)
{
	struct iommu_iotlb_gather gather;

	iommu_iotlb_gather_init(&gather);
	gather.pgsize = PAGE_SIZE; /* reported */
	iommu_iotlb_gather_add_range(&gather, iova, size);
	iommu_iotlb_sync(domain, &gather);
}

static void flush_sized(struct iommu_domain *domain, unsigned long iova,
			size_t size, unsigned long sizes)
{
	struct iommu_iotlb_gather gather;

	iommu_iotlb_gather_init(&gather);
	gather.pgsize = BIT(__ffs(sizes));
	iommu_iotlb_gather_add_range(&gather, iova, size);
	iommu_iotlb_sync(domain, &gather);
}

static void flush_page(struct iommu_domain *domain, unsigned long iova,
		       size_t size)
{
	struct iommu_iotlb_gather gather;

	iommu_iotlb_gather_init(&gather);
	iommu_iotlb_gather_add_page(domain, &gather, iova, size);
	iommu_iotlb_sync(domain, &gather);
}
