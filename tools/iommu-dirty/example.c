// SPDX-License-Identifier: GPL-2.0-only
/*
 * iommufd dirty tracking from beginning to end, on one device and 2 MiB.
 *
 *	example /dev/vfio/devices/vfio0
 *
 * The device, bound to vfio-pci, is QEMU's "edu": edu_write() has it write to
 * memory, and is all that is particular to it. Nobody else may use it.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/iommufd.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>

#define IOVA		0x10000000ULL
#define LENGTH		(2UL << 20)
#define PAGE		4096UL

static int iommufd, device;
static uint32_t ioas, hwpt;

static void call(int fd, unsigned long request, void *arg, const char *name)
{
	if (ioctl(fd, request, arg))
		err(1, "%s", name);
}

#define CALL(fd, request, arg) call(fd, request, arg, #request)

/* An HWPT that tracks, with the device attached to it */
static void open_device(const char *path)
{
	struct vfio_device_bind_iommufd bind = { .argsz = sizeof(bind) };
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach),
	};
	struct iommu_hw_info info = { .size = sizeof(info) };
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct iommu_hwpt_alloc pt = {
		.size = sizeof(pt),
		.flags = IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
	};

	iommufd = open("/dev/iommu", O_RDWR);
	device = open(path, O_RDWR);
	if (iommufd < 0 || device < 0)
		err(1, "%s", iommufd < 0 ? "/dev/iommu" : path);
	bind.iommufd = iommufd;
	CALL(device, VFIO_DEVICE_BIND_IOMMUFD, &bind);

	info.dev_id = bind.out_devid;
	CALL(iommufd, IOMMU_GET_HW_INFO, &info);
	if (!(info.out_capabilities & IOMMU_HW_CAP_DIRTY_TRACKING))
		errx(1, "the IOMMU of %s does not track dirty pages", path);

	CALL(iommufd, IOMMU_IOAS_ALLOC, &alloc);
	ioas = alloc.out_ioas_id;
	pt.dev_id = bind.out_devid;
	pt.pt_id = ioas;
	CALL(iommufd, IOMMU_HWPT_ALLOC, &pt);
	hwpt = pt.out_hwpt_id;
	attach.pt_id = hwpt;
	CALL(device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach);
}

/*
 * Exact from the first report on: have leaves split when tracking starts. Where
 * that cannot be, on an older kernel or on this hardware, map by the smallest
 * leaves; before anything is mapped.
 */
static void want_exact_reports(void)
{
	struct iommu_hwpt_dirty_split_mode mode = {
		.size = sizeof(mode),
		.flags = IOMMU_HWPT_DIRTY_SPLIT_MODE_SET,
		.hwpt_id = hwpt,
		.mode = IOMMU_HWPT_DIRTY_SPLIT_EAGER,
	};
	struct iommu_option huge = {
		.size = sizeof(huge),
		.option_id = IOMMU_OPTION_HUGE_PAGES,
		.op = IOMMU_OPTION_OP_SET,
		.object_id = ioas,
		.val64 = 0,
	};

	if (!ioctl(iommufd, IOMMU_HWPT_DIRTY_SPLIT_MODE, &mode))
		return;
	if (errno != ENOTTY && errno != EOPNOTSUPP)
		err(1, "IOMMU_HWPT_DIRTY_SPLIT_MODE");
	CALL(iommufd, IOMMU_OPTION, &huge);
}

static void map_memory(void)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.ioas_id = ioas,
		.iova = IOVA,
		.length = LENGTH,
	};
	void *memory = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		err(1, "mmap");
	map.user_va = (uintptr_t)memory;
	CALL(iommufd, IOMMU_IOAS_MAP, &map);
}

static void track(int on)
{
	struct iommu_hwpt_set_dirty_tracking set = {
		.size = sizeof(set),
		.flags = on ? IOMMU_HWPT_DIRTY_TRACKING_ENABLE : 0,
		.hwpt_id = hwpt,
	};

	CALL(iommufd, IOMMU_HWPT_SET_DIRTY_TRACKING, &set);
}

/* Report, and forget. A migration copies the pages now, not before. */
static void expect_dirty(uint64_t pages)
{
	uint64_t bitmap[LENGTH / PAGE / 64] = { 0 };
	struct iommu_hwpt_get_dirty_bitmap get = {
		.size = sizeof(get),
		.hwpt_id = hwpt,
		.iova = IOVA,
		.length = LENGTH,
		.page_size = PAGE,
		.data = (uintptr_t)bitmap,
	};
	unsigned int i;
	int others = 0;

	CALL(iommufd, IOMMU_HWPT_GET_DIRTY_BITMAP, &get);
	printf("dirty:");
	for (i = 0; i < LENGTH / PAGE; i++)
		if (bitmap[i / 64] & 1ULL << i % 64)
			printf(" %u", i);
	printf("\n");
	for (i = 1; i < LENGTH / PAGE / 64; i++)
		others |= !!bitmap[i];
	if (bitmap[0] != pages || others)
		errx(1, "expected are the bits 0x%llx",
		     (unsigned long long)pages);
}

/* The device writes eight bytes to the start of a page, by DMA. */
static void edu_write(unsigned int page)
{
	struct vfio_region_info config = {
		.argsz = sizeof(config),
		.index = VFIO_PCI_CONFIG_REGION_INDEX,
	};
	struct vfio_region_info bar = {
		.argsz = sizeof(bar),
		.index = VFIO_PCI_BAR0_REGION_INDEX,
	};
	const uint64_t setup[] = { 0x40000, IOVA + page * PAGE, 8 };
	uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	uint32_t go = 3;
	unsigned int i;

	CALL(device, VFIO_DEVICE_GET_REGION_INFO, &config);
	CALL(device, VFIO_DEVICE_GET_REGION_INFO, &bar);
	if (pwrite(device, &command, 2, config.offset + PCI_COMMAND) != 2)
		err(1, "enabling DMA");
	/* From the device's buffer, to memory, how much; then go, and wait. */
	for (i = 0; i < 3; i++)
		if (pwrite(device, &setup[i], 8, bar.offset + 0x80 + 8 * i) != 8)
			err(1, "setting up DMA");
	if (pwrite(device, &go, 4, bar.offset + 0x98) != 4)
		err(1, "starting DMA");
	while (go & 1)
		if (pread(device, &go, 4, bar.offset + 0x98) != 4)
			err(1, "waiting for DMA");
}

int main(int argc, char **argv)
{
	if (argc != 2)
		errx(2, "usage: %s /dev/vfio/devices/vfioN", argv[0]);

	open_device(argv[1]);
	want_exact_reports();
	map_memory();

	edu_write(1);		/* before tracking: nobody will hear of it */
	track(1);		/* from here on; copy all memory after this */
	edu_write(3);
	edu_write(17);
	expect_dirty(1 << 3 | 1 << 17);
	edu_write(3);		/* again, after it was reported */
	expect_dirty(1 << 3);
	expect_dirty(0);
	track(0);		/* what was split is joined */
	return 0;
}
