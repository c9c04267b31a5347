/*
 * SPDX-License-Identifier: MIT
 *
 * The handles by which a script reads facts: `conn`, and one `ticket` for each
 * function. They are userdata, made once for a state and reused: opened for
 * the time of one call, answering "expired" at any other time.
 */
#ifndef USH_FACTS_OBJECTS_H
#define USH_FACTS_OBJECTS_H

#include <lua.h>

#include "facts/facts.h"

struct ush_handle;

/* What one state has. All are owned by Lua, and live as long as the state. */
struct ush_objects {
	struct ush_handle *conn, *vars;
	struct ush_handle *ticket;   /* of decrypt */
	struct ush_handle *issue;    /* of generate */
	struct ush_handle *previous; /* of generate */
};

/* Makes the handles; leaves conn, ticket and issue on the stack, in this
 * order. [-0, +3, e] */
void ush_objects_new(lua_State *L, struct ush_objects *objects);

/* Open the handles of one function on a provider, and close them all. Cheap,
 * never raises. */
void ush_objects_open_decrypt(
    struct ush_objects *objects, struct ush_facts *facts);
void ush_objects_open_generate(
    struct ush_objects *objects, struct ush_facts *facts);
void ush_objects_close(struct ush_objects *objects);

#endif
