/*
 * SPDX-License-Identifier: MIT
 *
 * Sources of scripts, before and while LuaJIT's parser gets them.
 */
#ifndef USH_SANDBOX_CHUNK_H
#define USH_SANDBOX_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lua.h>

/* A source to be compiled. */
struct ush_chunk {
	const char *text;
	size_t len;
	const char *name;      /* as lua_load wants it: "@shop.lua" */
	uint64_t (*cpu)(void); /* CPU time of this thread, nanoseconds */
	bool late;             /* out: compiling has taken too long */
};

/*
 * Pushes the function that the source compiles to. Text only, no numbers that
 * would be cdata, and at most a second of CPU time. Raises the message of what
 * is wrong. [-0, +1, e]
 */
void ush_chunk_load(lua_State *L, struct ush_chunk *chunk);

/*
 * Does the source contain a number that the parser would make a cdata (64-bit
 * integers like 1LL and 1ULL, imaginary ones like 1i)? Its line, or 0. What
 * stands behind the first thing that is no Lua does not matter.
 */
int ush_chunk_find_cdata(const char *text, size_t len);

#endif
