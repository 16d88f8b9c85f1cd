// SPDX-License-Identifier: GPL-2.0-only
/* What the dirty bitmap must say, see oracle.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "iommufd.h"
#include "oracle.h"

#define PRINT_MAX	6

/*
 * A request's bitmap: what is there, and what must be there.  Before it and
 * behind it lies a page that must not change.
 */
struct image {
	size_t size;
	size_t start;		/* of the bitmap, in bytes */
	uint8_t *now;
	uint8_t *want;
};

static uint64_t last_of(uint64_t iova, uint64_t length)
{
	return iova + length - 1;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t nr_bits(const struct oracle_req *req)
{
	return (req->length + req->page_size - 1) / req->page_size;
}

static bool test_bit(const uint8_t *map, uint64_t bit)
{
	return map[bit / 8] & 1u << bit % 8;
}

static void set_bit(uint8_t *map, uint64_t bit)
{
	map[bit / 8] |= 1u << bit % 8;
}

void oracle_init(struct oracle *o, int fd, uint32_t hwpt)
{
	memset(o, 0, sizeof(*o));
	o->fd = fd;
	o->hwpt = hwpt;
}

void oracle_free(struct oracle *o)
{
	while (o->nr)
		free(o->area[--o->nr].dirty);
}

/* Leaves are aligned in IOVA; an area may begin and end inside one. */
static uint64_t leaf_base(const struct oracle_area *a)
{
	return a->iova & ~(a->leaf - 1);
}

static size_t nr_leaves(const struct oracle_area *a)
{
	return (last_of(a->iova, a->length) - leaf_base(a)) / a->leaf + 1;
}

int oracle_map(struct oracle *o, uint64_t iova, uint64_t length, uint64_t leaf)
{
	struct oracle_area *a = &o->area[o->nr];

	if (o->nr == ORACLE_AREAS)
		return -ENOMEM;
	a->iova = iova;
	a->length = length;
	a->leaf = leaf;
	a->dirty = calloc(nr_leaves(a), 1);
	if (!a->dirty)
		return -ENOMEM;
	o->nr++;
	return 0;
}

void oracle_unmap(struct oracle *o, uint64_t iova, uint64_t length)
{
	unsigned int i = 0;

	while (i < o->nr) {
		if (o->area[i].iova < iova ||
		    o->area[i].iova > last_of(iova, length)) {
			i++;
			continue;
		}
		free(o->area[i].dirty);
		o->area[i] = o->area[--o->nr];
	}
}

/* The leaves of @a that a range touches: false if it touches none. */
static bool leaves(const struct oracle_area *a, uint64_t iova, uint64_t length,
		   size_t *first, size_t *last)
{
	uint64_t from = max_u64(iova, a->iova);
	uint64_t to = min_u64(last_of(iova, length),
			      last_of(a->iova, a->length));

	if (from > to)
		return false;
	*first = (from - leaf_base(a)) / a->leaf;
	*last = (to - leaf_base(a)) / a->leaf;
	return true;
}

void oracle_write(struct oracle *o, uint64_t iova, uint64_t len)
{
	size_t first, last;
	unsigned int i;

	if (!o->on || !len)
		return;
	for (i = 0; i < o->nr; i++)
		if (leaves(&o->area[i], iova, len, &first, &last))
			memset(o->area[i].dirty + first, 1, last - first + 1);
}

int oracle_set(struct oracle *o, bool on)
{
	unsigned int i;
	int rc;

	rc = iommufd_set_dirty(o->fd, o->hwpt, on);
	if (rc)
		return rc;
	/* Only the step from off to on takes a clean snapshot. */
	if (on && !o->on)
		for (i = 0; i < o->nr; i++)
			memset(o->area[i].dirty, 0, nr_leaves(&o->area[i]));
	o->on = on;
	return 0;
}

bool oracle_is_dirty(const struct oracle *o, uint64_t iova, uint64_t length)
{
	size_t first, last;
	unsigned int i;

	for (i = 0; i < o->nr; i++)
		if (leaves(&o->area[i], iova, length, &first, &last) &&
		    memchr(o->area[i].dirty + first, 1, last - first + 1))
			return true;
	return false;
}

/* Bits of @req under the part of leaf @n of @a that both contain. */
static bool leaf_bits(const struct oracle_area *a, size_t n,
		      const struct oracle_req *req, uint64_t *first,
		      uint64_t *last)
{
	uint64_t leaf = leaf_base(a) + n * a->leaf;
	uint64_t from = max_u64(max_u64(leaf, a->iova), req->iova);
	uint64_t to = min_u64(min_u64(last_of(leaf, a->leaf),
				      last_of(a->iova, a->length)),
			      last_of(req->iova, req->length));

	if (from > to)
		return false;
	*first = (from - req->iova) / req->page_size;
	*last = (to - req->iova) / req->page_size;
	return true;
}

/* OR into @map what a GET of @req must report. */
static void expect(const struct oracle *o, const struct oracle_req *req,
		   uint8_t *map)
{
	uint64_t bit, last_bit;
	size_t n, last;
	unsigned int i;

	for (i = 0; i < o->nr; i++) {
		const struct oracle_area *a = &o->area[i];

		if (!leaves(a, req->iova, req->length, &n, &last))
			continue;
		for (; n <= last; n++)
			if (a->dirty[n] && leaf_bits(a, n, req, &bit, &last_bit))
				while (bit <= last_bit)
					set_bit(map, bit++);
	}
}

/* Does the range hold all of a leaf that lies in the area? */
static bool holds_leaf(const struct oracle_area *a, size_t n, uint64_t iova,
		       uint64_t length)
{
	uint64_t leaf = leaf_base(a) + n * a->leaf;

	return leaf >= iova && last_of(leaf, a->leaf) <= last_of(iova, length);
}

void oracle_covered(struct oracle *o, uint64_t iova, uint64_t length)
{
	size_t n, last;
	unsigned int i;

	for (i = 0; i < o->nr; i++) {
		struct oracle_area *a = &o->area[i];

		if (!leaves(a, iova, length, &n, &last))
			continue;
		for (; n <= last; n++)
			if (holds_leaf(a, n, iova, length))
				a->dirty[n] = 0;
	}
}

static int image_alloc(struct image *im, const struct oracle_req *req)
{
	size_t bytes = (nr_bits(req) + 7) / 8;
	size_t guard = sysconf(_SC_PAGESIZE);

	im->start = guard + req->skew;
	im->size = (im->start + bytes + 2 * guard - 1) / guard * guard;
	im->now = mmap(NULL, im->size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (im->now == MAP_FAILED)
		return -ENOMEM;
	im->want = malloc(im->size);
	if (!im->want) {
		munmap(im->now, im->size);
		return -ENOMEM;
	}
	memset(im->now, req->prefill, im->size);
	memset(im->want, req->prefill, im->size);
	return 0;
}

static void image_free(struct image *im)
{
	munmap(im->now, im->size);
	free(im->want);
}

static void print_wrong(const struct oracle_req *req, int64_t bit, bool want)
{
	if (bit < 0 || (uint64_t)bit >= nr_bits(req)) {
		printf("# stray: bit %lld of a bitmap of %llu bits changed\n",
		       (long long)bit, (unsigned long long)nr_bits(req));
		return;
	}
	printf("# %s: IOVA %#llx, bit %lld\n", want ? "lost" : "invented",
	       (unsigned long long)(req->iova + bit * req->page_size),
	       (long long)bit);
}

static void print_request(const struct oracle_req *req, int wrong)
{
	printf("# %d wrong bits in GET iova=%#llx length=%#llx page_size=%#llx\n",
	       wrong, (unsigned long long)req->iova,
	       (unsigned long long)req->length,
	       (unsigned long long)req->page_size);
	printf("#   flags=%u prefill=%#x skew=%zu\n", req->flags, req->prefill,
	       req->skew);
}

/* @start_bit: where in the two maps the request's bit 0 is */
static int compare(const struct oracle_req *req, const uint8_t *now,
		   const uint8_t *want, size_t bytes, size_t start_bit)
{
	int wrong = 0;
	size_t i, b;

	if (!memcmp(now, want, bytes))
		return 0;
	for (i = 0; i < bytes; i++) {
		if (now[i] == want[i])
			continue;
		for (b = i * 8; b < i * 8 + 8; b++)
			if (test_bit(now, b) != test_bit(want, b) &&
			    ++wrong <= PRINT_MAX)
				print_wrong(req, (int64_t)b - start_bit,
					    test_bit(want, b));
	}
	print_request(req, wrong);
	return wrong;
}

int oracle_ask(struct oracle *o, const struct oracle_req *req)
{
	struct image im;
	int rc;

	rc = image_alloc(&im, req);
	if (rc)
		return rc;
	rc = iommufd_get_dirty(o->fd, o->hwpt, req->flags, req->iova,
			       req->length, req->page_size, im.now + im.start);
	if (!rc) {
		expect(o, req, im.want + im.start);
		rc = compare(req, im.now, im.want, im.size, im.start * 8);
		if (!(req->flags & IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR))
			oracle_covered(o, req->iova, req->length);
	} else if (memcmp(im.now, im.want, im.size)) {
		printf("# GET failed with %d and has written\n", rc);
	}
	image_free(&im);
	return rc;
}

int oracle_get(struct oracle *o, uint64_t iova, uint64_t length,
	       uint64_t page_size, uint32_t flags)
{
	struct oracle_req req = {
		.iova = iova,
		.length = length,
		.page_size = page_size,
		.flags = flags,
	};

	return oracle_ask(o, &req);
}

int oracle_compare(struct oracle *o, const struct oracle_req *req,
		   const uint8_t *bitmap)
{
	size_t bytes = (nr_bits(req) + 7) / 8;
	uint8_t *want = malloc(bytes);
	int wrong;

	if (!want)
		return -ENOMEM;
	memset(want, req->prefill, bytes);
	expect(o, req, want);
	wrong = compare(req, bitmap, want, bytes, 0);
	free(want);
	return wrong;
}

static bool leaf_delivered(const struct oracle_area *a, size_t n,
			   const struct oracle_req *req, const uint8_t *bitmap,
			   size_t bytes)
{
	uint64_t bit, last;

	if (!holds_leaf(a, n, req->iova, req->length) ||
	    !leaf_bits(a, n, req, &bit, &last) || last >= bytes * 8)
		return false;
	while (bit <= last)
		if (!test_bit(bitmap, bit++))
			return false;
	return true;
}

int oracle_delivered(struct oracle *o, const struct oracle_req *req,
		     const uint8_t *bitmap, size_t bytes)
{
	uint8_t *want = calloc((nr_bits(req) + 7) / 8, 1);
	int invented = 0;
	unsigned int i;
	size_t n, last;

	if (!want)
		return -ENOMEM;
	expect(o, req, want);
	for (n = 0; n < bytes * 8 && n < nr_bits(req); n++)
		if (test_bit(bitmap, n) && !test_bit(want, n) &&
		    ++invented <= PRINT_MAX)
			print_wrong(req, n, false);
	free(want);

	for (i = 0; i < o->nr; i++) {
		struct oracle_area *a = &o->area[i];

		if (!leaves(a, req->iova, req->length, &n, &last))
			continue;
		for (; n <= last; n++)
			if (leaf_delivered(a, n, req, bitmap, bytes))
				a->dirty[n] = 0;
	}
	return invented;
}
