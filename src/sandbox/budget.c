/*
 * SPDX-License-Identifier: MIT
 *
 * How a script is kept within its budget. The count hook fires every STEP
 * instructions (JIT-compiled code would not call it, so the JIT is never
 * opened), subtracts them and looks at the thread's CPU clock. C functions
 * charge what they do for a script. Large allocations make the hook fire at
 * the next instruction, and while there are huge ones the steps are shorter, so
 * that slow instructions on large strings are seen (one addition can read a
 * megabyte of digits).
 *
 * Once anything is spent, the box is "tripped": the hook is armed for every
 * single instruction and raises each time, so whoever catches the error gets
 * no further than one instruction. A trip that nobody raises any more (the
 * last thing a script did was to catch it) is still found when the run ends.
 */
#include "sandbox/box_inner.h"

#include <lauxlib.h>

#include "sandbox/cstack.h"
#include "sandbox/report.h"

enum {
	STEP = 1000,  /* instructions between two looks */
	STEP_MIN = 4, /* while there are huge blocks: so many bytes */
	STEP_BYTES = 16384 * 1000,  /* times instructions in a step */
	TRAFFIC_LIMIT = 256 * 1024, /* bytes of large blocks, likewise */
	TRAFFIC_PER_INSTRUCTION = 512,
};

static void on_count(lua_State *L, lua_Debug *ar);

static void
arm(struct ush_box *box, unsigned int count)
{
	box->armed = count;
	lua_sethook(box->L, on_count, ush_trace_mask(&box->trace), (int)count);
}

/* Instructions up to the next look. */
static unsigned int
next_step(const struct ush_box *box)
{
	uint64_t step = STEP;

	if (box->alloc.stack_slots > USH_STACK_LARGE)
		return 1;
	if (box->alloc.huge > STEP_BYTES / STEP)
		step = STEP_BYTES / box->alloc.huge;
	if (step < STEP_MIN)
		step = STEP_MIN;
	return ush_trace_step(&box->trace, box->left < step ? box->left : step);
}

static void
trip(struct ush_box *box, enum ush_code code)
{
	if (box->tripped == USH_OK)
		box->tripped = code;
	box->left = 0;
	if (box->running)
		arm(box, 1);
}

/* Takes off the time since the last look. False if the limit is passed. */
static bool
take_time(struct ush_box *box)
{
	uint64_t now = box->host.cpu();
	uint64_t passed = now > box->cpu_last ? now - box->cpu_last : 0;

	box->cpu_last = now;
	if (passed < box->cpu_left) {
		box->cpu_left -= passed;
		return true;
	}
	box->cpu_over += passed - box->cpu_left;
	box->cpu_left = 0;
	return false;
}

/* Looks at the clock; the first look of a run only starts it. */
static void
look(struct ush_box *box)
{
	box->unlooked = 0;
	if (box->cpu_last == 0)
		box->cpu_last = box->host.cpu();
	else if (!take_time(box))
		trip(box, USH_ERROR_CPU_TIME);
}

bool
ush_budget_take_of(struct ush_box *box, uint64_t units)
{
	if (box->tripped != USH_OK)
		return false;
	if (units >= box->left) {
		trip(box, USH_ERROR_INSTRUCTIONS);
		return false;
	}
	box->left -= units;
	box->unlooked += units;
	if (box->unlooked >= STEP)
		look(box);
	return box->tripped == USH_OK;
}

static void
note_where(struct ush_box *box, lua_State *L, lua_Debug *ar)
{
	if (box->where[0] == '\0')
		ush_report_place(L, ar, box->where, sizeof box->where);
}

void
ush_budget_note_caller(struct ush_box *box)
{
	if (box->where[0] == '\0')
		ush_report_caller(box->L, box->where, sizeof box->where);
}

int
ush_budget_raise(lua_State *L)
{
	struct ush_box *box = ush_box_of(L);

	ush_budget_note_caller(box);
	if (box->tripped == USH_ERROR_MEMORY) {
		/* Whatever is left must not be spent on a message. */
		lua_pushnil(L);
	} else {
		lua_pushstring(L, ush_report_limit(box->tripped));
	}
	return lua_error(L);
}

/* Does the frame of ar, which is on top, begin too deep in a large stack? Only
 * lua_Debug knows, where its 16 bits do for any stack of ours. Should a LuaJIT
 * have something else there, the allocator ends the recursion. */
static bool
is_deep(const struct ush_box *box, const lua_Debug *ar)
{
	return box->alloc.stack_slots > USH_STACK_LARGE &&
	       ((unsigned int)ar->i_ci & 0xffff) > USH_STACK_END;
}

/* An error like another, as LuaJIT's is. */
static void
raise_overflow(lua_State *L, lua_Debug *ar)
{
	char place[80] = "";

	ush_report_place(L, ar, place, sizeof place);
	lua_pushfstring(L, "%sstack overflow", place);
	lua_error(L);
}

static void
on_count(lua_State *L, lua_Debug *ar)
{
	struct ush_box *box = ush_box_of(L);
	size_t traffic = box->alloc.traffic;
	uint64_t units = box->armed;

	if (!box->running || ush_trace_line(&box->trace, L, ar))
		return;
	if (box->alloc.huge > 0)
		box->unlooked += STEP;
	if (traffic >= TRAFFIC_LIMIT) {
		box->alloc.traffic = 0;
		box->unlooked += STEP;
		units += traffic / TRAFFIC_PER_INSTRUCTION;
	}
	if (ush_budget_take_of(box, units)) {
		arm(box, next_step(box));
		if (is_deep(box, ar))
			raise_overflow(L, ar);
		return;
	}
	note_where(box, L, ar);
	ush_budget_raise(L);
}

/*
 * The allocator refused, large blocks have added up, or the stack is large.
 * While the stack grows, the frame on top does not fit into it yet, and LuaJIT
 * must not be asked about frames. What the limit refuses then is granted, so
 * that the hook gets to say where.
 */
static bool
on_alarm(void *arg)
{
	struct ush_box *box = arg;

	if (box->alloc.failed) {
		if (box->running && !box->alloc.growing)
			ush_budget_note_caller(box);
		trip(box, USH_ERROR_MEMORY);
	} else if (box->alloc.overflow) {
		trip(box, USH_ERROR_SCRIPT);
	} else if (box->running) {
		arm(box, 1);
	}
	return box->running;
}

/*
 * Garbage below the limit must not fail a call: the nearer the limit, the
 * sooner the collector starts again, when an eighth of the room is used up.
 * (There is no emergency collection; and this only sets a number.)
 */
static void
on_pressure(void *arg)
{
	struct ush_box *box = arg;
	size_t used = box->alloc.used, limit = box->alloc.limit;
	size_t room = used < limit ? limit - used : 0;
	size_t pause = 100 + room * 100 / 8 / used;

	lua_gc(box->L, LUA_GCSETPAUSE,
	    (int)(pause < USH_BOX_PAUSE ? pause : USH_BOX_PAUSE));
	box->pressed = true;
}

bool
ush_budget_take(lua_State *L, uint64_t units)
{
	return ush_budget_take_of(ush_box_of(L), units);
}

void
ush_budget_charge(lua_State *L, uint64_t units)
{
	if (!ush_budget_take_of(ush_box_of(L), units))
		ush_budget_raise(L);
}

void
ush_budget_check(lua_State *L)
{
	if (ush_box_of(L)->tripped != USH_OK)
		ush_budget_raise(L);
}

void
ush_budget_check_stack(lua_State *L)
{
	const char *here = __builtin_frame_address(0);
	struct ush_box *box = ush_box_of(L);
	lua_Debug ar;

	if (box->stack && (size_t)(box->stack - here) > box->stack_share)
		luaL_error(L, "stack overflow");
	if (box->alloc.stack_slots > USH_STACK_LARGE &&
	    lua_getstack(L, 0, &ar) && is_deep(box, &ar))
		luaL_error(L, "stack overflow");
}

void
ush_budget_begin(struct ush_box *box, const struct ush_allowance *allowance)
{
	box->left = allowance->instructions;
	box->cpu_left = allowance->cpu_ns;
	box->cpu_last = box->cpu_over = 0;
	box->unlooked = 0;
	box->alloc.traffic = 0;
	box->tripped = USH_OK;
	box->where[0] = '\0';
	box->running = true;
	if (box->pressed && box->alloc.used <= box->alloc.limit / 16) {
		lua_gc(box->L, LUA_GCSETPAUSE, USH_BOX_PAUSE);
		box->pressed = false;
	}
	box->stack = __builtin_frame_address(0);
	box->stack_share = ush_cstack_share(box->stack);
	arm(box, next_step(box));
}

void
ush_budget_end(struct ush_box *box, struct ush_allowance *allowance)
{
	if (box->cpu_last != 0 && !take_time(box))
		trip(box, USH_ERROR_CPU_TIME); /* unless it is tripped */
	box->running = false;
	box->spent = allowance->instructions - box->left;
	allowance->instructions = box->left;
	allowance->cpu_ns = box->cpu_left;
	allowance->over_ns = box->cpu_over;
	if (box->alloc.kept_bytes > 0)
		ush_alloc_trim(&box->alloc);
}

void
ush_budget_watch(struct ush_box *box)
{
	box->alloc.alarm = on_alarm;
	box->alloc.pressure = on_pressure;
	box->alloc.alarm_arg = box;
	box->alloc.traffic_limit = TRAFFIC_LIMIT;
}
