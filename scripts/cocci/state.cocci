// SPDX-License-Identifier: GPL-2.0-only
/// Whether a domain tracks is the core's to say, once for all drivers: nobody
/// else writes iommu_domain::dirty_enabled.
//
// Files: own hooked

virtual report

@initialize:python@
@@
core = ['iommufd_dirty_switch']

@write@
expression d, v;
assignment operator a;
position p;
@@
(
 WRITE_ONCE@p(d->dirty_enabled, v)
|
 WRITE_ONCE@p(d.dirty_enabled, v)
|
 d->dirty_enabled a@p v
|
 d.dirty_enabled a@p v
)

@script:python@
p << write.p;
@@
if p[0].current_element not in core:
    coccilib.report.print_report(p[0], 'dirty_enabled written outside of the core')
