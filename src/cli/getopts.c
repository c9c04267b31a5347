/*
 * SPDX-License-Identifier: MIT
 *
 * Reading a subcommand's options, and complaining about them.
 */
#include "cli/getopts.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/near.h"
#include "cli/cli.h"

static void
print_option(const struct ush_option *option)
{
	const char *help = option->help;
	int len = (int)strcspn(help, "\n");
	char left[40];

	snprintf(left, sizeof(left), "--%s%s%s", option->name,
	    option->value ? " " : "", option->value ? option->value : "");
	printf("  %-24s %.*s\n", left, len, help);
	for (help += len; *help == '\n'; help += len) {
		help++;
		len = (int)strcspn(help, "\n");
		printf("  %-24s %.*s\n", "", len, help);
	}
}

static void
print_help(const struct ush_command *command)
{
	puts(command->help);
	for (size_t i = 0; i < command->n; i++)
		print_option(&command->options[i]);
	printf("  %-24s %s\n", "--help", "print this");
}

/* argv's word that getopt did not like, and what it may have meant. */
static void
complain_unknown(const struct ush_command *command, const char *word)
{
	const char *names[USH_GETOPTS_MAX];
	const char *near;
	char name[64];

	for (size_t i = 0; i < command->n; i++)
		names[i] = command->options[i].name;
	word += strspn(word, "-");
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
	near = ush_near(name, names, command->n);
	if (near)
		ush_cli_fail(USH_CLI_USAGE,
		    "%s: --%s: there is no such option; did you mean --%s?",
		    command->name, name, near);
	else
		ush_cli_fail(USH_CLI_USAGE,
		    "%s: --%s: there is no such option; \"usher %s --help\" "
		    "lists them",
		    command->name, name, command->name);
}

/* What getopt answers '?' about: optopt is 0 for an unknown long option, and
 * a line's number for one that takes no value. */
static void
complain(const struct ush_command *command, const char *word)
{
	if (optopt == 0)
		complain_unknown(command, word);
	else if (optopt <= (int)command->n)
		ush_cli_fail(USH_CLI_USAGE, "%s: --%s: takes no value",
		    command->name, command->options[optopt - 1].name);
	else
		ush_cli_fail(USH_CLI_USAGE,
		    "%s: -%c: there is no such option; \"usher %s --help\" "
		    "lists them",
		    command->name, optopt, command->name);
}

/* getopt's own table; the option's number is its line's, from 1 on. */
static void
long_options(
    const struct ush_command *command, struct option table[USH_GETOPTS_MAX + 2])
{
	size_t i;

	for (i = 0; i < command->n; i++)
		table[i] = (struct option){command->options[i].name,
		    command->options[i].value ? required_argument : no_argument,
		    NULL, (int)i + 1};
	table[i++] = (struct option){"help", no_argument, NULL, 'h'};
	table[i] = (struct option){NULL, 0, NULL, 0};
}

static int
set(const struct ush_command *command, void *to, const char *value, int number)
{
	const struct ush_option *option = &command->options[number - 1];
	const char *takes = option->set(to, value);

	if (!takes)
		return 0;
	return ush_cli_fail(-1, "%s: --%s%s%s: %s", command->name, option->name,
	    value ? " " : "", value ? value : "", takes);
}

enum ush_parsed
ush_getopts(const struct ush_command *command, void *to, int argc, char **argv)
{
	struct option table[USH_GETOPTS_MAX + 2];
	int c;

	long_options(command, table);
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":h", table, NULL)) != -1) {
		switch (c) {
		case 'h':
			print_help(command);
			return USH_PARSED_HELP;
		case '?':
			complain(command, argv[optind - 1]);
			return USH_PARSED_WRONG;
		case ':':
			ush_cli_fail(USH_CLI_USAGE, "%s: %s: takes a value",
			    command->name, argv[optind - 1]);
			return USH_PARSED_WRONG;
		default:
			if (set(command, to, optarg, c) != 0)
				return USH_PARSED_WRONG;
		}
	}
	return USH_PARSED_GO;
}
