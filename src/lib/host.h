/*
 * SPDX-License-Identifier: MIT
 *
 * What the modules of the standard library that are written in C need from
 * whoever owns the Lua state. They find it by the state.
 */
#ifndef USH_LIB_HOST_H
#define USH_LIB_HOST_H

#include <stddef.h>

#include <lua.h>

#include "base/log.h"
#include "data/sets.h"
#include "data/store.h"

struct ush_lib_host {
	void *arg; /* of the functions */
	/* A line for the host's log, as the script wrote it. */
	void (*log)(
	    void *arg, enum ush_log_level level, const char *text, size_t len);
	/* The data set in a file, which outlives the state; NULL with a
	 * sentence in `why`. */
	const struct ush_set *(*data)(
	    void *arg, const struct ush_set_wish *wish, char *why, size_t cap);
	/* What this call sees of the store; valid during the call. NULL if
	 * there is none. */
	const struct ush_store_view *(*store)(void *arg);
};

/* `host` has to outlive the state. [-0, +0, e] */
void ush_lib_host_set(lua_State *L, const struct ush_lib_host *host);

/* NULL if none is set. [-0, +0, -] */
const struct ush_lib_host *ush_lib_host_of(lua_State *L);

/* A string argument, and no number in its place. [-0, +0, e] */
const char *ush_lib_string_arg(lua_State *L, int arg, size_t *len);

#endif
