/*
 * SPDX-License-Identifier: MIT
 *
 * The command line of `usher serve`: one table of options, from which getopt's
 * and the help come.
 */
#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/near.h"
#include "cli/cli.h"

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

/* What a setter says about its value: NULL if all is well, else what it
 * takes. */
typedef const char *(*set_fn)(struct ush_serve_options *, const char *value);

struct option_line {
	const char *name;
	const char *value; /* what it takes, for the help; NULL: nothing */
	set_fn set;
	const char *help;
};

/* [HOST][:PORT], with brackets around an IPv6 address. */
static const char *
set_listen(struct ush_serve_options *o, const char *value)
{
	static const char takes[] = "takes ADDRESS, ADDRESS:PORT or "
				    "[IPV6]:PORT, with a port up to 65535";
	const char *end, *port = NULL;
	char *rest;

	if (value[0] == '[') {
		end = strchr(++value, ']');
		if (!end || (end[1] != '\0' && end[1] != ':'))
			return takes;
		port = end[1] == ':' ? end + 2 : NULL;
	} else {
		end = strchr(value, ':');
		if (!end || strchr(end + 1, ':'))
			end = value + strlen(value);
		port = *end == ':' ? end + 1 : NULL;
	}
	if (port) {
		if (*port < '0' || *port > '9' ||
		    strtoul(port, &rest, 10) > 65535 || *rest != '\0' ||
		    strlen(port) >= sizeof(o->port))
			return takes;
		strcpy(o->port, port);
	}
	if ((size_t)(end - value) >= sizeof(o->host))
		return takes;
	if (end > value)
		snprintf(o->host, sizeof(o->host), "%.*s", (int)(end - value),
		    value);
	return NULL;
}

static const char *
set_cert(struct ush_serve_options *o, const char *value)
{
	o->cert = value;
	return NULL;
}

static const char *
set_key(struct ush_serve_options *o, const char *value)
{
	o->key = value;
	return NULL;
}

static const char *
set_tls1_2(struct ush_serve_options *o, const char *value)
{
	(void)value;
	if (o->version == TLS1_3_VERSION)
		return "means only that version, so it excludes --tls1.3";
	o->version = TLS1_2_VERSION;
	return NULL;
}

static const char *
set_tls1_3(struct ush_serve_options *o, const char *value)
{
	(void)value;
	if (o->version == TLS1_2_VERSION)
		return "means only that version, so it excludes --tls1.2";
	o->version = TLS1_3_VERSION;
	return NULL;
}

/* A whole number from 1 on, with K or M behind it if `units`. 0: it is none. */
static unsigned long
number(const char *text, bool units)
{
	unsigned long unit = 1, n;
	char *rest;

	errno = 0;
	n = strtoul(text, &rest, 10);
	if (text[0] < '0' || text[0] > '9' || errno != 0)
		return 0;
	if (units && (*rest == 'K' || *rest == 'M'))
		unit = *rest++ == 'K' ? 1024 : 1024 * 1024;
	return *rest == '\0' && n <= ULONG_MAX / unit ? n * unit : 0;
}

static const char *
set_threads(struct ush_serve_options *o, const char *value)
{
	unsigned long n = number(value, false);

	if (n < 1 || n > USH_SERVE_THREADS)
		return "takes a number from 1 to 64";
	o->threads = (unsigned int)n;
	return NULL;
}

static const char *
set_on_error(struct ush_serve_options *o, const char *value)
{
	static const char *const names[] = {
	    [USHER_ON_ERROR_FULL_HANDSHAKE] = "full_handshake",
	    [USHER_ON_ERROR_ABORT] = "abort",
	    [USHER_ON_ERROR_OPEN] = "open",
	};

	for (size_t i = 0; i < ELEMENTS(names); i++)
		if (strcmp(value, names[i]) == 0 &&
		    usher_options_set_on_error(
			o->engine, (enum usher_on_error)i) == 0)
			return NULL;
	return "takes full_handshake, abort or open";
}

static const char *
set_memory_limit(struct ush_serve_options *o, const char *value)
{
	size_t n = number(value, true);

	if (n == 0 || usher_options_set_memory_limit(o->engine, n) != 0)
		return "takes bytes, as 4194304, 4096K or 4M; at least 256K";
	return NULL;
}

static const char *
set_instruction_limit(struct ush_serve_options *o, const char *value)
{
	unsigned long n = number(value, false);

	if (n == 0 || usher_options_set_instruction_limit(o->engine, n) != 0)
		return "takes a number of instructions, as 200000";
	return NULL;
}

static const char *
set_cpu_time_limit(struct ush_serve_options *o, const char *value)
{
	unsigned long n = number(value, false);

	if (n == 0 || n > UINT_MAX ||
	    usher_options_set_cpu_time_limit(o->engine, (unsigned int)n) != 0)
		return "takes microseconds, as 20000";
	return NULL;
}

static const char *
set_app_data_limit(struct ush_serve_options *o, const char *value)
{
	size_t n = number(value, true);

	if (n == 0 || usher_options_set_app_data_limit(o->engine, n) != 0)
		return "takes bytes, as 2048 or 2K; at most 63000";
	return NULL;
}

static const char *
set_var(struct ush_serve_options *o, const char *value)
{
	const char *equals = strchr(value, '=');

	if (!equals || equals == value || equals - value > 64)
		return "takes NAME=VALUE, with a name of 1 to 64 bytes";
	if (o->n_vars == USH_SERVE_VARS)
		return "can be given 16 times at most";
	o->vars[o->n_vars++] = value;
	return NULL;
}

static const char *
set_json(struct ush_serve_options *o, const char *value)
{
	(void)value;
	o->json = true;
	return NULL;
}

static const char *
set_tour(struct ush_serve_options *o, const char *value)
{
	(void)value;
	o->tour = true;
	return NULL;
}

static const char *
set_no_wait(struct ush_serve_options *o, const char *value)
{
	(void)value;
	o->no_wait = true;
	return NULL;
}

static const struct option_line lines[] = {
    {"listen", "ADDRESS:PORT", set_listen,
	"where to listen (127.0.0.1:8443); port 0\n"
	"takes a free one"},
    {"cert", "FILE", set_cert,
	"certificate chain, PEM; without it, a pair for\n"
	"localhost and *.example is made on the spot"},
    {"key", "FILE", set_key, "its key, PEM, if it is not in the same file"},
    {"tls1.2", NULL, set_tls1_2, "speak TLS 1.2 only"},
    {"tls1.3", NULL, set_tls1_3, "speak TLS 1.3 only"},
    {"threads", "N", set_threads, "threads that serve (2)"},
    {"var", "NAME=VALUE", set_var, "what the policy reads as conn.vars.NAME"},
    {"on-error", "WHAT", set_on_error,
	"what an error of the policy leads to:\n"
	"full_handshake (the default), abort, open"},
    {"memory-limit", "BYTES", set_memory_limit, "memory of one Lua state (4M)"},
    {"instruction-limit", "N", set_instruction_limit,
	"Lua instructions per call (200000)"},
    {"cpu-time-limit", "USEC", set_cpu_time_limit, "CPU time per call (20000)"},
    {"app-data-limit", "BYTES", set_app_data_limit,
	"what may be stored in a ticket (2K)"},
    {"json", NULL, set_json, "log JSON, one object a line"},
    {"tour", NULL, set_tour,
	"first visit the server with and without\n"
	"tickets and print what happens; needs a policy\n"
	"that decides as examples/demo.lua does"},
    {"no-wait", NULL, set_no_wait, "with --tour: stop after it"},
};

static void
print_help(void)
{
	char left[40];

	puts("usage: usher serve [OPTIONS] [POLICY]\n"
	     "\n"
	     "Runs a TLS server whose session tickets the Lua script POLICY "
	     "decides about;\n"
	     "without one, the standard policy of the library "
	     "(usher.standard).\n"
	     "It answers any GET with what it knows about the connection and "
	     "its ticket,\n"
	     "and logs each decision on standard error. SIGINT and SIGTERM "
	     "stop it.\n");
	for (size_t i = 0; i < ELEMENTS(lines); i++) {
		const char *help = lines[i].help;
		int len = (int)strcspn(help, "\n");

		snprintf(left, sizeof(left), "--%s%s%s", lines[i].name,
		    lines[i].value ? " " : "",
		    lines[i].value ? lines[i].value : "");
		printf("  %-24s %.*s\n", left, len, help);
		for (help += len; *help == '\n'; help += len) {
			help++;
			len = (int)strcspn(help, "\n");
			printf("  %-24s %.*s\n", "", len, help);
		}
	}
	printf("  %-24s %s\n", "--help", "print this");
}

/* argv's word that getopt did not like, and what it may have meant. */
static void
complain_unknown(const char *word)
{
	const char *names[ELEMENTS(lines)];
	const char *near;
	char name[64];

	for (size_t i = 0; i < ELEMENTS(lines); i++)
		names[i] = lines[i].name;
	word += strspn(word, "-");
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
	near = ush_near(name, names, ELEMENTS(lines));
	if (near)
		ush_cli_fail(USH_CLI_USAGE,
		    "serve: --%s: there is no such option; did you mean --%s?",
		    name, near);
	else
		ush_cli_fail(USH_CLI_USAGE,
		    "serve: --%s: there is no such option; \"usher serve "
		    "--help\" lists them",
		    name);
}

/* What getopt answers '?' about: optopt is 0 for an unknown long option, and
 * a line's number for one that takes no value. */
static void
complain(const char *word)
{
	if (optopt == 0)
		complain_unknown(word);
	else if (optopt <= (int)ELEMENTS(lines))
		ush_cli_fail(USH_CLI_USAGE, "serve: --%s: takes no value",
		    lines[optopt - 1].name);
	else
		ush_cli_fail(USH_CLI_USAGE,
		    "serve: -%c: there is no such option; \"usher serve "
		    "--help\" lists them",
		    optopt);
}

/* getopt's own table; the option's number is its line's, from 1 on. */
static void
long_options(struct option table[ELEMENTS(lines) + 2])
{
	size_t i;

	for (i = 0; i < ELEMENTS(lines); i++)
		table[i] = (struct option){lines[i].name,
		    lines[i].value ? required_argument : no_argument, NULL,
		    (int)i + 1};
	table[i++] = (struct option){"help", no_argument, NULL, 'h'};
	table[i] = (struct option){NULL, 0, NULL, 0};
}

static enum ush_serve_parsed
parse_options(struct ush_serve_options *o, int argc, char **argv)
{
	struct option table[ELEMENTS(lines) + 2];
	const char *takes;
	int c;

	long_options(table);
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":h", table, NULL)) != -1) {
		if (c == 'h') {
			print_help();
			return USH_SERVE_HELP;
		}
		if (c == '?') {
			complain(argv[optind - 1]);
			return USH_SERVE_WRONG;
		}
		if (c == ':') {
			ush_cli_fail(USH_CLI_USAGE, "serve: %s: takes a value",
			    argv[optind - 1]);
			return USH_SERVE_WRONG;
		}
		takes = lines[c - 1].set(o, optarg);
		if (takes) {
			ush_cli_fail(USH_CLI_USAGE, "serve: --%s%s%s: %s",
			    lines[c - 1].name, optarg ? " " : "",
			    optarg ? optarg : "", takes);
			return USH_SERVE_WRONG;
		}
	}
	return USH_SERVE_GO;
}

/* What the options say together. NULL, or what is wrong. */
static const char *
check(struct ush_serve_options *o, int n_words, const char *policy)
{
	if (n_words > 1)
		return "one policy at a time, please: there are several words "
		       "that are no options";
	if (o->key && !o->cert)
		return "--key: give the certificate too, with --cert";
	if (o->no_wait && !o->tour)
		return "--no-wait: goes with --tour";
	if (n_words == 1 &&
	    usher_options_set_script_file(o->engine, policy) != 0)
		return "the path of the policy is empty or too long";
	return NULL;
}

enum ush_serve_parsed
ush_serve_options_parse(struct ush_serve_options *o, int argc, char **argv)
{
	enum ush_serve_parsed parsed;
	const char *wrong;

	*o = (struct ush_serve_options){.threads = 2};
	strcpy(o->host, "127.0.0.1");
	strcpy(o->port, "8443");
	o->engine = usher_options_new();
	if (!o->engine) {
		ush_cli_fail(USH_CLI_USAGE, "serve: out of memory");
		return USH_SERVE_WRONG;
	}
	parsed = parse_options(o, argc, argv);
	if (parsed != USH_SERVE_GO)
		return parsed;
	wrong = check(o, argc - optind, argv[optind]);
	if (wrong) {
		ush_cli_fail(USH_CLI_USAGE, "serve: %s", wrong);
		return USH_SERVE_WRONG;
	}
	return USH_SERVE_GO;
}

void
ush_serve_options_fini(struct ush_serve_options *o)
{
	usher_options_free(o->engine);
	o->engine = NULL;
}
