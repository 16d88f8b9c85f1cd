// SPDX-License-Identifier: GPL-2.0-only
/* What leaf-words.cocci must report: the lines marked so, and no others */

static void backend_read(u64 *table, unsigned int index)
{
	u64 *entry = table + index, old = READ_ONCE(*entry);

	clear_bit(9, (unsigned long *)entry); /* reported */
	test_and_clear_bit(9, (unsigned long *)&table[index]); /* reported */
	__set_bit(9, (unsigned long *)(table + index)); /* reported */
	if (try_cmpxchg64(entry, &old, old & ~BIT_ULL(9))) /* reported */
		return;
	old = xchg(entry, 0); /* reported */
	WRITE_ONCE(*entry, old & ~BIT_ULL(9)); /* reported */
	WRITE_ONCE(table[index], 0); /* reported */
	*entry &= ~BIT_ULL(9); /* reported */
	table[index] = 0; /* reported */
}

static void __iommu_dirty_clear(const struct iommu_dirty_fmt *fmt, u64 *entry)
{
	clear_bit(fmt->dirty_bit, (unsigned long *)entry);
}

static void log_or(unsigned long *page, unsigned long bit, unsigned long mask)
{
	unsigned long local = 0;

	set_bit(bit, page);
	atomic_long_or(mask, (atomic_long_t *)page + bit / BITS_PER_LONG);
	local |= mask;
	page[0] = local;
}
