/* SPDX-License-Identifier: GPL-2.0-only */
/* What the programs have in common: random numbers, memory, results */
#ifndef UTIL_H
#define UTIL_H

#include <stdbool.h>
#include <stddef.h>

struct format;

/* A state to begin with: any seed will do, a state of 0 would stay 0. */
unsigned long random_state(unsigned long seed);
/* The next state, all bits of it */
unsigned long random_step(unsigned long *state);
/* A number below @below, and below 2^48 */
unsigned long next_random(unsigned long *state, unsigned long below);

/* Memory, or the end */
void *zeroed(size_t nr, size_t size);

/* A result in TAP: "FORMAT: NAME", or the name alone if @format is NULL */
void ok(bool good, const struct format *format, const char *name, ...)
	__attribute__((format(printf, 3, 4)));
/* Good if @wrong is NULL; else it stands before the result, as a remark. */
void ok_unless(const char *wrong, const struct format *format,
	       const char *name, ...) __attribute__((format(printf, 3, 4)));
/* The plan, when all results are out. Returns what main() should. */
int ok_end(void);

#endif /* UTIL_H */
