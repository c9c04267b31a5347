/*
 * SPDX-License-Identifier: MIT
 *
 * A string that grows, for C functions that may raise: what does not fit into
 * the struct lies in userdata on the Lua stack, so an error leaks nothing.
 * Unlike luaL_Buffer it leaves the top of the stack to its user, takes little
 * C stack, and charges what it copies to the budget.
 */
#ifndef USH_SANDBOX_STRBUF_H
#define USH_SANDBOX_STRBUF_H

#include <stddef.h>

#include <lua.h>

enum { USH_STRBUF_SMALL = 256 };

struct ush_strbuf {
	lua_State *L;
	char *at;
	size_t used, room;
	size_t owed; /* bytes copied and not charged yet */
	int slot;    /* on the Lua stack: the userdata, or nil */
	char small[USH_STRBUF_SMALL];
};

/* The struct may lie on the C stack and is never freed. [-0, +1, e] */
void ush_strbuf_init(struct ush_strbuf *b, lua_State *L);

/* Room for n more bytes, to be filled and added to b->used. [-0, +0, e] */
char *ush_strbuf_room(struct ush_strbuf *b, size_t n);

/* [-0, +0, e] */
void ush_strbuf_add(struct ush_strbuf *b, const char *s, size_t n);

/* Pushes the string. The slot stays where it is. [-0, +1, e] */
void ush_strbuf_push(struct ush_strbuf *b);

#endif
