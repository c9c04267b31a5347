/*
 * SPDX-License-Identifier: MIT
 *
 * gen_cb: a ticket is about to be made. Asks the script what goes into it.
 */
#include <string.h>

#include "base/clock.h"
#include "sandbox/cstack.h"
#include "tls/binding.h"
#include "tls/compat.h"
#include "tls/content.h"
#include "tls/decide.h"
#include "tls/leave.h"
#include "tls/live.h"

enum {
	RENEW_SECONDS = 10,
	LOOK_EVERY = 16, /* connections of a thread, from its first one on */
};

/* Assignments take effect if all went well. A sibling's lifetime is none of
 * this ticket's. */
static void
apply(struct ush_issue *is)
{
	struct ush_handshake *now = &is->conn->now;
	long timeout = now->timeout;

	if (is->live.timeout != 0)
		timeout = (long)is->live.timeout;
	if (SSL_SESSION_get_timeout(is->session) != timeout)
		SSL_SESSION_set_timeout(is->session, timeout);
	if (is->live.num_tickets != 0)
		SSL_set_num_tickets(is->ssl, (size_t)is->live.num_tickets - 1);
	ush_vars_commit(&is->conn->vars);
}

/* A ticket that can't resume, of a connection that lives on. */
static void
disable(SSL_SESSION *session)
{
	SSL_SESSION_set1_ticket_appdata(session, NULL, 0);
	ush_session_set_time(session, 1);
}

static void
disable_issue(struct ush_issue *is)
{
	is->verdict = "disabled";
	disable(is->session);
	/* So that a sibling does not take it for the host's doing. */
	is->conn->now.written.kind = USH_WRITTEN_STRING;
	is->conn->now.written.len = 0;
}

static int
on_error(struct ush_issue *is)
{
	is->reason = "script error";
	ush_vars_clear(&is->conn->vars, USH_VARS_PENDING);
	ush_decide_failed(is->generation, is->conn, true, &is->error);
	switch (is->generation->engine->on_error) {
	case USH_ON_ERROR_ABORT:
		is->verdict = "end";
		return 0;
	case USH_ON_ERROR_OPEN:
		is->verdict = "keep";
		if (ush_content_restore(is) == 0)
			return 1;
		break;
	case USH_ON_ERROR_FULL_HANDSHAKE:
		break;
	}
	disable_issue(is);
	return 1;
}

/* The generation that would have to be asked is gone. */
static int
on_gone(struct ush_issue *is)
{
	is->reason = ush_decide_gone(is->generation, is->conn);
	disable_issue(is);
	return 1;
}

/* Less than its own limit is left for a call: unless that has been so for some
 * time. Tickets that the host has made long after the handshake begin anew. */
static void
renew(struct ush_handshake *now)
{
	int64_t moment = ush_clock_now();

	if (now->generate_short == 0)
		now->generate_short = moment;
	if (moment - now->generate_short < RENEW_SECONDS)
		return;
	now->generate = (struct ush_allowance){0};
	now->generate_short = 0;
}

/* What one call may spend: its own limit, but no more than is left for all
 * tickets of the handshake (there may be a thousand). */
static struct ush_allowance
allowance(struct ush_issue *is)
{
	const struct ush_limits *limits = &is->generation->engine->limits;
	struct ush_handshake *now = &is->conn->now;
	uint64_t all = limits->instructions * USH_HANDSHAKE_GENERATE_FACTOR;
	struct ush_allowance given = {.instructions = limits->instructions,
	    .cpu_ns = (uint64_t)limits->microseconds * 1000};
	uint64_t all_ns = given.cpu_ns * USH_HANDSHAKE_GENERATE_FACTOR;

	if (now->generate.instructions + given.instructions <= all &&
	    now->generate.cpu_ns + given.cpu_ns <= all_ns)
		return given;
	renew(now);
	all = ush_allowance_left(all, now->generate.instructions);
	all_ns = ush_allowance_left(all_ns, now->generate.cpu_ns);
	if (all < given.instructions)
		given.instructions = all;
	if (all_ns < given.cpu_ns)
		given.cpu_ns = all_ns;
	return given;
}

static enum ush_code
no_allowance(struct ush_issue *is)
{
	ush_error_set(&is->error, USH_ERROR_CPU_TIME, NULL, 0,
	    "the tickets of this handshake have spent what all together may");
	return is->error.code;
}

static enum ush_code
call(struct ush_issue *is)
{
	struct ush_allowance given, left;
	enum ush_code code;

	is->call.content = USH_CONTENT_NOTHING;
	if (!is->generation->has_generate)
		return USH_OK;
	left = given = allowance(is);
	if (left.instructions == 0 || left.cpu_ns == 0)
		return no_allowance(is);
	ush_content_begin(is);
	is->call.facts = &is->live.facts;
	is->call.writer = &is->writer;
	ush_decide_count(is->generation, is->conn, USH_STAT_generate_runs);
	code = ush_state_generate(is->state, &is->call, &left, &is->error);
	is->instructions = given.instructions - left.instructions;
	ush_allowance_spend(&is->conn->now.generate, &given, &left);
	is->memory = ush_box_memory(is->state->box);
	if (is->call.reason[0] != '\0')
		is->reason = is->call.reason;
	return code;
}

static int
run(struct ush_issue *is)
{
	int result = 1;

	ush_content_prepare(is);
	is->state = ush_pool_enter_within(
	    is->generation, &is->conn->now.set_up, &is->error);
	if (!is->state)
		return on_error(is);
	if (call(is) != USH_OK || ush_content_store(is) != 0)
		result = on_error(is);
	else if (is->call.content == USH_CONTENT_END)
		result = 0;
	else
		apply(is);
	ush_pool_leave(is->state);
	/* It would be good under a name that the server takes it for. */
	if (result == 1 && is->conn->now.odd_server_name &&
	    is->generation->has_decrypt) {
		is->reason = USH_ODD_SERVER_NAME;
		disable_issue(is);
	}
	return result;
}

static void
tell(struct ush_issue *is, const struct ush_decision_sink *sink)
{
	struct ush_decision decision = {
	    .ssl = is->ssl,
	    .generate = true,
	    .verdict = is->verdict,
	    .reason = is->reason,
	    .generation = is->generation,
	    .instructions = is->instructions,
	    .memory = is->memory,
	    .error = is->error.code != USH_OK ? &is->error : NULL,
	    .canary = is->conn->now.canary,
	};

	if (is->conn->now.beside)
		ush_beside_compare(is->conn, &decision);
	if (sink)
		sink->fn(sink->arg, &decision);
}

/* decrypt set the limit to 0 to decline; the next visit must find it again,
 * in the SSL and in the ticket that tells the client. */
static void
restore_early_data(struct ush_issue *is)
{
	struct ush_handshake *now = &is->conn->now;

	if (!now->early_data_declined)
		return;
	SSL_set_max_early_data(is->ssl, now->max_early_data);
	SSL_SESSION_set_max_early_data(is->session, now->max_early_data);
	now->early_data_declined = false;
}

static void
look_for_stateful(struct ush_issue *is)
{
	if (SSL_version(is->ssl) != TLS1_3_VERSION ||
	    !ush_is_stateful(
		SSL_get_options(is->ssl), SSL_get_max_early_data(is->ssl)))
		return;
	ush_decide_count(is->generation, is->conn, USH_STAT_stateful_tickets);
	ush_log_write(&is->generation->engine->log, USH_LOG_WARNING,
	    USH_LOG_STATEFUL,
	    "a stateful ticket was issued, which decrypt will never see: "
	    "clear SSL_OP_NO_TICKET, set SSL_OP_NO_ANTI_REPLAY");
}

/* A session of TLS 1.2 that was resumed by its id may be the cache's own
 * object, which other threads read: it is left alone. */
static bool
is_shared_session(const struct ush_issue *is)
{
	return is->resumed && !is->conn->now.session &&
	       SSL_version(is->ssl) < TLS1_3_VERSION;
}

static void
open_issue(struct ush_issue *is)
{
	struct ush_handshake *now = &is->conn->now;

	is->resumed = SSL_session_reused(is->ssl) == 1;
	is->host = (struct ush_part){NULL, 0};
	is->instructions = is->memory = 0;
	is->verdict = is->reason = NULL;
	is->error.code = USH_OK;
	ush_live_open(&is->live, is->ssl, is->conn, is->generation, true);
	if (is->resumed && now->session)
		ush_live_set_previous(&is->live);
	if (now->tickets == 0)
		now->timeout = SSL_SESSION_get_timeout(is->session);
}

/* What goes into the ticket; 0 ends the handshake. */
static int
fill(struct ush_issue *is)
{
	if (is_shared_session(is)) {
		is->verdict = "keep";
		is->reason = "session of the cache";
		return 1;
	}
	if (is->conn->now.gone)
		return on_gone(is);
	if (ush_content_find(is) != 0) {
		ush_error_set(
		    &is->error, USH_ERROR_SYSTEM, NULL, 0, "out of memory");
		return on_error(is);
	}
	if (is->cramped) {
		ush_decide_no_stack(&is->error);
		return on_error(is);
	}
	if (is->conn->now.shadow)
		ush_beside_generate(is);
	return run(is);
}

static int
issue(struct ush_issue *is)
{
	int result;

	open_issue(is);
	ush_decide_count(is->generation, is->conn, USH_STAT_generate_calls);
	if (!ush_is_before_finished(is->ssl))
		ush_decide_outcome(is->conn, is->resumed);
	restore_early_data(is);
	look_for_stateful(is);
	if (is->conn->number % LOOK_EVERY == 1)
		ush_binding_look(is->binding, is->generation->engine);
	result = fill(is);
	is->conn->now.tickets++;
	if (result == 0)
		ush_decide_count(
		    is->generation, is->conn, USH_STAT_generate_end);
	if (is->reason)
		ush_stats_count_reason(
		    is->generation->engine->stats, is->conn->shard, is->reason);
	if (ush_decide_made(is->generation, is->conn))
		tell(is, ush_decide_sink(is->generation));
	ush_leave_generate(is->ssl, is->conn, result == 0);
	ush_decide_unpin(is->conn);
	return result;
}

/* With a large frame: apart, so that the stack is looked at before. */
static __attribute__((noinline)) int
decide(
    SSL *ssl, SSL_SESSION *session, struct ush_binding *binding, bool cramped)
{
	bool engineless = false;
	struct ush_issue is;

	is.binding = binding;
	is.ssl = ssl;
	is.session = session;
	is.generation = NULL;
	is.cramped = cramped;
	is.conn = ush_conn_generate(ssl);
	if (is.conn)
		is.generation =
		    ush_decide_pin(ssl, is.conn, &binding->engine, &engineless);
	if (is.generation)
		return issue(&is);
	if (!engineless)
		disable(session); /* no memory: not a ticket without policy */
	return 1;
}

int
ush_generate_cb(SSL *ssl, void *arg)
{
	enum ush_cstack_room room = ush_cstack_room(__builtin_frame_address(0));
	SSL_SESSION *session = SSL_get_session(ssl);

	if (!session)
		return 1;
	if (room != USH_CSTACK_NOTHING)
		return decide(ssl, session, arg, room != USH_CSTACK_A_SCRIPT);
	disable(session);
	return 1;
}
