/*
 * SPDX-License-Identifier: MIT
 *
 * What a script can reach, and why it can't reach the rest.
 *
 * LuaJIT's libraries are opened into a table of their own, the functions that
 * the list below calls NATIVE are taken from there, and the table is emptied.
 * The real globals are a table G that no script ever holds; chunks run in an
 * empty environment in front of it:
 *
 *	chunk -> environment {} -> __index: G -> __index: an error
 *	                        -> __newindex: an error
 *
 * Libraries are views: userdata whose __index is the library's table.
 */
#include "sandbox/surface.h"

#include <string.h>

#include <lauxlib.h>
#include <lualib.h>

#include "base/near.h"
#include "sandbox/lib.h"
#include "sandbox/view.h"

enum source {
	OWN,    /* written for the sandbox: in one of the ush_lib_* lists */
	NATIVE, /* LuaJIT's: takes constant time, or looks at its arguments
		 * once; calls nothing in C, shows no address */
	ABSENT,
};

/*
 * The surface. Everything that LuaJIT 2.1 (OpenResty's branch too) opens has a
 * line here; tests/check_surface.c looks for names that have none.
 */
static const struct entry {
	const char *library; /* NULL: a global */
	const char *name;
	enum source source;
	const char *why; /* it is absent; scripts are told so */
} entries[] = {
    {NULL, "assert", NATIVE, NULL},
    {NULL, "error", NATIVE, NULL},
    {NULL, "getmetatable", NATIVE, NULL}, /* strings have __metatable */
    {NULL, "ipairs", NATIVE, NULL},
    {NULL, "next", OWN, NULL}, /* charges for holes */
    {NULL, "pairs", OWN, NULL},
    {NULL, "pcall", OWN, NULL}, /* charged for what it catches */
    {NULL, "print", OWN, NULL}, /* a line in the host's log */
    {NULL, "rawequal", NATIVE, NULL},
    {NULL, "rawget", NATIVE, NULL}, /* tables only, and so rawset: */
    {NULL, "rawset", NATIVE, NULL}, /* views are userdata */
    {NULL, "require", OWN, NULL},   /* added by the policy's loader */
    {NULL, "select", NATIVE, NULL},
    {NULL, "setmetatable", NATIVE, NULL}, /* tables only, __gc has no effect */
    {NULL, "tonumber", OWN, NULL},        /* charged by length */
    {NULL, "tostring", OWN, NULL},        /* without addresses */
    {NULL, "type", NATIVE, NULL},
    {NULL, "unpack", OWN, NULL}, /* charged by size */
    {NULL, "xpcall", OWN, NULL}, /* its handler runs under the budget */
    {NULL, "_VERSION", NATIVE, NULL},

    {NULL, "_G", ABSENT, "globals are read-only; keep state in locals"},
    {NULL, "collectgarbage", ABSENT,
	"it could stop the collector, or keep it busy"},
    {NULL, "coroutine", ABSENT,
	"a policy can't wait, and each has a stack of its own"},
    {NULL, "debug", ABSENT, "it reaches behind every protection"},
    {NULL, "dofile", ABSENT, "scripts don't read files"},
    {NULL, "ffi", ABSENT, "it reads and writes any memory"},
    {NULL, "gcinfo", ABSENT, "memory is the sandbox's concern"},
    {NULL, "getfenv", ABSENT, "it reaches the environment of others"},
    {NULL, "io", ABSENT, "scripts don't read or write files"},
    {NULL, "jit", ABSENT, "compiled code would not heed the limits"},
    {NULL, "load", ABSENT,
	"bytecode is unsafe, and a reader function escapes the limits"},
    {NULL, "loadfile", ABSENT, "scripts don't read files"},
    {NULL, "loadstring", ABSENT, "bytecode is unsafe"},
    {NULL, "module", ABSENT, "it writes globals; return a table instead"},
    {NULL, "newproxy", ABSENT, "its __gc would run outside of the limits"},
    {NULL, "package", ABSENT, "it loads native code"},
    {NULL, "setfenv", ABSENT, "it changes the environment of others"},
    /* Later versions of Lua have these; so people look for them. */
    {NULL, "rawlen", ABSENT, "it is not in Lua 5.1; use #"},
    {NULL, "utf8", ABSENT, "it is not in Lua 5.1"},

    {"string", "byte", OWN, NULL},
    {"string", "char", OWN, NULL},
    {"string", "dump", ABSENT, "bytecode"},
    {"string", "find", OWN, NULL}, /* and all others with patterns: charged, */
    {"string", "format", OWN, NULL}, /* no addresses, safe numbers */
    {"string", "gmatch", OWN, NULL}, /* step by step, no recursion */
    {"string", "gsub", OWN, NULL},
    {"string", "len", OWN, NULL},
    {"string", "lower", OWN, NULL}, /* charged by length */
    {"string", "match", OWN, NULL},
    {"string", "rep", OWN, NULL},
    {"string", "reverse", OWN, NULL},
    {"string", "sub", OWN, NULL},
    {"string", "upper", OWN, NULL},

    {"table", "concat", OWN, NULL},
    {"table", "foreach", ABSENT, "out of use since Lua 5.1; use pairs"},
    {"table", "foreachi", ABSENT, "out of use since Lua 5.1; use ipairs"},
    {"table", "getn", ABSENT, "out of use since Lua 5.1; use #"},
    {"table", "insert", OWN, NULL},
    {"table", "maxn", OWN, NULL},
    {"table", "move", OWN, NULL},
    {"table", "remove", OWN, NULL},
    {"table", "sort", OWN, NULL},

    {"math", "abs", NATIVE, NULL},
    {"math", "acos", NATIVE, NULL},
    {"math", "asin", NATIVE, NULL},
    {"math", "atan", NATIVE, NULL},
    {"math", "atan2", NATIVE, NULL},
    {"math", "ceil", NATIVE, NULL},
    {"math", "cos", NATIVE, NULL},
    {"math", "cosh", NATIVE, NULL},
    {"math", "deg", NATIVE, NULL},
    {"math", "exp", NATIVE, NULL},
    {"math", "floor", NATIVE, NULL},
    {"math", "fmod", NATIVE, NULL},
    {"math", "frexp", NATIVE, NULL},
    {"math", "huge", NATIVE, NULL},
    {"math", "ldexp", NATIVE, NULL},
    {"math", "log", NATIVE, NULL},
    {"math", "log10", NATIVE, NULL},
    {"math", "max", OWN, NULL}, /* charge for all arguments */
    {"math", "min", OWN, NULL},
    {"math", "modf", NATIVE, NULL},
    {"math", "pi", NATIVE, NULL},
    {"math", "pow", NATIVE, NULL},
    {"math", "rad", NATIVE, NULL},
    /* Its state belongs to the Lua state, and is seeded at random below. */
    {"math", "random", NATIVE, NULL},
    {"math", "randomseed", NATIVE, NULL},
    {"math", "sin", NATIVE, NULL},
    {"math", "sinh", NATIVE, NULL},
    {"math", "sqrt", NATIVE, NULL},
    {"math", "tan", NATIVE, NULL},
    {"math", "tanh", NATIVE, NULL},

    {"os", "clock", OWN, NULL}, /* by the box's clock */
    {"os", "date", OWN, NULL},  /* thread-safe, for any format */
    {"os", "difftime", ABSENT, "subtract"},
    {"os", "execute", ABSENT, "processes"},
    {"os", "exit", ABSENT, "it would end the server"},
    {"os", "getenv", ABSENT, "the environment may hold secrets"},
    {"os", "remove", ABSENT, "files"},
    {"os", "rename", ABSENT, "files"},
    {"os", "setlocale", ABSENT, "it changes the whole process"},
    {"os", "time", OWN, NULL}, /* by the box's clock */
    {"os", "tmpname", ABSENT, "files"},

    {"bit", "arshift", NATIVE, NULL},
    {"bit", "band", OWN, NULL}, /* as math.max */
    {"bit", "bnot", NATIVE, NULL},
    {"bit", "bor", OWN, NULL},
    {"bit", "bswap", NATIVE, NULL},
    {"bit", "bxor", OWN, NULL},
    {"bit", "lshift", NATIVE, NULL},
    {"bit", "rol", NATIVE, NULL},
    {"bit", "ror", NATIVE, NULL},
    {"bit", "rshift", NATIVE, NULL},
    {"bit", "tobit", NATIVE, NULL},
    {"bit", "tohex", NATIVE, NULL},
};

enum {
	ENTRIES = sizeof entries / sizeof *entries,
	NAMES_MAX = 128, /* globals that a misspelt name is compared with */
};

/* Keys of the registry: these addresses. */
static const char key_globals, key_env;

static void
push_registered(lua_State *L, const char *key)
{
	lua_pushlightuserdata(L, (void *)key);
	lua_rawget(L, LUA_REGISTRYINDEX);
}

/* Registers the value on top of the stack. [-1, +0, e] */
static void
keep_registered(lua_State *L, const char *key)
{
	lua_pushlightuserdata(L, (void *)key);
	lua_insert(L, -2);
	lua_rawset(L, LUA_REGISTRYINDEX);
}

/* ---- errors ---- */

/* The reason why there is no such global, or NULL. */
static const char *
why_absent(const char *name)
{
	for (size_t i = 0; i < ENTRIES; i++) {
		if (!entries[i].library && entries[i].source == ABSENT &&
		    strcmp(entries[i].name, name) == 0)
			return entries[i].why;
	}
	return NULL;
}

/* The global in the table at `globals` that is nearest to `name`, or NULL. */
static const char *
nearest(lua_State *L, int globals, const char *name)
{
	const char *names[NAMES_MAX];
	size_t n = 0;

	lua_pushnil(L);
	while (n < NAMES_MAX && lua_next(L, globals)) {
		lua_pop(L, 1);
		if (lua_type(L, -1) == LUA_TSTRING)
			names[n++] = lua_tostring(L, -1);
	}
	return ush_near(name, names, n);
}

/* __index of G: reading a global that does not exist. [-2, +0, e] */
static int
l_undefined(lua_State *L)
{
	char name[USH_VIEW_KEY_MAX];
	const char *other, *why;

	ush_view_key(L, 2, name, sizeof name);
	why = why_absent(name);
	if (why)
		return luaL_error(L,
		    "undefined global '%s': not in the sandbox (%s)", name,
		    why);
	other = nearest(L, 1, name);
	if (other)
		return luaL_error(L,
		    "undefined global '%s'; did you mean '%s'?", name, other);
	return luaL_error(L, "undefined global '%s'", name);
}

/* __newindex of environments. Upvalue 1: G. [-3, +0, e] */
static int
l_assigned(lua_State *L)
{
	char name[USH_VIEW_KEY_MAX];

	ush_view_key(L, 2, name, sizeof name);
	lua_pushvalue(L, 2);
	lua_rawget(L, lua_upvalueindex(1));
	if (!lua_isnil(L, -1))
		return luaL_error(L,
		    "assignment to global '%s': it is read-only; use local",
		    name);
	return luaL_error(
	    L, "assignment to undefined global '%s'; use local", name);
}

static bool
same_library(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* ---- for others ---- */

void
ush_surface_set(lua_State *L, const char *name)
{
	push_registered(L, &key_globals);
	lua_insert(L, -2);
	lua_pushstring(L, name);
	lua_insert(L, -2);
	lua_rawset(L, -3);
	lua_pop(L, 1);
}

void
ush_surface_env(lua_State *L)
{
	push_registered(L, &key_env);
}

bool
ush_surface_lists(const char *library, const char *name)
{
	for (size_t i = 0; i < ENTRIES; i++) {
		if (same_library(entries[i].library, library) &&
		    strcmp(entries[i].name, name) == 0)
			return true;
	}
	return false;
}

void
ush_surface_each(void (*fn)(void *arg, const char *library, const char *name,
		     const char *why),
    void *arg)
{
	for (size_t i = 0; i < ENTRIES; i++)
		fn(arg, entries[i].library, entries[i].name, entries[i].why);
}

/* ---- opening ---- */

static const struct {
	const char *library;
	const luaL_Reg *functions;
} own_lists[] = {
    {NULL, ush_lib_base},
    {"string", ush_lib_string},
    {"string", ush_lib_match},
    {"table", ush_lib_table},
    {"math", ush_lib_math},
    {"bit", ush_lib_bit},
    {"os", ush_lib_os},
};

static lua_CFunction
find_own(const char *library, const char *name)
{
	for (size_t i = 0; i < sizeof own_lists / sizeof *own_lists; i++) {
		const luaL_Reg *r = own_lists[i].functions;

		if (!same_library(own_lists[i].library, library))
			continue;
		for (; r->name; r++) {
			if (strcmp(r->name, name) == 0)
				return r->func;
		}
	}
	return NULL;
}

/* Sets the entry in the table on top of the stack; natives come from the table
 * at `natives`. [-0, +0, e] */
static void
add_entry(lua_State *L, const struct entry *entry, int natives)
{
	lua_CFunction own;

	if (entry->source == NATIVE) {
		lua_getfield(L, natives, entry->name);
	} else {
		own = find_own(entry->library, entry->name);
		if (!own)
			return; /* next, pairs, require: added apart */
		lua_pushcfunction(L, own);
	}
	lua_setfield(L, -2, entry->name);
}

/* Pushes the table of a library, or of the globals. [-0, +1, e] */
static void
push_library(lua_State *L, const char *library, int natives)
{
	lua_newtable(L);
	for (size_t i = 0; i < ENTRIES; i++) {
		if (entries[i].source != ABSENT &&
		    same_library(entries[i].library, library))
			add_entry(L, &entries[i], natives);
	}
}

/* Adds a library's view to the table on top; natives as above. [-0, +0, e] */
static void
add_library(lua_State *L, const char *library, int natives)
{
	lua_getfield(L, natives, library);
	if (lua_isnil(L, -1)) { /* no natives: any table will do */
		lua_pop(L, 1);
		lua_newtable(L);
	}
	push_library(L, library, lua_gettop(L));
	lua_remove(L, -2);
	if (strcmp(library, "string") == 0) {
		/* s:find() goes the same way as string.find(). */
		lua_pushliteral(L, "");
		lua_createtable(L, 0, 2);
		lua_pushvalue(L, -3);
		lua_setfield(L, -2, "__index");
		ush_view_lock(L);
		lua_setmetatable(L, -2);
		lua_pop(L, 1);
	}
	ush_view_push(L, library);
	lua_setfield(L, -2, library);
}

/* Pushes a table with what LuaJIT's libraries have. [-0, +1, e] */
static void
push_natives(lua_State *L)
{
	static const struct {
		const char *name;
		lua_CFunction open;
	} opened[] = {
	    {"", luaopen_base},
	    {LUA_MATHLIBNAME, luaopen_math},
	    {LUA_BITLIBNAME, luaopen_bit},
	};

	for (size_t i = 0; i < sizeof opened / sizeof *opened; i++) {
		lua_pushcfunction(L, opened[i].open);
		lua_pushstring(L, opened[i].name);
		lua_call(L, 1, 0);
	}
	lua_pushvalue(L, LUA_GLOBALSINDEX);
}

/* Empties the table at `index`: functions keep it as their environment. */
static void
empty_table(lua_State *L, int index)
{
	lua_pushnil(L);
	while (lua_next(L, index)) {
		lua_pop(L, 1);
		lua_pushvalue(L, -1);
		lua_pushnil(L);
		lua_rawset(L, index);
	}
}

/* Pushes the environment in front of the G on top of the stack. [-0, +1, e] */
static void
push_env(lua_State *L)
{
	lua_newtable(L);
	lua_createtable(L, 0, 3);
	lua_pushvalue(L, -3);
	lua_setfield(L, -2, "__index");
	lua_pushvalue(L, -3);
	lua_pushcclosure(L, l_assigned, 1);
	lua_setfield(L, -2, "__newindex");
	ush_view_lock(L);
	lua_setmetatable(L, -2);
}

/* G, on top of the stack, answers for what it does not hold. [-0, +0, e] */
static void
guard_globals(lua_State *L)
{
	lua_createtable(L, 0, 2);
	lua_pushcfunction(L, l_undefined);
	lua_setfield(L, -2, "__index");
	ush_view_lock(L);
	lua_setmetatable(L, -2);
}

void
ush_surface_open(lua_State *L)
{
	static const char *const libraries[] = {
	    "string", "table", "math", "os", "bit"};
	int natives;

	ush_lib_check_slots(L);
	push_natives(L);
	natives = lua_gettop(L);
	push_library(L, NULL, natives);
	ush_lib_push_next(L);
	lua_setfield(L, -3, "next");
	lua_setfield(L, -2, "pairs");
	for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++)
		add_library(L, libraries[i], natives);
	lua_getfield(L, -1, "math");
	lua_getfield(L, -1, "randomseed");
	ush_lib_seed(L);
	lua_pop(L, 1);
	guard_globals(L);
	push_env(L);
	lua_pushvalue(L, -1);
	lua_replace(L, LUA_GLOBALSINDEX);
	keep_registered(L, &key_env);
	keep_registered(L, &key_globals);
	empty_table(L, natives);
	lua_pop(L, 1);
	lua_pushnil(L);
	lua_setfield(L, LUA_REGISTRYINDEX, "_LOADED");
}
