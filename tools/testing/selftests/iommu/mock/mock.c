// SPDX-License-Identifier: GPL-2.0-only
/* What the tests on the mock IOMMU stand on, see mock.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "mock.h"

/* Below MOCK_HUGE, so that nothing in it is mapped by a large leaf */
#define SMALL_SIZE	KIB(512)
#define HUGE_SIZE	MIB(2)

uint64_t mock_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

bool mock_race(uint64_t begin, uint64_t ms, bool happened)
{
	return mock_now_ms() - begin < (happened ? ms : MOCK_RACE_LIMIT_MS);
}

static int test_cmd(int fd, struct iommu_test_cmd *cmd)
{
	cmd->size = sizeof(*cmd);
	return ioctl(fd, IOMMU_TEST_CMD, cmd) ? -errno : 0;
}

int mock_add(int fd, uint32_t pt, uint32_t flags, struct mock_device *dev)
{
	struct iommu_test_cmd cmd = {
		.op = IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS,
		.id = pt,
		.mock_domain_flags = { .dev_flags = flags },
	};
	int rc = test_cmd(fd, &cmd);

	if (rc)
		return rc;
	dev->stdev = cmd.mock_domain_flags.out_stdev_id;
	dev->idev = cmd.mock_domain_flags.out_idev_id;
	dev->hwpt = cmd.mock_domain_flags.out_hwpt_id;
	return 0;
}

int mock_add_device(int fd, uint32_t pt, uint32_t flags, uint32_t *stdev,
		    uint32_t *idev)
{
	struct mock_device dev;
	int rc = mock_add(fd, pt, flags, &dev);

	if (rc)
		return rc;
	*stdev = dev.stdev;
	if (idev)
		*idev = dev.idev;
	return 0;
}

int mock_replace(int fd, uint32_t stdev, uint32_t pt)
{
	struct iommu_test_cmd cmd = {
		.op = IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE,
		.id = stdev,
		.mock_domain_replace = { .pt_id = pt },
	};

	return test_cmd(fd, &cmd);
}

int mock_nest(int fd, uint32_t idev, uint32_t parent, uint32_t *hwpt)
{
	struct iommu_hwpt_selftest data = {
		.iotlb = IOMMU_TEST_IOTLB_DEFAULT,
	};
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.dev_id = idev,
		.pt_id = parent,
		.data_type = IOMMU_HWPT_DATA_SELFTEST,
		.data_len = sizeof(data),
		.data_uptr = (uintptr_t)&data,
	};

	if (ioctl(fd, IOMMU_HWPT_ALLOC, &cmd))
		return -errno;
	*hwpt = cmd.out_hwpt_id;
	return 0;
}

int mock_mark(int fd, uint32_t hwpt, uint64_t iova, uint64_t pages,
	      const void *bits)
{
	struct iommu_test_cmd cmd = {
		.op = IOMMU_TEST_OP_DIRTY,
		.id = hwpt,
		.dirty = {
			.iova = iova,
			.length = pages * MOCK_PAGE,
			.page_size = MOCK_PAGE,
			.uptr = (uintptr_t)bits,
		},
	};
	int rc = test_cmd(fd, &cmd);

	return rc ? rc : (int)cmd.dirty.out_nr_dirty;
}

int mock_open(struct mock *m, uint64_t leaf)
{
	uint32_t flags = leaf > MOCK_PAGE ? MOCK_FLAGS_DEVICE_HUGE_IOVA : 0;
	int rc;

	memset(m, 0, sizeof(*m));
	m->small = mmap(NULL, SMALL_SIZE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (m->small == MAP_FAILED)
		return -ENOMEM;
	m->fd = iommufd_open();
	if (m->fd < 0)
		return m->fd;
	rc = iommufd_ioas_alloc(m->fd, &m->ioas);
	if (!rc)
		rc = mock_add_device(m->fd, m->ioas, flags, &m->stdev,
				     &m->idev);
	if (!rc)
		rc = iommufd_hwpt_alloc(m->fd, m->idev, m->ioas,
					IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
					&m->hwpt);
	if (!rc)
		rc = mock_replace(m->fd, m->stdev, m->hwpt);
	if (rc)
		close(m->fd);
	else
		oracle_init(&m->oracle, m->fd, m->hwpt);
	return rc;
}

void mock_close(struct mock *m)
{
	oracle_free(&m->oracle);
	close(m->fd);
	munmap(m->small, SMALL_SIZE);
	if (m->huge)
		munmap(m->huge, HUGE_SIZE);
}

static void *huge_memory(struct mock *m)
{
	if (m->huge)
		return m->huge;
	m->huge = mmap(NULL, HUGE_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (m->huge == MAP_FAILED)
		m->huge = NULL;
	return m->huge;
}

int mock_map(struct mock *m, uint64_t iova, uint64_t length, uint64_t leaf)
{
	void *mem = leaf == MOCK_HUGE ? huge_memory(m) : m->small;
	uint64_t chunk = leaf == MOCK_HUGE ? HUGE_SIZE : SMALL_SIZE;
	uint64_t off;
	int rc;

	if (!mem)
		return -ENOMEM;
	for (off = 0; off < length; off += chunk) {
		if (chunk > length - off)
			chunk = length - off;
		rc = iommufd_map(m->fd, m->ioas, mem, iova + off, chunk);
		if (rc)
			return rc;
	}
	return oracle_map(&m->oracle, iova, length, leaf);
}

int mock_unmap(struct mock *m, uint64_t iova, uint64_t length)
{
	int rc = iommufd_unmap(m->fd, m->ioas, iova, length);

	if (!rc)
		oracle_unmap(&m->oracle, iova, length);
	return rc;
}

int mock_set(struct mock *m, bool on)
{
	return oracle_set(&m->oracle, on);
}

/* The pages whose bits are set, those that are mapped */
static int write_bits(struct mock *m, uint64_t iova, uint64_t pages,
		      const uint8_t *bits)
{
	int rc = mock_mark(m->fd, m->hwpt, iova, pages, bits);
	uint64_t i;

	if (rc < 0)
		return rc;
	for (i = 0; i < pages; i++)
		if (bits[i / 8] & 1 << i % 8)
			oracle_write(&m->oracle, iova + i * MOCK_PAGE,
				     MOCK_PAGE);
	return 0;
}

int mock_write(struct mock *m, uint64_t iova, uint64_t stride, uint64_t n)
{
	uint64_t pages = (n - 1) * (stride / MOCK_PAGE) + 1, i;
	uint8_t *bits = calloc((pages + 7) / 8, 1);
	int rc;

	if (!bits)
		return -ENOMEM;
	for (i = 0; i < pages; i += stride / MOCK_PAGE)
		bits[i / 8] |= 1 << i % 8;
	rc = write_bits(m, iova, pages, bits);
	free(bits);
	return rc;
}

int mock_write_random(struct mock *m, uint64_t iova, uint64_t length,
		      unsigned int n, unsigned int *seed)
{
	uint64_t pages = length / MOCK_PAGE;
	uint8_t *bits = calloc((pages + 7) / 8, 1);
	int rc;

	if (!bits)
		return -ENOMEM;
	while (n--) {
		uint64_t i = rand_r(seed) % pages;

		bits[i / 8] |= 1 << i % 8;
	}
	rc = write_bits(m, iova, pages, bits);
	free(bits);
	return rc;
}

int mock_get(struct mock *m, uint64_t iova, uint64_t length)
{
	return oracle_get(&m->oracle, iova, length, MOCK_PAGE, 0);
}
