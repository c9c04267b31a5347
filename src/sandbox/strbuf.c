/*
 * SPDX-License-Identifier: MIT
 *
 * Growing strings of the sandbox's library.
 */
#include "sandbox/strbuf.h"

#include <string.h>

#include <lauxlib.h>

#include "sandbox/box.h"
#include "sandbox/budget.h"

enum {
	BYTES_PER_UNIT = 16,
	OWED_MAX = 4096,
	DOUBLE_MAX = 64 * 1024, /* from here on by a half: memory is short */
};

void
ush_strbuf_init(struct ush_strbuf *b, lua_State *L)
{
	b->L = L;
	b->at = b->small;
	b->used = 0;
	b->room = sizeof b->small;
	b->owed = 0;
	lua_pushnil(L);
	b->slot = lua_gettop(L);
}

static void
grow(struct ush_strbuf *b, size_t n)
{
	size_t limit = ush_box_memory_limit(ush_box_of(b->L));
	size_t room = b->room + (b->room < DOUBLE_MAX ? b->room : b->room / 2);
	char *at;

	if (n > limit || b->used > limit - n)
		luaL_error(b->L, "resulting string too large");
	if (room < b->used + n)
		room = b->used + n;
	luaL_checkstack(b->L, 1, "string buffer");
	at = lua_newuserdata(b->L, room);
	memcpy(at, b->at, b->used);
	b->at = at;
	b->room = room;
	lua_replace(b->L, b->slot);
}

char *
ush_strbuf_room(struct ush_strbuf *b, size_t n)
{
	b->owed += n;
	if (b->owed >= OWED_MAX) {
		ush_budget_charge(b->L, b->owed / BYTES_PER_UNIT);
		b->owed = 0;
	}
	if (n > b->room - b->used)
		grow(b, n);
	return b->at + b->used;
}

void
ush_strbuf_add(struct ush_strbuf *b, const char *s, size_t n)
{
	char *at = ush_strbuf_room(b, n);

	memcpy(at, s, n);
	b->used += n;
}

void
ush_strbuf_push(struct ush_strbuf *b)
{
	ush_budget_charge(b->L, b->owed / BYTES_PER_UNIT + 1);
	b->owed = 0;
	lua_pushlstring(b->L, b->at, b->used);
}
