// SPDX-License-Identifier: GPL-2.0-only
/* The machine that the tests stand on, see rig.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rig.h"

#ifndef MAP_HUGE_2MB
#define MAP_HUGE_2MB	(21 << 26)
#endif

void *mem_alloc(size_t length, size_t leaf)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	size_t off, start;
	char *mem;

	if (leaf == SZ_2M)
		flags |= MAP_HUGETLB | MAP_HUGE_2MB;
	mem = mmap(NULL, length, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (mem == MAP_FAILED)
		return NULL;
	if (leaf != SZ_2M)
		madvise(mem, length, MADV_NOHUGEPAGE);
	/*
	 * Pages touched one after the other are likely to be neighbours: touch
	 * the even ones first, then the odd ones.
	 */
	for (start = 0; start < 2 * leaf; start += leaf)
		for (off = start; off < length; off += 2 * leaf)
			*(volatile char *)(mem + off) = 0;
	return mem;
}

void mem_free(void *mem, size_t length)
{
	if (mem)
		munmap(mem, length);
}

static int open_nic(struct rig *r)
{
	int rc;

	r->nic_mem = mem_alloc(E1000E_MEM_SIZE, SZ_4K);
	if (!r->nic_mem)
		return -ENOMEM;
	rc = e1000e_open(&r->nic, r->fd, 0);
	if (rc)
		return rc;
	return iommufd_map(r->fd, r->ioas, r->nic_mem, RIG_NIC_IOVA,
			   E1000E_MEM_SIZE);
}

int rig_open(struct rig *r)
{
	unsigned int i;
	int rc;

	memset(r, 0, sizeof(*r));
	r->stamp = 1;
	r->nic.vfio.fd = -1;
	for (i = 0; i < RIG_EDUS; i++)
		r->edu[i].vfio.fd = -1;

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
		rc = e1000e_start(&r->nic, r->nic_mem, RIG_NIC_IOVA);
	oracle_init(&r->oracle, r->fd, r->hwpt);
	return rc;
}

void rig_close(struct rig *r)
{
	unsigned int i;

	e1000e_close(&r->nic);
	for (i = 0; i < RIG_EDUS; i++)
		edu_close(&r->edu[i]);
	oracle_free(&r->oracle);
	mem_free(r->nic_mem, E1000E_MEM_SIZE);
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

int rig_map_at(struct rig *r, void *mem, uint64_t iova, uint64_t length,
	       uint64_t leaf)
{
	int rc;

	rc = iommufd_map(r->fd, r->ioas, mem, iova, length);
	if (rc)
		return rc;
	return oracle_map(&r->oracle, iova, length, leaf);
}

void *rig_map(struct rig *r, uint64_t iova, uint64_t length, uint64_t leaf)
{
	void *mem = mem_alloc(length, leaf);

	if (mem && rig_map_at(r, mem, iova, length, leaf)) {
		mem_free(mem, length);
		return NULL;
	}
	return mem;
}

int rig_unmap(struct rig *r, uint64_t iova, uint64_t length)
{
	int rc;

	rc = iommufd_unmap(r->fd, r->ioas, iova, length);
	if (!rc)
		oracle_unmap(&r->oracle, iova);
	return rc;
}

int rig_set(struct rig *r, bool on)
{
	return oracle_set(&r->oracle, on);
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
	return oracle_get(&r->oracle, iova, length, SZ_4K, 0);
}
