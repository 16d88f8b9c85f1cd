/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What runs in the virtual machine: a few instructions in its firmware that
 * make an edu device write to memory without end, until the machine is stopped.
 */
#ifndef QEMU_GUEST_H
#define QEMU_GUEST_H

#include <stdint.h>

/* Where struct guest_params is in the machine's memory */
#define GUEST_PARAMS	0x1000

/* Bytes of each transfer, and offsets in the device's buffer where it begins */
#define GUEST_LEN	2048
#define GUEST_OFFSETS	2048

/**
 * struct guest_params - what the program does and has done
 * @run: 0 when the machine starts makes it halt for good; later, pause between
 *	 two transfers
 * @bar: where the device's registers are
 * @random: the state of a generator of random numbers
 * @mask: one less than the number of places that are written
 * @stride: from one place to the next
 * @base: the first place, a transfer begins up to a page behind it
 * @count: transfers that are complete
 * @dst: the last or current transfer's address in memory
 * @src: and its offset in the device's buffer
 * @running: @run when it last looked: 0 as soon as it pauses
 */
struct guest_params {
	uint32_t run;
	uint32_t bar;
	uint32_t random;
	uint32_t mask;
	uint32_t stride;
	uint32_t base;
	uint32_t count;
	uint32_t dst;
	uint32_t src;
	uint32_t running;
};

#define GUEST_FIRMWARE_SIZE	0x10000

/* program.S */
extern const uint8_t guest_program[], guest_program_end[];

/**
 * guest_firmware - write the machine's firmware
 * @path: the file
 */
void guest_firmware(const char *path);

#endif /* QEMU_GUEST_H */
