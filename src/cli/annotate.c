/*
 * SPDX-License-Identifier: MIT
 *
 * usher annotate: writes the files in lua/library on standard output. For the
 * build; it does not stand in the help.
 */
#include "cli/cli.h"
#include "cli/script.h"

int
ush_cli_annotate(int argc, char **argv)
{
	lua_State *L;
	int status;

	L = ush_script_state();
	if (!L)
		return ush_cli_fail(USH_CLI_FAILED, "annotate: out of memory");
	lua_pushstring(L, argc == 2 ? argv[1] : "");
	status = ush_script_call(L, "annotate", "run", 1);
	lua_close(L);
	return status < 0 ? USH_CLI_FAILED : status;
}
