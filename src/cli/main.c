/*
 * SPDX-License-Identifier: MIT
 *
 * The program: finds the subcommand and runs it.
 */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include <luajit.h>
#include <openssl/crypto.h>

#include "base/near.h"
#include "usher.h"

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

static int command_help(int argc, char **argv);
static int command_version(int argc, char **argv);

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary; /* NULL: it is none of the user's business */
} commands[] = {
    {"serve", ush_cli_serve, "run a TLS server with a policy, to try it"},
    {"check", ush_cli_check, "look for mistakes in policies"},
    {"test", ush_cli_test, "run tests of policies"},
    {"version", command_version, "print the versions of what is in use"},
    {"help", command_help, "print this"},
    {"annotate", ush_cli_annotate, NULL},
};

static int
command_help(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("usage: usher COMMAND [ARGUMENTS]\n"
	     "\n"
	     "Lua policies for TLS session tickets.\n");
	for (size_t i = 0; i < ELEMENTS(commands); i++)
		if (commands[i].summary)
			printf("  %-10s%s\n", commands[i].name,
			    commands[i].summary);
	puts("\n\"usher COMMAND --help\" says more about one of them.");
	return USH_CLI_OK;
}

static int
command_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("usher %s\n%s\n%s\n", usher_version(),
	    OpenSSL_version(OPENSSL_VERSION), LUAJIT_VERSION);
	return USH_CLI_OK;
}

static int
unknown(const char *name)
{
	const char *names[ELEMENTS(commands)];
	const char *near;

	for (size_t i = 0; i < ELEMENTS(commands); i++)
		names[i] = commands[i].summary ? commands[i].name : NULL;
	near = ush_near(name, names, ELEMENTS(commands));
	if (near)
		return ush_cli_fail(USH_CLI_USAGE,
		    "there is no command \"%s\"; did you mean \"%s\"?", name,
		    near);
	return ush_cli_fail(USH_CLI_USAGE,
	    "there is no command \"%s\"; \"usher help\" lists them", name);
}

int
main(int argc, char **argv)
{
	const char *name;

	if (argc < 2) {
		command_help(argc, argv);
		return USH_CLI_USAGE;
	}
	name = argv[1];
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		name = "help";
	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
		name = "version";
	for (size_t i = 0; i < ELEMENTS(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	return unknown(name);
}
