/*
 * SPDX-License-Identifier: MIT
 *
 * Which lines of policies ran. One thread only, the one that runs the tests.
 */
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "cli/core.h"
#include "sandbox/trace.h"

/* The lines of one chunk of one policy. */
struct chunk {
	struct chunk *next;
	char *path;   /* the policy's */
	char *source; /* the chunk's name, as "@vhost.lua" */
	unsigned char *ran;
	int lines;
};

static struct {
	const char *path; /* of the policy that runs; NULL: not to be noted */
	struct chunk *chunks;
	int last;               /* line, */
	const struct chunk *in; /* and where it is */
} trace;

static struct chunk *
find_chunk(const char *source)
{
	struct chunk *chunk;

	for (chunk = trace.chunks; chunk; chunk = chunk->next)
		if (strcmp(chunk->source, source) == 0 &&
		    strcmp(chunk->path, trace.path) == 0)
			return chunk;
	chunk = calloc(1, sizeof *chunk);
	if (!chunk)
		return NULL;
	chunk->path = strdup(trace.path);
	chunk->source = strdup(source);
	if (!chunk->path || !chunk->source) {
		free(chunk->path);
		free(chunk->source);
		free(chunk);
		return NULL;
	}
	chunk->next = trace.chunks;
	trace.chunks = chunk;
	return chunk;
}

static void
note_line(struct chunk *chunk, int line)
{
	unsigned char *more;
	int lines;

	if (line >= chunk->lines) {
		lines = line + 64;
		more = realloc(chunk->ran, (size_t)lines);
		if (!more)
			return;
		memset(more + chunk->lines, 0, (size_t)(lines - chunk->lines));
		chunk->ran = more;
		chunk->lines = lines;
	}
	chunk->ran[line] = 1;
}

static void
on_line(void *arg, lua_State *L, lua_Debug *ar)
{
	struct chunk *chunk;

	(void)arg;
	trace.last = ar->currentline;
	trace.in = NULL;
	if (!trace.path || ar->currentline <= 0 || !lua_getinfo(L, "S", ar))
		return;
	chunk = find_chunk(ar->source);
	trace.in = chunk;
	if (chunk)
		note_line(chunk, ar->currentline);
}

void
ush_core_trace_begin(const char *path)
{
	trace.path = path;
	trace.last = 0;
	trace.in = NULL;
}

int
ush_core_trace_line(const char **source)
{
	*source = trace.in ? trace.in->source : NULL;
	return trace.last;
}

/* trace("exact"), trace("lines"), trace(): none, from now on. [-1, +0, e] */
static int
l_trace(lua_State *L)
{
	const char *how = luaL_optstring(L, 1, NULL);

	ush_tracing = (struct ush_trace){
	    .line = how ? on_line : NULL,
	    .exact = how && strcmp(how, "exact") == 0,
	};
	return 0;
}

/* The last line that was traced since a call or load began. [-0, +1] */
static int
l_line(lua_State *L)
{
	lua_pushinteger(L, trace.last);
	return 1;
}

/* A list of {path, source, lines = {[n] = true}}. [-0, +1, e] */
static int
l_coverage(lua_State *L)
{
	int n = 0;

	lua_newtable(L);
	for (struct chunk *chunk = trace.chunks; chunk; chunk = chunk->next) {
		lua_newtable(L);
		lua_pushstring(L, chunk->path);
		lua_setfield(L, -2, "path");
		lua_pushstring(L, chunk->source);
		lua_setfield(L, -2, "source");
		lua_newtable(L);
		for (int i = 1; i < chunk->lines; i++) {
			if (!chunk->ran[i])
				continue;
			lua_pushboolean(L, 1);
			lua_rawseti(L, -2, i);
		}
		lua_setfield(L, -2, "lines");
		lua_rawseti(L, -2, ++n);
	}
	return 1;
}

void
ush_core_trace_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
	    {"trace", l_trace},
	    {"line", l_line},
	    {"coverage", l_coverage},
	    {NULL, NULL},
	};

	luaL_setfuncs(L, functions, 0);
}
