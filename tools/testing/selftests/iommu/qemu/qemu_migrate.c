// SPDX-License-Identifier: GPL-2.0-only
/*
 * QEMU migrates a machine whose device writes to memory all the time, and does
 * not say where: only the IOMMU knows.  When the machine has arrived, all of its
 * memory is compared, and its device's registers, and the device goes on.
 *
 * The machine's processor drives the device until QEMU stops it, so the last
 * transfer has begun before the stop and lands in it.
 *
 * QEMU of Debian 12 uses VFIO's container only, and devices in a way that kernels
 * have no more: shim_v1.c gives it that.
 *
 * Needs what qemu_track.c needs, QEMU 7.2 in $QEMU_ROOT/bookworm, and 96 huge
 * pages.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"
#include "edu.h"
#include "guest.h"
#include "vm.h"

#define SLOW		1800
#define BUFFER		4096
#define LIVENESS	0x12345678
#define PATTERN		(4 * MIB)
#define PLACES		32
#define STRIDE		0x101000
#define BASE		(16 * MIB)

/*
 * What may be left for the stop is the product of the two: at first less than
 * the device's own state, so that there is another round, and another; then
 * anything.  A limit of 0 would be no limit: QEMU stops after the first round.
 */
#define SLOWLY		"'max-bandwidth':1048576,'downtime-limit':1"
#define QUICKLY		"'max-bandwidth':1099511627776,'downtime-limit':60000"

/**
 * struct pair - a machine and where it goes
 * @src: the machine
 * @dst: the other
 * @bdf: their devices
 * @large: their memory is huge pages
 * @legacy: they are in a container of VFIO's, not given to an iommufd
 * @old: and QEMU is the old one
 * @drop: dirty pages that are reported get lost
 * @seed: of all that is random
 * @starts: how often @src had switched tracking on before it began to migrate
 * @gets: how often it had read
 */
struct pair {
	struct vm src;
	struct vm dst;
	char bdf[2][VFIO_BDF_LEN];
	bool large;
	bool legacy;
	bool old;
	bool drop;
	unsigned int seed;
	unsigned int starts;
	unsigned int gets;
};

FIXTURE(migrate)
{
	struct pair pair;
};

FIXTURE_VARIANT(migrate)
{
	unsigned int seed;
	bool large;
	bool legacy;
	bool old;
};

FIXTURE_VARIANT_ADD(migrate, small)
{
	.seed = 1,
	.large = false,
};

FIXTURE_VARIANT_ADD(migrate, large)
{
	.seed = 2,
	.large = true,
};

FIXTURE_VARIANT_ADD(migrate, container)
{
	.seed = 3,
	.legacy = true,
};

FIXTURE_VARIANT_ADD(migrate, container_old)
{
	.seed = 4,
	.legacy = true,
	.old = true,
};

static volatile struct guest_params *params(struct vm *vm)
{
	return (void *)(vm->ram + GUEST_PARAMS);
}

static void limits(struct vm *vm, const char *limits)
{
	vm_qmp(vm, "{'execute':'migrate-set-parameters','arguments':{%s}}",
	       limits);
}

static void pause_before_switchover(struct vm *vm, bool on)
{
	vm_qmp(vm,
	       "{'execute':'migrate-set-capabilities','arguments':{'capabilities':[{'capability':'pause-before-switchover','state':%s}]}}",
	       on ? "true" : "false");
}

/* Each 16th page of the memory has something in it, and so have the device's parts. */
static void start_source(struct pair *pair)
{
	struct vm_config config = {
		.name = "src", .device = pair->bdf[0], .large = pair->large,
		.legacy = pair->legacy, .old = pair->old, .drop = pair->drop,
		.iommufd = -1,
	};
	struct vm *vm = &pair->src;
	volatile struct guest_params *p;
	uint64_t off;
	int i;

	vm_start(vm, &config);
	srand(pair->seed);
	for (off = 2 * MIB; off < VM_RAM; off += 16 * PAGE)
		*(int *)(vm->ram + off) = rand() | 1;
	for (i = 0; i < BUFFER; i++)
		vm->ram[PATTERN + i] = rand();

	vm_edu_setup(vm, VM_SLOT);
	vm_write(vm, 4, VM_BAR(VM_SLOT) + 0x04, LIVENESS);
	vm_write(vm, 4, VM_BAR(VM_SLOT) + 0x08, 7);
	vm_edu_start(vm, VM_SLOT, PATTERN, BUFFER, 0, false);
	vm_edu_wait(vm, VM_SLOT);

	p = params(vm);
	p->bar = VM_BAR(VM_SLOT);
	p->random = pair->seed;
	p->mask = PLACES - 1;
	p->stride = STRIDE;
	p->base = BASE;
	p->run = 1;
	vm_qmp(vm, "{'execute':'cont'}");
}

/* A machine that has migrated once is a source with the name of a destination. */
static void start_destination(struct pair *pair, const char *bdf)
{
	struct vm_config config = {
		.name = strcmp(pair->src.name, "dst") ? "dst" : "src",
		.device = bdf, .large = pair->large, .legacy = pair->legacy,
		.old = pair->old, .iommufd = -1, .incoming = true,
	};

	vm_start(&pair->dst, &config);
}

static void wait_for_writes(struct vm *vm, unsigned int more)
{
	unsigned int until = params(vm)->count + more;
	uint64_t end = now_ms() + VM_WAIT_MS;

	while (params(vm)->count < until) {
		if (now_ms() > end)
			die("%s: the device does not write: %u of %u", vm->name,
			    params(vm)->count, until);
		nap(50);
	}
}

/* Both by an iommufd and by a container */
static unsigned int starts(const struct vm *vm)
{
	return vm_call_count(vm, "start: 0");
}

static unsigned int gets(const struct vm *vm)
{
	return vm_call_count(vm, "get: 0");
}

/* Returns in the midst of it, when pages have been sent, written, sent again. */
static void begin(struct pair *pair, unsigned int rounds)
{
	uint64_t end = now_ms() + VM_WAIT_MS;
	struct vm *src = &pair->src;

	pair->starts = starts(src);
	pair->gets = gets(src);
	limits(src, SLOWLY);
	vm_qmp(src,
	       "{'execute':'migrate','arguments':{'uri':'unix:/tmp/migration'}}");
	do {
		if (now_ms() > end)
			die("no rounds: %s", src->reply);
		wait_for_writes(src, 8);
		if (!vm_status(src, "query-migrate", "active") &&
		    !strstr(src->reply, "\"setup\""))
			die("not migrating: %s", src->reply);
	} while (vm_number(src, "dirty-sync-count") < rounds);
}

/* How it went: what each read has found, and which came after the stop */
static void show(struct vm *src)
{
	vm_trace_show(src, "migration_bitmap_sync_end");
	vm_qmp(src, "{'execute':'query-migrate'}");
	printf("# %llu reads, %llu pages sent, %llu of zeros, %llu ms, stopped for %llu ms\n",
	       (unsigned long long)vm_number(src, "dirty-sync-count"),
	       (unsigned long long)vm_number(src, "normal"),
	       (unsigned long long)vm_number(src, "duplicate"),
	       (unsigned long long)vm_number(src, "total-time"),
	       (unsigned long long)vm_number(src, "downtime"));
}

/*
 * TCG of QEMU before 9.0 may forget to send what the processor wrote, once it
 * has synchronised its bitmap in large steps.  The processor writes one page.
 */
static void forgive_processor(struct vm *src, struct vm *dst)
{
	if (!memcmp(src->ram + GUEST_PARAMS, dst->ram + GUEST_PARAMS, PAGE))
		return;
	printf("# QEMU has lost what the processor wrote\n");
	memcpy(dst->ram + GUEST_PARAMS, src->ram + GUEST_PARAMS, PAGE);
}

/*
 * A client that finds no tracking may send everything, each time: all arrives
 * then, and nothing is shown.  Call this after query-migrate.  Each time that
 * QEMU counts there is a GET for each range of memory.
 */
static void check_calls(const struct pair *pair)
{
	const struct vm *src = &pair->src;
	uint64_t reads = vm_number(src, "dirty-sync-count");

	if (vm_calls_failed(src))
		die("calls of QEMU's have failed");
	if (starts(src) == pair->starts)
		die("QEMU has not switched tracking on");
	if (!reads || gets(src) - pair->gets < reads)
		die("QEMU has read %llu times, by %u GETs",
		    (unsigned long long)reads, gets(src) - pair->gets);
}

static void complete(struct pair *pair)
{
	limits(&pair->src, QUICKLY);
	vm_wait(&pair->src, "query-migrate", "completed");
	vm_wait(&pair->dst, "query-status", "paused");
	show(&pair->src);
	check_calls(pair);
	if (pair->old)
		forgive_processor(&pair->src, &pair->dst);
}

static unsigned int different_pages(struct vm *src, struct vm *dst)
{
	unsigned int n = 0;
	uint64_t off;

	for (off = 0; off < VM_RAM; off += PAGE) {
		if (!memcmp(src->ram + off, dst->ram + off, PAGE))
			continue;
		if (!n++)
			printf("# memory differs at 0x%llx\n",
			       (unsigned long long)off);
	}
	return n;
}

static bool same(const char *what, uint64_t was, uint64_t is)
{
	if (was != is)
		printf("# %s was 0x%llx, is 0x%llx\n", what,
		       (unsigned long long)was, (unsigned long long)is);
	return was == is;
}

/* The program ends the transfer that it is in, and pauses. */
static void pause_program(struct vm *vm)
{
	volatile struct guest_params *p = params(vm);
	uint64_t end = now_ms() + VM_WAIT_MS;

	p->run = 0;
	while (p->running) {
		if (now_ms() > end)
			die("%s: the program does not pause", vm->name);
		nap(50);
	}
}

/*
 * The device gets its state when the machine starts.  The program then ends the
 * transfer that it was in: the registers have what it says of that.
 */
static bool same_registers(struct vm *src, struct vm *dst)
{
	volatile struct guest_params *p = params(dst);
	uint64_t bar = VM_BAR(VM_SLOT);
	bool all = true;

	p->run = 0;
	vm_qmp(dst, "{'execute':'cont'}");
	pause_program(dst);
	vm_qmp(dst, "{'execute':'stop'}");
	all &= same("liveness", (uint32_t)~LIVENESS, vm_read(dst, 4, bar + 0x04));
	all &= same("factorial", 5040, vm_read(dst, 4, bar + 0x08));
	all &= same("status", vm_read(src, 4, bar + 0x20), vm_read(dst, 4, bar + 0x20));
	all &= same("irqs", vm_read(src, 4, bar + 0x24), vm_read(dst, 4, bar + 0x24));
	all &= same("src", EDU_BUF + p->src, vm_read(dst, 8, bar + EDU_DMA_SRC));
	all &= same("dst", p->dst, vm_read(dst, 8, bar + EDU_DMA_DST));
	all &= same("count", GUEST_LEN, vm_read(dst, 8, bar + EDU_DMA_COUNT));
	all &= same("command", EDU_CMD_TO_RAM, vm_read(dst, 8, bar + EDU_DMA_CMD));
	p->run = 1;
	return all;
}

/*
 * Does the device write what its buffer had when it was still another?  The
 * program pauses first: it might be stopped between saying what it will write
 * and writing it.
 */
static bool goes_on(struct vm *vm)
{
	volatile struct guest_params *p = params(vm);

	vm_qmp(vm, "{'execute':'cont'}");
	wait_for_writes(vm, 3);
	pause_program(vm);
	vm_qmp(vm, "{'execute':'stop'}");
	p->run = 1;
	return !memcmp(vm->ram + p->dst, vm->ram + PATTERN + p->src, GUEST_LEN);
}

/* Has the machine arrived, and is nothing missing? */
static bool arrived(struct vm *src, struct vm *dst)
{
	return !different_pages(src, dst) && same_registers(src, dst) &&
	       goes_on(dst);
}

static void start_both(struct pair *pair)
{
	start_source(pair);
	start_destination(pair, pair->bdf[1]);
}

static bool migrates(struct pair *pair, unsigned int rounds)
{
	begin(pair, rounds);
	complete(pair);
	return arrived(&pair->src, &pair->dst);
}

FIXTURE_SETUP(migrate)
{
	struct pair *pair = &self->pair;

	vm_edu_find(0, pair->bdf[0]);
	vm_edu_find(1, pair->bdf[1]);
	pair->large = variant->large;
	pair->legacy = variant->legacy;
	pair->old = variant->old;
	pair->seed = variant->seed;
}

FIXTURE_TEARDOWN(migrate)
{
	vm_end(&self->pair.src);
	vm_end(&self->pair.dst);
}

TEST_F_TIMEOUT(migrate, rounds_3, SLOW)
{
	struct pair *pair = &self->pair;

	pair->seed += 10;
	start_both(pair);
	EXPECT_TRUE(migrates(pair, 3));
}

TEST_F_TIMEOUT(migrate, rounds_6, SLOW)
{
	struct pair *pair = &self->pair;

	pair->seed += 20;
	start_both(pair);
	EXPECT_TRUE(migrates(pair, 6));
}

/* And back to where it came from, to the device that it had first */
TEST_F_TIMEOUT(migrate, and_back, SLOW)
{
	struct pair *pair = &self->pair;

	pair->seed += 30;
	start_both(pair);
	ASSERT_TRUE(migrates(pair, 4));

	vm_end(&pair->src);
	pair->src = pair->dst;
	pair->dst.pid = 0;
	vm_qmp(&pair->src, "{'execute':'cont'}");
	start_destination(pair, pair->bdf[0]);
	EXPECT_TRUE(migrates(pair, 4));
}

/* Given up half-way, and done again */
TEST_F_TIMEOUT(migrate, cancelled, SLOW)
{
	struct pair *pair = &self->pair;
	struct vm *src = &pair->src;

	pair->seed += 40;
	start_both(pair);
	begin(pair, 3);
	vm_qmp(src, "{'execute':'migrate_cancel'}");
	vm_wait(src, "query-migrate", "cancelled");
	EXPECT_TRUE(vm_status(src, "query-status", "running"));
	vm_end(&pair->dst);
	wait_for_writes(src, 8);
	EXPECT_EQ(1, vm_call_count(src, "stop: 0"));

	start_destination(pair, pair->bdf[1]);
	EXPECT_TRUE(migrates(pair, 3));
	EXPECT_EQ(2, vm_call_count(src, "start: 0"));
}

/* Given up when the machine had stopped already */
TEST_F_TIMEOUT(migrate, cancelled_when_stopped, SLOW)
{
	struct pair *pair = &self->pair;
	struct vm *src = &pair->src;

	pair->seed += 50;
	start_both(pair);
	pause_before_switchover(src, true);
	begin(pair, 3);
	limits(src, QUICKLY);
	vm_wait(src, "query-migrate", "pre-switchover");
	vm_qmp(src, "{'execute':'migrate_cancel'}");
	vm_wait(src, "query-migrate", "cancelled");
	vm_wait(src, "query-status", "running");
	vm_end(&pair->dst);
	wait_for_writes(src, 8);

	pause_before_switchover(src, false);
	start_destination(pair, pair->bdf[1]);
	EXPECT_TRUE(migrates(pair, 3));
}

/*
 * The machine is stopped while a transfer runs that writes where all has been
 * sent: only the read after the stop can know of it.
 */
TEST_F_TIMEOUT(migrate, written_in_the_stop, SLOW)
{
	uint64_t addr = BASE - 8 * MIB + 100;
	struct pair *pair = &self->pair;
	struct vm *src = &pair->src;

	pair->seed += 60;
	start_both(pair);
	begin(pair, 4);
	pause_program(src);
	vm_edu_start(src, VM_SLOT, addr, BUFFER, 0, true);
	vm_qmp(src, "{'execute':'stop'}");
	EXPECT_EQ(0, memcmp(src->ram + addr, src->ram + PATTERN, BUFFER));

	complete(pair);
	EXPECT_EQ(0, different_pages(src, &pair->dst));
	params(&pair->dst)->run = 1;
	EXPECT_TRUE(goes_on(&pair->dst));
}

/* All this would be worth nothing if it did not notice a page that is missing. */
TEST_F_TIMEOUT(migrate, dropped_pages_are_noticed, SLOW)
{
	struct pair *pair = &self->pair;

	pair->drop = true;
	pair->seed += 70;
	start_both(pair);
	begin(pair, 6);
	complete(pair);
	EXPECT_LT(0, different_pages(&pair->src, &pair->dst));
}

TEST_HARNESS_MAIN
