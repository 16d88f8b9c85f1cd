// SPDX-License-Identifier: GPL-2.0-only
/// An invalidation by range needs the size of the smallest leaf that was
/// cleared: without one, drivers drop it or use steps that skip leaves.
//
// Files: own hooked

virtual report

@walk@
expression i, f, s;
constant c;
position p;
@@
io_pgtable_tlb_flush_walk@p(i, f, s, c)

@script:python@
p << walk.p;
@@
coccilib.report.print_report(p[0], 'a granule that does not depend on what was cleared')

@sync exists@
identifier g;
expression d;
position p;
@@
struct iommu_iotlb_gather g;
... when != g.pgsize = ...
    when != iommu_iotlb_gather_add_page(d, &g, ...)
iommu_iotlb_sync@p(d, &g)

@script:python@
p << sync.p;
@@
coccilib.report.print_report(p[0], 'a gather without a granule')

@size@
struct iommu_iotlb_gather g;
struct iommu_iotlb_gather *pg;
constant c;
position p;
@@
(
 g.pgsize =@p c
|
 pg->pgsize =@p c
)

@script:python@
p << size.p;
@@
coccilib.report.print_report(p[0], 'a granule that does not depend on what was cleared')
