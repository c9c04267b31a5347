/*
 * SPDX-License-Identifier: MIT
 *
 * A handle is no object but a number: what it is a handle of, in its three
 * lowest bits, and above them the number of the call that it was given to. As
 * a light userdata it costs no memory, is worth the same wherever a script
 * puts it, and tells for ever whether its call is the one that runs now.
 *
 * All light userdata of a state share one metatable, and no others reach
 * scripts, who can't reach the metatable: so `self` is always a handle. The
 * metamethods have two upvalues, the state's one struct ush_objects and a table
 * that holds the names of facts.
 *
 * LuaJIT keeps the upper 25 bits of a light userdata in a list. All handles
 * have the same entry, made with the state, so handing one out never allocates.
 * When the calls' numbers are used up, the state is to be replaced.
 */
#include "facts/objects.h"

#include <math.h>
#include <string.h>

#include <lauxlib.h>

#include "base/near.h"
#include "facts/push.h"

enum {
	UP_OBJECTS = 1, /* the upvalue */
	PLACES = 32,    /* a power of two, more than any object has facts */
	ABSENT = UINT8_MAX,
};

enum kind {
	KIND_CONN = 1,
	KIND_VARS,
	KIND_TICKET,
	KIND_ISSUE,
	KIND_PREVIOUS,
	KINDS,
	KIND_BITS = 7,
};

#define CALL_FIRST ((uintptr_t)KIND_BITS + 1)
#define CALL_END ((uintptr_t)1 << 39)
_Static_assert(sizeof(uintptr_t) == 8, "LuaJIT with GC64 is of 64 bits");

/* A fact by its name: Lua has each string once, so the address tells. With
 * what reading it needs of the list, in as few bytes as that takes. */
struct place {
	const char *name; /* held by the names table; NULL: free */
	uint8_t id;
	uint8_t type[2]; /* by `generate`: enum ush_fact_type, or ABSENT */
};
_Static_assert(USH_FACTS <= UINT8_MAX, "a fact's id is a byte");

struct kind_facts {
	const char *name; /* as scripts know it */
	enum ush_fact_object object;
	struct place places[PLACES];
};

struct ush_objects {
	uintptr_t now;  /* the call that runs; 0: none does */
	uintptr_t next; /* the one after */
	struct ush_facts *facts;
	bool generate; /* which function it is */
	struct kind_facts classes[KINDS];
};

/* A handle, told from its value. */
struct handle {
	struct ush_objects *objects;
	struct kind_facts *class;
	enum kind kind;
};

/* Where a name is, or would be. */
static inline struct place *
find_place(struct kind_facts *c, const char *name)
{
	size_t i = ((uintptr_t)name >> 4) % PLACES;

	while (c->places[i].name != name && c->places[i].name)
		i = (i + 1) % PLACES;
	return &c->places[i];
}

static inline void *
handle_of(const struct ush_objects *o, enum kind kind)
{
	return (void *)(o->now | kind); /* NOLINT: a number, see above */
}

static void
push_value(lua_State *L, const struct ush_objects *o, enum ush_fact_type type,
    const struct ush_fact_value *value)
{
	switch (type) {
	case USH_FACT_STRING:
		ush_push_bytes(L, value->as.string);
		return;
	case USH_FACT_INTEGER:
		lua_pushnumber(L, (lua_Number)value->as.integer);
		return;
	case USH_FACT_BOOLEAN:
		lua_pushboolean(L, value->as.integer != 0);
		return;
	case USH_FACT_VARS:
		lua_pushlightuserdata(L, handle_of(o, KIND_VARS));
		return;
	case USH_FACT_PREVIOUS:
		lua_pushlightuserdata(L, handle_of(o, KIND_PREVIOUS));
		return;
	default:
		ush_push_table(L, type, value);
		return;
	}
}

static int
raise_expired(lua_State *L, const struct kind_facts *c)
{
	return luaL_error(L,
	    "expired: %s was used outside the call it was given to; keep its "
	    "facts, not the handle",
	    c->name);
}

/* The handle that is argument 1, whether its call runs or not. */
static inline uintptr_t
handle_get(lua_State *L, struct handle *h)
{
	uintptr_t value = (uintptr_t)lua_touserdata(L, 1);

	h->objects = lua_touserdata(L, lua_upvalueindex(UP_OBJECTS));
	h->kind = (enum kind)(value & KIND_BITS);
	h->class = &h->objects->classes[h->kind];
	return value - h->kind;
}

static inline void
handle_check(lua_State *L, struct handle *h)
{
	if (handle_get(L, h) != h->objects->now)
		raise_expired(L, h->class);
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
raise_unknown(lua_State *L, const struct kind_facts *c)
{
	const char *names[USH_FACTS], *near, *key;
	size_t n;

	/* A number has become a string in check_fact. */
	if (lua_type(L, 2) != LUA_TSTRING || lua_isnumber(L, 2))
		return luaL_error(L, "%s has no fact by a %s; use a name",
		    c->name,
		    lua_isnumber(L, 2) ? "number" : luaL_typename(L, 2));
	key = lua_tostring(L, 2);
	n = object_names(c->object, names);
	near = ush_near(key, names, n);
	if (c->object == USH_OBJECT_ISSUE) {
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
		    c->name, key, near);
	return luaL_error(L, "%s has no fact '%s'", c->name, key);
}

/* The fact whose name is argument 2, raising if there is none. */
static inline const struct place *
check_fact(lua_State *L, struct kind_facts *c)
{
	const char *name = lua_tostring(L, 2);
	const struct place *place = find_place(c, name);

	if (!name || !place->name)
		raise_unknown(L, c);
	return place;
}

static int
raise_not_assignable(lua_State *L, const struct kind_facts *c,
    const struct ush_fact_info *info, bool generate)
{
	if (info->type == USH_FACT_VARS)
		return luaL_error(L,
		    "%s.vars can't be replaced; assign to %s.vars.NAME",
		    c->name, c->name);
	if (info->decrypt == USH_FACT_ASSIGN ||
	    info->generate == USH_FACT_ASSIGN)
		return luaL_error(L, "%s.%s can be assigned in %s only",
		    c->name, info->name, generate ? "decrypt" : "generate");
	return luaL_error(L, "%s.%s can't be assigned", c->name, info->name);
}

/* The value of argument 3 as the fact has it, raising if of another type. */
static int64_t
check_value(
    lua_State *L, const struct kind_facts *c, const struct ush_fact_info *info)
{
	lua_Number n;

	if (info->type == USH_FACT_BOOLEAN) {
		if (lua_type(L, 3) != LUA_TBOOLEAN)
			luaL_error(L, "%s.%s takes a boolean, not a %s",
			    c->name, info->name, luaL_typename(L, 3));
		return lua_toboolean(L, 3);
	}
	if (lua_type(L, 3) != LUA_TNUMBER)
		luaL_error(L, "%s.%s takes a number, not a %s", c->name,
		    info->name, luaL_typename(L, 3));
	n = lua_tonumber(L, 3);
	if (!(n >= -9e15 && n <= 9e15) || n != floor(n))
		luaL_error(
		    L, "%s.%s takes a whole number", c->name, info->name);
	return (int64_t)n;
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
set_var(lua_State *L, struct ush_facts *facts)
{
	struct ush_bytes name = check_var_name(L), value = {NULL, 0};
	const char *why;

	if (lua_type(L, 3) == LUA_TSTRING)
		value.p = lua_tolstring(L, 3, &value.len);
	else if (!lua_isnil(L, 3))
		return luaL_error(L,
		    "conn.vars.%s takes a string or nil, not a %s", name.p,
		    luaL_typename(L, 3));
	why = facts->ops->set_var(facts, name, value);
	if (why)
		return luaL_error(L, "conn.vars.%s %s", name.p, why);
	return 0;
}

/*
 * The metamethods
 */

static int
l_handle_index(lua_State *L)
{
	const struct place *place;
	struct ush_fact_value value;
	struct ush_facts *facts;
	struct handle h;
	unsigned int type;

	handle_check(L, &h);
	facts = h.objects->facts;
	if (h.kind == KIND_VARS) {
		ush_push_bytes(
		    L, facts->ops->get_var(facts, check_var_name(L)));
		return 1;
	}
	place = check_fact(L, h.class);
	type = place->type[h.objects->generate];
	if (type == ABSENT)
		return 0;
	value.there = type == USH_FACT_VARS;
	if (!value.there)
		facts->ops->get(facts, place->id, &value);
	if (!value.there)
		return 0;
	push_value(L, h.objects, type, &value);
	return 1;
}

static int
l_handle_newindex(lua_State *L)
{
	const struct ush_fact_info *info;
	enum ush_fact_id id;
	struct ush_facts *facts;
	struct handle h;
	const char *why;
	bool generate;

	handle_check(L, &h);
	facts = h.objects->facts;
	if (h.kind == KIND_VARS)
		return set_var(L, facts);
	id = check_fact(L, h.class)->id;
	info = &ush_fact_infos[id];
	generate = h.objects->generate;
	if (info->type == USH_FACT_VARS ||
	    (generate ? info->generate : info->decrypt) != USH_FACT_ASSIGN)
		return raise_not_assignable(L, h.class, info, generate);
	why = facts->ops->set(facts, id, check_value(L, h.class, info));
	if (why)
		return luaL_error(
		    L, "%s.%s %s", h.class->name, info->name, why);
	return 0;
}

static int
l_handle_tostring(lua_State *L)
{
	struct handle h;

	handle_get(L, &h);
	lua_pushstring(L, h.class->name);
	return 1;
}

/*
 * Setting up
 */

static uint8_t
type_in(int fact, enum ush_fact_use use)
{
	return use == USH_FACT_NO ? ABSENT : (uint8_t)ush_fact_infos[fact].type;
}

/* Fills in the places of a class. The names are kept in the table on top of
 * the stack. [-0, +0, e] */
static void
set_places(lua_State *L, struct kind_facts *c)
{
	struct place *place;

	for (int i = 0; i < USH_FACTS; i++) {
		if (ush_fact_infos[i].object != c->object)
			continue;
		lua_pushstring(L, ush_fact_infos[i].name);
		place = find_place(c, lua_tostring(L, -1));
		place->name = lua_tostring(L, -1);
		place->id = (uint8_t)i;
		place->type[0] = type_in(i, ush_fact_infos[i].decrypt);
		place->type[1] = type_in(i, ush_fact_infos[i].generate);
		lua_rawseti(L, -2, i + 1);
	}
}

/* Sets a metamethod of the metatable on top of the stack; its upvalues are at
 * `objects` and above. [-0, +0, e] */
static void
set_method(lua_State *L, const char *event, lua_CFunction fn, int objects)
{
	lua_pushvalue(L, objects);
	lua_pushvalue(L, objects + 1);
	lua_pushcclosure(L, fn, 2);
	lua_setfield(L, -2, event);
}

static const struct kind_facts classes[KINDS] = {
    [KIND_CONN] = {.name = "conn", .object = USH_OBJECT_CONN},
    [KIND_VARS] = {.name = "conn.vars", .object = USH_OBJECT_CONN},
    [KIND_TICKET] = {.name = "ticket", .object = USH_OBJECT_TICKET},
    [KIND_ISSUE] = {.name = "ticket", .object = USH_OBJECT_ISSUE},
    [KIND_PREVIOUS] = {.name = "ticket.previous", .object = USH_OBJECT_TICKET},
};

struct ush_objects *
ush_objects_new(lua_State *L)
{
	struct ush_objects *o = lua_newuserdata(L, sizeof *o);
	int at = lua_gettop(L);

	luaL_checkstack(L, 8, NULL);
	o->now = 0;
	o->next = CALL_FIRST;
	o->facts = NULL;
	o->generate = false;
	memcpy(o->classes, classes, sizeof classes);
	lua_createtable(L, USH_FACTS, 0);
	for (int i = KIND_CONN; i < KINDS; i++)
		set_places(L, &o->classes[i]);
	/* The first of its kind, and so the list's entry. */
	lua_pushlightuserdata(L, handle_of(o, KIND_CONN));
	lua_createtable(L, 0, 4);
	set_method(L, "__index", l_handle_index, at);
	set_method(L, "__newindex", l_handle_newindex, at);
	set_method(L, "__tostring", l_handle_tostring, at);
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
	lua_settop(L, at - 1);
	return o;
}

static void
open(struct ush_objects *o, struct ush_facts *facts, bool generate)
{
	o->now = o->next;
	o->next += CALL_FIRST;
	o->facts = facts;
	o->generate = generate;
}

void
ush_objects_open_decrypt(
    struct ush_objects *o, struct ush_facts *facts, struct ush_handles *handles)
{
	open(o, facts, false);
	handles->conn = handle_of(o, KIND_CONN);
	handles->ticket = handle_of(o, KIND_TICKET);
}

void
ush_objects_open_generate(
    struct ush_objects *o, struct ush_facts *facts, struct ush_handles *handles)
{
	open(o, facts, true);
	handles->conn = handle_of(o, KIND_CONN);
	handles->ticket = handle_of(o, KIND_ISSUE);
}

void
ush_objects_close(struct ush_objects *o)
{
	o->now = 0;
	o->facts = NULL;
}

bool
ush_objects_are_spent(const struct ush_objects *o)
{
	return o->next >= CALL_END;
}

void
ush_objects_skip(struct ush_objects *o, uint64_t calls)
{
	o->next += calls * CALL_FIRST;
}
