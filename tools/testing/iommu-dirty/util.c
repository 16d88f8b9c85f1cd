// SPDX-License-Identifier: GPL-2.0-only
/* See util.h */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "table.h"
#include "util.h"

static unsigned int tests, failures;

unsigned long random_state(unsigned long seed)
{
	return seed * 0x9e3779b97f4a7c15 | 1;
}

unsigned long random_step(unsigned long *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

unsigned long next_random(unsigned long *state, unsigned long below)
{
	return (random_step(state) >> 16) % below;
}

void *zeroed(size_t nr, size_t size)
{
	void *memory = calloc(nr, size);

	if (!memory)
		abort();
	return memory;
}

static void result(bool good, const struct format *format, const char *name,
		   va_list args)
{
	failures += !good;
	printf("%sok %u ", good ? "" : "not ", ++tests);
	if (format)
		printf("%s: ", format->name);
	vprintf(name, args);
	putchar('\n');
	/* Whatever happens next */
	fflush(stdout);
}

void ok(bool good, const struct format *format, const char *name, ...)
{
	va_list args;

	va_start(args, name);
	result(good, format, name, args);
	va_end(args);
}

void ok_unless(const char *wrong, const struct format *format,
	       const char *name, ...)
{
	va_list args;

	if (wrong)
		printf("# %s\n", wrong);
	va_start(args, name);
	result(!wrong, format, name, args);
	va_end(args);
}

int ok_end(void)
{
	printf("1..%u\n", tests);
	return failures != 0;
}
