/* SPDX-License-Identifier: GPL-2.0-only */
/* QEMU's educational device under VFIO: what its parts share. */
#ifndef EDU_VFIO_PCI_H
#define EDU_VFIO_PCI_H

#include <linux/types.h>
#include <linux/vfio_pci_core.h>

#define EDU_VENDOR_ID	0x1234
#define EDU_DEVICE_ID	0x11e8
#define EDU_BUFFER_SIZE	4096

/**
 * struct edu_state - all there is in a device, as it goes over the wire
 * @magic: EDU_STATE_MAGIC
 * @version: EDU_STATE_VERSION
 * @liveness: what the card liveness check reads
 * @factorial: the last result
 * @status: whether a result raises an interrupt
 * @irqs: interrupts that have not been acknowledged
 * @src: the last transfer's source,
 * @dst: destination,
 * @count: length,
 * @cmd: and direction
 * @buffer: what only the device's own transfers reach
 */
struct edu_state {
	__le32 magic;
	__le32 version;
	__le32 liveness;
	__le32 factorial;
	__le32 status;
	__le32 irqs;
	__le64 src;
	__le64 dst;
	__le64 count;
	__le64 cmd;
	u8 buffer[EDU_BUFFER_SIZE];
};

#define EDU_STATE_MAGIC		0x55644565
#define EDU_STATE_VERSION	1

/**
 * struct edu_vfio_device - a device
 * @core: what every VFIO PCI driver has
 * @state_mutex: protects the members below; taken inside of the device set's
 *	lock and outside of @core's memory_lock
 * @mig_state: where in VFIO's state machine it is
 * @saving: the state that user space reads, or NULL
 * @resuming: the state that user space writes, or NULL
 * @pt_id: what user space has attached it to; under the device set's lock
 * @command: PCI_COMMAND as it is for user space, while the driver uses the
 *	device; under @core's memory_lock
 * @reset_lock: protects @deferred_reset
 * @deferred_reset: the device was reset while @state_mutex was held
 */
struct edu_vfio_device {
	struct vfio_pci_core_device core;
	struct mutex state_mutex; /* inside dev_set->lock, outside memory_lock */
	enum vfio_device_mig_state mig_state;
	struct edu_vfio_file *saving;
	struct edu_vfio_file *resuming;
	u32 pt_id;
	u16 command;
	spinlock_t reset_lock; /* inside everything */
	bool deferred_reset;
};

int edu_stop(struct edu_vfio_device *edu);
int edu_save(struct edu_vfio_device *edu, struct edu_state *state);
int edu_load(struct edu_vfio_device *edu, const struct edu_state *state);
int edu_attach_ioas(struct vfio_device *vdev, u32 *pt_id);

#endif /* EDU_VFIO_PCI_H */
