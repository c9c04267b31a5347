/*
 * SPDX-License-Identifier: MIT
 *
 * A byte buffer that grows. A failed allocation makes it "failed", which
 * stays: later writes do nothing, so that it need be asked once, at the end.
 * Belongs to one thread at a time.
 */
#ifndef USH_BASE_BUFFER_H
#define USH_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

/* Zeroed memory is a valid empty buffer. */
struct ush_buffer {
	char *data; /* NUL-terminated once something has been written */
	size_t len; /* without the NUL */
	size_t cap;
	bool failed;
};

/* Frees what the buffer holds and empties it. NULL is fine. */
void ush_buffer_fini(struct ush_buffer *buffer);

/* Empties it and clears `failed`, keeping the memory. */
void ush_buffer_reset(struct ush_buffer *buffer);

/* Makes room for `more` bytes behind `len`. 0, or -1 (then failed). */
int ush_buffer_reserve(struct ush_buffer *buffer, size_t more);

/* 0, or -1 if the buffer is failed or becomes so. `data` may be NULL if len
 * is 0; it must not point into the buffer. */
int ush_buffer_put(struct ush_buffer *buffer, const void *data, size_t len);
int ush_buffer_puts(struct ush_buffer *buffer, const char *text);
int ush_buffer_putc(struct ush_buffer *buffer, char c);
int ush_buffer_printf(struct ush_buffer *buffer, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The text, "" if nothing was written, or NULL if the buffer is failed. Owned
 * by the buffer, until its next change. */
const char *ush_buffer_text(const struct ush_buffer *buffer);

#endif
