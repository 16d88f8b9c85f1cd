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
	while (o->nr) {
		free(o->area[--o->nr].dirty);
		free(o->area[o->nr].shift);
	}
}

static size_t nr_pages(const struct oracle_area *a)
{
	return a->length / a->page;
}

/* The leaf that maps page @n of an area; it may reach over the area's edges. */
static uint64_t leaf_of(const struct oracle_area *a, size_t n)
{
	return (a->iova + n * a->page) & ~((1ULL << a->shift[n]) - 1);
}

static uint64_t leaf_last(const struct oracle_area *a, size_t n)
{
	return last_of(leaf_of(a, n), 1ULL << a->shift[n]);
}

int oracle_map(struct oracle *o, uint64_t iova, uint64_t length, uint64_t leaf)
{
	struct oracle_area *a = &o->area[o->nr];

	if (o->nr == ORACLE_AREAS)
		return -ENOMEM;
	a->iova = iova;
	a->length = length;
	/* The mock's leaves are half a page, and areas begin at any of them. */
	a->page = min_u64(leaf, sysconf(_SC_PAGESIZE));
	while ((iova | length) & (a->page - 1))
		a->page /= 2;
	a->mapped = __builtin_ctzll(leaf);
	a->dirty = calloc(nr_pages(a), 1);
	a->shift = malloc(nr_pages(a));
	if (!a->dirty || !a->shift) {
		free(a->dirty);
		free(a->shift);
		return -ENOMEM;
	}
	memset(a->shift, a->mapped, nr_pages(a));
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
		free(o->area[i].shift);
		o->area[i] = o->area[--o->nr];
	}
}

/* The pages of @a that a range touches: false if it touches none. */
static bool pages(const struct oracle_area *a, uint64_t iova, uint64_t length,
		  size_t *first, size_t *last)
{
	uint64_t from = max_u64(iova, a->iova);
	uint64_t to = min_u64(last_of(iova, length),
			      last_of(a->iova, a->length));

	if (from > to)
		return false;
	*first = (from - a->iova) / a->page;
	*last = (to - a->iova) / a->page;
	return true;
}

/* A leaf is as dirty as any of its pages: those in the area know it. */
static void mark_leaf(struct oracle_area *a, size_t n)
{
	size_t first, last;

	if (pages(a, leaf_of(a, n), 1ULL << a->shift[n], &first, &last))
		memset(a->dirty + first, 1, last - first + 1);
}

void oracle_write(struct oracle *o, uint64_t iova, uint64_t len)
{
	size_t n, last;
	unsigned int i;

	if (!o->on || !len)
		return;
	for (i = 0; i < o->nr; i++) {
		struct oracle_area *a = &o->area[i];

		if (!pages(a, iova, len, &n, &last))
			continue;
		for (; n <= last; n++)
			if (!a->dirty[n])
				mark_leaf(a, n);
	}
}

/* Every leaf is what it was mapped as, or, split eagerly, a page. */
static void reshape(struct oracle *o)
{
	unsigned int i;
	size_t n;

	for (i = 0; i < o->nr; i++) {
		struct oracle_area *a = &o->area[i];

		memset(a->shift, o->on && o->split == ORACLE_EAGER ?
		       __builtin_ctzll(a->page) : a->mapped, nr_pages(a));
		/* A leaf that was joined is dirty if a part of it was. */
		for (n = 0; n < nr_pages(a); n++)
			if (a->dirty[n])
				mark_leaf(a, n);
	}
}

void oracle_switched(struct oracle *o, bool on)
{
	unsigned int i;

	if (on == o->on)
		return;
	/* Only the step from off to on takes a clean snapshot. */
	for (i = 0; on && i < o->nr; i++)
		memset(o->area[i].dirty, 0, nr_pages(&o->area[i]));
	o->on = on;
	reshape(o);
}

int oracle_set(struct oracle *o, bool on)
{
	int rc = iommufd_set_dirty(o->fd, o->hwpt, on);

	if (!rc)
		oracle_switched(o, on);
	return rc;
}

int oracle_split(struct oracle *o, enum oracle_split split)
{
	static const uint32_t mode[] = {
		[ORACLE_HUGE] = IOMMU_HWPT_DIRTY_SPLIT_OFF,
		[ORACLE_LAZY] = IOMMU_HWPT_DIRTY_SPLIT_LAZY,
		[ORACLE_EAGER] = IOMMU_HWPT_DIRTY_SPLIT_EAGER,
	};
	int rc;

	rc = iommufd_set_split_mode(o->fd, o->hwpt, mode[split]);
	if (rc == -ENOTTY && split == ORACLE_HUGE)
		rc = 0;
	if (!rc)
		o->split = split;
	return rc;
}

/* Bits of @req under the part of page @n of @a that it contains. */
static void page_bits(const struct oracle_area *a, size_t n,
		      const struct oracle_req *req, uint64_t *first,
		      uint64_t *last)
{
	uint64_t page = a->iova + n * a->page;
	uint64_t from = max_u64(page, req->iova);
	uint64_t to = min_u64(last_of(page, a->page),
			      last_of(req->iova, req->length));

	*first = (from - req->iova) / req->page_size;
	*last = (to - req->iova) / req->page_size;
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

		if (!pages(a, req->iova, req->length, &n, &last))
			continue;
		for (; n <= last; n++) {
			if (!a->dirty[n])
				continue;
			page_bits(a, n, req, &bit, &last_bit);
			while (bit <= last_bit)
				set_bit(map, bit++);
		}
	}
}

/*
 * log2 of the size of what a leaf is split into: what each of its words maps, if
 * it has several, else what an entry of the table below maps.
 */
static unsigned int child_shift(const struct oracle_area *a, unsigned int shift)
{
	unsigned int page = __builtin_ctzll(a->page);
	unsigned int words = (shift - page) % (page - 3);

	return words ? shift - words : shift - (page - 3);
}

/*
 * A clearing read of a range has reported the leaf of page @n, in whole or in
 * part, and it was dirty. Returns the page behind it.
 */
static size_t leaf_read(struct oracle *o, struct oracle_area *a, size_t n,
			uint64_t iova, uint64_t length)
{
	uint64_t leaf = leaf_of(a, n), last_iova = leaf_last(a, n);
	bool whole = leaf >= iova && last_iova <= last_of(iova, length);
	size_t first = n, last = n, i;

	pages(a, leaf, last_iova - leaf + 1, &first, &last);
	if (o->split != ORACLE_HUGE && a->shift[n] > __builtin_ctzll(a->page))
		memset(a->shift + first, child_shift(a, a->shift[n]),
		       last - first + 1);
	else if (!whole)
		return last + 1;
	/* Children of which the read has all are clean. */
	for (i = first; i <= last; i++)
		if (leaf_of(a, i) >= iova &&
		    leaf_last(a, i) <= last_of(iova, length))
			a->dirty[i] = 0;
	return last + 1;
}

void oracle_covered(struct oracle *o, uint64_t iova, uint64_t length)
{
	size_t n, last;
	unsigned int i;

	for (i = 0; i < o->nr; i++) {
		struct oracle_area *a = &o->area[i];

		if (!pages(a, iova, length, &n, &last))
			continue;
		while (n <= last)
			n = a->dirty[n] ? leaf_read(o, a, n, iova, length) :
					  n + 1;
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
		if (!(req->flags & NO_CLEAR))
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

/* Is all of the leaf of page @n in the answer? */
static bool leaf_delivered(const struct oracle_area *a, size_t n,
			   const struct oracle_req *req, const uint8_t *bitmap,
			   size_t bytes)
{
	uint64_t leaf = leaf_of(a, n), bit, last_bit;
	size_t i, last;

	if (leaf < req->iova ||
	    leaf_last(a, n) > last_of(req->iova, req->length) ||
	    !pages(a, leaf, 1ULL << a->shift[n], &i, &last))
		return false;
	for (; i <= last; i++) {
		page_bits(a, i, req, &bit, &last_bit);
		if (last_bit >= bytes * 8)
			return false;
		while (bit <= last_bit)
			if (!test_bit(bitmap, bit++))
				return false;
	}
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

		if (!pages(a, req->iova, req->length, &n, &last))
			continue;
		while (n <= last)
			n = a->dirty[n] && leaf_delivered(a, n, req, bitmap,
							  bytes) ?
				leaf_read(o, a, n, req->iova, req->length) :
				n + 1;
	}
	return invented;
}
