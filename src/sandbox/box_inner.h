/*
 * SPDX-License-Identifier: MIT
 *
 * What box.c and budget.c share, and nobody else includes.
 */
#ifndef USH_SANDBOX_BOX_INNER_H
#define USH_SANDBOX_BOX_INNER_H

#include "sandbox/alloc.h"
#include "sandbox/box.h"
#include "sandbox/budget.h"
#include "sandbox/trace.h"

/* Per cent of what is live: the collector's next start. */
enum { USH_BOX_PAUSE = 300 };

struct ush_box {
	struct ush_alloc alloc; /* first: the allocator's argument is the box */
	lua_State *L;
	struct ush_box_host host;
	struct ush_trace trace;

	/* The current run. */
	void (*fn)(lua_State *, void *);
	void *arg;
	uint64_t left;      /* instructions */
	uint64_t unlooked;  /* of them, spent since the clock was looked at */
	uint64_t cpu_left;  /* nanoseconds */
	uint64_t cpu_last;  /* clock at the last look, 0 before the first */
	uint64_t cpu_over;  /* at the look that found the limit passed */
	unsigned int armed; /* the hook fires after so many instructions */
	enum ush_code tripped;
	char where[80];     /* "script:line: " of the trip, or of an error */
	const char *stack;  /* C's, where the run began; */
	size_t stack_share; /* bytes that may lie below, in calls back */
	bool running;
	bool settled;   /* do kept entries have their places on the stack? */
	int height;     /* of the stack, between runs */
	bool pressed;   /* the collector has been told to hurry */
	uint64_t spent; /* by the last run */
};

/* Before and after a run. */
void ush_budget_begin(
    struct ush_box *box, const struct ush_allowance *allowance);
void ush_budget_end(struct ush_box *box, struct ush_allowance *allowance);

/* Notes where the script is, unless that has been noted. Lua has no part in it:
 * neither memory is needed, nor anything raised. */
void ush_budget_note_caller(struct ush_box *box);

/* Has the allocator tell of refusals, of traffic and of pressure. Once. */
void ush_budget_watch(struct ush_box *box);

#endif
