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
#include "sandbox/box.h"

#include <stdio.h>
#include <stdlib.h>

#include <lauxlib.h>
#include <lualib.h>

#include "sandbox/alloc.h"
#include "sandbox/budget.h"
#include "sandbox/report.h"
#include "sandbox/surface.h"
#include "sandbox/trace.h"

enum {
	STEP = 1000,  /* instructions between two looks */
	STEP_MIN = 4, /* while there are huge blocks: so many bytes */
	STEP_BYTES = 16384 * 1000,  /* times instructions in a step */
	TRAFFIC_LIMIT = 256 * 1024, /* bytes of large blocks, likewise */
	TRAFFIC_PER_INSTRUCTION = 512,
	STACK_SHARE = 96 * 1024, /* bytes of C stack for a run */
	/* A kept function and its arguments: at the registry's keys from 1 on,
	 * and in the stack's lowest slots, which cost less to push. (Any stack
	 * of Lua's has room for them and their answers.) */
	KEPT = 3,
	KEY_TRAMPOLINE = USH_BOX_SLOTS * KEPT + 1,
	CALLERS = 8, /* frames that are looked at for a line */
	PAUSE = 300, /* per cent of what is live: the collector's next start */
};

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
	unsigned int armed; /* the hook fires after so many instructions */
	enum ush_code tripped;
	char where[80]; /* "script:line: " of the trip */
	const char *stack;
	bool running;
	bool settled;   /* do kept entries have their places on the stack? */
	int height;     /* of the stack, between runs */
	bool pressed;   /* the collector has been told to hurry */
	uint64_t spent; /* by the last run */
};

struct ush_box *
ush_box_of(lua_State *L)
{
	void *ud;

	lua_getallocf(L, &ud);
	return ud;
}

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

/* Looks at the clock; the first look of a run only starts it. */
static void
look(struct ush_box *box)
{
	uint64_t now = box->host.cpu();
	uint64_t passed = now - box->cpu_last;

	box->unlooked = 0;
	if (box->cpu_last != 0) {
		if (passed >= box->cpu_left) {
			box->cpu_left = 0;
			trip(box, USH_ERROR_CPU_TIME);
			return;
		}
		box->cpu_left -= passed;
	}
	box->cpu_last = now;
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

/* Spent in a C function: the nearest line of a script that led to it. */
static void
note_caller(struct ush_box *box, lua_State *L)
{
	lua_Debug ar;

	for (int level = 1; level < CALLERS && box->where[0] == '\0'; level++) {
		if (!lua_getstack(L, level, &ar))
			return;
		note_where(box, L, &ar);
	}
}

int
ush_budget_raise(lua_State *L)
{
	struct ush_box *box = ush_box_of(L);

	note_caller(box, L);
	if (box->tripped == USH_ERROR_MEMORY) {
		/* Whatever is left must not be spent on a message. */
		lua_pushnil(L);
	} else {
		lua_pushstring(L, ush_report_limit(box->tripped));
	}
	return lua_error(L);
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
		return;
	}
	note_where(box, L, ar);
	ush_budget_raise(L);
}

/* The allocator refused, or large blocks have added up. */
static void
on_alarm(void *arg)
{
	struct ush_box *box = arg;

	if (box->alloc.failed)
		trip(box, USH_ERROR_MEMORY);
	else if (box->running)
		arm(box, 1);
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
	size_t pause = 100 + (limit - used) * 100 / 8 / used;

	lua_gc(box->L, LUA_GCSETPAUSE, (int)(pause < PAUSE ? pause : PAUSE));
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

	if (box->stack && box->stack - here > STACK_SHARE)
		luaL_error(L, "stack overflow");
}

static int
l_trampoline(lua_State *L)
{
	struct ush_box *box = ush_box_of(L);

	box->fn(L, box->arg);
	return 0;
}

void
ush_box_keep(lua_State *L, unsigned int slot)
{
	for (int n = KEPT; n > 0; n--)
		lua_rawseti(L, LUA_REGISTRYINDEX, (int)slot * KEPT + n);
	ush_box_of(L)->settled = false;
}

static void
settle(struct ush_box *box)
{
	lua_settop(box->L, 0);
	for (int key = 1; key < KEY_TRAMPOLINE; key++)
		lua_rawgeti(box->L, LUA_REGISTRYINDEX, key);
	box->height = lua_gettop(box->L);
	box->settled = true;
}

static inline void
run_begin(struct ush_box *box, const struct ush_allowance *allowance)
{
	box->left = allowance->instructions;
	box->cpu_left = allowance->cpu_ns;
	box->cpu_last = 0;
	box->unlooked = 0;
	box->alloc.traffic = 0;
	box->tripped = USH_OK;
	box->where[0] = '\0';
	box->running = true;
	if (box->pressed && box->alloc.used <= box->alloc.limit / 16) {
		lua_gc(box->L, LUA_GCSETPAUSE, PAUSE);
		box->pressed = false;
	}
	box->stack = __builtin_frame_address(0);
	arm(box, next_step(box));
}

static void
run_end(struct ush_box *box, struct ush_allowance *allowance)
{
	if (box->cpu_last != 0 && box->tripped == USH_OK)
		look(box);
	box->running = false;
	box->spent = allowance->instructions - box->left;
	allowance->instructions = box->left;
	allowance->cpu_ns = box->cpu_left;
	if (box->alloc.kept_bytes > 0)
		ush_alloc_trim(&box->alloc);
}

/* The error object is on top of the stack; nothing here may raise. */
static enum ush_code
run_failed(struct ush_box *box, int status, struct ush_error *err)
{
	enum ush_code code = box->tripped;
	char text[128];

	if (code == USH_OK && status == LUA_ERRMEM)
		code = USH_ERROR_MEMORY;
	if (code != USH_OK) {
		snprintf(text, sizeof text, "%s%s", box->where,
		    ush_report_limit(code));
		ush_report(err, code, text);
	} else if (lua_type(box->L, -1) == LUA_TSTRING) {
		ush_report(err, USH_ERROR_SCRIPT, lua_tostring(box->L, -1));
	} else {
		ush_error_set(err, USH_ERROR_SCRIPT, NULL, 0,
		    "the script raised an error that is no string, but a %s",
		    lua_typename(box->L, lua_type(box->L, -1)));
	}
	if (code == USH_ERROR_MEMORY)
		box->alloc.failed = true;
	lua_settop(box->L, box->height);
	return code == USH_OK ? USH_ERROR_SCRIPT : code;
}

enum ush_code
ush_box_call(struct ush_box *box, unsigned int slot, ush_box_answer_fn answer,
    void *arg, struct ush_allowance *allowance, struct ush_error *err)
{
	int fn = (int)slot * KEPT + 1, status;
	enum ush_code code = USH_OK;
	lua_State *L = box->L;

	run_begin(box, allowance);
	for (int n = 0; n < KEPT; n++)
		lua_pushvalue(L, fn + n);
	status = lua_pcall(L, KEPT - 1, 2, 0);
	if (status == 0 && box->tripped == USH_OK)
		code = answer(L, fn, arg, err);
	run_end(box, allowance);
	if (status != 0 || box->tripped != USH_OK)
		return run_failed(box, status, err);
	lua_settop(L, box->height);
	return code;
}

enum ush_code
ush_box_run(struct ush_box *box, void (*fn)(lua_State *, void *), void *arg,
    struct ush_allowance *allowance, struct ush_error *err)
{
	int status;

	box->fn = fn;
	box->arg = arg;
	run_begin(box, allowance);
	lua_rawgeti(box->L, LUA_REGISTRYINDEX, KEY_TRAMPOLINE);
	status = lua_pcall(box->L, 0, 0, 0);
	run_end(box, allowance);
	if (status != 0 || box->tripped != USH_OK)
		return run_failed(box, status, err);
	if (!box->settled)
		settle(box);
	return USH_OK;
}

static int
l_set_up(lua_State *L)
{
	/* Measured: a smaller stepmul fails on garbage below the limit; a full
	 * collection takes 80,000 instructions, and a longer pause memory. */
	lua_gc(L, LUA_GCSETPAUSE, PAUSE);
	lua_gc(L, LUA_GCSETSTEPMUL, 100000);
	lua_pushcfunction(L, l_trampoline);
	lua_rawseti(L, LUA_REGISTRYINDEX, KEY_TRAMPOLINE);
	ush_surface_open(L);
	return 0;
}

struct ush_box *
ush_box_new(const struct ush_box_host *host)
{
	struct ush_box *box = calloc(1, sizeof *box);

	if (!box)
		return NULL;
	box->host = *host;
	box->trace = ush_tracing;
	/* lua_newstate of older LuaJITs can't take a refusal: no limit yet. */
	ush_alloc_init(&box->alloc, SIZE_MAX);
	if (ush_alloc_reserve(&box->alloc) == 0)
		box->L = lua_newstate(ush_alloc_lua, box);
	if (!box->L) {
		ush_alloc_fini(&box->alloc);
		free(box);
		return NULL;
	}
	box->alloc.limit = host->memory_limit;
	box->alloc.alarm = on_alarm;
	box->alloc.pressure = on_pressure;
	box->alloc.alarm_arg = box;
	box->alloc.traffic_limit = TRAFFIC_LIMIT;
	box->alloc.fail_at = host->fail_allocation;
	if (lua_cpcall(box->L, l_set_up, NULL) != 0) {
		ush_box_free(box);
		return NULL;
	}
	return box;
}

void
ush_box_free(struct ush_box *box)
{
	if (!box)
		return;
	lua_close(box->L);
	ush_alloc_fini(&box->alloc);
	free(box);
}

bool
ush_box_is_sound(const struct ush_box *box)
{
	return !box->alloc.failed;
}

size_t
ush_box_memory(const struct ush_box *box)
{
	return box->alloc.used;
}

uint64_t
ush_box_spent(const struct ush_box *box)
{
	return box->spent;
}

void
ush_box_random(struct ush_box *box, void *buf, size_t len)
{
	box->host.random(buf, len);
}

int64_t
ush_box_now(struct ush_box *box)
{
	return box->host.now();
}

double
ush_box_cpu_seconds(struct ush_box *box)
{
	return (double)box->host.cpu() / 1e9;
}

void
ush_box_print(struct ush_box *box, const char *text, size_t len)
{
	if (box->host.print)
		box->host.print(box->host.print_arg, text, len);
}

size_t
ush_box_memory_limit(struct ush_box *box)
{
	return box->host.memory_limit;
}

void
ush_box_fail_allocation(struct ush_box *box, uint64_t n)
{
	box->alloc.fail_at = n;
}
