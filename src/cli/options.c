/*
 * SPDX-License-Identifier: MIT
 *
 * The command line of `usher serve`: its options, and what they say together.
 */
#include "cli/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/limits.h"

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

/* [HOST][:PORT], with brackets around an IPv6 address. */
static const char *
set_listen(void *to, const char *value)
{
	struct ush_serve_options *o = to;

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
set_cert(void *to, const char *value)
{
	struct ush_serve_options *o = to;

	o->cert = value;
	return NULL;
}

static const char *
set_key(void *to, const char *value)
{
	struct ush_serve_options *o = to;

	o->key = value;
	return NULL;
}

static const char *
set_tls1_2(void *to, const char *value)
{
	struct ush_serve_options *o = to;

	(void)value;
	if (o->version == TLS1_3_VERSION)
		return "means only that version, so it excludes --tls1.3";
	o->version = TLS1_2_VERSION;
	return NULL;
}

static const char *
set_tls1_3(void *to, const char *value)
{
	struct ush_serve_options *o = to;

	(void)value;
	if (o->version == TLS1_2_VERSION)
		return "means only that version, so it excludes --tls1.2";
	o->version = TLS1_3_VERSION;
	return NULL;
}

static const char *
set_threads(void *to, const char *value)
{
	struct ush_serve_options *o = to;

	unsigned long n = ush_limits_number(value, false);

	if (n < 1 || n > USH_SERVE_THREADS)
		return "takes a number from 1 to 64";
	o->threads = (unsigned int)n;
	return NULL;
}

static const char *
set_connections(void *to, const char *value)
{
	struct ush_serve_options *o = to;
	unsigned long n = ush_limits_number(value, false);

	if (n < 1 || n > USH_SERVE_CONNECTIONS)
		return "takes a number from 1 to 1000000";
	o->connections = (unsigned int)n;
	return NULL;
}

static const char *
set_deadline(void *to, const char *value)
{
	struct ush_serve_options *o = to;
	unsigned long n = ush_limits_number(value, false);

	if (n < 1 || n > USH_SERVE_DEADLINE)
		return "takes seconds, from 1 to 3600";
	o->deadline = (unsigned int)n;
	return NULL;
}

static const char *
set_on_error(void *to, const char *value)
{
	struct ush_serve_options *o = to;

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
set_var(void *to, const char *value)
{
	struct ush_serve_options *o = to;

	const char *equals = strchr(value, '=');

	if (!equals || equals == value || equals - value > 64)
		return "takes NAME=VALUE, with a name of 1 to 64 bytes";
	if (o->n_vars == USH_SERVE_VARS)
		return "can be given 16 times at most";
	o->vars[o->n_vars++] = value;
	return NULL;
}

static const char *
set_store(void *to, const char *value)
{
	struct ush_serve_options *o = to;

	if (usher_options_set_store_name(o->engine, value) != 0)
		return "takes a name of 1 to 64 letters, digits, \"_\", \"-\" "
		       "and \".\"";
	return NULL;
}

static const char *
set_store_size(void *to, const char *value)
{
	struct ush_serve_options *o = to;
	size_t n = ush_limits_number(value, true);

	if (n == 0 || usher_options_set_store_size(o->engine, n) != 0)
		return "takes bytes, as 1048576, 1024K or 1M; 64K at least, "
		       "16384M at most";
	return NULL;
}

static const char *
set_json(void *to, const char *value)
{
	struct ush_serve_options *o = to;

	(void)value;
	o->json = true;
	return NULL;
}

static const char *
set_tour(void *to, const char *value)
{
	struct ush_serve_options *o = to;

	(void)value;
	o->tour = true;
	return NULL;
}

static const char *
set_no_wait(void *to, const char *value)
{
	struct ush_serve_options *o = to;

	(void)value;
	o->no_wait = true;
	return NULL;
}

static const char *
set_watch(void *to, const char *value)
{
	struct ush_serve_options *o = to;

	(void)value;
	o->watch = true;
	return NULL;
}

static const char *
set_shadow(void *to, const char *value)
{
	struct ush_serve_options *o = to;

	if (value[0] == '\0')
		return "takes the path of a Lua script";
	o->shadow = value;
	return NULL;
}

static const char *
set_canary(void *to, const char *value)
{
	struct ush_serve_options *o = to;
	unsigned long n = ush_limits_number(value, false);

	if (n > 1000 || (n == 0 && strcmp(value, "0") != 0))
		return "takes a number from 0 to 1000: clients per mille";
	o->canary = (unsigned int)n;
	return NULL;
}

static const struct ush_option lines[] = {
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
    {"connections", "N", set_connections,
	"connections that are open at once, at most\n"
	"(1000); the next ones wait"},
    {"deadline", "SECONDS", set_deadline,
	"how long a handshake may take, and then a\n"
	"request with its answer (15)"},
    {"var", "NAME=VALUE", set_var, "what the policy reads as conn.vars.NAME"},
    {"on-error", "WHAT", set_on_error,
	"what an error of the policy leads to:\n"
	"full_handshake (the default), abort, open"},
    USH_LIMITS_OPTIONS,
    {"store", "NAME", set_store,
	"a store for the policy that outlives the\n"
	"server, under this name"},
    {"store-size", "BYTES", set_store_size, "what the store can hold (1M)"},
    {"watch", NULL, set_watch,
	"reload the policy when a file of it changes,\n"
	"as SIGHUP does"},
    {"shadow", "FILE", set_shadow,
	"ask this policy too, beside the other one, and\n"
	"log where it would have decided otherwise"},
    {"canary", "N", set_canary, "let it decide for N of 1000 networks"},
    {"json", NULL, set_json, "log JSON, one object a line"},
    {"tour", NULL, set_tour,
	"first visit the server with and without\n"
	"tickets and print what happens; needs a policy\n"
	"that decides as examples/demo.lua does"},
    {"no-wait", NULL, set_no_wait, "with --tour: stop after it"},
};

static const struct ush_command command = {
    .name = "serve",
    .help = "usage: usher serve [OPTIONS] [POLICY]\n"
	    "\n"
	    "Runs a TLS server whose session tickets the Lua script POLICY "
	    "decides about;\n"
	    "without one, the standard policy of the library "
	    "(usher.standard).\n"
	    "It answers any GET with what it knows about the connection and "
	    "its ticket,\n"
	    "closes the connection, and logs each decision on standard error. "
	    "SIGINT and SIGTERM "
	    "stop it, SIGHUP\n"
	    "reloads the policy.\n",
    .options = lines,
    .n = ELEMENTS(lines),
};

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
	if (o->watch && n_words == 0)
		return "--watch: name the policy that is to be watched";
	if (o->canary > 0 && !o->shadow)
		return "--canary: goes with --shadow";
	o->policy = policy;
	if (n_words == 1 &&
	    usher_options_set_script_file(o->engine, policy) != 0)
		return "the path of the policy is empty or too long";
	return NULL;
}

enum ush_parsed
ush_serve_options_parse(struct ush_serve_options *o, int argc, char **argv)
{
	enum ush_parsed parsed;
	const char *wrong;

	*o = (struct ush_serve_options){
	    .threads = 2, .connections = 1000, .deadline = 15};
	strcpy(o->host, "127.0.0.1");
	strcpy(o->port, "8443");
	o->engine = usher_options_new();
	if (!o->engine) {
		ush_cli_fail(USH_CLI_USAGE, "serve: out of memory");
		return USH_PARSED_WRONG;
	}
	parsed = ush_getopts(&command, o, argc, argv);
	if (parsed != USH_PARSED_GO)
		return parsed;
	wrong = check(o, argc - optind, argv[optind]);
	if (wrong) {
		ush_cli_fail(USH_CLI_USAGE, "serve: %s", wrong);
		return USH_PARSED_WRONG;
	}
	return USH_PARSED_GO;
}

void
ush_serve_options_fini(struct ush_serve_options *o)
{
	usher_options_free(o->engine);
	o->engine = NULL;
}
