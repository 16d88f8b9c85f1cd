/* SPDX-License-Identifier: GPL-2.0-only */
/* Small files of sysfs, debugfs and tracefs */
#ifndef TEXT_H
#define TEXT_H

#include <stddef.h>

/**
 * text_write - write a string to a file, which is truncated first
 * @path: which file
 * @text: the string
 *
 * Return: 0 or a negative errno, -EIO if only a part was taken.
 */
int text_write(const char *path, const char *text);

/**
 * text_read - read the beginning of a file
 * @path: which file
 * @buf: filled in, and terminated
 * @size: of @buf
 *
 * Return: 0 or a negative errno.
 */
int text_read(const char *path, char *buf, size_t size);

#endif /* TEXT_H */
