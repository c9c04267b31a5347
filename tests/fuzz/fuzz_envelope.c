/*
 * SPDX-License-Identifier: MIT
 *
 * Fuzzer of the envelope and of what is in it: bytes are read as an envelope,
 * its data pushed to Lua, all of it written again and read again. Both must
 * say the same.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>

#include "data/envelope.h"
#include "sandbox/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Not assert(): it has to hold with NDEBUG too. */
static void
must(bool holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "%s\n", what);
		abort();
	}
}

static bool same_value(lua_State *L, int a, int b);

static bool
same_number(double a, double b)
{
	if (a != a || b != b)
		return a != a && b != b;
	return a == b && 1 / a == 1 / b;
}

/* Has the table at `a` nothing that the one at `b` has not? */
static bool
is_within(lua_State *L, int a, int b)
{
	int top = lua_gettop(L);
	bool same = true;

	luaL_checkstack(L, 4, NULL);
	lua_pushnil(L);
	while (same && lua_next(L, a)) {
		lua_pushvalue(L, top + 1);
		lua_rawget(L, b);
		same = same_value(L, top + 2, top + 3);
		lua_settop(L, top + 1);
	}
	lua_settop(L, top);
	return same;
}

static bool
same_value(lua_State *L, int a, int b)
{
	if (lua_type(L, a) != lua_type(L, b))
		return false;
	if (lua_type(L, a) == LUA_TNUMBER)
		return same_number(lua_tonumber(L, a), lua_tonumber(L, b));
	if (lua_type(L, a) == LUA_TTABLE)
		return is_within(L, a, b) && is_within(L, b, a);
	return lua_rawequal(L, a, b);
}

/* The data of the envelope `arg` to Lua, to CBOR, and to Lua again. */
static int
l_round_trip(lua_State *L)
{
	const struct ush_envelope *e = lua_touserdata(L, 1);
	struct ush_cbor_reader r;
	struct ush_cbor_writer w;
	size_t cap = 9 * e->data_len + 9;
	void *buf = lua_newuserdata(L, cap);
	char why[200];

	ush_cbor_reader_init(&r, e->data, e->data_len);
	if (ush_value_push(L, &r) != 0 || !ush_cbor_at_end(&r))
		return 0;
	ush_cbor_writer_init(&w, buf, cap);
	must(ush_value_write(L, -1, &w, why, sizeof why) == 0, why);
	must(!w.overflow, "no overflow");
	ush_cbor_reader_init(&r, buf, ush_cbor_written(&w));
	must(ush_cbor_skip(&r) == 0 && ush_cbor_at_end(&r), "well-formed");
	ush_cbor_reader_init(&r, buf, ush_cbor_written(&w));
	must(ush_value_push(L, &r) == 0, "read again");
	must(ush_cbor_at_end(&r), "read whole");
	must(lua_gettop(L) == 4, "one value each");
	must(same_value(L, 3, 4), "the same value");
	return 0;
}

static bool
same_bytes(const void *a, size_t a_len, const void *b, size_t b_len)
{
	return !a == !b && a_len == b_len &&
	       (a_len == 0 || memcmp(a, b, a_len) == 0);
}

static bool
same_envelope(const struct ush_envelope *a, const struct ush_envelope *b)
{
	return !memcmp(a->id, b->id, sizeof a->id) &&
	       !memcmp(a->revision, b->revision, sizeof a->revision) &&
	       a->has_auth_time == b->has_auth_time &&
	       a->auth_time == b->auth_time && a->renewals == b->renewals &&
	       same_bytes(a->server_name, a->server_name_len, b->server_name,
		   b->server_name_len) &&
	       same_bytes(a->policy, a->policy_len, b->policy, b->policy_len) &&
	       same_bytes(a->data, a->data_len, b->data, b->data_len) &&
	       same_bytes(a->host, a->host_len, b->host, b->host_len);
}

/* What Usher writes is never longer than what it has read. */
static void
write_again(const struct ush_envelope *e, size_t size)
{
	unsigned char *buf = malloc(size);
	struct ush_cbor_writer w;
	struct ush_envelope again;

	must(buf != NULL, "memory");
	ush_cbor_writer_init(&w, buf, size);
	ush_envelope_begin(&w, e);
	if (e->data)
		ush_cbor_put_raw(&w, e->data, e->data_len);
	else
		ush_envelope_put_no_data(&w);
	must(!w.overflow, "no longer than it was");
	must(ush_envelope_read(buf, ush_cbor_written(&w), &again) ==
		 USH_ENVELOPE,
	    "an envelope again");
	must(same_envelope(e, &again), "the same envelope");
	free(buf);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static lua_State *L;
	struct ush_envelope e;
	enum ush_envelope_kind kind = ush_envelope_read(bytes, size, &e);

	must(ush_envelope_is(bytes, size) == (kind != USH_NOT_ENVELOPE),
	    "is one if it reads as one");
	if (kind != USH_ENVELOPE)
		return 0;
	write_again(&e, size);
	if (!L)
		L = luaL_newstate();
	must(L != NULL, "memory");
	if (e.data && lua_cpcall(L, l_round_trip, &e) != 0) {
		fprintf(stderr, "raised: %s\n", lua_tostring(L, -1));
		abort();
	}
	return 0;
}
