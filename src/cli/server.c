/*
 * SPDX-License-Identifier: MIT
 *
 * The HTTPS server of `usher serve`. Each thread has an event base, an evhttp
 * on it and a duplicate of the listening socket (evhttp closes the one it is
 * given); whichever thread is first accepts a connection and keeps it.
 */
#include "cli/server.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/thread.h>

#include "cli/cli.h"
#include "cli/page.h"
#include "cli/visit.h"
#include "usher.h"

enum { IDLE_SECONDS = 30, HEADER_BYTES = 16384, VAR_BYTES = 128 };

struct worker {
	struct ush_server *server;
	pthread_t thread;
	struct event_base *base; /* NULL: this worker has not been made */
	struct evhttp *http;
};

struct ush_server {
	SSL_CTX *ctx;
	struct usher *engine;
	const char *const *vars;
	unsigned int n_vars;
	pthread_mutex_t lock;
	char var[VAR_BYTES]; /* lock; "": none */
	unsigned int n_workers;
	struct worker workers[];
};

static int
set_var(SSL *ssl, const char *var)
{
	const char *equals = strchr(var, '=');
	char name[VAR_BYTES] = "";

	if (!equals || (size_t)(equals - var) >= sizeof(name))
		return -1;
	memcpy(name, var, (size_t)(equals - var));
	return usher_conn_set_string(ssl, name, equals + 1, strlen(equals + 1));
}

static int
set_vars(struct ush_server *server, SSL *ssl)
{
	int result = 0;

	for (unsigned int i = 0; i < server->n_vars && result == 0; i++)
		result = set_var(ssl, server->vars[i]);
	pthread_mutex_lock(&server->lock);
	if (result == 0 && server->var[0])
		result = set_var(ssl, server->var);
	pthread_mutex_unlock(&server->lock);
	return result;
}

/* Makes what a new connection reads and writes through. Without memory evhttp
 * makes a plain one instead, which ush_page_answer refuses. */
static struct bufferevent *
accept_tls(struct event_base *base, void *arg)
{
	struct ush_server *server = arg;
	SSL *ssl = SSL_new(server->ctx);
	struct bufferevent *bev = NULL;

	if (ssl && ush_visit_begin(ssl) == 0 && set_vars(server, ssl) == 0)
		bev = bufferevent_openssl_socket_new(base, -1, ssl,
		    BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	if (!bev) {
		SSL_free(ssl);
		return NULL;
	}
	/* Clients that close without close_notify are no news here. */
	bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	return bev;
}

static void *
work(void *arg)
{
	struct worker *worker = arg;

	event_base_loop(worker->base, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

static void
free_worker(struct worker *worker)
{
	if (worker->http)
		evhttp_free(worker->http);
	if (worker->base)
		event_base_free(worker->base);
	worker->http = NULL;
	worker->base = NULL;
}

static int
start_worker(struct ush_server *server, struct worker *worker, int fd)
{
	int own = dup(fd);

	worker->server = server;
	worker->base = event_base_new();
	worker->http = worker->base ? evhttp_new(worker->base) : NULL;
	if (own < 0 || !worker->http)
		goto fail;
	evhttp_set_bevcb(worker->http, accept_tls, server);
	evhttp_set_gencb(worker->http, ush_page_answer, NULL);
	if (server->engine)
		evhttp_set_cb(
		    worker->http, "/metrics", ush_page_metrics, server->engine);
	evhttp_set_allowed_methods(
	    worker->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	evhttp_set_timeout(worker->http, IDLE_SECONDS);
	evhttp_set_max_headers_size(worker->http, HEADER_BYTES);
	evhttp_set_max_body_size(worker->http, 0);
	if (evhttp_accept_socket(worker->http, own) != 0)
		goto fail;
	own = -1;
	if (pthread_create(&worker->thread, NULL, work, worker) == 0)
		return 0;
fail:
	if (own >= 0)
		close(own);
	free_worker(worker);
	return -1;
}

struct ush_server *
ush_server_start(SSL_CTX *ctx, struct usher *engine, int fd,
    unsigned int threads, const char *const *vars, unsigned int n)
{
	struct ush_server *server;

	server =
	    calloc(1, sizeof(*server) + threads * sizeof(server->workers[0]));
	if (!server || evthread_use_pthreads() != 0)
		goto fail;
	server->ctx = ctx;
	server->engine = engine;
	server->vars = vars;
	server->n_vars = n;
	pthread_mutex_init(&server->lock, NULL);
	while (server->n_workers < threads) {
		if (start_worker(
			server, &server->workers[server->n_workers], fd) != 0) {
			ush_server_stop(server);
			server = NULL;
			goto fail;
		}
		server->n_workers++;
	}
	close(fd);
	return server;
fail:
	ush_cli_fail(USH_CLI_FAILED,
	    "serve: can't start %u threads: out of "
	    "memory, threads or files",
	    threads);
	free(server);
	close(fd);
	return NULL;
}

void
ush_server_set_var(struct ush_server *server, const char *var)
{
	pthread_mutex_lock(&server->lock);
	server->var[0] = '\0';
	if (var && strlen(var) < sizeof(server->var))
		strcpy(server->var, var);
	pthread_mutex_unlock(&server->lock);
}

void
ush_server_stop(struct ush_server *server)
{
	if (!server)
		return;
	for (unsigned int i = 0; i < server->n_workers; i++)
		event_base_loopexit(server->workers[i].base, NULL);
	for (unsigned int i = 0; i < server->n_workers; i++) {
		pthread_join(server->workers[i].thread, NULL);
		free_worker(&server->workers[i]);
	}
	pthread_mutex_destroy(&server->lock);
	free(server);
	libevent_global_shutdown();
}
