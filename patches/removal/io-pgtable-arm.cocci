// SPDX-License-Identifier: GPL-2.0-only
// DBM and the walk of stage-1 tables. Two aligned macros lose these bits but stay
// themselves: see edits.toml.
// target: drivers/iommu/io-pgtable-arm.c

@dbm@
expression E;
@@
- #define ARM_LPAE_PTE_DBM E

@wr_clean_mask@
expression E;
@@
- #define ARM_LPAE_PTE_AP_WR_CLEAN_MASK E

@writeable_dirty@
identifier pte;
expression E;
@@
- #define iopte_writeable_dirty(pte) E

@set_writeable_clean@
identifier ptep;
expression E;
@@
- #define iopte_set_writeable_clean(ptep) E

// Its one caller is the walk.
@iopte_table@
typedef bool;
@@
- static inline bool iopte_table(...)
- { ... }

@prot_to_pte@
expression C, pte;
statement S;
@@
  if (...)
	S
- else if (C.quirks & IO_PGTABLE_QUIRK_ARM_HD)
-	pte |= ARM_LPAE_PTE_DBM;

@walk_data@
@@
- struct io_pgtable_walk_data { ... };

@walk_forward@
@@
- static int __arm_lpae_iopte_walk_dirty(...);

@visit@
@@
- static int io_pgtable_visit_dirty(...)
- { ... }

@walk@
@@
- static int __arm_lpae_iopte_walk_dirty(...)
- { ... }

@read_and_clear@
@@
- static int arm_lpae_read_and_clear_dirty(...)
- { ... }

@op@
symbol arm_lpae_read_and_clear_dirty;
identifier data;
@@
  data->iop.ops = (struct io_pgtable_ops) {
	...,
-	.read_and_clear_dirty = arm_lpae_read_and_clear_dirty,
  };

@quirk@
expression E;
@@
  E
- | IO_PGTABLE_QUIRK_ARM_HD
