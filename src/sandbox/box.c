/*
 * SPDX-License-Identifier: MIT
 *
 * Making a box, and the one protected call. What a run may spend is budget.c's.
 */
#include "sandbox/box_inner.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <lauxlib.h>

#include "base/calendar.h"
#include "sandbox/budget.h"
#include "sandbox/report.h"
#include "sandbox/surface.h"

enum {
	/* Kept functions are at the registry's keys from 1 on, and in the
	 * stack's lowest slots, which cost less to push. (Any stack of Lua's
	 * has room for them, their arguments and their answers.) The message
	 * handler: on the stack it comes right above them. */
	KEY_HANDLER = USH_BOX_SLOTS + 1,
	KEY_TRAMPOLINE,
};

struct ush_box *
ush_box_of(lua_State *L)
{
	void *ud;

	lua_getallocf(L, &ud);
	return ud;
}

/* The message handler: an error that does not say where it was raised (it is no
 * string, or error's level was 0) has a place nevertheless. */
static int
l_handler(lua_State *L)
{
	ush_budget_note_caller(ush_box_of(L));
	return 1;
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
	lua_rawseti(L, LUA_REGISTRYINDEX, (int)slot + 1);
	ush_box_of(L)->settled = false;
}

static void
settle(struct ush_box *box)
{
	lua_settop(box->L, 0);
	for (int key = 1; key <= KEY_HANDLER; key++)
		lua_rawgeti(box->L, LUA_REGISTRYINDEX, key);
	box->height = lua_gettop(box->L);
	box->settled = true;
}

/* The error object is on top of the stack; nothing here may raise. */
static enum ush_code
run_failed(struct ush_box *box, int status, struct ush_error *err)
{
	enum ush_code code = box->tripped;
	char text[80];

	if (code == USH_OK && status == LUA_ERRMEM)
		code = USH_ERROR_MEMORY;
	box->alloc.failed |= code == USH_ERROR_MEMORY;
	if (code == USH_ERROR_MEMORY && box->alloc.starved)
		code = USH_ERROR_SYSTEM;
	if (code != USH_OK) {
		ush_report(err, code, box->where, ush_report_limit(code));
	} else if (status == LUA_ERRERR) {
		/* Not even the handler has room; it raises nothing. */
		ush_report(err, USH_ERROR_SCRIPT, "", "stack overflow");
	} else if (lua_type(box->L, -1) == LUA_TSTRING) {
		ush_report(err, USH_ERROR_SCRIPT, box->where,
		    lua_tostring(box->L, -1));
	} else {
		snprintf(text, sizeof text,
		    "the script raised an error that is no string, but a %s",
		    lua_typename(box->L, lua_type(box->L, -1)));
		ush_report(err, USH_ERROR_SCRIPT, box->where, text);
	}
	lua_settop(box->L, box->height);
	return code == USH_OK ? USH_ERROR_SCRIPT : code;
}

enum ush_code
ush_box_call(struct ush_box *box, const struct ush_box_entry *entry,
    ush_box_answer_fn answer, void *arg, struct ush_allowance *allowance,
    struct ush_error *err)
{
	int fn = (int)entry->slot + 1, status;
	enum ush_code code = USH_OK;
	lua_State *L = box->L;

	ush_budget_begin(box, allowance);
	lua_pushvalue(L, fn);
	lua_pushlightuserdata(L, entry->first);
	lua_pushlightuserdata(L, entry->second);
	status = lua_pcall(L, 2, 2, KEY_HANDLER);
	if (status == 0 && box->tripped == USH_OK)
		code = answer(L, fn, arg, err);
	ush_budget_end(box, allowance);
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
	ush_budget_begin(box, allowance);
	lua_rawgeti(box->L, LUA_REGISTRYINDEX, KEY_HANDLER);
	lua_rawgeti(box->L, LUA_REGISTRYINDEX, KEY_TRAMPOLINE);
	status = lua_pcall(box->L, 0, 0, -2);
	ush_budget_end(box, allowance);
	if (status != 0 || box->tripped != USH_OK)
		return run_failed(box, status, err);
	lua_pop(box->L, 1);
	if (!box->settled)
		settle(box);
	return USH_OK;
}

/* [-0, +0, e] */
static void
find_stack(lua_State *L)
{
	struct ush_box *box = ush_box_of(L);

	lua_setallocf(L, ush_alloc_find_stack, box);
	luaL_checkstack(L, 2 * LUA_MINSTACK, NULL);
	lua_setallocf(L, ush_alloc_lua, box);
	if (!box->alloc.stack)
		luaL_error(L, "LuaJIT's stack is not to be found");
}

static int
l_set_up(lua_State *L)
{
	find_stack(L);
	/* Measured: a smaller stepmul fails on garbage below the limit; a full
	 * collection takes 80,000 instructions, and a longer pause memory. */
	lua_gc(L, LUA_GCSETPAUSE, USH_BOX_PAUSE);
	lua_gc(L, LUA_GCSETSTEPMUL, 100000);
	lua_pushcfunction(L, l_handler);
	lua_rawseti(L, LUA_REGISTRYINDEX, KEY_HANDLER);
	lua_pushcfunction(L, l_trampoline);
	lua_rawseti(L, LUA_REGISTRYINDEX, KEY_TRAMPOLINE);
	ush_surface_open(L);
	return 0;
}

struct ush_box *
ush_box_new(const struct ush_box_host *host)
{
	struct ush_box *box = calloc(1, sizeof *box);
	bool unfit;

	if (!box)
		return NULL;
	ush_calendar_start();
	box->host = *host;
	box->trace = ush_tracing;
	/* lua_newstate of older LuaJITs can't take a refusal: no limit yet. */
	ush_alloc_init(&box->alloc, SIZE_MAX);
	if (ush_alloc_reserve(&box->alloc) == 0)
		box->L = lua_newstate(ush_alloc_lua, box);
	if (!box->L) {
		ush_alloc_fini(&box->alloc);
		free(box);
		errno = ENOMEM;
		return NULL;
	}
	box->alloc.limit = host->memory_limit;
	ush_budget_watch(box);
	box->alloc.fail_at = host->fail_allocation;
	if (lua_cpcall(box->L, l_set_up, NULL) != 0) {
		unfit = !box->alloc.failed && !box->alloc.stack;
		ush_box_free(box);
		errno = unfit ? ENOTSUP : ENOMEM;
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
	return !box->alloc.failed && !box->alloc.overflow &&
	       box->alloc.stack_slots <= USH_STACK_LARGE;
}

void
ush_box_retire(struct ush_box *box)
{
	box->alloc.failed = true;
}

void
ush_box_starve(struct ush_box *box)
{
	ush_alloc_starve(&box->alloc);
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
