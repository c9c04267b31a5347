/*
 * SPDX-License-Identifier: MIT
 *
 * A version of the script beside the active one: shadow, canary, promotion.
 *
 * Scenarios, in TLS 1.2 and 1.3 where a handshake is in them:
 *  1. The active one's word counts; where the shadow says something else, that
 *     is counted, logged once a minute with both reasons, and told.
 *  2. A shadow has no effect: vars, tickets' number and lifetime, early data,
 *     app data, errors, aborts, budgets, store; it sees its own vars.
 *  3. A shadow that lacks a function says what a policy without it would.
 *  4. A handshake keeps its shadow; nobody's shadow is freed.
 *  5. Canary: all, none, a share of the networks; the same in all processes;
 *     more is more of the same; unknown peers stay; a new shadow starts at 0.
 *  6. Tickets that one side made are read by the other; the revision tells.
 *  7. Promotion: it stays until the source changes; rollback leads back.
 *  8. What can't be loaded, or is not there: errors that change nothing.
 *  9. A second ClientHello asks the shadow no second time.
 * 10. The watcher reloads the shadow's file too.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "base/clock.h"
#include "tls/fork.h"
#include "tls/policy.h"
#include "tls/scripts.h"

#define NOON 1800000000

static char shadow_verdict[16], shadow_reason[512], shadow_revision[17];
static int canary;

/* The decrypt of the last visit, as the decision function has it. */
static void
note_shadow(void *arg, const struct usher_decision *d)
{
	(void)arg;
	if (d->call != USHER_CALL_DECRYPT)
		return;
	canary = d->canary;
	snprintf(shadow_verdict, sizeof shadow_verdict, "%s",
	    d->shadow_verdict ? d->shadow_verdict : "none");
	snprintf(shadow_reason, sizeof shadow_reason, "%s",
	    d->shadow_reason ? d->shadow_reason : "none");
	snprintf(shadow_revision, sizeof shadow_revision, "%s",
	    d->shadow_revision ? d->shadow_revision : "none");
}

static void
shadow(struct usher *engine, const char *text)
{
	struct usher_error error = {0};

	ck_assert_msg(usher_shadow_text(engine, "shadow.lua", text,
			  strlen(text), &error) == 0,
	    "%s", error.message);
}

/* Policy 1, which renews, and a visit that has its ticket. */
static struct usher *
begin(struct visit *visit, int version)
{
	struct engine_spec spec = {
	    .text = script_numbered(1), .decision = note_shadow};
	struct usher *engine = engine_make(&spec);

	*visit = (struct visit){.version = version, .name = "a.example"};
	visit->server = engine_server(engine, version);
	visit->session = visit_run(visit).session;
	ck_assert_ptr_nonnull(visit->session);
	return engine;
}

static const char stricter[] =
    "return { generate = function() return { by = 1 } end,\n"
    "  decrypt = function(conn, ticket)\n"
    "    if not ticket.decrypted then return 'ignore_renew' end\n"
    "    return 'ignore_renew', 'on principle' end }\n";

START_TEST(the_active_ones_word_counts)
{
	struct visit visit;
	struct usher *engine = begin(&visit, version_of(_i));
	struct usher_stats stats;

	ush_clock_set(NOON);
	shadow(engine, stricter);
	script_expect(&visit, "1 after 1");
	ck_assert_str_eq(shadow_verdict, "ignore_renew");
	ck_assert_str_eq(shadow_reason, "on principle");
	ck_assert_str_eq(shadow_revision, script_revision(stricter));
	ck_assert_int_eq(canary, 0);
	script_expect(&visit, "1 after 1");
	stats = engine_stats(engine);
	ck_assert_uint_eq(stats.shadow_differences, 2);
	ck_assert_uint_eq(stats.shadow_runs, 4);
	ck_assert_uint_eq(stats.shadow_errors, 0);
	ck_assert_uint_eq(stats.ignore_renew, _i == 0);
	ck_assert_int_eq(log_count(USHER_LOG_WARNING,
			     "decrypt would have been ignore_renew (on "
			     "principle), and was use_renew (1 after 1)"),
	    1);
	ush_clock_set(NOON + 60);
	script_expect(&visit, "1 after 1");
	ck_assert_int_eq(log_count(USHER_LOG_WARNING, "1 more like this"), 1);
	ck_assert_int_eq(usher_shadow_drop(engine, NULL), 0);
	script_expect(&visit, "1 after 1");
	ck_assert_str_eq(shadow_verdict, "none");
	ck_assert_uint_eq(engine_stats(engine).shadow_differences, 3);
	notes_check();
	ush_clock_set(0);
}
END_TEST

START_TEST(the_same_word_is_no_difference)
{
	struct visit visit;
	struct usher *engine = begin(&visit, version_of(_i));

	shadow(engine, script_numbered(2));
	script_expect(&visit, "1 after 1");
	ck_assert_str_eq(shadow_verdict, "use_renew");
	ck_assert_str_eq(shadow_reason, "2 after 1");
	visit.session = NULL;
	visit_run(&visit);
	ck_assert_uint_eq(engine_stats(engine).shadow_differences, 0);
	ck_assert_uint_gt(engine_stats(engine).shadow_runs, 2);
}
END_TEST

static const char meddling[] =
    "return { generate = function(conn, ticket)\n"
    "    conn.vars.seen = 'meddled'\n"
    "    conn.vars.host = 'meddled'\n"
    "    conn.vars.mine = (conn.vars.mine or 'no') .. ' generate'\n"
    "    ticket.timeout = 7\n"
    "    conn.num_tickets = 5\n"
    "    if conn.vars.mine ~= 'decrypt generate' then\n"
    "      error('it was ' .. conn.vars.mine) end\n"
    "    return 'bytes'\n"
    "  end, decrypt = function(conn, ticket)\n"
    "    conn.early_data = false\n"
    "    conn.vars.seen = 'meddled'\n"
    "    conn.vars.mine = 'decrypt'\n"
    "    if conn.vars.host ~= 'here' then error('no host var') end\n"
    "    return 'use_renew'\n"
    "  end }\n";

static void
set_host_var(struct conn *conn, void *arg)
{
	(void)arg;
	usher_conn_set_string(conn->server, "host", "here", 4);
}

START_TEST(a_shadow_changes_nothing)
{
	struct visit visit;
	struct usher *engine = begin(&visit, version_of(_i));
	struct conn *conn;
	struct outcome saw;

	shadow(engine, meddling);
	visit.prepare = set_host_var;
	conn = conn_open(&visit);
	ck_assert_str_eq(
	    usher_conn_get_string(conn->server, "seen", NULL), "1");
	ck_assert_str_eq(
	    usher_conn_get_string(conn->server, "host", NULL), "here");
	ck_assert_ptr_null(usher_conn_get_string(conn->server, "mine", NULL));
	saw = conn_close(conn);
	ck_assert(saw.resumed);
	ck_assert_int_eq(saw.tickets, 1);
	ck_assert_int_gt(SSL_SESSION_get_timeout(saw.session), 7);
	visit.session = saw.session;
	script_expect(&visit, "1 after 1");
	ck_assert_uint_eq(engine_stats(engine).shadow_errors, 0);
	/* "string" is not "table" */
	ck_assert_uint_eq(engine_stats(engine).shadow_differences, 2);
	notes_check();
}
END_TEST

START_TEST(early_data_are_not_declined)
{
	struct engine_spec spec = {.text = script_numbered(1)};
	struct visit visit = {.version = TLS1_3_VERSION, .early = "hello"};
	struct usher *engine = engine_make(&spec);
	struct outcome saw;

	visit.server = engine_server(engine, visit.version);
	server_early(visit.server, 1000);
	visit.session = visit_run(&visit).session;
	shadow(engine, "return { decrypt = function(conn)\n"
		       "  conn.early_data = false return 'use_renew' end }");
	saw = visit_run(&visit);
	ck_assert(saw.resumed && saw.early);
	ck_assert_uint_eq(engine_stats(engine).shadow_errors, 0);
}
END_TEST

/* Counts in the store; tells what it found. */
static const char counting[] =
    "local store = require 'usher.store'\n"
    "return { generate = function(conn)\n"
    "    conn.vars.seen = tostring(store.incr('n', %d, 1000))\n"
    "    return { by = 1 }\n"
    "  end, decrypt = function(conn, ticket)\n"
    "    if not ticket.data then return 'ignore_renew' end\n"
    "    return 'use_renew', tostring(store.incr('n', %d, 1000))\n"
    "  end }\n";

/* The store has 2 of the first visit (1 in TLS 1.2). A shadow sees its own
 * writes until the handshake ends, and nobody else does. */
START_TEST(what_a_shadow_stores_is_thrown_away)
{
	char one[600], hundred[600];
	struct engine_spec spec = {
	    .text = one, .decision = note_shadow, .store_size = 1 << 20};
	struct visit visit = {.version = version_of(_i)};
	struct usher *engine;
	int n = 1 + _i, i;
	char want[16];

	snprintf(one, sizeof one, counting, 1, 1);
	snprintf(hundred, sizeof hundred, counting, 100, 100);
	engine = engine_make(&spec);
	visit.server = engine_server(engine, visit.version);
	visit.session = visit_run(&visit).session;
	shadow(engine, hundred);
	for (i = 0; i < 3; i++) {
		snprintf(want, sizeof want, "%d", n + 1);
		script_expect(&visit, want);
		snprintf(want, sizeof want, "%d", n + 100);
		ck_assert_str_eq(shadow_reason, want);
		n += 2;
	}
	ck_assert_uint_eq(engine_stats(engine).shadow_errors, 0);
	notes_check();
}
END_TEST

static const struct {
	const char *decrypt, *verdict;
} failing[] = {
    {"error('oh no')", "error"},
    {"while true do end", "error"},
    {"return 'maybe'", "error"},
    {"return 'abort', 'now'", "abort"},
    {"return 'use'", "use"},
};

START_TEST(a_shadows_failure_is_its_own)
{
	struct visit visit;
	struct usher *engine = begin(&visit, version_of(_i % 2));
	bool is_error = strcmp(failing[_i / 2].verdict, "error") == 0;
	char text[256];
	int i;

	snprintf(text, sizeof text,
	    "return { generate = function() error('no') end,\n"
	    "  decrypt = function(conn, ticket) %s end }",
	    failing[_i / 2].decrypt);
	shadow(engine, text);
	for (i = 0; i < 3; i++) {
		script_expect(&visit, "1 after 1");
		ck_assert_str_eq(shadow_verdict, failing[_i / 2].verdict);
	}
	notes_check();
	ck_assert_uint_eq(engine_stats(engine).decrypt_errors, 0);
	ck_assert_uint_eq(engine_stats(engine).generate_errors, 0);
	ck_assert_uint_eq(engine_stats(engine).budget_refused, 0);
	ck_assert_uint_eq(engine_stats(engine).shadow_errors, is_error ? 6 : 3);
	ck_assert_uint_eq(engine_stats(engine).shadow_differences, 6);
}
END_TEST

START_TEST(a_shadow_may_lack_a_function)
{
	struct visit visit;
	struct usher *engine = begin(&visit, version_of(_i));

	shadow(engine, "return {}");
	script_expect(&visit, "1 after 1");
	ck_assert_str_eq(shadow_verdict,
	    visit.version == TLS1_3_VERSION ? "use_renew" : "use");
	ck_assert_str_eq(shadow_reason, "none");
	ck_assert_uint_eq(engine_stats(engine).shadow_errors, 0);
}
END_TEST

START_TEST(an_active_one_may_lack_a_function)
{
	struct engine_spec spec = {
	    .text = "return {}", .decision = note_shadow};
	struct visit visit = {.version = version_of(_i)};
	struct usher *engine = engine_make(&spec);

	visit.server = engine_server(engine, visit.version);
	shadow(engine, script_numbered(2));
	visit.session = visit_run(&visit).session;
	ck_assert(visit_run(&visit).resumed);
	ck_assert_str_eq(shadow_reason, "2 after none");
	ck_assert_uint_eq(engine_stats(engine).shadow_errors, 0);
}
END_TEST

START_TEST(a_handshake_keeps_its_shadow)
{
	struct visit visit;
	struct usher *engine = begin(&visit, version_of(_i));
	struct conn *conn;

	shadow(engine, script_numbered(2));
	conn = conn_new(&visit);
	conn_flight(conn, WIRE_CLIENT);
	conn_flight(conn, WIRE_SERVER);
	shadow(engine, script_numbered(3));
	ck_assert_int_eq(usher_shadow_drop(engine, NULL), 0);
	ck_assert_uint_eq(script_generations(engine), 2);
	conn_handshake(conn);
	conn_echo(conn);
	ck_assert_uint_eq(script_generations(engine), 1);
	ck_assert_uint_eq(script_states(engine), 1);
	ck_assert(conn_close(conn).resumed);
	ck_assert_uint_eq(engine_stats(engine).shadow_runs, 2);
}
END_TEST

START_TEST(a_second_hello_asks_no_second_time)
{
	struct visit visit;
	struct usher *engine = begin(&visit, TLS1_3_VERSION);

	shadow(engine, stricter);
	server_retry(visit.server);
	visit.groups = GROUPS_RETRY;
	ck_assert_int_eq(visit_run(&visit).retries, 1);
	ck_assert_uint_eq(engine_stats(engine).shadow_differences, 1);
	ck_assert_uint_eq(engine_stats(engine).shadow_runs, 2);
	ck_assert_uint_eq(engine_stats(engine).remembered, 1);
}
END_TEST

/*
 * Canary
 */

static struct sockaddr_storage peer;
static socklen_t peer_len;

static void
set_peer(struct conn *conn, void *arg)
{
	(void)arg;
	ck_assert_int_eq(usher_conn_set_peer(
			     conn->server, (struct sockaddr *)&peer, peer_len),
	    0);
}

static void
peer_is(const char *text)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&peer;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&peer;

	memset(&peer, 0, sizeof peer);
	if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		peer_len = sizeof *in;
	} else {
		ck_assert_int_eq(inet_pton(AF_INET6, text, &in6->sin6_addr), 1);
		in6->sin6_family = AF_INET6;
		peer_len = sizeof *in6;
	}
}

/* Who answers a visit from there? */
static bool
is_canary(struct visit *visit, const char *from)
{
	struct outcome saw;

	notes_clear(); /* which keep few */
	peer_is(from);
	visit->prepare = set_peer;
	saw = visit_run(visit);
	ck_assert(saw.resumed);
	ck_assert_int_eq(
	    note_last(USHER_CALL_DECRYPT)->reason[0], canary ? '2' : '1');
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->revision,
	    script_revision(script_numbered(canary ? 2 : 1)));
	/* and it alone */
	ck_assert_str_eq(shadow_reason, canary ? "none" : "2 after 1");
	return canary;
}

START_TEST(all_or_none)
{
	struct visit visit;
	struct usher *engine = begin(&visit, version_of(_i));
	struct usher_error error = {0};

	shadow(engine, script_numbered(2));
	ck_assert(!is_canary(&visit, "192.0.2.1"));
	ck_assert_int_eq(usher_canary(engine, 1000, &error), 0);
	ck_assert(is_canary(&visit, "192.0.2.1"));
	ck_assert(is_canary(&visit, "2001:db8::1"));
	ck_assert_uint_ge(engine_stats(engine).canary_decisions, 4);
	/* who has no address stays */
	visit.prepare = NULL;
	visit_run(&visit);
	ck_assert_int_eq(canary, 0);
	ck_assert_int_eq(usher_canary(engine, 1001, &error), -1);
	ck_assert_int_eq(error.code, USHER_ERROR_ARGUMENT);
	ck_assert(is_canary(&visit, "192.0.2.1"));
	ck_assert_int_eq(usher_canary(engine, 0, &error), 0);
	ck_assert(!is_canary(&visit, "192.0.2.1"));
	/* another shadow was not asked for yet; the same one again is */
	ck_assert_int_eq(usher_canary(engine, 1000, &error), 0);
	shadow(engine, script_numbered(3));
	peer_is("192.0.2.1");
	visit.prepare = set_peer;
	visit_run(&visit);
	ck_assert_int_eq(canary, 0);
	shadow(engine, script_numbered(2));
	ck_assert(is_canary(&visit, "192.0.2.1"));
}
END_TEST

#define NETWORKS 200

static int
share(struct visit *visit, bool *chosen)
{
	char from[64];
	int i, n = 0;

	for (i = 0; i < NETWORKS; i++) {
		snprintf(from, sizeof from,
		    i % 2 ? "10.%d.7.9" : "2001:db8:%x::7", i);
		chosen[i] = is_canary(visit, from);
		n += chosen[i];
	}
	return n;
}

START_TEST(a_share_is_of_networks_and_the_same_everywhere)
{
	struct visit visit;
	struct usher *engine = begin(&visit, TLS1_3_VERSION);
	bool third[NETWORKS], half[NETWORKS], again[NETWORKS];
	int n, i;
	pid_t child;

	shadow(engine, script_numbered(2));
	ck_assert_int_eq(usher_canary(engine, 300, NULL), 0);
	n = share(&visit, third);
	ck_assert_msg(n > 30 && n < 90, "%d of %d", n, NETWORKS);
	/* neighbours are together */
	for (i = 0; i < 20; i++) {
		char from[64];

		snprintf(from, sizeof from,
		    i % 2 ? "10.%d.7.200" : "2001:db8:%x:1:2::3", i);
		ck_assert_int_eq(is_canary(&visit, from), third[i]);
		if (i % 2) {
			snprintf(from, sizeof from, "::ffff:10.%d.7.1", i);
			ck_assert_int_eq(is_canary(&visit, from), third[i]);
		}
	}
	/* a child has the same ones, and sets the share for its parent too */
	child = fork();
	if (child == 0) {
		n = share(&visit, again);
		_exit(memcmp(again, third, sizeof third) == 0 ? 7 : 1);
	}
	ck_assert_int_eq(child_status(child), 7);
	child = fork();
	if (child == 0)
		_exit(usher_canary(engine, 500, NULL) == 0 ? 7 : 1);
	ck_assert_int_eq(child_status(child), 7);
	ck_assert_int_gt(share(&visit, half), n);
	for (i = 0; i < NETWORKS; i++)
		ck_assert(half[i] || !third[i]);
}
END_TEST

/* A's tickets are read by B, and B's by A. */
START_TEST(tickets_of_either_are_read_by_both)
{
	struct visit visit;
	struct usher *engine = begin(&visit, version_of(_i));

	shadow(engine, script_numbered(2));
	visit.prepare = set_peer;
	peer_is("192.0.2.1");
	ck_assert_int_eq(usher_canary(engine, 1000, NULL), 0);
	script_expect(&visit, "2 after 1");
	ck_assert_int_eq(usher_canary(engine, 0, NULL), 0);
	script_expect(&visit, "1 after 2");
	script_expect(&visit, "1 after 1");
	notes_check();
}
END_TEST

START_TEST(the_revision_says_who_made_a_ticket)
{
	static const char telling[] =
	    "return { name = '%s',\n"
	    "  generate = function() return { of = '%s' } end,\n"
	    "  decrypt = function(conn, ticket)\n"
	    "    return 'use_renew', tostring(ticket.revision) end }";
	char one[400], two[400];
	struct visit visit = {.version = version_of(_i)};
	struct usher *engine;

	snprintf(one, sizeof one, telling, "p", "one");
	snprintf(two, sizeof two, telling, "p", "two");
	engine = engine_new(one);
	visit.server = engine_server(engine, visit.version);
	shadow(engine, two);
	visit.session = visit_run(&visit).session;
	visit.prepare = set_peer;
	peer_is("192.0.2.1");
	ck_assert_int_eq(usher_canary(engine, 1000, NULL), 0);
	visit.session = visit_run(&visit).session;
	ck_assert_int_eq(usher_canary(engine, 0, NULL), 0);
	script_expect(&visit, script_revision(two));
	script_expect(&visit, script_revision(one));
}
END_TEST

/*
 * Promotion
 */

START_TEST(a_promoted_shadow_stays)
{
	struct visit visit;
	struct usher *engine = begin(&visit, version_of(_i));
	struct usher_history entry;

	shadow(engine, script_numbered(2));
	ck_assert_int_eq(usher_promote(engine, NULL), 0);
	script_expect(&visit, "2 after 1");
	ck_assert_str_eq(shadow_verdict, "none");
	ck_assert_int_eq(usher_history_get(engine, 0, &entry, sizeof entry), 0);
	ck_assert_int_eq(entry.event, USHER_EVENT_PROMOTED);
	ck_assert_int_eq(usher_history_get(engine, 1, &entry, sizeof entry), 0);
	ck_assert_int_eq(entry.event, USHER_EVENT_SHADOW);
	ck_assert_uint_eq(engine_stats(engine).promotions, 1);
	/* the source has the old one, and that is not taken up again */
	ck_assert_int_eq(usher_reload(engine, NULL), 0);
	script_expect(&visit, "2 after 2");
	ck_assert_int_eq(usher_rollback(engine, NULL), 0);
	script_expect(&visit, "1 after 2");
	ck_assert_int_eq(usher_reload(engine, NULL), 0);
	script_expect(&visit, "1 after 1");
	script_replace(engine, script_numbered(3));
	script_expect(&visit, "3 after 1");
	ck_assert_uint_eq(script_generations(engine), 2);
	notes_check();
}
END_TEST

START_TEST(a_rollback_before_a_promotion_is_kept)
{
	struct visit visit;
	struct usher *engine = begin(&visit, version_of(_i));

	script_replace(engine, script_numbered(2));
	ck_assert_int_eq(usher_rollback(engine, NULL), 0);
	shadow(engine, script_numbered(3));
	ck_assert_int_eq(usher_promote(engine, NULL), 0);
	ck_assert_int_eq(usher_reload(engine, NULL), 0);
	script_expect(&visit, "3 after 1");
}
END_TEST

START_TEST(a_handshake_in_a_promotion_keeps_what_it_has)
{
	struct visit visit;
	struct usher *engine = begin(&visit, version_of(_i));
	struct conn *conn;

	shadow(engine, script_numbered(2));
	conn = conn_new(&visit);
	conn_flight(conn, WIRE_CLIENT);
	conn_flight(conn, WIRE_SERVER);
	ck_assert_int_eq(usher_promote(engine, NULL), 0);
	conn_handshake(conn);
	conn_echo(conn);
	ck_assert_str_eq(note_last(USHER_CALL_GENERATE)->seen, "1");
	visit.session = conn_close(conn).session;
	script_expect(&visit, "2 after 1");
}
END_TEST

START_TEST(what_is_not_there_is_an_error)
{
	struct usher *engine = engine_new(script_numbered(1));
	struct usher_error error = {0};

	ck_assert_int_eq(usher_promote(engine, &error), -1);
	ck_assert_int_eq(error.code, USHER_ERROR_ARGUMENT);
	ck_assert_int_eq(usher_shadow_drop(engine, &error), -1);
	ck_assert_int_eq(usher_canary(engine, 1, &error), -1);
	ck_assert_int_eq(usher_shadow_file(engine, "/none.lua", &error), -1);
	ck_assert_int_eq(error.code, USHER_ERROR_FILE);
	ck_assert_int_eq(usher_shadow_file(engine, NULL, &error), -1);
	ck_assert_int_eq(usher_shadow_file(engine, "", NULL), -1);
	ck_assert_int_eq(usher_shadow_text(engine, "a", NULL, 0, NULL), -1);
	ck_assert_int_eq(usher_promote(NULL, NULL), -1);
	ck_assert_int_eq(usher_shadow_drop(NULL, NULL), -1);
	ck_assert_int_eq(usher_canary(NULL, 0, NULL), -1);
	ck_assert_int_eq(usher_shadow_file(NULL, "a", NULL), -1);
	ck_assert_int_eq(usher_shadow_text(NULL, "a", "", 0, NULL), -1);
	ck_assert_uint_eq(engine_stats(engine).reload_failures, 1);
}
END_TEST

START_TEST(what_is_refused_leaves_the_shadow)
{
	struct visit visit;
	struct usher *engine = begin(&visit, version_of(_i));
	struct usher_history entry;

	shadow(engine, script_numbered(2));
	ck_assert_int_eq(
	    usher_shadow_text(engine, "bad.lua", "return {", 8, NULL), -1);
	script_expect(&visit, "1 after 1");
	ck_assert_str_eq(shadow_reason, "2 after 1");
	usher_history_get(engine, 0, &entry, sizeof entry);
	ck_assert_int_eq(entry.event, USHER_EVENT_REFUSED);
	ck_assert_str_eq(entry.script, "bad.lua");
}
END_TEST

static void
wait_for_shadow(struct usher *engine, int n)
{
	uint64_t start = ush_clock_mono_ms();
	struct usher_history entry;

	do {
		ck_assert_uint_lt(ush_clock_mono_ms() - start, 20000);
		usleep(1000);
		usher_history_get(engine, 0, &entry, sizeof entry);
	} while (
	    entry.event != USHER_EVENT_SHADOW ||
	    strcmp(entry.revision, script_revision(script_numbered(n))) != 0);
}

START_TEST(the_shadows_file_is_watched_too)
{
	const char *path = script_path("policy.lua");
	const char *beside = script_path("next.lua");
	struct engine_spec spec = {.path = path};
	struct usher *engine;

	script_write(path, script_numbered(1));
	script_write(beside, script_numbered(2));
	engine = engine_make(&spec);
	ck_assert_int_eq(usher_watch(engine, 1, NULL), 0);
	ck_assert_int_eq(usher_shadow_file(engine, beside, NULL), 0);
	script_write(beside, script_numbered(3));
	wait_for_shadow(engine, 3);
	script_rename(beside, script_numbered(4));
	wait_for_shadow(engine, 4);
	ck_assert_uint_eq(engine_stats(engine).reloads, 0);
	/* and no more, once it is promoted */
	ck_assert_int_eq(usher_promote(engine, NULL), 0);
	script_rename(beside, script_numbered(5));
	usleep(700000);
	ck_assert_uint_eq(engine_stats(engine).reloads, 0);
	ck_assert_uint_eq(engine_stats(engine).reload_failures, 0);
	script_rename(path, script_numbered(6));
	while (engine_stats(engine).reloads == 0)
		usleep(1000);
}
END_TEST

static TCase *
beside(void)
{
	TCase *tcase = engine_case("beside", 60);

	tcase_add_loop_test(tcase, the_active_ones_word_counts, 0, VERSIONS);
	tcase_add_loop_test(tcase, the_same_word_is_no_difference, 0, VERSIONS);
	tcase_add_loop_test(tcase, a_shadow_changes_nothing, 0, VERSIONS);
	tcase_add_test(tcase, early_data_are_not_declined);
	tcase_add_loop_test(
	    tcase, what_a_shadow_stores_is_thrown_away, 0, VERSIONS);
	tcase_add_loop_test(tcase, a_shadows_failure_is_its_own, 0,
	    2 * (int)(sizeof failing / sizeof *failing));
	tcase_add_loop_test(tcase, a_shadow_may_lack_a_function, 0, VERSIONS);
	tcase_add_loop_test(
	    tcase, an_active_one_may_lack_a_function, 0, VERSIONS);
	tcase_add_loop_test(tcase, a_handshake_keeps_its_shadow, 0, VERSIONS);
	tcase_add_test(tcase, a_second_hello_asks_no_second_time);
	return tcase;
}

static TCase *
deciding(void)
{
	TCase *tcase = engine_case("deciding", 60);

	tcase_add_loop_test(tcase, all_or_none, 0, VERSIONS);
	tcase_add_test(tcase, a_share_is_of_networks_and_the_same_everywhere);
	tcase_add_loop_test(
	    tcase, tickets_of_either_are_read_by_both, 0, VERSIONS);
	tcase_add_loop_test(
	    tcase, the_revision_says_who_made_a_ticket, 0, VERSIONS);
	tcase_add_loop_test(tcase, a_promoted_shadow_stays, 0, VERSIONS);
	tcase_add_loop_test(
	    tcase, a_rollback_before_a_promotion_is_kept, 0, VERSIONS);
	tcase_add_loop_test(
	    tcase, a_handshake_in_a_promotion_keeps_what_it_has, 0, VERSIONS);
	tcase_add_test(tcase, what_is_not_there_is_an_error);
	tcase_add_loop_test(
	    tcase, what_is_refused_leaves_the_shadow, 0, VERSIONS);
	tcase_add_test(tcase, the_shadows_file_is_watched_too);
	return tcase;
}

int
main(void)
{
	Suite *suite = suite_create("shadow");

	suite_add_tcase(suite, beside());
	suite_add_tcase(suite, deciding());
	return tests_run(suite);
}
