/*
 * SPDX-License-Identifier: MIT
 *
 * `require`. The first state of a generation, the staging state, has modules
 * read and compiled; all others load the bytecode that was made then. A
 * module's value is kept for the state. What goes wrong in a module is told
 * with the places that required it, innermost first:
 *
 *	lists.lua:3: boom; required at net.lua:1; required at policy.lua:7
 */
#include "policy/require.h"

#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

#include "lib/builtin.h"
#include "policy/datasets.h"
#include "policy/loading.h"
#include "policy/modules.h"
#include "policy/storage.h"
#include "sandbox/budget.h"
#include "sandbox/report.h"
#include "sandbox/surface.h"

enum {
	UP_STATE = 1,
	UP_LOADED,
	CALL_UNITS = 50,
	SHOWN = 64,
	FILE_ROOM = 128,
	CHAIN = 400, /* bytes of a cycle in a message */
};

/* A module whose top level runs; on the C stack. */
struct ush_requiring {
	const struct ush_module *module;
	struct ush_requiring *by;
};

/* The file that runs now: its chunk's name without the "@". */
static const char *
current_file(const struct ush_state *state)
{
	return state->requiring ? state->requiring->module->chunk + 1
				: state->generation->chunk + 1;
}

/* Writes the file of the Lua that called us, and returns the line; 0 if it was
 * not Lua, or ended with the call. */
static int
find_place(lua_State *L, const struct ush_state *state, char file[FILE_ROOM])
{
	lua_Debug ar;
	bool found = lua_getstack(L, 1, &ar) && lua_getinfo(L, "Sl", &ar) &&
		     ar.currentline > 0;

	snprintf(
	    file, FILE_ROOM, "%s", found ? ar.short_src : current_file(state));
	return found ? ar.currentline : 0;
}

/* Raises what went wrong in a require that came from Lua. [-0, +0, e] */
static int
raise(
    lua_State *L, struct ush_state *state, enum ush_code code, const char *text)
{
	char file[FILE_ROOM];
	int line = find_place(L, state, file);

	if (state->generation->loading)
		ush_loading_failed(state->generation->loading, code, text);
	lua_pushfstring(L, "%s:%d: %s", file, line, text);
	return lua_error(L);
}

/* A message handler: a text that does not say where it was raised gets its
 * place, while the module's frames are there. [-1, +1, e] */
static int
l_add_place(lua_State *L)
{
	char place[FILE_ROOM];

	if (lua_type(L, 1) != LUA_TSTRING ||
	    ush_report_has_place(lua_tostring(L, 1)))
		return 1;
	ush_report_caller(L, place, sizeof place);
	lua_pushstring(L, place);
	lua_insert(L, 1);
	lua_concat(L, 2);
	return 1;
}

/* The error is on top; adds who required the module. [-0, +0, e] */
static int
raise_through(lua_State *L, const struct ush_state *state)
{
	char file[FILE_ROOM];
	int line;

	if (lua_type(L, -1) == LUA_TSTRING) {
		line = find_place(L, state, file);
		if (line > 0)
			lua_pushfstring(L, "; required at %s:%d", file, line);
		else
			lua_pushfstring(L, "; required by %s", file);
		lua_concat(L, 2);
	}
	return lua_error(L);
}

/*
 * Names
 */

static const char *
name_arg(lua_State *L, struct ush_state *state)
{
	char shown[SHOWN], text[256];
	const char *name;
	size_t len;

	luaL_checktype(L, 1, LUA_TSTRING);
	name = lua_tolstring(L, 1, &len);
	if (ush_module_allows(name, len))
		return name;
	ush_escape(shown, sizeof shown, name, len);
	snprintf(text, sizeof text,
	    "'%s' is no module's name; it has letters, digits and '_', a "
	    "single '.' between folders, and at most %d bytes",
	    shown, USH_MODULE_NAME_MAX);
	raise(L, state, USH_ERROR_SCRIPT, text);
	return NULL;
}

/* Writes "a requires b requires " for the modules from `from` inwards. */
static void
write_chain(const struct ush_requiring *at, const struct ush_module *from,
    char *to, size_t cap)
{
	size_t len;

	if (at->module != from)
		write_chain(at->by, from, to, cap);
	len = strlen(to);
	snprintf(to + len, cap - len, "%s requires ", at->module->name);
}

static void
check_cycle(
    lua_State *L, struct ush_state *state, const struct ush_module *module)
{
	const struct ush_requiring *at = state->requiring;
	char chain[CHAIN] = "", text[CHAIN + 128];

	while (at && at->module != module)
		at = at->by;
	if (!at)
		return;
	write_chain(state->requiring, module, chain, sizeof chain);
	snprintf(text, sizeof text,
	    "module '%s' requires itself: %s%s; move what both need into a "
	    "third one",
	    module->name, chain, module->name);
	raise(L, state, USH_ERROR_SCRIPT, text);
}

/*
 * Loading
 */

static int
raise_missing(lua_State *L, struct ush_state *state, const char *name)
{
	char text[256];
	const char *near = NULL;

	if (ush_builtin_owns(name) && !ush_embedded_find(name)) {
		near = ush_builtin_near(name);
		snprintf(text, sizeof text,
		    "there is no module '%s' in the library%s%s%s", name,
		    near ? "; did you mean '" : "", near ? near : "",
		    near ? "'?" : "");
		return raise(L, state, USH_ERROR_FILE, text);
	}
	snprintf(text, sizeof text,
	    "module '%s' was not loaded with the script; require it at the "
	    "script's top level, not in a handshake",
	    name);
	return raise(L, state, USH_ERROR_SCRIPT, text);
}

/* Out of line: the error struct must not stay on the stack while the module
 * runs. */
static __attribute__((noinline)) const struct ush_module *
load_module(lua_State *L, struct ush_state *state, const char *name)
{
	char text[sizeof((struct ush_error *)0)->message];
	const struct ush_module *module;
	struct ush_error err;

	ush_loading_pause();
	module = ush_module_load(state->generation, name, &err);
	ush_loading_resume();
	if (module)
		return module;
	if (err.code == USH_ERROR_SYNTAX || err.code == USH_ERROR_MEMORY) {
		/* It has the place in the module's own file. */
		ush_loading_failed(
		    state->generation->loading, err.code, err.message);
		lua_pushstring(L, err.message);
		raise_through(L, state);
	}
	snprintf(text, sizeof text, "module '%s': %.600s", name, err.message);
	raise(L, state, err.code, text);
	return NULL;
}

static const struct ush_module *
get_module(lua_State *L, struct ush_state *state, const char *name)
{
	const struct ush_module *module =
	    ush_module_find(state->generation, name);

	if (module)
		return module;
	if (!state->generation->loading ||
	    (ush_builtin_owns(name) && !ush_embedded_find(name)))
		raise_missing(L, state, name);
	return load_module(L, state, name);
}

/* Runs the module's top level, with its name as argument as Lua's require does.
 * [-0, +1, e] */
static void
run_module(
    lua_State *L, struct ush_state *state, const struct ush_module *module)
{
	struct ush_requiring requiring = {module, state->requiring};
	int handler, status;

	ush_budget_check_stack(L);
	lua_pushcfunction(L, l_add_place);
	handler = lua_gettop(L);
	/* Our own bytecode, made by ush_module_load. */
	if (luaL_loadbufferx(
		L, module->bytecode, module->bytecode_len, module->chunk, "b"))
		lua_error(L);
	ush_surface_env(L);
	lua_setfenv(L, -2);
	lua_pushvalue(L, 1);
	state->requiring = &requiring;
	status = lua_pcall(L, 1, 1, handler);
	state->requiring = requiring.by;
	ush_budget_check(L);
	lua_remove(L, handler);
	if (status == LUA_ERRERR) /* no room for the handler, even */
		lua_pushliteral(L, "stack overflow");
	if (status != 0)
		raise_through(L, state);
}

/* Keeps the value on top as Lua's require does: nil becomes true, and false is
 * no value, so that the module runs again. [-0, +0, e] */
static void
keep(lua_State *L)
{
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		lua_pushboolean(L, 1);
	}
	lua_pushvalue(L, 1);
	lua_pushvalue(L, -2);
	lua_rawset(L, lua_upvalueindex(UP_LOADED));
}

static int
l_require(lua_State *L)
{
	struct ush_state *state = lua_touserdata(L, lua_upvalueindex(UP_STATE));
	const char *name = name_arg(L, state);
	const struct ush_builtin *builtin;
	const struct ush_module *module;

	lua_settop(L, 1);
	ush_budget_charge(L, CALL_UNITS);
	lua_pushvalue(L, 1);
	lua_rawget(L, lua_upvalueindex(UP_LOADED));
	if (lua_toboolean(L, -1))
		return 1;
	builtin = ush_builtin_find(name);
	if (builtin) {
		builtin->open(L);
	} else {
		module = get_module(L, state, name);
		check_cycle(L, state, module);
		run_module(L, state, module);
	}
	keep(L);
	return 1;
}

/*
 * For the library
 */

static void
log_line(void *arg, enum ush_log_level level, const char *text, size_t len)
{
	const struct ush_state *state = arg;
	struct ush_generation *g = state->generation;

	ush_log_write(&g->engine->log, level, USH_LOG_SCRIPT, "%s: %.*s",
	    g->label, (int)len, text);
}

static const struct ush_set *
get_data(void *arg, const struct ush_set_wish *wish, char *why, size_t cap)
{
	struct ush_state *state = arg;
	struct ush_generation *g = state->generation;
	const struct ush_set *set;
	struct ush_error err;

	if (state->ready) {
		snprintf(why, cap,
		    "data files are read when the script is loaded; ask for "
		    "them at its top level, not in a handshake");
		return NULL;
	}
	ush_loading_pause();
	set = ush_dataset_get(g, wish, &err);
	ush_loading_resume();
	if (set)
		return set;
	snprintf(why, cap, "%s", err.message);
	if (g->loading)
		ush_loading_failed(g->loading, err.code, why);
	else if (err.code == USH_ERROR_SYSTEM)
		ush_box_starve(state->box);
	return NULL;
}

void
ush_require_open(lua_State *L, struct ush_state *state)
{
	state->lib.arg = state;
	state->lib.log = log_line;
	state->lib.data = get_data;
	state->lib.store = ush_storage_view;
	ush_lib_host_set(L, &state->lib);
	lua_pushlightuserdata(L, state);
	lua_newtable(L);
	lua_pushcclosure(L, l_require, 2);
	ush_surface_set(L, "require");
}
