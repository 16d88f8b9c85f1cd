// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is refused, and with which errno, and the interface's numbers: promises
 * 2, 3 and 6. A call that is refused changes nothing and writes nothing.
 */
#include "kselftest_harness.h"
#include "mock.h"

#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define PAGES		128
#define LENGTH		(PAGES * MOCK_PAGE)
#define BYTES		(PAGES / 8)

static int raw(int fd, unsigned long nr, void *cmd)
{
	return ioctl(fd, nr, cmd) ? -errno : 0;
}

FIXTURE(args)
{
	struct mock m;
	uint8_t map[BYTES];
	struct iommu_hwpt_get_dirty_bitmap get;
	struct iommu_hwpt_set_dirty_tracking set;
	struct iommu_hwpt_alloc alloc;
};

FIXTURE_SETUP(args)
{
	struct mock *m = &self->m;

	MUST(mock_open(m, MOCK_PAGE));
	MUST(mock_map(m, MOCK_START, LENGTH, MOCK_PAGE));
	MUST(mock_set(m, true));
	MUST(mock_write(m, MOCK_START, 3 * MOCK_PAGE, 40));
	self->get = (struct iommu_hwpt_get_dirty_bitmap){
		.size = sizeof(self->get),
		.hwpt_id = m->hwpt,
		.iova = MOCK_START,
		.length = LENGTH,
		.page_size = MOCK_PAGE,
		.data = (uintptr_t)self->map,
	};
	self->set = (struct iommu_hwpt_set_dirty_tracking){
		.size = sizeof(self->set),
		.hwpt_id = m->hwpt,
	};
	self->alloc = (struct iommu_hwpt_alloc){
		.size = sizeof(self->alloc),
		.flags = IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
		.dev_id = m->idev,
		.pt_id = m->ioas,
	};
}

/* Nothing was written by a call that was refused, and nothing is lost. */
FIXTURE_TEARDOWN(args)
{
	static const uint8_t zero[BYTES];

	EXPECT_EQ(0, memcmp(self->map, zero, BYTES));
	OK(mock_get(&self->m, MOCK_START, LENGTH));
	OK(mock_get(&self->m, MOCK_START, LENGTH));
	mock_close(&self->m);
}

/* A good call with one field changed: refused, and with this errno. */
#define REFUSED(err, nr, cmd, field, value) do {			\
	typeof(cmd) changed = cmd;					\
	changed.field = value;						\
	EXPECT_EQ(-(err), raw(self->m.fd, nr, &changed)) {		\
		TH_LOG("with " #field " = " #value);			\
	}								\
} while (0)

#define GET_REFUSED(err, field, value) \
	REFUSED(err, IOMMU_HWPT_GET_DIRTY_BITMAP, self->get, field, value)
#define SET_REFUSED(err, field, value) \
	REFUSED(err, IOMMU_HWPT_SET_DIRTY_TRACKING, self->set, field, value)
#define ALLOC_REFUSED(err, field, value) \
	REFUSED(err, IOMMU_HWPT_ALLOC, self->alloc, field, value)

TEST_F(args, promise6_get_flags)
{
	unsigned int bit;

	for (bit = 1; bit < 32; bit++) {
		GET_REFUSED(EOPNOTSUPP, flags, 1U << bit);
		GET_REFUSED(EOPNOTSUPP, flags, NO_CLEAR | 1U << bit);
	}
	GET_REFUSED(EOPNOTSUPP, __reserved, 1);
	GET_REFUSED(EOPNOTSUPP, __reserved, 1U << 31);
}

/* Had one of these switched tracking off, the GET of the teardown would fail. */
TEST_F(args, promise6_set_flags)
{
	unsigned int bit;

	for (bit = 1; bit < 32; bit++)
		SET_REFUSED(EOPNOTSUPP, flags, 1U << bit);
	SET_REFUSED(EOPNOTSUPP, __reserved, 1);
	SET_REFUSED(EOPNOTSUPP, __reserved, 1U << 31);
}

/* Later kernels give these bits a meaning: here they have none. */
TEST_F(args, promise6_alloc_flags)
{
	unsigned int bit;

	for (bit = 3; bit < 32; bit++) {
		ALLOC_REFUSED(EOPNOTSUPP, flags, 1U << bit);
		ALLOC_REFUSED(EOPNOTSUPP, flags,
			      IOMMU_HWPT_ALLOC_DIRTY_TRACKING | 1U << bit);
	}
	ALLOC_REFUSED(EOPNOTSUPP, __reserved, 1);
	ALLOC_REFUSED(EINVAL, data_len, 8);
	ALLOC_REFUSED(EINVAL, data_type, IOMMU_HWPT_DATA_SELFTEST);
	ALLOC_REFUSED(ENOENT, dev_id, self->m.ioas);
	ALLOC_REFUSED(EINVAL, pt_id, self->m.idev);
	/* A nested HWPT has no table to track. */
	MUST(iommufd_hwpt_alloc(self->m.fd, self->m.idev, self->m.ioas,
				IOMMU_HWPT_ALLOC_NEST_PARENT |
				IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
				&self->alloc.pt_id));
	self->alloc.data_type = IOMMU_HWPT_DATA_SELFTEST;
	self->alloc.data_len = sizeof(struct iommu_hwpt_selftest);
	self->alloc.data_uptr = (uintptr_t)self->map;
	ALLOC_REFUSED(EOPNOTSUPP, flags, IOMMU_HWPT_ALLOC_DIRTY_TRACKING);
}

/* Promise 2: no power of two, or larger than the range. */
TEST_F(args, promise2_page_size)
{
	unsigned int bit;

	GET_REFUSED(EINVAL, page_size, 0);
	for (bit = 2; bit < 64; bit++) {
		GET_REFUSED(EINVAL, page_size, (1ULL << bit) + 1);
		GET_REFUSED(EINVAL, page_size, (1ULL << bit) - 1);
		GET_REFUSED(EINVAL, page_size, 3ULL << (bit - 1));
	}
	GET_REFUSED(EINVAL, page_size, -1ULL);
	for (bit = 19; bit < 64; bit++)
		GET_REFUSED(EINVAL, page_size, 1ULL << bit);
}

TEST_F(args, promise6_range)
{
	GET_REFUSED(EINVAL, length, 0);
	GET_REFUSED(EINVAL, length, 1);
	GET_REFUSED(EINVAL, length, MOCK_PAGE - 1);
	GET_REFUSED(EINVAL, length, MOCK_PAGE + 1);
	GET_REFUSED(EINVAL, length, LENGTH + 1024);
	GET_REFUSED(EINVAL, iova, MOCK_START + 1);
	GET_REFUSED(EINVAL, iova, MOCK_START + 1024);
	GET_REFUSED(EINVAL, iova, 1);

	/* With a granule that they are multiples of, but the leaf is not */
	self->get.page_size = 512;
	GET_REFUSED(EINVAL, length, 512);
	GET_REFUSED(EINVAL, iova, MOCK_START + 512);
	self->get.page_size = 1;
	GET_REFUSED(EINVAL, length, 1);
	GET_REFUSED(EINVAL, iova, MOCK_START + 1);
}

TEST_F(args, promise6_overflow)
{
	GET_REFUSED(EOVERFLOW, length, -MOCK_START + MOCK_PAGE);
	GET_REFUSED(EOVERFLOW, length, -MOCK_PAGE);
	GET_REFUSED(EOVERFLOW, iova, -MOCK_PAGE);
	GET_REFUSED(EOVERFLOW, iova, -LENGTH + MOCK_PAGE);
	/* The very last page is a range like another one, and a hole. */
	self->get.length = MOCK_PAGE;
	GET_REFUSED(0, iova, -MOCK_PAGE);
	/* What is empty is refused as empty, wherever it is. */
	self->get.length = 0;
	GET_REFUSED(EINVAL, iova, -MOCK_PAGE);
}

/* Promise 2: what can never be a bitmap. */
TEST_F(args, promise2_bitmap_address)
{
	uintptr_t vdso = getauxval(AT_SYSINFO_EHDR);

	GET_REFUSED(EFAULT, data, 0);
	GET_REFUSED(EFAULT, data, 1);
	GET_REFUSED(EFAULT, data, 1ULL << 63);
	GET_REFUSED(EFAULT, data, 1ULL << 47);
	GET_REFUSED(EFAULT, data, (1ULL << 47) - 4096);
	GET_REFUSED(EFAULT, data, 0xffff888000000000);
	GET_REFUSED(EFAULT, data, 0xffffffff81000000);
	GET_REFUSED(EFAULT, data, 0xffffffffff600000);
	GET_REFUSED(EFAULT, data, -1ULL);
	GET_REFUSED(EFAULT, data, -4096ULL);
	/* Code, and pages that have no struct page behind them */
	GET_REFUSED(EFAULT, data, (uintptr_t)raw);
	if (vdso) {
		GET_REFUSED(EFAULT, data, vdso);
		GET_REFUSED(EFAULT, data, vdso - 4096);
	}
}

/* Promises 2, 3: page 0 is an address like another, and no bits wrap to it. */
TEST_F(args, promise3_bitmap_at_address_0)
{
	struct mock *m = &self->m;
	uint8_t *zero, copy[BYTES];
	struct oracle_req req = {
		.iova = MOCK_START,
		.length = LENGTH,
		.page_size = MOCK_PAGE,
	};

	zero = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	ASSERT_EQ(NULL, zero);
	GET_REFUSED(EFAULT, data, -8ULL);
	GET_REFUSED(EFAULT, data, -(BYTES - 1ULL));
	GET_REFUSED(EFAULT, data, -1ULL);
	self->get.data = 0;
	MUST(raw(m->fd, IOMMU_HWPT_GET_DIRTY_BITMAP, &self->get));
	asm volatile("" : "+r"(zero));
	memcpy(copy, zero, BYTES);
	OK(oracle_compare(&m->oracle, &req, copy));
	oracle_covered(&m->oracle, MOCK_START, LENGTH);
	munmap(zero, 4096);
}

/* Promise 6: structs of older and of later programs. */
TEST_F(args, promise6_struct_sizes)
{
	struct {
		struct iommu_hwpt_get_dirty_bitmap cmd;
		uint64_t more;
	} get = { .cmd = self->get, .more = 1 };
	struct {
		struct iommu_hwpt_set_dirty_tracking cmd;
		uint64_t more;
	} set = { .cmd = self->set, .more = 1 };
	uint32_t size;

	for (size = 0; size < sizeof(get.cmd); size += 4)
		GET_REFUSED(EINVAL, size, size);
	for (size = 0; size < sizeof(set.cmd); size += 4)
		SET_REFUSED(EINVAL, size, size);
	/* Later fields that this kernel does not know, and that are in use */
	get.cmd.size = sizeof(get);
	EXPECT_EQ(-E2BIG, raw(self->m.fd, IOMMU_HWPT_GET_DIRTY_BITMAP, &get));
	set.cmd.size = sizeof(set);
	EXPECT_EQ(-E2BIG, raw(self->m.fd, IOMMU_HWPT_SET_DIRTY_TRACKING, &set));
	/* ... and that are not */
	get.more = 0;
	get.cmd.flags = NO_CLEAR;
	OK(raw(self->m.fd, IOMMU_HWPT_GET_DIRTY_BITMAP, &get));
	memset(self->map, 0, BYTES);
	set.more = 0;
	set.cmd.flags = IOMMU_HWPT_DIRTY_TRACKING_ENABLE;
	OK(raw(self->m.fd, IOMMU_HWPT_SET_DIRTY_TRACKING, &set));
}

/* Promise 6: the numbers of 6.7 to 6.12, and nothing else */
TEST_F(args, promise6_numbers)
{
	EXPECT_EQ(0x3b8b, IOMMU_HWPT_SET_DIRTY_TRACKING);
	EXPECT_EQ(0x3b8c, IOMMU_HWPT_GET_DIRTY_BITMAP);
	EXPECT_EQ(2, IOMMU_HWPT_ALLOC_DIRTY_TRACKING);
	EXPECT_EQ(1, IOMMU_HW_CAP_DIRTY_TRACKING);
	EXPECT_EQ(1, IOMMU_HWPT_DIRTY_TRACKING_ENABLE);
	EXPECT_EQ(1, IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR);
	EXPECT_EQ(16, sizeof(self->set));
	EXPECT_EQ(4, offsetof(struct iommu_hwpt_set_dirty_tracking, flags));
	EXPECT_EQ(8, offsetof(struct iommu_hwpt_set_dirty_tracking, hwpt_id));
	EXPECT_EQ(48, sizeof(self->get));
	EXPECT_EQ(4, offsetof(struct iommu_hwpt_get_dirty_bitmap, hwpt_id));
	EXPECT_EQ(8, offsetof(struct iommu_hwpt_get_dirty_bitmap, flags));
	EXPECT_EQ(16, offsetof(struct iommu_hwpt_get_dirty_bitmap, iova));
	EXPECT_EQ(24, offsetof(struct iommu_hwpt_get_dirty_bitmap, length));
	EXPECT_EQ(32, offsetof(struct iommu_hwpt_get_dirty_bitmap, page_size));
	EXPECT_EQ(40, offsetof(struct iommu_hwpt_get_dirty_bitmap, data));
}

/* The command itself cannot be read. */
TEST_F(args, promise2_command_unreadable)
{
	char *map = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *cut = map + 4096 - 40;

	ASSERT_NE(MAP_FAILED, map);
	MUST(munmap(map + 4096, 4096));
	memcpy(cut, &self->get, 40);
	EXPECT_EQ(-EFAULT, raw(self->m.fd, IOMMU_HWPT_GET_DIRTY_BITMAP, cut));
	EXPECT_EQ(-EFAULT, raw(self->m.fd, IOMMU_HWPT_GET_DIRTY_BITMAP, NULL));
	EXPECT_EQ(-EFAULT,
		  raw(self->m.fd, IOMMU_HWPT_SET_DIRTY_TRACKING, NULL));
	munmap(map, 4096);
}

/* An id that is another object's, or nobody's */
#define NO_HWPT(id) do {						\
	GET_REFUSED(ENOENT, hwpt_id, id);				\
	SET_REFUSED(ENOENT, hwpt_id, id);				\
} while (0)

TEST_F(args, promise6_ids_of_other_objects)
{
	uint32_t parent, nested, gone, plain, access;
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd),
		.op = IOMMU_TEST_OP_CREATE_ACCESS,
		.id = self->m.ioas,
	};
	struct mock *m = &self->m;

	NO_HWPT(0);
	NO_HWPT(0x7fffffff);
	NO_HWPT(-1U);
	NO_HWPT(m->ioas);
	NO_HWPT(m->stdev);
	NO_HWPT(m->idev);

	MUST(iommufd_hwpt_alloc(m->fd, m->idev, m->ioas,
				IOMMU_HWPT_ALLOC_NEST_PARENT |
				IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &parent));
	MUST(mock_nest(m->fd, m->idev, parent, &nested));
	NO_HWPT(nested);

	MUST(iommufd_hwpt_alloc(m->fd, m->idev, m->ioas,
				IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &gone));
	MUST(iommufd_set_dirty(m->fd, gone, true));
	MUST(iommufd_destroy(m->fd, gone));
	NO_HWPT(gone);

	/* An access is not told its id: it takes the lowest that is free. */
	MUST(iommufd_ioas_alloc(m->fd, &access));
	MUST(iommufd_destroy(m->fd, access));
	MUST(raw(m->fd, IOMMU_TEST_CMD, &cmd));
	NO_HWPT(access);
	MUST(close(cmd.create_access.out_access_fd));

	/* A paging HWPT, but one that does not track */
	MUST(iommufd_hwpt_alloc(m->fd, m->idev, m->ioas, 0, &plain));
	GET_REFUSED(EOPNOTSUPP, hwpt_id, plain);
	SET_REFUSED(EOPNOTSUPP, hwpt_id, plain);
}

/* Promise 6: ids belong to a file. */
TEST_F(args, promise6_ids_of_another_file)
{
	uint8_t map[BYTES] = {};
	struct mock other;
	int empty;

	empty = iommufd_open();
	ASSERT_LE(0, empty);
	EXPECT_EQ(-ENOENT, iommufd_set_dirty(empty, self->m.hwpt, false));
	EXPECT_EQ(-ENOENT, iommufd_get_dirty(empty, self->m.hwpt, 0, MOCK_START,
					     LENGTH, MOCK_PAGE, map));
	close(empty);

	/* The same id, and another object */
	MUST(mock_open(&other, MOCK_PAGE));
	ASSERT_EQ(self->m.hwpt, other.hwpt);
	MUST(mock_map(&other, MOCK_START, LENGTH, MOCK_PAGE));
	EXPECT_EQ(-EINVAL, iommufd_get_dirty(other.fd, other.hwpt, 0,
					     MOCK_START, LENGTH, MOCK_PAGE,
					     map));
	MUST(mock_set(&other, true));
	OK(mock_get(&other, MOCK_START, LENGTH));
	MUST(mock_set(&other, false));
	mock_close(&other);
}

#ifdef __x86_64__
/* The system call as a 32-bit program makes it */
static int call32(int nr, int a, unsigned int b, unsigned int c)
{
	int rc = nr;

	asm volatile("int $0x80" : "+a"(rc) : "b"(a), "c"(b), "d"(c)
		     : "memory", "r8", "r9", "r10", "r11");
	return rc;
}

#define NR32_GETPID	20
#define NR32_IOCTL	54

/* A 32-bit caller is told ENOTTY for these as for everything of iommufd. */
TEST_F(args, promise6_caller_of_32_bits)
{
	struct mock *m = &self->m;
	struct {
		struct iommu_ioas_alloc ioas;
		struct iommu_hwpt_set_dirty_tracking set;
		struct iommu_hwpt_get_dirty_bitmap get;
		uint8_t map[BYTES];
	} *low;

	low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	ASSERT_NE(MAP_FAILED, low);
	ASSERT_EQ(getpid(), call32(NR32_GETPID, 0, 0, 0));
	low->ioas.size = sizeof(low->ioas);
	low->set = self->set;
	low->get = self->get;
	low->get.data = (uintptr_t)low->map;
	EXPECT_EQ(-ENOTTY, call32(NR32_IOCTL, m->fd, IOMMU_IOAS_ALLOC,
				  (uintptr_t)&low->ioas));
	EXPECT_EQ(-ENOTTY, call32(NR32_IOCTL, m->fd,
				  IOMMU_HWPT_SET_DIRTY_TRACKING,
				  (uintptr_t)&low->set));
	EXPECT_EQ(-ENOTTY, call32(NR32_IOCTL, m->fd,
				  IOMMU_HWPT_GET_DIRTY_BITMAP,
				  (uintptr_t)&low->get));
	EXPECT_EQ(0, memcmp(low->map, self->map, BYTES));
	munmap(low, 4096);
}
#endif

TEST_HARNESS_MAIN
