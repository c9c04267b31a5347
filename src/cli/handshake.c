/*
 * SPDX-License-Identifier: MIT
 *
 * A client and a server over two memory BIOs, stepping in turns until both are
 * done or neither moves.
 */
#include "cli/handshake.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

enum { ROUNDS = 40, NEW_SESSION_TICKET = 4 };

struct visit {
	const struct ush_visit_ask *ask;
	struct ush_visit_saw *saw;
	SSL *client, *server;
	bool client_done, server_done, client_failed, server_failed;
	bool early_to_write, early_to_read;
};

static void
copy_text(char *to, size_t cap, const char *from)
{
	snprintf(to, cap, "%s", from ? from : "");
}

void
ush_visit_note(
    struct ush_visit_notes *notes, const struct usher_decision *decision)
{
	struct ush_visit_note *note;

	if (notes->n == USH_VISIT_NOTES)
		return;
	note = &notes->note[notes->n++];
	note->call = decision->call;
	note->status = decision->status;
	note->verdict = decision->verdict;
	copy_text(note->reason, sizeof note->reason, decision->reason);
	note->instructions = decision->instructions;
	note->failed = decision->error != NULL;
	if (decision->error)
		note->error = *decision->error;
}

/* What passes the client by. */
static void
on_message(int written, int version, int type, const void *data, size_t len,
    SSL *ssl, void *arg)
{
	const unsigned char *bytes = data;
	struct ush_visit_saw *saw = arg;

	(void)version;
	(void)ssl;
	if (type == SSL3_RT_ALERT && len == 2 && bytes[0] == SSL3_AL_FATAL) {
		if (written)
			saw->client_alert = bytes[1];
		else
			saw->alert = bytes[1];
	}
	if (!written && type == SSL3_RT_HANDSHAKE && len > 0 &&
	    bytes[0] == NEW_SESSION_TICKET)
		saw->tickets++;
}

/* OpenSSL gives a reference with each new session. */
static int
on_session(SSL *ssl, SSL_SESSION *session)
{
	struct ush_visit_saw *saw = SSL_get_app_data(ssl);

	if (!saw || saw->n_sessions == USH_VISIT_SESSIONS)
		return 0;
	saw->sessions[saw->n_sessions++] = session;
	return 1;
}

static SSL_CTX *
client_context(int version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (!ctx || SSL_CTX_set_min_proto_version(ctx, version) != 1 ||
	    SSL_CTX_set_max_proto_version(ctx, version) != 1) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	SSL_CTX_set_session_cache_mode(
	    ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, on_session);
	return ctx;
}

static int
set_up_client(struct visit *v)
{
	const struct ush_visit_ask *ask = v->ask;

	SSL_set_app_data(v->client, v->saw);
	SSL_set_msg_callback(v->client, on_message);
	SSL_set_msg_callback_arg(v->client, v->saw);
	SSL_set_connect_state(v->client);
	if (ask->name && SSL_set_tlsext_host_name(v->client, ask->name) != 1)
		return -1;
	if (ask->alpn && SSL_set_alpn_protos(v->client, ask->alpn,
			     (unsigned int)ask->alpn_len) != 0)
		return -1;
	if (ask->groups && SSL_set1_groups_list(v->client, ask->groups) != 1)
		return -1;
	if (ask->cert && (SSL_use_certificate(v->client, ask->cert) != 1 ||
			     SSL_use_PrivateKey(v->client, ask->key) != 1))
		return -1;
	return 0;
}

/* A copy, because OpenSSL marks a session that it used. */
static int
set_session(struct visit *v)
{
	SSL_SESSION *copy;
	int set;

	if (!v->ask->session)
		return 0;
	copy = SSL_SESSION_dup(v->ask->session);
	set = copy ? SSL_set_session(v->client, copy) : 0;
	v->early_to_write =
	    copy && v->ask->early && SSL_SESSION_get_max_early_data(copy) > 0;
	SSL_SESSION_free(copy);
	return set == 1 ? 0 : -1;
}

/* Each end reads what the other writes. */
static int
connect_ends(struct visit *v)
{
	BIO *to_server = BIO_new(BIO_s_mem()), *to_client = NULL;

	if (to_server)
		to_client = BIO_new(BIO_s_mem());
	if (!to_client) {
		BIO_free(to_server);
		return -1;
	}
	BIO_set_mem_eof_return(to_server, -1);
	BIO_set_mem_eof_return(to_client, -1);
	BIO_up_ref(to_server);
	BIO_up_ref(to_client);
	SSL_set_bio(v->client, to_client, to_server);
	SSL_set_bio(v->server, to_server, to_client);
	return 0;
}

static void
read_early(struct visit *v)
{
	char buffer[512];
	size_t n;
	int got;

	do {
		got = SSL_read_early_data(v->server, buffer, sizeof buffer, &n);
	} while (got == SSL_READ_EARLY_DATA_SUCCESS);
	if (got == SSL_READ_EARLY_DATA_FINISH)
		v->early_to_read = false;
	else if (SSL_get_error(v->server, 0) != SSL_ERROR_WANT_READ)
		v->server_failed = true;
}

static void
note_failure(struct visit *v)
{
	const char *why = ERR_reason_error_string(ERR_peek_error());

	if (v->saw->failure[0] == '\0')
		copy_text(v->saw->failure, sizeof v->saw->failure,
		    why ? why : "the connection was lost");
}

static bool
step(struct visit *v, bool client)
{
	SSL *ssl = client ? v->client : v->server;
	bool *done = client ? &v->client_done : &v->server_done;
	bool *failed = client ? &v->client_failed : &v->server_failed;
	size_t written;
	int got;

	if (*done || *failed)
		return false;
	ERR_clear_error();
	if (client && v->early_to_write) {
		SSL_write_early_data(
		    ssl, v->ask->early, v->ask->early_len, &written);
		v->early_to_write = false;
	}
	if (!client && v->early_to_read)
		read_early(v);
	if (*failed || (!client && v->early_to_read)) {
		if (*failed)
			note_failure(v);
		return false;
	}
	got = SSL_do_handshake(ssl);
	if (got == 1) {
		*done = true;
	} else if (SSL_get_error(ssl, got) != SSL_ERROR_WANT_READ) {
		*failed = true;
		note_failure(v);
	}
	return *done || *failed;
}

/* A byte there and back: so the client reads the tickets of TLS 1.3. */
static void
echo(struct visit *v)
{
	char byte = 'x';

	ERR_clear_error();
	if (v->client_done && v->server_done &&
	    SSL_write(v->client, &byte, 1) == 1 &&
	    SSL_read(v->server, &byte, 1) == 1)
		SSL_write(v->server, &byte, 1);
	/* An alert may be waiting for a client that took itself for done. */
	if (v->client_done)
		v->saw->completed = SSL_read(v->client, &byte, 1) == 1;
	if (!v->saw->completed)
		note_failure(v);
	ERR_clear_error();
}

static void
run(struct visit *v)
{
	struct ush_visit_saw *saw = v->saw;

	v->early_to_read = v->early_to_write;
	for (int i = 0; i < ROUNDS; i++) {
		step(v, true);
		step(v, false);
		if ((v->client_done || v->client_failed) &&
		    (v->server_done || v->server_failed))
			break;
	}
	echo(v);
	saw->resumed = saw->completed && SSL_session_reused(v->client);
	saw->early_accepted =
	    SSL_get_early_data_status(v->client) == SSL_EARLY_DATA_ACCEPTED;
	/* In 1.2 the session that it resumed is good for another time. */
	if (saw->completed && saw->n_sessions == 0 &&
	    v->ask->version == TLS1_2_VERSION)
		saw->sessions[saw->n_sessions++] = SSL_get1_session(v->client);
	if (v->client_done)
		SSL_shutdown(v->client);
	if (v->server_done)
		SSL_shutdown(v->server);
	ERR_clear_error();
}

int
ush_handshake_run(const struct ush_visit_ask *ask, struct ush_visit_saw *saw)
{
	struct visit v = {.ask = ask, .saw = saw};
	SSL_CTX *ctx = client_context(ask->version);
	int result = -1;

	memset(saw, 0, sizeof *saw);
	v.client = ctx ? SSL_new(ctx) : NULL;
	v.server = SSL_new(ask->server);
	if (v.client && v.server && connect_ends(&v) == 0 &&
	    set_up_client(&v) == 0 && set_session(&v) == 0) {
		SSL_set_accept_state(v.server);
		if (!ask->prepare || ask->prepare(v.server, ask->arg) == 0) {
			run(&v);
			result = 0;
		}
	}
	if (result != 0)
		note_failure(&v);
	SSL_free(v.client);
	SSL_CTX_free(ctx);
	saw->server = v.server;
	return result;
}
