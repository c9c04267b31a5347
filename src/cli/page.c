/*
 * SPDX-License-Identifier: MIT
 *
 * What `usher serve` answers: a text about the connection, the decision, and
 * the ticket. The tour reads it too.
 */
#include "cli/page.h"

#include <stdio.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/http.h>
#include <openssl/ssl.h>

#include "base/buffer.h"
#include "cli/peer.h"
#include "cli/ticket_text.h"
#include "cli/visit.h"
#include "usher.h"

static const char *
group_name(SSL *ssl)
{
	int group = (int)SSL_get_negotiated_group(ssl);

	return group ? SSL_group_to_name(ssl, group) : NULL;
}

static void
connection_text(struct ush_buffer *out, SSL *ssl)
{
	const unsigned char *alpn;
	char text[256];
	unsigned int len;

	ush_buffer_puts(out, "\nThis connection\n");
	ush_ticket_text_line(out, "version", SSL_get_version(ssl));
	ush_ticket_text_line(out, "cipher", SSL_get_cipher_name(ssl));
	ush_ticket_text_line(out, "group", group_name(ssl));
	ush_peer_server_name(ssl, false, text, sizeof(text));
	ush_ticket_text_line(out, "server name", *text ? text : NULL);
	SSL_get0_alpn_selected(ssl, &alpn, &len);
	snprintf(text, sizeof(text), "%.*s", (int)len, len ? (char *)alpn : "");
	ush_ticket_text_line(out, "ALPN", *text ? text : NULL);
	ush_peer_text(ssl, text);
	ush_ticket_text_line(out, "peer", text);
	ush_ticket_text_line(
	    out, "resumed", SSL_session_reused(ssl) ? "yes" : "no");
}

static void
decision_text(struct ush_buffer *out, SSL *ssl)
{
	const char *verdict = usher_conn_verdict(ssl);

	ush_buffer_puts(out, "\nThe policy, about the ticket offered\n");
	if (!verdict) {
		ush_buffer_puts(
		    out, "  was not asked: this client offered none\n");
		return;
	}
	ush_ticket_text_line(out, "decided", verdict);
	ush_ticket_text_line(out, "because", usher_conn_reason(ssl));
}

static void
carried_text(struct ush_buffer *out, SSL *ssl)
{
	const struct ush_visit *visit = ush_visit_get(ssl);

	if (!visit || !visit->seen)
		return;
	ush_buffer_puts(out, "\nWhat that ticket carried\n");
	if (visit->data)
		ush_ticket_text(out, visit->data, visit->len);
	else
		ush_buffer_puts(out, "  nothing\n");
}

static SSL *
request_ssl(struct evhttp_request *request)
{
	struct evhttp_connection *connection =
	    evhttp_request_get_connection(request);
	struct bufferevent *bev =
	    connection ? evhttp_connection_get_bufferevent(connection) : NULL;

	return bev ? bufferevent_openssl_get_ssl(bev) : NULL;
}

static void
send_text(
    struct evhttp_request *request, struct ush_buffer *out, const char *type)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	struct evbuffer *body = evhttp_request_get_output_buffer(request);

	if (out->failed || evbuffer_add(body, out->data, out->len) != 0) {
		evhttp_send_error(request, 503, "Out of memory");
	} else {
		evhttp_add_header(headers, "Content-Type", type);
		evhttp_send_reply(request, 200, "OK", NULL);
	}
	ush_buffer_fini(out);
}

static int
add_text(void *arg, const char *text, size_t len)
{
	return ush_buffer_put(arg, text, len);
}

void
ush_page_metrics(struct evhttp_request *request, void *arg)
{
	struct ush_buffer out = {0};

	if (usher_stats_write(arg, add_text, &out) != 0)
		out.failed = true;
	send_text(request, &out, "text/plain; version=0.0.4; charset=utf-8");
}

void
ush_page_answer(struct evhttp_request *request, void *arg)
{
	SSL *ssl = request_ssl(request);
	struct ush_buffer out = {0};

	(void)arg;
	if (!ssl) {
		evhttp_send_error(request, 503, "No TLS");
		return;
	}
	ush_buffer_printf(&out, "Usher %s\n", usher_version());
	connection_text(&out, ssl);
	decision_text(&out, ssl);
	carried_text(&out, ssl);
	send_text(request, &out, "text/plain; charset=utf-8");
}
