/*
 * SPDX-License-Identifier: MIT
 *
 * Small blocks come from slabs: 2 KiB, aligned to their size, holding blocks
 * of one size class each, so that the slab of a block is found by masking its
 * address. A slab that runs empty serves any class again, and an arena (8
 * KiB) whose slabs are all empty goes back to the system, if there are others
 * to spare: garbage of one size must not eat into the limit for another.
 * Larger blocks are alloc_large.c's.
 *
 *	arena  [ slab | slab | slab | ... ]    first slab: the arena's header
 *	slab   [ header | block | block | ... ]
 */
#include "sandbox/alloc_inner.h"

#include <stdlib.h>
#include <string.h>

enum {
	SLABS = USH_ALLOC_ARENA / USH_ALLOC_SLAB,
	SMALL_MAX = USH_ALLOC_GRAIN * USH_ALLOC_CLASSES,
};

struct block {
	struct block *next;
};

struct ush_alloc_slab {
	struct ush_alloc_slab *next, *prev;
	struct ush_alloc_arena *arena;
	struct block
	    *free;     /* blocks not in use; NULL: not in its class's list */
	uint16_t live; /* blocks in use */
	uint16_t class;
};

/* Stands in the first slab of an arena, before that slab's own header. */
struct ush_alloc_arena {
	struct ush_alloc_arena *next, *prev;
	unsigned int live; /* slabs in use */
};

enum {
	/* The blocks begin at the same offset in every slab. */
	HEADER = 64,
};
_Static_assert(sizeof(struct ush_alloc_slab) <= HEADER, "slab header");
_Static_assert(sizeof(struct ush_alloc_arena) <= HEADER, "arena header");

static size_t
block_size(unsigned int class)
{
	return ((size_t) class + 1) * USH_ALLOC_GRAIN;
}

/* The header of slab 0 stands behind the arena's. */
static struct ush_alloc_slab *
slab_at(struct ush_alloc_arena *arena, size_t n)
{
	char *p = (char *)arena + n * USH_ALLOC_SLAB;

	return (struct ush_alloc_slab *)(n == 0 ? p + HEADER : p);
}

static bool
slab_is_first(const struct ush_alloc_slab *slab)
{
	return (const char *)slab == (const char *)slab->arena + HEADER;
}

static struct ush_alloc_slab *
slab_of(void *block)
{
	uintptr_t base = (uintptr_t)block & ~(uintptr_t)(USH_ALLOC_SLAB - 1);
	uintptr_t arena = (uintptr_t)block & ~(uintptr_t)(USH_ALLOC_ARENA - 1);

	return (struct ush_alloc_slab *)(base == arena ? base + HEADER : base);
}

/* Chains all blocks, so that the first of them is given out first. */
static void
slab_chain(struct ush_alloc_slab *slab)
{
	size_t size = block_size(slab->class);
	char *base = (char *)slab - (slab_is_first(slab) ? HEADER : 0);
	char *first = (char *)slab + HEADER;
	char *at =
	    first + (size_t)(base + USH_ALLOC_SLAB - first) / size * size;

	slab->free = NULL;
	while (at > first) {
		at -= size;
		((struct block *)at)->next = slab->free;
		slab->free = (struct block *)at;
	}
}

static void
slab_link(struct ush_alloc_slab **list, struct ush_alloc_slab *slab)
{
	slab->prev = NULL;
	slab->next = *list;
	if (slab->next)
		slab->next->prev = slab;
	*list = slab;
}

static void
slab_unlink(struct ush_alloc_slab **list, struct ush_alloc_slab *slab)
{
	if (slab->prev)
		slab->prev->next = slab->next;
	else
		*list = slab->next;
	if (slab->next)
		slab->next->prev = slab->prev;
}

bool
ush_alloc_refuse(struct ush_alloc *a)
{
	bool first = !a->failed;
	bool granted;

	a->failed = true;
	granted = a->alarm && a->alarm(a->alarm_arg);
	return granted && first && a->growing && !a->starved;
}

void
ush_alloc_starve(struct ush_alloc *a)
{
	a->starved = true;
	ush_alloc_refuse(a);
}

bool
ush_alloc_has_room(const struct ush_alloc *a, size_t size)
{
	return size <= a->limit && a->used + a->kept_bytes <= a->limit - size;
}

void
ush_alloc_count(struct ush_alloc *a, size_t size)
{
	a->used += size;
	if (a->used > a->limit / 16 && a->pressure)
		a->pressure(a->alarm_arg);
}

bool
ush_alloc_take(struct ush_alloc *a, size_t size)
{
	if (!ush_alloc_has_room(a, size)) {
		ush_alloc_trim(a);
		if (!ush_alloc_has_room(a, size) && !ush_alloc_refuse(a))
			return false;
	}
	ush_alloc_count(a, size);
	return true;
}

static bool
arena_new(struct ush_alloc *a)
{
	struct ush_alloc_arena *arena;
	struct ush_alloc_slab *slab;
	void *p;

	if (!ush_alloc_take(a, USH_ALLOC_ARENA))
		return false;
	if (posix_memalign(&p, USH_ALLOC_ARENA, USH_ALLOC_ARENA) != 0) {
		a->used -= USH_ALLOC_ARENA;
		ush_alloc_starve(a);
		return false;
	}
	arena = p;
	memset(arena, 0, sizeof *arena);
	arena->next = a->arenas;
	if (arena->next)
		arena->next->prev = arena;
	a->arenas = arena;
	for (size_t n = SLABS; n-- > 0;) {
		slab = slab_at(arena, n);
		slab->arena = arena;
		slab_link(&a->spare, slab);
	}
	a->spares += SLABS;
	return true;
}

static void
arena_free(struct ush_alloc *a, struct ush_alloc_arena *arena)
{
	for (size_t n = 0; n < SLABS; n++)
		slab_unlink(&a->spare, slab_at(arena, n));
	if (arena->prev)
		arena->prev->next = arena->next;
	else
		a->arenas = arena->next;
	if (arena->next)
		arena->next->prev = arena->prev;
	a->spares -= SLABS;
	a->used -= USH_ALLOC_ARENA;
	free(arena);
}

static struct ush_alloc_slab *
slab_new(struct ush_alloc *a, unsigned int class)
{
	struct ush_alloc_slab *slab;

	if (!a->spare && !arena_new(a))
		return NULL;
	slab = a->spare;
	slab_unlink(&a->spare, slab);
	a->spares--;
	slab->arena->live++;
	slab->class = (uint16_t) class;
	slab->live = 0;
	slab_chain(slab);
	slab_link(&a->partial[class], slab);
	return slab;
}

static inline void *
slab_take(struct ush_alloc *a, struct ush_alloc_slab *slab, unsigned int class)
{
	struct block *block = slab->free;

	slab->free = block->next;
	slab->live++;
	if (!slab->free)
		slab_unlink(&a->partial[class], slab);
	return block;
}

static void *
small_new_slab(struct ush_alloc *a, unsigned int class)
{
	struct ush_alloc_slab *slab = slab_new(a, class);

	return slab ? slab_take(a, slab, class) : NULL;
}

static inline void *
small_new(struct ush_alloc *a, size_t size)
{
	unsigned int class = (unsigned int)((size - 1) / USH_ALLOC_GRAIN);
	struct ush_alloc_slab *slab = a->partial[class];

	return slab ? slab_take(a, slab, class) : small_new_slab(a, class);
}

static void
small_free(struct ush_alloc *a, void *ptr)
{
	struct ush_alloc_slab *slab = slab_of(ptr);
	struct block *block = ptr;

	block->next = slab->free;
	slab->free = block;
	if (!block->next)
		slab_link(&a->partial[slab->class], slab);
	if (--slab->live > 0)
		return;
	slab_unlink(&a->partial[slab->class], slab);
	slab_link(&a->spare, slab);
	a->spares++;
	if (--slab->arena->live == 0 && a->spares > SLABS + SLABS / 2)
		arena_free(a, slab->arena);
}

/* Not by the size that LuaJIT says it has: alloc_large.c. */
static inline bool
is_large(const struct ush_alloc *a, const void *ptr)
{
	return (uintptr_t)ptr & USH_ALLOC_LARGE ||
	       ush_alloc_is_reserved(a, ptr);
}

static void
block_free(struct ush_alloc *a, void *ptr)
{
	if (!ptr)
		return;
	if (is_large(a, ptr))
		ush_alloc_large_free(a, ptr);
	else
		small_free(a, ptr);
}

void *
ush_alloc_resize(struct ush_alloc *a, void *ptr, size_t osize, size_t nsize)
{
	bool large;
	void *p;

	if (nsize == 0) {
		block_free(a, ptr);
		return NULL;
	}
	large = ptr && is_large(a, ptr);
	if (ptr && !large && nsize <= SMALL_MAX &&
	    (osize - 1) / USH_ALLOC_GRAIN == (nsize - 1) / USH_ALLOC_GRAIN)
		return ptr;
	if (a->fail_at && --a->fail_at == 0 && !(ptr && nsize < osize)) {
		ush_alloc_refuse(a);
		return NULL;
	}
	if (large && nsize > SMALL_MAX)
		return ush_alloc_large_resize(a, ptr, osize, nsize);
	p = nsize <= SMALL_MAX ? small_new(a, nsize)
			       : ush_alloc_large_new(a, nsize);
	if (!p || !ptr)
		return p;
	memcpy(p, ptr, osize < nsize ? osize : nsize);
	block_free(a, ptr);
	return p;
}

/* Apart, so that ush_alloc_lua has no registers to save for it. */
__attribute__((noinline)) static void *
resize(struct ush_alloc *a, void *ptr, size_t osize, size_t nsize)
{
	if (ptr && ptr == a->stack)
		return ush_alloc_stack_resize(a, ptr, osize, nsize);
	return ush_alloc_resize(a, ptr, osize, nsize);
}

void *
ush_alloc_lua(void *ud, void *ptr, size_t osize, size_t nsize)
{
	struct ush_alloc *a = ud;

	/* What a script asks for most; 0 is no size of these. */
	if (!ptr && nsize - 1 < SMALL_MAX && a->fail_at == 0)
		return small_new(a, nsize);
	return resize(a, ptr, osize, nsize);
}

void
ush_alloc_init(struct ush_alloc *a, size_t limit)
{
	memset(a, 0, sizeof *a);
	a->limit = limit;
	a->traffic_limit = SIZE_MAX;
}

int
ush_alloc_reserve(struct ush_alloc *a)
{
	if (!arena_new(a) || !arena_new(a) ||
	    !ush_alloc_take(a, USH_ALLOC_RESERVE))
		return -1;
	a->reserve = malloc(USH_ALLOC_RESERVE);
	if (!a->reserve)
		return -1;
	a->reserved = USH_ALLOC_RESERVE;
	return 0;
}

void
ush_alloc_fini(struct ush_alloc *a)
{
	struct ush_alloc_arena *arena;

	while ((arena = a->arenas)) {
		a->arenas = arena->next;
		free(arena);
	}
	ush_alloc_trim(a);
	free(a->reserve);
	memset(a, 0, sizeof *a);
}
