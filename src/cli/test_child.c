/*
 * SPDX-License-Identifier: MIT
 *
 * The process of one test file. A test that takes too long is ended by an
 * alarm, which has Lua raise an error at its next instruction; should the test
 * catch that, or hang in C, the parent ends the process.
 */
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lauxlib.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/lua_json.h"
#include "cli/script.h"
#include "cli/test.h"

static struct {
	FILE *events;
	lua_State *L;
	regex_t run;
	bool has_run;
	int seconds;
} child;

static void
on_hook(lua_State *L, lua_Debug *ar)
{
	lua_sethook(L, NULL, 0, 0);
	lua_getinfo(L, "Sl", ar);
	if (ar->currentline > 0)
		lua_pushfstring(L, "%s:%d: ", ar->short_src, ar->currentline);
	else
		lua_pushliteral(L, "");
	lua_pushfstring(L, "the test took longer than %d s", child.seconds);
	lua_concat(L, 2);
	lua_error(L);
}

/* lua_sethook may be called from a signal handler. */
static void
on_alarm(int signal)
{
	(void)signal;
	lua_sethook(
	    child.L, on_hook, LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT, 1);
}

/* alarm(seconds); 0: none. [-1, +0, e] */
static int
l_alarm(lua_State *L)
{
	lua_Integer seconds = luaL_checkinteger(L, 1);

	if (seconds == 0)
		lua_sethook(L, NULL, 0, 0);
	alarm((unsigned int)seconds);
	return 0;
}

/* emit(event): tells the parent. [-1, +0, e] */
static int
l_emit(lua_State *L)
{
	char why[200], *text;
	json_t *json = ush_lua_json(L, 1, why, sizeof why);

	if (!json)
		return luaL_error(L, "%s", why);
	text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	if (child.events && text) {
		fprintf(child.events, "%s\n", text);
		fflush(child.events);
	}
	free(text);
	return 0;
}

/* matches(name): is it one of those that are to run? [-1, +1, e] */
static int
l_matches(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);

	lua_pushboolean(
	    L, !child.has_run || regexec(&child.run, name, 0, NULL, 0) == 0);
	return 1;
}

void
ush_test_core_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
	    {"emit", l_emit},
	    {"alarm", l_alarm},
	    {"matches", l_matches},
	    {NULL, NULL},
	};

	luaL_setfuncs(L, functions, 0);
}

void
ush_test_child(
    const char *file, int first, const struct ush_test_options *options, int fd)
{
	struct sigaction action = {.sa_handler = on_alarm};

	child.events = fdopen(fd, "w");
	child.L = ush_script_state();
	child.seconds = options->seconds;
	if (!child.events || !child.L)
		exit(ush_cli_fail(USH_CLI_USAGE, "test: out of memory"));
	/* The parent has looked at it. */
	if (options->run)
		child.has_run = regcomp(&child.run, options->run,
				    REG_EXTENDED | REG_NOSUB) == 0;
	sigaction(SIGALRM, &action, NULL);
	ush_clock_ttl_by_wall();
	lua_pushstring(child.L, file);
	lua_createtable(child.L, 0, 3);
	lua_pushinteger(child.L, first);
	lua_setfield(child.L, -2, "first");
	lua_pushinteger(child.L, options->seconds);
	lua_setfield(child.L, -2, "seconds");
	lua_pushboolean(child.L, options->coverage);
	lua_setfield(child.L, -2, "coverage");
	exit(ush_script_call(child.L, "runner", "run", 2) < 0 ? 2 : 0);
}
