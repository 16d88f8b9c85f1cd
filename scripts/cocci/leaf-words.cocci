// SPDX-License-Identifier: GPL-2.0-only
/// A live page-table entry is changed by the walker, and by who splits, joins and
/// revokes leaves for it, and by nobody else: the walker records first, clears one bit
/// atomically and leaves the rest to hardware.
//
// Files: own but mock|kunit

virtual report

@initialize:python@
@@
# Clears a leaf at level 1, or a replicated one; clears a huge one; iommu-dirty-split.c;
# iommu-dirty-revoke.c
walker = ['__iommu_dirty_clear', '__iommu_dirty_visit_huge', '__iommu_dirty_mark',
          'split_huge', 'split_word', 'join_table', 'join_words',
          'revoke_word']

def found(p, what):
    if p[0].current_element not in walker:
        coccilib.report.print_report(p[0], what + ' outside of the walker')

// Only of an entry must the address be cast: bitmaps are of longs.
@bit@
identifier op =~ "^(__)?(test_and_)?(set|clear|change)_bit";
expression e, n;
position p;
@@
op@p(n, (unsigned long *)e)

@script:python@
p << bit.p;
@@
found(p, 'a bit of an entry changed')

@exchange@
identifier op =~ "^(try_)?(cmp)?xchg|^atomic64_";
position p;
@@
op@p(...)

@script:python@
p << exchange.p;
@@
found(p, 'an exchange')

@store@
typedef u64;
u64 *e;
expression i, v;
assignment operator a;
position p;
@@
(
 WRITE_ONCE@p(*e, v)
|
 WRITE_ONCE@p(e[i], v)
|
 *e a@p v
|
 e[i] a@p v
)

@script:python@
p << store.p;
@@
found(p, 'a store to an entry')
