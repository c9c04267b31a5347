/*
 * SPDX-License-Identifier: MIT
 *
 * The facts of a ticket: of its session, of its envelope, and of the one that
 * is being made.
 */
#include <string.h>

#include "base/clock.h"
#include "tls/compat.h"
#include "tls/live.h"

void
ush_live_give_string(struct ush_fact_value *value, const char *s)
{
	if (!s)
		return;
	value->as.string = (struct ush_bytes){s, strlen(s)};
	value->there = true;
}

void
ush_live_give_bytes(struct ush_fact_value *value, const void *p, size_t len)
{
	value->as.string = (struct ush_bytes){p, len};
	value->there = p != NULL;
}

void
ush_live_give_integer(struct ush_fact_value *value, int64_t n)
{
	value->as.integer = n;
	value->there = true;
}

void
ush_live_give_hex(struct ush_live *live, struct ush_fact_value *value,
    const unsigned char *p, size_t len)
{
	ush_hex(live->scratch.text, p, len);
	ush_live_give_bytes(value, live->scratch.text, 2 * len);
}

static int64_t
age_at(int64_t now, int64_t since)
{
	return now < since ? 0 : now - since;
}

void
ush_live_give_cert(
    struct ush_live *live, X509 *x509, struct ush_fact_value *value)
{
	if (!x509)
		return;
	ush_cert_read(x509, &live->scratch.cert);
	value->as.cert = &live->scratch.cert.cert;
	value->there = true;
}

static const char *
status_name(SSL_TICKET_STATUS status)
{
	switch (status) {
	case SSL_TICKET_EMPTY:
		return "empty";
	case SSL_TICKET_NO_DECRYPT:
		return "no_decrypt";
	case SSL_TICKET_SUCCESS:
		return "success";
	case SSL_TICKET_SUCCESS_RENEW:
		return "success_renew";
	default:
		return NULL;
	}
}

/* The table is given only to the policy of the name under which it was
 * written; no name is a name of its own. */
static bool
is_own_policy(const struct ush_live *live)
{
	const struct ush_envelope *e = live->envelope;
	const struct ush_generation *g = live->generation;

	if (!e->policy || !g->has_name)
		return !e->policy && !g->has_name;
	return g->name_len == e->policy_len &&
	       memcmp(g->name, e->policy, e->policy_len) == 0;
}

static void
get_envelope(
    struct ush_live *live, enum ush_fact_id id, struct ush_fact_value *value)
{
	const struct ush_envelope *e = live->envelope;
	int64_t time, now;

	switch (id) {
	case USH_TICKET_data:
		if (is_own_policy(live))
			ush_live_give_bytes(value, e->data, e->data_len);
		return;
	case USH_TICKET_id:
		ush_live_give_hex(live, value, e->id, sizeof e->id);
		return;
	case USH_TICKET_policy:
		ush_live_give_bytes(value, e->policy, e->policy_len);
		return;
	case USH_TICKET_auth_time:
		if (ush_envelope_auth_time(e, ush_clock_now(), &time))
			ush_live_give_integer(value, time);
		return;
	case USH_TICKET_auth_age:
		now = ush_clock_now();
		if (ush_envelope_auth_time(e, now, &time))
			ush_live_give_integer(value, age_at(now, time));
		return;
	case USH_TICKET_renewals:
		ush_live_give_integer(value, e->renewals);
		return;
	case USH_TICKET_revision:
		ush_live_give_hex(live, value, e->revision, sizeof e->revision);
		return;
	case USH_TICKET_server_name:
		ush_live_give_bytes(value, e->server_name, e->server_name_len);
		return;
	default:
		return;
	}
}

static const char *
version_name(int version)
{
	switch (version) {
	case TLS1_3_VERSION:
		return "TLSv1.3";
	case TLS1_2_VERSION:
		return "TLSv1.2";
	case TLS1_1_VERSION:
		return "TLSv1.1";
	case TLS1_VERSION:
		return "TLSv1";
	case DTLS1_2_VERSION:
		return "DTLSv1.2";
	case DTLS1_VERSION:
		return "DTLSv1";
	default:
		return NULL;
	}
}

static void
get_session_cipher(const SSL_SESSION *session, struct ush_fact_value *value)
{
	const SSL_CIPHER *cipher = SSL_SESSION_get0_cipher(session);

	if (cipher)
		ush_live_give_string(value, SSL_CIPHER_get_name(cipher));
}

static void
get_session(
    struct ush_live *live, enum ush_fact_id id, struct ush_fact_value *value)
{
	SSL_SESSION *session = live->session;
	const unsigned char *p;
	unsigned int id_len;
	size_t len;

	switch (id) {
	case USH_TICKET_app_data:
		ush_live_give_bytes(value,
		    live->app_data ? live->app_data : (const void *)"",
		    live->app_data_len);
		return;
	case USH_TICKET_issued_at:
		ush_live_give_integer(value, ush_session_time(session));
		return;
	case USH_TICKET_age:
		ush_live_give_integer(
		    value, age_at(ush_clock_now(), ush_session_time(session)));
		return;
	case USH_TICKET_timeout:
		ush_live_give_integer(value, SSL_SESSION_get_timeout(session));
		return;
	case USH_TICKET_session_id:
		p = SSL_SESSION_get_id(session, &id_len);
		ush_live_give_hex(live, value, p, id_len);
		return;
	case USH_TICKET_version:
		ush_live_give_string(value,
		    version_name(SSL_SESSION_get_protocol_version(session)));
		return;
	case USH_TICKET_cipher:
		get_session_cipher(session, value);
		return;
	case USH_TICKET_alpn:
		SSL_SESSION_get0_alpn_selected(session, &p, &len);
		if (len > 0)
			ush_live_give_bytes(value, p, len);
		return;
	case USH_TICKET_max_early_data:
		ush_live_give_integer(
		    value, SSL_SESSION_get_max_early_data(session));
		return;
	case USH_TICKET_client_cert:
		ush_live_give_cert(live, SSL_SESSION_get0_peer(session), value);
		return;
	default:
		return;
	}
}

void
ush_live_get_ticket(
    struct ush_live *live, enum ush_fact_id id, struct ush_fact_value *value)
{
	switch (id) {
	case USH_TICKET_status:
		ush_live_give_string(value, status_name(live->status));
		return;
	case USH_TICKET_decrypted:
		ush_live_give_integer(value, live->session != NULL);
		return;
	case USH_TICKET_key_name:
		ush_live_give_bytes(value,
		    live->key_name ? live->key_name : (const void *)"",
		    live->key_name_len);
		return;
	case USH_TICKET_data:
	case USH_TICKET_id:
	case USH_TICKET_policy:
	case USH_TICKET_auth_time:
	case USH_TICKET_auth_age:
	case USH_TICKET_renewals:
	case USH_TICKET_revision:
	case USH_TICKET_server_name:
		if (live->kind == USH_ENVELOPE)
			get_envelope(live, id, value);
		return;
	default:
		if (live->session)
			get_session(live, id, value);
		return;
	}
}

void
ush_live_get_issue(
    struct ush_live *live, enum ush_fact_id id, struct ush_fact_value *value)
{
	const struct ush_envelope *issue = &live->issue;

	switch (id) {
	case USH_ISSUE_index:
		ush_live_give_integer(value, live->conn->now.tickets + 1);
		return;
	case USH_ISSUE_timeout:
		ush_live_give_integer(value,
		    live->timeout ? live->timeout : live->conn->now.timeout);
		return;
	case USH_ISSUE_id:
		ush_live_give_hex(live, value, issue->id, sizeof issue->id);
		return;
	case USH_ISSUE_auth_time:
		if (issue->has_auth_time)
			ush_live_give_integer(value, issue->auth_time);
		return;
	case USH_ISSUE_renewals:
		ush_live_give_integer(value, issue->renewals);
		return;
	case USH_ISSUE_previous:
		value->there = live->has_ticket;
		return;
	default:
		return;
	}
}
