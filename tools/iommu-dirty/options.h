/* SPDX-License-Identifier: GPL-2.0-only */
/* What migrate.c is told on its command line. */
#ifndef MIGRATE_OPTIONS_H
#define MIGRATE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What --huge takes besides: the mode that the kernel chooses, nothing asked */
#define SPLIT_DEFAULT	-1

/* See usage() in options.c */
struct options {
	size_t mib;
	unsigned int rounds;
	uint64_t seed;
	unsigned int rate;
	bool steady;
	bool each_leaf;
	size_t stop;
	bool huge;
	int split;
	unsigned int drop;
	const char *data;
};

/* Fills in all of @opt; says what is wrong, or what there is, and exits. */
void parse_options(int argc, char **argv, struct options *opt);

/* The mode of IOMMU_HWPT_DIRTY_SPLIT_MODE as --huge has it, or "unknown" */
const char *split_name(uint32_t mode);

#endif /* MIGRATE_OPTIONS_H */
