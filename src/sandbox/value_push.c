/*
 * SPDX-License-Identifier: MIT
 *
 * CBOR to Lua values (value.c: and back), by recursion that ends at
 * USH_VALUE_DEPTH tables. What is malformed may have been announced by anyone,
 * so no number in it is believed before its items are there.
 */
#include "sandbox/value.h"

#include <string.h>

#include "sandbox/value_common.h"

enum {
	PRESIZE = 256,      /* items that a table is made for at the most */
	BYTES_PER_UNIT = 2, /* of the budget */
	BREAK = 0xFF,       /* ends what is of indefinite length */
};

/* `depth` counts the tables around. On -1 the stack may hold more than before,
 * which the outermost call takes off. */

static int push_item(lua_State *L, struct ush_cbor_reader *r,
    struct ush_cbor_item *item, int depth);

static inline void
push_chars(lua_State *L, const unsigned char *p, size_t len)
{
	lua_pushlstring(L, (const char *)p, len);
}

/* Strings are what nearly all tickets hold. */
static inline int
push_next(lua_State *L, struct ush_cbor_reader *r, int depth)
{
	struct ush_cbor_item item;
	const unsigned char *p;
	size_t len;

	if (ush_cbor_next_short(r, &p, &len)) {
		push_chars(L, p, len);
		return 0;
	}
	if (ush_cbor_next(r, &item) != 0)
		return -1;
	return push_item(L, r, &item, depth);
}

/* Checks the chunks of a string up to their break, and adds up their bytes. */
static int
measure_chunks(
    struct ush_cbor_reader *r, enum ush_cbor_type type, size_t *total)
{
	struct ush_cbor_item chunk;

	*total = 0;
	while (ush_cbor_next(r, &chunk) == 0) {
		if (chunk.type == USH_CBOR_BREAK)
			return 0;
		if (chunk.type != type || chunk.indefinite)
			return -1;
		*total += chunk.u.string.len;
	}
	return -1;
}

/* A string of indefinite length, put together in a userdata. */
static int
push_chunks(lua_State *L, struct ush_cbor_reader *r, enum ush_cbor_type type)
{
	struct ush_cbor_reader again = *r;
	struct ush_cbor_item chunk;
	size_t total;
	char *buf, *to;

	if (measure_chunks(r, type, &total) != 0)
		return -1;
	buf = to = lua_newuserdata(L, total > 0 ? total : 1);
	while (ush_cbor_next(&again, &chunk) == 0 &&
	       chunk.type != USH_CBOR_BREAK) {
		memcpy(to, chunk.u.string.p, chunk.u.string.len);
		to += chunk.u.string.len;
	}
	lua_pushlstring(L, buf, total);
	lua_remove(L, -2);
	return 0;
}

/* Is the container that `item` began over after `done` items? Steps over the
 * break of an indefinite one. */
static bool
is_over(
    struct ush_cbor_reader *r, const struct ush_cbor_item *item, size_t done)
{
	if (!item->indefinite)
		return done == item->u.integer;
	if (ush_cbor_at_end(r) || *r->p != BREAK)
		return false;
	r->p++;
	return true;
}

/* What is announced is not believed beyond PRESIZE. */
static int
presize(const struct ush_cbor_item *item)
{
	if (item->indefinite)
		return 0;
	return item->u.integer < PRESIZE ? (int)item->u.integer : PRESIZE;
}

static int
push_array(lua_State *L, struct ush_cbor_reader *r,
    const struct ush_cbor_item *item, int depth)
{
	int i;

	lua_createtable(L, presize(item), 0);
	for (i = 0; !is_over(r, item, (size_t)i); i++) {
		if (push_next(L, r, depth) != 0)
			return -1;
		lua_rawseti(L, -2, i + 1);
	}
	return 0;
}

static int
push_other_key(lua_State *L, struct ush_cbor_reader *r, int depth)
{
	struct ush_cbor_item item;

	if (ush_cbor_next(r, &item) != 0 || push_item(L, r, &item, depth) != 0)
		return -1;
	if (lua_type(L, -1) == LUA_TSTRING)
		return 0;
	if (lua_type(L, -1) != LUA_TNUMBER)
		return -1;
	return ush_value_is_integer(lua_tonumber(L, -1)) ? 0 : -1;
}

static inline int
push_key(lua_State *L, struct ush_cbor_reader *r, int depth)
{
	const unsigned char *p;
	size_t len;

	if (!ush_cbor_next_short(r, &p, &len))
		return push_other_key(L, r, depth);
	push_chars(L, p, len);
	return 0;
}

static int
push_map(lua_State *L, struct ush_cbor_reader *r,
    const struct ush_cbor_item *item, int depth)
{
	size_t i;

	lua_createtable(L, 0, presize(item));
	for (i = 0; !is_over(r, item, i); i++) {
		if (push_key(L, r, depth) != 0 || push_next(L, r, depth) != 0)
			return -1;
		lua_rawset(L, -3);
	}
	return 0;
}

static int
push_table(lua_State *L, struct ush_cbor_reader *r,
    const struct ush_cbor_item *item, int depth)
{
	if (depth == USH_VALUE_DEPTH)
		return -1;
	if (depth == USH_VALUE_SHALLOW && !lua_checkstack(L, USH_VALUE_SLOTS))
		return -1;
	return item->type == USH_CBOR_MAP ? push_map(L, r, item, depth + 1)
					  : push_array(L, r, item, depth + 1);
}

/* *item is overwritten by what a tag stands before. */
static int
push_item(lua_State *L, struct ush_cbor_reader *r, struct ush_cbor_item *item,
    int depth)
{
	while (item->type == USH_CBOR_TAG)
		if (ush_cbor_next(r, item) != 0)
			return -1;
	switch (item->type) {
	case USH_CBOR_TEXT:
	case USH_CBOR_BYTES:
		if (item->indefinite)
			return push_chunks(L, r, item->type);
		push_chars(L, item->u.string.p, item->u.string.len);
		return 0;
	case USH_CBOR_MAP:
	case USH_CBOR_ARRAY:
		return push_table(L, r, item, depth);
	case USH_CBOR_UINT:
		lua_pushnumber(L, (double)item->u.integer);
		return 0;
	case USH_CBOR_NEGINT:
		lua_pushnumber(L, -1.0 - (double)item->u.integer);
		return 0;
	case USH_CBOR_DOUBLE:
		lua_pushnumber(L, item->u.number);
		return 0;
	case USH_CBOR_BOOL:
		lua_pushboolean(L, item->u.boolean);
		return 0;
	case USH_CBOR_NULL:
	case USH_CBOR_UNDEFINED:
		lua_pushnil(L);
		return 0;
	default:
		return -1;
	}
}

int
ush_value_push(lua_State *L, struct ush_cbor_reader *r)
{
	const unsigned char *from = r->p;
	int top = lua_gettop(L), failed;

	failed = push_next(L, r, 0);
	if (failed)
		lua_settop(L, top);
	/* If that was the last of the budget, the next instruction raises. */
	ush_value_charge(L, (uint64_t)(r->p - from) / BYTES_PER_UNIT);
	return failed;
}
