/*
 * SPDX-License-Identifier: MIT
 *
 * Calling the script's two functions, and reading what they return: without
 * metamethods, and refusing what the contract does not know.
 */
#ifndef USH_POLICY_ANSWER_H
#define USH_POLICY_ANSWER_H

#include <lua.h>

#include "policy/state.h"

/* What ush_box_arg gives to the two C functions. `code` says what an error
 * that they raise is, if it is about the answer. */
struct ush_decrypt_run {
	struct ush_decrypt *call;
	enum ush_code code;
};

struct ush_generate_run {
	struct ush_state *state;
	struct ush_generate *call;
	enum ush_code code;
};

/*
 * Upvalues: the script's function, the handle of the connection, that of the
 * ticket. [-0, +0, e]
 */
int ush_answer_decrypt(lua_State *L);
int ush_answer_generate(lua_State *L);

#endif
