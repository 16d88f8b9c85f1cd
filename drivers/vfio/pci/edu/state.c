// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state of QEMU's educational device: stop it, read all of it, write it.
 *
 * Its registers can be read, and written by way of the operations that set
 * them.  Its buffer is reached by its own DMA only, and DMA goes where user
 * space's page table says.  So for one transfer the stopped device is detached
 * from that and attached to a page table of the driver's, which maps a single
 * page.  Attached again it is tracked again, as every device is that is attached
 * to a page table with dirty tracking on.
 *
 * What cannot be saved is time.  A transfer or a computation that runs has no
 * state that could be read: stopping waits for its end, and the interrupt is
 * raised at the source.  And a factorial is all that its register can be set to, so
 * a state with another value there, which no device has, is refused.
 */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/iommu.h>
#include <linux/iopoll.h>
#include <linux/pci.h>
#include <linux/sizes.h>

#include "edu.h"

#define EDU_LIVENESS	0x04
#define EDU_FACTORIAL	0x08
#define EDU_STATUS	0x20
#define EDU_COMPUTING	BIT(0)
#define EDU_IRQ_STATUS	0x24
#define EDU_IRQ_RAISE	0x60
#define EDU_IRQ_ACK	0x64
#define EDU_DMA_SRC	0x80
#define EDU_DMA_DST	0x88
#define EDU_DMA_COUNT	0x90
#define EDU_DMA_CMD	0x98
#define EDU_DMA_RUN	BIT(0)
#define EDU_DMA_TO_RAM	BIT(1)

/* The buffer's address, known to the DMA engine alone */
#define EDU_BUFFER	0x40000

/* Any will do that is in reach of a device with 28 address bits. */
#define EDU_BOUNCE_IOVA	SZ_1M

/* A transfer takes 100 ms, the longest computation some seconds. */
#define EDU_POLL_US	1000
#define EDU_TIMEOUT_US	(20 * USEC_PER_SEC)

/* 34! is the first factorial that is 0 in 32 bits, as all later ones are. */
#define EDU_MAX_FACTORIAL	34

/**
 * struct edu_bounce - the page that the buffer is copied by
 * @domain: maps it, and nothing else
 * @page: the page
 */
struct edu_bounce {
	struct iommu_domain *domain;
	void *page;
};

/* The registers can be used from here on, whatever user space has disabled. */
static void edu_enter(struct edu_vfio_device *edu, u16 set, u16 clear)
{
	struct pci_dev *pdev = edu->core.pdev;

	down_write(&edu->core.memory_lock);
	pci_read_config_word(pdev, PCI_COMMAND, &edu->command);
	pci_write_config_word(pdev, PCI_COMMAND,
			      (edu->command & ~clear) | set | PCI_COMMAND_MEMORY);
}

static void edu_leave(struct edu_vfio_device *edu)
{
	pci_write_config_word(edu->core.pdev, PCI_COMMAND, edu->command);
	up_write(&edu->core.memory_lock);
}

static void __iomem *edu_reg(struct edu_vfio_device *edu, unsigned int reg)
{
	return edu->core.barmap[0] + reg;
}

static int edu_wait(struct edu_vfio_device *edu, unsigned int reg, u32 busy)
{
	u32 val;

	return readl_poll_timeout(edu_reg(edu, reg), val, !(val & busy),
				  EDU_POLL_US, EDU_TIMEOUT_US);
}

static int edu_transfer(struct edu_vfio_device *edu, u64 src, u64 dst,
			u64 count, u64 cmd)
{
	writeq(src, edu_reg(edu, EDU_DMA_SRC));
	writeq(dst, edu_reg(edu, EDU_DMA_DST));
	writeq(count, edu_reg(edu, EDU_DMA_COUNT));
	writeq(cmd | EDU_DMA_RUN, edu_reg(edu, EDU_DMA_CMD));
	return edu_wait(edu, EDU_DMA_CMD, EDU_DMA_RUN);
}

static void edu_read_registers(struct edu_vfio_device *edu,
			       struct edu_state *state)
{
	state->magic = cpu_to_le32(EDU_STATE_MAGIC);
	state->version = cpu_to_le32(EDU_STATE_VERSION);
	state->liveness = cpu_to_le32(readl(edu_reg(edu, EDU_LIVENESS)));
	state->factorial = cpu_to_le32(readl(edu_reg(edu, EDU_FACTORIAL)));
	state->status = cpu_to_le32(readl(edu_reg(edu, EDU_STATUS)));
	state->irqs = cpu_to_le32(readl(edu_reg(edu, EDU_IRQ_STATUS)));
	state->src = cpu_to_le64(readq(edu_reg(edu, EDU_DMA_SRC)));
	state->dst = cpu_to_le64(readq(edu_reg(edu, EDU_DMA_DST)));
	state->count = cpu_to_le64(readq(edu_reg(edu, EDU_DMA_COUNT)));
	state->cmd = cpu_to_le64(readq(edu_reg(edu, EDU_DMA_CMD)));
}

/* Whose factorial is this, in 32 bits? */
static int edu_factorial_of(u32 factorial)
{
	u32 product = 1;
	int n;

	for (n = 0; n <= EDU_MAX_FACTORIAL; n++) {
		if (n)
			product *= n;
		if (product == factorial)
			return n;
	}
	return -EINVAL;
}

/*
 * What a register holds is set by doing again what has set it: a factorial is
 * computed, a command given.  The command transfers nothing, and what it would
 * interrupt goes nowhere without bus mastering, but into @irqs, which is last.
 */
static int edu_write_registers(struct edu_vfio_device *edu,
			       const struct edu_state *state)
{
	int n = edu_factorial_of(le32_to_cpu(state->factorial));
	int rc;

	if (n < 0)
		return n;

	edu_enter(edu, PCI_COMMAND_INTX_DISABLE, PCI_COMMAND_MASTER);
	writel(~le32_to_cpu(state->liveness), edu_reg(edu, EDU_LIVENESS));

	writel(0, edu_reg(edu, EDU_STATUS));
	writel(n, edu_reg(edu, EDU_FACTORIAL));
	rc = edu_wait(edu, EDU_STATUS, EDU_COMPUTING);
	if (rc)
		goto out;
	writel(le32_to_cpu(state->status), edu_reg(edu, EDU_STATUS));

	rc = edu_transfer(edu, EDU_BUFFER, EDU_BUFFER, 0,
			  le64_to_cpu(state->cmd));
	if (rc)
		goto out;
	writeq(le64_to_cpu(state->src), edu_reg(edu, EDU_DMA_SRC));
	writeq(le64_to_cpu(state->dst), edu_reg(edu, EDU_DMA_DST));
	writeq(le64_to_cpu(state->count), edu_reg(edu, EDU_DMA_COUNT));

	writel(~0, edu_reg(edu, EDU_IRQ_ACK));
	writel(le32_to_cpu(state->irqs), edu_reg(edu, EDU_IRQ_RAISE));
out:
	edu_leave(edu);
	return rc;
}

/**
 * edu_attach_ioas - vfio_device_ops.attach_ioas that remembers to what
 * @vdev: the device
 * @pt_id: an IOAS or a HWPT
 *
 * Return: 0 or a negative errno.
 */
int edu_attach_ioas(struct vfio_device *vdev, u32 *pt_id)
{
	struct edu_vfio_device *edu =
		container_of(vdev, struct edu_vfio_device, core.vdev);
	u32 asked = *pt_id;
	int rc;

	rc = vfio_iommufd_physical_attach_ioas(vdev, pt_id);
	if (!rc)
		edu->pt_id = asked;
	return rc;
}

static int edu_map_bounce(struct edu_vfio_device *edu,
			  struct edu_bounce *bounce)
{
	int rc;

	bounce->page = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!bounce->page)
		return -ENOMEM;
	bounce->domain = iommu_paging_domain_alloc(&edu->core.pdev->dev);
	if (IS_ERR(bounce->domain)) {
		rc = PTR_ERR(bounce->domain);
		goto err_page;
	}
	rc = iommu_map(bounce->domain, EDU_BOUNCE_IOVA,
		       virt_to_phys(bounce->page), PAGE_SIZE,
		       IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE, GFP_KERNEL);
	if (rc)
		goto err_domain;
	return 0;

err_domain:
	iommu_domain_free(bounce->domain);
err_page:
	free_page((unsigned long)bounce->page);
	return rc;
}

static void edu_unmap_bounce(struct edu_bounce *bounce)
{
	iommu_unmap(bounce->domain, EDU_BOUNCE_IOVA, PAGE_SIZE);
	iommu_domain_free(bounce->domain);
	free_page((unsigned long)bounce->page);
}

/* One transfer of the whole buffer, with the device attached to the bounce. */
static int edu_copy_attached(struct edu_vfio_device *edu, u64 src, u64 dst,
			     u64 cmd)
{
	int rc;

	edu_enter(edu, PCI_COMMAND_MASTER, 0);
	rc = edu_transfer(edu, src, dst, EDU_BUFFER_SIZE, cmd);
	edu_leave(edu);
	return rc;
}

/*
 * The stopped device is in nobody's way while it is detached, and user space's
 * page table keeps its records.  In a group of several the others are still
 * attached to it, and -EBUSY says that there is no room for another.
 */
static int edu_copy(struct edu_vfio_device *edu, struct edu_bounce *bounce,
		    u64 src, u64 dst, u64 cmd)
{
	struct vfio_device *vdev = &edu->core.vdev;
	bool attached = vdev->iommufd_attached;
	struct iommu_group *group;
	u32 pt_id = edu->pt_id;
	int back, rc;

	lockdep_assert_held(&vdev->dev_set->lock);
	if (!vdev->iommufd_device)
		return -EOPNOTSUPP;

	group = iommu_group_get(vdev->dev);
	if (!group)
		return -ENODEV;
	if (attached)
		vfio_iommufd_physical_detach_ioas(vdev);
	rc = iommu_attach_group(bounce->domain, group);
	if (!rc) {
		rc = edu_copy_attached(edu, src, dst, cmd);
		iommu_detach_group(bounce->domain, group);
	}
	iommu_group_put(group);
	if (attached) {
		back = edu_attach_ioas(vdev, &pt_id);
		if (back) {
			edu->mig_state = VFIO_DEVICE_STATE_ERROR;
			return back;
		}
	}
	return rc;
}

/**
 * edu_stop - let the device end what it does
 * @edu: the device
 *
 * A transfer that runs is completed, and writes what it was to write.
 *
 * Return: 0, or a negative errno if it does not end.
 */
int edu_stop(struct edu_vfio_device *edu)
{
	int rc;

	edu_enter(edu, 0, 0);
	rc = edu_wait(edu, EDU_DMA_CMD, EDU_DMA_RUN);
	if (!rc)
		rc = edu_wait(edu, EDU_STATUS, EDU_COMPUTING);
	edu_leave(edu);
	return rc;
}

/**
 * edu_save - read the state of a stopped device
 * @edu: the device
 * @state: filled in
 *
 * The device goes on as it was if it is started again.
 *
 * Return: 0 or a negative errno.
 */
int edu_save(struct edu_vfio_device *edu, struct edu_state *state)
{
	struct edu_bounce bounce;
	int rc, back;

	rc = edu_map_bounce(edu, &bounce);
	if (rc)
		return rc;

	edu_enter(edu, 0, 0);
	edu_read_registers(edu, state);
	edu_leave(edu);

	rc = edu_copy(edu, &bounce, EDU_BUFFER, EDU_BOUNCE_IOVA, EDU_DMA_TO_RAM);
	memcpy(state->buffer, bounce.page, EDU_BUFFER_SIZE);
	edu_unmap_bounce(&bounce);

	/* The transfer has used registers, whether it went well or not. */
	back = edu_write_registers(edu, state);
	return rc ?: back;
}

/**
 * edu_load - write the state of a stopped device
 * @edu: the device
 * @state: what edu_save() has read, here or elsewhere
 *
 * Return: 0 or a negative errno, -EINVAL if @state is nothing of that kind.
 */
int edu_load(struct edu_vfio_device *edu, const struct edu_state *state)
{
	struct edu_bounce bounce;
	int rc;

	if (le32_to_cpu(state->magic) != EDU_STATE_MAGIC ||
	    le32_to_cpu(state->version) != EDU_STATE_VERSION ||
	    edu_factorial_of(le32_to_cpu(state->factorial)) < 0)
		return -EINVAL;

	rc = edu_map_bounce(edu, &bounce);
	if (rc)
		return rc;
	memcpy(bounce.page, state->buffer, EDU_BUFFER_SIZE);
	rc = edu_copy(edu, &bounce, EDU_BOUNCE_IOVA, EDU_BUFFER, 0);
	edu_unmap_bounce(&bounce);
	if (rc)
		return rc;
	return edu_write_registers(edu, state);
}
