/*
 * SPDX-License-Identifier: MIT
 *
 * What the linker's --wrap puts in front of the C library's allocations.
 */
#include "failing.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
char *__real_strdup(const char *s);
int __real_posix_memalign(void **p, size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *s);
int __wrap_asprintf(char **to, const char *fmt, ...);
int __wrap_posix_memalign(void **p, size_t alignment, size_t size);

int failing_at, failing_count;
bool failing_off;

static bool
fails(void)
{
	if (failing_off || failing_at == 0 || --failing_at > 0)
		return false;
	failing_count++;
	return true;
}

void *
__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t size)
{
	return fails() ? NULL : __real_realloc(p, size);
}

char *
__wrap_strdup(const char *s)
{
	return fails() ? NULL : __real_strdup(s);
}

int
__wrap_asprintf(char **to, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (fails())
		return -1;
	va_start(ap, fmt);
	n = vasprintf(to, fmt, ap);
	va_end(ap);
	return n;
}

int
__wrap_posix_memalign(void **p, size_t alignment, size_t size)
{
	return fails() ? ENOMEM : __real_posix_memalign(p, alignment, size);
}
