/*
 * SPDX-License-Identifier: MIT
 *
 * The two callbacks, and what they share: what an error means, what is
 * counted, logged and reported of a decision.
 */
#ifndef USH_TLS_DECIDE_H
#define USH_TLS_DECIDE_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "base/error.h"
#include "policy/engine.h"
#include "policy/state.h"
#include "tls/conn.h"

/* One decision, for the engine's owner; src/usher.h has the public form. */
struct ush_decision {
	SSL *ssl;
	bool generate;
	const char *status, *verdict, *reason;
	const struct ush_generation *generation;
	uint64_t instructions, memory;
	const struct ush_error *error;
	bool remembered;
	bool canary;
	const char *shadow_verdict, *shadow_reason, *shadow_revision;
};

/* Stands at the beginning of what an engine's `user` points to. */
struct ush_decision_sink {
	void (*fn)(void *arg, const struct ush_decision *decision);
	void *arg;
};

/* The arguments of SSL_CTX_set_session_ticket_cb; arg is a ush_binding. */
int ush_generate_cb(SSL *ssl, void *arg);
SSL_TICKET_RETURN ush_decrypt_cb(SSL *ssl, SSL_SESSION *session,
    const unsigned char *key_name, size_t key_name_len,
    SSL_TICKET_STATUS status, void *arg);

/* What OpenSSL would do for a status by itself. */
enum ush_verdict ush_default_verdict(SSL_TICKET_STATUS status);

/*
 * Pins the generation of a handshake for one callback, to be given back by
 * ush_decide_unpin at its end. It is the engine's active one in its first
 * callback, and that again in each later one. If it has waited too long and is
 * gone (conn->now.gone), the engine's active one stands in, to count and log
 * with: it must not be asked. NULL: there is no engine and never was one for
 * this handshake (*engineless), or memory is short.
 */
struct ush_generation *ush_decide_pin(
    SSL *ssl, struct ush_conn *conn, ush_engine_ptr *engine, bool *engineless);
void ush_decide_unpin(struct ush_conn *conn);

/* The reason for which no ticket resumes, or is made that could, where a client
 * asks for what is no host's name. */
#define USH_ODD_SERVER_NAME "the server name is none of a host"

/* One more of something, in this connection's engine. */
static inline void
ush_decide_count(const struct ush_generation *generation,
    const struct ush_conn *conn, enum ush_stat stat)
{
	ush_stats_add(generation->engine->stats, conn->shard, stat);
}

/* Counts and logs that the generation is gone. Returns the reason. */
const char *ush_decide_gone(
    const struct ush_generation *generation, const struct ush_conn *conn);

/* The error of a callback that has too little C stack for a script. */
enum ush_code ush_decide_no_stack(struct ush_error *err);

/* Counts and logs a failed call; what it leads to is the caller's to do. */
void ush_decide_failed(const struct ush_generation *generation,
    const struct ush_conn *conn, bool generate, const struct ush_error *err);

/* Counts what came of a verdict to use the session, once in a handshake, when
 * it is certain: of a client that leaves before, nothing has resumed. */
void ush_decide_outcome(struct ush_conn *conn, bool resumed);

/* Counts and logs a handshake that resumed without being asked about. */
void ush_decide_bypass(const struct ush_generation *generation);

/* Whom to tell of decisions: the engine's owner, if he wants to know; else
 * NULL. */
static inline const struct ush_decision_sink *
ush_decide_sink(const struct ush_generation *generation)
{
	const struct ush_decision_sink *sink = generation->engine->user;

	return sink && sink->fn ? sink : NULL;
}

/* A decision has been made: counts it if it is a canary's. True if there is
 * anybody to tell: the owner, or who compares it with what was said beside. */
static inline bool
ush_decide_made(
    const struct ush_generation *generation, const struct ush_conn *conn)
{
	if (conn->now.canary)
		ush_decide_count(generation, conn, USH_STAT_canary_decisions);
	return conn->now.beside || ush_decide_sink(generation);
}

#endif
