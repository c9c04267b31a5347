/*
 * SPDX-License-Identifier: MIT
 *
 * dec_cb: a ticket has been presented. Asks the script, within what one
 * handshake may cost, and remembers the verdict for a second ClientHello.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "sandbox/cstack.h"
#include "tls/binding.h"
#include "tls/decide.h"
#include "tls/leave.h"
#include "tls/lists.h"
#include "tls/live.h"

enum {
	RUNS_MAX = 16,    /* of the script, per handshake */
	BUDGET_CALLS = 2, /* a handshake has the budget of so many calls */
};

/* One presented ticket, from the callback to the verdict. */
struct question {
	SSL *ssl;
	struct ush_conn *conn;
	struct ush_generation *generation;
	struct ush_live live;
	SSL_SESSION *session; /* NULL if there is none */
	SSL_TICKET_STATUS status;
	bool other_name; /* than in the first hello */
	bool cramped;    /* too little C stack to ask a script */
	/* the answer */
	enum ush_verdict verdict;
	const char *reason; /* or NULL */
	bool remembered, ran;
	uint64_t instructions, memory;
	struct ush_error error; /* code USH_OK: none */
	struct ush_decrypt call;
};

/* The one place that turns a verdict into OpenSSL's number. */
static SSL_TICKET_RETURN
to_openssl(enum ush_verdict verdict)
{
	switch (verdict) {
	case USH_VERDICT_USE:
		return SSL_TICKET_RETURN_USE;
	case USH_VERDICT_USE_RENEW:
		return SSL_TICKET_RETURN_USE_RENEW;
	case USH_VERDICT_IGNORE:
		return SSL_TICKET_RETURN_IGNORE;
	case USH_VERDICT_IGNORE_RENEW:
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	case USH_VERDICT_ABORT:
	case USH_VERDICT_DEFAULT: /* resolved before; never open */
		break;
	}
	return SSL_TICKET_RETURN_ABORT;
}

enum ush_verdict
ush_default_verdict(SSL_TICKET_STATUS status)
{
	switch (status) {
	case SSL_TICKET_SUCCESS:
		return USH_VERDICT_USE;
	case SSL_TICKET_SUCCESS_RENEW:
		return USH_VERDICT_USE_RENEW;
	default:
		return USH_VERDICT_IGNORE_RENEW;
	}
}

static void
refuse(struct question *q, enum ush_stat stat, enum ush_log_kind kind,
    const char *reason)
{
	q->verdict = USH_VERDICT_IGNORE_RENEW;
	q->reason = reason;
	ush_decide_count(q->generation, q->conn, stat);
	ush_log_write(&q->generation->engine->log, USH_LOG_WARNING, kind,
	    "decrypt: %s: a full handshake follows", reason);
}

static void
refuse_budget(struct question *q)
{
	refuse(q, USH_STAT_budget_refused, USH_LOG_BUDGET,
	    "the budget of the handshake is spent");
}

static void
refuse_gone(struct question *q)
{
	q->verdict = USH_VERDICT_IGNORE_RENEW;
	q->reason = ush_decide_gone(q->generation, q->conn);
}

static void
on_error(struct question *q)
{
	ush_decide_failed(q->generation, q->conn, false, &q->error);
	switch (q->generation->engine->on_error) {
	case USH_ON_ERROR_FULL_HANDSHAKE:
		q->verdict = USH_VERDICT_IGNORE_RENEW;
		break;
	case USH_ON_ERROR_ABORT:
		q->verdict = USH_VERDICT_ABORT;
		break;
	case USH_ON_ERROR_OPEN:
		q->verdict = USH_VERDICT_DEFAULT;
		break;
	}
	q->reason = "script error";
}

/* What one run may spend: its own limit, but no more than the handshake has
 * left. True if that is less than the limit. */
static bool
allow(const struct question *q, struct ush_allowance *allowance)
{
	const struct ush_limits *limits = &q->generation->engine->limits;
	const struct ush_allowance *left = &q->conn->now.allowance;
	uint64_t cpu_ns = (uint64_t)limits->microseconds * 1000;

	allowance->instructions = limits->instructions;
	allowance->cpu_ns = cpu_ns;
	allowance->over_ns = 0;
	if (left->instructions >= limits->instructions &&
	    left->cpu_ns >= cpu_ns)
		return false;
	if (left->instructions < limits->instructions)
		allowance->instructions = left->instructions;
	if (left->cpu_ns < cpu_ns)
		allowance->cpu_ns = left->cpu_ns;
	return true;
}

static bool
is_budget_error(enum ush_code code)
{
	return code == USH_ERROR_INSTRUCTIONS || code == USH_ERROR_CPU_TIME;
}

static void
spend(struct question *q, const struct ush_allowance *given,
    const struct ush_allowance *left)
{
	struct ush_allowance *all = &q->conn->now.allowance;

	all->instructions -= given->instructions - left->instructions;
	all->cpu_ns =
	    ush_allowance_left(all->cpu_ns, ush_allowance_cpu(given, left));
}

static void
run(struct question *q)
{
	struct ush_allowance given, left;
	struct ush_state *state;
	bool reduced = allow(q, &given);
	enum ush_code code;

	state = ush_pool_enter_within(
	    q->generation, &q->conn->now.set_up, &q->error);
	if (!state) {
		on_error(q);
		return;
	}
	left = given;
	q->ran = true;
	q->call.facts = &q->live.facts;
	q->call.has_session = q->session != NULL;
	ush_decide_count(q->generation, q->conn, USH_STAT_decrypt_runs);
	code = ush_state_decrypt(state, &q->call, &left, &q->error);
	spend(q, &given, &left);
	q->instructions = given.instructions - left.instructions;
	q->memory = ush_box_memory(state->box);
	ush_pool_leave(state);
	if (code == USH_OK) {
		q->verdict = q->call.verdict;
		q->reason = q->call.reason[0] != '\0' ? q->call.reason : NULL;
		ush_vars_commit(&q->conn->vars);
		return;
	}
	ush_vars_clear(&q->conn->vars, USH_VARS_PENDING);
	/* Costly decoys must not get a later ticket in through on_error. */
	if (reduced && is_budget_error(code)) {
		q->error.code = USH_OK;
		refuse_budget(q);
	} else {
		on_error(q);
	}
}

/*
 * A second ClientHello
 */

/* Has the second hello another server name than the one the verdict is for?
 * Either way the new one counts from here on. */
static bool
is_other_name(struct question *q)
{
	struct ush_handshake *now = &q->conn->now;
	char before[USH_SERVER_NAME_MAX + 1];
	size_t before_len = ush_live_server_name(&q->live), len;

	memcpy(before, now->server_name, before_len);
	now->has_server_name = false;
	len = ush_live_server_name(&q->live);
	return now->odd_server_name || len != before_len ||
	       memcmp(now->server_name, before, len) != 0;
}

static bool
is_remembered(struct question *q)
{
	struct ush_handshake *now = &q->conn->now;
	struct ush_memory *memory = &now->memory;
	unsigned char digest[USH_SHA256_LEN];
	const unsigned char *id;
	unsigned int id_len;

	if (!now->retry)
		return false;
	if (q->other_name)
		memory->valid = false;
	if (!memory->valid || !q->session)
		return false;
	id = SSL_SESSION_get_id(q->session, &id_len);
	if (id_len != memory->session_id_len ||
	    memcmp(id, memory->session_id, id_len) != 0)
		return false;
	if (!memory->lists_read)
		return true;
	return memory->has_digest && ush_lists_digest(q->ssl, digest) == 0 &&
	       memcmp(digest, memory->digest, sizeof digest) == 0;
}

static void
remember(struct question *q)
{
	struct ush_memory *memory = &q->conn->now.memory;
	const unsigned char *id;

	if (q->conn->now.retry || !q->session || !q->ran)
		return;
	memory->valid =
	    q->error.code == USH_OK && SSL_version(q->ssl) == TLS1_3_VERSION;
	if (!memory->valid)
		return;
	id = SSL_SESSION_get_id(q->session, &memory->session_id_len);
	memcpy(memory->session_id, id, memory->session_id_len);
	memory->verdict = q->verdict;
}

/*
 * What no script is asked about
 */

/* OpenSSL would end the connection after `use`: it takes no session that may be
 * another application's where clients show certificates, and tells that by the
 * id context alone. (Has the SSL one, and the session none, it is a full
 * handshake anyhow.) */
static bool
is_out_of_context(const struct question *q)
{
	unsigned int len;

	if (!q->session || (SSL_get_verify_mode(q->ssl) & SSL_VERIFY_PEER) == 0)
		return false;
	SSL_SESSION_get0_id_context(q->session, &len);
	return len == 0;
}

static bool
is_refused(struct question *q)
{
	struct ush_handshake *now = &q->conn->now;

	q->other_name = now->retry && is_other_name(q);
	if (is_out_of_context(q)) {
		q->verdict = USH_VERDICT_IGNORE_RENEW;
		q->reason = "no session id context";
		ush_log_write(&q->generation->engine->log, USH_LOG_WARNING,
		    USH_LOG_ID_CONTEXT,
		    "decrypt: a session without id context can't be resumed "
		    "where clients are asked for certificates: call "
		    "SSL_CTX_set_session_id_context (a full handshake "
		    "follows)");
		return true;
	}
	/* Who has no ticket to show can't get in by a name. */
	ush_live_server_name(&q->live);
	if (!now->odd_server_name || !q->session || !q->generation->has_decrypt)
		return false;
	q->verdict = USH_VERDICT_IGNORE_RENEW;
	q->reason = USH_ODD_SERVER_NAME;
	return true;
}

/*
 * From question to answer
 */

static void
ask(struct question *q)
{
	struct ush_handshake *now = &q->conn->now;
	const struct ush_limits *limits = &q->generation->engine->limits;

	if (now->gone) {
		refuse_gone(q);
		return;
	}
	if (!q->generation->has_decrypt) {
		q->verdict = USH_VERDICT_DEFAULT;
		return;
	}
	if (is_remembered(q)) {
		q->verdict = now->memory.verdict;
		if (now->memory.has_reason)
			q->reason = now->reason;
		q->remembered = true;
		ush_decide_count(q->generation, q->conn, USH_STAT_remembered);
		return;
	}
	if (now->runs == 0) {
		now->allowance.instructions =
		    BUDGET_CALLS * limits->instructions;
		now->allowance.cpu_ns =
		    (uint64_t)BUDGET_CALLS * 1000 * limits->microseconds;
	}
	if (now->runs >= RUNS_MAX) {
		refuse(q, USH_STAT_identities_refused, USH_LOG_IDENTITIES,
		    "more than 16 tickets in one handshake");
		return;
	}
	if (now->allowance.instructions == 0 || now->allowance.cpu_ns == 0) {
		refuse_budget(q);
		return;
	}
	now->runs++;
	if (q->cramped) {
		ush_decide_no_stack(&q->error);
		on_error(q);
		return;
	}
	run(q);
	remember(q);
}

static enum ush_stat
stat_of_verdict(enum ush_verdict verdict)
{
	switch (verdict) {
	case USH_VERDICT_USE:
		return USH_STAT_use;
	case USH_VERDICT_USE_RENEW:
		return USH_STAT_use_renew;
	case USH_VERDICT_IGNORE:
		return USH_STAT_ignore;
	case USH_VERDICT_IGNORE_RENEW:
		return USH_STAT_ignore_renew;
	default:
		return USH_STAT_abort;
	}
}

static void
tell(struct question *q, const struct ush_decision_sink *sink)
{
	struct ush_fact_value status = {0};
	struct ush_decision decision = {
	    .ssl = q->ssl,
	    .verdict = ush_verdict_name(q->verdict),
	    .reason = q->reason,
	    .generation = q->generation,
	    .instructions = q->instructions,
	    .memory = q->memory,
	    .error = q->error.code != USH_OK ? &q->error : NULL,
	    .remembered = q->remembered,
	    .canary = q->conn->now.canary,
	};

	if (q->conn->now.beside)
		ush_beside_compare(q->conn, &decision);
	if (!sink)
		return;
	q->live.facts.ops->get(&q->live.facts, USH_TICKET_status, &status);
	decision.status = status.there ? status.as.string.p : NULL;
	sink->fn(sink->arg, &decision);
}

/* What the rest of the handshake, and the host, will want to know. */
static void
keep(struct question *q, const unsigned char *key_name, size_t key_name_len)
{
	struct ush_handshake *now = &q->conn->now;
	bool used = q->verdict == USH_VERDICT_USE ||
		    q->verdict == USH_VERDICT_USE_RENEW;

	now->decided = true;
	now->verdict = q->verdict;
	now->memory.has_reason =
	    q->reason && q->session && (q->remembered || q->ran);
	if (q->reason != now->reason) {
		free(now->reason);
		now->reason = q->reason ? strdup(q->reason) : NULL;
	}
	/* Without memory for it, generate knows nothing of the ticket. */
	ush_conn_set_session(q->conn, used ? q->session : NULL,
	    q->live.app_data, q->live.app_data_len, q->live.kind);
	/* generate of TLS 1.2 can't find it any more. */
	ush_live_server_name(&q->live);
	now->status = q->status;
	now->key_name_len =
	    key_name_len < USH_KEY_NAME_LEN ? key_name_len : USH_KEY_NAME_LEN;
	if (key_name_len == USH_KEY_NAME_LEN)
		memcpy(now->key_name, key_name, USH_KEY_NAME_LEN);
	else if (now->key_name_len > 0)
		memcpy(now->key_name, key_name, now->key_name_len);
}

static bool
is_success(SSL_TICKET_STATUS status)
{
	return status == SSL_TICKET_SUCCESS ||
	       status == SSL_TICKET_SUCCESS_RENEW;
}

/* With a large frame: apart, so that the stack is looked at before. */
static __attribute__((noinline)) SSL_TICKET_RETURN
decide(SSL *ssl, SSL_SESSION *session, const unsigned char *key_name,
    size_t key_name_len, SSL_TICKET_STATUS status, struct ush_binding *binding,
    bool cramped)
{
	struct ush_conn *conn = ush_conn_decrypt(ssl);
	struct ush_generation *generation = NULL;
	bool engineless = false;
	struct question q;

	if (conn)
		generation =
		    ush_decide_pin(ssl, conn, &binding->engine, &engineless);
	if (!generation) /* nobody to ask; or no memory: a full handshake */
		return to_openssl(engineless ? ush_default_verdict(status)
					     : USH_VERDICT_IGNORE_RENEW);
	q.ssl = ssl;
	q.conn = conn;
	q.generation = generation;
	q.session = is_success(status) ? session : NULL;
	q.status = status;
	q.reason = NULL;
	q.remembered = q.ran = false;
	q.cramped = cramped;
	q.instructions = q.memory = 0;
	q.error.code = USH_OK;
	ush_live_open(&q.live, ssl, conn, generation, false);
	ush_live_set_ticket(&q.live, q.session, status, key_name, key_name_len);
	ush_decide_count(generation, conn, USH_STAT_decrypt_calls);
	if (!is_refused(&q)) {
		if (conn->now.shadow && !cramped)
			ush_beside_decrypt(&q.live, status);
		ask(&q);
	}
	if (q.verdict == USH_VERDICT_DEFAULT)
		q.verdict = ush_default_verdict(status);
	keep(&q, key_name, key_name_len);
	ush_decide_count(generation, conn, stat_of_verdict(q.verdict));
	if (q.reason)
		ush_stats_count_reason(
		    generation->engine->stats, conn->shard, q.reason);
	if (ush_decide_made(generation, conn))
		tell(&q, ush_decide_sink(generation));
	ush_leave_decrypt(ssl, conn);
	ush_decide_unpin(conn);
	return to_openssl(q.verdict);
}

SSL_TICKET_RETURN
ush_decrypt_cb(SSL *ssl, SSL_SESSION *session, const unsigned char *key_name,
    size_t key_name_len, SSL_TICKET_STATUS status, void *arg)
{
	enum ush_cstack_room room = ush_cstack_room(__builtin_frame_address(0));

	if (room == USH_CSTACK_NOTHING)
		return to_openssl(USH_VERDICT_IGNORE_RENEW);
	return decide(ssl, session, key_name, key_name_len, status, arg,
	    room != USH_CSTACK_A_SCRIPT);
}
