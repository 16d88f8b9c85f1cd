// SPDX-License-Identifier: GPL-2.0-only
/* The command line of migrate.c, see options.h. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iommufd.h"
#include "load.h"
#include "options.h"

static const char * const split_names[] = {
	[IOMMU_HWPT_DIRTY_SPLIT_OFF] = "off",
	[IOMMU_HWPT_DIRTY_SPLIT_LAZY] = "lazy",
	[IOMMU_HWPT_DIRTY_SPLIT_EAGER] = "eager",
};

#define SPLIT_MODES	(sizeof(split_names) / sizeof(*split_names))

static const struct option names[] = {
	{ "size", required_argument, NULL, 's' },
	{ "rounds", required_argument, NULL, 'n' },
	{ "rate", required_argument, NULL, 'r' },
	{ "seed", required_argument, NULL, 'e' },
	{ "steady", no_argument, NULL, 'y' },
	{ "each-leaf", no_argument, NULL, 'l' },
	{ "stop", required_argument, NULL, 'p' },
	{ "huge", required_argument, NULL, 'g' },
	{ "drop", required_argument, NULL, 'd' },
	{ "data", required_argument, NULL, 'o' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

static void usage(void)
{
	printf("usage: migrate [OPTION...]\n"
	       "  --size MIB    memory to migrate (512)\n"
	       "  --rounds N    at most so many after the full copy (20)\n"
	       "  --rate N      writes a second of the device at first (16000)\n"
	       "  --seed N      where it writes (1)\n"
	       "  --steady      do not slow the device down from round to round\n"
	       "  --each-leaf   not at random: once into each 2 MiB in each round\n"
	       "  --stop PAGES  so few are worth stopping the device for (48)\n"
	       "  --huge MODE   huge pages (/proc/sys/vm/nr_hugepages) and huge leaves;\n"
	       "                MODE is when they are split: off, lazy, eager, or default,\n"
	       "                what the kernel does if it is not told\n"
	       "  --drop N      do not copy the N-th page of the last round: the\n"
	       "                comparison must fail\n"
	       "  --data FILE   one line of CSV per round\n");
}

static unsigned long number(const char *arg, unsigned long min,
			    unsigned long max)
{
	char *end;
	unsigned long n = strtoul(arg, &end, 0);

	if (*end || end == arg || n < min || n > max)
		die(0, "'%s' is not a number from %lu to %lu", arg, min, max);
	return n;
}

const char *split_name(uint32_t mode)
{
	return mode < SPLIT_MODES ? split_names[mode] : "unknown";
}

static int split_mode(const char *arg)
{
	int mode;

	for (mode = 0; mode < SPLIT_MODES; mode++)
		if (!strcmp(arg, split_names[mode]))
			return mode;
	if (strcmp(arg, "default"))
		die(0, "--huge %s: off, lazy, eager or default", arg);
	return SPLIT_DEFAULT;
}

static void set_option(struct options *opt, int c)
{
	switch (c) {
	case 's':
		opt->mib = number(optarg, 1, 1 << 20);
		break;
	case 'n':
		opt->rounds = number(optarg, 1, MAX_ROUNDS - 1);
		break;
	case 'r':
		opt->rate = number(optarg, 1, 1000000);
		break;
	case 'e':
		opt->seed = number(optarg, 0, -1UL);
		break;
	case 'y':
		opt->steady = true;
		break;
	case 'l':
		opt->each_leaf = true;
		break;
	case 'p':
		opt->stop = number(optarg, 0, -1UL);
		break;
	case 'g':
		opt->huge = true;
		opt->split = split_mode(optarg);
		break;
	case 'd':
		opt->drop = number(optarg, 1, 1 << 20);
		break;
	case 'o':
		opt->data = optarg;
		break;
	case 'h':
		usage();
		exit(0);
	default:
		usage();
		exit(1);
	}
}

void parse_options(int argc, char **argv, struct options *opt)
{
	int c;

	*opt = (struct options) {
		.mib = 512,
		.rounds = 20,
		.rate = 16000,
		.seed = 1,
		.stop = 48,
	};
	while ((c = getopt_long(argc, argv, "h", names, NULL)) != -1)
		set_option(opt, c);
	if (optind < argc)
		die(0, "what is '%s'? See --help", argv[optind]);
	if ((opt->huge || opt->each_leaf) && opt->mib % 2)
		die(0, "--size %zu: a leaf has 2 MiB", opt->mib);
}
