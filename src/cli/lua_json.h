/*
 * SPDX-License-Identifier: MIT
 *
 * Lua values as JSON documents of recorded facts.
 */
#ifndef USH_CLI_LUA_JSON_H
#define USH_CLI_LUA_JSON_H

#include <jansson.h>
#include <lua.h>

/*
 * The value at `index`, a table, as a document for ush_recorded_read: bytes
 * that are no UTF-8 as {"$hex": ...}, and what "data" holds as {"$cbor": ...}.
 * NULL with the reason, which begins with a path, in `why`. The caller's.
 * [-0, +0, m]
 */
json_t *ush_lua_json(lua_State *L, int index, char *why, size_t cap);

#endif
