// SPDX-License-Identifier: GPL-2.0-only
/* PCI devices through VFIO, see vfio.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "text.h"
#include "type1.h"
#include "vfio.h"

#define SYS_DEVICES	"/sys/bus/pci/devices"
#define CDEV_DIR	"/dev/vfio/devices"
#define GROUP_DIR	"/dev/vfio"
#define BIND_WAIT_MS	3000

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

uint64_t now_ms(void)
{
	return now_ns() / 1000000;
}

static long read_hex(const char *bdf, const char *attr)
{
	char path[256], buf[32];

	snprintf(path, sizeof(path), SYS_DEVICES "/%s/%s", bdf, attr);
	if (text_read(path, buf, sizeof(buf)))
		return -1;
	return strtol(buf, NULL, 16);
}

int vfio_find(uint16_t vendor, uint16_t device, unsigned int nth, char *bdf)
{
	struct dirent **names;
	int n, i, rc = -ENODEV;

	n = scandir(SYS_DEVICES, &names, NULL, alphasort);
	if (n < 0)
		return -errno;
	for (i = 0; i < n; i++) {
		const char *name = names[i]->d_name;

		if (rc && name[0] != '.' && read_hex(name, "vendor") == vendor &&
		    read_hex(name, "device") == device && !nth--) {
			snprintf(bdf, VFIO_BDF_LEN, "%.*s", VFIO_BDF_LEN - 1, name);
			rc = 0;
		}
		free(names[i]);
	}
	free(names);
	return rc;
}

/* The last component of what a link of the device's directory points to */
static int read_link(const char *bdf, const char *link, char *name, size_t size)
{
	char path[256], target[256];
	ssize_t n;

	snprintf(path, sizeof(path), SYS_DEVICES "/%s/%s", bdf, link);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return -ENODEV;
	target[n] = 0;
	snprintf(name, size, "%s", basename(target));
	return 0;
}

int vfio_iommu(const char *bdf, char *name)
{
	return read_link(bdf, "iommu", name, VFIO_IOMMU_LEN);
}

int vfio_group(const char *bdf)
{
	char name[32];
	int rc;

	rc = read_link(bdf, "iommu_group", name, sizeof(name));
	return rc ? rc : atoi(name);
}

static bool bound_to_vfio(const char *bdf)
{
	char name[32];

	return !read_link(bdf, "driver", name, sizeof(name)) &&
	       strcmp(name, "vfio-pci") == 0;
}

int vfio_bind(const char *bdf)
{
	char path[256];
	int rc;

	if (bound_to_vfio(bdf))
		return 0;
	snprintf(path, sizeof(path), SYS_DEVICES "/%s/driver_override", bdf);
	rc = text_write(path, "vfio-pci");
	if (rc)
		return rc;
	/* No driver to unbind is as good as one unbound. */
	snprintf(path, sizeof(path), SYS_DEVICES "/%s/driver/unbind", bdf);
	text_write(path, bdf);
	rc = text_write("/sys/bus/pci/drivers_probe", bdf);
	if (rc)
		return rc;
	return bound_to_vfio(bdf) ? 0 : -ENODEV;
}

/* "vfioN", the name of the character device */
static int cdev_name(const char *bdf, char *name, size_t size)
{
	char path[256];
	struct dirent *d;
	int rc = -ENOENT;
	DIR *dir;

	snprintf(path, sizeof(path), SYS_DEVICES "/%s/vfio-dev", bdf);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while (rc && (d = readdir(dir))) {
		if (strncmp(d->d_name, "vfio", 4))
			continue;
		snprintf(name, size, "%.31s", d->d_name);
		rc = 0;
	}
	closedir(dir);
	return rc;
}

/* Without udev the node may be missing, or devtmpfs may not be there at all. */
static int make_node(const char *dev, const char *node)
{
	unsigned int major, minor;
	char buf[32];
	int rc;

	rc = text_read(dev, buf, sizeof(buf));
	if (rc)
		return rc;
	if (sscanf(buf, "%u:%u", &major, &minor) != 2)
		return -EINVAL;
	mkdir("/dev/vfio", 0755);
	mkdir(CDEV_DIR, 0755);
	if (mknod(node, S_IFCHR | 0600, makedev(major, minor)) && errno != EEXIST)
		return -errno;
	return 0;
}

/* @dev: where sysfs has the numbers of the device that @node is of */
static int open_node(const char *node, const char *dev)
{
	uint64_t end = now_ms() + BIND_WAIT_MS;
	int fd, rc;

	for (;;) {
		fd = open(node, O_RDWR | O_CLOEXEC);
		if (fd >= 0)
			return fd;
		if (errno == ENOENT) {
			rc = make_node(dev, node);
			if (rc)
				return rc;
		} else if (errno != EBUSY) {
			return -errno;
		}
		/* Busy: the last user's close() has not finished. */
		if (now_ms() > end)
			return -ETIMEDOUT;
		usleep(1000);
	}
}

static int open_cdev(const char *bdf)
{
	char name[32], node[64], dev[256];
	int rc;

	rc = cdev_name(bdf, name, sizeof(name));
	if (rc)
		return rc;
	snprintf(node, sizeof(node), CDEV_DIR "/%s", name);
	snprintf(dev, sizeof(dev), SYS_DEVICES "/%s/vfio-dev/%s/dev", bdf,
		 name);
	return open_node(node, dev);
}

int vfio_open_group(const char *bdf, int container)
{
	char node[64], dev[256];
	int fd, group, rc;

	rc = vfio_bind(bdf);
	if (rc)
		return rc;
	group = vfio_group(bdf);
	if (group < 0)
		return group;
	snprintf(node, sizeof(node), GROUP_DIR "/%d", group);
	snprintf(dev, sizeof(dev), "/sys/class/vfio/%d/dev", group);
	fd = open_node(node, dev);
	if (fd < 0)
		return fd;
	if (ioctl(fd, VFIO_GROUP_SET_CONTAINER, &container)) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

static bool is_container(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISCHR(st.st_mode) &&
	       st.st_rdev == makedev(TYPE1_MAJOR, TYPE1_MINOR);
}

/* Through the group, and into the container */
static int open_in_container(struct vfio_dev *dev)
{
	int rc;

	dev->group = vfio_open_group(dev->bdf, dev->iommufd);
	if (dev->group < 0)
		return dev->group;
	if (!ioctl(dev->iommufd, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU)) {
		dev->fd = ioctl(dev->group, VFIO_GROUP_GET_DEVICE_FD, dev->bdf);
		if (dev->fd >= 0)
			return 0;
	}
	rc = -errno;
	close(dev->group);
	return rc;
}

/* The character device, bound to the iommufd */
static int open_bound(struct vfio_dev *dev)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind),
		.iommufd = dev->iommufd,
	};
	int rc;

	rc = vfio_bind(dev->bdf);
	if (rc)
		return rc;
	dev->fd = open_cdev(dev->bdf);
	if (dev->fd < 0)
		return dev->fd;
	if (ioctl(dev->fd, VFIO_DEVICE_BIND_IOMMUFD, &bind)) {
		rc = -errno;
		vfio_close(dev);
		return rc;
	}
	dev->devid = bind.out_devid;
	return 0;
}

int vfio_open(struct vfio_dev *dev, const char *bdf, int iommufd)
{
	int rc;

	memset(dev, 0, sizeof(*dev));
	snprintf(dev->bdf, sizeof(dev->bdf), "%s", bdf);
	dev->fd = -1;
	dev->group = -1;
	dev->iommufd = iommufd;

	rc = is_container(iommufd) ? open_in_container(dev) : open_bound(dev);
	if (rc)
		return rc;
	rc = vfio_bus_master(dev, false);
	if (rc)
		vfio_close(dev);
	return rc;
}

int vfio_open_id(struct vfio_dev *dev, uint16_t vendor, uint16_t device,
		 unsigned int nth, int iommufd)
{
	char bdf[VFIO_BDF_LEN];
	int rc;

	dev->fd = -1;
	rc = vfio_find(vendor, device, nth, bdf);
	if (rc)
		return rc;
	return vfio_open(dev, bdf, iommufd);
}

void vfio_close(struct vfio_dev *dev)
{
	if (dev->fd >= 0) {
		close(dev->fd);
		if (dev->group >= 0)
			close(dev->group);
	}
	dev->fd = -1;
	dev->pt_id = 0;
}

int vfio_attach(struct vfio_dev *dev, uint32_t pt_id)
{
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach),
		.pt_id = pt_id,
	};

	if (ioctl(dev->fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach))
		return -errno;
	dev->pt_id = attach.pt_id;
	return 0;
}

int vfio_detach(struct vfio_dev *dev)
{
	struct vfio_device_detach_iommufd_pt detach = {
		.argsz = sizeof(detach),
	};

	if (ioctl(dev->fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach))
		return -errno;
	dev->pt_id = 0;
	return 0;
}

static int region_info(struct vfio_dev *dev, unsigned int index,
		       struct vfio_region_info *info)
{
	memset(info, 0, sizeof(*info));
	info->argsz = sizeof(*info);
	info->index = index;
	if (ioctl(dev->fd, VFIO_DEVICE_GET_REGION_INFO, info))
		return -errno;
	return info->size ? 0 : -ENXIO;
}

int vfio_map_bar(struct vfio_dev *dev, unsigned int bar, void **base,
		 size_t *len)
{
	struct vfio_region_info info;
	void *p;
	int rc;

	rc = region_info(dev, VFIO_PCI_BAR0_REGION_INDEX + bar, &info);
	if (rc)
		return rc;
	p = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, dev->fd,
		 info.offset);
	if (p == MAP_FAILED)
		return -errno;
	*base = p;
	*len = info.size;
	return 0;
}

int vfio_config_read(struct vfio_dev *dev, unsigned int off, void *buf,
		     size_t len)
{
	struct vfio_region_info info;
	int rc;

	rc = region_info(dev, VFIO_PCI_CONFIG_REGION_INDEX, &info);
	if (rc)
		return rc;
	if (pread(dev->fd, buf, len, info.offset + off) != (ssize_t)len)
		return -EIO;
	return 0;
}

int vfio_config_write(struct vfio_dev *dev, unsigned int off, const void *buf,
		      size_t len)
{
	struct vfio_region_info info;
	int rc;

	rc = region_info(dev, VFIO_PCI_CONFIG_REGION_INDEX, &info);
	if (rc)
		return rc;
	if (pwrite(dev->fd, buf, len, info.offset + off) != (ssize_t)len)
		return -EIO;
	return 0;
}

int vfio_bus_master(struct vfio_dev *dev, bool on)
{
	uint8_t cmd[2];
	int rc;

	rc = vfio_config_read(dev, PCI_COMMAND, cmd, sizeof(cmd));
	if (rc)
		return rc;
	/* The bits that matter are in the low byte: no byte order to mind. */
	cmd[0] |= PCI_COMMAND_MEMORY;
	if (on)
		cmd[0] |= PCI_COMMAND_MASTER;
	else
		cmd[0] &= ~PCI_COMMAND_MASTER;
	return vfio_config_write(dev, PCI_COMMAND, cmd, sizeof(cmd));
}
