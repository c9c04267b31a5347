/*
 * SPDX-License-Identifier: MIT
 *
 * What core_server.c and core_visit.c share, and nobody else includes.
 */
#ifndef USH_CLI_CORE_SERVER_H
#define USH_CLI_CORE_SERVER_H

#include <lauxlib.h>
#include <lua.h>

#include "cli/core.h"

#define USH_CORE_SERVER "usher.server"
#define USH_CORE_TICKET "usher.ticket"
#define USH_CORE_CONNECTION "usher.connection"

enum { USH_CORE_ALPN_MAX = 255 };

struct ush_core_server {
	SSL_CTX *ctx;
	struct ush_core_policy *policy; /* kept alive by the environment */
	unsigned int alpn_len;
	unsigned char alpn[USH_CORE_ALPN_MAX]; /* that it speaks, as sent */
};

/* A string of the table at index 2, which keeps it; NULL. [-0, +0, e] */
const char *ush_core_string_field(lua_State *L, const char *name, size_t *len);

/* server:visit(ask). [-2, +1, e] */
int ush_core_visit(lua_State *L);

/* Makes the classes of tickets and connections. [-0, +0, e] */
void ush_core_visit_open(lua_State *L);
/* A class: a metatable with these methods. [-0, +0, e] */
void ush_core_class(lua_State *L, const char *name, const luaL_Reg *methods);

#endif
