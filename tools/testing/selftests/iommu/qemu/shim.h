/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the library that a client is loaded with share. */
#ifndef QEMU_SHIM_H
#define QEMU_SHIM_H

/**
 * typedef ioctl_fn - ioctl() as the C library has it
 */
typedef int (*ioctl_fn)(int fd, unsigned long request, ...);

/**
 * next_function - what would run if this library were not there
 * @name: of a function that the library has too
 *
 * Return: the function.
 */
void *next_function(const char *name);

/**
 * v1_ioctl - make a device look as QEMU before 8.0 wants it, see shim_v1.c
 * @next: the call itself
 * @fd: its arguments
 * @request: the same
 * @arg: the same
 *
 * Return: what the client gets.
 */
int v1_ioctl(ioctl_fn next, int fd, unsigned long request, void *arg);

#endif /* QEMU_SHIM_H */
