/*
 * SPDX-License-Identifier: MIT
 *
 * usher annotate: writes the files in lua/library on standard output. For the
 * build; it does not stand in the help.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/script.h"

static bool
is_one_of(const char *word)
{
	static const char *const words[] = {
	    "library", "data", "ip", "store", "tests", "luacheck"};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return false;
}

int
ush_cli_annotate(int argc, char **argv)
{
	lua_State *L;
	int status;

	if (!is_one_of(argc == 2 ? argv[1] : ""))
		return ush_cli_fail(USH_CLI_USAGE,
		    "annotate: takes library, data, ip, store, tests or "
		    "luacheck");
	L = ush_script_state();
	if (!L)
		return ush_cli_fail(USH_CLI_FAILED, "annotate: out of memory");
	status = ush_script_call(L, "annotate", argv[1], 0);
	lua_close(L);
	return status == 0 ? USH_CLI_OK : USH_CLI_FAILED;
}
