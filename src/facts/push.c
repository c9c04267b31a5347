/*
 * SPDX-License-Identifier: MIT
 *
 * Values of facts that are tables.
 */
#include "facts/push.h"

#include "data/cbor.h"
#include "sandbox/value.h"

static void
set_bytes(lua_State *L, const char *field, struct ush_bytes bytes)
{
	ush_push_bytes(L, bytes);
	lua_setfield(L, -2, field);
}

static void
set_time(lua_State *L, const char *field, const struct ush_cert_time *time)
{
	if (!time->there)
		return;
	lua_pushnumber(L, (lua_Number)time->seconds);
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
	set_time(L, "not_before", &cert->not_before);
	set_time(L, "not_after", &cert->not_after);
}

static void
set_code_points(
    lua_State *L, const char *field, const struct ush_code_points *list)
{
	const unsigned char *p = list->p;

	if (!p)
		return;
	lua_createtable(L, (int)list->n, 0);
	for (int i = 1; i <= (int)list->n; i++, p += 2) {
		lua_pushinteger(L, p[0] << 8 | p[1]);
		lua_rawseti(L, -2, i);
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
push_strings(lua_State *L, struct ush_bytes list)
{
	const char *p = list.p, *end = p + list.len;
	size_t len;

	lua_newtable(L);
	for (int i = 1; p < end; i++, p += len) {
		len = (unsigned char)*p++;
		lua_pushlstring(L, p, len);
		lua_rawseti(L, -2, i);
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

void
ush_push_table(
    lua_State *L, enum ush_fact_type type, const struct ush_fact_value *value)
{
	switch (type) {
	case USH_FACT_STRINGS:
		push_strings(L, value->as.strings);
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
	default: /* no table */
		break;
	}
	lua_pushnil(L);
}
