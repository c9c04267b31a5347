/*
 * SPDX-License-Identifier: MIT
 *
 * From Lua source to bytecode.
 */
#ifndef USH_POLICY_COMPILE_H
#define USH_POLICY_COMPILE_H

#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"
#include "policy/engine.h"

/*
 * Compiles a source, as text only, in a box of its own which no script runs
 * in. `chunk` is its name for Lua ("@" and a file's name). The bytecode is the
 * caller's to free, after a failure too. 0, or -1 with *err filled. LuaJIT's
 * parser recurses: to be called on the loader's thread.
 */
int ush_compile(const struct ush_limits *limits, const char *chunk,
    const char *text, size_t len, struct ush_buffer *bytecode,
    struct ush_error *err);

#endif
