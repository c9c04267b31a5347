/*
 * SPDX-License-Identifier: MIT
 *
 * What the allocator's two halves need of each other.
 */
#ifndef USH_SANDBOX_ALLOC_INNER_H
#define USH_SANDBOX_ALLOC_INNER_H

#include "sandbox/alloc.h"

/* Is there room for so many bytes more, beside what is kept? */
bool ush_alloc_has_room(const struct ush_alloc *alloc, size_t size);

/* Counts so many bytes as used, giving back what is kept if there is no room
 * otherwise; false: refused. */
bool ush_alloc_take(struct ush_alloc *alloc, size_t size);

/* Notes that an allocation can't be had, and is false. */
bool ush_alloc_refuse(struct ush_alloc *alloc);

/* Large blocks. NULL: refused; to get smaller is never refused. */
void *ush_alloc_large_new(struct ush_alloc *alloc, size_t size);
void *ush_alloc_large_resize(
    struct ush_alloc *alloc, void *ptr, size_t osize, size_t nsize);
void ush_alloc_large_free(struct ush_alloc *alloc, void *ptr, size_t size);

#endif
