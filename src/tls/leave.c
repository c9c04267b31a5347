/*
 * SPDX-License-Identifier: MIT
 *
 * Which callback is the last one.
 *
 *	generate TLS 1.2 makes one ticket. TLS 1.3 makes one after a resumption,
 *		and num_tickets after a full handshake.
 *	decrypt	After a verdict that renews, generate follows. After one that
 *		does not, nothing may follow; but a HelloRetryRequest may ask
 *		again, or OpenSSL may refuse the session that we told it to use
 *		and make a full handshake with tickets of it. Only the end of
 *		the handshake tells. It is told to the info callback, so for
 *		these handshakes ours stands before the host's until then.
 *
 * The ticket of a resumption in TLS 1.2 comes before the client's Finished, so
 * what came of the verdict is not known then: the end of the handshake tells
 * that, too.
 */
#include "tls/leave.h"

#include "tls/decide.h"

static bool
is_all(const SSL *ssl, const struct ush_handshake *now)
{
	if (now->tickets >= 1 &&
	    (SSL_session_reused(ssl) || SSL_version(ssl) != TLS1_3_VERSION))
		return true;
	return SSL_version(ssl) == TLS1_3_VERSION &&
	       now->tickets >= SSL_get_num_tickets(ssl);
}

/* Does OpenSSL make tickets from here on? A session that it was to use, and
 * did not, is a full handshake's, which renews. */
static bool
is_ticket_to_come(const SSL *ssl, const struct ush_handshake *now)
{
	if (SSL_version(ssl) != TLS1_3_VERSION)
		return false; /* they come before the end */
	if (now->verdict == USH_VERDICT_IGNORE ||
	    (now->verdict == USH_VERDICT_USE && SSL_session_reused(ssl)))
		return false;
	return !is_all(ssl, now);
}

static void on_info(const SSL *ssl, int where, int ret);

static void
on_done(SSL *ssl, struct ush_conn *conn)
{
	if (SSL_get_info_callback(ssl) == on_info)
		SSL_set_info_callback(ssl, conn->host_info);
	ush_decide_outcome(conn, SSL_session_reused(ssl));
	if (!is_ticket_to_come(ssl, &conn->now))
		ush_conn_leave(conn);
}

/* Like OpenSSL, asks the context's callback if the SSL has none. OpenSSL may
 * call it once more after it was put back; and an SSL that SSL_dup made has it,
 * but no record. */
static void
on_info(const SSL *ssl, int where, int ret)
{
	struct ush_conn *conn = ush_conn_get(ssl);
	ush_info_fn host = conn ? conn->host_info : NULL;

	if (!host)
		host = SSL_CTX_get_info_callback(SSL_get_SSL_CTX(ssl));
	if (conn && (where & SSL_CB_HANDSHAKE_DONE) != 0)
		on_done((SSL *)ssl, conn);
	if (host)
		host(ssl, where, ret);
}

static void
watch_the_end(SSL *ssl, struct ush_conn *conn)
{
	ush_info_fn host = SSL_get_info_callback(ssl);

	if (host == on_info)
		return;
	conn->host_info = host;
	SSL_set_info_callback(ssl, on_info);
}

bool
ush_is_before_finished(const SSL *ssl)
{
	return SSL_session_reused(ssl) && SSL_version(ssl) != TLS1_3_VERSION;
}

void
ush_leave_generate(SSL *ssl, struct ush_conn *conn, bool ended)
{
	if (ended) {
		ush_decide_outcome(conn, false);
		ush_conn_leave(conn);
	} else if (ush_is_before_finished(ssl)) {
		watch_the_end(ssl, conn);
	} else if (is_all(ssl, &conn->now)) {
		ush_conn_leave(conn);
	}
}

void
ush_leave_decrypt(SSL *ssl, struct ush_conn *conn)
{
	switch (conn->now.verdict) {
	case USH_VERDICT_ABORT:
		ush_conn_leave(conn);
		break;
	case USH_VERDICT_USE:
	case USH_VERDICT_IGNORE:
		watch_the_end(ssl, conn);
		break;
	default:
		if (SSL_get_num_tickets(ssl) == 0)
			watch_the_end(ssl, conn);
	}
}
