/*
 * SPDX-License-Identifier: MIT
 *
 * The module "usher.core": what the Lua halves of the program need from C.
 *
 *	facts()				the fact table: see l_facts
 *	surface()			the sandbox's names: see l_surface
 *	modules()			the library's: see core_modules.c
 *	near(name, list)		the nearest name, or nil
 *	policy(path, text, options)	a policy; or nil and an error
 *	policy methods: call, envelope, log, close
 *	wrong_lines()			of data files: see core_data.c
 *	trace(how), coverage()		lines that policies ran
 *	server(policy, options)		see core_server.c
 *	json(table)			as text, keys in order
 *	clock(seconds), now()		0: the real one again
 */
#ifndef USH_CLI_CORE_H
#define USH_CLI_CORE_H

#include <stdbool.h>

#include <lua.h>

#include "base/buffer.h"
#include "cli/handshake.h"
#include "policy/pool.h"
#include "usher.h"

/* Pushes the module. [-?, +1, e] */
int ush_core_open(lua_State *L);

#define USH_CORE_POLICY "usher.policy"

/* A policy that is loaded: a userdata, closed by the collector. */
struct ush_core_policy {
	struct usher *usher; /* NULL: closed */
	ush_engine_ptr engine;
	struct ush_slot *slot;
	struct ush_limits limits;
	char *path;                    /* NULL: a text */
	struct ush_buffer log;         /* lines that it has printed since */
	struct ush_visit_notes *notes; /* of the visit that is going on */
};

/* The policy at `index`, which must be one that is open. [-0, +0, e] */
struct ush_core_policy *ush_core_policy_check(lua_State *L, int index);

/* The functions of each file, for the module's table. */
void ush_core_data_open(lua_State *L);
void ush_core_modules_open(lua_State *L);
void ush_core_policy_open(lua_State *L);
void ush_core_server_open(lua_State *L);
void ush_core_trace_open(lua_State *L);

/* policy:call(fn, facts). [-?, +1, e] */
int ush_core_call(lua_State *L);
/* policy:envelope(bytes). [-?, +1, e] */
int ush_core_envelope(lua_State *L);

/* Pushes an error as a table: code, line, script, message. [-0, +1, e] */
void ush_core_push_error(lua_State *L, const struct ush_error *err);

/* Whose script runs from now on, for the coverage; and the last line that it
 * ran, 0 if lines are not traced, with its chunk's name, which may be NULL. */
void ush_core_trace_begin(const char *path);
int ush_core_trace_line(const char **source);

#endif
