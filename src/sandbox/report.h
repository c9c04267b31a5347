/*
 * SPDX-License-Identifier: MIT
 *
 * What Lua says went wrong, as a struct ush_error.
 */
#ifndef USH_SANDBOX_REPORT_H
#define USH_SANDBOX_REPORT_H

#include "base/error.h"

/* Fills *err; "name:12: text" is taken apart into script, line and text. */
void ush_report(struct ush_error *err, enum ush_code code, const char *message);

#endif
