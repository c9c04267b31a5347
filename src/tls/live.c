/*
 * SPDX-License-Identifier: MIT
 *
 * The connection's facts, read from a live SSL, and what may be assigned. What
 * may be read when is OpenSSL's business: in dec_cb the ClientHello is there
 * and nothing is negotiated (and some getters would crash); in gen_cb it is
 * the reverse. Facts that facts.def says are not there are never asked for.
 */
#include "tls/live.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "tls/address.h"

static const struct ush_facts_ops beside_ops;

static bool
is_beside(const struct ush_live *live)
{
	return live->facts.ops == &beside_ops;
}

static struct ush_live *
live_of(struct ush_facts *facts)
{
	return (struct ush_live *)facts;
}

static void
server_name_of_hello(const SSL *ssl, struct ush_handshake *now)
{
	const unsigned char *ext;
	size_t len;

	now->server_name_len = 0;
	now->odd_server_name = false;
	if (SSL_client_hello_get0_ext(
		(SSL *)ssl, USH_EXT_SERVER_NAME, &ext, &len) != 1)
		return;
	now->server_name_len =
	    ush_hello_server_name(ext, len, now->server_name);
	now->odd_server_name = now->server_name_len == 0;
}

/* What is there already is mostly the same. */
static void
server_name_of_ssl(const SSL *ssl, struct ush_handshake *now)
{
	const char *s = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	size_t len = s ? strlen(s) : 0;

	if (now->has_server_name && len > 0 && len == now->server_name_len &&
	    memcmp(now->server_name, s, len) == 0)
		return;
	now->server_name_len = len <= USH_SERVER_NAME_MAX + 1
				   ? ush_host_read(s, len, now->server_name)
				   : 0;
	now->odd_server_name = s && now->server_name_len == 0;
}

/* In generate of TLS 1.2, decrypt has been there: a resumed session's name
 * would stand before the one that was asked for. In 1.3 a second ClientHello
 * may have come of which decrypt knows nothing. */
size_t
ush_live_find_server_name(struct ush_live *live)
{
	struct ush_handshake *now = &live->conn->now;

	if (!live->generate) {
		if (!now->has_server_name)
			server_name_of_hello(live->ssl, now);
	} else if (!live->named &&
		   (!now->has_server_name ||
		       SSL_version(live->ssl) == TLS1_3_VERSION)) {
		server_name_of_ssl(live->ssl, now);
	}
	live->named = true;
	now->has_server_name = true;
	return now->server_name_len;
}

static void
get_server_name(struct ush_live *live, struct ush_fact_value *value)
{
	size_t len = ush_live_server_name(live);

	if (len > 0)
		ush_live_give_bytes(value, live->conn->now.server_name, len);
}

static void
get_group(struct ush_live *live, struct ush_fact_value *value)
{
	int id = (int)SSL_get_negotiated_group(live->ssl);

	if (id != NID_undef)
		ush_live_give_string(value, SSL_group_to_name(live->ssl, id));
}

static void
get_alpn(struct ush_live *live, struct ush_fact_value *value)
{
	const unsigned char *p;
	unsigned int len;

	SSL_get0_alpn_selected(live->ssl, &p, &len);
	if (len > 0)
		ush_live_give_bytes(value, p, len);
}

/* What a script reads of the lists must be the same in a second hello. */
static void
note_hello_read(struct ush_live *live)
{
	struct ush_memory *memory = &live->conn->now.memory;

	if (live->generate || memory->lists_read || is_beside(live))
		return;
	memory->lists_read = true;
	memory->has_digest = ush_lists_digest(live->ssl, memory->digest) == 0;
}

static void
get_alpn_offered(struct ush_live *live, struct ush_fact_value *value)
{
	struct ush_bytes list = {"", 0};
	const unsigned char *ext;
	size_t len;

	note_hello_read(live);
	if (SSL_client_hello_get0_ext(live->ssl, USH_EXT_ALPN, &ext, &len) == 1)
		list = ush_hello_alpn(ext, len);
	value->as.strings = list;
	value->there = list.p != NULL;
}

static void
get_early_data(struct ush_live *live, struct ush_fact_value *value)
{
	const unsigned char *ext;
	size_t len;

	if (live->generate)
		ush_live_give_integer(
		    value, SSL_get_early_data_status(live->ssl) !=
			       SSL_EARLY_DATA_NOT_SENT);
	else
		ush_live_give_integer(
		    value, SSL_client_hello_get0_ext(
			       live->ssl, USH_EXT_EARLY_DATA, &ext, &len) == 1);
}

static void
get_address(
    struct ush_live *live, enum ush_fact_id id, struct ush_fact_value *value)
{
	bool peer = id == USH_CONN_peer_address || id == USH_CONN_peer_port;
	union ush_address addr;
	int port;

	if (peer && live->conn->has_peer)
		addr = live->conn->peer;
	else if (!ush_address_of_ssl(live->ssl, peer, &addr))
		return;
	port = ush_address_print(
	    &addr, live->scratch.text, sizeof live->scratch.text);
	if (port < 0)
		return;
	if (id == USH_CONN_peer_port || id == USH_CONN_local_port)
		ush_live_give_integer(value, port);
	else
		ush_live_give_string(value, live->scratch.text);
}

static const char *
transport_of(const SSL *ssl)
{
#if OPENSSL_VERSION_NUMBER >= 0x30200000L
	if (SSL_is_quic(ssl))
		return "quic";
#endif
	return SSL_is_dtls(ssl) ? "dtls" : "tls";
}

/* A resumed handshake of TLS 1.3 sends one; TLS 1.2 knows no more. */
static void
get_num_tickets(struct ush_live *live, struct ush_fact_value *value)
{
	int64_t n = (int64_t)SSL_get_num_tickets(live->ssl);

	if (live->num_tickets != 0)
		n = live->num_tickets - 1;
	if (n > 1 && (SSL_version(live->ssl) != TLS1_3_VERSION ||
			 (live->generate && SSL_session_reused(live->ssl))))
		n = 1;
	ush_live_give_integer(value, n);
}

static void
get_id(struct ush_live *live, struct ush_fact_value *value)
{
	snprintf(live->scratch.text, sizeof live->scratch.text, "%x-%x-%llx",
	    (unsigned int)getpid(), live->conn->shard,
	    (unsigned long long)live->conn->number);
	ush_live_give_string(value, live->scratch.text);
}

static void
get_conn(
    struct ush_live *live, enum ush_fact_id id, struct ush_fact_value *value)
{
	switch (id) {
	case USH_CONN_server_name:
		get_server_name(live, value);
		return;
	case USH_CONN_version:
		ush_live_give_string(value, SSL_get_version(live->ssl));
		return;
	case USH_CONN_cipher:
		ush_live_give_string(value, SSL_get_cipher_name(live->ssl));
		return;
	case USH_CONN_group:
		get_group(live, value);
		return;
	case USH_CONN_alpn:
		get_alpn(live, value);
		return;
	case USH_CONN_alpn_offered:
		get_alpn_offered(live, value);
		return;
	case USH_CONN_resumed:
		ush_live_give_integer(value, SSL_session_reused(live->ssl));
		return;
	case USH_CONN_early_data:
		get_early_data(live, value);
		return;
	case USH_CONN_peer_address:
	case USH_CONN_peer_port:
	case USH_CONN_local_address:
	case USH_CONN_local_port:
		get_address(live, id, value);
		return;
	case USH_CONN_transport:
		ush_live_give_string(value, transport_of(live->ssl));
		return;
	case USH_CONN_client_cert:
		ush_live_give_cert(
		    live, SSL_get0_peer_certificate(live->ssl), value);
		return;
	case USH_CONN_num_tickets:
		get_num_tickets(live, value);
		return;
	case USH_CONN_hello:
		note_hello_read(live);
		ush_lists_read(live->ssl, live->generate, &live->scratch.lists);
		value->as.hello = &live->scratch.lists.hello;
		value->there = true;
		return;
	case USH_CONN_id:
		get_id(live, value);
		return;
	default:
		return;
	}
}

static void
live_get(
    struct ush_facts *facts, enum ush_fact_id id, struct ush_fact_value *value)
{
	struct ush_live *live = live_of(facts);

	/* The list has one object's facts after the other's. */
	if (id < USH_TICKET_status)
		get_conn(live, id, value);
	else if (id < USH_ISSUE_index)
		ush_live_get_ticket(live, id, value);
	else
		ush_live_get_issue(live, id, value);
}

/*
 * Assignments
 */

/* At once: the rest of the handshake must not read early data. generate puts
 * the limit back, or the client's next early data would break. */
static const char *
decline_early_data(struct ush_live *live)
{
	struct ush_handshake *now = &live->conn->now;

	if (!now->early_data_declined) {
		now->max_early_data = SSL_get_max_early_data(live->ssl);
		now->early_data_declined = true;
	}
	SSL_set_max_early_data(live->ssl, 0);
	return NULL;
}

/* The ticket that is being made goes out, whatever is set now. */
static int64_t
at_least_made(const struct ush_live *live, int64_t n)
{
	int64_t made = (int64_t)live->conn->now.tickets + 1;

	return n < made ? made : n;
}

static const char *
live_set(struct ush_facts *facts, enum ush_fact_id id, int64_t n)
{
	struct ush_live *live = live_of(facts);

	switch (id) {
	case USH_CONN_early_data:
		if (n != 0)
			return "can be assigned false only";
		return decline_early_data(live);
	case USH_CONN_num_tickets:
		if (n < 0 || n > 1000)
			return "must be 0 to 1000";
		live->num_tickets = at_least_made(live, n) + 1;
		return NULL;
	case USH_ISSUE_timeout:
		if (n < 1 || n > INT32_MAX)
			return "must be 1 to 2147483647 seconds";
		live->timeout = n;
		return NULL;
	default:
		return "can't be assigned";
	}
}

static struct ush_bytes
live_get_var(struct ush_facts *facts, struct ush_bytes name)
{
	return ush_vars_get(&live_of(facts)->conn->vars, name);
}

static const char *
live_set_var(
    struct ush_facts *facts, struct ush_bytes name, struct ush_bytes value)
{
	return ush_vars_set(
	    &live_of(facts)->conn->vars, USH_VARS_PENDING, name, value);
}

static const struct ush_facts_ops live_ops = {
    .get = live_get,
    .set = live_set,
    .get_var = live_get_var,
    .set_var = live_set_var,
};

static const struct ush_envelope no_envelope;

/*
 * For a shadow
 */

static const char *
beside_set(struct ush_facts *facts, enum ush_fact_id id, int64_t n)
{
	if (id == USH_CONN_early_data && n == 0)
		return NULL; /* nothing is declined */
	return live_set(facts, id, n);
}

static struct ush_bytes
beside_get_var(struct ush_facts *facts, struct ush_bytes name)
{
	return ush_vars_get(&live_of(facts)->conn->now.beside->vars, name);
}

static const char *
beside_set_var(
    struct ush_facts *facts, struct ush_bytes name, struct ush_bytes value)
{
	return ush_vars_set(&live_of(facts)->conn->now.beside->vars,
	    USH_VARS_PENDING, name, value);
}

static const struct ush_facts_ops beside_ops = {
    .get = live_get,
    .set = beside_set,
    .get_var = beside_get_var,
    .set_var = beside_set_var,
};

void
ush_live_beside(struct ush_live *live, const struct ush_live *other,
    const struct ush_generation *shadow)
{
	memcpy(live, other, offsetof(struct ush_live, scratch));
	live->facts.ops = &beside_ops;
	live->generation = shadow;
	live->timeout = live->num_tickets = 0;
}

void
ush_live_open(struct ush_live *live, SSL *ssl, struct ush_conn *conn,
    const struct ush_generation *generation, bool generate)
{
	live->facts.ops = &live_ops;
	live->ssl = ssl;
	live->conn = conn;
	live->generation = generation;
	live->generate = generate;
	live->named = false;
	live->has_ticket = false;
	live->session = NULL;
	live->app_data = NULL;
	live->app_data_len = 0;
	live->kind = USH_NOT_ENVELOPE;
	live->envelope = &no_envelope;
	live->timeout = live->num_tickets = 0;
}

void
ush_live_set_ticket(struct ush_live *live, SSL_SESSION *session,
    SSL_TICKET_STATUS status, const unsigned char *key_name,
    size_t key_name_len)
{
	void *data = NULL;

	live->has_ticket = true;
	live->session = session;
	live->status = status;
	live->key_name = key_name;
	live->key_name_len = key_name_len;
	if (!session)
		return;
	SSL_SESSION_get0_ticket_appdata(session, &data, &live->app_data_len);
	live->app_data = data;
	live->envelope = &live->conn->now.envelope;
	live->kind = ush_envelope_read(
	    data, live->app_data_len, &live->conn->now.envelope);
}

void
ush_live_set_previous(struct ush_live *live)
{
	const struct ush_handshake *now = &live->conn->now;

	live->has_ticket = true;
	live->session = now->session;
	live->status = now->status;
	live->key_name = now->key_name;
	live->key_name_len = now->key_name_len;
	live->app_data = now->carried;
	live->app_data_len = now->carried_len;
	live->kind = now->kind;
	live->envelope = &now->envelope;
}
