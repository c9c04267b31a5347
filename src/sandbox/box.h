/*
 * SPDX-License-Identifier: MIT
 *
 * A box: one sandboxed Lua state with its limits, and the one function by
 * which scripts are entered. A box belongs to one thread at a time and is
 * never entered twice at once.
 */
#ifndef USH_SANDBOX_BOX_H
#define USH_SANDBOX_BOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lua.h>

#include "base/error.h"

struct ush_box;

/* What a box needs from outside. */
struct ush_box_host {
	size_t memory_limit; /* bytes */
	/* Fills buf with strong random bytes. */
	void (*random)(void *buf, size_t len);
	int64_t (*now)(void);  /* wall clock, seconds */
	uint64_t (*cpu)(void); /* CPU time of this thread, nanoseconds */
	/* A line that the script prints; escaped, no newline. May be NULL. */
	void (*print)(void *arg, const char *text, size_t len);
	void *print_arg;
	/* Tests: the n-th allocation of the set-up is refused; 0 = none. */
	uint64_t fail_allocation;
};

/* What one or several runs may spend; they subtract what they spent. A step
 * that is slow may take a run further than it may go: `over_ns` says how far.
 */
struct ush_allowance {
	uint64_t instructions;
	uint64_t cpu_ns;
	uint64_t over_ns;
};

/* Of either: what is left of `all`, and never less than nothing. */
static inline uint64_t
ush_allowance_left(uint64_t all, uint64_t spent)
{
	return spent < all ? all - spent : 0;
}

/* Processor time that a run took. */
static inline uint64_t
ush_allowance_cpu(
    const struct ush_allowance *given, const struct ush_allowance *left)
{
	return given->cpu_ns - left->cpu_ns + left->over_ns;
}

/* Adds to *spent what was taken off `given`. */
static inline void
ush_allowance_spend(struct ush_allowance *spent,
    const struct ush_allowance *given, const struct ush_allowance *left)
{
	spent->instructions += given->instructions - left->instructions;
	spent->cpu_ns += ush_allowance_cpu(given, left);
}

/*
 * A new box with the sandbox's library, or NULL when memory is short (errno is
 * ENOMEM), or LuaJIT's stack can't be followed (ENOTSUP). Owned by the caller.
 * `host` is copied.
 */
struct ush_box *ush_box_new(const struct ush_box_host *host);
void ush_box_free(struct ush_box *box);

/*
 * Runs fn(L, arg) protected: fn may raise, and may call scripts by lua_call.
 * What fn leaves on the stack is dropped. On failure *err says what happened
 * (kind, script, line, message) and its code is returned. `allowance` is
 * what may be spent at the most; what was spent is taken off it.
 */
enum ush_code ush_box_run(struct ush_box *box, void (*fn)(lua_State *, void *),
    void *arg, struct ush_allowance *allowance, struct ush_error *err);

/*
 * A function that is called often is kept in the box instead: it is on top of
 * the stack and becomes entry `slot`. To be called within ush_box_run; from
 * its end on the entry can be called. [-1, +0, e]
 */
enum { USH_BOX_SLOTS = 2 };
void ush_box_keep(lua_State *L, unsigned int slot);

/* A kept function, and the light userdata that it takes: of addresses like
 * those the state has had before, or Lua would allocate. */
struct ush_box_entry {
	unsigned int slot;
	void *first, *second;
};

/*
 * Reads what a kept function returned, two values on top of the stack, and
 * drops nothing. It runs within the budget, but unprotected: it must not
 * raise. `fn` is where on the stack the function is. What it returns is what
 * the call returns; other than USH_OK with *err filled.
 */
typedef enum ush_code (*ush_box_answer_fn)(
    lua_State *L, int fn, void *arg, struct ush_error *err);

/* Calls a kept entry, protected, as ush_box_run does. */
enum ush_code ush_box_call(struct ush_box *box,
    const struct ush_box_entry *entry, ush_box_answer_fn answer, void *arg,
    struct ush_allowance *allowance, struct ush_error *err);

/* False once a memory error has happened, the stack has grown large, or it was
 * retired: the box is to be freed. */
bool ush_box_is_sound(const struct ush_box *box);
void ush_box_retire(struct ush_box *box);

/* In a run: what the host was to do for it lacked memory. The run ends as if
 * the box's own allocator had been refused; no script can catch that. */
void ush_box_starve(struct ush_box *box);

/* Bytes that the box holds now; instructions spent by its last run. */
size_t ush_box_memory(const struct ush_box *box);
uint64_t ush_box_spent(const struct ush_box *box);

/* For the library inside: the box of a state, and what it offers. */
struct ush_box *ush_box_of(lua_State *L);
void ush_box_random(struct ush_box *box, void *buf, size_t len);
int64_t ush_box_now(struct ush_box *box);
double ush_box_cpu_seconds(struct ush_box *box);
void ush_box_print(struct ush_box *box, const char *text, size_t len);
size_t ush_box_memory_limit(struct ush_box *box);

/* For tests: the n-th allocation from now is refused. */
void ush_box_fail_allocation(struct ush_box *box, uint64_t n);

#endif
