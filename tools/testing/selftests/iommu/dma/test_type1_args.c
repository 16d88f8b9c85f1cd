// SPDX-License-Identifier: GPL-2.0-only
/* What the container says it can, and what it refuses, with which errno */

#define INFO_ROOM	4096

static struct vfio_info_cap_header *find_cap(void *info, uint32_t offset,
					     uint16_t id, unsigned int *count)
{
	struct vfio_info_cap_header *found = NULL;

	*count = 0;
	while (offset && offset < INFO_ROOM) {
		struct vfio_info_cap_header *cap = info + offset;

		if (cap->id == id) {
			found = cap;
			++*count;
		}
		/* Each lies behind the one before, or this would not end. */
		if (cap->next && cap->next <= offset)
			return NULL;
		offset = cap->next;
	}
	return found;
}

static void expect_capability(struct __test_metadata *_metadata, int fd)
{
	static const uint16_t others[] = {
		VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE,
		VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL,
	};
	struct vfio_iommu_type1_info_cap_migration *cap;
	struct vfio_iommu_type1_info *info = malloc(INFO_ROOM);
	struct vfio_iommu_type1_info small;
	unsigned int count, i;
	uint32_t argsz;

	ASSERT_NE(NULL, info);
	/* Without room it says how much there must be. */
	MUST(type1_info(fd, &small, sizeof(small)));
	EXPECT_EQ(0, small.cap_offset);
	EXPECT_NE(0, small.flags & VFIO_IOMMU_INFO_CAPS);
	argsz = small.argsz;
	ASSERT_LE(sizeof(small) + sizeof(*cap), argsz);
	ASSERT_GE(INFO_ROOM, argsz);

	/* A byte less, and there is no chain. */
	memset(info, 0xa5, INFO_ROOM);
	MUST(type1_info(fd, info, argsz - 1));
	EXPECT_EQ(0, info->cap_offset);
	EXPECT_EQ(argsz, info->argsz);

	memset(info, 0xa5, INFO_ROOM);
	MUST(type1_info(fd, info, argsz));
	EXPECT_EQ(argsz, info->argsz);
	for (i = 0; i < ARRAY_SIZE(others); i++) {
		EXPECT_NE(NULL, find_cap(info, info->cap_offset, others[i],
					 &count));
		EXPECT_EQ(1, count);
	}
	cap = (void *)find_cap(info, info->cap_offset,
			       VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION, &count);
	ASSERT_NE(NULL, cap);
	EXPECT_EQ(1, count);
	EXPECT_EQ(1, cap->header.version);
	EXPECT_EQ(0, cap->flags);
	EXPECT_EQ(PAGE, cap->pgsize_bitmap);
	EXPECT_EQ(256 << 20, cap->max_dirty_bitmap_size);
	/* What lies between flags and pgsize_bitmap is nobody's memory. */
	EXPECT_EQ(0, ((uint32_t *)&cap->flags)[1]);
	EXPECT_EQ(0xa5, ((uint8_t *)info)[argsz]);
	free(info);
}

/* Reported before there is a device, which is when it is asked for, and after. */
TEST_F(container, capability)
{
	expect_capability(_metadata, self->rig.fd);
	MUST(rig_add_nic(&self->rig));
	expect_capability(_metadata, self->rig.fd);
}

/* /dev/iommu has the container's ioctls too, but not these. */
TEST(no_capability_on_dev_iommu)
{
	struct vfio_iommu_type1_info *info = malloc(INFO_ROOM);
	struct iommu_vfio_ioas set = {
		.size = sizeof(set),
		.op = IOMMU_VFIO_IOAS_SET,
	};
	struct type1_unmap unmap;
	unsigned int count;
	uint64_t bits = 0;
	int fd;

	rig_page = sysconf(_SC_PAGESIZE);
	fd = iommufd_open();
	ASSERT_LE(0, fd);
	ASSERT_NE(NULL, info);
	MUST(iommufd_ioas_alloc(fd, &set.ioas_id));
	MUST(ioctl(fd, IOMMU_VFIO_IOAS, &set));
	MUST(type1_info(fd, info, INFO_ROOM));
	EXPECT_NE(0, info->cap_offset);
	EXPECT_EQ(NULL, find_cap(info, info->cap_offset,
				 VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION, &count));
	EXPECT_EQ(0, count);
	EXPECT_EQ(-ENOTTY, type1_log(fd, true));
	EXPECT_EQ(-ENOTTY, type1_log(fd, false));
	type1_unmap_init(&unmap, T1_IOVA, PAGE, PAGE, &bits);
	EXPECT_EQ(-EINVAL, type1_unmap(fd, &unmap));
	free(info);
	close(fd);
}

/* Without a group there is no address space to speak of. */
TEST(no_address_space)
{
	int fd = type1_open();

	ASSERT_LE(0, fd);
	EXPECT_EQ(-ENODEV, type1_log(fd, true));
	close(fd);
}

/* Type 1, not 1v2, has no dirty tracking. */
TEST_F(container, type1_v1)
{
	struct vfio_iommu_type1_dirty_bitmap head = {};
	struct rig *r = &self->rig;
	struct type1_unmap unmap;
	uint64_t bits = 0;

	type1_unmap_init(&unmap, RIG_NIC_IOVA, NIC_MEM, PAGE, NULL);
	MUST(type1_unmap(r->fd, &unmap));
	MUST(ioctl(r->fd, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU));
	EXPECT_EQ(-EACCES, type1_log(r->fd, true));
	EXPECT_EQ(-EACCES, type1_log(r->fd, false));
	/* Before anything that is wrong with the structure */
	EXPECT_EQ(-1, ioctl(r->fd, VFIO_IOMMU_DIRTY_PAGES, &head));
	EXPECT_EQ(EACCES, errno);
	type1_unmap_init(&unmap, T1_IOVA, PAGE, PAGE, &bits);
	EXPECT_EQ(-EINVAL, type1_unmap(r->fd, &unmap));
}

static int dirty_pages(int fd, uint32_t argsz, uint32_t flags)
{
	struct type1_get get = { .head = { .argsz = argsz, .flags = flags } };

	return type1_get(fd, &get);
}

/* Exactly one flag, and a structure that is long enough */
TEST_F(container, flags)
{
	const uint32_t start = VFIO_IOMMU_DIRTY_PAGES_FLAG_START;
	const uint32_t stop = VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP;
	const uint32_t get = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP;
	const uint32_t minsz = sizeof(struct vfio_iommu_type1_dirty_bitmap);
	const uint32_t size = sizeof(struct type1_get);
	int fd = self->rig.fd;
	unsigned int i;

	EXPECT_EQ(-EINVAL, dirty_pages(fd, size, 0));
	EXPECT_EQ(-EINVAL, dirty_pages(fd, size, start | stop));
	EXPECT_EQ(-EINVAL, dirty_pages(fd, size, start | get));
	EXPECT_EQ(-EINVAL, dirty_pages(fd, size, stop | get));
	EXPECT_EQ(-EINVAL, dirty_pages(fd, size, start | stop | get));
	for (i = 3; i < 32; i++) {
		EXPECT_EQ(-EINVAL, dirty_pages(fd, size, 1u << i));
		EXPECT_EQ(-EINVAL, dirty_pages(fd, size, start | 1u << i));
	}
	EXPECT_EQ(-EINVAL, dirty_pages(fd, minsz - 1, start));
	EXPECT_EQ(-EINVAL, dirty_pages(fd, 0, stop));
	EXPECT_EQ(0, dirty_pages(fd, minsz, start));
	EXPECT_EQ(-EINVAL, dirty_pages(fd, size - 1, get));
	EXPECT_EQ(-EINVAL, dirty_pages(fd, minsz, get));
	EXPECT_EQ(0, dirty_pages(fd, minsz, stop));
	EXPECT_EQ(-1, ioctl(fd, VFIO_IOMMU_DIRTY_PAGES, NULL));
	EXPECT_EQ(EFAULT, errno);
}

/* Off, on, on, off, off */
TEST_F(container, start_and_stop)
{
	struct type1_get get;
	uint64_t bits = 0;
	unsigned int i;
	int fd = self->rig.fd;

	type1_get_init(&get, RIG_NIC_IOVA, PAGE, PAGE, &bits);
	EXPECT_EQ(-EINVAL, type1_get(fd, &get));
	EXPECT_EQ(0, type1_log(fd, false));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, type1_log(fd, true));
		EXPECT_EQ(0, type1_get(fd, &get));
	}
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, type1_log(fd, false));
		EXPECT_EQ(-EINVAL, type1_get(fd, &get));
	}
	EXPECT_EQ(0, bits);
}

/* Every argument of a report, of GET_BITMAP and of UNMAP_DMA alike */
struct bad_range {
	const char *what;
	uint64_t iova;		/* in pages */
	uint64_t length;
	uint64_t pgsize;
	uint64_t bytes;
	uint64_t iova_off;	/* in bytes */
	uint64_t length_off;
	bool kernel;		/* the bitmap is not in user space */
};

static const struct bad_range bad_ranges[] = {
	{ .what = "no length", .length = 0, .pgsize = 1, .bytes = 8 },
	{ .what = "iova in a page", .length = 64, .pgsize = 1, .bytes = 8,
	  .iova_off = 1 },
	{ .what = "iova in a page", .length = 64, .pgsize = 1, .bytes = 8,
	  .iova_off = 512 },
	{ .what = "length in a page", .length = 63, .pgsize = 1, .bytes = 8,
	  .length_off = 1 },
	{ .what = "length in a page", .length = 0, .pgsize = 1, .bytes = 8,
	  .length_off = 512 },
	{ .what = "no page size", .length = 64, .pgsize = 0, .bytes = 8 },
	{ .what = "larger pages", .length = 64, .pgsize = 2, .bytes = 8 },
	{ .what = "larger pages", .length = 512, .pgsize = 512, .bytes = 8 },
	{ .what = "odd pages", .length = 64, .pgsize = 3, .bytes = 64 },
	{ .what = "no bitmap", .length = 64, .pgsize = 1, .bytes = 0 },
	{ .what = "a bitmap too short", .length = 64, .pgsize = 1, .bytes = 7 },
	{ .what = "a bitmap too short", .length = 65, .pgsize = 1, .bytes = 9 },
	{ .what = "not a whole word", .length = 1, .pgsize = 1, .bytes = 1 },
	{ .what = "a bitmap too long", .length = 64, .pgsize = 1,
	  .bytes = (256ULL << 20) + 1 },
	{ .what = "a bitmap far too long", .length = 64, .pgsize = 1,
	  .bytes = -8ULL },
	{ .what = "not user space", .length = 64, .pgsize = 1, .bytes = 8,
	  .kernel = true },
};

/* The bitmap that a request names need not be there to be refused. */
static void *bad_bitmap(const struct bad_range *bad, uint64_t *bits)
{
	return bad->kernel ? (void *)~0xfffULL : bits;
}

TEST_F(container, bad_reports)
{
	struct rig *r = &self->rig;
	struct type1_unmap unmap;
	uint64_t bits[64] = {};
	struct type1_get get;
	unsigned int i;

	MUST(type1_log(r->fd, true));
	for (i = 0; i < ARRAY_SIZE(bad_ranges); i++) {
		const struct bad_range *bad = &bad_ranges[i];
		uint64_t iova = T1_IOVA + bad->iova_off;
		uint64_t length = bad->length * PAGE + bad->length_off;

		type1_get_init(&get, iova, length, PAGE, bad_bitmap(bad, bits));
		get.range.bitmap.pgsize = bad->pgsize * PAGE;
		get.range.bitmap.size = bad->bytes;
		EXPECT_EQ(-EINVAL, type1_get(r->fd, &get)) {
			TH_LOG("GET_BITMAP: %s", bad->what);
		}
		type1_unmap_init(&unmap, iova, length, PAGE,
				 bad_bitmap(bad, bits));
		unmap.bitmap.pgsize = bad->pgsize * PAGE;
		unmap.bitmap.size = bad->bytes;
		EXPECT_EQ(-EINVAL, type1_unmap(r->fd, &unmap)) {
			TH_LOG("UNMAP_DMA: %s", bad->what);
		}
		EXPECT_EQ(length, unmap.head.size);
	}
	/* The last page of all: VFIO has GET_BITMAP refuse it. */
	type1_get_init(&get, -PAGE, PAGE, PAGE, bits);
	EXPECT_EQ(-EINVAL, type1_get(r->fd, &get));
	type1_get_init(&get, -PAGE, 2 * PAGE, PAGE, bits);
	EXPECT_EQ(-EINVAL, type1_get(r->fd, &get));
	type1_unmap_init(&unmap, -PAGE, 2 * PAGE, PAGE, bits);
	EXPECT_EQ(-EINVAL, type1_unmap(r->fd, &unmap));
	for (i = 0; i < ARRAY_SIZE(bits); i++)
		EXPECT_EQ(0, bits[i]);
}

/* A structure that ends where memory does */
TEST_F(container, structures_cut_off)
{
	uint8_t *mem = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct vfio_iommu_type1_info *info;
	struct rig *r = &self->rig;
	struct type1_unmap *unmap;
	struct type1_get *get;
	uint64_t bits = 0;

	ASSERT_NE(MAP_FAILED, mem);
	MUST(munmap(mem + PAGE, PAGE));
	mem += PAGE;
	MUST(type1_log(r->fd, true));
	get = (void *)(mem - sizeof(*get));
	type1_get_init(get, T1_IOVA, PAGE, PAGE, &bits);
	EXPECT_EQ(0, type1_get(r->fd, get));
	memmove((uint8_t *)get + 8, get, sizeof(*get) - 8);
	EXPECT_EQ(-EFAULT, type1_get(r->fd, (void *)get + 8));
	unmap = (void *)(mem - sizeof(*unmap));
	type1_unmap_init(unmap, T1_IOVA, PAGE, PAGE, &bits);
	EXPECT_EQ(0, type1_unmap(r->fd, unmap));
	type1_unmap_init(unmap, T1_IOVA, PAGE, PAGE, &bits);
	memmove((uint8_t *)unmap + 8, unmap, sizeof(*unmap) - 8);
	EXPECT_EQ(-EFAULT, type1_unmap(r->fd, (void *)unmap + 8));
	/* There is room for all but the last capability. */
	info = (void *)(mem - sizeof(*info));
	MUST(type1_info(r->fd, info, sizeof(*info)));
	info = (void *)(mem - info->argsz + 8);
	EXPECT_EQ(-EFAULT, type1_info(r->fd, info, INFO_ROOM));
	munmap(mem - PAGE, PAGE);
}

/* A word more than needed, and no more than that is touched */
TEST_F(type1, bitmap_longer_than_needed)
{
	struct rig *r = &self->rig;
	struct type1_get get;
	uint64_t bits[3] = { 0, 0, 0 };

	MUST(t1_log(r, true));
	MUST(rig_write_pages(r, T1_IOVA, PAGE, 70));
	type1_get_init(&get, T1_IOVA, 70 * PAGE, PAGE, bits);
	get.range.bitmap.size = sizeof(bits);
	MUST(type1_get(r->fd, &get));
	EXPECT_EQ(~0ULL, bits[0]);
	EXPECT_EQ((1ULL << 6) - 1, bits[1]);
	EXPECT_EQ(0, bits[2]);
}

/* What cannot be written is an error, and what it did not take stays dirty. */
TEST_F(type1, bitmap_not_writable)
{
	struct rig *r = &self->rig;
	void *bits = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	struct type1_get get;

	ASSERT_NE(MAP_FAILED, bits);
	MUST(t1_log(r, true));
	MUST(rig_write_pages(r, T1_IOVA, 3 * PAGE, 100));
	type1_get_init(&get, T1_IOVA, T1_LEN, PAGE, bits);
	EXPECT_EQ(-EFAULT, type1_get(r->fd, &get));
	OK(t1_get(r, T1_IOVA, T1_LEN));
	/* Under a hole none is needed. */
	type1_get_init(&get, T1_IOVA + T1_LEN, 64 * PAGE, PAGE, bits);
	EXPECT_EQ(0, type1_get(r->fd, &get));
	munmap(bits, PAGE);
}
