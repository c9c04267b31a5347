/*
 * SPDX-License-Identifier: MIT
 *
 * From Lua source to bytecode.
 */
#include "policy/compile.h"

#include <stdint.h>
#include <string.h>

#include <lauxlib.h>

#include "base/clock.h"
#include "sandbox/box.h"
#include "sandbox/chunk.h"

struct compile {
	struct ush_chunk chunk;
	struct ush_buffer *bytecode;
};

static int
write_bytecode(lua_State *L, const void *p, size_t len, void *arg)
{
	(void)L;
	return ush_buffer_put(arg, p, len);
}

static void
compile(lua_State *L, void *arg)
{
	struct compile *c = arg;

	ush_chunk_load(L, &c->chunk);
	if (lua_dump(L, write_bytecode, c->bytecode) != 0)
		luaL_error(L, "out of memory"); /* told below */
}

static void
no_random(void *buf, size_t len)
{
	memset(buf, 0, len);
}

int
ush_compile(const struct ush_limits *limits, const char *chunk,
    const char *text, size_t len, struct ush_buffer *bytecode,
    struct ush_error *err)
{
	struct ush_box_host host = {
	    .memory_limit = limits->memory * USH_COMPILE_MEMORY_FACTOR,
	    .random = no_random,
	    .now = ush_clock_now,
	    .cpu = ush_clock_thread_ns,
	};
	struct ush_allowance allowance = {
	    .instructions = UINT64_MAX / 2, .cpu_ns = UINT64_MAX / 2};
	struct compile c = {
	    {text, len, chunk, ush_clock_thread_ns, false}, bytecode};
	struct ush_box *box;
	enum ush_code code;

	if (len > 0 && *text == LUA_SIGNATURE[0])
		return ush_error_set(err, USH_ERROR_SYNTAX, chunk + 1, 0,
		    "is bytecode, which could do anything; give the source");
	box = ush_box_new(&host);
	if (!box)
		return ush_error_set(err, USH_ERROR_SYSTEM, chunk + 1, 0,
		    "out of memory for a Lua state");
	code = ush_box_run(box, compile, &c, &allowance, err);
	ush_box_free(box);
	if (code == USH_OK)
		return 0;
	if (bytecode->failed)
		return ush_error_set(
		    err, USH_ERROR_SYSTEM, chunk + 1, 0, "out of memory");
	if (code == USH_ERROR_SCRIPT)
		err->code =
		    c.chunk.late ? USH_ERROR_CPU_TIME : USH_ERROR_SYNTAX;
	return -1;
}
