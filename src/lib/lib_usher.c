/*
 * SPDX-License-Identifier: MIT
 *
 * `require "usher"`: time, log, encodings, digests, random bytes. Bytes come as
 * strings, and work is charged by their length. The field NAME is the module
 * usher.NAME, required when it is first read.
 */
#include <limits.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <lauxlib.h>

#include "lib/builtin.h"
#include "lib/crypto.h"
#include "lib/host.h"
#include "sandbox/box.h"
#include "sandbox/budget.h"
#include "sandbox/lib.h"
#include "sandbox/strbuf.h"
#include "sandbox/view.h"

enum {
	RANDOM_MAX = 1024,  /* bytes at once */
	BYTES_PER_UNIT = 4, /* that a digest works off meanwhile */
	DIGEST_UNITS = 200, /* to start one */
	FIELD_ROOM = 64,    /* of a module, with "usher." */
};

static int
l_usher_now(lua_State *L)
{
	lua_pushnumber(L, (lua_Number)ush_box_now(ush_box_of(L)));
	return 1;
}

static int
l_usher_log(lua_State *L)
{
	static const char *const levels[] = {
	    [USH_LOG_ERROR] = "error",
	    [USH_LOG_WARNING] = "warning",
	    [USH_LOG_INFO] = "info",
	    NULL,
	};
	const struct ush_lib_host *host = ush_lib_host_of(L);
	size_t len;
	int level = luaL_checkoption(L, 1, NULL, levels);
	const char *text = ush_lib_string_arg(L, 2, &len);

	ush_budget_charge(L, DIGEST_UNITS);
	if (host && host->log)
		host->log(host->arg, (enum ush_log_level)level, text, len);
	return 0;
}

/*
 * Encodings
 */

/* Pushes what has been written to the room of a string buffer. */
static int
push_written(struct ush_strbuf *b, size_t n)
{
	b->used += n;
	ush_strbuf_push(b);
	return 1;
}

static int
push_why(lua_State *L, const char *why)
{
	lua_pushnil(L);
	lua_pushstring(L, why);
	return 2;
}

static const unsigned char *
bytes_arg(lua_State *L, int arg, size_t *len)
{
	const char *s = ush_lib_string_arg(L, arg, len);

	if (*len > INT_MAX / 4)
		luaL_argerror(L, arg, "the string is too long");
	ush_lib_charge_bytes(L, *len * 4);
	return (const unsigned char *)s;
}

static int
l_usher_hex(lua_State *L)
{
	struct ush_strbuf b;
	size_t len;
	const unsigned char *s = bytes_arg(L, 1, &len);

	ush_strbuf_init(&b, L);
	ush_hex(ush_strbuf_room(&b, 2 * len + 1), s, len);
	return push_written(&b, 2 * len);
}

static int
digit(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int
l_usher_unhex(lua_State *L)
{
	struct ush_strbuf b;
	size_t len;
	const unsigned char *s = bytes_arg(L, 1, &len);
	char *to;
	int high, low;

	if (len % 2 != 0)
		return push_why(L, "an odd number of hex digits");
	ush_strbuf_init(&b, L);
	to = ush_strbuf_room(&b, len / 2 + 1);
	for (size_t i = 0; i < len; i += 2) {
		high = digit(s[i]);
		low = digit(s[i + 1]);
		if (high < 0 || low < 0)
			return push_why(L, "not a hex digit");
		to[i / 2] = (char)(high << 4 | low);
	}
	return push_written(&b, len / 2);
}

static int
l_usher_base64(lua_State *L)
{
	struct ush_strbuf b;
	size_t len, room;
	const unsigned char *s = bytes_arg(L, 1, &len);
	char *to;

	room = (len + 2) / 3 * 4 + 1;
	ush_strbuf_init(&b, L);
	to = ush_strbuf_room(&b, room);
	EVP_EncodeBlock((unsigned char *)to, s, (int)len);
	return push_written(&b, room - 1);
}

/* How many "=" end it, if it is base64 without anything else in it; else -1:
 * OpenSSL's decoder takes blanks, and "=" in the middle. */
static int
count_padding(const unsigned char *s, size_t len)
{
	int padding = 0;

	if (len % 4 != 0)
		return -1;
	while (len > 0 && padding < 2 && s[len - 1] == '=') {
		padding++;
		len--;
	}
	for (size_t i = 0; i < len; i++)
		if (!((s[i] >= '0' && s[i] <= '9') ||
			((s[i] | 0x20) >= 'a' && (s[i] | 0x20) <= 'z') ||
			s[i] == '+' || s[i] == '/'))
			return -1;
	return padding;
}

static int
l_usher_unbase64(lua_State *L)
{
	struct ush_strbuf b;
	size_t len;
	const unsigned char *s = bytes_arg(L, 1, &len);
	int padding = count_padding(s, len), n = 0;
	char *to;

	if (padding < 0)
		return push_why(L, "not base64");
	ush_strbuf_init(&b, L);
	to = ush_strbuf_room(&b, len / 4 * 3 + 1);
	if (len > 0)
		n = EVP_DecodeBlock((unsigned char *)to, s, (int)len);
	if (n < padding)
		return push_why(L, "not base64");
	return push_written(&b, (size_t)(n - padding));
}

/*
 * Secrets and digests
 */

/* [-0, +0, e] */
static const char *
digest_arg(lua_State *L, int arg, size_t *len)
{
	const char *s = ush_lib_string_arg(L, arg, len);

	if (*len > INT_MAX)
		luaL_argerror(L, arg, "the string is too long");
	ush_budget_charge(L, DIGEST_UNITS + *len / BYTES_PER_UNIT);
	return s;
}

static int
push_digest(lua_State *L, int result, const unsigned char *digest)
{
	if (result != 0)
		return luaL_error(L, "OpenSSL can't make a SHA-256 digest");
	lua_pushlstring(L, (const char *)digest, USH_SHA256_LEN);
	return 1;
}

static int
l_usher_sha256(lua_State *L)
{
	unsigned char digest[USH_SHA256_LEN];
	size_t len;
	const char *s = digest_arg(L, 1, &len);

	return push_digest(L, ush_sha256(s, len, digest), digest);
}

static int
l_usher_hmac_sha256(lua_State *L)
{
	unsigned char digest[USH_SHA256_LEN];
	size_t key_len, len;
	const char *key = digest_arg(L, 1, &key_len);
	const char *s = digest_arg(L, 2, &len);

	return push_digest(
	    L, ush_hmac_sha256(key, key_len, s, len, digest), digest);
}

static int
l_usher_random(lua_State *L)
{
	unsigned char bytes[RANDOM_MAX];
	lua_Number n;

	luaL_checktype(L, 1, LUA_TNUMBER);
	n = lua_tonumber(L, 1);
	if (!(n >= 1 && n <= RANDOM_MAX) || n != (lua_Number)(int)n)
		return luaL_argerror(
		    L, 1, "ask for 1 to 1024 bytes, a whole number");
	ush_budget_charge(L, DIGEST_UNITS + (uint64_t)n);
	if (ush_random(bytes, (size_t)n) != 0)
		return luaL_error(L, "OpenSSL's random generator fails");
	lua_pushlstring(L, (const char *)bytes, (size_t)n);
	OPENSSL_cleanse(bytes, (size_t)n);
	return 1;
}

/* The time it takes tells the lengths only. */
static int
l_usher_equal(lua_State *L)
{
	size_t a_len, b_len;
	const char *a = ush_lib_string_arg(L, 1, &a_len);
	const char *b = ush_lib_string_arg(L, 2, &b_len);

	ush_lib_charge_bytes(L, a_len * 4);
	lua_pushboolean(L, a_len == b_len && CRYPTO_memcmp(a, b, a_len) == 0);
	return 1;
}

/*
 * The module
 */

/* __index of the table behind the view: usher.NAME, kept in the table. */
static int
l_usher_index(lua_State *L)
{
	char name[FIELD_ROOM];
	const char *field;

	if (lua_type(L, 2) != LUA_TSTRING)
		return 0;
	field = lua_tostring(L, 2);
	if (strlen(field) >= sizeof name - sizeof "usher.")
		return 0;
	strcpy(name, "usher.");
	strcat(name, field);
	if (!ush_builtin_find(name) && !ush_embedded_find(name))
		return 0;
	ush_budget_check_stack(L);
	lua_getfield(L, LUA_GLOBALSINDEX, "require");
	lua_pushstring(L, name);
	lua_call(L, 1, 1);
	lua_pushvalue(L, 2);
	lua_pushvalue(L, -2);
	lua_rawset(L, 1);
	return 1;
}

static const luaL_Reg functions[] = {
    {"base64", l_usher_base64},
    {"equal", l_usher_equal},
    {"hex", l_usher_hex},
    {"hmac_sha256", l_usher_hmac_sha256},
    {"log", l_usher_log},
    {"now", l_usher_now},
    {"random", l_usher_random},
    {"sha256", l_usher_sha256},
    {"unbase64", l_usher_unbase64},
    {"unhex", l_usher_unhex},
    {NULL, NULL},
};

void
ush_lib_open_usher(lua_State *L)
{
	lua_newtable(L);
	luaL_register(L, NULL, functions);
	lua_createtable(L, 0, 1);
	lua_pushcfunction(L, l_usher_index);
	lua_setfield(L, -2, "__index");
	lua_setmetatable(L, -2);
	ush_view_push(L, "usher");
}
