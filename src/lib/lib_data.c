/*
 * SPDX-License-Identifier: MIT
 *
 * `require "usher.data"`: read-only objects over data sets, which belong to the
 * generation. An object is userdata with a pointer; that it is one of ours, and
 * of the right kind, shows at its metatable, which no script can reach.
 */
#include "data/sets.h"

#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

#include "base/error.h"
#include "lib/builtin.h"
#include "lib/host.h"
#include "sandbox/budget.h"
#include "sandbox/lib.h"
#include "sandbox/view.h"

enum {
	CALL_UNITS = 20,
	SHOWN = 64, /* bytes of a wrong argument */
	UP_META = 1,
	UP_KIND,
};

static const struct {
	const char *name;   /* of the constructor */
	const char *full;   /* what tostring says */
	const char *method; /* its only one */
	const char *usage;
} kinds[] = {
    [USH_SET] = {"set", "usher.data.set", "contains", "set:contains(value)"},
    [USH_MAP] = {"map", "usher.data.map", "get", "map:get(key)"},
    [USH_NETWORKS] = {"networks", "usher.data.networks", "contains",
	"networks:contains(address)"},
};

/* The set of the object at 1: a method's metatable and kind are upvalues. [-0,
 * +0, e] */
static const struct ush_set *
self_arg(lua_State *L)
{
	const struct ush_set *const *object = lua_touserdata(L, 1);
	lua_Integer kind = lua_tointeger(L, lua_upvalueindex(UP_KIND));
	bool ours = false;

	if (object && lua_getmetatable(L, 1)) {
		ours = lua_rawequal(L, -1, lua_upvalueindex(UP_META));
		lua_pop(L, 1);
	}
	if (!ours)
		luaL_error(L, "wrong object, a %s; call it as %s",
		    luaL_typename(L, 1), kinds[kind].usage);
	return *object;
}

/* [-0, +0, e] */
static const char *
key_arg(lua_State *L, size_t *len)
{
	const char *s = ush_lib_string_arg(L, 2, len);

	ush_budget_charge(L, CALL_UNITS);
	ush_lib_charge_bytes(L, *len * 4);
	return s;
}

/* Of a list of hosts, the entry that fits a name best, as usher.by_name has
 * it: the name, the longest "*.domain", "*". What stands before the dot is
 * overwritten. [-0, +0, e] */
static const char *
host_entry(lua_State *L, const struct ush_set *set, char *name, size_t *len)
{
	char *end = name + *len, *dot = name;

	if (ush_set_has(set, name, *len))
		return name;
	while ((dot = memchr(dot + 1, '.', (size_t)(end - dot - 1)))) {
		ush_budget_charge(L, CALL_UNITS);
		dot[-1] = '*';
		*len = (size_t)(end - dot) + 1;
		if (ush_set_has(set, dot - 1, *len))
			return dot - 1;
	}
	*len = 1;
	return "*";
}

/* What the argument is looked up by: itself, or its key in the set's form,
 * which is written to `room`. What is of no such form is an error: "it is not
 * among them" could be just wrong. [-0, +0, e] */
static const char *
form_arg(lua_State *L, const struct ush_set *set, char room[USH_FORM_ROOM],
    size_t *len)
{
	enum ush_form form = ush_set_form(set);
	const char *s = key_arg(L, len);
	char why[USH_FORM_WHY];

	if (form == USH_FORM_NONE)
		return s;
	if (ush_form_ask(form, s, *len, room, why) != 0)
		luaL_error(L, "%s", why);
	*len = strlen(room);
	return form == USH_FORM_HOST ? host_entry(L, set, room, len) : room;
}

static int
l_set_contains(lua_State *L)
{
	const struct ush_set *set = self_arg(L);
	char room[USH_FORM_ROOM];
	size_t len;
	const char *s = form_arg(L, set, room, &len);

	lua_pushboolean(L, ush_set_has(set, s, len));
	return 1;
}

static int
l_map_get(lua_State *L)
{
	const struct ush_set *set = self_arg(L);
	char room[USH_FORM_ROOM];
	size_t len;
	const char *s = form_arg(L, set, room, &len);
	const char *value = ush_set_get(set, s, len);

	if (!value)
		return 0;
	lua_pushstring(L, value);
	return 1;
}

static int
l_networks_contains(lua_State *L)
{
	const struct ush_set *set = self_arg(L);
	char shown[SHOWN];
	struct ush_ip ip;
	size_t len;
	const char *s = key_arg(L, &len);

	if (ush_ip_parse(s, len, &ip) != 0) {
		ush_escape(shown, sizeof shown, s, len);
		return luaL_error(L, "'%s' is no IP address", shown);
	}
	lua_pushboolean(L, ush_set_covers(set, &ip));
	return 1;
}

static int
l_len(lua_State *L)
{
	const struct ush_set *set = self_arg(L);

	lua_pushnumber(L, (lua_Number)ush_set_count(set));
	return 1;
}

/* Upvalue 2: the kind. */
static int
l_assigned(lua_State *L)
{
	char name[USH_VIEW_KEY_MAX];
	lua_Integer kind = lua_tointeger(L, lua_upvalueindex(UP_KIND));

	ush_view_key(L, 2, name, sizeof name);
	return luaL_error(L, "assignment to '%s' of '%s': it is read-only",
	    name, kinds[kind].full);
}

/* form(): the form's name, or nil. */
static int
l_form(lua_State *L)
{
	const struct ush_set *set = self_arg(L);

	lua_pushstring(L, ush_form_name(ush_set_form(set)));
	return 1;
}

/*
 * Reading files
 */

static int
form_error(lua_State *L, const char *name)
{
	char all[128], shown[SHOWN];
	size_t len = 0;

	for (int i = USH_FORM_NONE + 1; i < USH_FORMS; i++)
		len += (size_t)snprintf(all + len, sizeof all - len, "%s%s",
		    len > 0 ? ", " : "", ush_form_name((enum ush_form)i));
	ush_escape(shown, sizeof shown, name, strlen(name));
	return luaL_error(
	    L, "there is no form '%s'; the forms are %s", shown, all);
}

/* One option: its name at -2, its value on top. [-0, +0, e] */
static void
read_option(lua_State *L, struct ush_set_wish *wish)
{
	const char *name =
	    lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
	lua_Number n;

	if (strcmp(name, "form") == 0 && wish->kind != USH_NETWORKS) {
		if (lua_type(L, -1) != LUA_TSTRING)
			luaL_error(L, "option 'form' must be a string");
		if (!ush_form_find(lua_tostring(L, -1), &wish->form))
			form_error(L, lua_tostring(L, -1));
	} else if (strcmp(name, "may_be_empty") == 0) {
		if (!lua_isboolean(L, -1))
			luaL_error(
			    L, "option 'may_be_empty' must be true or false");
		wish->may_be_empty = lua_toboolean(L, -1);
	} else if (strcmp(name, "at_least") == 0) {
		n = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : -1;
		if (!(n >= 0 && n <= UINT32_MAX))
			luaL_error(L,
			    "option 'at_least' must be a number, 0 or "
			    "more");
		wish->at_least = (size_t)n;
	} else {
		luaL_error(L,
		    "usher.data.%s has no option '%s'; its options "
		    "are %smay_be_empty and at_least",
		    kinds[wish->kind].name, name,
		    wish->kind == USH_NETWORKS ? "" : "form, ");
	}
}

/* [-0, +0, e] */
static void
options_arg(lua_State *L, struct ush_set_wish *wish)
{
	if (lua_isnoneornil(L, 2))
		return;
	luaL_checktype(L, 2, LUA_TTABLE);
	lua_pushnil(L);
	while (lua_next(L, 2)) {
		read_option(L, wish);
		lua_pop(L, 1);
	}
	if (wish->may_be_empty && wish->at_least > 0)
		luaL_error(L, "a file that may be empty can't have at least "
			      "some entries; give one of the two options");
}

/* The constructors: upvalues are the metatable, and the kind. */
static int
l_data_open(lua_State *L)
{
	const struct ush_lib_host *host = ush_lib_host_of(L);
	lua_Integer kind = lua_tointeger(L, lua_upvalueindex(UP_KIND));
	struct ush_set_wish wish = {.kind = (enum ush_set_kind)kind};
	const struct ush_set **object, *set;
	size_t len;
	char why[512];

	wish.file = ush_lib_string_arg(L, 1, &len);
	options_arg(L, &wish);
	if (strlen(wish.file) != len)
		return luaL_argerror(L, 1, "there is a NUL in the file's name");
	if (!host || !host->data)
		return luaL_error(L, "there are no data files here");
	object = lua_newuserdata(L, sizeof(void *));
	set = host->data(host->arg, &wish, why, sizeof why);
	if (!set) {
		luaL_where(L, 1);
		lua_pushstring(L, why);
		lua_concat(L, 2);
		return lua_error(L);
	}
	*object = set;
	lua_pushvalue(L, lua_upvalueindex(UP_META));
	lua_setmetatable(L, -2);
	return 1;
}

/* Sets `field` of the table at `to` to a function with the metatable at `meta`
 * and a kind as its upvalues. [-0, +0, e] */
static void
set_function(lua_State *L, int to, const char *field, lua_CFunction function,
    int meta, int kind)
{
	lua_pushvalue(L, meta);
	lua_pushinteger(L, kind);
	lua_pushcclosure(L, function, 2);
	lua_setfield(L, to, field);
}

/* Pushes the metatable of a kind. [-0, +1, e] */
static void
push_meta(lua_State *L, int kind)
{
	static const lua_CFunction methods[] = {
	    [USH_SET] = l_set_contains,
	    [USH_MAP] = l_map_get,
	    [USH_NETWORKS] = l_networks_contains,
	};
	int meta;

	lua_createtable(L, 0, 5);
	meta = lua_gettop(L);
	lua_createtable(L, 0, 2);
	if (kind != USH_NETWORKS)
		set_function(L, meta + 1, "form", l_form, meta, kind);
	set_function(
	    L, meta + 1, kinds[kind].method, methods[kind], meta, kind);
	lua_setfield(L, meta, "__index");
	set_function(L, meta, "__len", l_len, meta, kind);
	set_function(L, meta, "__newindex", l_assigned, meta, kind);
	lua_pushstring(L, kinds[kind].full);
	lua_setfield(L, meta, "__name");
	ush_view_lock(L);
}

/* plain(text, form): the spelling of an entry that facts have; or nil, and
 * why. */
static int
l_data_plain(lua_State *L)
{
	char room[USH_FORM_ROOM], why[USH_FORM_WHY];
	enum ush_form_entry entry;
	enum ush_form form;
	size_t len;
	const char *s = ush_lib_string_arg(L, 1, &len);
	const char *name = luaL_checkstring(L, 2);

	if (!ush_form_find(name, &form))
		return form_error(L, name);
	ush_budget_charge(L, CALL_UNITS);
	ush_lib_charge_bytes(L, len * 4);
	entry = ush_form_entry(form, s, len, room, why);
	if (entry == USH_FORM_ENTRY) {
		ush_form_plain(form, room);
		lua_pushstring(L, room);
		return 1;
	}
	lua_pushnil(L);
	lua_pushstring(L, entry == USH_FORM_WRONG ? why : "is not revoked");
	return 2;
}

void
ush_lib_open_data(lua_State *L)
{
	int module;

	lua_createtable(L, 0, USH_SET_KINDS + 1);
	module = lua_gettop(L);
	for (int kind = 0; kind < USH_SET_KINDS; kind++) {
		push_meta(L, kind);
		set_function(
		    L, module, kinds[kind].name, l_data_open, module + 1, kind);
		lua_pop(L, 1);
	}
	lua_pushcfunction(L, l_data_plain);
	lua_setfield(L, module, "plain");
	ush_view_push(L, "usher.data");
}
