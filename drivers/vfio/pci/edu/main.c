// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VFIO driver for QEMU's educational device that can migrate it.
 *
 * There is nothing about dirty pages in it: the device does not know what it
 * has written, so there are no vfio_log_ops, and user space asks the IOMMU.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/spinlock.h>

#include "edu.h"

/**
 * struct edu_vfio_file - what user space reads or writes a state by
 * @filp: the file
 * @lock: protects the members below
 * @disabled: the device has left the state that the file belongs to
 * @filled: bytes of @state that there are
 * @state: the device's state
 */
struct edu_vfio_file {
	struct file *filp;
	struct mutex lock; /* inside state_mutex */
	bool disabled;
	size_t filled;
	struct edu_state state;
};

static struct edu_vfio_device *edu_of(struct vfio_device *vdev)
{
	return container_of(vdev, struct edu_vfio_device, core.vdev);
}

static ssize_t edu_file_read(struct file *filp, char __user *buf, size_t len,
			     loff_t *pos)
{
	struct edu_vfio_file *file = filp->private_data;
	ssize_t done = -ENODEV;

	if (pos)
		return -ESPIPE;
	mutex_lock(&file->lock);
	if (!file->disabled)
		done = simple_read_from_buffer(buf, len, &filp->f_pos,
					       &file->state, file->filled);
	mutex_unlock(&file->lock);
	return done;
}

static ssize_t edu_file_write(struct file *filp, const char __user *buf,
			      size_t len, loff_t *pos)
{
	struct edu_vfio_file *file = filp->private_data;
	ssize_t done = -ENODEV;

	if (pos)
		return -ESPIPE;
	mutex_lock(&file->lock);
	if (file->disabled)
		goto out;
	done = -ENOSPC;
	if (len > sizeof(file->state) - file->filled)
		goto out;
	done = simple_write_to_buffer(&file->state, sizeof(file->state),
				      &filp->f_pos, buf, len);
	if (done > 0)
		file->filled += done;
out:
	mutex_unlock(&file->lock);
	return done;
}

static int edu_file_release(struct inode *inode, struct file *filp)
{
	struct edu_vfio_file *file = filp->private_data;

	mutex_destroy(&file->lock);
	kfree(file);
	return 0;
}

static const struct file_operations edu_saving_fops = {
	.owner = THIS_MODULE,
	.read = edu_file_read,
	.release = edu_file_release,
};

static const struct file_operations edu_resuming_fops = {
	.owner = THIS_MODULE,
	.write = edu_file_write,
	.release = edu_file_release,
};

/* The driver has a reference to the file, user space's comes with the fd. */
static struct edu_vfio_file *edu_file_open(const struct file_operations *fops,
					   int flags)
{
	struct edu_vfio_file *file;
	int rc;

	file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);
	if (!file)
		return ERR_PTR(-ENOMEM);
	mutex_init(&file->lock);
	file->filp = anon_inode_getfile("edu-vfio-state", fops, file, flags);
	if (IS_ERR(file->filp)) {
		rc = PTR_ERR(file->filp);
		mutex_destroy(&file->lock);
		kfree(file);
		return ERR_PTR(rc);
	}
	stream_open(file->filp->f_inode, file->filp);
	return file;
}

static void edu_file_close(struct edu_vfio_file **slot)
{
	struct edu_vfio_file *file = *slot;

	if (!file)
		return;
	mutex_lock(&file->lock);
	file->disabled = true;
	mutex_unlock(&file->lock);
	fput(file->filp);
	*slot = NULL;
}

static struct file *edu_start_saving(struct edu_vfio_device *edu)
{
	struct edu_vfio_file *file;
	int rc;

	file = edu_file_open(&edu_saving_fops, O_RDONLY);
	if (IS_ERR(file))
		return ERR_CAST(file);
	rc = edu_save(edu, &file->state);
	if (rc) {
		fput(file->filp);
		return ERR_PTR(rc);
	}
	file->filled = sizeof(file->state);
	edu->saving = file;
	return get_file(file->filp);
}

static struct file *edu_start_resuming(struct edu_vfio_device *edu)
{
	struct edu_vfio_file *file;

	file = edu_file_open(&edu_resuming_fops, O_WRONLY);
	if (IS_ERR(file))
		return ERR_CAST(file);
	edu->resuming = file;
	return get_file(file->filp);
}

static int edu_end_resuming(struct edu_vfio_device *edu)
{
	struct edu_vfio_file *file = edu->resuming;
	int rc = -EINVAL;

	mutex_lock(&file->lock);
	file->disabled = true;
	if (file->filled == sizeof(file->state))
		rc = 0;
	mutex_unlock(&file->lock);
	if (!rc)
		rc = edu_load(edu, &file->state);
	if (!rc)
		edu_file_close(&edu->resuming);
	return rc;
}

static struct file *edu_step(struct edu_vfio_device *edu,
			     enum vfio_device_mig_state new)
{
	enum vfio_device_mig_state cur = edu->mig_state;

	if (cur == VFIO_DEVICE_STATE_RUNNING && new == VFIO_DEVICE_STATE_STOP)
		return ERR_PTR(edu_stop(edu));
	if (cur == VFIO_DEVICE_STATE_STOP && new == VFIO_DEVICE_STATE_RUNNING)
		return NULL;
	if (cur == VFIO_DEVICE_STATE_STOP &&
	    new == VFIO_DEVICE_STATE_STOP_COPY)
		return edu_start_saving(edu);
	if (cur == VFIO_DEVICE_STATE_STOP_COPY &&
	    new == VFIO_DEVICE_STATE_STOP) {
		edu_file_close(&edu->saving);
		return NULL;
	}
	if (cur == VFIO_DEVICE_STATE_STOP && new == VFIO_DEVICE_STATE_RESUMING)
		return edu_start_resuming(edu);
	if (cur == VFIO_DEVICE_STATE_RESUMING && new == VFIO_DEVICE_STATE_STOP)
		return ERR_PTR(edu_end_resuming(edu));

	/* vfio_mig_get_next_state() knows what this device is capable of. */
	WARN_ON(true);
	return ERR_PTR(-EINVAL);
}

/* A reset comes with memory_lock held, under which state_mutex may not wait. */
static void edu_state_unlock(struct edu_vfio_device *edu)
{
	for (;;) {
		spin_lock(&edu->reset_lock);
		if (!edu->deferred_reset) {
			mutex_unlock(&edu->state_mutex);
			spin_unlock(&edu->reset_lock);
			return;
		}
		edu->deferred_reset = false;
		spin_unlock(&edu->reset_lock);
		edu->mig_state = VFIO_DEVICE_STATE_RUNNING;
		edu_file_close(&edu->saving);
		edu_file_close(&edu->resuming);
	}
}

static struct file *edu_set_state(struct vfio_device *vdev,
				  enum vfio_device_mig_state new_state)
{
	struct edu_vfio_device *edu = edu_of(vdev);
	enum vfio_device_mig_state next;
	struct file *filp = NULL;
	int rc;

	/* The state of the buffer takes a detached device to copy. */
	mutex_lock(&vdev->dev_set->lock);
	mutex_lock(&edu->state_mutex);
	while (edu->mig_state != new_state) {
		rc = vfio_mig_get_next_state(vdev, edu->mig_state, new_state,
					     &next);
		if (rc) {
			filp = ERR_PTR(rc);
			break;
		}
		filp = edu_step(edu, next);
		if (IS_ERR(filp))
			break;
		edu->mig_state = next;
	}
	edu_state_unlock(edu);
	mutex_unlock(&vdev->dev_set->lock);
	return filp;
}

static int edu_get_state(struct vfio_device *vdev,
			 enum vfio_device_mig_state *state)
{
	struct edu_vfio_device *edu = edu_of(vdev);

	mutex_lock(&edu->state_mutex);
	*state = edu->mig_state;
	edu_state_unlock(edu);
	return 0;
}

static int edu_get_data_size(struct vfio_device *vdev, unsigned long *length)
{
	*length = sizeof(struct edu_state);
	return 0;
}

static const struct vfio_migration_ops edu_mig_ops = {
	.migration_set_state = edu_set_state,
	.migration_get_state = edu_get_state,
	.migration_get_data_size = edu_get_data_size,
};

static int edu_init_dev(struct vfio_device *vdev)
{
	struct edu_vfio_device *edu = edu_of(vdev);

	mutex_init(&edu->state_mutex);
	spin_lock_init(&edu->reset_lock);
	vdev->migration_flags = VFIO_MIGRATION_STOP_COPY;
	vdev->mig_ops = &edu_mig_ops;
	return vfio_pci_core_init_dev(vdev);
}

static void edu_release_dev(struct vfio_device *vdev)
{
	mutex_destroy(&edu_of(vdev)->state_mutex);
	vfio_pci_core_release_dev(vdev);
}

static int edu_open_device(struct vfio_device *vdev)
{
	struct edu_vfio_device *edu = edu_of(vdev);
	int rc;

	rc = vfio_pci_core_enable(&edu->core);
	if (rc)
		return rc;
	rc = vfio_pci_core_setup_barmap(&edu->core, 0);
	if (rc) {
		vfio_pci_core_disable(&edu->core);
		return rc;
	}
	edu->mig_state = VFIO_DEVICE_STATE_RUNNING;
	vfio_pci_core_finish_enable(&edu->core);
	return 0;
}

static void edu_close_device(struct vfio_device *vdev)
{
	struct edu_vfio_device *edu = edu_of(vdev);

	mutex_lock(&edu->state_mutex);
	edu_file_close(&edu->saving);
	edu_file_close(&edu->resuming);
	edu_state_unlock(edu);
	vfio_pci_core_close_device(vdev);
}

static const struct vfio_device_ops edu_ops = {
	.name = "edu-vfio-pci",
	.init = edu_init_dev,
	.release = edu_release_dev,
	.open_device = edu_open_device,
	.close_device = edu_close_device,
	.ioctl = vfio_pci_core_ioctl,
	.device_feature = vfio_pci_core_ioctl_feature,
	.read = vfio_pci_core_read,
	.write = vfio_pci_core_write,
	.mmap = vfio_pci_core_mmap,
	.request = vfio_pci_core_request,
	.match = vfio_pci_core_match,
	.bind_iommufd = vfio_iommufd_physical_bind,
	.unbind_iommufd = vfio_iommufd_physical_unbind,
	.attach_ioas = edu_attach_ioas,
	.detach_ioas = vfio_iommufd_physical_detach_ioas,
};

static void edu_reset_done(struct pci_dev *pdev)
{
	struct vfio_pci_core_device *core = pci_get_drvdata(pdev);
	struct edu_vfio_device *edu = edu_of(&core->vdev);

	spin_lock(&edu->reset_lock);
	edu->deferred_reset = true;
	if (!mutex_trylock(&edu->state_mutex)) {
		spin_unlock(&edu->reset_lock);
		return;
	}
	spin_unlock(&edu->reset_lock);
	edu_state_unlock(edu);
}

static const struct pci_error_handlers edu_err_handlers = {
	.reset_done = edu_reset_done,
	.error_detected = vfio_pci_core_aer_err_detected,
};

static int edu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct edu_vfio_device *edu;
	int rc;

	edu = vfio_alloc_device(edu_vfio_device, core.vdev, &pdev->dev,
				&edu_ops);
	if (IS_ERR(edu))
		return PTR_ERR(edu);
	dev_set_drvdata(&pdev->dev, &edu->core);
	rc = vfio_pci_core_register_device(&edu->core);
	if (rc)
		vfio_put_device(&edu->core.vdev);
	return rc;
}

static void edu_remove(struct pci_dev *pdev)
{
	struct vfio_pci_core_device *core = pci_get_drvdata(pdev);

	vfio_pci_core_unregister_device(core);
	vfio_put_device(&core->vdev);
}

static const struct pci_device_id edu_table[] = {
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(EDU_VENDOR_ID, EDU_DEVICE_ID) },
	{}
};
MODULE_DEVICE_TABLE(pci, edu_table);

static struct pci_driver edu_driver = {
	.name = "edu-vfio-pci",
	.id_table = edu_table,
	.probe = edu_probe,
	.remove = edu_remove,
	.err_handler = &edu_err_handlers,
	.driver_managed_dma = true,
};
module_pci_driver(edu_driver);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("VFIO driver with migration for QEMU's educational device");
