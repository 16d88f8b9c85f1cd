/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a call returns if it has worked.  Statements, unlike the harness's own
 * words: its handler would run behind, not in, a loop without braces.
 */
#ifndef DMA_EXPECT_H
#define DMA_EXPECT_H

#define OK(x)		do { EXPECT_EQ(0, x); } while (0)
#define MUST(x)		do { ASSERT_EQ(0, x); } while (0)

#endif /* DMA_EXPECT_H */
