/*
 * SPDX-License-Identifier: MIT
 *
 * Lua values as JSON documents of recorded facts.
 */
#include "cli/lua_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypto.h"
#include "sandbox/value.h"

enum { DEPTH_MAX = 32, PATH_LEN = 160, DATA_MAX = 65536 };

struct maker {
	lua_State *L;
	char *why;
	size_t cap;
};

static json_t *
refuse(struct maker *m, const char *path, const char *what)
{
	snprintf(m->why, m->cap, "%s: %s", path, what);
	return NULL;
}

/* An object with one member: `key`, and the bytes in hex digits. */
static json_t *
hex_object(const char *key, const void *bytes, size_t len)
{
	char *digits = malloc(2 * len + 1);
	json_t *object = NULL;

	if (digits) {
		ush_hex(digits, bytes, len);
		object = json_pack("{s:s}", key, digits);
	}
	free(digits);
	return object;
}

static json_t *
of_string(struct maker *m, int index)
{
	size_t len;
	const char *s = lua_tolstring(m->L, index, &len);
	json_t *string = json_stringn(s, len);

	return string ? string : hex_object("$hex", s, len);
}

static json_t *
of_number(struct maker *m, int index, const char *path)
{
	double n = lua_tonumber(m->L, index);

	if (n != n || n - n != 0)
		return refuse(m, path, "must be a finite number");
	if (n >= -9e15 && n <= 9e15 && n == (double)(int64_t)n)
		return json_integer((int64_t)n);
	return json_real(n);
}

/* A table as it would lie in a ticket; it may hold what JSON has not. */
static json_t *
of_data(struct maker *m, int index, const char *path)
{
	unsigned char *buffer = malloc(DATA_MAX);
	struct ush_cbor_writer w;
	char why[200];
	json_t *object;

	if (!buffer)
		return refuse(m, path, "out of memory");
	ush_cbor_writer_init(&w, buffer, DATA_MAX);
	if (ush_value_write(m->L, index, &w, why, sizeof why) != 0)
		/* It begins with "data". */
		object = refuse(m, "ticket", why);
	else if (w.overflow)
		object = refuse(m, path, "is larger than any ticket");
	else
		object = hex_object("$cbor", buffer, ush_cbor_written(&w));
	free(buffer);
	return object;
}

static json_t *of_value(struct maker *m, int index, const char *path, int n);

static json_t *
of_list(struct maker *m, int index, const char *path, int depth)
{
	json_t *list = json_array();
	size_t n = lua_objlen(m->L, index);
	char inner[PATH_LEN + 40];

	for (size_t i = 1; i <= n; i++) {
		json_t *item;

		lua_rawgeti(m->L, index, (int)i);
		snprintf(inner, sizeof inner, "%.*s[%zu]", PATH_LEN, path, i);
		item = of_value(m, lua_gettop(m->L), inner, depth + 1);
		lua_pop(m->L, 1);
		if (!item || json_array_append_new(list, item) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* One pair, on top of the stack. */
static int
put_pair(struct maker *m, json_t *object, const char *path, int depth)
{
	char inner[PATH_LEN + 80];
	const char *key;
	json_t *value;

	if (lua_type(m->L, -2) != LUA_TSTRING) {
		refuse(m, path, "has a key that is no string");
		return -1;
	}
	key = lua_tostring(m->L, -2);
	snprintf(inner, sizeof inner, "%.*s%s%.60s", PATH_LEN, path,
	    *path ? "." : "", key);
	if (strcmp(key, "data") == 0 && lua_istable(m->L, -1) && depth <= 3) {
		lua_getfield(m->L, -1, "$cbor");
		if (lua_isnil(m->L, -1))
			value = of_data(m, lua_gettop(m->L) - 1, inner);
		else
			value =
			    of_value(m, lua_gettop(m->L) - 1, inner, depth + 1);
		lua_pop(m->L, 1);
	} else {
		value = of_value(m, lua_gettop(m->L), inner, depth + 1);
	}
	if (!value)
		return -1;
	if (json_object_set_new(object, key, value) != 0) {
		refuse(m, inner, "the name is no UTF-8");
		return -1;
	}
	return 0;
}

static json_t *
of_table(struct maker *m, int index, const char *path, int depth)
{
	json_t *object;

	if (depth > DEPTH_MAX || !lua_checkstack(m->L, 8))
		return refuse(m, path, "is nested too deep");
	if (lua_objlen(m->L, index) > 0)
		return of_list(m, index, path, depth);
	object = json_object();
	lua_pushnil(m->L);
	while (lua_next(m->L, index)) {
		if (put_pair(m, object, path, depth) != 0) {
			json_decref(object);
			lua_pop(m->L, 2);
			return NULL;
		}
		lua_pop(m->L, 1);
	}
	return object;
}

static json_t *
of_value(struct maker *m, int index, const char *path, int depth)
{
	char what[60];

	switch (lua_type(m->L, index)) {
	case LUA_TBOOLEAN:
		return json_boolean(lua_toboolean(m->L, index));
	case LUA_TNUMBER:
		return of_number(m, index, path);
	case LUA_TSTRING:
		return of_string(m, index);
	case LUA_TTABLE:
		return of_table(m, index, path, depth);
	default:
		snprintf(what, sizeof what, "a %s is no fact",
		    lua_typename(m->L, lua_type(m->L, index)));
		return refuse(m, path, what);
	}
}

json_t *
ush_lua_json(lua_State *L, int index, char *why, size_t cap)
{
	struct maker m = {L, why, cap};
	json_t *json;

	snprintf(why, cap, "out of memory");
	json = of_value(&m, index, "", 1);
	return json;
}
