/*
 * SPDX-License-Identifier: MIT
 *
 * Large blocks are malloc's, but for those of a new state, which are cut from
 * one. Each knows its size, and that it is large: LuaJIT is not to be believed
 * in that. (A function whose upvalue can't be had is freed as one without
 * upvalues.) Huge ones that were given back are kept until the run ends or the
 * limit is near: each new page costs the kernel a microsecond or more, and a
 * string of a megabyte has 256. Without that, twenty concatenations took longer
 * than a call may.
 */
#include "sandbox/alloc_inner.h"

#include <stdlib.h>
#include <string.h>

/* What stands before a block. malloc's blocks are aligned to 16, as small ones
 * of ours: so eight bytes tell a large one from a small one. */
struct large {
	size_t size;
};
_Static_assert(sizeof(struct large) == USH_ALLOC_LARGE, "mark of large blocks");

enum {
	OVERHEAD = 16,       /* malloc's and ours */
	MALLOC_OVERHEAD = 8, /* of it */
	HUGE_GRAIN = 16384,  /* sizes of huge blocks are multiples */
};

static size_t
huge(size_t size)
{
	return size >= USH_ALLOC_HUGE ? size : 0;
}

/* The bytes that a large block of that size takes. */
static size_t
footprint(size_t size)
{
	if (huge(size))
		size = (size + HUGE_GRAIN - 1) & ~(size_t)(HUGE_GRAIN - 1);
	return size + OVERHEAD;
}

static struct large *
header(void *block)
{
	return (struct large *)block - 1;
}

/* NULL stays NULL. */
static void *
with_size(struct large *large, size_t size)
{
	if (!large)
		return NULL;
	large->size = size;
	return large + 1;
}

void
ush_alloc_trim(struct ush_alloc *a)
{
	for (size_t i = 0; i < USH_ALLOC_KEPT; i++)
		free(a->kept[i].p);
	memset(a->kept, 0, sizeof a->kept);
	a->kept_bytes = 0;
}

/* A kept block with that footprint, in use from now on, or NULL. */
static void *
kept_take(struct ush_alloc *a, size_t bytes)
{
	for (size_t i = 0; i < USH_ALLOC_KEPT && a->kept_bytes > 0; i++) {
		void *p = a->kept[i].p;

		if (a->kept[i].bytes != bytes)
			continue;
		a->kept[i] = (struct ush_alloc_kept){NULL, 0};
		a->kept_bytes -= bytes;
		ush_alloc_count(a, bytes);
		return p;
	}
	return NULL;
}

/* Keeps a block that is no longer in use; where there is no place left, instead
 * of the one that has been kept longest. */
static void
kept_put(struct ush_alloc *a, void *p, size_t bytes)
{
	size_t i = 0;

	while (i < USH_ALLOC_KEPT - 1 && a->kept[i].p)
		i++;
	free(a->kept[i].p);
	a->kept_bytes += bytes - a->kept[i].bytes;
	memmove(a->kept + 1, a->kept, i * sizeof *a->kept);
	a->kept[0] = (struct ush_alloc_kept){p, bytes};
}

/* Only a new state's first blocks come from there; none goes back. */
static void *
take_reserved(struct ush_alloc *a, size_t size)
{
	size = (size + USH_ALLOC_GRAIN - 1) & ~(size_t)(USH_ALLOC_GRAIN - 1);
	if (size > a->reserved)
		return NULL;
	a->reserved -= size;
	return a->reserve + a->reserved;
}

static void
note_traffic(struct ush_alloc *a, size_t size)
{
	a->traffic += size;
	if (a->traffic >= a->traffic_limit && a->alarm)
		a->alarm(a->alarm_arg);
}

/* As malloc (ptr is NULL) and realloc do; before that fails, what is kept goes
 * back. */
static void *
system_block(struct ush_alloc *a, void *ptr, size_t bytes)
{
	void *p = realloc(ptr, bytes - MALLOC_OVERHEAD);

	if (p || a->kept_bytes == 0)
		return p;
	ush_alloc_trim(a);
	return realloc(ptr, bytes - MALLOC_OVERHEAD);
}

void *
ush_alloc_large_new(struct ush_alloc *a, size_t size)
{
	size_t bytes = footprint(size);
	void *p = take_reserved(a, size);

	if (p)
		return p;
	p = kept_take(a, bytes);
	if (!p) {
		if (!ush_alloc_take(a, bytes))
			return NULL;
		p = system_block(a, NULL, bytes);
		if (!p) {
			a->used -= bytes;
			ush_alloc_starve(a);
			return NULL;
		}
	}
	a->huge += huge(size);
	note_traffic(a, size);
	return with_size(p, size);
}

void
ush_alloc_large_free(struct ush_alloc *a, void *ptr)
{
	size_t size;

	if (ush_alloc_is_reserved(a, ptr))
		return;
	size = header(ptr)->size;
	a->used -= footprint(size);
	a->huge -= huge(size);
	if (huge(size))
		kept_put(a, header(ptr), footprint(size));
	else
		free(header(ptr));
}

/* Where a block of the new size is kept, or there is room for a smaller one:
 * moves there. NULL: not so. */
static void *
move(struct ush_alloc *a, void *ptr, size_t osize, size_t nsize)
{
	size_t bytes = footprint(nsize);
	void *p = kept_take(a, bytes);

	if (!p && huge(osize) && nsize < osize &&
	    ush_alloc_has_room(a, bytes)) {
		p = malloc(bytes - MALLOC_OVERHEAD);
		if (p)
			ush_alloc_count(a, bytes);
	}
	if (!p)
		return NULL;
	a->huge += huge(nsize);
	p = with_size(p, nsize);
	memcpy(p, ptr, osize < nsize ? osize : nsize);
	ush_alloc_large_free(a, ptr);
	return p;
}

/* In place, or where realloc finds one. */
static void *
stretch(struct ush_alloc *a, void *ptr, size_t osize, size_t nsize)
{
	size_t obytes = footprint(osize), nbytes = footprint(nsize);
	void *p = header(ptr);

	if (nbytes > obytes && !ush_alloc_take(a, nbytes - obytes))
		return NULL;
	if (nbytes != obytes)
		p = system_block(a, header(ptr), nbytes);
	if (!p && nbytes > obytes) {
		a->used -= nbytes - obytes;
		ush_alloc_starve(a);
		return NULL;
	}
	if (nbytes < obytes)
		a->used -= obytes - nbytes;
	a->huge += huge(nsize) - huge(osize);
	return with_size(p ? p : header(ptr), nsize);
}

void *
ush_alloc_large_resize(
    struct ush_alloc *a, void *ptr, size_t osize, size_t nsize)
{
	void *p = NULL;

	if (ush_alloc_is_reserved(a, ptr)) {
		p = nsize > osize ? ush_alloc_large_new(a, nsize) : ptr;
		return p && p != ptr ? memcpy(p, ptr, osize) : p;
	}
	osize = header(ptr)->size;
	if (footprint(nsize) != footprint(osize))
		p = move(a, ptr, osize, nsize);
	if (!p)
		p = stretch(a, ptr, osize, nsize);
	if (p && nsize > osize)
		note_traffic(a, nsize);
	return p;
}
