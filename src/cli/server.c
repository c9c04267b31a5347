/*
 * SPDX-License-Identifier: MIT
 *
 * The threads of `usher serve`, and whom they let in. Each has an event base
 * and a listener of its own on the one socket; whichever is first accepts a
 * connection and keeps it. A thread whose share of the connections is open
 * accepts no more until one of them ends; where descriptors or memory are out,
 * it tries again in half a second. Both leave clients in the kernel's queue.
 */
#include "cli/server.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/listener.h>
#include <event2/thread.h>

#include "cli/cli.h"
#include "cli/connection.h"
#include "cli/visit.h"
#include "usher.h"

enum { RETRY_MICROSECONDS = 500000, VAR_BYTES = 128 };

struct worker {
	struct ush_server *server;
	pthread_t thread;
	struct ush_connections connections; /* base NULL: not made */
	struct evconnlistener *listener;    /* NULL once it is to end */
	struct event *retry;
};

struct ush_server {
	struct ush_server_setup setup;
	unsigned int share; /* connections of a worker */
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

	for (unsigned int i = 0; i < server->setup.n_vars && result == 0; i++)
		result = set_var(ssl, server->setup.vars[i]);
	pthread_mutex_lock(&server->lock);
	if (result == 0 && server->var[0])
		result = set_var(ssl, server->var);
	pthread_mutex_unlock(&server->lock);
	return result;
}

/* Is there room, and is it not waiting to try again? */
static void
accept_again(struct worker *worker)
{
	if (worker->listener &&
	    worker->connections.open < worker->server->share &&
	    !evtimer_pending(worker->retry, NULL))
		evconnlistener_enable(worker->listener);
}

static void
on_ended(void *arg)
{
	accept_again(arg);
}

static void
on_retry(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	accept_again(arg);
}

static SSL *
new_ssl(struct ush_server *server)
{
	SSL *ssl = SSL_new(server->setup.ctx);

	if (ssl && ush_visit_begin(ssl) == 0 && set_vars(server, ssl) == 0)
		return ssl;
	SSL_free(ssl);
	return NULL;
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd,
    struct sockaddr *address, int len, void *arg)
{
	struct worker *worker = arg;
	struct ush_server *server = worker->server;
	SSL *ssl = new_ssl(server);

	(void)address;
	(void)len;
	if (!ssl) {
		close(fd);
		return;
	}
	ush_connection_begin(&worker->connections, fd, ssl);
	if (worker->connections.open < server->share)
		return;
	evconnlistener_disable(listener);
	ush_log_write(server->setup.log, USH_LOG_WARNING, USH_LOG_ACCEPT,
	    "a thread has %u connections open, its share of --connections: "
	    "the next have to wait",
	    server->share);
}

static void
on_accept_failed(struct evconnlistener *listener, void *arg)
{
	const struct timeval wait = {.tv_usec = RETRY_MICROSECONDS};
	struct worker *worker = arg;
	int error = EVUTIL_SOCKET_ERROR();

	evconnlistener_disable(listener);
	evtimer_add(worker->retry, &wait);
	ush_log_write(worker->server->setup.log, USH_LOG_WARNING,
	    USH_LOG_ACCEPT,
	    "a connection can't be accepted: %s; the next try is in half a "
	    "second%s",
	    strerror(error),
	    error == EMFILE ? " (ulimit -n allows more descriptors, "
			      "--connections fewer connections)"
			    : "");
}

static void *
work(void *arg)
{
	struct worker *worker = arg;

	event_base_loop(worker->connections.base, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

static void
free_worker(struct worker *worker)
{
	struct event_base *base = worker->connections.base;

	if (worker->listener)
		evconnlistener_free(worker->listener);
	worker->listener = NULL;
	ush_connections_end(&worker->connections);
	if (worker->retry)
		event_free(worker->retry);
	if (base)
		event_base_free(base);
	worker->connections.base = NULL;
}

static int
start_worker(struct ush_server *server, struct worker *worker, int fd)
{
	struct ush_connections *connections = &worker->connections;
	int own = dup(fd);

	worker->server = server;
	connections->engine = server->setup.engine;
	connections->deadline = server->setup.deadline;
	connections->ended = on_ended;
	connections->arg = worker;
	connections->base = event_base_new();
	if (own < 0 || !connections->base)
		goto fail;
	worker->retry = evtimer_new(connections->base, on_retry, worker);
	if (!worker->retry)
		goto fail;
	worker->listener = evconnlistener_new(connections->base, on_accept,
	    worker, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, own);
	if (!worker->listener)
		goto fail;
	own = -1;
	evconnlistener_set_error_cb(worker->listener, on_accept_failed);
	if (pthread_create(&worker->thread, NULL, work, worker) == 0)
		return 0;
fail:
	if (own >= 0)
		close(own);
	free_worker(worker);
	return -1;
}

struct ush_server *
ush_server_start(const struct ush_server_setup *setup, int fd)
{
	unsigned int threads = setup->threads;
	struct ush_server *server;

	server =
	    calloc(1, sizeof(*server) + threads * sizeof(server->workers[0]));
	if (!server || evthread_use_pthreads() != 0)
		goto fail;
	server->setup = *setup;
	server->share = (setup->connections + threads - 1) / threads;
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
		event_base_loopexit(server->workers[i].connections.base, NULL);
	for (unsigned int i = 0; i < server->n_workers; i++) {
		pthread_join(server->workers[i].thread, NULL);
		free_worker(&server->workers[i]);
	}
	pthread_mutex_destroy(&server->lock);
	free(server);
	libevent_global_shutdown();
}
