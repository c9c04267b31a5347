/*
 * SPDX-License-Identifier: MIT
 *
 * The allocator of one sandboxed Lua state: counts every byte, refuses to go
 * over a limit, and is cheap for the small blocks that Lua lives on. Used by
 * one thread at a time.
 */
#ifndef USH_SANDBOX_ALLOC_H
#define USH_SANDBOX_ALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	USH_ALLOC_GRAIN = 16,   /* sizes of small blocks are multiples */
	USH_ALLOC_CLASSES = 16, /* so blocks up to 256 bytes are small */
	USH_ALLOC_SLAB = 2048,  /* blocks of one size share a slab */
	USH_ALLOC_ARENA = 8192, /* slabs are taken from the system by arena */
	USH_ALLOC_RESERVE = 12288, /* bytes for a new state's large blocks */
	USH_ALLOC_HUGE = 65536,    /* blocks on which one instruction is slow */
	USH_ALLOC_KEPT = 4,        /* huge blocks kept for reuse, at most */
	/* Of Lua's stack, in slots of so many bytes: alloc_stack.c. */
	USH_STACK_SLOT = 8,
	USH_STACK_SLACK = 256,           /* kept free behind the block */
	USH_STACK_END = 14 * 1024 - 256, /* where frames may begin, */
	USH_STACK_LARGE = 28 * 1024,     /* in a block larger than this */
	USH_STACK_MAX = 2 * USH_STACK_LARGE + 8, /* as large as it gets */
};

struct ush_alloc_slab;
struct ush_alloc_arena;

/* A huge block that was given back: */
struct ush_alloc_kept {
	void *p;      /* NULL: none */
	size_t bytes; /* that it takes */
};

struct ush_alloc {
	size_t used;       /* bytes taken from the system, and in use */
	size_t kept_bytes; /* bytes taken from the system, and kept */
	size_t limit;      /* that their sum may not pass */
	size_t traffic;    /* bytes of large blocks asked for since set to 0 */
	size_t huge;       /* bytes in live blocks of USH_ALLOC_HUGE or more */
	uint64_t fail_at;  /* tests: the n-th allocation from now fails */
	bool failed;       /* an allocation was refused; sticky: */
	bool starved;      /* by the system, not by the limit */
	/* Lua's stack: alloc_stack.c. */
	void *stack;        /* its block; NULL until it is known */
	size_t stack_slots; /* that the block has room for */
	bool growing;       /* it is growing: frames are not whole */
	bool overflow;      /* growth past USH_STACK_MAX was refused; sticky */
	/* Called when an allocation is refused, when large ones have added up
	 * to `traffic_limit`, or the stack has grown past USH_STACK_LARGE.
	 * True: the stack may pass the limit now, since the run ends before the
	 * next instruction. May be NULL. */
	bool (*alarm)(void *arg);
	/* Called when more is taken and `used` is over a sixteenth of the
	 * limit; may be NULL. */
	void (*pressure)(void *arg);
	void *alarm_arg; /* of both */
	size_t traffic_limit;
	struct ush_alloc_slab *partial[USH_ALLOC_CLASSES]; /* with room */
	struct ush_alloc_arena *arenas;
	struct ush_alloc_slab *spare; /* slabs of no class, */
	unsigned int spares;          /* and their number */
	char *reserve;                /* one block that large ones are cut */
	size_t reserved;              /* from first; what is left of it */
	struct ush_alloc_kept kept[USH_ALLOC_KEPT];
};

/* Empty, with the given limit in bytes. */
void ush_alloc_init(struct ush_alloc *alloc, size_t limit);

/*
 * Takes all memory that lua_newstate will ask for: it crashes in LuaJITs before
 * August 2024 if it gets no more after the first block. -1 if there is none.
 */
int ush_alloc_reserve(struct ush_alloc *alloc);

/* As if the system had refused an allocation. */
void ush_alloc_starve(struct ush_alloc *alloc);

/* Gives kept blocks back to the system. */
void ush_alloc_trim(struct ush_alloc *alloc);

/* Gives all arenas back. Large blocks are the state's to free: lua_close. */
void ush_alloc_fini(struct ush_alloc *alloc);

/* The lua_Alloc of a state; `ud` is the struct ush_alloc. */
void *ush_alloc_lua(void *ud, void *ptr, size_t osize, size_t nsize);

/* Instead of it, while a stack is made to grow and nothing else is done: finds
 * out which block the stack is. */
void *ush_alloc_find_stack(void *ud, void *ptr, size_t osize, size_t nsize);

#endif
