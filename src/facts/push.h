/*
 * SPDX-License-Identifier: MIT
 *
 * Values of facts, as Lua has them.
 */
#ifndef USH_FACTS_PUSH_H
#define USH_FACTS_PUSH_H

#include <lua.h>

#include "facts/facts.h"

/* A string, nil for p == NULL. [-0, +1, e] */
static inline void
ush_push_bytes(lua_State *L, struct ush_bytes bytes)
{
	if (bytes.p)
		lua_pushlstring(L, bytes.p, bytes.len);
	else
		lua_pushnil(L);
}

/* The value of a fact that is there, a table in Lua. [-0, +1, e] */
void ush_push_table(
    lua_State *L, enum ush_fact_type type, const struct ush_fact_value *value);

#endif
