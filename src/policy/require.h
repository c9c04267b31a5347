/*
 * SPDX-License-Identifier: MIT
 *
 * `require` in a state, and what the standard library needs from the state.
 */
#ifndef USH_POLICY_REQUIRE_H
#define USH_POLICY_REQUIRE_H

#include <lua.h>

#include "policy/state.h"

/* Makes `require` a global of a state that is being set up. [-0, +0, e] */
void ush_require_open(lua_State *L, struct ush_state *state);

#endif
