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
 *		these handshakes ours stands before the host's until then. (If
 *		it gets lost, the generation is kept no longer than one that an
 *		unfinished handshake remembers.)
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

/*
 * Our info callback before the host's. A host may take what it finds in place,
 * which may be ours, and set one of its own that calls it; in any order, and
 * over SSL_clear, so that ours calls it and it calls ours. So each of the
 * host's is called at most once for one event: ours, called from within, goes
 * on with the one that was there before.
 */
static void on_info(const SSL *ssl, int where, int ret);

/* The host's callbacks that this thread is in, innermost first. */
struct running {
	const SSL *ssl;
	ush_info_fn fn;
	const struct running *outer;
};
static _Thread_local const struct running *running;

static bool
is_running(const SSL *ssl, ush_info_fn fn)
{
	const struct running *r;

	for (r = running; r; r = r->outer)
		if (r->ssl == ssl && r->fn == fn)
			return true;
	return false;
}

/* Like OpenSSL, asks the context's callback if the SSL has none. */
static ush_info_fn
next_of_host(const SSL *ssl, const struct ush_conn *conn)
{
	ush_info_fn fn = conn ? conn->host_info : NULL;

	if (fn && !is_running(ssl, fn))
		return fn;
	fn = conn ? conn->first_info : NULL;
	if (!fn)
		fn = SSL_CTX_get_info_callback(SSL_get_SSL_CTX(ssl));
	return fn && fn != on_info && !is_running(ssl, fn) ? fn : NULL;
}

/* If ours is not in front, it may be behind the host's: it stays known. */
static void
unwatch(SSL *ssl, struct ush_conn *conn)
{
	if (SSL_get_info_callback(ssl) != on_info)
		return;
	SSL_set_info_callback(ssl, conn->host_info);
	conn->watching = false;
}

static void
on_done(SSL *ssl, struct ush_conn *conn)
{
	unwatch(ssl, conn);
	ush_decide_outcome(conn, SSL_session_reused(ssl));
	if (!is_ticket_to_come(ssl, &conn->now))
		ush_conn_leave(conn);
}

/* OpenSSL may call it once more after it was put back. One that is in place
 * when a handshake starts was left there by one that came to no end. */
static void
on_info(const SSL *ssl, int where, int ret)
{
	struct ush_conn *conn = ush_conn_get(ssl);
	struct running here = {ssl, NULL, running};

	if (conn && (where & SSL_CB_HANDSHAKE_START) != 0)
		unwatch((SSL *)ssl, conn);
	if (conn && (where & SSL_CB_HANDSHAKE_DONE) != 0)
		on_done((SSL *)ssl, conn);
	here.fn = next_of_host(ssl, conn);
	if (!here.fn)
		return;
	running = &here;
	here.fn(ssl, where, ret);
	running = here.outer;
}

static void
watch_the_end(SSL *ssl, struct ush_conn *conn)
{
	ush_info_fn host = SSL_get_info_callback(ssl);

	if (host == on_info)
		return;
	if (!conn->watching)
		conn->first_info = host;
	conn->host_info = host;
	conn->watching = true;
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
