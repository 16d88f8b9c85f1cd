// SPDX-License-Identifier: GPL-2.0-only
/*
 * QEMU up to 7.2 migrates a device through a region of it: struct
 * vfio_device_migration_info, and data behind that.  Kernels since 5.18 have an
 * ioctl instead, VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE.  With $SHIM_V1 set, this
 * shows the client such a region, behind those that the device has, and does by
 * the ioctl what the client does there.
 *
 * Dirty pages are no part of it: about those the old QEMU talks to the kernel.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "shim.h"

#define MAX_FDS		1024
#define DATA_OFFSET	4096
#define DATA_SIZE	65536

#define RUNNING		VFIO_DEVICE_STATE_V1_RUNNING
#define SAVING		VFIO_DEVICE_STATE_V1_SAVING
#define RESUMING	VFIO_DEVICE_STATE_V1_RESUMING

/* VFIO's PCI devices have their regions 1 << 40 apart. */
#define REGION_AT(index)	((off_t)(index) << 40)

/**
 * struct v1 - the region of a device
 * @fd: the device
 * @index: number of the region, the first that the device does not have
 * @data_fd: where its state comes from or goes to, or -1
 * @read: the client has been told how much data there is
 * @info: what the region begins with
 * @data: and what is in it from DATA_OFFSET on
 */
struct v1 {
	int fd;
	uint32_t index;
	int data_fd;
	bool read;
	struct vfio_device_migration_info info;
	uint8_t data[DATA_SIZE];
};

static struct v1 *devices[MAX_FDS];

static struct v1 *device(int fd)
{
	return fd >= 0 && fd < MAX_FDS ? devices[fd] : NULL;
}

static bool has_region(const struct v1 *v1, off_t off)
{
	return v1 && off >= REGION_AT(v1->index) &&
	       off < REGION_AT(v1->index + 1);
}

/**
 * struct feature - what VFIO_DEVICE_FEATURE takes here
 * @head: which feature, and what about it
 * @mig: of VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE
 * @size: of VFIO_DEVICE_FEATURE_MIG_DATA_SIZE
 */
struct feature {
	struct vfio_device_feature head;
	union {
		struct vfio_device_feature_mig_state mig;
		struct vfio_device_feature_mig_data_size size;
	};
};

static int call_feature(const struct v1 *v1, struct feature *feature)
{
	ioctl_fn next = (ioctl_fn)next_function("ioctl");

	feature->head.argsz = sizeof(*feature);
	return next(v1->fd, VFIO_DEVICE_FEATURE, feature);
}

/* The ioctl passes states that lie on the way by itself. */
static int set_state(struct v1 *v1, enum vfio_device_mig_state state)
{
	struct feature set = {
		.head.flags = VFIO_DEVICE_FEATURE_SET |
			      VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE,
		.mig.device_state = state,
	};

	if (v1->data_fd >= 0)
		close(v1->data_fd);
	v1->data_fd = -1;
	if (call_feature(v1, &set))
		return -1;
	v1->data_fd = set.mig.data_fd;
	return 0;
}

/* All that the stopped device has */
static int save(struct v1 *v1)
{
	ssize_t n;

	v1->info.pending_bytes = 0;
	do {
		n = read(v1->data_fd, v1->data + v1->info.pending_bytes,
			 DATA_SIZE - v1->info.pending_bytes);
		if (n < 0)
			return -1;
		v1->info.pending_bytes += n;
	} while (n);
	return 0;
}

/*
 * Before the machine stops there is nothing to save, but something to come: else
 * a client might take it for a device that is done.
 */
static int estimate(struct v1 *v1)
{
	struct feature get = {
		.head.flags = VFIO_DEVICE_FEATURE_GET |
			      VFIO_DEVICE_FEATURE_MIG_DATA_SIZE,
	};

	if (call_feature(v1, &get))
		return -1;
	v1->info.pending_bytes = get.size.stop_copy_length;
	return 0;
}

static int device_state(struct v1 *v1, uint32_t old, uint32_t new)
{
	if (new == old)
		return 0;
	v1->info.pending_bytes = 0;
	if (new == (RUNNING | SAVING))
		return estimate(v1);
	if (new & RUNNING)
		return old & RUNNING ? 0 : set_state(v1, VFIO_DEVICE_STATE_RUNNING);
	if (new == SAVING)
		return set_state(v1, VFIO_DEVICE_STATE_STOP_COPY) ?: save(v1);
	return set_state(v1, new == RESUMING ? VFIO_DEVICE_STATE_RESUMING :
					       VFIO_DEVICE_STATE_STOP);
}

static void *place(struct v1 *v1, uint64_t at, size_t len)
{
	if (at + len <= sizeof(v1->info))
		return (uint8_t *)&v1->info + at;
	if (at >= DATA_OFFSET && at + len <= DATA_OFFSET + DATA_SIZE)
		return v1->data + at - DATA_OFFSET;
	return NULL;
}

static ssize_t region_read(struct v1 *v1, void *buf, size_t len, uint64_t at)
{
	void *from = place(v1, at, len);

	if (!from) {
		errno = EINVAL;
		return -1;
	}
	switch (at) {
	case offsetof(struct vfio_device_migration_info, pending_bytes):
		/* By asking again the client says that it has what there was. */
		if (v1->read)
			v1->info.pending_bytes = 0;
		v1->read = false;
		break;
	case offsetof(struct vfio_device_migration_info, data_size):
		v1->read = !(v1->info.device_state & RUNNING);
		v1->info.data_size = v1->read ? v1->info.pending_bytes : 0;
		break;
	}
	memcpy(buf, from, len);
	return len;
}

static ssize_t region_write(struct v1 *v1, const void *buf, size_t len,
			    uint64_t at)
{
	uint32_t old = v1->info.device_state;
	void *to = place(v1, at, len);
	int rc = 0;

	if (!to) {
		errno = EINVAL;
		return -1;
	}
	memcpy(to, buf, len);
	switch (at) {
	case offsetof(struct vfio_device_migration_info, device_state):
		rc = device_state(v1, old, v1->info.device_state);
		break;
	case offsetof(struct vfio_device_migration_info, data_size):
		if (v1->info.data_size > DATA_SIZE ||
		    write(v1->data_fd, v1->data, v1->info.data_size) !=
			    (ssize_t)v1->info.data_size)
			rc = -1;
		break;
	}
	return rc ? rc : (ssize_t)len;
}

static void show_region(struct v1 *v1, struct vfio_region_info *info)
{
	struct vfio_region_info_cap_type *type = (void *)(info + 1);
	uint32_t size = sizeof(*info) + sizeof(*type);

	info->flags = VFIO_REGION_INFO_FLAG_READ |
		      VFIO_REGION_INFO_FLAG_WRITE | VFIO_REGION_INFO_FLAG_CAPS;
	info->size = DATA_OFFSET + DATA_SIZE;
	info->offset = REGION_AT(v1->index);
	info->cap_offset = 0;
	if (info->argsz >= size) {
		info->cap_offset = sizeof(*info);
		memset(type, 0, sizeof(*type));
		type->header.id = VFIO_REGION_INFO_CAP_TYPE;
		type->header.version = 1;
		type->type = VFIO_REGION_TYPE_MIGRATION_DEPRECATED;
		type->subtype = VFIO_REGION_SUBTYPE_MIGRATION_DEPRECATED;
	}
	info->argsz = size;
}

static void show_device(int fd, struct vfio_device_info *info)
{
	if (!devices[fd])
		devices[fd] = calloc(1, sizeof(**devices));
	if (!devices[fd])
		return;
	devices[fd]->fd = fd;
	devices[fd]->index = info->num_regions++;
	devices[fd]->data_fd = -1;
	devices[fd]->info.device_state = RUNNING;
	devices[fd]->info.data_offset = DATA_OFFSET;
}

int v1_ioctl(ioctl_fn next, int fd, unsigned long request, void *arg)
{
	struct vfio_region_info *region = arg;
	struct v1 *v1 = device(fd);
	int rc;

	if (v1 && request == VFIO_DEVICE_GET_REGION_INFO &&
	    region->index == v1->index) {
		show_region(v1, region);
		return 0;
	}
	rc = next(fd, request, arg);
	if (!rc && request == VFIO_DEVICE_GET_INFO && getenv("SHIM_V1") &&
	    fd < MAX_FDS)
		show_device(fd, arg);
	return rc;
}

/* QEMU reads and writes a device's regions by these two. */
ssize_t pread64(int fd, void *buf, size_t len, off64_t off)
{
	ssize_t (*next)(int fd, void *buf, size_t len, off64_t off);
	struct v1 *v1 = device(fd);

	if (has_region(v1, off))
		return region_read(v1, buf, len, off - REGION_AT(v1->index));
	next = (ssize_t (*)(int, void *, size_t, off64_t))next_function("pread64");
	return next(fd, buf, len, off);
}

ssize_t pwrite64(int fd, const void *buf, size_t len, off64_t off)
{
	ssize_t (*next)(int fd, const void *buf, size_t len, off64_t off);
	struct v1 *v1 = device(fd);

	if (has_region(v1, off))
		return region_write(v1, buf, len, off - REGION_AT(v1->index));
	next = (ssize_t (*)(int, const void *, size_t, off64_t))
		next_function("pwrite64");
	return next(fd, buf, len, off);
}
