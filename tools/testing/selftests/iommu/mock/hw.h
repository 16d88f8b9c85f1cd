/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The mock IOMMU as hardware: what its own test operations offer
 *
 * Functions return 0 or a negative errno unless they say otherwise.
 */
#ifndef MOCK_HW_H
#define MOCK_HW_H

#include <stdbool.h>
#include <stdint.h>

#include "mock.h"
#include "mock_dirty_test.h"

#define HW_PAGES	4096U
#define HW_LENGTH	(HW_PAGES * MOCK_PAGE)

/**
 * struct hw - one area, one HWPT that tracks it, one device attached to it
 * @fd: the iommufd
 * @ioas: with HW_LENGTH bytes at MOCK_START in it, one area
 * @stdev: the device, for mock_replace()
 * @idev: the device, for everything else
 * @hwpt: the HWPT, tracking switched off
 * @mem: the memory of the area
 */
struct hw {
	int fd;
	uint32_t ioas;
	uint32_t stdev;
	uint32_t idev;
	uint32_t hwpt;
	void *mem;
};

/* Where a page of the area is */
static inline uint64_t at(unsigned int page)
{
	return MOCK_START + page * MOCK_PAGE;
}

/**
 * hw_open - set it up
 * @hw: filled in
 * @dev_flags: MOCK_FLAGS_DEVICE_*, MOCK_DIRTY_DEVICE_*
 * @leaf: size of the leaves
 */
int hw_open(struct hw *hw, uint32_t dev_flags, uint64_t leaf);

/**
 * hw_close - undo hw_open()
 * @hw: the setup
 *
 * Return: how often the core did what it must not do. Each is printed.
 */
unsigned int hw_close(struct hw *hw);

/**
 * hw_get - GET of the area, a bit for each page
 * @hw: the setup
 * @flags: 0 or NO_CLEAR
 * @bits: HW_PAGES bits, zeroed first
 */
int hw_get(struct hw *hw, uint32_t flags, uint8_t *bits);

/**
 * hw_only - are exactly these bits set?
 * @bits: HW_PAGES bits
 * @first: the first
 * @n: how many
 */
bool hw_only(const uint8_t *bits, unsigned int first, unsigned int n);

/**
 * hw_leaves - map an area, or a part, by leaves of another size
 * @fd: the iommufd
 * @hwpt: the HWPT
 * @iova: first byte, a multiple of @size
 * @length: bytes, a multiple of @size
 * @size: bytes, at least those of the leaves that there are
 */
int hw_leaves(int fd, uint32_t hwpt, uint64_t iova, uint64_t length,
	      uint64_t size);

/**
 * hw_writes - have a device write a page
 * @fd: the iommufd
 * @idev: the device
 * @iova: the page
 */
int hw_writes(int fd, uint32_t idev, uint64_t iova);

/**
 * hw_reads - have a device read a page
 * @fd: the iommufd
 * @idev: the device
 * @iova: the page
 */
int hw_reads(int fd, uint32_t idev, uint64_t iova);

/**
 * hw_run - have a device write on and on, in a random order
 * @fd: the iommufd
 * @idev: the device
 * @iova: first byte
 * @length: bytes
 * @seed: of the order
 */
int hw_run(int fd, uint32_t idev, uint64_t iova, uint64_t length,
	   uint64_t seed);

/**
 * hw_seed - a seed for hw_run(); prints it
 *
 * Return: $MOCK_DIRTY_SEED, which repeats the order of a run; without it, another
 * one every time.
 */
uint64_t hw_seed(void);

/**
 * hw_stop - end hw_run()
 * @fd: the iommufd
 * @idev: the device
 */
int hw_stop(int fd, uint32_t idev);

/**
 * hw_log - what has been written since hw_run()
 * @fd: the iommufd
 * @idev: the device
 * @log: HW_PAGES numbers: of the last write of each page, from 1; 0 for none
 * @writes: number of the last write
 * @flushed: number of the last write before the last flush, or before the
 *           device was detached
 */
int hw_log(int fd, uint32_t idev, uint32_t *log, uint32_t *writes,
	   uint32_t *flushed);

/**
 * hw_hold - from now on, hold whoever comes to one of these points
 * @fd: the iommufd
 * @hwpt: the HWPT
 * @points: bit n: MOCK_DIRTY_HOLD_*
 */
int hw_hold(int fd, uint32_t hwpt, uint32_t points);

/**
 * hw_is_held - wait for somebody to be held
 * @fd: the iommufd
 * @hwpt: the HWPT
 * @point: MOCK_DIRTY_HOLD_*
 *
 * Return: false if nobody came, or nobody can say.
 */
bool hw_is_held(int fd, uint32_t hwpt, unsigned int point);

/**
 * hw_fail - fail an operation, once
 * @fd: the iommufd
 * @hwpt: the HWPT
 * @what: MOCK_DIRTY_FAIL_*
 * @nth: 1 for the next; 0 to fail none
 * @error: an errno, positive
 */
int hw_fail(int fd, uint32_t hwpt, uint32_t what, uint32_t nth, uint32_t error);

/**
 * hw_stats - what has happened
 * @fd: the iommufd
 * @hwpt: the HWPT
 * @flags: MOCK_DIRTY_STATS_*
 * @stats: filled in
 */
int hw_stats(int fd, uint32_t hwpt, uint32_t flags,
	     struct mock_dirty_stats *stats);

/**
 * hw_count - how often one thing has happened, see hw_count_at()
 * @hw: the setup
 * @what: a member of struct mock_dirty_stats
 */
#define hw_count(hw, what) \
	hw_count_at(hw, offsetof(struct mock_dirty_stats, what))

/**
 * hw_count_at - how often one thing has happened
 * @hw: the setup
 * @offset: where struct mock_dirty_stats has it
 *
 * Return: the number, or a negative errno.
 */
int64_t hw_count_at(const struct hw *hw, size_t offset);

/**
 * hw_faults - how often the core did what it must not do
 * @fd: the iommufd
 * @hwpt: the HWPT, which nobody reads now
 *
 * Return: the number of times; each is printed. If nobody can say, everything
 * that could have happened.
 */
unsigned int hw_faults(int fd, uint32_t hwpt);

#endif /* MOCK_HW_H */
