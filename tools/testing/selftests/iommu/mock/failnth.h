/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The n-th allocation of a call fails: /proc/self/fail-nth
 *
 * Needs CONFIG_FAILSLAB and debugfs, and CONFIG_FAIL_PAGE_ALLOC for pages.
 */
#ifndef FAILNTH_H
#define FAILNTH_H

#include <stdbool.h>

/* No call has that many allocations. */
#define FAILNTH_MAX	1500

/**
 * failnth_open - have allocations from slabs fail when armed
 *
 * Return: what the others take, or a negative errno.
 */
int failnth_open(void);

/**
 * failnth_pages - have allocations of pages fail as well, of this and others
 * @on: or not any more
 *
 * Return: 0 or a negative errno.
 */
int failnth_pages(bool on);

/**
 * failnth_arm - fail an allocation of this thread
 * @fail: from failnth_open()
 * @n: which, from 1 on; 0 for none
 *
 * Return: 0 or a negative errno.
 */
int failnth_arm(int fail, unsigned int n);

/**
 * failnth_fired - has it been reached, and failed? None fails from now on
 * @fail: from failnth_open()
 */
bool failnth_fired(int fail);

#endif /* FAILNTH_H */
