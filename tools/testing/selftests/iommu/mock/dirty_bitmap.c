// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bitmap in memory of every kind, good and bad: promises 2 and 3.
 */
#include "kselftest_harness.h"
#include "mock.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * Four pages of bitmap, a window each. What is mapped is a little of every
 * window, so that each page of the bitmap is needed.
 */
#define BITMAP_PAGES	4
#define BITMAP_SIZE	(BITMAP_PAGES * 4096)
#define LENGTH		(BITMAP_PAGES * MOCK_WINDOW)
#define AREA_LEN	KIB(512)

static const struct oracle_req whole = {
	.iova = MOCK_WINDOW,
	.length = LENGTH,
	.page_size = MOCK_PAGE,
};

static int open_areas(struct mock *m)
{
	unsigned int i;
	int rc;

	rc = mock_open(m, MOCK_PAGE);
	for (i = 0; i < BITMAP_PAGES && !rc; i++)
		rc = mock_map(m, whole.iova + i * MOCK_WINDOW + MIB(i), AREA_LEN,
			      MOCK_PAGE);
	return rc ? rc : mock_set(m, true);
}

static int write_areas(struct mock *m, unsigned int seed)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; i < BITMAP_PAGES && !rc; i++)
		rc = mock_write_random(m,
				       whole.iova + i * MOCK_WINDOW + MIB(i),
				       AREA_LEN, 60, &seed);
	return rc;
}

static int get_whole(struct mock *m, void *map)
{
	return iommufd_get_dirty(m->fd, m->hwpt, 0, whole.iova, LENGTH,
				 MOCK_PAGE, map);
}

/* Memory that a bitmap may lie in */
enum kind {
	ANON_PRIVATE,
	ANON_SHARED,
	MEMFD,
	MEMFD_PRIVATE,
	FILE_SHARED,
	HUGETLB,
	HUGETLB_SHARED,
	THP,
	BRK,
	BSS,
};

/* An address in .bss, which a mapping has no say in */
static uint8_t bss[2 * BITMAP_SIZE];

static int backing(enum kind kind)
{
	int fd;

	if (kind == FILE_SHARED) {
		fd = open("/tmp/dirty_bitmap", O_RDWR | O_CREAT | O_TRUNC,
			  0600);
		unlink("/tmp/dirty_bitmap");
	} else {
		fd = memfd_create("bitmap",
				  kind == HUGETLB_SHARED ? MFD_HUGETLB : 0);
	}
	if (fd >= 0 && ftruncate(fd, MIB(2))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Room for a bitmap at any byte of the first page; *fd is -1 without a file. */
static uint8_t *memory(enum kind kind, int *fd)
{
	int flags = MAP_PRIVATE, prot = PROT_READ | PROT_WRITE;
	uint8_t *map;

	*fd = -1;
	switch (kind) {
	case BSS:
		memset(bss, 0, sizeof(bss));
		return bss;
	case BRK:
		map = sbrk(2 * BITMAP_SIZE);
		return map == (void *)-1 ? MAP_FAILED : map;
	case THP:
		map = mmap(NULL, MIB(4), prot, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			   0);
		if (map == MAP_FAILED || madvise(map, MIB(4), MADV_HUGEPAGE))
			return MAP_FAILED;
		/* The huge page is made by the fault of the GET. */
		return (uint8_t *)(((uintptr_t)map + MIB(2) - 1) &
				   ~(MIB(2) - 1));
	case ANON_SHARED:
		flags = MAP_SHARED | MAP_ANONYMOUS;
		break;
	case ANON_PRIVATE:
		flags |= MAP_ANONYMOUS;
		break;
	case HUGETLB:
		flags |= MAP_ANONYMOUS | MAP_HUGETLB;
		break;
	default:
		*fd = backing(kind);
		if (*fd < 0)
			return MAP_FAILED;
		if (kind != MEMFD_PRIVATE)
			flags = MAP_SHARED;
	}
	return mmap(NULL, MIB(2), prot, flags, *fd, 0);
}

FIXTURE(bitmap)
{
	struct mock m;
	uint8_t *map;
	int fd;
};

FIXTURE_VARIANT(bitmap)
{
	enum kind kind;
};

FIXTURE_VARIANT_ADD(bitmap, anon_private) { .kind = ANON_PRIVATE };
FIXTURE_VARIANT_ADD(bitmap, anon_shared) { .kind = ANON_SHARED };
FIXTURE_VARIANT_ADD(bitmap, memfd) { .kind = MEMFD };
FIXTURE_VARIANT_ADD(bitmap, memfd_private) { .kind = MEMFD_PRIVATE };
FIXTURE_VARIANT_ADD(bitmap, file) { .kind = FILE_SHARED };
FIXTURE_VARIANT_ADD(bitmap, hugetlb) { .kind = HUGETLB };
FIXTURE_VARIANT_ADD(bitmap, hugetlb_shared) { .kind = HUGETLB_SHARED };
FIXTURE_VARIANT_ADD(bitmap, thp) { .kind = THP };
FIXTURE_VARIANT_ADD(bitmap, brk) { .kind = BRK };
FIXTURE_VARIANT_ADD(bitmap, bss) { .kind = BSS };

FIXTURE_SETUP(bitmap)
{
	MUST(open_areas(&self->m));
	self->map = memory(variant->kind, &self->fd);
	ASSERT_NE(MAP_FAILED, (void *)self->map) {
		TH_LOG("no memory of this kind: hugetlb needs huge pages");
	}
}

FIXTURE_TEARDOWN(bitmap)
{
	if (self->fd >= 0)
		close(self->fd);
	mock_close(&self->m);
}

/* Promise 3: whatever the memory is and wherever in it the bitmap begins. */
TEST_F(bitmap, promise3_bits_arrive)
{
	static const size_t skew[] = { 0, 1, 7, 8, 63, 64, 65, 2047, 4000, 4088,
				       4089, 4095 };
	struct mock *m = &self->m;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(skew); i++) {
		uint8_t *map = self->map + skew[i];

		MUST(write_areas(m, i));
		MUST(get_whole(m, map));
		OK(oracle_compare(&m->oracle, &whole, map));
		oracle_covered(&m->oracle, whole.iova, LENGTH);
		memset(map, 0, BITMAP_SIZE);
	}
	/* Nothing before the bitmap or behind it was written. */
	for (i = 0; i < 2 * BITMAP_SIZE; i++)
		MUST(self->map[i]);
	OK(oracle_ask(&m->oracle, &whole));
}

/* Promise 3: bits are ORed into what is there, and in the file if it is one. */
TEST_F(bitmap, promise3_bits_are_ored)
{
	struct oracle_req req = whole;
	struct mock *m = &self->m;
	static uint8_t copy[BITMAP_SIZE];

	req.prefill = 0x24;
	memset(self->map, req.prefill, BITMAP_SIZE);
	MUST(write_areas(m, 99));
	MUST(get_whole(m, self->map));
	OK(oracle_compare(&m->oracle, &req, self->map));
	if (variant->kind == MEMFD || variant->kind == FILE_SHARED) {
		ASSERT_EQ(BITMAP_SIZE, pread(self->fd, copy, BITMAP_SIZE, 0));
		OK(oracle_compare(&m->oracle, &req, copy));
	}
	oracle_covered(&m->oracle, whole.iova, LENGTH);
	OK(oracle_ask(&m->oracle, &whole));
}

/* Promise 3: on the stack, which grows down to meet it */
TEST(promise3_bitmap_on_the_stack)
{
	uint8_t map[BITMAP_SIZE];
	struct mock m;

	MUST(open_areas(&m));
	MUST(write_areas(&m, 5));
	memset(map, 0, sizeof(map));
	MUST(get_whole(&m, map));
	OK(oracle_compare(&m.oracle, &whole, map));
	oracle_covered(&m.oracle, whole.iova, LENGTH);
	OK(oracle_ask(&m.oracle, &whole));
	mock_close(&m);
}

/* How a page of the bitmap may be bad */
enum how {
	READ_ONLY,
	NO_ACCESS,
	UNMAPPED,
	FILE_READ_ONLY,
	BEHIND_FILE,
	CODE,
};

FIXTURE(bad)
{
	struct mock m;
	int fd;
};

FIXTURE_VARIANT(bad)
{
	enum how how;
};

FIXTURE_VARIANT_ADD(bad, read_only) { .how = READ_ONLY };
FIXTURE_VARIANT_ADD(bad, prot_none) { .how = NO_ACCESS };
FIXTURE_VARIANT_ADD(bad, unmapped) { .how = UNMAPPED };
FIXTURE_VARIANT_ADD(bad, file_read_only) { .how = FILE_READ_ONLY };
FIXTURE_VARIANT_ADD(bad, behind_end_of_file) { .how = BEHIND_FILE };
FIXTURE_VARIANT_ADD(bad, code) { .how = CODE };

FIXTURE_SETUP(bad)
{
	MUST(open_areas(&self->m));
	self->fd = memfd_create("bitmap", 0);
	ASSERT_LE(0, self->fd);
	MUST(ftruncate(self->fd, BITMAP_SIZE));
}

FIXTURE_TEARDOWN(bad)
{
	close(self->fd);
	mock_close(&self->m);
}

/* Makes the page at @page bad; @fd is a file for where one is needed. */
static void *spoil(void *page, enum how how, int fd)
{
	switch (how) {
	case READ_ONLY:
		return mprotect(page, 4096, PROT_READ) ? MAP_FAILED : page;
	case NO_ACCESS:
		return mprotect(page, 4096, PROT_NONE) ? MAP_FAILED : page;
	case UNMAPPED:
		return munmap(page, 4096) ? MAP_FAILED : page;
	case CODE:
		return mprotect(page, 4096, PROT_READ | PROT_EXEC) ?
			       MAP_FAILED : page;
	case FILE_READ_ONLY:
		return mmap(page, 4096, PROT_READ, MAP_SHARED | MAP_FIXED, fd,
			    0);
	case BEHIND_FILE:
		return mmap(page, 4096, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_FIXED, fd, BITMAP_SIZE);
	}
	return MAP_FAILED;
}

/*
 * GET into a bitmap whose page @bad is, from @skew bytes into its first page.
 * The pages before it have good bits, and nothing else is lost.
 */
static void bad_page(struct __test_metadata *_metadata, struct mock *m,
		     enum how how, int fd, unsigned int bad, size_t skew)
{
	size_t size = BITMAP_SIZE + 4096;
	size_t good = bad * 4096 > skew ? bad * 4096 - skew : 0;
	uint8_t *map;

	map = mmap(NULL, size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(map + bad * 4096, spoil(map + bad * 4096, how, fd));

	MUST(write_areas(m, bad + skew));
	EXPECT_EQ(-EFAULT, get_whole(m, map + skew)) {
		TH_LOG("with page %u bad, %zu bytes into the first", bad, skew);
	}
	OK(oracle_delivered(&m->oracle, &whole, map + skew, good));
	OK(oracle_ask(&m->oracle, &whole));
	OK(oracle_ask(&m->oracle, &whole));
	munmap(map, size);
}

/* Promise 2: each page of the bitmap in turn */
TEST_F(bad, promise2_nth_page)
{
	unsigned int bad;

	for (bad = 0; bad < BITMAP_PAGES; bad++)
		bad_page(_metadata, &self->m, variant->how, self->fd, bad, 0);
}

/* Promise 2: windows that begin in one page of the bitmap and end in another */
TEST_F(bad, promise2_nth_page_of_odd_bitmap)
{
	static const size_t skew[] = { 1, 8, 100, 161, 2048, 4080 };
	unsigned int bad, i;

	for (i = 0; i < ARRAY_SIZE(skew); i++)
		for (bad = 0; bad < BITMAP_PAGES; bad++)
			bad_page(_metadata, &self->m, variant->how, self->fd,
				 bad, skew[i]);
}

/* Promise 2: it must be writable where all is clean, too. */
TEST_F(bad, promise2_clean_pages)
{
	struct mock *m = &self->m;
	uint8_t *map;

	map = mmap(NULL, BITMAP_SIZE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(map + 4096, spoil(map + 4096, variant->how, self->fd));
	EXPECT_EQ(-EFAULT, get_whole(m, map));
	EXPECT_EQ(-EFAULT, iommufd_get_dirty(m->fd, m->hwpt, NO_CLEAR,
					     whole.iova, LENGTH, MOCK_PAGE,
					     map));
	munmap(map, BITMAP_SIZE);
}

/* Promises 2, 7: and NO_CLEAR changes nothing, whatever was delivered. */
TEST_F(bad, promise7_no_clear_fails_alike)
{
	struct mock *m = &self->m;
	uint8_t *map;

	map = mmap(NULL, BITMAP_SIZE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(map + 8192, spoil(map + 8192, variant->how, self->fd));
	MUST(write_areas(m, 17));
	EXPECT_EQ(-EFAULT, iommufd_get_dirty(m->fd, m->hwpt, NO_CLEAR,
					     whole.iova, LENGTH, MOCK_PAGE,
					     map));
	OK(oracle_ask(&m->oracle, &whole));
	munmap(map, BITMAP_SIZE);
}

TEST_HARNESS_MAIN
