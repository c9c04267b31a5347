/*
 * SPDX-License-Identifier: MIT
 *
 * What Lua says went wrong, as a struct ush_error.
 */
#ifndef USH_SANDBOX_REPORT_H
#define USH_SANDBOX_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include <lua.h>

#include "base/error.h"

/* Fills *err; "name:12: text" is taken apart into script, line and text. Where
 * the message has no such head, `place` is it: "name:12: ", or "". */
void ush_report(struct ush_error *err, enum ush_code code, const char *place,
    const char *message);

/* What a spent limit is called, in messages and to scripts. Static. */
const char *ush_report_limit(enum ush_code code);

/* Does a message begin with its place? */
bool ush_report_has_place(const char *message);

/* Writes "name:12: " for the line that runs in `ar`, if it is one of a script.
 * [-0, +0, -] */
void ush_report_place(lua_State *L, lua_Debug *ar, char *place, size_t cap);

/* The same for the nearest line of a script that led here; "" if there is none
 * near. Neither allocates nor raises. [-0, +0, -] */
void ush_report_caller(lua_State *L, char *place, size_t cap);

#endif
