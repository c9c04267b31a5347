/*
 * SPDX-License-Identifier: MIT
 *
 * A wrong answer is an error raised in Lua, with the line at which the
 * function begins, and with a code of its own.
 */
#include "policy/answer.h"

#include <string.h>

#include <lauxlib.h>

#include "base/near.h"
#include "data/envelope.h"
#include "sandbox/value.h"

enum {
	UP_FUNCTION = 1,
	UP_CONN,
	UP_TICKET,
};

const char *
ush_verdict_name(enum ush_verdict verdict)
{
	static const char *const names[] = {
	    [USH_VERDICT_DEFAULT] = "default",
	    [USH_VERDICT_USE] = "use",
	    [USH_VERDICT_USE_RENEW] = "use_renew",
	    [USH_VERDICT_IGNORE] = "ignore",
	    [USH_VERDICT_IGNORE_RENEW] = "ignore_renew",
	    [USH_VERDICT_ABORT] = "abort",
	};

	return names[verdict];
}

/* Raises an error about a function's answer, with the line at which the
 * function (upvalue 1) begins. [-0, +0, e] */
static int
raise_answer(lua_State *L, enum ush_code *to, enum ush_code code,
    const char *fmt, const char *detail)
{
	lua_Debug ar;

	*to = code;
	lua_pushvalue(L, lua_upvalueindex(UP_FUNCTION));
	lua_getinfo(L, ">S", &ar);
	lua_pushfstring(L, "%s:%d: ", ar.short_src, ar.linedefined);
	lua_pushfstring(L, fmt, detail);
	lua_concat(L, 2);
	return lua_error(L);
}

static bool
parse_verdict(const char *s, size_t len, enum ush_verdict *verdict)
{
	for (enum ush_verdict v = USH_VERDICT_DEFAULT; v <= USH_VERDICT_ABORT;
	     v++) {
		const char *name = ush_verdict_name(v);

		if (strlen(name) == len && memcmp(s, name, len) == 0) {
			*verdict = v;
			return true;
		}
	}
	return false;
}

static int
raise_verdict(lua_State *L, struct ush_decrypt_run *run, const char *s)
{
	const char *names[USH_VERDICT_ABORT + 1], *near;

	for (int v = 0; v <= USH_VERDICT_ABORT; v++)
		names[v] = ush_verdict_name((enum ush_verdict)v);
	near = ush_near(s, names, USH_VERDICT_ABORT + 1);
	lua_pushfstring(L, "'%s'", s);
	if (near)
		lua_pushfstring(L, "; did you mean '%s'?", near);
	else
		lua_pushliteral(L,
		    "; use one of default, use, use_renew, ignore, "
		    "ignore_renew, abort");
	lua_concat(L, 2);
	return raise_answer(L, &run->code, USH_ERROR_RETURN,
	    "decrypt returned an unknown verdict, %s", lua_tostring(L, -1));
}

/* The reason is at `index`, if there is one. [-0, +0, e] */
static void
take_reason(
    lua_State *L, int index, char reason[USH_REASON_MAX], enum ush_code *code)
{
	const char *s;
	size_t len;

	if (lua_type(L, index) == LUA_TSTRING) {
		s = lua_tolstring(L, index, &len);
		ush_escape(reason, USH_REASON_MAX, s, len);
	} else if (!lua_isnoneornil(L, index)) {
		raise_answer(L, code, USH_ERROR_RETURN,
		    "the reason (second value returned) must be a string, not "
		    "a %s",
		    luaL_typename(L, index));
	}
}

int
ush_answer_decrypt(lua_State *L)
{
	struct ush_decrypt_run *run = ush_box_arg(L);
	struct ush_decrypt *call = run->call;
	const char *s;
	size_t len;

	lua_pushvalue(L, lua_upvalueindex(UP_FUNCTION));
	lua_pushvalue(L, lua_upvalueindex(UP_CONN));
	lua_pushvalue(L, lua_upvalueindex(UP_TICKET));
	lua_call(L, 2, 2);
	switch (lua_type(L, 1)) {
	case LUA_TNIL:
		call->verdict = USH_VERDICT_DEFAULT;
		break;
	case LUA_TSTRING:
		s = lua_tolstring(L, 1, &len);
		if (!parse_verdict(s, len, &call->verdict))
			return raise_verdict(L, run, s);
		break;
	default:
		return raise_answer(L, &run->code, USH_ERROR_RETURN,
		    "decrypt returned a %s; return the name of a verdict",
		    luaL_typename(L, 1));
	}
	if (!call->has_session && (call->verdict == USH_VERDICT_USE ||
				      call->verdict == USH_VERDICT_USE_RENEW))
		return raise_answer(L, &run->code, USH_ERROR_RETURN,
		    "decrypt returned '%s' where there is no session; look at "
		    "ticket.decrypted first",
		    lua_tostring(L, 1));
	take_reason(L, 2, call->reason, &run->code);
	return 0;
}

static int
raise_limit(lua_State *L, struct ush_generate_run *run)
{
	size_t limit = run->state->generation->engine->limits.app_data;

	lua_pushinteger(L, (lua_Integer)limit);
	return raise_answer(L, &run->code, USH_ERROR_APP_DATA,
	    "what generate returned is larger than the app-data limit of %s "
	    "bytes, envelope included",
	    lua_tostring(L, -1));
}

static int
take_table(lua_State *L, struct ush_generate_run *run)
{
	struct ush_cbor_writer *w = run->call->writer;
	char why[256];

	run->call->content = USH_CONTENT_TABLE;
	if (ush_value_write(L, 1, w, why, sizeof why) == 0 && !w->overflow)
		return 0;
	if (!w->overflow)
		return raise_answer(
		    L, &run->code, USH_ERROR_RETURN, "generate: %s", why);
	return raise_limit(L, run);
}

static int
take_string(lua_State *L, struct ush_generate_run *run)
{
	struct ush_state *state = run->state;
	size_t limit = state->generation->engine->limits.app_data, len;
	const char *s = lua_tolstring(L, 1, &len);

	if (len > limit)
		return raise_limit(L, run);
	if (ush_envelope_is(s, len))
		return raise_answer(L, &run->code, USH_ERROR_RETURN,
		    "generate returned bytes that look like %s; return a table",
		    "an envelope of Usher's");
	memcpy(state->buffer, s, len);
	run->call->string_len = len;
	run->call->content = USH_CONTENT_STRING;
	return 0;
}

int
ush_answer_generate(lua_State *L)
{
	struct ush_generate_run *run = ush_box_arg(L);

	lua_pushvalue(L, lua_upvalueindex(UP_FUNCTION));
	lua_pushvalue(L, lua_upvalueindex(UP_CONN));
	lua_pushvalue(L, lua_upvalueindex(UP_TICKET));
	lua_call(L, 2, 2);
	switch (lua_type(L, 1)) {
	case LUA_TNIL:
		run->call->content = USH_CONTENT_NOTHING;
		return 0;
	case LUA_TTABLE:
		return take_table(L, run);
	case LUA_TSTRING:
		return take_string(L, run);
	case LUA_TBOOLEAN:
		if (!lua_toboolean(L, 1))
			break;
		/* fall through */
	default:
		return raise_answer(L, &run->code, USH_ERROR_RETURN,
		    "generate returned a %s; return a table, a string, nil or "
		    "false",
		    luaL_typename(L, 1));
	}
	run->call->content = USH_CONTENT_END;
	take_reason(L, 2, run->call->reason, &run->code);
	return 0;
}
