/*
 * SPDX-License-Identifier: MIT
 *
 * What the allocator's two halves need of each other.
 */
#ifndef USH_SANDBOX_ALLOC_INNER_H
#define USH_SANDBOX_ALLOC_INNER_H

#include "sandbox/alloc.h"

/* Large blocks lie so many bytes past a multiple of twice that, small ones on
 * one, as the reserve's do. */
enum { USH_ALLOC_LARGE = 8 };

static inline bool
ush_alloc_is_reserved(const struct ush_alloc *alloc, const void *ptr)
{
	return (uintptr_t)ptr - (uintptr_t)alloc->reserve < USH_ALLOC_RESERVE;
}

/* Is there room for so many bytes more, beside what is kept? */
bool ush_alloc_has_room(const struct ush_alloc *alloc, size_t size);

/* Counts so many bytes as used. */
void ush_alloc_count(struct ush_alloc *alloc, size_t size);

/* The same if there is room for them, giving back what is kept if there is no
 * room otherwise; false: refused. */
bool ush_alloc_take(struct ush_alloc *alloc, size_t size);

/* Notes that an allocation can't be had, and is false (or true, where it is
 * the stack's and granted all the same). */
bool ush_alloc_refuse(struct ush_alloc *alloc);

/* Any block, as a lua_Alloc does. */
void *ush_alloc_resize(
    struct ush_alloc *alloc, void *ptr, size_t osize, size_t nsize);

/* The stack's block, which ptr is. */
void *ush_alloc_stack_resize(
    struct ush_alloc *alloc, void *ptr, size_t osize, size_t nsize);

/* Large blocks. NULL: refused; to get smaller is never refused. */
void *ush_alloc_large_new(struct ush_alloc *alloc, size_t size);
void *ush_alloc_large_resize(
    struct ush_alloc *alloc, void *ptr, size_t osize, size_t nsize);
void ush_alloc_large_free(struct ush_alloc *alloc, void *ptr);

#endif
