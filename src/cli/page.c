/*
 * SPDX-License-Identifier: MIT
 *
 * What `usher serve` answers: a text about the connection, the decision, and
 * the ticket. The tour reads it too.
 */
#include "cli/page.h"

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
	const char *name;
	char text[1024];
	unsigned int len;
	size_t name_len;

	ush_buffer_puts(out, "\nThis connection\n");
	ush_ticket_text_line(out, "version", SSL_get_version(ssl));
	ush_ticket_text_line(out, "cipher", SSL_get_cipher_name(ssl));
	ush_ticket_text_line(out, "group", group_name(ssl));
	name = ush_peer_server_name(ssl, false, &name_len);
	ush_ticket_text_word(out, "server name", name, name_len);
	SSL_get0_alpn_selected(ssl, &alpn, &len);
	ush_ticket_text_word(out, "ALPN", (const char *)alpn, len);
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

static int
add_text(void *arg, const char *text, size_t len)
{
	return ush_buffer_put(arg, text, len);
}

void
ush_page_metrics(struct usher *engine, struct ush_buffer *out)
{
	if (usher_stats_write(engine, add_text, out) != 0)
		out->failed = true;
}

void
ush_page_text(SSL *ssl, struct ush_buffer *out)
{
	ush_buffer_printf(out, "Usher %s\n", usher_version());
	connection_text(out, ssl);
	decision_text(out, ssl);
	carried_text(out, ssl);
}
