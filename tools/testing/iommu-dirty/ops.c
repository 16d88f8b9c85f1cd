// SPDX-License-Identifier: GPL-2.0-only
/* Operations on a table, each checked against the model, see ops.h */
#include <stdlib.h>

#include "model.h"
#include "ops.h"

#define MAX_LEAVES	600
#define MAX_NODES	20
/* log2 of the bits of a report, at most, and of the windows of a read */
#define MAX_BITS	17
#define MAX_WINDOWS	7

const char *const op_names[NR_OPS] = {
	"writes", "GETs", "maps", "unmaps", "replacements", "litterings",
};

static unsigned int nr_shifts(const struct format *format)
{
	unsigned int nr = 0;

	while (format->shifts[nr])
		nr++;
	return nr;
}

static unsigned long choose(struct ops *ops, unsigned long below)
{
	return ops->choose(below);
}

static u64 choose_word(struct ops *ops)
{
	return (u64)choose(ops, 1UL << 32) << 32 | choose(ops, 1UL << 32);
}

/* Small ones as often as all others together */
static unsigned int choose_shift(struct ops *ops)
{
	const struct format *format = ops->table.format;

	if (choose(ops, 2))
		return format->page_shift;
	return format->shifts[choose(ops, nr_shifts(format))];
}

static struct leaf *choose_leaf(struct ops *ops)
{
	return ops->table.leaves + choose(ops, ops->table.nr);
}

static bool is_free(const struct table *table, unsigned long iova,
		    unsigned long size)
{
	unsigned int i = table_find(table, iova);

	return i == table->nr || table->leaves[i].iova > iova + size - 1;
}

static void map_one(struct ops *ops, unsigned long iova, unsigned int shift)
{
	struct leaf *leaf = table_map(&ops->table, iova, shift);

	if (!choose(ops, 4))
		leaf_garble(&ops->table, leaf, choose_word(ops));
}

/* Behind a leaf, before it, or anywhere */
static void op_map(struct ops *ops)
{
	unsigned int shift = choose_shift(ops);
	unsigned long size = 1UL << shift;
	unsigned int nr = 1 + choose(ops, shift < 20 ? 48 : 2);
	unsigned long iova;

	if (ops->table.nr && choose(ops, 16)) {
		const struct leaf *leaf = choose_leaf(ops);

		iova = leaf->iova + leaf->size;
		if (!choose(ops, 3))
			iova = leaf->iova - nr * size;
		iova += choose(ops, 4) << shift;
	} else {
		iova = ops->base + choose(ops, (ops->last - ops->base) >> shift) *
				   size;
	}
	for (iova = round_down(iova, size); nr; nr--, iova += size)
		if (iova >= ops->base && iova <= ops->last - size + 1 &&
		    ops->table.nr < MAX_LEAVES &&
		    is_free(&ops->table, iova, size))
			map_one(ops, iova, shift);
}

/* What is not mapped any more, tables say nothing of that can be relied on. */
static u64 choose_litter(struct ops *ops)
{
	return choose(ops, 2) ? choose_word(ops) : 0;
}

static void op_unmap(struct ops *ops)
{
	unsigned int first = choose(ops, ops->table.nr);
	unsigned int nr = 1 + choose(ops, min(ops->table.nr - first, 64U));

	table_unmap(&ops->table, first, nr, choose_litter(ops));
}

/* Small leaves in the place of a large one, or the other way round */
static void op_replace(struct ops *ops)
{
	struct table *table = &ops->table;
	unsigned int i = choose(ops, table->nr);
	unsigned int shift = choose_shift(ops);
	unsigned long iova = table->leaves[i].iova;
	unsigned long size = table->leaves[i].size, last;
	unsigned int first;

	if (size >> shift > 512)
		return;
	if (size < 1UL << shift) {
		size = 1UL << shift;
		iova = round_down(iova, size);
		if (iova < ops->base || iova + size - 1 > ops->last)
			return;
	}
	first = table_find(table, iova);
	for (i = first; i < table->nr &&
	     table->leaves[i].iova <= iova + size - 1; i++)
		;
	table_unmap(table, first, i - first, choose_litter(ops));
	last = iova + size - 1;
	for (;; iova += 1UL << shift) {
		map_one(ops, iova, shift);
		if (last - iova < 1UL << shift)
			break;
	}
}

static void write_one(struct ops *ops)
{
	leaf_write(&ops->table, choose_leaf(ops), choose(ops, 256));
}

static void write_some(struct table *table, void *arg)
{
	unsigned int nr = choose(arg, 4);

	while (nr--)
		write_one(arg);
}

/* From somewhere in or around a leaf, or exactly that */
static void choose_range(struct ops *ops, struct request *request)
{
	const struct leaf *leaf = choose_leaf(ops);
	unsigned int page_shift = ops->table.format->page_shift;
	unsigned long pages = 1 + choose(ops, 1UL << choose(ops, 13));
	unsigned long unit, length;

	request->iova = leaf->iova;
	if (choose(ops, 3)) {
		length = pages << page_shift;
		request->iova += choose(ops, leaf->size >> page_shift) << page_shift;
		request->iova -= min(request->iova,
				     choose(ops, pages) << page_shift);
	} else {
		length = leaf->size;
		while (length >> request->granule >> MAX_BITS)
			request->granule += 1 + choose(ops, 4);
	}
	/* Both ends are multiples of page and granule. */
	unit = max(BIT(request->granule), BIT(page_shift));
	length = round_up(length, unit);
	while (length >> request->granule >> MAX_BITS)
		length = round_up(length / 2, unit);
	request->iova = round_down(request->iova, unit);
	request->last = request->iova + length - 1;
	if (request->last < request->iova)
		request->last = ~0UL;
}

static const char *op_get(struct ops *ops)
{
	static const unsigned int granules[] = { 12, 12, 14, 16, 13, 21, 11 };
	unsigned int page_shift = ops->table.format->page_shift;
	struct request request = {
		.granule = granules[choose(ops, 7)],
		.offset = choose(ops, PAGE_SIZE),
		.clear = choose(ops, 4),
		.between = choose(ops, 2) ? write_some : NULL,
		.arg = ops,
	};
	unsigned int min_window, max_window;
	unsigned long length;

	if (choose(ops, 2))
		request.granule = page_shift;
	choose_range(ops, &request);
	length = request.last - request.iova + 1;
	ops->bits += length >> request.granule;

	/* As in the core: one page of bits and 1 GiB, at most. Or less */
	max_window = max(min(request.granule + 15, 30U),
			 max(request.granule, page_shift));
	min_window = max(request.granule, page_shift);
	while (length >> min_window >> MAX_WINDOWS)
		min_window++;
	min_window = min(min_window, max_window);
	request.window = min_window + choose(ops, max_window - min_window + 1);
	return read_and_judge(&ops->table, &request);
}

static enum op choose_op(struct ops *ops)
{
	static const unsigned int percent[NR_OPS] = {
		[OP_WRITE] = 50, [OP_GET] = 28, [OP_MAP] = 9, [OP_UNMAP] = 5,
		[OP_REPLACE] = 6, [OP_LITTER] = 2,
	};
	unsigned int at = choose(ops, 100);
	enum op op = 0;

	while (at >= percent[op])
		at -= percent[op++];
	return ops->table.nr ? op : OP_MAP;
}

const char *ops_one(struct ops *ops)
{
	enum op op = choose_op(ops);
	const char *verdict = NULL;

	switch (op) {
	case OP_WRITE:
		write_one(ops);
		break;
	case OP_GET:
		verdict = op_get(ops);
		break;
	case OP_MAP:
		op_map(ops);
		break;
	case OP_UNMAP:
		op_unmap(ops);
		break;
	case OP_REPLACE:
		op_replace(ops);
		break;
	default:
		table_litter(&ops->table, choose_leaf(ops), choose_word(ops));
	}
	ops->count[op]++;
	return verdict;
}

bool ops_full(const struct ops *ops)
{
	return ops->table.nr_nodes > MAX_NODES || ops->table.nr >= MAX_LEAVES;
}

void ops_begin(struct ops *ops, const struct format *format)
{
	unsigned int levels = format->max_level - format->min_level + 1;
	unsigned int level = format->min_level + choose(ops, levels);
	unsigned int bits = format->page_shift + level * format->index_bits;
	unsigned long root_last = bits < 64 ? BIT(bits) - 1 : ~0UL;
	unsigned long largest = BIT(format->shifts[nr_shifts(format) - 1]);
	unsigned long spots = root_last / largest;
	unsigned long spot, i;

	/* As many of the largest leaves, at either end or in between */
	i = min(spots, 8UL) - 1;
	spot = choose(ops, 3) ? choose(ops, spots - i) : 0;
	if (!choose(ops, 3))
		spot = spots - i;
	ops->base = spot * largest;
	ops->last = ops->base + (i + 1) * largest - 1;
	table_init(&ops->table, format, level);
	for (i = 0; i < 4; i++)
		op_map(ops);
}

void ops_end(struct ops *ops)
{
	table_free(&ops->table);
}
