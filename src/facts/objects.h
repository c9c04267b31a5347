/*
 * SPDX-License-Identifier: MIT
 *
 * The handles by which a script reads facts: `conn`, and one `ticket` for each
 * function. Each call gets its own, which answer "expired" at any other time,
 * and so does what was got from them (conn.vars, ticket.previous).
 */
#ifndef USH_FACTS_OBJECTS_H
#define USH_FACTS_OBJECTS_H

#include <stdbool.h>
#include <stdint.h>

#include <lua.h>

#include "facts/facts.h"

/* What one state has of them. Owned by Lua, and lives as long as the state. */
struct ush_objects;

/* The arguments of one call, to be pushed as light userdata. */
struct ush_handles {
	void *conn, *ticket;
};

/* Once in a state, which has no other light userdata that reach scripts.
 * [-0, +0, e] */
struct ush_objects *ush_objects_new(lua_State *L);

/* Begin and end a call of either function. Cheap, never raise. */
void ush_objects_open_decrypt(struct ush_objects *objects,
    struct ush_facts *facts, struct ush_handles *handles);
void ush_objects_open_generate(struct ush_objects *objects,
    struct ush_facts *facts, struct ush_handles *handles);
void ush_objects_close(struct ush_objects *objects);

/* Has the state had as many calls as can be told apart? Then it may not have
 * another. */
bool ush_objects_are_spent(const struct ush_objects *objects);

/* For tests: as if there had been so many calls. */
void ush_objects_skip(struct ush_objects *objects, uint64_t calls);

#endif
