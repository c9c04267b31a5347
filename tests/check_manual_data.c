/*
 * SPDX-License-Identifier: MIT
 *
 * App data, as the manual page has them: what a script stores and gets back,
 * byte for byte. check_manual_host.c has those of the host.
 *
 * Scenarios (in TLS 1.2 and 1.3 each):
 *  1. A string comes back byte for byte: NUL, 0xff, quotes, 1,200 bytes, and
 *     63,000 under a higher limit.
 *  2. A string over the limit is a script error: the ticket can't resume, the
 *     connection lives. The same for a table whose envelope is over it.
 *  3. A table comes back as the same table; metatables are ignored.
 *  4. Values that can't be stored are script errors that name the path, and so
 *     is anything else than a table, a string, nil or false.
 *  5. A string that looks like an envelope is a script error.
 *  6. A script sees the stored bytes as they are in ticket.app_data.
 *  7. Returning nothing keeps the table or string of the resumed ticket.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "tls/policy.h"

/* A policy that stores a Lua expression's value and refuses what comes back
 * unless a second expression is true. */
static const char *
storing(const char *value, const char *check)
{
	static char text[4096];

	snprintf(text, sizeof text,
	    "local value = %s\n"
	    "return {\n"
	    "  generate = function() return value end,\n"
	    "  decrypt = function(conn, ticket)\n"
	    "    if not ticket.decrypted then return end\n"
	    "    if not (%s) then return 'ignore', 'differs' end\n"
	    "  end,\n"
	    "}\n",
	    value, check);
	return text;
}

static const char *const strings[] = {
    "'plain'",
    "'a\\0b\\255\\n'",
    "'\\0'",
    "('x'):rep(1200)",
    "'\"quoted\" \\\\ '",
    "'{}'",
};
#define STRINGS (int)(sizeof strings / sizeof *strings)

START_TEST(a_string_comes_back_byte_for_byte)
{
	int version = version_of(_i);
	struct visit visit = {.version = version};

	visit.server = policy_server(
	    storing(strings[_i / VERSIONS], "ticket.app_data == value"),
	    version);
	ck_assert(visit_twice(&visit).resumed);
	notes_check();
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, "");
}
END_TEST

static struct usher *
engine_with_limit(const char *text, size_t limit)
{
	struct engine_spec spec = {.text = text, .app_data_limit = limit};

	return engine_make(&spec);
}

START_TEST(as_many_bytes_as_can_be_allowed_come_back)
{
	struct visit visit = {.version = version_of(_i)};

	visit.server = engine_server(
	    engine_with_limit(
		storing("('x'):rep(63000)", "ticket.app_data == value"), 63000),
	    visit.version);
	ck_assert(visit_twice(&visit).resumed);
	notes_check();
}
END_TEST

static const char *const too_long[] = {
    "('x'):rep(1201)",
    "{ ('x'):rep(1200) }",
    "{ a = ('x'):rep(590), b = ('y'):rep(590) }",
};
#define TOO_LONG (int)(sizeof too_long / sizeof *too_long)

START_TEST(over_the_limit_is_a_script_error)
{
	struct usher *engine =
	    engine_new(storing(too_long[_i / VERSIONS], "true"));
	struct visit visit = {.version = version_of(_i)};
	struct outcome saw;

	visit.server = engine_server(engine, visit.version);
	saw = visit_run(&visit);
	ck_assert(saw.echoed && saw.session);
	ck_assert_int_eq(
	    note_last(USHER_CALL_GENERATE)->code, USHER_ERROR_APP_DATA);
	ck_assert_str_eq(note_last(USHER_CALL_GENERATE)->verdict, "disabled");
	ck_assert_uint_ge(engine_stats(engine).errors_app_data, 1);
	visit.session = saw.session;
	saw = visit_run(&visit);
	ck_assert(saw.echoed && !saw.resumed);
}
END_TEST

static const char *const tables[][2] = {
    {"{ a = 'b' }", "ticket.data.a == 'b'"},
    {"{}", "next(ticket.data) == nil"},
    {"{ 1, 2.5, -3, true, false, 'x\\0y' }",
	"#ticket.data == 6 and ticket.data[2] == 2.5 and ticket.data[3] == -3"
	" and ticket.data[5] == false and ticket.data[6] == 'x\\0y'"},
    {"{ [-1] = 'n', [2^53] = 'big', s = { t = { u = 'deep' } } }",
	"ticket.data[-1] == 'n' and ticket.data[2^53] == 'big'"
	" and ticket.data.s.t.u == 'deep'"},
    {"{ n = 0/0, i = 1/0, m = -1/0, z = 0 }",
	"ticket.data.n ~= ticket.data.n and ticket.data.i == 1/0"
	" and ticket.data.m == -1/0 and ticket.data.z == 0"},
    {"{ 'x', [3] = 'hole' }", "ticket.data[1] == 'x' and ticket.data[2] == nil"
			      " and ticket.data[3] == 'hole'"},
    {"{ ['1'] = 'string', [1] = 'number' }",
	"ticket.data['1'] == 'string' and ticket.data[1] == 'number'"},
};
#define TABLES (int)(sizeof tables / sizeof *tables)

START_TEST(a_table_comes_back_as_the_same_table)
{
	const char *const *one = tables[_i / VERSIONS];
	struct visit visit = {.version = version_of(_i)};

	visit.server = policy_server(storing(one[0], one[1]), visit.version);
	ck_assert_msg(visit_twice(&visit).resumed, "%s: %s", one[0], one[1]);
	notes_check();
}
END_TEST

static const char *const unstorable[][2] = {
    {"{ a = { b = print or function() end } }", "a.b"},
    {"{ list = { 1, 2, function() end } }", "list[3]"},
    {"{ [1.5] = 'x' }", ""},
    {"{ [true] = 'x' }", ""},
    {"(function() local t = {} t.t = t return t end)()", ""},
};
#define UNSTORABLE (int)(sizeof unstorable / sizeof *unstorable)

START_TEST(what_cannot_be_stored_is_an_error_that_names_the_path)
{
	const char *const *one = unstorable[_i / VERSIONS];
	struct visit visit = {.version = version_of(_i)};
	const struct note *note;

	visit.server = policy_server(storing(one[0], "true"), visit.version);
	ck_assert(visit_run(&visit).echoed);
	note = note_last(USHER_CALL_GENERATE);
	ck_assert_int_eq(note->code, USHER_ERROR_RETURN);
	ck_assert_ptr_nonnull(strstr(note->message, one[1]));
}
END_TEST

START_TEST(metatables_are_ignored)
{
	struct visit visit = {.version = version_of(_i)};

	visit.server = policy_server(
	    storing("setmetatable({ a = 1 }, { __index = { b = 2 } })",
		"ticket.data.a == 1 and ticket.data.b == nil"),
	    visit.version);
	ck_assert(visit_twice(&visit).resumed);
	notes_check();
}
END_TEST

static const char *const wrong[] = {"1", "true", "function() end", "0/0"};
#define WRONG (int)(sizeof wrong / sizeof *wrong)

START_TEST(generate_returns_nothing_else)
{
	struct visit visit = {.version = version_of(_i)};

	visit.server =
	    policy_server(storing(wrong[_i / VERSIONS], "true"), visit.version);
	ck_assert(visit_run(&visit).echoed);
	ck_assert_int_eq(
	    note_last(USHER_CALL_GENERATE)->code, USHER_ERROR_RETURN);
}
END_TEST

START_TEST(a_string_that_looks_like_an_envelope_is_an_error)
{
	struct visit visit = {.version = version_of(_i)};
	struct outcome saw;

	/* On the second visit: gives back the envelope of the first, as if it
	 * were bytes of its own. */
	visit.server = policy_server(
	    "return {\n"
	    "  generate = function(conn, ticket)\n"
	    "    local previous = ticket.previous\n"
	    "    if previous then return previous.app_data end\n"
	    "    return { a = 1 }\n"
	    "  end,\n"
	    "  decrypt = function(conn, ticket)\n"
	    "    if ticket.decrypted then return 'use_renew' end\n"
	    "  end,\n"
	    "}\n",
	    visit.version);
	saw = visit_twice(&visit);
	ck_assert(saw.echoed && saw.resumed);
	ck_assert_int_eq(saw.tickets, 1);
	ck_assert_int_eq(
	    note_last(USHER_CALL_GENERATE)->code, USHER_ERROR_RETURN);
	visit.session = saw.session;
	saw = visit_run(&visit);
	ck_assert(saw.echoed && !saw.resumed);
}
END_TEST

START_TEST(app_data_are_the_stored_bytes_as_they_are)
{
	struct visit visit = {.version = version_of(_i)};

	visit.server = policy_server("return { decrypt = function(_, ticket)\n"
				     "  return 'default', ticket.app_data\n"
				     "end, generate = function(_, ticket)\n"
				     "  return 'as they are'\n"
				     "end }",
	    visit.version);
	ck_assert(visit_twice(&visit).resumed);
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, "as they are");
}
END_TEST

START_TEST(nothing_keeps_the_table_of_the_resumed_ticket)
{
	struct visit visit = {.version = version_of(_i)};
	int i;

	visit.server =
	    policy_server("return {\n"
			  "  generate = function(conn, ticket)\n"
			  "    if not ticket.previous then\n"
			  "      return { n = 'first' }\n"
			  "    end\n"
			  "  end,\n"
			  "  decrypt = function(conn, ticket)\n"
			  "    if not ticket.decrypted then return end\n"
			  "    return 'use_renew', ticket.data.n\n"
			  "  end,\n"
			  "}\n",
		visit.version);
	visit.session = visit_run(&visit).session;
	for (i = 0; i < 3; i++) {
		struct outcome saw = visit_run(&visit);

		ck_assert(saw.resumed && saw.tickets == 1);
		ck_assert_str_eq(
		    note_last(USHER_CALL_DECRYPT)->reason, "first");
		visit.session = saw.session;
	}
	notes_check();
}
END_TEST

START_TEST(nothing_keeps_the_string_of_the_resumed_ticket)
{
	struct visit visit = {.version = version_of(_i)};
	int i;

	visit.server =
	    policy_server("return {\n"
			  "  generate = function(conn, ticket)\n"
			  "    if not ticket.previous then return 'raw' end\n"
			  "  end,\n"
			  "  decrypt = function(conn, ticket)\n"
			  "    if not ticket.decrypted then return end\n"
			  "    return 'use_renew', ticket.app_data\n"
			  "  end,\n"
			  "}\n",
		visit.version);
	visit.session = visit_run(&visit).session;
	for (i = 0; i < 3; i++) {
		struct outcome saw = visit_run(&visit);

		ck_assert(saw.resumed && saw.tickets == 1);
		ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, "raw");
		visit.session = saw.session;
	}
	notes_check();
}
END_TEST

static TCase *
script_data(void)
{
	TCase *tcase = engine_case("script", 60);

	tcase_add_loop_test(
	    tcase, a_string_comes_back_byte_for_byte, 0, STRINGS * VERSIONS);
	tcase_add_loop_test(
	    tcase, as_many_bytes_as_can_be_allowed_come_back, 0, VERSIONS);
	tcase_add_loop_test(
	    tcase, over_the_limit_is_a_script_error, 0, TOO_LONG * VERSIONS);
	tcase_add_loop_test(
	    tcase, a_table_comes_back_as_the_same_table, 0, TABLES * VERSIONS);
	tcase_add_loop_test(tcase,
	    what_cannot_be_stored_is_an_error_that_names_the_path, 0,
	    UNSTORABLE * VERSIONS);
	tcase_add_loop_test(tcase, metatables_are_ignored, 0, VERSIONS);
	tcase_add_loop_test(
	    tcase, generate_returns_nothing_else, 0, WRONG * VERSIONS);
	tcase_add_loop_test(tcase,
	    a_string_that_looks_like_an_envelope_is_an_error, 0, VERSIONS);
	tcase_add_loop_test(
	    tcase, app_data_are_the_stored_bytes_as_they_are, 0, VERSIONS);
	tcase_add_loop_test(
	    tcase, nothing_keeps_the_table_of_the_resumed_ticket, 0, VERSIONS);
	tcase_add_loop_test(
	    tcase, nothing_keeps_the_string_of_the_resumed_ticket, 0, VERSIONS);
	return tcase;
}

int
main(void)
{
	Suite *suite = suite_create("manual: app data");

	suite_add_tcase(suite, script_data());
	return tests_run(suite);
}
