/*
 * SPDX-License-Identifier: MIT
 *
 * Scripts that spend their limits again and again within one handshake: see
 * tests/tls/attack.h for the thread and the clock.
 *
 * Scenarios:
 *  1. A top level that does in the states of threads what it did not do when it
 *     was loaded: loops, grows, fails, or returns another table.
 *  2. A costly top level whose state is lost to a memory error in each call.
 *  3. A thousand tickets, of which each spends its limit.
 *  4. A thousand tickets that spend little all have their data, and what the
 *     tickets of a handshake have spent is forgotten after ten seconds.
 *  5. A shadow that does the same, beside a healthy policy.
 *  6. A top level that takes longer than states may is refused at once;
 *     selftest may take longer.
 */
#include <stdio.h>
#include <string.h>

#include <check.h>

#include "base/clock.h"
#include "tls/attack.h"
#include "tls/policy.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define LATER "os.time() >= 2000"
#define SLOW "local s = ('1'):rep(60000) while true do local x = s + s end "

enum { LOADED = 1000, NOW = 2000 };

/* Under sanitizers this is 20 times as much. */
static const struct attack_limits limits = {
    .microseconds = ATTACK_SANITIZED ? 3000 : 0};

struct drill {
	const char *text;
	int version;
	int policies; /* that are asked: 2 with a shadow; 0: one */
	int ends;     /* of generate */
	int tickets;  /* that the client must see; 0: any number */
};

static struct outcome
visit(const struct drill *drill, SSL_CTX *server, SSL_SESSION *session)
{
	struct visit one = {
	    .server = server, .version = drill->version, .session = session};
	uint64_t since = attack_clock();
	struct outcome saw;

	memset(attack_notes, 0, sizeof attack_notes);
	saw = visit_run(&one);
	attack_check_clock(
	    since, &limits, drill->policies ? drill->policies : 1, drill->text);
	ck_assert_msg(saw.echoed, "alert %d after: %s", saw.alert, drill->text);
	return saw;
}

static void
drill_main(void *arg)
{
	const struct drill *drill = arg;
	const struct attack_note *note = &attack_notes[USHER_CALL_GENERATE];
	struct usher_error error = {0};
	struct usher *engine;
	SSL_CTX *server;
	struct outcome saw;

	ush_clock_set(LOADED);
	engine =
	    attack_engine(drill->text, strlen(drill->text), &limits, &error);
	ck_assert_msg(engine != NULL, "%s", error.message);
	ush_clock_set(NOW);
	server = engine_server(engine, drill->version);
	saw = visit(drill, server, NULL);
	for (int i = 0; i < 2; i++) {
		ck_assert_msg(drill->ends & 1 << note->code, "%d: %s in %s",
		    note->code, note->message, drill->text);
		if (drill->tickets)
			ck_assert_int_eq(saw.tickets, drill->tickets);
		saw = visit(drill, server, saw.session);
		if (drill->ends != ENDS_WELL)
			ck_assert(!saw.resumed);
	}
	harness_clear();
	usher_free(engine);
}

static void
run(const struct drill *drill)
{
	attack_on_small_stack(drill_main, (void *)(uintptr_t)drill);
}

START_TEST(a_top_level_that_changes_after_loading_fails_in_time)
{
	static const struct {
		const char *top;
		int ends;
	} tops[] = {
	    {"if " LATER " then while true do end end", ENDS_SPENT},
	    {"if " LATER " then " SLOW "end", ENDS_SPENT},
	    {"if " LATER " then pcall(function() " SLOW " end) end",
		ENDS_SPENT},
	    {"if " LATER " then local s = 'x' while true do s = s .. s end end",
		ENDS_MEMORY | ENDS_SPENT},
	    {"if " LATER " then error('not now') end", ENDS_SCRIPT},
	    {"if " LATER " then return end", ENDS_SCRIPT},
	    {"if " LATER " then return {} end", ENDS_SCRIPT},
	    {"if " LATER " then return {decrypt = print} end", ENDS_SCRIPT},
	    {"if " LATER " then return {generate = 1, decrypt = 2} end",
		ENDS_SCRIPT},
	};
	struct drill drill = {.version = version_of(_i)};
	char text[512];

	for (size_t i = 0; i < COUNT(tops); i++) {
		snprintf(text, sizeof text,
		    "%s\n"
		    "return { generate = function() return 'x' end,\n"
		    "  decrypt = function() return 'default' end }",
		    tops[i].top);
		drill.text = text;
		drill.ends = tops[i].ends;
		run(&drill);
	}
}
END_TEST

START_TEST(a_costly_top_level_is_not_run_for_ever)
{
	struct drill drill = {.version = version_of(_i), .ends = ENDS_MEMORY};

	drill.text = "local s = ('1'):rep(60000)\n"
		     "for i = 1, 500 do local x = s + s end\n"
		     "local function grow() local s = 'x'\n"
		     "  while true do s = s .. s end end\n"
		     "return { decrypt = grow, generate = function(conn)\n"
		     "  conn.num_tickets = 100 grow() end }";
	drill.ends |= ENDS_SPENT;
	run(&drill);
}
END_TEST

START_TEST(a_thousand_tickets_that_loop_share_a_limit)
{
	static const char *const bodies[] = {
	    "while true do end",
	    SLOW,
	    "pcall(function() while true do end end)",
	    "local t = {} while true do t[#t + 1] = {} end",
	    "for i = 1, 1e9 do pcall(error) end",
	};
	struct drill drill = {.version = TLS1_3_VERSION};
	char text[512];

	for (size_t i = 0; i < COUNT(bodies); i++) {
		snprintf(text, sizeof text,
		    "return { generate = function(conn, ticket)\n"
		    "  if ticket.index == 1 then conn.num_tickets = 1000\n"
		    "    return 'x' end\n"
		    "  %s\n"
		    "end, decrypt = function() return 'ignore_renew' end }",
		    bodies[i]);
		drill.text = text;
		drill.ends = ENDS_SPENT | ENDS_MEMORY;
		drill.tickets = 1000;
		run(&drill);
	}
}
END_TEST

static void
shadow_main(void *arg)
{
	static const char healthy[] =
	    "return { generate = function(conn, ticket)\n"
	    "  if ticket.index == 1 then conn.num_tickets = 1000 end\n"
	    "  return 'x' end,\n"
	    "  decrypt = function() return 'ignore_renew' end }";
	const struct drill *drill = arg;
	struct usher *engine =
	    attack_engine(healthy, strlen(healthy), &limits, NULL);
	SSL_CTX *server = engine_server(engine, TLS1_3_VERSION);
	struct outcome saw;

	ck_assert_int_eq(usher_shadow_text(engine, "shadow", drill->text,
			     strlen(drill->text), NULL),
	    0);
	saw = visit(drill, server, NULL);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(
		    attack_notes[USHER_CALL_GENERATE].code, USHER_OK);
		ck_assert_int_eq(saw.tickets, 1000);
		saw = visit(drill, server, saw.session);
	}
	harness_clear();
	usher_free(engine);
}

START_TEST(a_shadow_has_limits_of_the_same_kind)
{
	static const char *const texts[] = {
	    /* A costly top level, and each call loses its state. */
	    "local s = ('1'):rep(60000)\n"
	    "for i = 1, 500 do local x = s + s end\n"
	    "local function grow() local s = 'x'\n"
	    "  while true do s = s .. s end end\n"
	    "return { decrypt = grow, generate = grow }",
	    "local function loop() " SLOW " end\n"
	    "return { decrypt = loop, generate = loop }",
	};
	struct drill drill = {
	    .version = TLS1_3_VERSION, .policies = 2, .text = texts[_i]};

	attack_on_small_stack(shadow_main, &drill);
}
END_TEST

START_TEST(a_thousand_tickets_that_spend_little_have_their_data)
{
	struct drill drill = {.version = TLS1_3_VERSION, .ends = ENDS_WELL};

	drill.text = "return { generate = function(conn, ticket)\n"
		     "  if ticket.index == 1 then conn.num_tickets = 1000 end\n"
		     "  for i = 1, 100 do local x = i * i end\n"
		     "  return 'x' end,\n"
		     "  decrypt = function() return 'ignore_renew' end }";
	drill.tickets = 1000;
	run(&drill);
}
END_TEST

/* Another ticket from the host, long after the handshake. */
static enum usher_code
ticket_after(struct conn *conn, int seconds)
{
	ush_clock_set(NOW + seconds);
	ck_assert_int_eq(SSL_new_session_ticket(conn->server), 1);
	memset(attack_notes, 0, sizeof attack_notes);
	conn_restart(conn, WIRE_SERVER);
	ck_assert_int_eq(attack_notes[USHER_CALL_GENERATE].count, 1);
	return attack_notes[USHER_CALL_GENERATE].code;
}

START_TEST(what_tickets_have_spent_is_forgotten_after_a_while)
{
	static const char text[] =
	    "return { generate = function(conn, ticket)\n"
	    "  for i = 1, 4e4 do local x = i end return 'x' end }";
	struct attack_limits patient = {.microseconds = 1000000};
	struct usher *engine =
	    attack_engine(text, strlen(text), &patient, NULL);
	struct visit visit = {.version = TLS1_3_VERSION};
	struct conn *conn;
	int n = 2;

	ush_clock_set(NOW);
	ck_assert_ptr_nonnull(engine);
	visit.server = engine_server(engine, TLS1_3_VERSION);
	conn = conn_open(&visit);
	while (ticket_after(conn, 0) == USHER_OK)
		ck_assert_int_lt(++n, 40);
	ck_assert_int_gt(n, 8);
	ck_assert_int_eq(ticket_after(conn, 10), USHER_OK);
	conn_close(conn);
	harness_clear();
	usher_free(engine);
}
END_TEST

START_TEST(a_top_level_that_is_too_slow_for_states_is_refused)
{
	struct usher_error error = {0};
	struct usher *engine;
	const char *loop = "local s = ('1'):rep(60000)\n"
			   "for i = 1, 1e9 do local x = s + s end\n";
	char text[512];

	attack_load(&(struct attack){"a slow top level", ENDS_SPENT, loop});
	snprintf(text, sizeof text,
	    "local since = os.clock()\n"
	    "return { selftest = function()\n"
	    "  local s = ('1'):rep(60000)\n"
	    "  repeat local x = s + s until os.clock() - since > 0.3 end }");
	engine = attack_engine(text, strlen(text), &limits, &error);
	ck_assert_msg(engine != NULL, "%s", error.message);
	usher_free(engine);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("attacks: handshake");
	TCase *tc = tests_case("handshake", 60);

	tcase_add_loop_test(tc,
	    a_top_level_that_changes_after_loading_fails_in_time, 0, VERSIONS);
	tcase_add_loop_test(
	    tc, a_costly_top_level_is_not_run_for_ever, 0, VERSIONS);
	tcase_add_test(tc, a_thousand_tickets_that_loop_share_a_limit);
	tcase_add_loop_test(tc, a_shadow_has_limits_of_the_same_kind, 0, 2);
	tcase_add_test(
	    tc, a_thousand_tickets_that_spend_little_have_their_data);
	tcase_add_test(tc, what_tickets_have_spent_is_forgotten_after_a_while);
	tcase_add_test(tc, a_top_level_that_is_too_slow_for_states_is_refused);
	suite_add_tcase(suite, tc);
	return tests_run(suite);
}
