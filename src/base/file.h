/*
 * SPDX-License-Identifier: MIT
 *
 * Reading a file whole, within a limit. Any thread.
 */
#ifndef USH_BASE_FILE_H
#define USH_BASE_FILE_H

#include <stddef.h>
#include <sys/stat.h>

#include "base/buffer.h"

/*
 * Reads what is left of an open file into an empty buffer. `st` is what
 * fstat(2) said of it: anything but a regular file is refused. 0, or -1 with a
 * sentence without subject in `why` ("is a directory"), and the buffer failed
 * if that is for want of memory.
 */
int ush_file_read(int fd, const struct stat *st, size_t limit,
    struct ush_buffer *to, char *why, size_t cap);

#endif
