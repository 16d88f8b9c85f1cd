// SPDX-License-Identifier: GPL-2.0-only
/*
 * iommufd dirty tracking, seen from a device.
 *
 * PCI devices do DMA through the IOMMU; an oracle remembers what they wrote,
 * and every answer of IOMMU_HWPT_GET_DIRTY_BITMAP is compared with it bit by
 * bit: none lost, none invented.  The numbers in "promise 4" are those of the
 * list in Documentation/driver-api/iommu-dirty-tests.rst.
 *
 * The tests need an e1000e and five edu devices of QEMU's behind an IOMMU with
 * Dirty bits, the last edu behind a bridge to conventional PCI as well, the two
 * before it functions of one device; nothing else may use them.  They need huge
 * pages, and to be root.
 *
 * One program in one unit: the harness keeps its list of tests in static
 * variables, so tests that are compiled apart would not be found.
 */
#include "fixture.h"
#include "burst.h"

#include "test_write.c"
#include "test_switch.c"
#include "test_attach.c"
#include "test_alias.c"
#include "test_range.c"
#include "test_leaf.c"
#include "test_block.c"
#include "test_split.c"
#include "test_trace.c"
#include "test_bitmap.c"
#include "test_args.c"
#include "test_race.c"
#include "test_plug.c"
#include "test_random.c"
#include "test_unmap.c"

TEST_HARNESS_MAIN
