/*
 * SPDX-License-Identifier: MIT
 *
 * Each handle is a userdata of a few words. Its metatable's __index and
 * __newindex are C functions with two upvalues: a table that holds the names of
 * its facts, and the handle that hangs below it (conn.vars, ticket.previous).
 * Scripts can't reach the metatable, so `self` is always the right userdata.
 */
#include "facts/objects.h"

#include <math.h>
#include <string.h>

#include <lauxlib.h>

#include "base/near.h"
#include "data/cbor.h"
#include "sandbox/value.h"

enum {
	UP_NAMES = 1,
	UP_CHILD = 2,
	PLACES = 32, /* a power of two, more than any object has facts */
	ABSENT = UINT8_MAX,
};

/* A fact by its name: Lua has each string once, so the address tells. With
 * what reading it needs of the list, in as few bytes as that takes. */
struct place {
	const char *name; /* held by the names table; NULL: free */
	uint8_t id;
	uint8_t type[2]; /* by `generate`: enum ush_fact_type, or ABSENT */
};
_Static_assert(USH_FACTS <= UINT8_MAX, "a fact's id is a byte");

struct ush_handle {
	struct ush_facts *facts; /* NULL: expired */
	const char *name;        /* as scripts know it */
	enum ush_fact_object object;
	bool generate; /* opened for generate */
	struct place places[PLACES];
};

/* Where a name is, or would be. */
static inline struct place *
find_place(struct ush_handle *h, const char *name)
{
	size_t i = ((uintptr_t)name >> 4) % PLACES;

	while (h->places[i].name != name && h->places[i].name)
		i = (i + 1) % PLACES;
	return &h->places[i];
}

static void
push_bytes(lua_State *L, struct ush_bytes bytes)
{
	if (bytes.p)
		lua_pushlstring(L, bytes.p, bytes.len);
	else
		lua_pushnil(L);
}

static void
set_bytes(lua_State *L, const char *field, struct ush_bytes bytes)
{
	push_bytes(L, bytes);
	lua_setfield(L, -2, field);
}

static void
set_integer(lua_State *L, const char *field, int64_t n)
{
	lua_pushnumber(L, (lua_Number)n);
	lua_setfield(L, -2, field);
}

static void
push_cert(lua_State *L, const struct ush_cert *cert)
{
	lua_createtable(L, 0, 6);
	set_bytes(L, "subject", cert->subject);
	set_bytes(L, "issuer", cert->issuer);
	set_bytes(L, "serial", cert->serial);
	set_bytes(L, "sha256", cert->sha256);
	set_integer(L, "not_before", cert->not_before);
	set_integer(L, "not_after", cert->not_after);
}

static void
set_code_points(
    lua_State *L, const char *field, const struct ush_code_points *list)
{
	if (list->n < 0)
		return;
	lua_createtable(L, list->n, 0);
	for (int i = 0; i < list->n; i++) {
		lua_pushinteger(L, list->v[i]);
		lua_rawseti(L, -2, i + 1);
	}
	lua_setfield(L, -2, field);
}

static void
push_hello(lua_State *L, const struct ush_hello *hello)
{
	lua_createtable(L, 0, 4);
	set_code_points(L, "ciphers", &hello->ciphers);
	set_code_points(L, "groups", &hello->groups);
	set_code_points(L, "signatures", &hello->signatures);
	set_code_points(L, "extensions", &hello->extensions);
}

static void
push_strings(lua_State *L, const struct ush_bytes *v, size_t n)
{
	lua_createtable(L, (int)n, 0);
	for (size_t i = 0; i < n; i++) {
		push_bytes(L, v[i]);
		lua_rawseti(L, -2, (int)i + 1);
	}
}

static void
push_data(lua_State *L, struct ush_bytes bytes)
{
	struct ush_cbor_reader r;
	int top = lua_gettop(L);

	ush_cbor_reader_init(&r, bytes.p, bytes.len);
	if (ush_value_push(L, &r) == 0 && ush_cbor_at_end(&r))
		return;
	lua_settop(L, top);
	lua_pushnil(L);
}

static void
push_value(
    lua_State *L, enum ush_fact_type type, const struct ush_fact_value *value)
{
	switch (type) {
	case USH_FACT_STRING:
		push_bytes(L, value->as.string);
		return;
	case USH_FACT_INTEGER:
		lua_pushnumber(L, (lua_Number)value->as.integer);
		return;
	case USH_FACT_BOOLEAN:
		lua_pushboolean(L, value->as.integer != 0);
		return;
	case USH_FACT_STRINGS:
		push_strings(L, value->as.strings.v, value->as.strings.n);
		return;
	case USH_FACT_CERT:
		push_cert(L, value->as.cert);
		return;
	case USH_FACT_HELLO:
		push_hello(L, value->as.hello);
		return;
	case USH_FACT_DATA:
		push_data(L, value->as.string);
		return;
	case USH_FACT_VARS:
	case USH_FACT_PREVIOUS:
		lua_pushvalue(L, lua_upvalueindex(UP_CHILD));
		return;
	}
}

static int
raise_expired(lua_State *L, const struct ush_handle *h)
{
	return luaL_error(L,
	    "expired: %s was used outside the call it was given to; keep its "
	    "facts, not the handle",
	    h->name);
}

static inline struct ush_handle *
handle_check(lua_State *L)
{
	struct ush_handle *h = lua_touserdata(L, 1);

	if (!h->facts)
		raise_expired(L, h);
	return h;
}

/* The names that a handle's object has, for advice. */
static size_t
object_names(enum ush_fact_object object, const char **names)
{
	size_t n = 0;

	for (int i = 0; i < USH_FACTS; i++)
		if (ush_fact_infos[i].object == object)
			names[n++] = ush_fact_infos[i].name;
	return n;
}

static int
raise_unknown(lua_State *L, const struct ush_handle *h)
{
	const char *names[USH_FACTS], *near, *key;
	size_t n;

	/* A number has become a string in check_fact. */
	if (lua_type(L, 2) != LUA_TSTRING || lua_isnumber(L, 2))
		return luaL_error(L, "%s has no fact by a %s; use a name",
		    h->name,
		    lua_isnumber(L, 2) ? "number" : luaL_typename(L, 2));
	key = lua_tostring(L, 2);
	n = object_names(h->object, names);
	near = ush_near(key, names, n);
	if (h->object == USH_OBJECT_ISSUE) {
		n = object_names(USH_OBJECT_TICKET, names);
		for (size_t i = 0; i < n; i++)
			if (strcmp(names[i], key) == 0)
				return luaL_error(L,
				    "'%s' is not a fact of the ticket that "
				    "generate makes; of the one it resumed "
				    "with it is ticket.previous.%s",
				    key, key);
	}
	if (near)
		return luaL_error(L, "%s has no fact '%s'; did you mean '%s'?",
		    h->name, key, near);
	return luaL_error(L, "%s has no fact '%s'", h->name, key);
}

/* The fact whose name is argument 2, raising if there is none. */
static inline const struct place *
check_fact(lua_State *L, struct ush_handle *h)
{
	const char *name = lua_tostring(L, 2);
	const struct place *place = find_place(h, name);

	if (!name || !place->name)
		raise_unknown(L, h);
	return place;
}

static int
l_handle_index(lua_State *L)
{
	struct ush_handle *h = handle_check(L);
	const struct place *place = check_fact(L, h);
	unsigned int type = place->type[h->generate];
	struct ush_fact_value value;

	if (type == ABSENT)
		return 0;
	value.there = type == USH_FACT_VARS;
	if (!value.there)
		h->facts->ops->get(h->facts, place->id, &value);
	if (!value.there)
		return 0;
	push_value(L, type, &value);
	return 1;
}

static int
raise_not_assignable(
    lua_State *L, const struct ush_handle *h, const struct ush_fact_info *info)
{
	if (info->type == USH_FACT_VARS)
		return luaL_error(L,
		    "%s.vars can't be replaced; assign to %s.vars.NAME",
		    h->name, h->name);
	if (info->decrypt == USH_FACT_ASSIGN ||
	    info->generate == USH_FACT_ASSIGN)
		return luaL_error(L, "%s.%s can be assigned in %s only",
		    h->name, info->name, h->generate ? "decrypt" : "generate");
	return luaL_error(L, "%s.%s can't be assigned", h->name, info->name);
}

/* The value of argument 3 as the fact has it, raising if of another type. */
static int64_t
check_value(
    lua_State *L, const struct ush_handle *h, const struct ush_fact_info *info)
{
	lua_Number n;

	if (info->type == USH_FACT_BOOLEAN) {
		if (lua_type(L, 3) != LUA_TBOOLEAN)
			luaL_error(L, "%s.%s takes a boolean, not a %s",
			    h->name, info->name, luaL_typename(L, 3));
		return lua_toboolean(L, 3);
	}
	if (lua_type(L, 3) != LUA_TNUMBER)
		luaL_error(L, "%s.%s takes a number, not a %s", h->name,
		    info->name, luaL_typename(L, 3));
	n = lua_tonumber(L, 3);
	if (!(n >= -9e15 && n <= 9e15) || n != floor(n))
		luaL_error(
		    L, "%s.%s takes a whole number", h->name, info->name);
	return (int64_t)n;
}

static int
l_handle_newindex(lua_State *L)
{
	struct ush_handle *h = handle_check(L);
	enum ush_fact_id id = check_fact(L, h)->id;
	const struct ush_fact_info *info = &ush_fact_infos[id];
	const char *why;

	if (info->type == USH_FACT_VARS ||
	    (h->generate ? info->generate : info->decrypt) != USH_FACT_ASSIGN)
		return raise_not_assignable(L, h, info);
	why = h->facts->ops->set(h->facts, id, check_value(L, h, info));
	if (why)
		return luaL_error(L, "%s.%s %s", h->name, info->name, why);
	return 0;
}

static struct ush_bytes
check_var_name(lua_State *L)
{
	struct ush_bytes name;

	if (lua_type(L, 2) != LUA_TSTRING)
		luaL_error(L, "conn.vars has no entry by a %s; use a name",
		    luaL_typename(L, 2));
	name.p = lua_tolstring(L, 2, &name.len);
	return name;
}

static int
l_vars_index(lua_State *L)
{
	struct ush_handle *h = handle_check(L);
	struct ush_bytes name = check_var_name(L);

	push_bytes(L, h->facts->ops->get_var(h->facts, name));
	return 1;
}

static int
l_vars_newindex(lua_State *L)
{
	struct ush_handle *h = handle_check(L);
	struct ush_bytes name = check_var_name(L), value = {NULL, 0};
	const char *why;

	if (lua_type(L, 3) == LUA_TSTRING)
		value.p = lua_tolstring(L, 3, &value.len);
	else if (!lua_isnil(L, 3))
		return luaL_error(L,
		    "conn.vars.%s takes a string or nil, not a %s", name.p,
		    luaL_typename(L, 3));
	why = h->facts->ops->set_var(h->facts, name, value);
	if (why)
		return luaL_error(L, "conn.vars.%s %s", name.p, why);
	return 0;
}

static int
l_handle_tostring(lua_State *L)
{
	lua_pushstring(L, ((struct ush_handle *)lua_touserdata(L, 1))->name);
	return 1;
}

static uint8_t
type_in(int fact, enum ush_fact_use use)
{
	return use == USH_FACT_NO ? ABSENT : (uint8_t)ush_fact_infos[fact].type;
}

/* Fills in the places of a handle, and pushes a table that holds the names.
 * [-0, +1, e] */
static void
push_names(lua_State *L, struct ush_handle *h)
{
	struct place *place;

	lua_createtable(L, USH_FACTS, 0);
	for (int i = 0; i < USH_FACTS; i++) {
		if (ush_fact_infos[i].object != h->object)
			continue;
		lua_pushstring(L, ush_fact_infos[i].name);
		place = find_place(h, lua_tostring(L, -1));
		place->name = lua_tostring(L, -1);
		place->id = (uint8_t)i;
		place->type[0] = type_in(i, ush_fact_infos[i].decrypt);
		place->type[1] = type_in(i, ush_fact_infos[i].generate);
		lua_rawseti(L, -2, i + 1);
	}
}

/* Sets a metamethod of the metatable on top of the stack; `names` and `child`
 * are stack indices. [-0, +0, e] */
static void
set_method(
    lua_State *L, const char *event, lua_CFunction fn, int names, int child)
{
	lua_pushvalue(L, names);
	lua_pushvalue(L, child);
	lua_pushcclosure(L, fn, 2);
	lua_setfield(L, -2, event);
}

/* Makes one handle from the child handle on top of the stack, which it
 * replaces. [-1, +1, e] */
static struct ush_handle *
handle_new(lua_State *L, const char *name, enum ush_fact_object object,
    lua_CFunction index, lua_CFunction newindex)
{
	int child = lua_gettop(L), names = child + 2;
	struct ush_handle *h = lua_newuserdata(L, sizeof *h);

	*h = (struct ush_handle){.name = name, .object = object};
	push_names(L, h);
	lua_pushvalue(L, child + 1);
	lua_createtable(L, 0, 4);
	set_method(L, "__index", index, names, child);
	set_method(L, "__newindex", newindex, names, child);
	set_method(L, "__tostring", l_handle_tostring, names, child);
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
	lua_replace(L, child);
	lua_settop(L, child);
	/* We hold its address, whether a script's function has it or not. */
	lua_pushlightuserdata(L, h);
	lua_pushvalue(L, child);
	lua_rawset(L, LUA_REGISTRYINDEX);
	return h;
}

static struct ush_handle *
facts_handle_new(lua_State *L, const char *name, enum ush_fact_object object)
{
	return handle_new(L, name, object, l_handle_index, l_handle_newindex);
}

void
ush_objects_new(lua_State *L, struct ush_objects *o)
{
	luaL_checkstack(L, 12, NULL);
	lua_pushnil(L);
	o->vars = handle_new(
	    L, "conn.vars", USH_OBJECT_CONN, l_vars_index, l_vars_newindex);
	o->conn = facts_handle_new(L, "conn", USH_OBJECT_CONN);
	lua_pushnil(L);
	o->ticket = facts_handle_new(L, "ticket", USH_OBJECT_TICKET);
	lua_pushnil(L);
	o->previous = facts_handle_new(L, "ticket.previous", USH_OBJECT_TICKET);
	o->issue = facts_handle_new(L, "ticket", USH_OBJECT_ISSUE);
}

void
ush_objects_open_decrypt(struct ush_objects *o, struct ush_facts *facts)
{
	o->conn->facts = o->vars->facts = o->ticket->facts = facts;
	o->conn->generate = false;
}

void
ush_objects_open_generate(struct ush_objects *o, struct ush_facts *facts)
{
	o->conn->facts = o->vars->facts = facts;
	o->issue->facts = o->previous->facts = facts;
	o->conn->generate = true;
	o->issue->generate = o->previous->generate = true;
}

void
ush_objects_close(struct ush_objects *o)
{
	o->conn->facts = o->vars->facts = o->ticket->facts = NULL;
	o->issue->facts = o->previous->facts = NULL;
}
