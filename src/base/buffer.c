/*
 * SPDX-License-Identifier: MIT
 *
 * A byte buffer that grows by doubling.
 */
#include "base/buffer.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST = 256 };

void
ush_buffer_fini(struct ush_buffer *buffer)
{
	if (!buffer)
		return;
	free(buffer->data);
	memset(buffer, 0, sizeof *buffer);
}

void
ush_buffer_reset(struct ush_buffer *buffer)
{
	buffer->len = 0;
	buffer->failed = false;
	if (buffer->data)
		buffer->data[0] = '\0';
}

static int
fail(struct ush_buffer *buffer)
{
	buffer->failed = true;
	return -1;
}

int
ush_buffer_reserve(struct ush_buffer *buffer, size_t more)
{
	size_t need, cap;
	char *data;

	if (buffer->failed)
		return -1;
	if (more >= SIZE_MAX / 2 - buffer->len)
		return fail(buffer);
	need = buffer->len + more + 1;
	if (need <= buffer->cap)
		return 0;
	cap = buffer->cap ? 2 * buffer->cap : FIRST;
	if (cap < need)
		cap = need;
	data = realloc(buffer->data, cap);
	if (!data)
		return fail(buffer);
	buffer->data = data;
	buffer->cap = cap;
	return 0;
}

int
ush_buffer_put(struct ush_buffer *buffer, const void *data, size_t len)
{
	if (ush_buffer_reserve(buffer, len) != 0)
		return -1;
	if (len > 0)
		memcpy(buffer->data + buffer->len, data, len);
	buffer->len += len;
	buffer->data[buffer->len] = '\0';
	return 0;
}

int
ush_buffer_puts(struct ush_buffer *buffer, const char *text)
{
	return ush_buffer_put(buffer, text, strlen(text));
}

int
ush_buffer_putc(struct ush_buffer *buffer, char c)
{
	return ush_buffer_put(buffer, &c, 1);
}

int
ush_buffer_printf(struct ush_buffer *buffer, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return fail(buffer);
	if (ush_buffer_reserve(buffer, (size_t)n) != 0)
		return -1;
	va_start(ap, fmt);
	vsnprintf(buffer->data + buffer->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	buffer->len += (size_t)n;
	return 0;
}

const char *
ush_buffer_text(const struct ush_buffer *buffer)
{
	if (buffer->failed)
		return NULL;
	return buffer->data ? buffer->data : "";
}
