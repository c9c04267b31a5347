/*
 * SPDX-License-Identifier: MIT
 *
 * Reading what the script's two functions return: without metamethods, and
 * refusing what the contract does not know. Nothing here raises.
 */
#ifndef USH_POLICY_ANSWER_H
#define USH_POLICY_ANSWER_H

#include <lua.h>

#include "policy/state.h"

struct ush_generate_run {
	struct ush_state *state;
	struct ush_generate *call;
};

/* For ush_box_call; `arg` is the struct ush_decrypt of the call, or the struct
 * ush_generate_run. Functions that are not there are not called. */
enum ush_code ush_answer_decrypt(
    lua_State *L, int fn, void *arg, struct ush_error *err);
enum ush_code ush_answer_generate(
    lua_State *L, int fn, void *arg, struct ush_error *err);

/* Sets the error of app data that all together are over the limit. -1. */
int ush_answer_too_large(
    const struct ush_generation *generation, struct ush_error *err);

#endif
