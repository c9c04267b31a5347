/*
 * SPDX-License-Identifier: MIT
 *
 * Our pattern functions beside LuaJIT's own. Ours run first, with a budget:
 * the native ones walk the same tree, so they end in time where ours did.
 */
#include "compare.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lualib.h>

#include "sandbox/box.h"
#include "sandbox/budget.h"
#include "sandbox/lib.h"
#include "sandbox/pattern.h"

enum {
	TEXT_MAX = 1 << 18,  /* of the results of one pair */
	BUDGET = 30000,      /* steps of ours for one pair */
	GMATCH_MAX = 100,    /* matches that are looked at */
	REGISTRY_OWN = 1001, /* the two libraries' tables */
	REGISTRY_NATIVE,
};

/* What one library answered, as text. */
struct answers {
	const struct pair *pair;
	int library;
	size_t used;
	bool cut;
	char text[TEXT_MAX];
};

static struct answers own, native;
static uint64_t spent;

static void
note(struct answers *a, const char *s, size_t len)
{
	if (len > sizeof a->text - a->used) {
		len = sizeof a->text - a->used;
		a->cut = true;
	}
	memcpy(a->text + a->used, s, len);
	a->used += len;
}

static void
note_string(struct answers *a, const char *s)
{
	note(a, s, strlen(s));
}

/* The value at `index`. [-0, +0, -] */
static void
note_value(struct answers *a, lua_State *L, int index)
{
	char number[64];
	size_t len;
	const char *s;

	switch (lua_type(L, index)) {
	case LUA_TSTRING:
		s = lua_tolstring(L, index, &len);
		snprintf(number, sizeof number, " %zu:", len);
		note_string(a, number);
		note(a, s, len);
		break;
	case LUA_TNUMBER:
		snprintf(
		    number, sizeof number, " %.14g", lua_tonumber(L, index));
		note_string(a, number);
		break;
	default:
		note_string(a, " ");
		note_string(a, luaL_typename(L, index));
	}
}

/* Calls what lies on the stack from `base` on, notes the results, and leaves
 * them. [-n, +m, e]: raises what our own budget raises. */
static bool
call(struct answers *a, lua_State *L, int base)
{
	int status = lua_pcall(L, lua_gettop(L) - base, LUA_MULTRET, 0);

	ush_budget_check(L);
	if (status != 0)
		note_string(a, " error");
	for (int i = base; i <= lua_gettop(L); i++)
		note_value(a, L, i);
	return status == 0;
}

/* Pushes a function of the library, subject and pattern; returns where. */
static int
push_call(struct answers *a, lua_State *L, const char *name)
{
	const struct pair *p = a->pair;

	note_string(a, "\n");
	note_string(a, name);
	lua_settop(L, 0);
	lua_rawgeti(L, LUA_REGISTRYINDEX, a->library);
	lua_getfield(L, -1, name);
	lua_replace(L, 1);
	lua_pushlstring(L, p->subject, p->subject_len);
	lua_pushlstring(L, p->pattern, p->pattern_len);
	return 1;
}

static void
run_find(struct answers *a, lua_State *L, const char *name, bool plain)
{
	int base = push_call(a, L, name);

	lua_pushinteger(L, a->pair->init);
	lua_pushboolean(L, plain);
	call(a, L, base);
}

static void
run_gmatch(struct answers *a, lua_State *L)
{
	int base = push_call(a, L, "gmatch");

	if (!call(a, L, base))
		return;
	lua_settop(L, base);
	for (int i = 0; i < GMATCH_MAX; i++) {
		lua_settop(L, base);
		lua_pushvalue(L, base);
		note_string(a, " |");
		if (!call(a, L, base + 1) || lua_gettop(L) == base ||
		    lua_isnil(L, base + 1))
			break;
	}
}

/* gsub's function: now and then nil, false, a number, a wrong type. */
static int
l_replace(lua_State *L)
{
	size_t len;
	const char *s = lua_tolstring(L, 1, &len);

	if (lua_gettop(L) > 1) {
		lua_pushvalue(L, 2);
		return 1;
	}
	switch (len == 0 ? 0 : (unsigned char)s[0] % 8) {
	case 0:
		return 0;
	case 1:
		lua_pushboolean(L, 0);
		return 1;
	case 2:
		lua_pushnumber(L, 1.5);
		return 1;
	case 3:
		lua_pushboolean(L, s[0] != 'c');
		return 1;
	default:
		lua_pushlstring(L, s, len);
		lua_pushlstring(L, s, len);
		lua_concat(L, 2);
		return 1;
	}
}

static void
run_gsub(struct answers *a, lua_State *L, char replacement)
{
	const struct pair *p = a->pair;
	int base = push_call(a, L, "gsub");

	switch (replacement) {
	case 's':
		lua_pushlstring(L, p->replacement, p->replacement_len);
		break;
	case 't':
		lua_newtable(L);
		lua_pushlstring(L, p->replacement, p->replacement_len);
		lua_setfield(L, -2, "a");
		lua_pushinteger(L, 7);
		lua_setfield(L, -2, "");
		lua_pushboolean(L, 0);
		lua_setfield(L, -2, "b");
		lua_pushinteger(L, 8);
		lua_rawseti(L, -2, 1);
		break;
	default:
		lua_pushcfunction(L, l_replace);
	}
	if (p->init > 1)
		lua_pushinteger(L, p->init);
	call(a, L, base);
}

/* Everything, for ush_box_run. [-0, +n, e] */
static void
run_all(lua_State *L, void *arg)
{
	struct answers *a = arg;

	a->used = 0;
	a->cut = false;
	run_find(a, L, "find", false);
	run_find(a, L, "find", true);
	run_find(a, L, "match", false);
	run_gmatch(a, L);
	run_gsub(a, L, 's');
	run_gsub(a, L, 't');
	run_gsub(a, L, 'f');
}

/* ---- memory of exactly the right size, for the address sanitizer ---- */

struct exact {
	char *subject, *pattern;
	size_t len;
};

static void
run_exact(lua_State *L, void *arg)
{
	const struct exact *exact = arg;
	const char *at = exact->subject;
	struct ush_match m;

	ush_match_init(&m, L, exact->subject, exact->len);
	ush_match_search(&m, &at, exact->pattern, false);
}

static char *
copy(const char *s, size_t len)
{
	char *to = malloc(len + 1);

	if (!to)
		abort();
	memcpy(to, s, len);
	to[len] = '\0';
	return to;
}

static void
match_exact(struct ush_box *box, const struct pair *pair)
{
	struct ush_allowance allowance = {
	    .instructions = BUDGET, .cpu_ns = UINT64_MAX / 2};
	struct exact exact;

	exact.subject = copy(pair->subject, pair->subject_len);
	exact.pattern = copy(pair->pattern, pair->pattern_len);
	exact.len = pair->subject_len;
	ush_box_run(box, run_exact, &exact, &allowance, NULL);
	free(exact.subject);
	free(exact.pattern);
}

/* ---- */

static enum ush_code
answer(struct ush_box *box, const struct pair *pair, struct answers *a,
    int library, uint64_t instructions)
{
	struct ush_allowance allowance = {
	    .instructions = instructions, .cpu_ns = UINT64_MAX / 2};

	a->pair = pair;
	a->library = library;
	return ush_box_run(box, run_all, a, &allowance, NULL);
}

static bool
is_complex(const struct answers *a)
{
	return memmem(a->text, a->used, "pattern too complex", 19);
}

/* The first line in which they differ. */
static void
describe(char *report, size_t cap)
{
	size_t line = 0, i = 0;

	while (
	    i < own.used && i < native.used && own.text[i] == native.text[i]) {
		if (own.text[i] == '\n')
			line = i + 1;
		i++;
	}
	snprintf(report, cap, "ours: %.*s\nnative: %.*s",
	    (int)(own.used - line < 400 ? own.used - line : 400),
	    own.text + line,
	    (int)(native.used - line < 400 ? native.used - line : 400),
	    native.text + line);
}

enum comparison
compare_pair(
    struct ush_box *box, const struct pair *pair, char *report, size_t cap)
{
	match_exact(box, pair);
	if (answer(box, pair, &own, REGISTRY_OWN, BUDGET) != USH_OK)
		return SKIPPED;
	spent = ush_box_spent(box);
	if (answer(box, pair, &native, REGISTRY_NATIVE, UINT64_MAX / 2) !=
	    USH_OK) {
		snprintf(report, cap, "the native functions failed");
		return DIFFERENT;
	}
	if (is_complex(&own) || is_complex(&native) || own.cut || native.cut)
		return SKIPPED;
	if (own.used == native.used &&
	    memcmp(own.text, native.text, own.used) == 0)
		return SAME;
	describe(report, cap);
	return DIFFERENT;
}

uint64_t
compare_spent(void)
{
	return spent;
}

/* ---- the box ---- */

static void
no_random(void *buf, size_t len)
{
	memset(buf, 0, len);
}

static int64_t
no_time(void)
{
	return 0;
}

static uint64_t
no_cpu(void)
{
	return 1;
}

/* The native library takes the strings' metatable: it is put back, so that
 * scripts find the sandbox's. [-0, +0, e] */
static void
open_both(lua_State *L, void *arg)
{
	(void)arg;
	lua_pushliteral(L, "");
	lua_getmetatable(L, -1);
	lua_newtable(L);
	luaL_register(L, NULL, ush_lib_string);
	luaL_register(L, NULL, ush_lib_match);
	lua_rawseti(L, LUA_REGISTRYINDEX, REGISTRY_OWN);
	lua_newtable(L); /* or it could not set the global "string" */
	lua_replace(L, LUA_GLOBALSINDEX);
	lua_pushcfunction(L, luaopen_string);
	lua_pushstring(L, LUA_STRLIBNAME);
	lua_call(L, 1, 1);
	lua_rawseti(L, LUA_REGISTRYINDEX, REGISTRY_NATIVE);
	lua_setmetatable(L, -2);
}

struct ush_box *
compare_box_new(void)
{
	struct ush_box_host host = {
	    .memory_limit = 256 << 20,
	    .random = no_random,
	    .now = no_time,
	    .cpu = no_cpu,
	};
	struct ush_allowance allowance = {
	    .instructions = 1000000, .cpu_ns = UINT64_MAX / 2};
	struct ush_box *box = ush_box_new(&host);

	if (box &&
	    ush_box_run(box, open_both, NULL, &allowance, NULL) != USH_OK) {
		ush_box_free(box);
		return NULL;
	}
	return box;
}
