/*
 * SPDX-License-Identifier: MIT
 *
 * A connection from its handshake to its end.
 *
 * It ends in three steps. A close_notify goes out as soon as the answer has
 * (RFC 8446, section 6.1): without one a client must take the answer for cut,
 * and some then throw the session away. Then our half of the TCP connection is
 * closed, and what the client still says is read, for a moment: a socket that
 * is closed with bytes unread takes back what was sent. Only then all goes.
 *
 * There is a deadline for the handshake, and another for request and answer. A
 * byte now and then does not move it.
 */
#include "cli/connection.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>

#include "cli/http.h"
#include "cli/page.h"

enum { LINGER = 2 /* seconds for the client's half to close */ };

struct ush_connection {
	struct ush_connections *all;
	struct ush_connection *next, **link; /* all->first */
	struct bufferevent *bev;             /* owns ssl and the socket */
	SSL *ssl;
	struct event *timer;
	bool answered;
	bool closed; /* our half */
};

static void
set_timer(struct ush_connection *c, unsigned int seconds)
{
	struct timeval wait = {.tv_sec = seconds};

	event_add(c->timer, &wait);
}

/* Says that nothing more comes. Harmless where there is nobody any more. */
static void
close_half(struct ush_connection *c)
{
	if (c->closed)
		return;
	c->closed = true;
	if (SSL_is_init_finished(c->ssl))
		SSL_shutdown(c->ssl);
	ERR_clear_error();
	shutdown(bufferevent_getfd(c->bev), SHUT_WR);
}

static void
end(struct ush_connection *c)
{
	struct ush_connections *all = c->all;

	if (c->bev) {
		close_half(c);
		bufferevent_free(c->bev);
	}
	if (c->timer)
		event_free(c->timer);
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	free(c);
	all->open--;
	all->ended(all->arg);
}

/* The text that a request asks for, and its type. */
static const char *
make_page(struct ush_connection *c, const char *path, struct ush_buffer *page)
{
	if (strcmp(path, "/metrics") == 0 && c->all->engine) {
		ush_page_metrics(c->all->engine, page);
		return "text/plain; version=0.0.4; charset=utf-8";
	}
	ush_page_text(c->ssl, page);
	return "text/plain; charset=utf-8";
}

static void
answer(struct ush_connection *c, struct ush_http_request *request)
{
	struct ush_buffer page = {0}, out = {0};
	const char *type = NULL;

	c->answered = true;
	if (request->status == 200)
		type = make_page(c, request->path, &page);
	if (page.failed)
		request->status = 503;
	ush_http_answer(&out, request, type, &page);
	if (out.failed || bufferevent_write(c->bev, out.data, out.len) != 0)
		close_half(c);
	ush_buffer_fini(&page);
	ush_buffer_fini(&out);
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct ush_connection *c = arg;
	struct evbuffer *input = bufferevent_get_input(bev);
	struct ush_http_request request = {.status = 431};
	size_t len = evbuffer_get_length(input), head;
	const char *bytes;

	if (c->answered) {
		evbuffer_drain(input, len);
		return;
	}
	bytes = (const char *)evbuffer_pullup(input, -1);
	head = bytes ? ush_http_head_len(bytes, len) : 0;
	if (head > 0 && head <= USH_HTTP_HEAD_MAX)
		ush_http_parse(bytes, head, &request);
	else if (len <= USH_HTTP_HEAD_MAX)
		return;
	answer(c, &request);
	evbuffer_drain(input, len);
}

/* All that was to be written has been. */
static void
on_written(struct bufferevent *bev, void *arg)
{
	struct ush_connection *c = arg;

	(void)bev;
	if (!c->answered || c->closed)
		return;
	close_half(c);
	set_timer(c, LINGER);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct ush_connection *c = arg;

	(void)bev;
	if (what & BEV_EVENT_CONNECTED)
		set_timer(c, c->all->deadline);
	else
		end(c);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	end(arg);
}

int
ush_connection_begin(struct ush_connections *all, int fd, SSL *ssl)
{
	struct ush_connection *c = calloc(1, sizeof(*c));

	if (!c) {
		SSL_free(ssl);
		close(fd);
		return -1;
	}
	c->all = all;
	c->ssl = ssl;
	c->next = all->first;
	c->link = &all->first;
	if (c->next)
		c->next->link = &c->next;
	all->first = c;
	all->open++;
	c->timer = evtimer_new(all->base, on_deadline, c);
	c->bev = bufferevent_openssl_socket_new(all->base, fd, ssl,
	    BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	if (!c->bev) {
		SSL_free(ssl);
		close(fd);
	}
	if (!c->bev || !c->timer) {
		end(c);
		return -1;
	}
	/* Clients that close without close_notify are no news here. */
	bufferevent_openssl_set_allow_dirty_shutdown(c->bev, 1);
	bufferevent_setcb(c->bev, on_read, on_written, on_event, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	set_timer(c, all->deadline);
	return 0;
}

void
ush_connections_end(struct ush_connections *all)
{
	while (all->first)
		end(all->first);
}
