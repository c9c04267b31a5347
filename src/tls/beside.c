/*
 * SPDX-License-Identifier: MIT
 *
 * Asking the shadow. What a call may change besides its answer is taken from
 * it: its conn.vars are a layer of its own, assignments are forgotten, early
 * data are not declined, app data are written to its state's buffer and stay
 * there, the store's writes go to an overlay that ends with the handshake.
 * Errors of a shadow are no script errors: they are counted on their own, and
 * are a verdict like another, "error".
 */
#include "tls/beside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/rollout.h"
#include "tls/address.h"
#include "tls/content.h"
#include "tls/decide.h"
#include "tls/live.h"

enum {
	RUNS_MAX = 16,    /* as for the one that decides */
	BUDGET_CALLS = 2, /* the same */
	NETWORK = 7,      /* bytes: the family, and a prefix */
};

void
ush_beside_free(struct ush_beside *beside)
{
	if (!beside)
		return;
	for (int i = 0; i < USH_VARS_LAYERS; i++)
		ush_vars_clear(&beside->vars, (enum ush_vars_layer)i);
	ush_store_overlay_free(beside->overlay);
	free(beside);
}

/*
 * For whom it decides
 */

/* What a peer has in common with its neighbours: /24, or /48. 0: unknown. */
static size_t
network_of(SSL *ssl, const struct ush_conn *conn, unsigned char *network)
{
	union ush_address addr;
	const struct in6_addr *six = &addr.in6.sin6_addr;

	if (conn->has_peer)
		addr = conn->peer;
	else if (!ush_address_of_ssl(ssl, true, &addr))
		return 0;
	if (addr.any.sa_family == AF_INET) {
		network[0] = 4;
		memcpy(network + 1, &addr.in.sin_addr, 3);
		return 4;
	}
	if (addr.any.sa_family != AF_INET6)
		return 0;
	if (IN6_IS_ADDR_V4MAPPED(six)) {
		network[0] = 4;
		memcpy(network + 1, six->s6_addr + 12, 3);
		return 4;
	}
	network[0] = 6;
	memcpy(network + 1, six->s6_addr, 6);
	return NETWORK;
}

void
ush_beside_choose(SSL *ssl, struct ush_conn *conn)
{
	struct ush_handshake *now = &conn->now;
	unsigned char network[NETWORK];
	size_t len = network_of(ssl, conn, network);

	if (len == 0 || !ush_rollout_is_canary(
			    ush_pool_generation(now->shadow), network, len))
		return;
	ush_pool_unpin(now->pin);
	now->pin = now->shadow;
	now->shadow = NULL;
	now->canary = true;
}

/*
 * What it says
 */

/* The shadow's part of the handshake, made with its first call. */
static struct ush_beside *
begin(struct ush_conn *conn, const struct ush_generation *shadow)
{
	struct ush_beside *b = conn->now.beside;

	if (!b)
		b = conn->now.beside = calloc(1, sizeof *b);
	if (!b || ush_vars_copy(&b->vars, &conn->vars, USH_VARS_HOST) != 0)
		return NULL; /* not asked, then */
	b->asked = true;
	b->reason[0] = '\0';
	b->error.code = USH_OK;
	memcpy(b->revision, shadow->revision_hex, sizeof b->revision);
	ush_decide_count(shadow, conn, USH_STAT_shadow_runs);
	return b;
}

static void
fail(struct ush_beside *b, const struct ush_conn *conn,
    const struct ush_generation *shadow)
{
	b->verdict = "error";
	b->reason[0] = '\0';
	ush_vars_clear(&b->vars, USH_VARS_PENDING);
	ush_decide_count(shadow, conn, USH_STAT_shadow_errors);
}

/* What one call may spend, of what is left of `calls` calls. False: nothing. */
static bool
allow(const struct ush_generation *shadow, const struct ush_allowance *spent,
    unsigned int calls, struct ush_allowance *given)
{
	const struct ush_limits *limits = &shadow->engine->limits;
	uint64_t cpu_ns = (uint64_t)limits->microseconds * 1000;
	uint64_t left = ush_allowance_left(
	    limits->instructions * calls, spent->instructions);
	uint64_t left_ns = ush_allowance_left(cpu_ns * calls, spent->cpu_ns);

	given->instructions =
	    left < limits->instructions ? left : limits->instructions;
	given->cpu_ns = left_ns < cpu_ns ? left_ns : cpu_ns;
	given->over_ns = 0;
	return left > 0 && left_ns > 0;
}

/* The state, with the handshake's overlay before the store. */
static struct ush_state *
enter(struct ush_beside *b, struct ush_generation *shadow)
{
	struct ush_state *state;

	if (shadow->engine->store && !b->overlay)
		b->overlay = ush_store_overlay_new();
	if (shadow->engine->store && !b->overlay) {
		ush_error_set(
		    &b->error, USH_ERROR_SYSTEM, NULL, 0, "out of memory");
		return NULL;
	}
	state = ush_pool_enter_within(shadow, &b->set_up, &b->error);
	if (state)
		state->store.overlay = b->overlay;
	return state;
}

static void
leave(struct ush_state *state)
{
	state->store.overlay = NULL;
	ush_pool_leave(state);
}

static enum ush_code
run_decrypt(struct ush_beside *b, struct ush_generation *shadow,
    struct ush_decrypt *call)
{
	struct ush_allowance given, left;
	struct ush_state *state;
	enum ush_code code;

	if (!allow(shadow, &b->decrypt, BUDGET_CALLS, &given)) {
		ush_error_set(&b->error, USH_ERROR_INSTRUCTIONS, NULL, 0,
		    "the budget of the handshake is spent");
		return b->error.code;
	}
	state = enter(b, shadow);
	if (!state)
		return b->error.code;
	left = given;
	code = ush_state_decrypt(state, call, &left, &b->error);
	ush_allowance_spend(&b->decrypt, &given, &left);
	leave(state);
	return code;
}

static void
ask_decrypt(struct ush_beside *b, struct ush_generation *shadow,
    struct ush_conn *conn, struct ush_decrypt *call)
{
	if (run_decrypt(b, shadow, call) != USH_OK) {
		fail(b, conn, shadow);
		return;
	}
	b->verdict = ush_verdict_name(call->verdict);
	memcpy(b->reason, call->reason, sizeof b->reason);
	ush_vars_commit(&b->vars);
}

/* After a retry, the first answer is the one that was compared. */
void
ush_beside_decrypt(const struct ush_live *other, SSL_TICKET_STATUS status)
{
	struct ush_conn *conn = other->conn;
	struct ush_generation *shadow = ush_pool_generation(conn->now.shadow);
	struct ush_beside *b = conn->now.beside;
	struct ush_decrypt call = {.verdict = USH_VERDICT_DEFAULT};
	struct ush_live live;

	if (conn->now.retry || (b && b->runs >= RUNS_MAX))
		return;
	b = begin(conn, shadow);
	if (!b)
		return;
	b->runs++;
	ush_live_beside(&live, other, shadow);
	call.facts = &live.facts;
	call.has_session = live.session != NULL;
	if (shadow->has_decrypt)
		ask_decrypt(b, shadow, conn, &call);
	if (call.verdict == USH_VERDICT_DEFAULT && b->error.code == USH_OK)
		b->verdict = ush_verdict_name(ush_default_verdict(status));
}

/* The names of usher.h; what a table would have been stored as must fit. */
static const char *
name_of_content(struct ush_issue *is, struct ush_beside *b)
{
	switch (is->call.content) {
	case USH_CONTENT_TABLE:
		if (!is->writer.overflow)
			return "table";
		ush_error_set(&b->error, USH_ERROR_APP_DATA,
		    is->generation->label, 0,
		    "the ticket's app data are larger than the limit");
		return NULL;
	case USH_CONTENT_STRING:
		return "string";
	case USH_CONTENT_END:
		return "end";
	case USH_CONTENT_NOTHING:
		break;
	}
	return "keep";
}

static enum ush_code
run_generate(struct ush_issue *is, struct ush_beside *b)
{
	struct ush_allowance given, left;
	enum ush_code code;

	if (!allow(is->generation, &b->generate, USH_HANDSHAKE_GENERATE_FACTOR,
		&given)) {
		ush_error_set(&b->error, USH_ERROR_INSTRUCTIONS, NULL, 0,
		    "the tickets of the handshake have spent what all may");
		return b->error.code;
	}
	is->state = enter(b, is->generation);
	if (!is->state)
		return b->error.code;
	left = given;
	ush_content_begin(is);
	is->call.facts = &is->live.facts;
	is->call.writer = &is->writer;
	code = ush_state_generate(is->state, &is->call, &left, &b->error);
	ush_allowance_spend(&b->generate, &given, &left);
	leave(is->state);
	return code;
}

void
ush_beside_generate(const struct ush_issue *other)
{
	struct ush_conn *conn = other->conn;
	struct ush_generation *shadow = ush_pool_generation(conn->now.shadow);
	struct ush_beside *b = begin(conn, shadow);
	struct ush_issue is;

	if (!b)
		return;
	/* Nothing is stored: what that takes is left out. */
	is.session = other->session;
	is.conn = conn;
	is.generation = shadow;
	is.resumed = other->resumed;
	is.host = other->host;
	ush_live_beside(&is.live, &other->live, shadow);
	ush_content_prepare(&is);
	is.call.content = USH_CONTENT_NOTHING;
	is.call.reason[0] = '\0';
	b->verdict = NULL;
	if (!shadow->has_generate || run_generate(&is, b) == USH_OK)
		b->verdict = name_of_content(&is, b);
	if (!b->verdict) {
		fail(b, conn, shadow);
		return;
	}
	memcpy(b->reason, is.call.reason, sizeof b->reason);
	ush_vars_commit(&b->vars);
}

/*
 * The comparison
 */

/* " (too old)", or nothing. */
static const char *
in_brackets(char *text, size_t cap, const char *reason)
{
	text[0] = '\0';
	if (reason && reason[0] != '\0')
		snprintf(text, cap, " (%s)", reason);
	return text;
}

static void
differ(const struct ush_conn *conn, const struct ush_beside *b,
    const struct ush_decision *d)
{
	const struct ush_generation *g = d->generation;
	char shadow[1024], active[256];

	ush_decide_count(g, conn, USH_STAT_shadow_differences);
	ush_log_write(&g->engine->log, USH_LOG_WARNING, USH_LOG_SHADOW,
	    "shadow %s: %s would have been %s%s, and was %s%s by %s",
	    b->revision, d->generate ? "generate" : "decrypt", b->verdict,
	    in_brackets(shadow, sizeof shadow, d->shadow_reason), d->verdict,
	    in_brackets(active, sizeof active, d->reason), g->revision_hex);
}

void
ush_beside_compare(struct ush_conn *conn, struct ush_decision *d)
{
	struct ush_beside *b = conn->now.beside;

	if (!b || !b->asked)
		return;
	b->asked = false;
	d->shadow_verdict = b->verdict;
	d->shadow_reason = b->error.code  ? b->error.message
			   : b->reason[0] ? b->reason
					  : NULL;
	d->shadow_revision = b->revision;
	/* Both failed: neither has decided. */
	if (b->error.code != USH_OK ? d->error == NULL
				    : strcmp(b->verdict, d->verdict) != 0)
		differ(conn, b, d);
}
