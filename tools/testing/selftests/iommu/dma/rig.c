// SPDX-License-Identifier: GPL-2.0-only
/* The machine that the tests stand on, see rig.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rig.h"
#include "type1.h"

#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT	26
#endif

/* Huge pages among which neighbours are looked for */
#define POOL		32
/* Small pages that are looked at together */
#define PIECE		512
#define PFN_MASK	((1ULL << 55) - 1)

uint64_t rig_page;

static uint64_t round_up_to(uint64_t x, uint64_t size)
{
	return (x + size - 1) / size * size;
}

static unsigned int log2_of(uint64_t x)
{
	return __builtin_ctzll(x);
}

/* A table has the size of a page, and an entry that of a word. */
uint64_t mem_large(void)
{
	return PAGE * PAGE / 8;
}

static void *small_pages(size_t length)
{
	size_t off, start;
	char *mem;

	mem = mmap(NULL, length, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		return NULL;
	madvise(mem, length, MADV_NOHUGEPAGE);
	/*
	 * Pages touched one after the other are likely to be neighbours: touch
	 * the even ones first, then the odd ones.
	 */
	for (start = 0; start < 2 * PAGE; start += PAGE)
		for (off = start; off < length; off += 2 * PAGE)
			*(volatile char *)(mem + off) = 0;
	return mem;
}

/* Needs to be root, or all frames have number 0. */
static void physical_pages(const void *va, uint64_t *phys, unsigned int nr)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	unsigned int i;
	ssize_t n = -1;

	if (fd >= 0) {
		n = pread(fd, phys, nr * sizeof(*phys),
			  (uintptr_t)va / PAGE * sizeof(*phys));
		close(fd);
	}
	for (i = 0; i < nr; i++)
		phys[i] = n == (ssize_t)(nr * sizeof(*phys)) ?
			  (phys[i] & PFN_MASK) * PAGE : 0;
}

static uint64_t physical(const void *va)
{
	uint64_t phys;

	physical_pages(va, &phys, 1);
	return phys;
}

/*
 * Exchange the small pages that follow their neighbour in memory too: with it
 * they could become one leaf. Most do not; those that take their place may.
 */
static bool separate(char *mem, size_t length)
{
	uint64_t phys[PIECE];
	size_t off, nr, i;
	char *other;

	for (off = 0; off + PAGE < length; off += (nr - 1) * PAGE) {
		nr = (length - off) / PAGE;
		if (nr > PIECE)
			nr = PIECE;
		physical_pages(mem + off, phys, nr);
		for (i = 1; i < nr; i++) {
			while (phys[i] && phys[i] == phys[i - 1] + PAGE) {
				other = small_pages(PAGE);
				if (!other)
					return false;
				phys[i] = physical(other);
				if (mremap(other, PAGE, PAGE,
					   MREMAP_MAYMOVE | MREMAP_FIXED,
					   mem + off + i * PAGE) == MAP_FAILED)
					return false;
			}
		}
	}
	return true;
}

/* Reserve address space, aligned to its length. */
static char *reserve(size_t length)
{
	char *space, *mem;

	space = mmap(NULL, 2 * length, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (space == MAP_FAILED)
		return NULL;
	mem = (char *)round_up_to((uintptr_t)space, length);
	munmap(space, mem - space);
	munmap(mem + length, space + length - mem);
	return mem;
}

/* A file of @nr huge pages, whose addresses are filled in; or a negative errno */
static int huge_file(unsigned int nr, uint64_t *phys)
{
	const size_t huge = mem_large();
	unsigned int i;
	char *mem;
	int fd;

	fd = memfd_create("huge", MFD_CLOEXEC | MFD_HUGETLB |
			  log2_of(huge) << MAP_HUGE_SHIFT);
	if (fd < 0)
		return -errno;
	mem = ftruncate(fd, nr * huge) ? MAP_FAILED :
	      mmap(NULL, nr * huge, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mem == MAP_FAILED) {
		close(fd);
		return -ENOMEM;
	}
	for (i = 0; i < nr; i++) {
		*(volatile char *)(mem + i * huge) = 0;
		phys[i] = physical(mem + i * huge);
	}
	munmap(mem, nr * huge);
	return fd;
}

/* The pages of a file can be mapped in any order. */
static char *map_huge(int fd, size_t length, const unsigned int *index)
{
	const size_t huge = mem_large(), all = round_up_to(length, huge);
	char *mem = reserve(all);
	size_t i;

	for (i = 0; mem && i < all / huge; i++)
		if (mmap(mem + i * huge, huge, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED, fd, index[i] * huge) ==
		    MAP_FAILED) {
			munmap(mem, all);
			mem = NULL;
		}
	return mem;
}

/* Fill in @index so that each page lies before the last in physical memory. */
static void descend(const uint64_t *phys, unsigned int nr, unsigned int *index)
{
	unsigned int i, n;

	for (n = 0; n < nr; n++) {
		for (i = n; i && phys[index[i - 1]] < phys[n]; i--)
			index[i] = index[i - 1];
		index[i] = n;
	}
}

/* Huge pages, none of which is followed by its neighbour */
static char *huge_pages(size_t length)
{
	unsigned int nr = length / mem_large();
	unsigned int *index = calloc(nr, sizeof(*index));
	uint64_t *phys = calloc(nr, sizeof(*phys));
	char *mem = NULL;
	int fd = -1;

	if (index && phys)
		fd = huge_file(nr, phys);
	if (fd >= 0) {
		descend(phys, nr, index);
		mem = map_huge(fd, length, index);
		close(fd);
	}
	free(index);
	free(phys);
	return mem;
}

void *mem_alloc(size_t length, uint64_t piece)
{
	void *mem;

	length = round_up_to(length, piece);
	if (piece != PAGE)
		return huge_pages(length);
	mem = small_pages(length);
	if (mem && !separate(mem, length)) {
		printf("# no memory to exchange pages that are neighbours\n");
		munmap(mem, length);
		mem = NULL;
	}
	return mem;
}

void mem_free(void *mem, size_t length, uint64_t piece)
{
	if (piece != PAGE && piece < mem_large())
		piece = mem_large();
	if (mem)
		munmap(mem, round_up_to(length, piece));
}

/*
 * Which of the @nr huge pages make up @length, aligned: fills in as many of
 * @index as it takes.
 */
static bool find_neighbours(const uint64_t *phys, unsigned int nr,
			    size_t length, unsigned int *index)
{
	unsigned int need = (length + mem_large() - 1) / mem_large();
	unsigned int first, found, i;

	for (first = 0; first < nr; first++) {
		if (!phys[first] || phys[first] & (length - 1))
			continue;
		for (found = 0; found < need; found++) {
			for (i = 0; i < nr; i++)
				if (phys[i] == phys[first] +
					       found * mem_large())
					break;
			if (i == nr)
				break;
			index[found] = i;
		}
		if (found == need)
			return true;
	}
	return false;
}

void *mem_alloc_contiguous(size_t length)
{
	unsigned int nr = length > mem_large() ? POOL : 1, index[POOL];
	uint64_t phys[POOL];
	void *mem = NULL;
	int fd;

	fd = huge_file(nr, phys);
	if (fd < 0)
		return NULL;
	if (find_neighbours(phys, nr, length, index))
		mem = map_huge(fd, length, index);
	close(fd);
	return mem;
}

static int open_nic(struct rig *r)
{
	int rc;

	r->nic_mem = mem_alloc(NIC_MEM, PAGE);
	if (!r->nic_mem)
		return -ENOMEM;
	rc = e1000e_open(&r->nic, r->fd, 0);
	if (rc)
		return rc;
	return iommufd_map(r->fd, r->ioas, r->nic_mem, RIG_NIC_IOVA, NIC_MEM);
}

/*
 * An AMD IOMMU has leaves of every power of two but 512 GiB; the others have
 * what an entry of one of the three lower levels maps.
 */
static int find_sizes(struct rig *r)
{
	char name[VFIO_IOMMU_LEN];
	uint64_t alignment;
	int rc;

	rc = vfio_iommu(r->nic.vfio.bdf, name);
	if (rc)
		return rc;
	if (!strncmp(name, "ivhd", 4))
		r->sizes = -PAGE & ~(1ULL << 39);
	else if (!strncmp(name, "dmar", 4) || !strncmp(name, "smmu3", 5))
		r->sizes = PAGE | mem_large() | mem_large() * PAGE / 8;
	else
		return -ENODEV;

	rc = iommufd_alignment(r->fd, r->ioas, &alignment);
	if (!rc && alignment != PAGE) {
		printf("# the IOMMU's page is %llu bytes, the processor's %llu\n",
		       (unsigned long long)alignment, (unsigned long long)PAGE);
		rc = -EOPNOTSUPP;
	}
	return rc;
}

static void rig_init(struct rig *r)
{
	unsigned int i;

	memset(r, 0, sizeof(*r));
	rig_page = sysconf(_SC_PAGESIZE);
	r->stamp = 1;
	r->nic.vfio.fd = -1;
	for (i = 0; i < RIG_EDUS; i++)
		r->edu[i].vfio.fd = -1;
}

int rig_open(struct rig *r)
{
	int rc;

	rig_init(r);
	r->fd = iommufd_open();
	if (r->fd < 0)
		return r->fd;
	rc = iommufd_ioas_alloc(r->fd, &r->ioas);
	if (!rc)
		rc = open_nic(r);
	if (!rc)
		rc = iommufd_hwpt_alloc(r->fd, r->nic.vfio.devid, r->ioas,
					IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
					&r->hwpt);
	if (!rc)
		rc = vfio_attach(&r->nic.vfio, r->hwpt);
	if (!rc)
		rc = find_sizes(r);
	if (!rc)
		rc = e1000e_start(&r->nic, r->nic_mem, RIG_NIC_IOVA);
	oracle_init(&r->oracle, r->fd, r->hwpt);
	if (!rc)
		rc = rig_split(r, ORACLE_HUGE);
	return rc;
}

int rig_add_nic(struct rig *r)
{
	int rc;

	rc = e1000e_open(&r->nic, r->fd, 0);
	if (!rc)
		rc = find_sizes(r);
	if (!rc)
		rc = e1000e_start(&r->nic, r->nic_mem, RIG_NIC_IOVA);
	return rc;
}

/* A container has an address space once there was a group in it. */
static int open_container(struct rig *r)
{
	char bdf[VFIO_BDF_LEN];
	int group, rc;

	r->fd = type1_open();
	if (r->fd < 0)
		return r->fd;
	rc = vfio_find(E1000E_VENDOR, E1000E_DEVICE, 0, bdf);
	if (rc)
		return rc;
	group = vfio_open_group(bdf, r->fd);
	if (group < 0)
		return group;
	close(group);
	return type1_ioas(r->fd, &r->ioas);
}

int rig_open_container(struct rig *r)
{
	int rc;

	rig_init(r);
	rc = open_container(r);
	if (rc)
		return rc;
	oracle_init(&r->oracle, r->fd, 0);
	r->oracle.split = ORACLE_LAZY;
	r->nic_mem = mem_alloc(NIC_MEM, PAGE);
	if (!r->nic_mem)
		return -ENOMEM;
	return type1_map(r->fd, r->nic_mem, RIG_NIC_IOVA, NIC_MEM);
}

void rig_close(struct rig *r)
{
	unsigned int i;

	e1000e_close(&r->nic);
	for (i = 0; i < RIG_EDUS; i++)
		edu_close(&r->edu[i]);
	oracle_free(&r->oracle);
	mem_free(r->nic_mem, NIC_MEM, PAGE);
	close(r->fd);
}

int rig_add_edu(struct rig *r, unsigned int nth)
{
	int rc;

	rc = edu_open(&r->edu[nth], r->fd, nth);
	if (!rc)
		rc = vfio_attach(&r->edu[nth].vfio, r->hwpt);
	return rc;
}

uint64_t rig_leaf(const struct rig *r, uint64_t iova, uint64_t length)
{
	uint64_t leaf = PAGE, size;

	for (size = PAGE; size && size <= length; size *= 2)
		if (r->sizes & size && !(iova & (size - 1)))
			leaf = size;
	return leaf;
}

int rig_expect_map(const struct rig *r, struct oracle *o, uint64_t iova,
		   uint64_t length, uint64_t piece)
{
	uint64_t last = iova + length - 1, start = iova, leaf = 0;
	int rc = 0;

	/* Neighbours of one size are one area of the oracle's. */
	while (!rc && iova <= last) {
		uint64_t piece_last = iova | (piece - 1);
		uint64_t next;

		if (piece_last > last)
			piece_last = last;
		next = rig_leaf(r, iova, piece_last - iova + 1);
		if (next != leaf && iova > start) {
			rc = oracle_map(o, start, iova - start, leaf);
			start = iova;
		}
		leaf = next;
		iova += leaf;
	}
	return rc ? rc : oracle_map(o, start, iova - start, leaf);
}

int rig_map_at(struct rig *r, void *mem, uint64_t iova, uint64_t length,
	       uint64_t piece)
{
	int rc;

	rc = iommufd_map(r->fd, r->ioas, mem, iova, length);
	if (rc)
		return rc;
	return rig_expect_map(r, &r->oracle, iova, length, piece);
}

void *rig_map(struct rig *r, uint64_t iova, uint64_t length, uint64_t piece)
{
	void *mem = mem_alloc(length, piece);

	if (mem && rig_map_at(r, mem, iova, length, piece)) {
		mem_free(mem, length, piece);
		return NULL;
	}
	return mem;
}

int rig_unmap(struct rig *r, uint64_t iova, uint64_t length)
{
	int rc;

	rc = iommufd_unmap(r->fd, r->ioas, iova, length);
	if (!rc)
		oracle_unmap(&r->oracle, iova, length);
	return rc;
}

int rig_set(struct rig *r, bool on)
{
	return oracle_set(&r->oracle, on);
}

int rig_split(struct rig *r, enum oracle_split split)
{
	return oracle_split(&r->oracle, split);
}

int rig_write_many(struct rig *r, struct e1000e_write *w, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		w[i].stamp = r->stamp++;
		oracle_write(&r->oracle, w[i].iova, w[i].len);
	}
	return e1000e_write(&r->nic, w, n);
}

int rig_write(struct rig *r, uint64_t iova, uint32_t len)
{
	struct e1000e_write w = { .iova = iova, .len = len };

	return rig_write_many(r, &w, 1);
}

int rig_write_pages(struct rig *r, uint64_t iova, uint64_t stride, size_t n)
{
	uint64_t stamp = r->stamp;
	size_t i;

	for (i = 0; i < n; i++)
		oracle_write(&r->oracle, iova + i * stride, E1000E_MIN_LEN);
	r->stamp += n;
	return e1000e_write_pages(&r->nic, iova, stride, n, stamp);
}

int rig_edu_write(struct rig *r, unsigned int nth, uint64_t iova,
		  unsigned int len)
{
	oracle_write(&r->oracle, iova, len);
	return edu_write(&r->edu[nth], iova, len, 0);
}

int rig_get(struct rig *r, uint64_t iova, uint64_t length)
{
	return oracle_get(&r->oracle, iova, length, PAGE, 0);
}
