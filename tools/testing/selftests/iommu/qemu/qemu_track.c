// SPDX-License-Identifier: GPL-2.0-only
/*
 * QEMU's own use of dirty tracking, without a migration: calc-dirty-rate in its
 * mode "dirty-bitmap" switches tracking on, reads, waits, reads and switches it
 * off.  The test and QEMU share one iommufd, so that the test can look at the
 * same page table, without clearing anything, and compare page by page; what
 * QEMU itself has read is in its trace events.  Without an iommufd QEMU uses
 * VFIO's container, which nobody else can look into.
 *
 * Needs Debian 13's QEMU 10, unpacked in $QEMU_ROOT/trixie with its libraries, the
 * library of shim.c at $QEMU_SHIM, two edu devices bound to edu-vfio-pci behind an
 * IOMMU that tracks, hugetlbfs at /tmp/huge with 48 free pages of 2 MiB, and root.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/iommufd.h>

#include "kselftest_harness.h"
#include "iommufd.h"
#include "vm.h"

#define PAGES		(VM_RAM / PAGE)
#define WRITES		12
#define MAX_LEN		4096
#define SECONDS		30
#define SLOW		1800

/* What follows is below it: ACPI's hot-plug of PCI devices */
#define PCIHP_EJECT	0xae08
#define PCIHP_SELECT	0xae10
#define SECOND_SLOT	6

/**
 * struct track - a machine that is tracked
 * @vm: the machine
 * @leaf: bytes of the leaves that map its memory
 * @iommufd: shared with QEMU, or -1
 * @hwpt: QEMU's HWPT in it
 * @expected: pages that are dirty
 */
struct track {
	struct vm vm;
	uint64_t leaf;
	int iommufd;
	uint32_t hwpt;
	uint8_t expected[PAGES];
};

static unsigned int enabled(struct vm *vm)
{
	return vm_call_count(vm, "start: 0");
}

static uint64_t reported(struct vm *vm)
{
	return vm_trace_sum(vm, "vfio_get_dirty_bitmap", "dirty_pages=");
}

/*
 * Returns when tracking is on and QEMU's first read is behind.  QEMU holds its
 * big lock from one to the other, and takes it for each command.
 */
static void start(struct vm *vm)
{
	unsigned int before = enabled(vm);
	uint64_t end = now_ms() + VM_WAIT_MS;

	vm_qmp(vm,
	       "{'execute':'calc-dirty-rate','arguments':{'calc-time':%d,'mode':'dirty-bitmap'}}",
	       SECONDS);
	while (enabled(vm) == before) {
		if (now_ms() > end)
			die("QEMU does not switch tracking on");
		nap(50);
	}
	if (!vm_status(vm, "query-dirty-rate", "measuring"))
		die("QEMU does not measure: %s", vm->reply);
}

/*
 * What comes after QEMU's last read is not in it: call this behind each write.
 * QEMU says "measuring" for a little while longer, but switches tracking off
 * before it takes another command.
 */
static void still_measuring(struct vm *vm)
{
	if (!vm_status(vm, "query-dirty-rate", "measuring") ||
	    vm_call_count(vm, "stop: 0") == enabled(vm))
		die("QEMU has read already: this machine is too slow");
}

/* Returns when QEMU has read for the last time and has switched tracking off. */
static void finish(struct vm *vm)
{
	vm_wait(vm, "query-dirty-rate", "measured");
	if (vm_call_count(vm, "stop: 0") != enabled(vm))
		die("QEMU does not switch tracking off");
	if (vm_calls_failed(vm))
		die("calls of QEMU's have failed");
}

/* Leaves of one machine page or a large one, from 2 MiB on */
static void expect(uint8_t *expected, uint64_t leaf, uint64_t addr, uint64_t len)
{
	uint64_t at = addr / leaf * leaf;

	for (; at < addr + len; at += leaf)
		memset(expected + at / PAGE, 1, leaf / PAGE);
}

/*
 * A transfer of the device's.  The last two large leaves are left alone: they
 * alone may follow each other in physical memory and be one.
 */
static void write_unseen(struct track *t, unsigned int slot, uint64_t *addr,
			 unsigned int *len)
{
	uint64_t range = VM_RAM - 3 * LARGE - MAX_LEN;

	*addr = LARGE + (((uint64_t)rand() << 20) ^ rand()) % range;
	*len = 1 + rand() % MAX_LEN;
	vm_edu_start(&t->vm, slot, *addr, *len, 0, true);
	vm_edu_wait(&t->vm, slot);
}

/* The same several times, while it is tracked */
static void write_somewhere(struct track *t, unsigned int slot, unsigned int n)
{
	unsigned int len;
	uint64_t addr;

	while (n--) {
		write_unseen(t, slot, &addr, &len);
		expect(t->expected, t->leaf, addr, len);
	}
	still_measuring(&t->vm);
}

/* How many pages are wrong in what the kernel would report now */
static unsigned int differences(struct track *t)
{
	static uint8_t bitmap[PAGES / 8];
	unsigned int i, wrong = 0;
	bool dirty;
	int rc;

	memset(bitmap, 0, sizeof(bitmap));
	rc = iommufd_get_dirty(t->iommufd, t->hwpt,
			       IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR, 0, VM_RAM,
			       PAGE, bitmap);
	still_measuring(&t->vm);
	if (rc)
		die("the test's own GET has failed: %s", strerror(-rc));
	for (i = 0; i < PAGES; i++) {
		dirty = bitmap[i / 8] >> i % 8 & 1;
		if (dirty == t->expected[i])
			continue;
		if (!wrong++)
			printf("# page %u %s\n", i, dirty ? "invented" : "lost");
	}
	return wrong;
}

/* Has QEMU, which has read now, heard of what was written and of nothing else? */
static bool all_reported(struct track *t, uint64_t before)
{
	unsigned int pages = 0, i;
	uint64_t now;

	finish(&t->vm);
	now = reported(&t->vm) - before;
	for (i = 0; i < PAGES; i++)
		pages += t->expected[i];
	if (now != pages)
		printf("# %llu pages reported, %u written\n",
		       (unsigned long long)now, pages);
	return now == pages;
}

/* A device that comes while tracking is on is tracked; one that goes was. */
static void plug_write_unplug(struct track *t, const char *more)
{
	struct vm *vm = &t->vm;
	char bdf[VFIO_BDF_LEN];

	vm_edu_find(1, bdf);
	vm_qmp(vm,
	       "{'execute':'device_add','arguments':{'driver':'vfio-pci','id':'edu1','addr':'%d','host':'%s'%s}}",
	       SECOND_SLOT, bdf, more);
	vm_edu_setup(vm, SECOND_SLOT);
	write_somewhere(t, SECOND_SLOT, 3);

	/* The guest's part in unplugging is to say yes. */
	vm_qmp(vm, "{'execute':'device_del','arguments':{'id':'edu1'}}");
	vm_out(vm, PCIHP_SELECT, 0);
	vm_out(vm, PCIHP_EJECT, 1 << SECOND_SLOT);
	do {
		nap(100);
		vm_qmp(vm,
		       "{'execute':'qom-list','arguments':{'path':'/machine/peripheral'}}");
	} while (strstr(vm->reply, "\"edu1\""));
}

static void start_machine(struct track *t, struct vm_config *config)
{
	char bdf[VFIO_BDF_LEN];

	vm_edu_find(0, bdf);
	config->name = "vm";
	config->device = bdf;
	config->iommufd = t->iommufd;
	t->leaf = config->large ? LARGE : PAGE;
	vm_start(&t->vm, config);
	vm_edu_setup(&t->vm, VM_SLOT);
	vm_qmp(&t->vm, "{'execute':'cont'}");
}

FIXTURE(track)
{
	struct track t;
};

FIXTURE_VARIANT(track)
{
	bool large;
};

FIXTURE_VARIANT_ADD(track, small)
{
	.large = false,
};

FIXTURE_VARIANT_ADD(track, large)
{
	.large = true,
};

FIXTURE_SETUP(track)
{
	struct vm_config config = { .large = variant->large };
	struct track *t = &self->t;

	t->iommufd = iommufd_open();
	ASSERT_LE(0, t->iommufd);
	ASSERT_EQ(0, fcntl(t->iommufd, F_SETFD, 0));
	start_machine(t, &config);

	/* Tracking was asked for, and granted. */
	ASSERT_EQ(1, vm_trace_count(&t->vm, "iommufd_backend_alloc_hwpt"));
	ASSERT_EQ(1, vm_trace_count(&t->vm, "flags=0x2 "));
	t->hwpt = vm_trace_sum(&t->vm, "iommufd_backend_alloc_hwpt",
			       "out_hwpt=");
}

FIXTURE_TEARDOWN(track)
{
	vm_end(&self->t.vm);
	close(self->t.iommufd);
}

/* Each page that the device writes is reported to QEMU, and no other. */
TEST_F_TIMEOUT(track, exact_pages, SLOW)
{
	struct track *t = &self->t;
	unsigned int len;
	uint64_t addr;

	srand(1);
	write_unseen(t, VM_SLOT, &addr, &len);
	start(&t->vm);
	EXPECT_EQ(0, reported(&t->vm));
	write_somewhere(t, VM_SLOT, WRITES);
	EXPECT_EQ(0, differences(t));
	EXPECT_TRUE(all_reported(t, 0));
}

/* Tracking off and on again starts clean. */
TEST_F_TIMEOUT(track, again, SLOW)
{
	struct track *t = &self->t;
	uint64_t addr, before;
	unsigned int len;

	srand(2);
	start(&t->vm);
	write_somewhere(t, VM_SLOT, 1);
	EXPECT_TRUE(all_reported(t, 0));
	write_unseen(t, VM_SLOT, &addr, &len);

	memset(t->expected, 0, sizeof(t->expected));
	before = reported(&t->vm);
	start(&t->vm);
	EXPECT_EQ(before, reported(&t->vm));
	write_somewhere(t, VM_SLOT, 1);
	EXPECT_EQ(0, differences(t));
	EXPECT_TRUE(all_reported(t, before));
}

/* Switched on while it is on, it forgets nothing. */
TEST_F_TIMEOUT(track, on_twice, SLOW)
{
	struct track *t = &self->t;

	srand(3);
	start(&t->vm);
	write_somewhere(t, VM_SLOT, 4);
	EXPECT_EQ(0, iommufd_set_dirty(t->iommufd, t->hwpt, true));
	write_somewhere(t, VM_SLOT, 4);
	EXPECT_EQ(0, differences(t));
	EXPECT_TRUE(all_reported(t, 0));
}

/* QEMU asks for the device's own BAR too, where nothing is mapped. */
TEST_F_TIMEOUT(track, unmapped_ranges, SLOW)
{
	struct track *t = &self->t;
	char text[64];

	srand(4);
	start(&t->vm);
	write_somewhere(t, VM_SLOT, 1);
	EXPECT_TRUE(all_reported(t, 0));
	snprintf(text, sizeof(text), "iova=0x%x size", VM_BAR(VM_SLOT));
	EXPECT_LT(0, vm_trace_count(&t->vm, text));
}

TEST_F_TIMEOUT(track, hotplug, SLOW)
{
	struct track *t = &self->t;

	srand(5);
	start(&t->vm);
	write_somewhere(t, VM_SLOT, 3);
	plug_write_unplug(t, ",'iommufd':'iommufd0'");
	EXPECT_EQ(1, vm_trace_count(&t->vm, "iommufd_backend_alloc_hwpt"));
	write_somewhere(t, VM_SLOT, 3);
	EXPECT_EQ(0, differences(t));
	EXPECT_TRUE(all_reported(t, 0));
}

FIXTURE(container)
{
	struct track t;
};

FIXTURE_VARIANT(container)
{
	bool large;
};

FIXTURE_VARIANT_ADD(container, small)
{
	.large = false,
};

FIXTURE_VARIANT_ADD(container, large)
{
	.large = true,
};

FIXTURE_SETUP(container)
{
	struct vm_config config = { .large = variant->large, .legacy = true };

	self->t.iommufd = -1;
	start_machine(&self->t, &config);
}

FIXTURE_TEARDOWN(container)
{
	vm_end(&self->t.vm);
}

/* The same through VFIO's container, twice */
TEST_F_TIMEOUT(container, exact_pages, SLOW)
{
	struct track *t = &self->t;
	uint64_t addr, before;
	unsigned int len;

	srand(6);
	write_unseen(t, VM_SLOT, &addr, &len);
	start(&t->vm);
	EXPECT_EQ(0, reported(&t->vm));
	write_somewhere(t, VM_SLOT, WRITES);
	EXPECT_TRUE(all_reported(t, 0));
	EXPECT_LT(0, vm_call_count(&t->vm, "container get: 0"));
	write_unseen(t, VM_SLOT, &addr, &len);

	memset(t->expected, 0, sizeof(t->expected));
	before = reported(&t->vm);
	start(&t->vm);
	write_somewhere(t, VM_SLOT, 1);
	EXPECT_TRUE(all_reported(t, before));
}

TEST_F_TIMEOUT(container, hotplug, SLOW)
{
	struct track *t = &self->t;

	srand(7);
	start(&t->vm);
	write_somewhere(t, VM_SLOT, 3);
	plug_write_unplug(t, "");
	write_somewhere(t, VM_SLOT, 3);
	EXPECT_TRUE(all_reported(t, 0));
}

TEST_HARNESS_MAIN
