/*
 * SPDX-License-Identifier: MIT
 *
 * usher check: from the command line to the Lua that does it.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#include <lauxlib.h>

#include "cli/cli.h"
#include "cli/limits.h"
#include "cli/script.h"
#include "policy/engine.h"
#include "usher_inner.h"

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

enum { FACTS_MAX = 64 };

struct check_options {
	struct usher_options *engine; /* first */
	bool json;
	struct {
		const char *path;
		bool generate;
	} facts[FACTS_MAX];
	int n_facts;
};

static const char *
set_json(void *to, const char *value)
{
	(void)value;
	((struct check_options *)to)->json = true;
	return NULL;
}

static const char *
add_facts(struct check_options *o, const char *path, bool generate)
{
	if (o->n_facts == FACTS_MAX)
		return "can be given 64 times at most";
	o->facts[o->n_facts].path = path;
	o->facts[o->n_facts++].generate = generate;
	return NULL;
}

static const char *
set_decrypt(void *to, const char *value)
{
	return add_facts(to, value, false);
}

static const char *
set_generate(void *to, const char *value)
{
	return add_facts(to, value, true);
}

static const struct ush_option lines[] = {
    {"json", NULL, set_json,
	"print JSON: an object in a line for each\n"
	"finding, and one for each file"},
    {"decrypt", "FACTS", set_decrypt,
	"one more sample for decrypt: a JSON file"},
    {"generate", "FACTS", set_generate, "the same for generate"},
    USH_LIMITS_OPTIONS,
};

static const struct ush_command command = {
    .name = "check",
    .help = "usage: usher check [OPTIONS] POLICY...\n"
	    "\n"
	    "Looks for mistakes in Lua policies: loads each as a server "
	    "would, looks for\n"
	    "names that do not exist, and runs its functions with samples of "
	    "all kinds of\n"
	    "connections and tickets. Each finding is a line, \"file:line: "
	    "what; what to do\".\n"
	    "A warning has \"warning\" before what. The status is 0 if there "
	    "are no findings, or\nonly warnings, 1 if there are some, 2 if a "
	    "file can't be read.\n",
    .options = lines,
    .n = ELEMENTS(lines),
};

/* Options can't be read, but an engine that was made with them knows. */
static int
get_limits(struct usher_options *options, struct ush_limits *limits)
{
	struct usher *usher;

	usher_options_set_script_text(options, "empty", "return {}", 9);
	usher = usher_new(options, NULL);
	if (!usher)
		return -1;
	*limits = usher->engine->limits;
	usher_free(usher);
	return 0;
}

static void
push_limits(lua_State *L, const struct ush_limits *limits)
{
	lua_newtable(L);
	lua_pushnumber(L, (lua_Number)limits->instructions);
	lua_setfield(L, -2, "instruction_limit");
	lua_pushnumber(L, (lua_Number)limits->microseconds);
	lua_setfield(L, -2, "cpu_time_limit");
	lua_pushnumber(L, (lua_Number)limits->memory);
	lua_setfield(L, -2, "memory_limit");
	lua_pushnumber(L, (lua_Number)limits->app_data);
	lua_setfield(L, -2, "app_data_limit");
}

/* The arguments of check.run. */
static void
push_arguments(lua_State *L, const struct check_options *o,
    const struct ush_limits *limits, char **files, int n)
{
	luaL_checkstack(L, 16, NULL);
	lua_createtable(L, n, 0);
	for (int i = 0; i < n; i++) {
		lua_pushstring(L, files[i]);
		lua_rawseti(L, -2, i + 1);
	}
	lua_newtable(L);
	lua_pushboolean(L, o->json);
	lua_setfield(L, -2, "json");
	push_limits(L, limits);
	lua_setfield(L, -2, "limits");
	lua_pushnumber(L, USH_APP_DATA_CLIENTS);
	lua_setfield(L, -2, "app_data_clients");
	lua_newtable(L);
	for (int i = 0; i < o->n_facts; i++) {
		lua_newtable(L);
		lua_pushstring(L, o->facts[i].path);
		lua_setfield(L, -2, "path");
		lua_pushstring(
		    L, o->facts[i].generate ? "generate" : "decrypt");
		lua_setfield(L, -2, "fn");
		lua_rawseti(L, -2, i + 1);
	}
	lua_setfield(L, -2, "facts");
}

static int
run(const struct check_options *o, char **files, int n)
{
	struct ush_limits limits;
	lua_State *L = ush_script_state();
	int status;

	if (!L || get_limits(o->engine, &limits) != 0)
		return ush_cli_fail(USH_CLI_USAGE, "check: out of memory");
	push_arguments(L, o, &limits, files, n);
	status = ush_script_call(L, "check", "run", 2);
	lua_close(L);
	return status < 0 ? USH_CLI_USAGE : status;
}

int
ush_cli_check(int argc, char **argv)
{
	struct check_options o = {.engine = usher_options_new()};
	int status = USH_CLI_USAGE;

	if (!o.engine)
		return ush_cli_fail(USH_CLI_USAGE, "check: out of memory");
	switch (ush_getopts(&command, &o, argc, argv)) {
	case USH_PARSED_GO:
		if (optind == argc)
			ush_cli_fail(USH_CLI_USAGE,
			    "check: which policy? \"usher check POLICY...\" "
			    "takes paths of Lua scripts");
		else
			status = run(&o, argv + optind, argc - optind);
		break;
	case USH_PARSED_HELP:
		status = USH_CLI_OK;
		break;
	case USH_PARSED_WRONG:
		break;
	}
	usher_options_free(o.engine);
	return status;
}
