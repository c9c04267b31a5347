/*
 * SPDX-License-Identifier: MIT
 *
 * What a script's mistakes lead to: on_error in its three settings, for both
 * functions, and each kind of mistake. Never a crash, never a hang, never an
 * accidental decision.
 *
 * Scenarios (in TLS 1.2 and 1.3 each):
 *  1. A mistake in decrypt: full_handshake, abort, open.
 *  2. A mistake in generate: the same. Under full_handshake the ticket can't
 *     resume and the connection lives; under open the app data stay.
 *  3. What decrypt may not return: booleans, numbers, misspelt names, tables,
 *     "use" without a session.
 *  4. Errors of every type are caught: strings, nil, tables with __tostring.
 *  5. Loops and memory hogs end, and the next call works.
 *  6. The error names the script and the line; of a built-in function, that
 *     it is one.
 *  7. Errors are counted by kind, and logged once.
 *  8. Assignments of a call that fails have no effect.
 */
#include <stdio.h>
#include <string.h>

#include <check.h>

#include "tls/policy.h"

#define SETTINGS 3

struct mistake {
	const char *lua; /* statements */
	enum usher_code code;
};

static const struct mistake mistakes[] = {
    {"error('no')", USHER_ERROR_SCRIPT},
    {"error()", USHER_ERROR_SCRIPT},
    {"error(nil)", USHER_ERROR_SCRIPT},
    {"error({})", USHER_ERROR_SCRIPT},
    {"error(setmetatable({}, {__tostring = function() error('x') end}))",
	USHER_ERROR_SCRIPT},
    {"local x = nil; x.y = 1", USHER_ERROR_SCRIPT},
    {"error(('long'):rep(100000))", USHER_ERROR_SCRIPT},
    {"error('a\\0b\\nc\\27')", USHER_ERROR_SCRIPT},
    {"undefined_global()", USHER_ERROR_SCRIPT},
    {"local function f() return f() + 1 end f()", USHER_ERROR_SCRIPT},
    {"while true do end", USHER_ERROR_INSTRUCTIONS},
    {"while true do pcall(function() while true do end end) end",
	USHER_ERROR_INSTRUCTIONS},
    {"local s = 'x' while true do s = s .. s end", USHER_ERROR_MEMORY},
    {"local s = ('x'):rep(1e9)", USHER_ERROR_SCRIPT},
};
#define MISTAKES (int)(sizeof mistakes / sizeof *mistakes)

/* A first visit's ticket, under a faultless policy; then the engine is another
 * one, and the visit is made that the test is about. */
static struct outcome
second_visit(struct visit *visit, const char *first, struct usher *engine)
{
	struct outcome saw;

	visit->server = policy_server(first, visit->version);
	saw = visit_run(visit);
	ck_assert(saw.echoed && saw.session);
	visit->session = saw.session;
	engine_attach(engine, visit->server);
	notes_clear();
	return visit_run(visit);
}

static struct usher *
faulty_decrypt(const char *lua, enum usher_on_error on_error)
{
	char text[512];
	struct engine_spec spec = {.text = text, .on_error = on_error};

	snprintf(text, sizeof text,
	    "return { decrypt = function(conn, ticket)\n"
	    "  %s\n"
	    "end }",
	    lua);
	return engine_make(&spec);
}

static void
check_decrypt_outcome(
    const struct outcome *saw, int version, enum usher_on_error on_error)
{
	int full = version == TLS1_3_VERSION ? 2 : 1;

	if (on_error == USHER_ON_ERROR_ABORT) {
		ck_assert_int_eq(saw->alert, SSL_AD_INTERNAL_ERROR);
		ck_assert_int_eq(saw->completed, 0);
		return;
	}
	ck_assert_int_eq(saw->alert, 0);
	ck_assert_int_eq(saw->echoed, 1);
	ck_assert_int_eq(saw->resumed, on_error == USHER_ON_ERROR_OPEN);
	if (on_error == USHER_ON_ERROR_FULL_HANDSHAKE)
		ck_assert_int_eq(saw->tickets, full);
}

START_TEST(a_mistake_in_decrypt_does_what_on_error_says)
{
	const struct mistake *one = &mistakes[_i / SETTINGS / VERSIONS];
	enum usher_on_error on_error = _i / VERSIONS % SETTINGS;
	struct usher *engine = faulty_decrypt(one->lua, on_error);
	struct visit visit = {.version = version_of(_i)};
	struct outcome saw = second_visit(&visit, "return {}", engine);
	const struct note *note = note_last(USHER_CALL_DECRYPT);

	check_decrypt_outcome(&saw, version_of(_i), on_error);
	ck_assert_msg(note->code == one->code, "%s: %d: %s", one->lua,
	    note->code, note->message);
	ck_assert_uint_eq(engine_stats(engine).decrypt_errors, 1);
	ck_assert_int_eq(log_count(USHER_LOG_ERROR, NULL) +
			     log_count(USHER_LOG_WARNING, NULL),
	    1);
}
END_TEST

static const char *const wrong_returns[] = {"true", "false", "0", "1", "2", "3",
    "4", "'USE'", "'use\\0'", "''", "'use '", "{}", "'ignore_renw'",
    "print or {}", "('use'):rep(1000)", "0/0", "conn", "ticket"};
#define WRONG_RETURNS (int)(sizeof wrong_returns / sizeof *wrong_returns)

START_TEST(a_wrong_verdict_is_never_passed_on)
{
	const char *value = wrong_returns[_i / SETTINGS / VERSIONS];
	enum usher_on_error on_error = _i / VERSIONS % SETTINGS;
	char lua[128];
	struct visit visit = {.version = version_of(_i)};
	struct usher *engine;
	struct outcome saw;

	snprintf(lua, sizeof lua, "return %s", value);
	engine = faulty_decrypt(lua, on_error);
	saw = second_visit(&visit, "return {}", engine);
	check_decrypt_outcome(&saw, version_of(_i), on_error);
	ck_assert_msg(note_last(USHER_CALL_DECRYPT)->code == USHER_ERROR_RETURN,
	    "%s", value);
	ck_assert_uint_eq(engine_stats(engine).errors_return, 1);
}
END_TEST

START_TEST(a_misspelt_verdict_is_told_the_right_one)
{
	struct visit visit = {.version = TLS1_3_VERSION};

	second_visit(
	    &visit, "return {}", faulty_decrypt("return 'ignore_renw'", 0));
	ck_assert_ptr_nonnull(
	    strstr(note_last(USHER_CALL_DECRYPT)->message, "ignore_renew"));
}
END_TEST

START_TEST(use_without_a_session_does_what_on_error_says)
{
	static const char *const values[] = {"'use'", "'use_renew'"};
	enum usher_on_error on_error = _i % SETTINGS;
	struct visit visit = {.version = TLS1_2_VERSION};
	char lua[64];
	struct outcome saw;

	snprintf(lua, sizeof lua, "return %s", values[_i / SETTINGS]);
	visit.server =
	    engine_server(faulty_decrypt(lua, on_error), TLS1_2_VERSION);
	saw = visit_run(&visit);
	ck_assert_int_eq(
	    note_last(USHER_CALL_DECRYPT)->code, USHER_ERROR_RETURN);
	if (on_error == USHER_ON_ERROR_ABORT) {
		ck_assert_int_eq(saw.alert, SSL_AD_INTERNAL_ERROR);
	} else {
		ck_assert(saw.echoed && !saw.resumed);
		ck_assert_int_eq(saw.tickets, 1);
	}
}
END_TEST

static struct usher *
faulty_generate(const char *lua, enum usher_on_error on_error)
{
	char text[512];
	struct engine_spec spec = {.text = text, .on_error = on_error};

	snprintf(text, sizeof text,
	    "return { generate = function(conn, ticket)\n"
	    "  %s\n"
	    "end, decrypt = function(conn, ticket)\n"
	    "  if ticket.decrypted then return 'use_renew' end\n"
	    "end }",
	    lua);
	return engine_make(&spec);
}

static const char first_policy[] =
    "return { generate = function() return 'old' end }";
static const char reader[] = "return { decrypt = function(conn, ticket)\n"
			     "  return 'default', ticket.app_data\n"
			     "end }";

/* What the ticket of a faulty generate is worth: under `open` it resumes and
 * holds what it held before; else it does not resume. */
static void
check_ticket(struct visit *visit, SSL_SESSION *ticket, int resumes)
{
	struct outcome saw;

	engine_attach(engine_new(reader), visit->server);
	notes_clear();
	visit->session = ticket;
	saw = visit_run(visit);
	ck_assert(saw.echoed);
	ck_assert_int_eq(saw.resumed, resumes);
	if (resumes)
		ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, "old");
}

START_TEST(a_mistake_in_generate_does_what_on_error_says)
{
	const struct mistake *one = &mistakes[_i / SETTINGS / VERSIONS];
	enum usher_on_error on_error = _i / VERSIONS % SETTINGS;
	struct usher *engine = faulty_generate(one->lua, on_error);
	struct visit visit = {.version = version_of(_i)};
	struct outcome saw = second_visit(&visit, first_policy, engine);

	ck_assert_msg(note_last(USHER_CALL_GENERATE)->code == one->code,
	    "%s: %s", one->lua, note_last(USHER_CALL_GENERATE)->message);
	ck_assert_uint_eq(engine_stats(engine).generate_errors, 1);
	if (on_error == USHER_ON_ERROR_ABORT) {
		ck_assert_int_eq(saw.alert, SSL_AD_INTERNAL_ERROR);
		ck_assert_int_eq(saw.echoed, 0);
		return;
	}
	ck_assert(saw.echoed && saw.resumed);
	ck_assert_int_eq(saw.tickets, 1);
	check_ticket(&visit, saw.session, on_error == USHER_ON_ERROR_OPEN);
}
END_TEST

START_TEST(a_faulty_first_generate_costs_only_the_tickets)
{
	struct visit visit = {.version = version_of(_i)};
	struct outcome saw;
	int i;

	visit.server =
	    engine_server(faulty_generate("error('no')", 0), visit.version);
	saw = visit_run(&visit);
	ck_assert(saw.echoed);
	ck_assert_int_eq(saw.tickets, _i ? 2 : 1);
	ck_assert_str_eq(note_last(USHER_CALL_GENERATE)->verdict, "disabled");
	for (i = 0; i < OUTCOME_SESSIONS && saw.sessions[i]; i++) {
		visit.session = saw.sessions[i];
		ck_assert(!visit_run(&visit).resumed);
	}
	visit.session = saw.session;
	ck_assert(!visit_run(&visit).resumed);
}
END_TEST

START_TEST(one_faulty_ticket_does_not_spoil_its_sibling)
{
	struct visit visit = {.version = TLS1_3_VERSION};
	struct outcome saw;

	visit.server = engine_server(
	    faulty_generate(_i ? "if ticket.index == 1 then error('no') end"
			       : "if ticket.index == 2 then error('no') end",
		0),
	    visit.version);
	saw = visit_run(&visit);
	ck_assert_int_eq(saw.tickets, 2);
	visit.session = saw.sessions[0];
	ck_assert_int_eq(visit_run(&visit).resumed, _i == 0);
	visit.session = saw.sessions[1];
	ck_assert_int_eq(visit_run(&visit).resumed, _i == 1);
}
END_TEST

START_TEST(the_next_call_works_after_a_mistake)
{
	const struct mistake *one = &mistakes[_i / VERSIONS];
	struct visit visit = {.version = version_of(_i)};
	char text[512];

	snprintf(text, sizeof text,
	    "return { decrypt = function(conn, ticket)\n"
	    "  if conn.server_name == 'bad.example' then %s end\n"
	    "  return 'default', 'fine'\n"
	    "end }",
	    one->lua);
	visit.server = policy_server(text, visit.version);
	visit.session = visit_run(&visit).session;
	visit.name = "bad.example";
	ck_assert(!visit_run(&visit).resumed);
	ck_assert_int_eq(note_last(USHER_CALL_DECRYPT)->code, one->code);
	visit.name = "good.example";
	ck_assert(visit_run(&visit).resumed);
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, "fine");
}
END_TEST

START_TEST(a_slow_call_ends_by_the_cpu_time_limit)
{
	struct engine_spec spec = {
	    .text = "return { decrypt = function() while true do end end }",
	    .instruction_limit = UINT64_C(1) << 40,
	    .cpu_time_limit = 1000};
	struct visit visit = {.version = version_of(_i)};
	struct usher *engine = engine_make(&spec);

	ck_assert(!second_visit(&visit, "return {}", engine).resumed);
	ck_assert_int_eq(
	    note_last(USHER_CALL_DECRYPT)->code, USHER_ERROR_CPU_TIME);
	ck_assert_uint_eq(engine_stats(engine).errors_cpu_time, 1);
}
END_TEST

/* All on line 4. */
static const char *const raising[] = {
    "return x.field",
    "error('said')",
    "error('said', 0)",
    "error({})",
    "assert(x)",
    "assert(x, 'said')",
    "error(setmetatable({}, { __tostring = error }))",
    "local function f() return f() + 1 end f()",
    "while true do end",
    "pcall(function() while true do end end)",
    "local t = {} while true do t[#t + 1] = {} end",
    "local s = 'x' while true do s = s .. s end",
    "local s = 'x' while true do s = s:rep(2) end",
    "local t = {} while true do t[#t + 1] = function() return t end end",
    "local t = {} while true do t[#t + 1] = conn.hello end",
    "pcall(function() local s = 'x' while true do s = s .. s end end)",
    "local function f(...) return f(1, ...) end f()",
    "table.sort({ 3, 2, 1 }, function(a, b) error({}) end)",
    "string.gsub('x', 'x', function() error(nil) end)",
};
#define RAISING (int)(sizeof raising / sizeof *raising)

START_TEST(an_error_names_script_and_line)
{
	struct visit visit = {.version = TLS1_3_VERSION};
	const struct note *note;
	char text[512];

	snprintf(text, sizeof text,
	    "return {\n"
	    "  decrypt = function(conn, ticket)\n"
	    "    local x = nil\n"
	    "    %s\n"
	    "  end,\n"
	    "}\n",
	    raising[_i]);
	second_visit(&visit, "return {}", engine_new(text));
	note = note_last(USHER_CALL_DECRYPT);
	ck_assert_int_ne(note->code, USHER_OK);
	ck_assert_int_eq(note->line, 4);
	ck_assert_ptr_nonnull(strstr(note->message, "test.lua:4:"));
	ck_assert_int_eq(log_count(USHER_LOG_ERROR, "test.lua:4:") +
			     log_count(USHER_LOG_WARNING, "test.lua:4:"),
	    1);
}
END_TEST

static const struct {
	const char *text;
	enum usher_call call;
	const char *message;
} builtins[] = {
    {"return { decrypt = type }", USHER_CALL_DECRYPT,
	"decrypt returned an unknown verdict, 'userdata'"},
    {"return { decrypt = assert }", USHER_CALL_DECRYPT,
	"decrypt returned a userdata"},
    {"return { generate = assert }", USHER_CALL_GENERATE,
	"generate returned a userdata"},
};
#define BUILTINS (int)(sizeof builtins / sizeof *builtins)

START_TEST(a_wrong_answer_of_a_built_in_function_is_told_as_such)
{
	struct visit visit = {.version = TLS1_3_VERSION};
	char expected[256];

	second_visit(&visit, "return {}", engine_new(builtins[_i].text));
	snprintf(expected, sizeof expected,
	    "test.lua: in a built-in function, not in a line of the script: %s",
	    builtins[_i].message);
	ck_assert_msg(strstr(note_last(builtins[_i].call)->message, expected),
	    "%s", note_last(builtins[_i].call)->message);
}
END_TEST

START_TEST(control_characters_of_an_error_are_escaped)
{
	struct visit visit = {.version = TLS1_3_VERSION};
	const char *message;

	second_visit(
	    &visit, "return {}", faulty_decrypt("error('a\\nb\\27[31mc')", 0));
	message = note_last(USHER_CALL_DECRYPT)->message;
	ck_assert_ptr_null(strpbrk(message, "\n\x1b"));
	ck_assert_ptr_nonnull(strstr(message, "[31m"));
}
END_TEST

START_TEST(a_flood_of_errors_is_logged_once_and_counted)
{
	struct visit visit = {.version = TLS1_3_VERSION};
	struct usher *engine = faulty_decrypt("error('no')", 0);
	int i;

	second_visit(&visit, "return {}", engine);
	for (i = 0; i < 20; i++)
		visit_run(&visit);
	ck_assert_int_eq(log_count(USHER_LOG_ERROR, NULL) +
			     log_count(USHER_LOG_WARNING, NULL),
	    1);
	ck_assert_uint_eq(engine_stats(engine).decrypt_errors, 21);
	ck_assert_uint_eq(engine_stats(engine).errors_script, 21);
}
END_TEST

START_TEST(assignments_of_a_failed_call_have_no_effect)
{
	struct visit visit = {.version = TLS1_3_VERSION};
	struct engine_spec spec = {.on_error = USHER_ON_ERROR_OPEN,
	    .text = "return { generate = function(conn, ticket)\n"
		    "  ticket.timeout = 5\n"
		    "  conn.num_tickets = 1\n"
		    "  conn.vars.seen = 'yes'\n"
		    "  if conn.server_name == 'bad.example' then\n"
		    "    error('no')\n"
		    "  end\n"
		    "end }"};
	struct outcome saw;

	visit.server = engine_server(engine_make(&spec), visit.version);
	visit.name = "good.example";
	saw = visit_run(&visit);
	ck_assert_int_eq(saw.tickets, 1);
	ck_assert_uint_eq(SSL_SESSION_get_ticket_lifetime_hint(saw.session), 5);
	ck_assert_str_eq(note_last(USHER_CALL_GENERATE)->seen, "yes");
	visit.name = "bad.example";
	saw = visit_run(&visit);
	ck_assert_int_eq(saw.tickets, 2);
	ck_assert_uint_ne(SSL_SESSION_get_ticket_lifetime_hint(saw.session), 5);
	ck_assert_str_eq(note_last(USHER_CALL_GENERATE)->seen, "");
}
END_TEST

static TCase *
on_error(void)
{
	TCase *tcase = engine_case("on_error", 120);

	tcase_add_loop_test(tcase, a_mistake_in_decrypt_does_what_on_error_says,
	    0, MISTAKES * SETTINGS * VERSIONS);
	tcase_add_loop_test(tcase,
	    a_mistake_in_generate_does_what_on_error_says, 0,
	    MISTAKES * SETTINGS * VERSIONS);
	tcase_add_loop_test(tcase, a_wrong_verdict_is_never_passed_on, 0,
	    WRONG_RETURNS * SETTINGS * VERSIONS);
	tcase_add_loop_test(tcase,
	    use_without_a_session_does_what_on_error_says, 0, 2 * SETTINGS);
	tcase_add_test(tcase, a_misspelt_verdict_is_told_the_right_one);
	tcase_add_loop_test(
	    tcase, a_faulty_first_generate_costs_only_the_tickets, 0, VERSIONS);
	tcase_add_loop_test(
	    tcase, one_faulty_ticket_does_not_spoil_its_sibling, 0, 2);
	tcase_add_loop_test(
	    tcase, the_next_call_works_after_a_mistake, 0, MISTAKES * VERSIONS);
	return tcase;
}

static TCase *
reports(void)
{
	TCase *tcase = engine_case("reports", 60);

	tcase_add_loop_test(
	    tcase, a_slow_call_ends_by_the_cpu_time_limit, 0, VERSIONS);
	tcase_add_loop_test(tcase, an_error_names_script_and_line, 0, RAISING);
	tcase_add_loop_test(tcase,
	    a_wrong_answer_of_a_built_in_function_is_told_as_such, 0, BUILTINS);
	tcase_add_test(tcase, control_characters_of_an_error_are_escaped);
	tcase_add_test(tcase, a_flood_of_errors_is_logged_once_and_counted);
	tcase_add_test(tcase, assignments_of_a_failed_call_have_no_effect);
	return tcase;
}

int
main(void)
{
	Suite *suite = suite_create("manual: errors");

	suite_add_tcase(suite, on_error());
	suite_add_tcase(suite, reports());
	return tests_run(suite);
}
