/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trace events of dirty tracking, iommu_dirty:*
 *
 * A test begins with none recorded, does something, and counts the events that
 * say so. Nobody else may use /dev/iommu meanwhile.
 */
#ifndef DMA_TRACE_H
#define DMA_TRACE_H

#include <stdbool.h>

/**
 * trace_enable - switch all events of dirty tracking, and forget what is recorded
 * @on: on or off
 *
 * Return: 0 or a negative errno; -ENOENT if the kernel has no such events.
 */
int trace_enable(bool on);

/**
 * trace_count - count events
 * @event: which
 * @fields: a format, for printf(), of a pattern, for fnmatch(), of all that the
 *          event says
 *
 * Return: how many recorded ones are of that kind and match, or a negative errno.
 */
int trace_count(const char *event, const char *fields, ...)
	__attribute__((format(printf, 2, 3)));

#endif /* DMA_TRACE_H */
