/* SPDX-License-Identifier: GPL-2.0-only */
/* Random leaves, splits, joins and reads, with a device at work, see split.c */
#ifndef SPLIT_RANDOM_H
#define SPLIT_RANDOM_H

struct format;

/* Returns NULL if all is well, else what is wrong. */
const char *random_round(const struct format *format, unsigned long seed);
/* Did the device do what it is there for, since it was asked last? */
bool random_enough(const struct format *format);

#endif /* SPLIT_RANDOM_H */
