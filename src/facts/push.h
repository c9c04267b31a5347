/*
 * SPDX-License-Identifier: MIT
 *
 * Values of facts, as Lua has them.
 */
#ifndef USH_FACTS_PUSH_H
#define USH_FACTS_PUSH_H

#include <lua.h>

#include "facts/facts.h"

/* A string, nil for p == NULL; and the value of a fact that is there and no
 * handle. [-0, +1, e] */
void ush_push_bytes(lua_State *L, struct ush_bytes bytes);
void ush_push_fact(
    lua_State *L, enum ush_fact_type type, const struct ush_fact_value *value);

#endif
