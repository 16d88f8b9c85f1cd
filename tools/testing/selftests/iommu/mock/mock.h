/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests on iommufd's mock IOMMU stand on: an iommufd, an IOAS, a mock
 * device, a HWPT that tracks, and the oracle of ../dma, which knows what the
 * next report must say.
 *
 * The mock's page table has leaves of MOCK_PAGE, and of MOCK_HUGE where memory
 * and IOVA allow and the device has MOCK_FLAGS_DEVICE_HUGE_IOVA. Its aperture
 * is 16 MiB to 2 GiB. Memory is scarce: areas of any size are the same 512 KiB
 * or 2 MiB over and over, which makes them many adjacent areas for the kernel.
 *
 * Names of tests that begin with promise1_ to promise9_, and comments, go by the
 * promises in Documentation/driver-api/iommu-dirty-tests.rst, section "Promises".
 *
 * Functions return 0 or a negative errno unless they say otherwise.
 */
#ifndef MOCK_H
#define MOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../dma/expect.h"
#include "../dma/iommufd.h"
#include "../dma/oracle.h"
#include "iommufd_test.h"

#define MOCK_PAGE	2048ULL
#define MOCK_HUGE	(512 * MOCK_PAGE)
#define MOCK_START	((uint64_t)MOCK_APERTURE_START)
#define MOCK_END	((uint64_t)MOCK_APERTURE_LAST + 1)

#define KIB(n)		((uint64_t)(n) << 10)
#define MIB(n)		((uint64_t)(n) << 20)
#define GIB(n)		((uint64_t)(n) << 30)

/* IOVA whose bits fill a page of bitmap, one a leaf: a window of the kernel's */
#define MOCK_WINDOW	(4096 * 8 * MOCK_PAGE)

/* How long a race may go on until what it is there for has happened */
#define MOCK_RACE_LIMIT_MS	60000

/* Under TCG with every debug option a test may be slow; it may not hang. */
#define SLOW		120

/**
 * struct mock - an iommufd with a mock device that is tracked
 * @fd: the iommufd
 * @ioas: where mock_map() maps
 * @stdev: the mock device, for mock_replace()
 * @idev: the same device as iommufd knows it
 * @hwpt: the tracking HWPT of @ioas, the device attached to it
 * @small: what is mapped with small leaves
 * @huge: what is mapped with large ones; NULL until it is needed
 * @oracle: of @hwpt
 */
struct mock {
	int fd;
	uint32_t ioas;
	uint32_t stdev;
	uint32_t idev;
	uint32_t hwpt;
	void *small;
	void *huge;
	struct oracle oracle;
};

/**
 * mock_now_ms - a clock that is never set
 *
 * Return: milliseconds since some time.
 */
uint64_t mock_now_ms(void);

/**
 * mock_race - is a race to go on?
 * @begin: mock_now_ms() when it began
 * @ms: it does for so long
 * @happened: what it is there for has happened. If not, it goes on, which takes a
 *            slow machine as long as it needs; but not forever, and the test
 *            must say then that nothing happened
 */
bool mock_race(uint64_t begin, uint64_t ms, bool happened);

/**
 * struct mock_device - a mock device
 * @stdev: for mock_replace() and iommufd_destroy()
 * @idev: as iommufd knows it
 * @hwpt: what it was attached to first
 */
struct mock_device {
	uint32_t stdev;
	uint32_t idev;
	uint32_t hwpt;
};

/**
 * mock_add - make a mock device, bind and attach it
 * @fd: the iommufd
 * @pt: IOAS or HWPT to attach to
 * @flags: MOCK_FLAGS_DEVICE_*
 * @dev: filled in
 */
int mock_add(int fd, uint32_t pt, uint32_t flags, struct mock_device *dev);

/**
 * mock_add_device - mock_add(), if nobody asks for the HWPT
 * @fd: the iommufd
 * @pt: IOAS or HWPT to attach to
 * @flags: MOCK_FLAGS_DEVICE_*
 * @stdev: filled in with the mock device's id
 * @idev: filled in with iommufd's id of it; may be NULL
 */
int mock_add_device(int fd, uint32_t pt, uint32_t flags, uint32_t *stdev,
		    uint32_t *idev);

/**
 * mock_replace - move a mock device to another page table
 * @fd: the iommufd
 * @stdev: the device
 * @pt: IOAS or HWPT
 */
int mock_replace(int fd, uint32_t stdev, uint32_t pt);

/**
 * mock_nest - IOMMU_HWPT_ALLOC of a nested HWPT
 * @fd: the iommufd
 * @idev: a device
 * @parent: HWPT allocated with IOMMU_HWPT_ALLOC_NEST_PARENT
 * @hwpt: filled in
 */
int mock_nest(int fd, uint32_t idev, uint32_t parent, uint32_t *hwpt);

/**
 * mock_mark - have a device write pages; the oracle is not told
 * @fd: the iommufd
 * @hwpt: a HWPT that tracks
 * @iova: what bit 0 of @bits stands for
 * @pages: how many bits, one for each MOCK_PAGE
 * @bits: which pages are written
 *
 * Return: the number of pages written, those that are mapped, or a negative
 * errno.
 */
int mock_mark(int fd, uint32_t hwpt, uint64_t iova, uint64_t pages,
	      const void *bits);

/**
 * mock_open - all of it; nothing is mapped and tracking is off
 * @m: filled in
 * @leaf: MOCK_PAGE, or MOCK_HUGE for a device that has both
 */
int mock_open(struct mock *m, uint64_t leaf);

/**
 * mock_close - close everything
 * @m: from mock_open()
 */
void mock_close(struct mock *m);

/**
 * mock_map - map memory, and tell the oracle
 * @m: the mock
 * @iova: where
 * @length: bytes
 * @leaf: MOCK_PAGE, or MOCK_HUGE: then @iova and @length are multiples of it
 */
int mock_map(struct mock *m, uint64_t iova, uint64_t length, uint64_t leaf);

/**
 * mock_unmap - unmap what one mock_map() has mapped, and tell the oracle
 * @m: the mock
 * @iova: as there
 * @length: as there
 */
int mock_unmap(struct mock *m, uint64_t iova, uint64_t length);

/**
 * mock_set - switch tracking, and tell the oracle
 * @m: the mock
 * @on: on or off
 */
int mock_set(struct mock *m, bool on);

/**
 * mock_write - have the device write a part of the pages of a range
 * @m: the mock
 * @iova: the first page
 * @stride: from one to the next, a multiple of MOCK_PAGE
 * @n: how many; what is not mapped is not written
 */
int mock_write(struct mock *m, uint64_t iova, uint64_t stride, uint64_t n);

/**
 * mock_write_random - have the device write pages anywhere in a range
 * @m: the mock
 * @iova: first byte
 * @length: bytes
 * @n: how many, about
 * @seed: changed
 */
int mock_write_random(struct mock *m, uint64_t iova, uint64_t length,
		      unsigned int n, unsigned int *seed);

/**
 * mock_get - GET at MOCK_PAGE a bit, clearing, every bit compared
 * @m: the mock
 * @iova: first byte
 * @length: bytes
 *
 * Return: 0 if it is exact.
 */
int mock_get(struct mock *m, uint64_t iova, uint64_t length);

#endif /* MOCK_H */
