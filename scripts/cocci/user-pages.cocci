// SPDX-License-Identifier: GPL-2.0-only
/// No user page is faulted in while iova_rwsem is held: a bitmap behind
/// userfaultfd would stall every map of the address space.
//
// Files: own

virtual report

@faults exists@
identifier fault =~ "^(pin_user_pages|get_user_pages|copy_(to|from)_user|(get|put)_user|iommufd_dirty_log_pin$|iommufd_ucmd_respond$)";
expression i, j;
position p;
@@
(
down_read(\(&i->iova_rwsem\|&i.iova_rwsem\));
|
down_write(\(&i->iova_rwsem\|&i.iova_rwsem\));
)
... when != up_read(\(&j->iova_rwsem\|&j.iova_rwsem\))
    when != up_write(\(&j->iova_rwsem\|&j.iova_rwsem\))
fault@p(...)

@script:python@
p << faults.p;
@@
coccilib.report.print_report(p[0], 'user pages faulted in under iova_rwsem')
