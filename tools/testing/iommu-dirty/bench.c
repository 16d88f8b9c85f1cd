// SPDX-License-Identifier: GPL-2.0-only
/*
 * How fast the walker is, against loops that do no more than must be done
 *
 * A clean table has to be read: the walker is compared with a loop that reads
 * each of its words once. Of a table that is all dirty each word has to be
 * cleared, atomically: compared with a loop that does that and sets bits in a
 * bitmap. Neither loop knows of levels, edges, windows or logs.
 *
 * Splitting a leaf is compared with filling a table, joining with reading one,
 * and a read that splits with one that does not.
 *
 * Both sides take turns, so that whatever else the machine does meets both. One
 * line per turn is printed, times in nanoseconds; scripts/bench/native.sh makes
 * a table of them.
 *
 * With --count each side runs once, under callgrind, which dumps its count of
 * instructions under the name of the case and the side. Those numbers are the
 * same whatever the machine and its load.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <valgrind/callgrind.h>

#include "bench.h"
#include "util.h"

enum dirt {
	CLEAN,
	PERCENT,	/* one leaf in a hundred, in one of its words */
	EACH,		/* every leaf, in one of its words */
	ALL,		/* every word */
};

typedef unsigned long (*side_fn)(const struct field *field);

/*
 * What each kind of dirt is measured against, and how long the walker may take,
 * in percent of that; 0 if there is no target.
 *
 * Large leaves with a small granule are another matter: a window, which is a
 * page of bits, has 64 of them. The way down to them counts then, and a dirty
 * one has 512 bits to be set, which the loop that only reads knows nothing of.
 */
static const struct {
	const char *name;
	const char *against;
	side_fn plain;
	unsigned int limit;
	unsigned int limit_few;
} dirts[] = {
	[CLEAN] = { "clean", "read", plain_read, 130, 170 },
	[PERCENT] = { "1%", "read", plain_read, 160, 220 },
	[EACH] = { "each", "test-clear", plain_test_and_clear },
	[ALL] = { "all", "clear", plain_clear, 130, 150 },
};

struct bench_case {
	const struct format *format;
	const char *name;
	unsigned int shift;
	unsigned int granule;
	unsigned int size;	/* log2 */
	unsigned long iova;
	bool scattered;
	enum dirt dirt;
	const char *against;
	side_fn plain;
	side_fn walk;
	unsigned int limit;
	void (*prepare)(struct field *field);
	bool small;	/* words are those of tables that leaves are split into */
};

/* Which formats, with leaves of which sizes, log2, and how much is mapped */
static const struct {
	const char *format;
	const char *name;
	unsigned int shift;
	unsigned int granule;
	unsigned int size;
} shapes[] = {
	{ "vtdss", "vtd-4K", 12, 12, 30 },
	{ "amdv1", "amd-4K", 12, 12, 30 },
	{ "armv8 s1 4k", "arm1-4K", 12, 12, 30 },
	{ "armv8 s2 4k", "arm2-4K", 12, 12, 30 },
	{ "amdv1", "amd-8K", 13, 12, 30 },
	{ "amdv1", "amd-16K", 14, 12, 30 },
	{ "amdv1", "amd-64K", 16, 12, 30 },
	{ "amdv1", "amd-256K", 18, 12, 30 },
	{ "amdv1", "amd-1M", 20, 12, 30 },
	{ "vtdss", "vtd-2M", 21, 21, 35 },
	{ "amdv1", "amd-2M", 21, 21, 35 },
	{ "armv8 s1 4k", "arm1-2M", 21, 21, 35 },
	{ "armv8 s2 4k", "arm2-2M", 21, 21, 35 },
	{ "amdv1", "amd-4M", 22, 21, 35 },
	{ "amdv1", "amd-32M", 25, 21, 35 },
	{ "vtdss", "vtd-2M-by-4K", 21, 12, 35 },
	{ "amdv1", "amd-2M-by-4K", 21, 12, 35 },
	{ "armv8 s1 4k", "arm1-2M-by-4K", 21, 12, 35 },
	{ "armv8 s2 4k", "arm2-2M-by-4K", 21, 12, 35 },
	{ "amdv1", "amd-4M-by-4K", 22, 12, 35 },
	{ "amdv1", "amd-32M-by-4K", 25, 12, 35 },
};

static unsigned int repeats = 41;
static bool quick, count;
static const char *only = "";

static const struct format *find_format(const char *name)
{
	unsigned int i;

	for (i = 0; i < nr_formats; i++)
		if (!strcmp(formats[i].name, name))
			return formats + i;
	abort();
}

static unsigned long rnd_state;

static unsigned long rnd(unsigned long below)
{
	return random_step(&rnd_state) % below;
}

/* Has hardware write what the case says; returns how many leaves, at most */
static unsigned long make_dirty(struct field *field, enum dirt dirt)
{
	unsigned long per_leaf = field->format->words(field->shift);
	unsigned long words = field->nr * ENTRIES;
	unsigned long leaves = words / per_leaf;
	unsigned long i;

	rnd_state = 1;
	switch (dirt) {
	case CLEAN:
		return 0;
	case PERCENT:
		for (i = 0; i < leaves; i++)
			if (!rnd(100))
				field_write(field, i * per_leaf + rnd(per_leaf));
		break;
	case EACH:
		for (i = 0; i < leaves; i++)
			field_write(field, i * per_leaf + rnd(per_leaf));
		break;
	case ALL:
		for (i = 0; i < words; i++)
			field_write(field, i);
		break;
	}
	return leaves;
}

static u64 now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static volatile unsigned long sink;

static u64 measure(struct field *field, const struct bench_case *c,
		   side_fn side)
{
	u64 start;

	if (c->prepare)
		c->prepare(field);
	make_dirty(field, c->dirt);
	start = now();
	sink = side(field);
	return now() - start;
}

static void give_up(const struct bench_case *c, const char *why)
{
	fprintf(stderr, "bench: %s %s: %s\n", c->name, dirts[c->dirt].name, why);
	exit(1);
}

/* A walker that does not do its work is not worth measuring. */
static void check(struct field *field, const struct bench_case *c)
{
	unsigned long bits = (field->size >> field->granule);
	unsigned long *copy = malloc(bits / BITS_PER_BYTE);

	if (!copy)
		abort();
	memset(field->bitmap, 0, bits / BITS_PER_BYTE);
	make_dirty(field, c->dirt);
	if (c->plain == plain_clear || c->plain == plain_test_and_clear) {
		c->plain(field);
		if (field_dirty_words(field))
			give_up(c, "the plain loop leaves words dirty");
		memcpy(copy, field->bitmap, bits / BITS_PER_BYTE);
		memset(field->bitmap, 0, bits / BITS_PER_BYTE);
		make_dirty(field, c->dirt);
	} else {
		memset(copy, 0, bits / BITS_PER_BYTE);
	}
	c->walk(field);
	if (field_dirty_words(field))
		give_up(c, "the walker leaves words dirty");
	if (c->dirt != PERCENT && memcmp(field->bitmap, copy,
					 bits / BITS_PER_BYTE))
		give_up(c, "the walker's bitmap is not the plain loop's");
	free(copy);
}

/* Every leaf is split, or none. */
static bool all_split(const struct field *field, bool split)
{
	unsigned long i;

	for (i = 0; i < field->nr * ENTRIES; i++)
		if (!!field->format->is_table(field->leaves[i / ENTRIES][i % ENTRIES],
					      2) != split)
			return false;
	return true;
}

static void check_split(struct field *field, const struct bench_case *c)
{
	unsigned long bytes = (field->size >> field->granule) / BITS_PER_BYTE;
	unsigned long *copy = malloc(bytes);

	if (!copy)
		abort();
	measure(field, c, c->plain);
	memcpy(copy, field->bitmap, bytes);
	memset(field->bitmap, 0, bytes);
	measure(field, c, c->walk);
	if (memcmp(copy, field->bitmap, bytes))
		give_up(c, "who splits reports something else");
	if ((c->walk == split_eager || c->dirt == ALL) && !all_split(field, true))
		give_up(c, "not all leaves are split");
	if (c->walk == join_again && !all_split(field, false))
		give_up(c, "not all leaves are joined");
	free(copy);
}

static unsigned long count_words(const struct field *field,
				 const struct bench_case *c)
{
	return field->nr * ENTRIES * (c->small ? ENTRIES : 1);
}

static void count_side(struct field *field, const struct bench_case *c,
		       const char *name, side_fn side)
{
	char title[64];

	snprintf(title, sizeof(title), "%s-%s %lu %s", c->name,
		 dirts[c->dirt].name, count_words(field, c), name);
	if (c->prepare)
		c->prepare(field);
	make_dirty(field, c->dirt);
	CALLGRIND_TOGGLE_COLLECT;
	sink = side(field);
	CALLGRIND_TOGGLE_COLLECT;
	CALLGRIND_DUMP_STATS_AT(title);
}

static void run(const struct bench_case *c)
{
	struct field field;
	unsigned int i;
	char name[64];

	snprintf(name, sizeof(name), "%s-%s", c->name, dirts[c->dirt].name);
	if (!strstr(name, only))
		return;
	field_init(&field, c->format, c->shift, c->granule, c->iova,
		   1UL << c->size, c->scattered);
	if (c->prepare)
		field_add_spares(&field);
	if (count) {
		count_side(&field, c, "plain", c->plain);
		count_side(&field, c, "walker", c->walk);
		field_free(&field);
		return;
	}

	if (c->prepare)
		check_split(&field, c);
	else
		check(&field, c);
	for (i = 0; i < repeats; i++) {
		u64 plain = measure(&field, c, c->plain);
		u64 unrolled = c->dirt != CLEAN || c->prepare ? 0 :
			       measure(&field, c, plain_read_unrolled);
		u64 walk = measure(&field, c, c->walk);

		printf("%s,%s,%s,%u,%lu,%lu,%u,%lu,%lu,%lu\n", c->name,
		       dirts[c->dirt].name, c->against, c->limit,
		       field.size >> field.shift, count_words(&field, c), i,
		       plain, unrolled, walk);
	}
	fflush(stdout);
	field_free(&field);
}

static void run_dirt(struct bench_case *c, enum dirt dirt)
{
	c->dirt = dirt;
	c->plain = dirts[dirt].plain;
	c->against = dirts[dirt].against;
	c->limit = c->shift < c->granule + 9 ? dirts[dirt].limit :
					       dirts[dirt].limit_few;
	c->walk = walk_windows;
	run(c);
}

static void run_shapes(void)
{
	unsigned int i;

	for (i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		struct bench_case c = {
			.format = find_format(shapes[i].format),
			.name = shapes[i].name,
			.shift = shapes[i].shift,
			.granule = shapes[i].granule,
			.size = shapes[i].size,
		};

		run_dirt(&c, CLEAN);
		run_dirt(&c, PERCENT);
		if (c.format->words(c.shift) > 1)
			run_dirt(&c, EACH);
		run_dirt(&c, ALL);
	}
}

/* Cost per leaf is the same however much is mapped, and holes are free. */
static void run_sizes(void)
{
	struct bench_case c = {
		.format = find_format("vtdss"),
		.shift = 12,
		.granule = 12,
		.dirt = CLEAN,
		.plain = plain_read,
		.against = "read",
		.limit = 130,
		.walk = walk_windows,
	};
	static const struct {
		const char *name;
		unsigned int size;
		bool scattered;
	} sizes[] = {
		{ "vtd-4K-1G", 30, false },
		{ "vtd-4K-16G", 34, false },
		{ "vtd-4K-256G", 38, false },
		{ "vtd-4K-1T", 40, false },
		{ "vtd-4K-1T-scattered", 40, true },
	};
	unsigned int i, all = repeats;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		if (sizes[i].size > 34 && (quick || count))
			continue;
		repeats = sizes[i].size > 34 ? max(all / 4, 3U) : all;
		c.name = sizes[i].name;
		c.size = sizes[i].size;
		c.scattered = sizes[i].scattered;
		run(&c);
	}
	repeats = all;

	c.name = "vtd-4K-1G-of-256T";
	c.scattered = false;
	c.size = 30;
	c.iova = 0x5a5ac0000000;
	c.walk = walk_space;
	run(&c);
	/* Not the words, but what the walker needs where there is nothing else */
	c.name = "vtd-4K-1G-of-256T-vs-1G";
	c.against = "1G alone";
	c.plain = walk_windows;
	c.limit = 105;
	run(&c);
}

/* Leaves that are large, or were and are split */
static void prepare_large(struct field *field)
{
	field_reset(field);
}

static void prepare_small(struct field *field)
{
	field_reset(field);
	split_eager(field);
}

/*
 * A GiB of large leaves is split and joined; in 8 GiB a read finds none, some or
 * all of them dirty, and splits those or not.
 */
static void run_splits(void)
{
	static const struct {
		const char *format;
		const char *eager;
		const char *join;
		const char *lazy;
	} splits[] = {
		{ "vtdss", "vtd-2M-eager", "vtd-2M-join", "vtd-2M-lazy" },
		{ "amdv1", "amd-2M-eager", "amd-2M-join", "amd-2M-lazy" },
		{ "armv8 s1 4k", "arm1-2M-eager", "arm1-2M-join", "arm1-2M-lazy" },
		{ "armv8 s2 4k", "arm2-2M-eager", "arm2-2M-join", "arm2-2M-lazy" },
	};
	unsigned int i;

	for (i = 0; i < sizeof(splits) / sizeof(*splits); i++) {
		struct bench_case c = {
			.format = find_format(splits[i].format),
			.name = splits[i].eager,
			.shift = 21,
			.granule = 12,
			.size = 30,
			.dirt = CLEAN,
			.against = "fill",
			.plain = plain_fill,
			.walk = split_eager,
			.prepare = prepare_large,
			.small = true,
		};

		run(&c);
		c.name = splits[i].join;
		c.against = "read small";
		c.plain = plain_read_small;
		c.walk = join_again;
		c.prepare = prepare_small;
		run(&c);
		c.name = splits[i].lazy;
		c.size = 33;
		c.against = "not split";
		c.plain = walk_windows;
		c.walk = walk_lazy;
		c.prepare = prepare_large;
		c.small = false;
		/* What is clean costs what it does without splitting. */
		c.limit = 120;
		run(&c);
		c.limit = 0;
		c.dirt = PERCENT;
		run(&c);
		c.dirt = ALL;
		run(&c);
	}
}

int main(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--quick")) {
			quick = true;
			repeats = 11;
		} else if (!strcmp(argv[i], "--count")) {
			count = true;
		} else if (argv[i][0] != '-') {
			only = argv[i];
		} else {
			printf("usage: bench [--quick | --count] [CASE]\n\n"
			       "Measures the cases whose names contain CASE.\n");
			return strcmp(argv[i], "--help") ? 2 : 0;
		}
	}
	if (!count)
		printf("case,dirt,against,limit,leaves,words,repeat,plain,unrolled,walker\n");
	run_shapes();
	run_sizes();
	run_splits();
	return 0;
}
