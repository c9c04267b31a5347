/*
 * SPDX-License-Identifier: MIT
 *
 * Tracing of boxes, for `usher check` and `usher test`: each line that a script
 * runs is told, and instructions are counted one by one instead of by the
 * thousand, if that is asked for. All of it takes CPU time.
 */
#ifndef USH_SANDBOX_TRACE_H
#define USH_SANDBOX_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include <lua.h>

/* ar->currentline is filled in; lua_getinfo tells more. */
typedef void (*ush_trace_fn)(void *arg, lua_State *L, lua_Debug *ar);

/* A box's. Zeroed: it is not traced. */
struct ush_trace {
	ush_trace_fn line;
	void *arg;
	bool exact;
};

/* What boxes get when they are made. Set before threads are started. */
extern struct ush_trace ush_tracing;

/* The events for the box's hook. */
static inline int
ush_trace_mask(const struct ush_trace *trace)
{
	return LUA_MASKCOUNT | (trace->line ? LUA_MASKLINE : 0);
}

/* Instructions up to the next look, which would be `step`. */
static inline unsigned int
ush_trace_step(const struct ush_trace *trace, uint64_t step)
{
	return trace->exact && step > 1 ? 1 : (unsigned int)step;
}

/* Tells a line. False if the hook is about something else. */
static inline bool
ush_trace_line(const struct ush_trace *trace, lua_State *L, lua_Debug *ar)
{
	if (ar->event != LUA_HOOKLINE)
		return false;
	trace->line(trace->arg, L, ar);
	return true;
}

#endif
