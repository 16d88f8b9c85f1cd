// SPDX-License-Identifier: GPL-2.0-only
/// iommu_dirty_ops::set is called with the HWPT's dirty.lock held for write:
/// the list of devices stands still for it. Unit tests have neither.
//
// Files: own hooked but dirty-kunit/

virtual report

@unlocked exists@
identifier f;
const struct iommu_dirty_ops *o;
expression d, h, n;
position p;
@@
f(...)
{
	... when != down_write(&h->dirty.lock)
	    when != down_write_nested(&h->dirty.lock, n)
(
	d->dirty_ops->set@p(...)
|
	o->set@p(...)
)
	... when any
}

@script:python@
p << unlocked.p;
@@
coccilib.report.print_report(p[0], 'set called without dirty.lock')

@dropped exists@
const struct iommu_dirty_ops *o;
expression d, h, k, n;
position p;
@@
up_write(&h->dirty.lock);
... when != down_write(&k->dirty.lock)
    when != down_write_nested(&k->dirty.lock, n)
(
d->dirty_ops->set@p(...)
|
o->set@p(...)
)

@script:python@
p << dropped.p;
@@
coccilib.report.print_report(p[0], 'set called after dirty.lock was dropped')
