// SPDX-License-Identifier: GPL-2.0-only
/*
 * iommufd behind an IOMMU that cannot track.
 *
 * Firmware and hardware may leave an IOMMU without Dirty bits, or with bits
 * that do not work. Then nothing may offer tracking, and everything else works
 * (promise 5: the capability is reported if and only if the allocation works).
 *
 * The tests need an e1000e and an edu device of QEMU's.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "rig.h"
#include "type1.h"

#define PAGES	16

FIXTURE(untracked)
{
	int fd;
	uint32_t ioas;
	struct e1000e nic;
	struct edu edu;
};

FIXTURE_SETUP(untracked)
{
	self->nic.vfio.fd = -1;
	self->edu.vfio.fd = -1;
	rig_page = sysconf(_SC_PAGESIZE);
	self->fd = iommufd_open();
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, iommufd_ioas_alloc(self->fd, &self->ioas));
	ASSERT_EQ(0, e1000e_open(&self->nic, self->fd, 0));
	ASSERT_EQ(0, edu_open(&self->edu, self->fd, 0));
}

FIXTURE_TEARDOWN(untracked)
{
	e1000e_close(&self->nic);
	edu_close(&self->edu);
	close(self->fd);
}

TEST_F(untracked, no_capability)
{
	struct vfio_dev *dev[] = { &self->nic.vfio, &self->edu.vfio };
	uint64_t caps;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(dev); i++) {
		ASSERT_EQ(0, iommufd_hw_caps(self->fd, dev[i]->devid, &caps));
		EXPECT_EQ(0, caps & IOMMU_HW_CAP_DIRTY_TRACKING);
	}
}

TEST_F(untracked, no_allocation)
{
	struct vfio_dev *dev[] = { &self->nic.vfio, &self->edu.vfio };
	unsigned int i;
	uint32_t hwpt;

	for (i = 0; i < ARRAY_SIZE(dev); i++)
		EXPECT_EQ(-EOPNOTSUPP,
			  iommufd_hwpt_alloc(self->fd, dev[i]->devid,
					     self->ioas,
					     IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
					     &hwpt));
}

/* An ordinary page table is what it always was, and says so. */
TEST_F(untracked, dma_without_tracking)
{
	uint8_t *nic_mem = mem_alloc(NIC_MEM, PAGE);
	uint8_t *mem = mem_alloc(PAGES * PAGE, PAGE);
	uint8_t frame[E1000E_MIN_LEN];
	uint64_t bits = 0;
	uint32_t hwpt;
	unsigned int i;

	ASSERT_NE(NULL, nic_mem);
	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, iommufd_map(self->fd, self->ioas, nic_mem, RIG_NIC_IOVA,
				 NIC_MEM));
	ASSERT_EQ(0, iommufd_map(self->fd, self->ioas, mem, RIG_IOVA,
				 PAGES * PAGE));
	ASSERT_EQ(0, iommufd_hwpt_alloc(self->fd, self->nic.vfio.devid,
					self->ioas, 0, &hwpt));
	ASSERT_EQ(0, vfio_attach(&self->nic.vfio, hwpt));
	ASSERT_EQ(0, e1000e_start(&self->nic, nic_mem, RIG_NIC_IOVA));
	ASSERT_EQ(0, e1000e_write_pages(&self->nic, RIG_IOVA, PAGE, PAGES, 1));
	for (i = 0; i < PAGES; i++) {
		e1000e_frame(frame, sizeof(frame), 1 + i);
		EXPECT_EQ(0, memcmp(mem + i * PAGE, frame, sizeof(frame)));
	}
	EXPECT_EQ(-EOPNOTSUPP, iommufd_set_dirty(self->fd, hwpt, true));
	EXPECT_EQ(-EOPNOTSUPP,
		  iommufd_get_dirty(self->fd, hwpt, 0, RIG_IOVA, PAGES * PAGE,
				    PAGE, &bits));
	EXPECT_EQ(0, bits);

	e1000e_close(&self->nic);
	mem_free(mem, PAGES * PAGE, PAGE);
	mem_free(nic_mem, NIC_MEM, PAGE);
}

/* VFIO's container says that it can, and reports all that is mapped. */
TEST(container)
{
	const uint64_t all = (1ULL << PAGES) - 1;
	struct type1_unmap unmap;
	struct type1_get get;
	unsigned int round;
	uint64_t bits;
	struct rig rig;
	void *mem;

	ASSERT_EQ(0, rig_open_container(&rig));
	ASSERT_EQ(0, rig_add_nic(&rig));
	mem = mem_alloc(PAGES * PAGE, PAGE);
	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, type1_map(rig.fd, mem, RIG_IOVA, PAGES * PAGE));
	type1_get_init(&get, RIG_IOVA, 64 * PAGE, PAGE, &bits);
	type1_unmap_init(&unmap, RIG_IOVA, 64 * PAGE, PAGE, &bits);
	ASSERT_EQ(0, type1_log(rig.fd, true));
	for (round = 0; round < 3; round++) {
		ASSERT_EQ(0, e1000e_write_pages(&rig.nic, RIG_IOVA, PAGE, 1,
						1 + round));
		bits = 0;
		EXPECT_EQ(0, type1_get(rig.fd, &get));
		EXPECT_EQ(all, bits);
	}
	/* Its last device leaves, and its dirt stays. */
	e1000e_close(&rig.nic);
	bits = 0;
	EXPECT_EQ(0, type1_get(rig.fd, &get));
	EXPECT_EQ(all, bits);
	bits = 0;
	EXPECT_EQ(0, type1_unmap(rig.fd, &unmap));
	EXPECT_EQ(PAGES * PAGE, unmap.head.size);
	EXPECT_EQ(all, bits);
	ASSERT_EQ(0, type1_log(rig.fd, false));

	rig_close(&rig);
	mem_free(mem, PAGES * PAGE, PAGE);
}

TEST_HARNESS_MAIN
