/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A virtual machine of QEMU's, from outside: started, asked through QMP, its
 * memory and devices used through qtest, its memory seen through a file.
 *
 * Whatever goes wrong here ends the test: it is QEMU or the test's machine that
 * does not do what the test is about.
 */
#ifndef QEMU_VM_H
#define QEMU_VM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "vfio.h"

#define PRINTF(fmt, arg)	__attribute__((format(printf, fmt, arg)))

#define MIB		(1ull << 20)
#define PAGE		4096ull
#define LARGE		(2 * MIB)
#define VM_RAM		(96 * MIB)
#define VM_REPLY	16384

/* Nothing takes as long, on the busiest of machines */
#define VM_WAIT_MS	600000

/* The devices' registers in the machine, by slot */
#define VM_SLOT		5
#define VM_BAR(slot)	(0xe0000000u + ((slot) << 20))

/**
 * struct vm_config - a machine to start
 * @name: of its files
 * @device: which edu, VFIO_BDF_LEN bytes
 * @large: memory of huge pages
 * @incoming: it waits for a migration at vm_uri(), stopped
 * @drop: some of the dirty pages that are reported to it get lost
 * @legacy: devices are in a container of VFIO's, not given to an iommufd
 * @old: QEMU is that of Debian 12, not 13
 * @iommufd: an iommufd that it uses, or -1 for its own
 */
struct vm_config {
	const char *name;
	const char *device;
	bool large;
	bool incoming;
	bool drop;
	bool legacy;
	bool old;
	int iommufd;
};

/**
 * struct vm - a running machine
 * @name: as configured
 * @pid: QEMU
 * @qmp: the monitor
 * @qtest: memory and devices
 * @ram: its memory, VM_RAM bytes; the address is the offset
 * @ram_path: the file that it is
 * @trace: QEMU's trace events
 * @calls: the calls that it made about dirty pages, see shim.c
 * @reply: the last one of the monitor
 */
struct vm {
	char name[16];
	pid_t pid;
	int qmp;
	int qtest;
	uint8_t *ram;
	char ram_path[64];
	char trace[64];
	char calls[64];
	char reply[VM_REPLY];
};

/**
 * die - end the test as failed
 * @fmt: why
 */
PRINTF(1, 2) void __attribute__((noreturn)) die(const char *fmt, ...);

/**
 * nap - do nothing for a while
 * @ms: how long
 */
void nap(unsigned int ms);

/**
 * vm_edu_find - find an edu device that is bound to its driver
 * @nth: from 0
 * @bdf: its address, VFIO_BDF_LEN bytes
 */
void vm_edu_find(unsigned int nth, char *bdf);

/**
 * vm_start - start a machine, stopped
 * @vm: filled in
 * @config: what kind of
 */
void vm_start(struct vm *vm, const struct vm_config *config);

/**
 * vm_end - end a machine and free what it has
 * @vm: the machine; ending one that never was does nothing
 */
void vm_end(struct vm *vm);

/**
 * vm_qmp - a command to the monitor
 * @vm: the machine
 * @fmt: the command in JSON
 *
 * Return: the answer, which holds until the next command.
 */
PRINTF(2, 3) const char *vm_qmp(struct vm *vm, const char *fmt, ...);

/**
 * vm_number - a number in the monitor's last answer
 * @vm: the machine
 * @key: its name
 *
 * Return: the number, 0 if there is none.
 */
uint64_t vm_number(const struct vm *vm, const char *key);

/**
 * vm_status - ask the monitor for a status and compare
 * @vm: the machine
 * @query: the command to ask by
 * @status: what is expected
 *
 * Return: is that what it is?
 */
bool vm_status(struct vm *vm, const char *query, const char *status);

/**
 * vm_wait - wait for a status
 * @vm: the machine
 * @query: the command to ask by
 * @status: what to wait for
 */
void vm_wait(struct vm *vm, const char *query, const char *status);

/**
 * vm_trace_count - how often was something traced?
 * @vm: the machine
 * @text: what the line has in it
 *
 * Return: lines.
 */
unsigned int vm_trace_count(const struct vm *vm, const char *text);

/**
 * vm_call_count - how often did QEMU make a call about dirty pages?
 * @vm: the machine
 * @call: the line in the log of shim.c, with the result
 *
 * Return: calls.
 */
unsigned int vm_call_count(const struct vm *vm, const char *call);

/**
 * vm_calls_failed - did a call that QEMU made about dirty pages fail?
 * @vm: the machine
 *
 * Return: how many; they are printed.
 */
unsigned int vm_calls_failed(const struct vm *vm);

/**
 * vm_trace_sum - the sum of a number in trace events
 * @vm: the machine
 * @text: what the line has in it
 * @key: what stands before the number
 *
 * Return: the sum.
 */
uint64_t vm_trace_sum(const struct vm *vm, const char *text, const char *key);

/**
 * vm_trace_show - print some trace events, and the states of the device, equal
 *		   ones that follow each other as one
 * @vm: the machine
 * @text: what the line has in it
 */
void vm_trace_show(const struct vm *vm, const char *text);

/**
 * vm_write - write to a device's register
 * @vm: the machine
 * @bytes: 4 or 8
 * @addr: where
 * @val: what
 */
void vm_write(struct vm *vm, unsigned int bytes, uint64_t addr, uint64_t val);

/**
 * vm_read - read a device's register
 * @vm: the machine
 * @bytes: 4 or 8
 * @addr: where
 *
 * Return: what is there.
 */
uint64_t vm_read(struct vm *vm, unsigned int bytes, uint64_t addr);

/**
 * vm_out - write to an I/O port, 32 bits
 * @vm: the machine
 * @port: which
 * @val: what
 */
void vm_out(struct vm *vm, uint16_t port, uint32_t val);

/**
 * vm_edu_setup - make a device usable: its BAR, bus mastering
 * @vm: the machine
 * @slot: where the device is
 */
void vm_edu_setup(struct vm *vm, unsigned int slot);

/**
 * vm_edu_start - begin a transfer
 * @vm: the machine
 * @slot: where the device is
 * @addr: in the machine's memory
 * @len: 1 to 4096 bytes
 * @off: where in the device's buffer
 * @to_ram: or from there
 */
void vm_edu_start(struct vm *vm, unsigned int slot, uint64_t addr,
		  unsigned int len, unsigned int off, bool to_ram);

/**
 * vm_edu_wait - wait for a transfer to end
 * @vm: the machine
 * @slot: where the device is
 */
void vm_edu_wait(struct vm *vm, unsigned int slot);

#endif /* QEMU_VM_H */
