// SPDX-License-Identifier: GPL-2.0-only
/* The firmware that program.S is in, see guest.h. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "guest.h"
#include "vm.h"

/* The firmware ends at 4 GiB; the program is in its last page but 16 bytes. */
#define PROGRAM_OFFSET	(GUEST_FIRMWARE_SIZE - 0x1000)
#define RESET_OFFSET	(GUEST_FIRMWARE_SIZE - 16)

_Static_assert(offsetof(struct guest_params, bar) == 4 &&
	       offsetof(struct guest_params, random) == 8 &&
	       offsetof(struct guest_params, mask) == 12 &&
	       offsetof(struct guest_params, stride) == 16 &&
	       offsetof(struct guest_params, base) == 20 &&
	       offsetof(struct guest_params, count) == 24 &&
	       offsetof(struct guest_params, dst) == 28 &&
	       offsetof(struct guest_params, src) == 32 &&
	       offsetof(struct guest_params, running) == 36 &&
	       GUEST_PARAMS == 0x1000 && GUEST_LEN == 2048 &&
	       GUEST_OFFSETS == 0x800, "program.S has these numbers in it");

void guest_firmware(const char *path)
{
	/* At reset: a jump to 0xf000 from 0xfff0 */
	static const uint8_t reset[] = { 0xe9, 0x0d, 0xf0 };
	static uint8_t image[GUEST_FIRMWARE_SIZE];
	FILE *file = fopen(path, "w");

	memcpy(image + PROGRAM_OFFSET, guest_program,
	       guest_program_end - guest_program);
	memcpy(image + RESET_OFFSET, reset, sizeof(reset));
	if (!file || fwrite(image, sizeof(image), 1, file) != 1 || fclose(file))
		die("cannot write %s", path);
}
