/*
 * SPDX-License-Identifier: MIT
 *
 * A wrong answer is an error with a code of its own, at the line where the
 * function begins.
 */
#include "policy/answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

#include "base/near.h"
#include "data/envelope.h"
#include "sandbox/report.h"
#include "sandbox/value.h"

/* The two values returned. */
enum {
	FIRST = -2,
	SECOND = -1,
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

/* Refuses an answer of the function at stack index `fn`. [-0, +0, -] */
static enum ush_code
refuse(lua_State *L, int fn, struct ush_error *err, enum ush_code code,
    const char *fmt, ...)
{
	char text[sizeof err->message + 128];
	lua_Debug ar;
	va_list ap;
	int n;

	lua_pushvalue(L, fn);
	lua_getinfo(L, ">S", &ar);
	if (ar.what[0] == 'C') /* as in decrypt = type */
		n = snprintf(text, sizeof text,
		    "in a built-in function, not in a line of the script: ");
	else
		n = snprintf(
		    text, sizeof text, "%s:%d: ", ar.short_src, ar.linedefined);
	va_start(ap, fmt);
	vsnprintf(text + n, sizeof text - (size_t)n, fmt, ap);
	va_end(ap);
	ush_report(err, code, "", text);
	return code;
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

static enum ush_code
refuse_verdict(lua_State *L, int fn, struct ush_error *err, const char *s)
{
	const char *names[USH_VERDICT_ABORT + 1], *near;

	for (int v = 0; v <= USH_VERDICT_ABORT; v++)
		names[v] = ush_verdict_name((enum ush_verdict)v);
	near = ush_near(s, names, USH_VERDICT_ABORT + 1);
	if (near)
		return refuse(L, fn, err, USH_ERROR_RETURN,
		    "decrypt returned an unknown verdict, '%s'; did you mean "
		    "'%s'?",
		    s, near);
	return refuse(L, fn, err, USH_ERROR_RETURN,
	    "decrypt returned an unknown verdict, '%s'; use one of default, "
	    "use, use_renew, ignore, ignore_renew, abort",
	    s);
}

/* The second value, if there is one. */
static enum ush_code
take_reason(
    lua_State *L, int fn, char reason[USH_REASON_MAX], struct ush_error *err)
{
	const char *s;
	size_t len;

	switch (lua_type(L, SECOND)) {
	case LUA_TNIL:
		return USH_OK;
	case LUA_TSTRING:
		s = lua_tolstring(L, SECOND, &len);
		ush_escape(reason, USH_REASON_MAX, s, len);
		return USH_OK;
	default:
		return refuse(L, fn, err, USH_ERROR_RETURN,
		    "the reason (second value returned) must be a string, not "
		    "a %s",
		    luaL_typename(L, SECOND));
	}
}

static enum ush_code
take_verdict(
    lua_State *L, int fn, struct ush_decrypt *call, struct ush_error *err)
{
	const char *s;
	size_t len;

	switch (lua_type(L, FIRST)) {
	case LUA_TNIL:
		call->verdict = USH_VERDICT_DEFAULT;
		return USH_OK;
	case LUA_TSTRING:
		s = lua_tolstring(L, FIRST, &len);
		if (!parse_verdict(s, len, &call->verdict))
			return refuse_verdict(L, fn, err, s);
		return USH_OK;
	default:
		return refuse(L, fn, err, USH_ERROR_RETURN,
		    "decrypt returned a %s; return the name of a verdict",
		    luaL_typename(L, FIRST));
	}
}

enum ush_code
ush_answer_decrypt(lua_State *L, int fn, void *arg, struct ush_error *err)
{
	struct ush_decrypt *call = arg;
	enum ush_code code = take_verdict(L, fn, call, err);

	if (code != USH_OK)
		return code;
	if (!call->has_session && (call->verdict == USH_VERDICT_USE ||
				      call->verdict == USH_VERDICT_USE_RENEW))
		return refuse(L, fn, err, USH_ERROR_RETURN,
		    "decrypt returned '%s' where there is no session; look at "
		    "ticket.decrypted first",
		    ush_verdict_name(call->verdict));
	return take_reason(L, fn, call->reason, err);
}

static enum ush_code
refuse_size(lua_State *L, int fn, const struct ush_generate_run *run,
    struct ush_error *err)
{
	return refuse(L, fn, err, USH_ERROR_APP_DATA,
	    "what generate returned is larger than the app-data limit of %zu "
	    "bytes, envelope included; store less, or raise the limit",
	    run->state->generation->engine->limits.app_data);
}

int
ush_answer_too_large(
    const struct ush_generation *generation, struct ush_error *err)
{
	return ush_error_set(err, USH_ERROR_APP_DATA, generation->label, 0,
	    "the ticket's app data are larger than the app-data limit of %zu "
	    "bytes, envelope included; store less, or raise the limit",
	    generation->engine->limits.app_data);
}

static enum ush_code
take_table(lua_State *L, int fn, const struct ush_generate_run *run,
    struct ush_error *err)
{
	struct ush_cbor_writer *w = run->call->writer;
	char why[256];

	run->call->content = USH_CONTENT_TABLE;
	if (ush_value_write(L, FIRST, w, why, sizeof why) == 0 && !w->overflow)
		return USH_OK;
	if (w->overflow)
		return refuse_size(L, fn, run, err);
	return refuse(L, fn, err, USH_ERROR_RETURN, "generate: %s", why);
}

static enum ush_code
take_string(lua_State *L, int fn, const struct ush_generate_run *run,
    struct ush_error *err)
{
	struct ush_state *state = run->state;
	size_t limit = state->generation->engine->limits.app_data, len;
	const char *s = lua_tolstring(L, FIRST, &len);

	if (len > limit)
		return refuse_size(L, fn, run, err);
	if (ush_envelope_is(s, len))
		return refuse(L, fn, err, USH_ERROR_RETURN,
		    "generate returned bytes that look like an envelope of "
		    "Usher's; return a table");
	memcpy(state->buffer, s, len);
	run->call->string_len = len;
	run->call->content = USH_CONTENT_STRING;
	return USH_OK;
}

enum ush_code
ush_answer_generate(lua_State *L, int fn, void *arg, struct ush_error *err)
{
	const struct ush_generate_run *run = arg;

	switch (lua_type(L, FIRST)) {
	case LUA_TNIL:
		run->call->content = USH_CONTENT_NOTHING;
		return USH_OK;
	case LUA_TTABLE:
		return take_table(L, fn, run, err);
	case LUA_TSTRING:
		return take_string(L, fn, run, err);
	case LUA_TBOOLEAN:
		if (!lua_toboolean(L, FIRST))
			break;
		/* fall through */
	default:
		return refuse(L, fn, err, USH_ERROR_RETURN,
		    "generate returned a %s; return a table, a string, nil or "
		    "false",
		    luaL_typename(L, FIRST));
	}
	run->call->content = USH_CONTENT_END;
	return take_reason(L, fn, run->call->reason, err);
}
