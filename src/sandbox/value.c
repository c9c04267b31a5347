/*
 * SPDX-License-Identifier: MIT
 *
 * Lua values to CBOR (value_push.c: and back), by recursion that ends at
 * USH_VALUE_DEPTH tables. Tables are read raw: lua_next, lua_rawgeti and
 * lua_objlen know no metamethods. Keys stay on the Lua stack while their values
 * are written, so the path of an offending value can be told afterwards.
 *
 * Writing may not raise, but growing the Lua stack can: the first
 * USH_VALUE_SHALLOW tables live in the slots that every C function has, and
 * whoever stores deeper ones pays for a protected call.
 */
#include "sandbox/value.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "sandbox/value_common.h"

enum {
	PIECE = 48, /* bytes of a key in a path, at the most */
	PATH = 320,
	/* What writing costs, in units of the budget. */
	TABLE_UNITS = 16,
	ITEM_UNITS = 4,
	/* Charged at once. */
	SOME_UNITS = 256,
};

struct job {
	lua_State *L;
	struct ush_cbor_writer *w;
	char *why;
	size_t why_cap;
	uint64_t units; /* of work, not charged yet */
};

/* A table that is being written, and where in it we are. */
struct level {
	const struct level *up;
	int table; /* its stack slot */
	int depth; /* 1: the outermost */
	int key;   /* stack slot of the key; 0 in an array */
	int i;     /* index in an array */
};

static int write_value(struct job *job, const struct level *up, int slot);

/* Refusing. */

static bool
is_name(const char *s, size_t len)
{
	size_t i;

	if (len == 0 || (*s >= '0' && *s <= '9'))
		return false;
	for (i = 0; i < len; i++)
		if (!(s[i] == '_' || (s[i] >= '0' && s[i] <= '9') ||
			(s[i] >= 'A' && s[i] <= 'Z') ||
			(s[i] >= 'a' && s[i] <= 'z')))
			return false;
	return true;
}

/* ".name", "[3]" or "[\"any other\"]" */
static void
format_key(lua_State *L, const struct level *level, char *out, size_t cap)
{
	char text[PIECE];
	const char *s;
	size_t len;

	if (level->key == 0) {
		snprintf(out, cap, "[%d]", level->i);
	} else if (lua_type(L, level->key) == LUA_TNUMBER) {
		snprintf(out, cap, "[%.16g]", lua_tonumber(L, level->key));
	} else {
		s = lua_tolstring(L, level->key, &len);
		ush_escape(text, sizeof text, s, len);
		snprintf(out, cap, is_name(s, len) ? ".%s" : "[\"%s\"]", text);
	}
}

/* Appends the path of where `level` is to the text in `out`. False once it had
 * to be cut. */
static bool
format_path(lua_State *L, const struct level *level, char *out, size_t cap)
{
	char key[PIECE + 8];
	size_t len;

	if (!level)
		return true;
	if (!format_path(L, level->up, out, cap))
		return false;
	len = strlen(out);
	format_key(L, level, key, sizeof key);
	if (strlen(key) + 4 > cap - len) {
		snprintf(out + len, cap - len, "...");
		return false;
	}
	memcpy(out + len, key, strlen(key) + 1);
	return true;
}

/* `at` is where the offending value stands; NULL: it is the outermost. */
static int
refuse(struct job *job, const struct level *at, const char *what)
{
	char path[PATH] = "data";

	format_path(job->L, at, path, sizeof path);
	snprintf(job->why, job->why_cap, "%s: %s", path, what);
	return -1;
}

static int
refuse_type(struct job *job, const struct level *at, int type)
{
	char what[64];

	snprintf(what, sizeof what, "a %s can't be stored",
	    lua_typename(job->L, type));
	return refuse(job, at, what);
}

static int
refuse_key(struct job *job, const struct level *level)
{
	int type = lua_type(job->L, level->key);
	char what[80];

	if (type == LUA_TNUMBER)
		snprintf(what, sizeof what,
		    "the key %.16g can't be stored (it is no integer)",
		    lua_tonumber(job->L, level->key));
	else
		snprintf(what, sizeof what,
		    "a %s as a key can't be stored (strings and integers can)",
		    lua_typename(job->L, type));
	return refuse(job, level->up, what);
}

/* Writing. */

/* Not on to the end of a large table for nothing. */
static inline int
overflown(struct job *job)
{
	return job->w->overflow ? refuse(job, NULL, "larger than the limit")
				: 0;
}

static int
l_reserve(lua_State *L)
{
	bool *done = lua_touserdata(L, 1);

	*done = lua_checkstack(L, USH_VALUE_SLOTS) != 0;
	return 0;
}

/* More stack for the levels to come. Not even the want of memory raises. */
static bool
reserve(lua_State *L)
{
	bool done = false;

	if (lua_cpcall(L, l_reserve, &done) != 0) {
		lua_pop(L, 1);
		return false;
	}
	return done;
}

/*
 * A few references to one huge table with nothing in it make much work out of
 * little: so tables are charged, too.
 */
static bool
charge(struct job *job, uint64_t units)
{
	bool left = true;

	job->units += units;
	if (job->units >= SOME_UNITS) {
		left = ush_value_charge(job->L, job->units);
		job->units = 0;
	}
	return left;
}

/*
 * Are the table's keys 1 to n? To be known before the items are written: to
 * begin again, at each of several levels, would be exponential work.
 */
static bool
is_array(lua_State *L, int table, size_t n)
{
	size_t count = 0;
	double key;

	lua_pushnil(L);
	while (lua_next(L, table)) {
		lua_pop(L, 1);
		key = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;
		if (!(key >= 1 && key <= (double)n) ||
		    !ush_value_is_integer(key)) {
			lua_pop(L, 1);
			return false;
		}
		count++;
	}
	return count == n;
}

static int
write_array(struct job *job, struct level *level, int n)
{
	lua_State *L = job->L;
	int value = lua_gettop(L) + 1;

	level->key = 0;
	ush_cbor_put_array(job->w, (uint64_t)n);
	for (level->i = 1; level->i <= n; level->i++) {
		lua_rawgeti(L, level->table, level->i);
		if (write_value(job, level, value) != 0)
			return -1;
		lua_pop(L, 1);
	}
	job->units += ITEM_UNITS * (uint64_t)n;
	return 0;
}

static inline void
write_string(struct job *job, int index)
{
	size_t len;
	const char *s = lua_tolstring(job->L, index, &len);

	ush_cbor_put_string(job->w, s, len);
}

/* A key that is no string. */
static int
write_number_key(struct job *job, const struct level *level, int type)
{
	double number = 0.5;

	if (type == LUA_TNUMBER)
		number = lua_tonumber(job->L, level->key);
	if (!ush_value_is_integer(number))
		return refuse_key(job, level);
	ush_cbor_put_int(job->w, (int64_t)number);
	return 0;
}

/* The pair on top of the stack, its key of the given type. Strings are what
 * nearly all tickets hold. */
static inline int
write_pair(struct job *job, struct level *level, int key_type)
{
	if (key_type == LUA_TSTRING)
		write_string(job, -2);
	else if (write_number_key(job, level, key_type) != 0)
		return -1;
	if (lua_type(job->L, -1) != LUA_TSTRING)
		return write_value(job, level, level->key + 1);
	write_string(job, -1);
	return overflown(job);
}

/* With the first key, of the given type, and its value on the stack already. */
static int
write_map(struct job *job, struct level *level, int key_type)
{
	lua_State *L = job->L;
	size_t mark = ush_cbor_open_map(job->w);
	uint64_t pairs = 0;

	level->key = lua_gettop(L) - 1;
	for (;;) {
		if (write_pair(job, level, key_type) != 0)
			return -1;
		lua_pop(L, 1);
		pairs++;
		if (!lua_next(L, level->table))
			break;
		key_type = lua_type(L, -2);
	}
	job->units += ITEM_UNITS * pairs;
	ush_cbor_close_map(job->w, mark, pairs);
	return 0;
}

static int
write_pairs(struct job *job, struct level *level)
{
	lua_State *L = job->L;
	int key_type;
	size_t n;

	lua_pushnil(L);
	if (!lua_next(L, level->table)) {
		ush_cbor_put_map(job->w, 0);
		return 0;
	}
	/* One key that is no number is enough to make it a map. */
	key_type = lua_type(L, -2);
	if (key_type == LUA_TNUMBER) {
		n = lua_objlen(L, level->table);
		if (n > 0 && is_array(L, level->table, n)) {
			lua_pop(L, 2);
			return write_array(job, level, (int)n);
		}
	}
	return write_map(job, level, key_type);
}

static int
write_table(struct job *job, const struct level *up, int slot)
{
	struct level level = {.up = up, .table = slot, .depth = 1};

	if (up)
		level.depth = up->depth + 1;
	if (level.depth > USH_VALUE_DEPTH)
		return refuse(
		    job, up, "tables are nested too deep (16 at most)");
	if (level.depth == USH_VALUE_SHALLOW + 1 && !reserve(job->L))
		return refuse(job, up, "not enough memory");
	if (!charge(job, TABLE_UNITS))
		return refuse(job, up, "a limit of the call was reached");
	return write_pairs(job, &level);
}

static int
write_value(struct job *job, const struct level *up, int slot)
{
	int type = lua_type(job->L, slot);

	switch (type) {
	case LUA_TSTRING:
		write_string(job, slot);
		break;
	case LUA_TNUMBER:
		ush_cbor_put_number(job->w, lua_tonumber(job->L, slot));
		break;
	case LUA_TBOOLEAN:
		ush_cbor_put_bool(job->w, lua_toboolean(job->L, slot) != 0);
		break;
	case LUA_TTABLE:
		if (write_table(job, up, slot) != 0)
			return -1;
		break;
	case LUA_TNIL:
		ush_cbor_put_null(job->w);
		break;
	default:
		return refuse_type(job, up, type);
	}
	return overflown(job);
}

int
ush_value_write(lua_State *L, int index, struct ush_cbor_writer *w, char *why,
    size_t why_cap)
{
	struct job job = {L, w, why, why_cap, 0};
	int top = lua_gettop(L), failed;

	if (why_cap > 0)
		*why = '\0';
	if (index < 0)
		index += top + 1;
	failed = write_value(&job, NULL, index);
	charge(&job, SOME_UNITS); /* the rest, and for the call itself */
	if (failed)
		lua_settop(L, top);
	return failed;
}
