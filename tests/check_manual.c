/*
 * SPDX-License-Identifier: MIT
 *
 * SSL_CTX_set_session_ticket_cb(3), for Lua policies: the statuses, the return
 * values, the key names, and what a missing function means. Real handshakes;
 * asserted is what the client saw.
 *
 * Scenarios:
 *  1. Every status with every verdict and nil, in each version and with each
 *     form of ticket keys, has the outcome of the page's table.
 *  2. "use" and "use_renew" without a session are script errors.
 *  3. A script without decrypt, without generate, or without both gives
 *     OpenSSL's defaults.
 *  4. The script sees each status by its name, and whether it is decrypted.
 *  5. The key name is 16 bytes, what the key callback named; one byte of a
 *     short ticket, none of an empty one.
 *  6. A negative key callback ends the handshake unasked.
 *  7. A first visit in 1.3 runs generate twice and decrypt not at all.
 *  8. generate's false ends the connection by internal_error.
 *  9. usher_conn_verdict and usher_conn_reason say what was decided.
 */
#include <stdio.h>
#include <string.h>

#include <check.h>

#include "tls/cases.h"
#include "tls/engine.h"

#define CASE_VERDICTS 7

struct verdict {
	const char *lua; /* what decrypt returns */
	int answer;      /* -1: the default one */
};

static const struct verdict verdicts[CASE_VERDICTS] = {
    {"'use'", SSL_TICKET_RETURN_USE},
    {"'use_renew'", SSL_TICKET_RETURN_USE_RENEW},
    {"'ignore'", SSL_TICKET_RETURN_IGNORE},
    {"'ignore_renew'", SSL_TICKET_RETURN_IGNORE_RENEW},
    {"'abort'", SSL_TICKET_RETURN_ABORT},
    {"'default'", -1},
    {"nil", -1},
};

struct attachment {
	struct usher *engine;
	SSL_CTX *server;
};

/* For case_run: the visit before had another policy. */
static void
attach_now(void *arg)
{
	const struct attachment *attachment = arg;

	engine_attach(attachment->engine, attachment->server);
	notes_clear();
}

static struct outcome
run_policy(const struct ticket_case *one, struct usher *engine)
{
	struct attachment attachment = {engine, NULL};

	attachment.server = policy_server("return {}", one->version);
	return case_run(one, attachment.server, attach_now, &attachment);
}

static int
is_use(int answer)
{
	return answer == SSL_TICKET_RETURN_USE ||
	       answer == SSL_TICKET_RETURN_USE_RENEW;
}

static int
has_session(int status)
{
	return status == SSL_TICKET_SUCCESS ||
	       status == SSL_TICKET_SUCCESS_RENEW;
}

START_TEST(every_status_and_verdict_has_the_outcome_of_the_page)
{
	const struct ticket_case *one = &ticket_cases[_i / CASE_VERDICTS];
	const struct verdict *verdict = &verdicts[_i % CASE_VERDICTS];
	int answer =
	    verdict->answer < 0 ? case_default(one->status) : verdict->answer;
	int is_error = is_use(answer) && !has_session(one->status);
	struct case_outcome want;
	struct outcome saw;
	char text[128];

	if (one->status == -1)
		return;
	snprintf(text, sizeof text,
	    "return { decrypt = function() return %s end }", verdict->lua);
	saw = run_policy(one, engine_new(text));
	want = case_expect(one->version, one->status,
	    is_error ? SSL_TICKET_RETURN_IGNORE_RENEW : answer);
	case_check(one, answer, &want, &saw);
	ck_assert_int_eq(note_count(USHER_CALL_DECRYPT), 1);
	ck_assert_int_eq(note_count(USHER_CALL_GENERATE), want.tickets);
	ck_assert_int_eq(note_last(USHER_CALL_DECRYPT)->code,
	    is_error ? USHER_ERROR_RETURN : USHER_OK);
}
END_TEST

static const char *const partial[] = {
    "return {}",
    "return { generate = function() end }",
    "return { generate = function() return { a = 1 } end }",
    "return { decrypt = function() end }",
    "return { decrypt = function() return 'default' end,"
    " generate = function() return 'bytes' end }",
};
#define PARTIAL (int)(sizeof partial / sizeof *partial)

START_TEST(a_missing_function_is_a_null_callback)
{
	const struct ticket_case *one = &ticket_cases[_i / PARTIAL];
	int answer = case_default(one->status);
	struct case_outcome want =
	    case_expect(one->version, one->status, answer);
	struct outcome saw;

	if (one->status == -1)
		return;
	saw = run_policy(one, engine_new(partial[_i % PARTIAL]));
	case_check(one, answer, &want, &saw);
	notes_check();
}
END_TEST

static const char *
status_name(int status)
{
	switch (status) {
	case SSL_TICKET_EMPTY:
		return "empty";
	case SSL_TICKET_NO_DECRYPT:
		return "no_decrypt";
	case SSL_TICKET_SUCCESS:
		return "success";
	default:
		return "success_renew";
	}
}

START_TEST(a_script_sees_the_status_and_the_key_name)
{
	const struct ticket_case *one = &ticket_cases[_i];
	const struct note *note;
	char want[64];

	if (one->status == -1)
		return;
	run_policy(one, engine_new("return { decrypt = function(conn, ticket)\n"
				   "  local name = ticket.key_name or ''\n"
				   "  return 'default', ticket.status .. ' '\n"
				   "    .. tostring(ticket.decrypted) .. ' '\n"
				   "    .. #name\n"
				   "end }"));
	notes_check();
	note = note_last(USHER_CALL_DECRYPT);
	snprintf(want, sizeof want, "%s %s %zu", status_name(one->status),
	    has_session(one->status) ? "true" : "false", one->name);
	ck_assert_str_eq(note->reason, want);
	ck_assert_str_eq(note->status, status_name(one->status));
}
END_TEST

START_TEST(the_key_name_is_what_the_key_callback_named)
{
	const struct ticket_case *one = &ticket_cases[_i];

	if (one->status == -1 || one->form == KEYS_DEFAULT ||
	    one->offer != OFFER_TICKET)
		return;
	run_policy(one, engine_new("return { decrypt = function(conn, ticket)\n"
				   "  return 'default', ticket.key_name\n"
				   "end }"));
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, KEYS_NAME);
}
END_TEST

START_TEST(a_negative_key_callback_ends_the_handshake_unasked)
{
	const struct ticket_case *one = &ticket_cases[_i];
	struct outcome saw;

	if (one->status != -1)
		return;
	saw = run_policy(one, engine_new("return { decrypt = function()"
					 " return 'ignore_renew' end }"));
	ck_assert_int_eq(saw.completed, 0);
	ck_assert_int_eq(saw.alert, SSL_AD_INTERNAL_ERROR);
	ck_assert_int_eq(note_count(USHER_CALL_DECRYPT), 0);
}
END_TEST

START_TEST(a_first_visit_in_1_3_only_generates)
{
	struct usher *engine =
	    engine_new("return { generate = function() end,"
		       " decrypt = function() return 'abort' end }");
	struct visit visit = {.server = engine_server(engine, TLS1_3_VERSION)};
	struct outcome saw = visit_run(&visit);
	struct usher_stats stats = engine_stats(engine);

	ck_assert(saw.echoed && !saw.resumed);
	ck_assert_int_eq(saw.tickets, 2);
	ck_assert_uint_eq(stats.generate_runs, 2);
	ck_assert_uint_eq(stats.decrypt_calls, 0);
}
END_TEST

START_TEST(generates_false_ends_the_connection)
{
	static const int versions[] = {
	    TLS1_2_VERSION, TLS1_3_VERSION, DTLS1_2_VERSION};
	struct usher *engine = engine_new(
	    "return { generate = function() return false, 'no tickets' end }");
	struct visit visit = {.server = engine_server(engine, versions[_i]),
	    .version = versions[_i]};
	struct outcome saw = visit_run(&visit);
	const struct note *note = note_last(USHER_CALL_GENERATE);

	ck_assert_int_eq(saw.alert, SSL_AD_INTERNAL_ERROR);
	ck_assert_int_eq(saw.echoed, 0);
	ck_assert_int_eq(saw.tickets, 0);
	ck_assert_str_eq(note->verdict, "end");
	ck_assert_str_eq(note->reason, "no tickets");
	ck_assert_int_eq(note_errors(), 0);
	ck_assert_uint_eq(engine_stats(engine).generate_end, 1);
}
END_TEST

START_TEST(the_host_can_ask_what_was_decided_and_why)
{
	int version = _i ? TLS1_3_VERSION : TLS1_2_VERSION;
	struct visit visit = {
	    .server = policy_server("return { decrypt = function(_, ticket)\n"
				    "  if ticket.decrypted then\n"
				    "    return 'ignore_renew', 'just so'\n"
				    "  end\n"
				    "end }",
		version),
	    .version = version};
	struct conn *conn;

	visit.session = visit_run(&visit).session;
	conn = conn_open(&visit);
	ck_assert_str_eq(usher_conn_verdict(conn->server), "ignore_renew");
	ck_assert_str_eq(usher_conn_reason(conn->server), "just so");
	conn_close(conn);
	visit.session = NULL;
	conn = conn_open(&visit);
	ck_assert_ptr_null(usher_conn_reason(conn->server));
	if (version == TLS1_3_VERSION)
		ck_assert_ptr_null(usher_conn_verdict(conn->server));
	else
		ck_assert_str_eq(
		    usher_conn_verdict(conn->server), "ignore_renew");
	conn_close(conn);
}
END_TEST

START_TEST(outcomes_are_counted)
{
	struct usher *engine = engine_new(
	    "return { decrypt = function() return 'use_renew' end }");
	SSL_CTX *server = engine_server(engine, TLS1_3_VERSION);
	struct visit visit = {.server = server};
	struct usher_stats stats;

	visit.session = visit_run(&visit).session;
	visit_run(&visit);
	SSL_CTX_set_session_id_context(server, (const unsigned char *)"new", 3);
	visit_run(&visit);
	stats = engine_stats(engine);
	ck_assert_uint_eq(stats.decrypt_calls, 2);
	ck_assert_uint_eq(stats.decrypt_runs, 2);
	ck_assert_uint_eq(stats.use_renew, 2);
	ck_assert_uint_eq(stats.resumed, 1);
	ck_assert_uint_eq(stats.not_resumed, 1);
}
END_TEST

static TCase *
tables(void)
{
	TCase *tcase = engine_case("tables", 60);
	int n = (int)ticket_cases_count;

	tcase_add_loop_test(tcase,
	    every_status_and_verdict_has_the_outcome_of_the_page, 0,
	    n * CASE_VERDICTS);
	tcase_add_loop_test(
	    tcase, a_missing_function_is_a_null_callback, 0, n * PARTIAL);
	tcase_add_loop_test(
	    tcase, a_script_sees_the_status_and_the_key_name, 0, n);
	tcase_add_loop_test(
	    tcase, the_key_name_is_what_the_key_callback_named, 0, n);
	tcase_add_loop_test(
	    tcase, a_negative_key_callback_ends_the_handshake_unasked, 0, n);
	return tcase;
}

static TCase *
single(void)
{
	TCase *tcase = engine_case("single", 60);

	tcase_add_test(tcase, a_first_visit_in_1_3_only_generates);
	tcase_add_loop_test(tcase, generates_false_ends_the_connection, 0, 3);
	tcase_add_loop_test(
	    tcase, the_host_can_ask_what_was_decided_and_why, 0, 2);
	tcase_add_test(tcase, outcomes_are_counted);
	return tcase;
}

int
main(void)
{
	Suite *suite = suite_create("manual");

	suite_add_tcase(suite, tables());
	suite_add_tcase(suite, single());
	return tests_run(suite);
}
