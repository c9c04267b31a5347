/*
 * SPDX-License-Identifier: MIT
 *
 * A state is set up once: the script's bytecode is loaded and its top level
 * run, the table it returned is looked through, and decrypt and generate are
 * kept in the box. The handles they take are made for each call.
 */
#include "policy/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <luajit.h>

#include "base/clock.h"
#include "base/near.h"
#include "lib/crypto.h"
#include "policy/answer.h"
#include "policy/loading.h"
#include "policy/require.h"
#include "policy/storage.h"
#include "sandbox/surface.h"

enum {
	SLOT_DECRYPT,
	SLOT_GENERATE,
};

static enum ush_code
finish(struct ush_state *state, enum ush_code code, struct ush_error *err)
{
	ush_objects_close(state->objects);
	if (ush_objects_are_spent(state->objects))
		ush_box_retire(state->box);
	if (code != USH_OK)
		ush_generation_relabel(state->generation, err);
	return code;
}

enum ush_code
ush_state_decrypt(struct ush_state *state, struct ush_decrypt *call,
    struct ush_allowance *allowance, struct ush_error *err)
{
	struct ush_handles handles;
	struct ush_box_entry entry = {.slot = SLOT_DECRYPT};
	enum ush_code code;

	call->reason[0] = '\0';
	ush_objects_open_decrypt(state->objects, call->facts, &handles);
	entry.first = handles.conn;
	entry.second = handles.ticket;
	code = ush_box_call(
	    state->box, &entry, ush_answer_decrypt, call, allowance, err);
	return finish(state, code, err);
}

enum ush_code
ush_state_generate(struct ush_state *state, struct ush_generate *call,
    struct ush_allowance *allowance, struct ush_error *err)
{
	struct ush_generate_run run = {state, call};
	struct ush_handles handles;
	struct ush_box_entry entry = {.slot = SLOT_GENERATE};
	enum ush_code code;

	call->reason[0] = '\0';
	ush_objects_open_generate(state->objects, call->facts, &handles);
	entry.first = handles.conn;
	entry.second = handles.ticket;
	code = ush_box_call(
	    state->box, &entry, ush_answer_generate, &run, allowance, err);
	return finish(state, code, err);
}

/*
 * Setting up
 */

struct set_up {
	struct ush_state *state;
	bool staging;
	bool selftest; /* out: is there one? */
};

static const char *const fields[] = {
    "name", "api", "generate", "decrypt", "selftest"};

enum { API = 1 };

#define KEY_SELFTEST "selftest" /* in the registry, of a staging state */

/* Errors about the returned table know no line: the loader finds it in the
 * source. [-0, +0, e] */
static int
raise_shape(lua_State *L, const char *fmt, const char *a, const char *b)
{
	lua_pushfstring(L, fmt, a, b);
	return lua_error(L);
}

static void
check_field(lua_State *L, const char *key)
{
	bool known = false;
	const char *near;

	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		known = known || strcmp(fields[i], key) == 0;
	if (known)
		return;
	near = ush_near(key, fields, sizeof fields / sizeof *fields);
	if (near)
		raise_shape(L,
		    "the policy has an unknown field '%s'; did you mean '%s'?",
		    key, near);
	raise_shape(L,
	    "the policy has an unknown field '%s'; its fields are name, api, "
	    "generate, decrypt, selftest",
	    key, NULL);
}

/* The policy's table is on top of the stack. [-0, +0, e] */
static void
check_fields(lua_State *L)
{
	lua_pushnil(L);
	while (lua_next(L, -2)) {
		if (lua_type(L, -2) != LUA_TSTRING)
			raise_shape(L,
			    "the policy's table has a %s as a key; its fields "
			    "are name, api, generate, decrypt, selftest",
			    luaL_typename(L, -2), NULL);
		check_field(L, lua_tostring(L, -2));
		lua_pop(L, 1);
	}
}

/* Pushes a field of the table on top, raising if it has another type than
 * `type` or nil. True if it is there. [-0, +1, e] */
static bool
get_field(lua_State *L, const char *field, int type)
{
	lua_pushstring(L, field);
	lua_rawget(L, -2);
	if (lua_isnil(L, -1))
		return false;
	if (lua_type(L, -1) != type) {
		lua_pushfstring(
		    L, "'%s' must be a %s", field, lua_typename(L, type));
		raise_shape(L, "the policy's field %s, not a %s",
		    lua_tostring(L, -1), luaL_typename(L, -2));
	}
	return true;
}

static void
take_name(lua_State *L, struct ush_generation *g)
{
	const char *name;
	size_t len;

	g->has_name = get_field(L, "name", LUA_TSTRING);
	if (g->has_name) {
		name = lua_tolstring(L, -1, &len);
		if (len == 0 || len > USH_NAME_MAX || strlen(name) != len)
			raise_shape(L,
			    "the policy's name must have 1 to 64 bytes, none "
			    "of them NUL",
			    NULL, NULL);
		memcpy(g->name, name, len + 1);
		g->name_len = len;
	}
	lua_pop(L, 1);
}

static void
check_api(lua_State *L)
{
	if (get_field(L, "api", LUA_TNUMBER) && lua_tonumber(L, -1) != API)
		raise_shape(L,
		    "the policy asks for api %s; this library has api 1",
		    lua_tostring(L, -1), NULL);
	lua_pop(L, 1);
}

/* Keeps the function in the field of that name of the table on top. [-0, +0, e]
 */
static bool
keep_function(lua_State *L, const char *field, unsigned int slot)
{
	bool there = get_field(L, field, LUA_TFUNCTION);

	if (there)
		ush_box_keep(L, slot);
	else
		lua_pop(L, 1);
	return there;
}

static void
take_policy(lua_State *L, struct ush_state *state, bool staging)
{
	struct ush_generation *g = state->generation;
	int table = lua_gettop(L);
	bool decrypt, generate;

	if (lua_type(L, table) != LUA_TTABLE)
		raise_shape(L,
		    "the script must return a table with its functions "
		    "generate and decrypt; it returned %s%s",
		    lua_isnil(L, table) ? "" : "a ", luaL_typename(L, table));
	check_fields(L);
	check_api(L);
	state->objects = ush_objects_new(L);
	decrypt = keep_function(L, "decrypt", SLOT_DECRYPT);
	generate = keep_function(L, "generate", SLOT_GENERATE);
	if (staging) {
		g->has_decrypt = decrypt;
		g->has_generate = generate;
		take_name(L, g);
	} else if (decrypt != g->has_decrypt || generate != g->has_generate) {
		raise_shape(L,
		    "the script's table has other functions than when it was "
		    "loaded",
		    NULL, NULL);
	}
}

/* Runs the script's top level, and pushes what it returned first. [-0, +1, e]
 */
static void
run_script(lua_State *L, struct ush_generation *g)
{
	int top = lua_gettop(L);

	/* Our own bytecode, made by ush_generation_load. */
	if (luaL_loadbufferx(L, g->bytecode, g->bytecode_len, g->chunk, "b"))
		lua_error(L);
	ush_surface_env(L);
	lua_setfenv(L, -2);
	lua_call(L, 0, LUA_MULTRET);
	if (g->loading) {
		g->loading->looking = true;
		g->loading->returned_nothing = lua_gettop(L) == top;
	}
	if (lua_gettop(L) == top)
		raise_shape(L,
		    "the script returns nothing; end it by returning the table "
		    "with its functions, as in: return { generate = generate, "
		    "decrypt = decrypt }",
		    NULL, NULL);
	lua_settop(L, top + 1);
}

static void
set_up(lua_State *L, void *arg)
{
	struct set_up *set = arg;
	struct ush_generation *g = set->state->generation;

	ush_require_open(L, set->state);
	run_script(L, g);
	take_policy(L, set->state, set->staging);
	if (set->staging) {
		set->selftest = get_field(L, "selftest", LUA_TFUNCTION);
		lua_setfield(L, LUA_REGISTRYINDEX, KEY_SELFTEST);
	}
	lua_settop(L, 0);
	if (g->loading)
		g->loading->looking = false;
	/* What setting up has left behind would stay for long. */
	lua_gc(L, LUA_GCCOLLECT, 0);
}

static void
random_bytes(void *buf, size_t len)
{
	ush_random(buf, len);
}

static void
print_line(void *arg, const char *text, size_t len)
{
	struct ush_generation *g = arg;

	ush_log_write(&g->engine->log, USH_LOG_INFO, USH_LOG_PRINT, "%s: %.*s",
	    g->label, (int)len, text);
}

/* What a script's top level may spend when it is loaded. */
static struct ush_allowance
set_up_limit(const struct ush_limits *limits)
{
	return (struct ush_allowance){
	    .instructions = limits->instructions * USH_LOAD_FACTOR,
	    .cpu_ns = (uint64_t)limits->microseconds * 1000 *
		      USH_TOP_LEVEL_CPU_FACTOR};
}

static void
call_selftest(lua_State *L, void *arg)
{
	(void)arg;
	lua_getfield(L, LUA_REGISTRYINDEX, KEY_SELFTEST);
	lua_call(L, 0, 0);
}

/* selftest gets what the top level has left, and the time that loading has. */
static enum ush_code
run_selftest(struct ush_state *state, struct ush_allowance *allowance,
    struct ush_error *err)
{
	const struct ush_limits *limits = &state->generation->engine->limits;

	allowance->cpu_ns += (uint64_t)limits->microseconds * 1000 *
			     (USH_LOAD_FACTOR - USH_TOP_LEVEL_CPU_FACTOR);
	return ush_box_run(state->box, call_selftest, NULL, allowance, err);
}

static int
state_build(struct ush_state *state, bool staging,
    struct ush_allowance *allowance, struct ush_error *err)
{
	struct ush_generation *g = state->generation;
	const struct ush_limits *limits = &g->engine->limits;
	struct ush_box_host host = {
	    .memory_limit = limits->memory,
	    .random = random_bytes,
	    .now = ush_clock_now,
	    .cpu = staging ? ush_loading_cpu : ush_clock_thread_ns,
	    .print = print_line,
	    .print_arg = g,
	};
	struct set_up set = {state, staging, false};
	enum ush_code code;

	state->buffer = malloc(limits->app_data);
	state->box = ush_box_new(&host);
	if (state->buffer && !state->box && errno == ENOTSUP)
		return ush_error_set(err, USH_ERROR_SYSTEM, NULL, 0,
		    "this LuaJIT (built for " LUAJIT_VERSION ") manages its "
		    "stack in a way that is not known to be safe; install "
		    "LuaJIT 2.1 with GC64 (Debian package: libluajit-5.1-2)");
	if (!state->buffer || !state->box)
		return ush_error_set(err, USH_ERROR_SYSTEM, NULL, 0,
		    "out of memory for a Lua state");
	code = ush_box_run(state->box, set_up, &set, allowance, err);
	if (code == USH_OK && set.selftest)
		code = run_selftest(state, allowance, err);
	if (code != USH_OK) {
		ush_generation_relabel(g, err);
		return -1;
	}
	ush_storage_drop(state);
	state->ready = true;
	return 0;
}

static struct ush_state *
state_new(struct ush_generation *generation, bool staging,
    struct ush_allowance *allowance, struct ush_error *err)
{
	struct ush_state *state;

	if (allowance->instructions == 0 || allowance->cpu_ns == 0) {
		ush_error_set(err, USH_ERROR_CPU_TIME, generation->label, 0,
		    "setting up Lua states has spent what a handshake may");
		return NULL;
	}
	state = calloc(1, sizeof *state);
	if (!state) {
		ush_error_set(err, USH_ERROR_SYSTEM, NULL, 0,
		    "out of memory for a Lua state");
		return NULL;
	}
	state->generation = generation;
	ush_stats_add(generation->engine->stats, 0, USH_STAT_states_made);
	if (state_build(state, staging, allowance, err) != 0) {
		ush_state_free(state);
		return NULL;
	}
	return state;
}

struct ush_state *
ush_state_new(
    struct ush_generation *generation, bool selftest, struct ush_error *err)
{
	struct ush_allowance allowance =
	    set_up_limit(&generation->engine->limits);

	return state_new(generation, selftest, &allowance, err);
}

struct ush_state *
ush_state_new_within(struct ush_generation *generation,
    struct ush_allowance *spent, struct ush_error *err)
{
	struct ush_allowance all = set_up_limit(&generation->engine->limits);
	struct ush_allowance given = {
	    .instructions = ush_allowance_left(
		all.instructions * USH_HANDSHAKE_SET_UP_FACTOR,
		spent->instructions),
	    .cpu_ns = ush_allowance_left(
		all.cpu_ns * USH_HANDSHAKE_SET_UP_FACTOR, spent->cpu_ns)};
	struct ush_allowance left = given;
	struct ush_state *state = state_new(generation, false, &left, err);

	ush_allowance_spend(spent, &given, &left);
	return state;
}

void
ush_state_free(struct ush_state *state)
{
	if (!state)
		return;
	ush_stats_add(
	    state->generation->engine->stats, 0, USH_STAT_states_closed);
	ush_box_free(state->box);
	ush_storage_drop(state);
	free(state->buffer);
	free(state);
}
