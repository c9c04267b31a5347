/*
 * SPDX-License-Identifier: MIT
 *
 * usher serve: a server with a policy, from its options to its end.
 */
#include "cli/serve.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>

#include "cli/cert.h"
#include "cli/cli.h"
#include "cli/tour.h"
#include "cli/visit.h"

static sigset_t
our_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	return set;
}

/* What fails is in the library's log. */
static void
reload(struct ush_serve *serve)
{
	usher_reload(serve->engine, NULL);
	if (serve->options.shadow)
		usher_shadow_file(serve->engine, serve->options.shadow, NULL);
}

bool
ush_serve_stopped(struct ush_serve *serve, int milliseconds)
{
	static bool stopped;
	sigset_t set = our_signals();
	struct timespec wait = {
	    milliseconds / 1000, milliseconds % 1000 * 1000000L};
	int signal;

	while (!stopped) {
		if (milliseconds < 0)
			signal = sigwaitinfo(&set, NULL);
		else
			signal = sigtimedwait(&set, NULL, &wait);
		stopped = signal > 0 && signal != SIGHUP;
		if (signal == SIGHUP)
			reload(serve);
		if (signal < 0 && errno != EINTR)
			break;
	}
	return stopped;
}

/* Of the protocols that a client offers, we speak http/1.1. */
static int
select_alpn(SSL *ssl, const unsigned char **out, unsigned char *outlen,
    const unsigned char *in, unsigned int inlen, void *arg)
{
	static const unsigned char ours[] = "\x8http/1.1\x8http/1.0";
	unsigned char *selected;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&selected, outlen, ours, sizeof(ours) - 1, in,
		inlen) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = selected;
	return SSL_TLSEXT_ERR_OK;
}

/* Accepts every name, so that OpenSSL keeps it in the session. */
static int
accept_name(SSL *ssl, int *alert, void *arg)
{
	(void)ssl;
	(void)alert;
	(void)arg;
	return SSL_TLSEXT_ERR_OK;
}

static int
make_context(struct ush_serve *serve)
{
	const struct ush_serve_options *o = &serve->options;
	int min = o->version ? o->version : TLS1_2_VERSION;

	serve->ctx = SSL_CTX_new(TLS_server_method());
	if (!serve->ctx ||
	    SSL_CTX_set_min_proto_version(serve->ctx, min) != 1 ||
	    SSL_CTX_set_max_proto_version(serve->ctx, o->version) != 1 ||
	    ush_visit_init(serve->ctx) != 0 ||
	    (!o->cert && ush_cert_make(serve->ctx) != 0))
		return ush_cli_fail(-1, "serve: OpenSSL: %s",
		    ERR_reason_error_string(ERR_peek_last_error()));
	if (o->cert && ush_cert_load(serve->ctx, o->cert, o->key) != 0)
		return -1;
	SSL_CTX_set_alpn_select_cb(serve->ctx, select_alpn, NULL);
	SSL_CTX_set_tlsext_servername_callback(serve->ctx, accept_name);
	return 0;
}

static int
make_shadow(struct ush_serve *serve)
{
	const struct ush_serve_options *o = &serve->options;
	struct usher_error error;

	if (!o->shadow)
		return 0;
	if (usher_shadow_file(serve->engine, o->shadow, &error) != 0 ||
	    usher_canary(serve->engine, o->canary, &error) != 0)
		return ush_cli_fail(-1, "serve: --shadow: %s", error.message);
	return 0;
}

static int
make_engine(struct ush_serve *serve)
{
	struct usher_options *options = serve->options.engine;
	struct usher_error error;

	serve->decisions.json = serve->options.json;
	usher_options_set_log(
	    options, ush_decisions_message, &serve->decisions);
	usher_options_set_decision(
	    options, ush_decisions_log, &serve->decisions);
	serve->engine = usher_new(options, &error);
	if (!serve->engine ||
	    usher_attach(serve->engine, serve->ctx, 0, &error) != 0)
		return ush_cli_fail(-1, "serve: %s", error.message);
	if (serve->options.watch && usher_watch(serve->engine, 1, &error) != 0)
		return ush_cli_fail(-1, "serve: --watch: %s", error.message);
	return make_shadow(serve);
}

static void
on_log(void *arg, enum ush_log_level level, const char *line)
{
	ush_decisions_message(arg, (enum usher_log_level)level, line);
}

static int
start_server(struct ush_serve *serve, int fd)
{
	const struct ush_serve_options *o = &serve->options;
	const struct ush_server_setup setup = {
	    .ctx = serve->ctx,
	    .engine = serve->engine,
	    .log = &serve->log,
	    .threads = o->threads,
	    .connections = o->connections,
	    .deadline = o->deadline,
	    .vars = o->vars,
	    .n_vars = o->n_vars,
	};

	ush_log_init(&serve->log, on_log, &serve->decisions);
	serve->server = ush_server_start(&setup, fd);
	return serve->server ? 0 : -1;
}

static int
start(struct ush_serve *serve)
{
	const struct ush_serve_options *o = &serve->options;
	int fd;

	if (make_context(serve) != 0 || make_engine(serve) != 0)
		return -1;
	fd = ush_server_listen(o->host, o->port, &serve->port);
	if (fd < 0 || start_server(serve, fd) != 0)
		return -1;
	printf(strchr(o->host, ':') ? "Listening on https://[%s]:%d/\n"
				    : "Listening on https://%s:%d/\n",
	    o->host, serve->port);
	fflush(stdout);
	return 0;
}

static int
run(struct ush_serve *serve)
{
	if (start(serve) != 0)
		return USH_CLI_FAILED;
	if (serve->options.tour) {
		if (ush_tour(serve) != 0)
			return USH_CLI_FAILED;
		if (serve->options.no_wait)
			return USH_CLI_OK;
		/* The tour had one of its own. */
		if (make_shadow(serve) != 0)
			return USH_CLI_FAILED;
	}
	ush_serve_stopped(serve, -1);
	return USH_CLI_OK;
}

int
ush_cli_serve(int argc, char **argv)
{
	struct ush_serve serve = {0};
	sigset_t set = our_signals();
	int status = USH_CLI_USAGE;

	switch (ush_serve_options_parse(&serve.options, argc, argv)) {
	case USH_PARSED_GO:
		/* In all threads; ush_serve_stopped takes them. */
		pthread_sigmask(SIG_BLOCK, &set, NULL);
		signal(SIGPIPE, SIG_IGN);
		status = run(&serve);
		break;
	case USH_PARSED_HELP:
		status = USH_CLI_OK;
		break;
	case USH_PARSED_WRONG:
		break;
	}
	ush_server_stop(serve.server);
	SSL_CTX_free(serve.ctx);
	usher_free(serve.engine);
	ush_serve_options_fini(&serve.options);
	return status;
}
