/*
 * SPDX-License-Identifier: MIT
 *
 * Policies in Lua: loading one, as a server would, and what can be asked of it
 * without a handshake.
 */
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "base/clock.h"
#include "base/near.h"
#include "cli/core.h"
#include "sandbox/surface.h"
#include "usher_inner.h"

struct ush_core_policy *
ush_core_policy_check(lua_State *L, int index)
{
	struct ush_core_policy *p = luaL_checkudata(L, index, USH_CORE_POLICY);

	if (!p->usher)
		luaL_error(L, "the policy is closed");
	return p;
}

void
ush_core_push_error(lua_State *L, const struct ush_error *err)
{
	static const char *const codes[] = {
	    [USH_OK] = "ok",
	    [USH_ERROR_ARGUMENT] = "argument",
	    [USH_ERROR_SYSTEM] = "system",
	    [USH_ERROR_FILE] = "file",
	    [USH_ERROR_SYNTAX] = "syntax",
	    [USH_ERROR_SCRIPT] = "script",
	    [USH_ERROR_RETURN] = "return",
	    [USH_ERROR_INSTRUCTIONS] = "instructions",
	    [USH_ERROR_CPU_TIME] = "cpu_time",
	    [USH_ERROR_MEMORY] = "memory",
	    [USH_ERROR_APP_DATA] = "app_data",
	    [USH_ERROR_CONTEXT] = "context",
	};

	lua_createtable(L, 0, 4);
	lua_pushstring(L, codes[err->code]);
	lua_setfield(L, -2, "code");
	lua_pushinteger(L, err->line);
	lua_setfield(L, -2, "line");
	lua_pushstring(L, err->script);
	lua_setfield(L, -2, "script");
	lua_pushstring(L, err->message);
	lua_setfield(L, -2, "message");
}

static void
on_log(void *arg, enum usher_log_level level, const char *message)
{
	struct ush_core_policy *p = arg;

	(void)level;
	ush_buffer_printf(&p->log, "%s\n", message);
}

static void
on_decision(void *arg, const struct usher_decision *decision)
{
	struct ush_core_policy *p = arg;

	if (p->notes)
		ush_visit_note(p->notes, decision);
}

/* The number of an option, or 0 where it is not given. [-0, +0, e] */
static double
number_option(lua_State *L, const char *name)
{
	double n = 0;

	lua_getfield(L, 3, name);
	if (!lua_isnil(L, -1)) {
		if (lua_type(L, -1) != LUA_TNUMBER)
			luaL_error(L, "%s takes a number, not a %s", name,
			    luaL_typename(L, -1));
		n = lua_tonumber(L, -1);
		if (!(n >= 1 && n <= 9e15))
			luaL_error(L, "%s is out of range", name);
	}
	lua_pop(L, 1);
	return n;
}

/* What the options table says, which was looked at before. Plain C. */
struct wanted {
	double instructions, cpu_time, memory, app_data;
	const char *on_error;
	const char *path, *text;
	size_t text_len;
};

static const char *
set_limits(struct usher_options *o, const struct wanted *w)
{
	if (w->instructions > 0 && usher_options_set_instruction_limit(
				       o, (uint64_t)w->instructions) != 0)
		return "instruction_limit is out of range";
	if (w->cpu_time > 0 &&
	    (w->cpu_time > UINT32_MAX || usher_options_set_cpu_time_limit(o,
					     (unsigned int)w->cpu_time) != 0))
		return "cpu_time_limit is out of range";
	if (w->memory > 0 &&
	    usher_options_set_memory_limit(o, (size_t)w->memory) != 0)
		return "memory_limit is out of range: at least 262144 bytes";
	if (w->app_data > 0 &&
	    usher_options_set_app_data_limit(o, (size_t)w->app_data) != 0)
		return "app_data_limit is out of range: 63000 bytes at most";
	return NULL;
}

static const char *
set_on_error(struct usher_options *o, const char *name)
{
	static const char *const names[] = {"full_handshake", "abort", "open"};

	for (int i = 0; i < 3; i++)
		if (name && strcmp(name, names[i]) == 0) {
			usher_options_set_on_error(o, (enum usher_on_error)i);
			return NULL;
		}
	return name ? "on_error takes full_handshake, abort or open" : NULL;
}

/* NULL, or what is wrong with the options; what is wrong with the script is in
 * *err. */
static const char *
load(struct ush_core_policy *p, const struct wanted *w, struct usher_error *err)
{
	struct usher_options *o = usher_options_new();
	const char *wrong = "out of memory";
	bool engineless;
	int set;

	err->code = USHER_OK;
	if (!o)
		return wrong;
	wrong = set_limits(o, w);
	if (!wrong)
		wrong = set_on_error(o, w->on_error);
	set = w->text ? usher_options_set_script_text(
			    o, w->path, w->text, w->text_len)
		      : usher_options_set_script_file(o, w->path);
	if (!wrong && set != 0)
		wrong = "the policy's path is empty";
	usher_options_set_log(o, on_log, p);
	usher_options_set_decision(o, on_decision, p);
	if (!wrong)
		p->usher = usher_new(o, err);
	usher_options_free(o);
	if (!p->usher)
		return wrong;
	atomic_store(&p->engine, p->usher->engine);
	p->limits = p->usher->engine->limits;
	p->slot = ush_pool_pin(&p->engine, NULL, &engineless);
	return p->slot ? NULL : "out of memory";
}

/* The first line of an error says which script; a text has its name. */
static void
take_wanted(lua_State *L, struct wanted *w)
{
	luaL_checktype(L, 3, LUA_TTABLE);
	w->path = luaL_checkstring(L, 1);
	w->text = luaL_optlstring(L, 2, NULL, &w->text_len);
	w->instructions = number_option(L, "instruction_limit");
	w->cpu_time = number_option(L, "cpu_time_limit");
	w->memory = number_option(L, "memory_limit");
	w->app_data = number_option(L, "app_data_limit");
	lua_getfield(L, 3, "on_error");
	w->on_error = luaL_optstring(L, -1, NULL);
}

/* policy(path, text, options). [-3, +1 or 2, e] */
static int
l_policy(lua_State *L)
{
	struct wanted wanted = {0};
	struct ush_core_policy *p;
	struct usher_error err;
	const char *wrong;

	take_wanted(L, &wanted);
	p = lua_newuserdata(L, sizeof *p);
	memset(p, 0, sizeof *p);
	luaL_getmetatable(L, USH_CORE_POLICY);
	lua_setmetatable(L, -2);
	p->path = wanted.text ? NULL : strdup(wanted.path);
	ush_core_trace_begin(p->path);
	wrong = load(p, &wanted, &err);
	if (wrong)
		return luaL_error(L, "%s", wrong);
	if (p->usher)
		return 1;
	lua_pushnil(L);
	ush_core_push_error(L, (const struct ush_error *)&err);
	return 2;
}

static int
l_policy_close(lua_State *L)
{
	struct ush_core_policy *p = luaL_checkudata(L, 1, USH_CORE_POLICY);

	if (p->slot)
		ush_pool_unpin(p->slot);
	p->slot = NULL;
	usher_free(p->usher);
	p->usher = NULL;
	free(p->path);
	p->path = NULL;
	ush_buffer_fini(&p->log);
	return 0;
}

/* What was printed and logged since the last time, a line each. [-1, +1, e] */
static int
l_policy_log(lua_State *L)
{
	struct ush_core_policy *p = ush_core_policy_check(L, 1);
	const char *text = ush_buffer_text(&p->log);

	lua_pushstring(L, text ? text : "");
	ush_buffer_reset(&p->log);
	return 1;
}

/* The limits and what the script has. [-1, +1, e] */
static int
l_policy_info(lua_State *L)
{
	struct ush_core_policy *p = ush_core_policy_check(L, 1);
	const struct ush_generation *g = ush_pool_generation(p->slot);

	lua_newtable(L);
	lua_pushnumber(L, (double)p->limits.instructions);
	lua_setfield(L, -2, "instruction_limit");
	lua_pushnumber(L, (double)p->limits.memory);
	lua_setfield(L, -2, "memory_limit");
	lua_pushnumber(L, (double)p->limits.microseconds);
	lua_setfield(L, -2, "cpu_time_limit");
	lua_pushnumber(L, (double)p->limits.app_data);
	lua_setfield(L, -2, "app_data_limit");
	lua_pushboolean(L, g->has_decrypt);
	lua_setfield(L, -2, "decrypt");
	lua_pushboolean(L, g->has_generate);
	lua_setfield(L, -2, "generate");
	if (g->has_name) {
		lua_pushstring(L, g->name);
		lua_setfield(L, -2, "name");
	}
	lua_pushstring(L, g->revision_hex);
	lua_setfield(L, -2, "revision");
	return 1;
}

void
ush_core_policy_open(lua_State *L)
{
	static const luaL_Reg methods[] = {
	    {"call", ush_core_call},
	    {"envelope", ush_core_envelope},
	    {"log", l_policy_log},
	    {"info", l_policy_info},
	    {"close", l_policy_close},
	    {"__gc", l_policy_close},
	    {NULL, NULL},
	};
	static const luaL_Reg functions[] = {
	    {"policy", l_policy},
	    {NULL, NULL},
	};

	luaL_newmetatable(L, USH_CORE_POLICY);
	lua_pushvalue(L, -1);
	lua_setfield(L, -2, "__index");
	luaL_setfuncs(L, methods, 0);
	lua_pop(L, 1);
	luaL_setfuncs(L, functions, 0);
}
