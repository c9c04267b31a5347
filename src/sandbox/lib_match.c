/*
 * SPDX-License-Identifier: MIT
 *
 * find, match, gmatch and gsub.
 */
#include "sandbox/lib.h"

#include <string.h>

#include "sandbox/budget.h"
#include "sandbox/pattern.h"
#include "sandbox/strbuf.h"

enum {
	WINDOW = 4096, /* positions searched between two charges */
	POSITIONS_PER_UNIT = 16,
};

/*
 * The first place of `what` in s, or NULL. memmem alone takes linear time, but
 * may take 250 comparisons for a byte: so it gets no more than a window at a
 * time, large enough that looking at `what` costs less. [-0, +0, e]
 */
static const char *
find_plain(
    lua_State *L, const char *s, size_t len, const char *what, size_t what_len)
{
	size_t window = 4 * what_len > WINDOW ? 4 * what_len : WINDOW;
	const char *found;
	size_t n;

	if (what_len == 0)
		return s;
	while (len >= what_len) {
		n = len - what_len + 1;
		if (n > window)
			n = window;
		found = memmem(s, n + what_len - 1, what, what_len);
		if (found)
			n = (size_t)(found - s);
		ush_budget_charge(L, n / POSITIONS_PER_UNIT);
		if (found)
			return found;
		s += n;
		len -= n;
	}
	return NULL;
}

/* Where find, match begin: argument 3, as an offset. [-0, +0, e] */
static size_t
start_offset(lua_State *L, size_t len)
{
	ptrdiff_t init = ush_lib_position(ush_lib_opt_int(L, 3, 1), len);

	if (init < 1)
		return 0;
	return (size_t)init - 1 > len ? len : (size_t)init - 1;
}

static int
l_string_match(lua_State *L)
{
	struct ush_match m;
	size_t len;
	const char *s = luaL_checklstring(L, 1, &len);
	const char *pattern = luaL_checkstring(L, 2), *end;
	bool anchored = *pattern == '^';
	int n = 1;

	ush_match_init(&m, L, s, len);
	s += start_offset(L, len);
	end = ush_match_search(&m, &s, pattern + anchored, anchored);
	if (end)
		n = ush_match_push(&m, s, end);
	else
		lua_pushnil(L);
	ush_match_settle(&m);
	return n;
}

/* [-0, +n, e] */
static int
find_pattern(lua_State *L, const char *subject, size_t len, size_t offset,
    const char *pattern)
{
	struct ush_match m;
	bool anchored = *pattern == '^';
	const char *s = subject + offset, *end;
	int n = 1;

	ush_match_init(&m, L, subject, len);
	end = ush_match_search(&m, &s, pattern + anchored, anchored);
	if (end) {
		lua_pushinteger(L, s - subject + 1);
		lua_pushinteger(L, end - subject);
		n = 2 + ush_match_push(&m, NULL, NULL);
	} else {
		lua_pushnil(L);
	}
	ush_match_settle(&m);
	return n;
}

static int
l_string_find(lua_State *L)
{
	size_t len, what_len, offset;
	const char *s = luaL_checklstring(L, 1, &len);
	const char *what = luaL_checklstring(L, 2, &what_len), *found;

	offset = start_offset(L, len);
	ush_lib_charge_bytes(L, what_len * 8);
	if (!lua_toboolean(L, 4) && !ush_match_is_plain(what, what_len))
		return find_pattern(L, s, len, offset, what);
	found = find_plain(L, s + offset, len - offset, what, what_len);
	if (!found) {
		lua_pushnil(L);
		return 1;
	}
	lua_pushinteger(L, found - s + 1);
	lua_pushinteger(L, found - s + (ptrdiff_t)what_len);
	return 2;
}

/* The function that gmatch gives to `for`. Upvalues: subject, pattern, offset
 * at which to go on. */
static int
l_gmatch_next(lua_State *L)
{
	struct ush_match m;
	size_t len, offset;
	const char *subject = lua_tolstring(L, lua_upvalueindex(1), &len);
	const char *pattern = lua_tostring(L, lua_upvalueindex(2));
	const char *s, *end;
	int n = 0;

	offset = (size_t)lua_tonumber(L, lua_upvalueindex(3));
	if (offset > len)
		return 0;
	ush_match_init(&m, L, subject, len);
	s = subject + offset;
	end = ush_match_search(&m, &s, pattern, false);
	if (end) {
		/* Behind an empty match one further, or it would come again. */
		lua_pushinteger(L, end - subject + (end == s));
		lua_replace(L, lua_upvalueindex(3));
		n = ush_match_push(&m, s, end);
	}
	ush_match_settle(&m);
	return n;
}

static int
l_string_gmatch(lua_State *L)
{
	luaL_checkstring(L, 1);
	luaL_checkstring(L, 2);
	lua_settop(L, 2);
	lua_pushinteger(L, 0);
	lua_pushcclosure(L, l_gmatch_next, 3);
	return 1;
}

/* ---- gsub ---- */

/* One match in a subject that is being rewritten. */
struct rewrite {
	struct ush_match m;
	struct ush_strbuf out;
	const char *start, *end; /* of the match */
};

enum { SUBJECT = 1, PATTERN, REPLACEMENT, LIMIT };

/* Moves the string or number on top of the stack to the result. [-1, +0, e] */
static void
add_top(struct rewrite *r)
{
	size_t len;
	const char *s = lua_tolstring(r->m.L, -1, &len);

	ush_strbuf_add(&r->out, s, len);
	lua_pop(r->m.L, 1);
}

/* A replacement string, with %0, %1 ... in it. [-0, +0, e] */
static void
add_template(struct rewrite *r)
{
	size_t len, n;
	const char *s = lua_tolstring(r->m.L, REPLACEMENT, &len), *sign;
	const char *end = s + len;

	while ((sign = memchr(s, '%', (size_t)(end - s)))) {
		n = (size_t)(sign - s);
		ush_strbuf_add(&r->out, s, n);
		s = sign + 2;
		/* Behind the string's last byte is a NUL: "%" gives that. */
		if (sign[1] == '0') {
			ush_strbuf_add(
			    &r->out, r->start, (size_t)(r->end - r->start));
		} else if (sign[1] >= '1' && sign[1] <= '9') {
			ush_match_push_one(
			    &r->m, sign[1] - '1', r->start, r->end);
			add_top(r);
		} else {
			ush_strbuf_add(&r->out, sign + 1, 1);
		}
		if (s > end)
			return;
	}
	ush_strbuf_add(&r->out, s, (size_t)(end - s));
}

/* Asks the replacement's table or function. [-0, +1, e] */
static void
push_answer(struct rewrite *r, int type)
{
	lua_State *L = r->m.L;

	ush_match_settle(&r->m);
	if (type == LUA_TTABLE) {
		ush_match_push_one(&r->m, 0, r->start, r->end);
		lua_gettable(L, REPLACEMENT);
	} else {
		lua_pushvalue(L, REPLACEMENT);
		lua_call(L, ush_match_push(&r->m, r->start, r->end), 1);
	}
	ush_budget_check(L);
}

/* What a match becomes. [-0, +0, e] */
static void
add_replacement(struct rewrite *r, int type)
{
	lua_State *L = r->m.L;

	if (type != LUA_TTABLE && type != LUA_TFUNCTION) {
		add_template(r);
		return;
	}
	push_answer(r, type);
	if (!lua_toboolean(L, -1)) { /* as it was */
		lua_pop(L, 1);
		ush_strbuf_add(&r->out, r->start, (size_t)(r->end - r->start));
		return;
	}
	if (!lua_isstring(L, -1))
		luaL_error(L, "invalid replacement value (a %s)",
		    luaL_typename(L, -1));
	add_top(r);
}

/* Returns the number of matches that were replaced. [-0, +0, e] */
static ptrdiff_t
rewrite(struct rewrite *r, const char *pattern, int type, ptrdiff_t max)
{
	const char *s = r->m.subject;
	bool anchored = *pattern == '^';
	ptrdiff_t n = 0;

	while (n < max) {
		r->start = s;
		r->end = ush_match_search(
		    &r->m, &r->start, pattern + anchored, anchored);
		if (!r->end)
			break;
		n++;
		ush_strbuf_add(&r->out, s, (size_t)(r->start - s));
		add_replacement(r, type);
		s = r->end;
		if (r->end == r->start) {
			if (s == r->m.end)
				break;
			ush_strbuf_add(&r->out, s++, 1);
		}
		if (anchored)
			break;
	}
	ush_strbuf_add(&r->out, s, (size_t)(r->m.end - s));
	return n;
}

static int
l_string_gsub(lua_State *L)
{
	struct rewrite r;
	size_t len;
	const char *s = luaL_checklstring(L, SUBJECT, &len);
	const char *pattern = luaL_checkstring(L, PATTERN);
	ptrdiff_t max = ush_lib_opt_int(L, LIMIT, (ptrdiff_t)len + 1), n;
	int type = lua_type(L, REPLACEMENT);

	luaL_argcheck(L,
	    type == LUA_TSTRING || type == LUA_TNUMBER || type == LUA_TTABLE ||
		type == LUA_TFUNCTION,
	    REPLACEMENT, "string/function/table expected");
	ush_budget_check_stack(L);
	if (type == LUA_TNUMBER)
		lua_tolstring(L, REPLACEMENT, NULL);
	lua_settop(L, REPLACEMENT);
	ush_strbuf_init(&r.out, L);
	ush_match_init(&r.m, L, s, len);
	n = rewrite(&r, pattern, type, max);
	ush_match_settle(&r.m);
	if (n == 0)
		lua_pushvalue(L, SUBJECT);
	else
		ush_strbuf_push(&r.out);
	lua_pushinteger(L, n);
	return 2;
}

const luaL_Reg ush_lib_match[] = {
    {"find", l_string_find},
    {"gmatch", l_string_gmatch},
    {"gsub", l_string_gsub},
    {"match", l_string_match},
    {NULL, NULL},
};
