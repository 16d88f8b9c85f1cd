// SPDX-License-Identifier: GPL-2.0-only
// The io-pgtable operation. The quirk is a #define inside a structure, which no
// semantic patch reaches: see edits.toml.
// target: include/linux/io-pgtable.h

@read_and_clear_dirty@
@@
struct io_pgtable_ops {
	...
-	int (*read_and_clear_dirty)(...);
	...
};
