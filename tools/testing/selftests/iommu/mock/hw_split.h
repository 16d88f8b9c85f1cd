/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of splitting and joining share. */
#ifndef MOCK_HW_SPLIT_H
#define MOCK_HW_SPLIT_H

#include "hw.h"

/* In the middle of everything, and in the first leaf */
#define PAGE		2051U
#define OTHER		17U

/* Leaves of level 2, which need a table each */
#define TABLE_PAGES	512U
#define NR_TABLES	(HW_PAGES / TABLE_PAGES)

static inline int set_mode(const struct hw *hw, uint32_t mode)
{
	return iommufd_set_split_mode(hw->fd, hw->hwpt, mode);
}

static inline int start(const struct hw *hw, uint32_t mode)
{
	int rc = set_mode(hw, mode);

	return rc ? rc : iommufd_set_dirty(hw->fd, hw->hwpt, true);
}

/* What a leaf of so many pages is split into */
static inline unsigned int split_once(unsigned int pages)
{
	return pages > TABLE_PAGES ? TABLE_PAGES : 1;
}

/* Does a read report these pages only, around @page? */
static inline bool reports(struct hw *hw, uint8_t *bits, unsigned int page,
			   unsigned int pages)
{
	return !hw_get(hw, 0, bits) &&
	       hw_only(bits, page / pages * pages, pages);
}

static inline bool clean(struct hw *hw, uint8_t *bits)
{
	return !hw_get(hw, 0, bits) && hw_only(bits, 0, 0);
}

#endif /* MOCK_HW_SPLIT_H */
