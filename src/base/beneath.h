/*
 * SPDX-License-Identifier: MIT
 *
 * Opening files that lie in a folder, and no others, whatever the path says
 * and wherever symlinks lead. Any thread.
 */
#ifndef USH_BASE_BENEATH_H
#define USH_BASE_BENEATH_H

#include <stdbool.h>

/* May the path be asked for: relative, not empty, without ".."? */
bool ush_beneath_allows(const char *path);

/*
 * Opens a file for reading, without blocking on FIFOs. The descriptor, or -1
 * with errno: EXDEV if the path leads out of the folder, ELOOP if symlinks go
 * in circles or can't be followed safely on this system. Symlinks that stay in
 * the folder are followed where the kernel sees to that (openat2(2)).
 */
int ush_beneath_open(int folder, const char *path);

/* The same without openat2, part by part; no symlink is followed. */
int ush_beneath_open_parts(int folder, const char *path);

#endif
