/*
 * SPDX-License-Identifier: MIT
 *
 * Facts of a live connection: the provider of struct ush_facts over an SSL,
 * for the time of one callback. Reads what a script asks for, when it asks.
 */
#ifndef USH_TLS_LIVE_H
#define USH_TLS_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "data/envelope.h"
#include "facts/facts.h"
#include "policy/generation.h"
#include "tls/cert.h"
#include "tls/conn.h"
#include "tls/hello.h"
#include "tls/lists.h"

struct ush_live {
	struct ush_facts facts; /* first */
	SSL *ssl;
	struct ush_conn *conn;
	const struct ush_generation *generation;
	bool generate; /* which callback it is */
	bool named;    /* the server name has been looked for in it */

	/* The ticket: presented (decrypt) or resumed with (generate). */
	bool has_ticket; /* is there one at all? */
	SSL_TICKET_STATUS status;
	const unsigned char *key_name;
	size_t key_name_len;
	SSL_SESSION *session; /* NULL: could not be decrypted, or none */
	const unsigned char *app_data;
	size_t app_data_len;
	enum ush_envelope_kind kind;
	const struct ush_envelope *envelope; /* what it says; else zeroed */

	/* The ticket being made (generate). */
	struct ush_envelope issue;

	/* Assigned, to take effect if the call succeeds. 0: not. */
	int64_t timeout, num_tickets;

	/* Memory for what is read. */
	union {
		struct ush_cert_text cert;
		struct ush_lists lists;
		char text[512];
	} scratch;
};

/* Opens it on a callback's arguments; the ticket's bytes are read once, here,
 * into the connection's record. `session` NULL: no session. */
void ush_live_open(struct ush_live *live, SSL *ssl, struct ush_conn *conn,
    const struct ush_generation *generation, bool generate);
void ush_live_set_ticket(struct ush_live *live, SSL_SESSION *session,
    SSL_TICKET_STATUS status, const unsigned char *key_name,
    size_t key_name_len);
/* The same of the ticket that the handshake resumed with (generate). */
void ush_live_set_previous(struct ush_live *live);

/* A fact's value: NULL is not there. Hex digits lie in the scratch memory, and
 * so does what is read of a certificate. */
void ush_live_give_string(struct ush_fact_value *value, const char *s);
void ush_live_give_bytes(
    struct ush_fact_value *value, const void *p, size_t len);
void ush_live_give_integer(struct ush_fact_value *value, int64_t n);
void ush_live_give_hex(struct ush_live *live, struct ush_fact_value *value,
    const unsigned char *p, size_t len);
void ush_live_give_cert(
    struct ush_live *live, X509 *x509, struct ush_fact_value *value);

/* The same view of the same ticket for a shadow, whose assignments and reading
 * have no effect. Its conn.vars are those of conn->now.beside. */
void ush_live_beside(struct ush_live *live, const struct ush_live *other,
    const struct ush_generation *shadow);

/* Facts of the objects TICKET and ISSUE. */
void ush_live_get_ticket(
    struct ush_live *live, enum ush_fact_id id, struct ush_fact_value *value);
void ush_live_get_issue(
    struct ush_live *live, enum ush_fact_id id, struct ush_fact_value *value);

/* The server name as scripts see it: kept in the record. Length, 0 if none: or
 * if it is none of a host, which now.odd_server_name says. What a server makes
 * of such a one is not known, so that no ticket resumes under it. */
size_t ush_live_find_server_name(struct ush_live *live);
static inline size_t
ush_live_server_name(struct ush_live *live)
{
	const struct ush_handshake *now = &live->conn->now;

	return live->named && now->has_server_name
		   ? now->server_name_len
		   : ush_live_find_server_name(live);
}

#endif
