/*
 * SPDX-License-Identifier: MIT
 *
 * Tests of usher.store as policies use it, in real handshakes, and of the
 * options that go with it.
 *
 *  1. get, set, add, incr and delete answer as the manual says
 *  2. Strings, numbers and booleans come back as they were
 *  3. Times to live count from then on, in seconds and parts of them
 *  4. What a script does wrong is an error that names the line
 *  5. A held lock is the answer nil, "busy", and is counted
 *  6. What is written while a script loads is gone when it runs
 *  7. The module is there as a field of usher, and can't be written
 *  8. Its work is charged to the budget
 *  9. A ticket that is good once resumes once: in another thread, in a forked
 *     process, and, with a name, in another engine and another process too
 * 10. Engines without a name have a store each
 * 11. Options out of range are refused; a name that is taken for another size
 *     is an error of usher_new that leaves nothing behind
 * 12. What is counted stands in usher_stats_get
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "data/store_own.h"
#include "store/store.h"
#include "tls/fork.h"
#include "tls/policy.h"
#include "usher_inner.h"

enum { START = 1700000000 };

static void
set_up(void)
{
	store_name_begin();
	ush_clock_set(START);
}

static void
tear_down(void)
{
	store_name_end();
	ush_clock_set(0);
}

/* A policy whose decrypt runs `body` and tells as its reason what that
 * returns, with "/" between. The text is static. */
static const char *
policy_telling(const char *head, const char *body)
{
	static char text[4096];

	snprintf(text, sizeof text,
	    "local store = require 'usher.store'\n"
	    "local function tell(...)\n"
	    "  local parts = {}\n"
	    "  for i = 1, select('#', ...) do\n"
	    "    parts[i] = tostring((select(i, ...)))\n"
	    "  end\n"
	    "  return table.concat(parts, '/')\n"
	    "end\n"
	    "%s\n"
	    "local function body() %s end\n"
	    "return {decrypt = function()\n"
	    "  return 'default', tell(body()) end}\n",
	    head, body);
	return text;
}

/* One visit, on an engine of its own with the store of that name. The text is
 * valid until the next one. */
static const struct note *
ask(const char *body)
{
	struct engine_spec spec = {
	    .text = policy_telling("", body), .store_name = store_name};
	struct usher *engine = engine_make(&spec);
	SSL_CTX *ctx = engine_server(engine, TLS1_2_VERSION);
	struct visit visit = {.server = ctx, .version = TLS1_2_VERSION};

	notes_clear();
	visit_run(&visit);
	usher_detach(ctx);
	engine_free(engine);
	return note_last(USHER_CALL_DECRYPT);
}

static void
says(const char *body, const char *want)
{
	const struct note *note = ask(body);

	ck_assert_msg(note->code == USHER_OK, "%s: %s", body, note->message);
	ck_assert_msg(strcmp(note->reason, want) == 0, "%s: %s, not %s", body,
	    note->reason, want);
}

static void
fails(const char *body, const char *part)
{
	const struct note *note = ask(body);

	ck_assert_int_eq(note->code, USHER_ERROR_SCRIPT);
	ck_assert_msg(
	    strstr(note->message, part) != NULL, "%s: %s", body, note->message);
	ck_assert_int_eq(note->line, 10);
}

START_TEST(each_function_answers_as_the_manual_says)
{
	says("return store.get('k')", "nil");
	says("return store.set('k', 'v')", "true");
	says("return store.get('k')", "v");
	says("return store.add('k', 'w')", "false");
	says("return store.add('l', 'w')", "true");
	says("return store.get('k'), store.get('l')", "v/w");
	says("return store.delete('k')", "true");
	says("return store.delete('k')", "false");
	says("return store.get('k')", "nil");
	says("return store.incr('n'), store.incr('n', 4), "
	     "store.incr('n', -10), store.incr('n', 0)",
	    "1/5/-5/-5");
	says("return store.get('n')", "-5");
	says("return store.incr('n', 1, nil, -5), store.incr('n', 1, nil, 8), "
	     "store.incr('m', -1, nil, 8)",
	    "-4/9/7");
	says("return select('#', store.get('none'))", "1");
}
END_TEST

START_TEST(values_come_back_as_they_were)
{
	says("store.set('k', '') return #store.get('k')", "0");
	says("store.set('k\\0', 'a\\0b') return #store.get('k\\0'), "
	     "store.get('k\\0') == 'a\\0b'",
	    "3/true");
	says("store.set('k', ('x'):rep(4096)) return #store.get('k')", "4096");
	says("store.set('k', true) return store.get('k')", "true");
	says("store.set('k', false) return store.get('k')", "false");
	says("store.set('k', 0.1) return store.get('k') == 0.1", "true");
	says("store.set('k', -1e300) return store.get('k') == -1e300", "true");
	says("store.set('k', 1/0) return store.get('k')", "inf");
	says("store.set('k', 0/0) local v = store.get('k') return v ~= v",
	    "true");
	says("store.set('k', 2^53) return store.get('k') == 2^53", "true");
	says("store.set('k', 2^60) return store.get('k') == 2^60", "true");
	says("store.set('k', '5') return type(store.get('k'))", "string");
	says("store.set(('k'):rep(255), 5) return store.get(('k'):rep(255))",
	    "5");
}
END_TEST

START_TEST(times_to_live_count_from_then_on)
{
	says("store.set('a', 1, 10) store.set('b', 1, 9.5) store.set('c', 1)"
	     "store.add('d', 1, 10) store.incr('e', 1, 10) "
	     "store.set('f', 1, 1/0) store.set('g', 1, 1e-9)",
	    "");
	ush_clock_set(START + 9);
	says("store.incr('e', 1, 10) return store.get('a'), store.get('b'), "
	     "store.get('d'), store.get('e'), store.get('g')",
	    "1/1/1/2/nil");
	ush_clock_set(START + 10);
	says("return store.get('a'), store.get('b'), store.get('c'), "
	     "store.get('d'), store.get('e'), store.get('f')",
	    "nil/nil/1/nil/nil/1");
}
END_TEST

START_TEST(what_a_script_does_wrong_is_an_error)
{
	fails("store.get()", "string expected");
	fails("store.get(5)", "string expected");
	fails("store.get('')", "1 to 255 bytes");
	fails("store.set(('k'):rep(256), 1)", "usher.sha256");
	fails("store.set('k')", "strings, numbers and booleans");
	fails("store.set('k', nil)", "there is delete");
	fails("store.set('k', {})", "strings, numbers and booleans");
	fails("store.add('k', function() end)", "strings, numbers");
	fails("store.set('k', ('x'):rep(4097))", "at most 4096 bytes");
	fails("store.set('k', 1, 0)", "above 0");
	fails("store.add('k', 1, -1)", "above 0");
	fails("store.incr('k', 1, 0/0)", "above 0");
	fails("store.set('k', 1, '5')", "number expected");
	fails("store.incr('k', 0.5)", "whole numbers");
	fails("store.incr('k', 1/0)", "whole numbers");
	fails("store.incr('k', '1')", "number expected");
	fails("store.incr('k', 1, 1, 0.5)", "whole numbers");
	fails("store.incr('k', 1, 1, true)", "number expected");
	fails("store.set('k', 'v') store.incr('k')", "no whole number");
	fails("store.set('k', 0.5) store.incr('k')", "no whole number");
	fails(
	    "for i = 1, 1100 do store.incr('m', 2^53) end", "sum is too large");
	says("return store.get('k')", "0.5");
}
END_TEST

START_TEST(a_held_lock_is_nil_and_busy)
{
	struct engine_spec spec = {
	    .text = policy_telling("", "local a, b = store.get('k')\n"
				       "local c, d = store.add('k', 1)\n"
				       "local e, f = store.incr('k')\n"
				       "local g, h = store.delete('k')\n"
				       "local i, j = store.set('k', 1)\n"
				       "return a, b, c, d, e, f, g, h, i, j")};
	struct usher *engine = engine_make(&spec);
	SSL_CTX *ctx = engine_server(engine, TLS1_2_VERSION);
	struct visit visit = {.server = ctx, .version = TLS1_2_VERSION};
	struct outcome saw;

	store_hold(engine->engine->store, true);
	saw = visit_run(&visit);
	store_hold(engine->engine->store, false);
	ck_assert(saw.completed);
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason,
	    "nil/busy/nil/busy/nil/busy/nil/busy/nil/busy");
	ck_assert_uint_eq(engine_stats(engine).store_timeouts, 5);
	visit_run(&visit);
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason,
	    "nil/nil/true/nil/2/nil/true/nil/true/nil");
	ck_assert_uint_eq(engine_stats(engine).store_timeouts, 5);
}
END_TEST

START_TEST(what_is_written_while_loading_is_gone)
{
	struct engine_spec spec = {.store_name = store_name};
	struct usher *engine;
	struct visit visit = {.version = TLS1_2_VERSION};

	says("return store.set('there', 1)", "true");
	spec.text = policy_telling(
	    "assert(store.add('top', 1) == true)\n"
	    "assert(store.add('top', 1) == false)\n"
	    "assert(store.get('there') == 1)\n"
	    "assert(store.delete('there'))\n"
	    "assert(store.get('there') == nil)\n"
	    "for i = 1, 62 do assert(store.set('k' .. i, i)) end\n"
	    "local nothing, full = store.set('k63', 1)\n"
	    "assert(nothing == nil and full == 'full')\n",
	    "return store.get('top'), store.get('there'), store.get('k1')");
	engine = engine_make(&spec);
	visit.server = engine_server(engine, TLS1_2_VERSION);
	visit_run(&visit);
	notes_check();
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, "nil/1/nil");
	spec.text = "local store = require 'usher.store'\n"
		    "return {selftest = function()\n"
		    "  assert(store.incr('test', 5) == 5)\n"
		    "end}";
	engine_make(&spec);
	says("return store.get('test')", "nil");
}
END_TEST

START_TEST(the_module_is_a_read_only_field_of_usher)
{
	says("return require('usher').store == store", "true");
	fails("store.get = nil", "usher.store");
	fails("store.gett('k')", "gett");
	says("return pcall(rawset, store, 'get', 1)",
	    "false/bad argument #1 to '?' (table expected, got userdata)");
}
END_TEST

START_TEST(its_work_is_charged)
{
	const struct note *note;

	note = ask("while true do store.get('k') end");
	ck_assert_int_eq(note->code, USHER_ERROR_INSTRUCTIONS);
	note = ask("local n = 0 "
		   "for i = 1, 300 do store.set('k' .. i, 'v') n = i end "
		   "return n");
	ck_assert_int_eq(note->code, USHER_OK);
	ck_assert_str_eq(note->reason, "300");
	ck_assert_uint_ge(note->instructions, 300 * 100);
}
END_TEST

/*
 * Tickets that are good once
 */

static const char once[] =
    "local store = require 'usher.store'\n"
    "return {name = 'once',\n"
    "  generate = function() return {} end,\n"
    "  decrypt = function(conn, ticket)\n"
    "    if not ticket.data then return 'ignore_renew', 'not ours' end\n"
    "    if not store.add('once:' .. ticket.id, true, 3600) then\n"
    "      return 'ignore_renew', 'used before'\n"
    "    end\n"
    "    return 'default', 'first use'\n"
    "  end}\n";

static bool
resumes(SSL_CTX *server, SSL_SESSION *session)
{
	struct visit visit = {.server = server,
	    .version = SSL_SESSION_get_protocol_version(session),
	    .session = session};
	struct outcome saw = visit_run(&visit);

	ck_assert(saw.completed);
	return saw.resumed;
}

static SSL_SESSION *
first_visit(SSL_CTX *server, int version)
{
	struct visit visit = {.server = server, .version = version};
	struct outcome saw = visit_run(&visit);

	ck_assert_ptr_nonnull(saw.session);
	return saw.session;
}

struct attempt {
	SSL_CTX *server;
	SSL_SESSION *session;
	bool resumed;
};

static void *
resume_in_thread(void *arg)
{
	struct attempt *attempt = arg;

	attempt->resumed = resumes(attempt->server, attempt->session);
	return NULL;
}

static bool
resumes_in_thread(SSL_CTX *server, SSL_SESSION *session)
{
	struct attempt attempt = {server, session, false};
	pthread_t thread;

	ck_assert(!pthread_create(&thread, NULL, resume_in_thread, &attempt));
	pthread_join(thread, NULL);
	return attempt.resumed;
}

static bool
resumes_in_fork(SSL_CTX *server, SSL_SESSION *session)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(resumes(server, session) ? 10 : 11);
	status = child_status(child);
	ck_assert_int_ge(status, 10);
	return status == 10;
}

START_TEST(a_ticket_that_is_good_once_resumes_once)
{
	int version = version_of(_i);
	SSL_CTX *server = policy_server(once, version);
	SSL_SESSION *session = first_visit(server, version);

	ck_assert(resumes(server, session));
	ck_assert(!resumes(server, session));
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, "used before");
	ck_assert(!resumes_in_thread(server, session));
	ck_assert(!resumes_in_fork(server, session));
	session = first_visit(server, version);
	ck_assert(resumes_in_fork(server, session));
	ck_assert(!resumes(server, session));
	ck_assert(!resumes_in_fork(server, session));
	session = first_visit(server, version);
	ck_assert(resumes_in_thread(server, session));
	ck_assert(!resumes(server, session));
}
END_TEST

/* A server's configuration is read again: another engine, and new workers,
 * while the old ones still run. */
START_TEST(by_its_name_a_store_outlives_the_engine)
{
	int version = version_of(_i);
	struct engine_spec spec = {.text = once, .store_name = store_name};
	struct usher *old = engine_make(&spec), *new;
	SSL_CTX *server = engine_server(old, version);
	SSL_SESSION *one = first_visit(server, version);
	SSL_SESSION *two = first_visit(server, version);
	SSL_SESSION *three = first_visit(server, version);
	pid_t child;

	ck_assert(resumes(server, one));
	new = engine_make(&spec);
	/* The old one runs on, beside the new one. */
	ck_assert_int_eq(usher_attach(new, server, 0, NULL), 0);
	ck_assert(!resumes(server, one));
	ck_assert(resumes(server, two));
	ck_assert_int_eq(usher_attach(old, server, 0, NULL), 0);
	ck_assert(!resumes(server, two));
	engine_free(old);
	engine_free(new);
	usher_detach(server);
	/* Nobody has it open now; and then, for a while, a process of its
	 * own. */
	child = fork();
	if (child == 0) {
		engine_attach(engine_make(&spec), server);
		_exit(!resumes(server, one) && !resumes(server, two) &&
			      resumes(server, three)
			  ? 7
			  : 1);
	}
	ck_assert_int_eq(child_status(child), 7);
	engine_attach(engine_make(&spec), server);
	ck_assert(!resumes(server, one));
	ck_assert(!resumes(server, three));
}
END_TEST

START_TEST(engines_without_a_name_have_a_store_each)
{
	struct engine_spec spec = {.text = once};
	struct usher *one = engine_make(&spec), *two = engine_make(&spec);
	SSL_CTX *server = engine_server(one, TLS1_3_VERSION);
	SSL_SESSION *session = first_visit(server, TLS1_3_VERSION);

	ck_assert(resumes(server, session));
	ck_assert(!resumes(server, session));
	ck_assert_int_eq(usher_attach(two, server, 0, NULL), 0);
	ck_assert(resumes(server, session));
}
END_TEST

START_TEST(options_out_of_range_are_refused)
{
	struct usher_options *options = usher_options_new();
	struct engine_spec spec = {
	    .text = "return {}", .store_name = store_name};
	struct usher_error error;

	ck_assert_int_eq(usher_options_set_store_size(options, 0), -1);
	ck_assert_int_eq(usher_options_set_store_size(options, 65535), -1);
	ck_assert_int_eq(
	    usher_options_set_store_size(options, (16ull << 30) + 1), -1);
	ck_assert_int_eq(usher_options_set_store_size(NULL, 65536), -1);
	ck_assert_int_eq(usher_options_set_store_name(options, ""), -1);
	ck_assert_int_eq(usher_options_set_store_name(options, "a/b"), -1);
	ck_assert_int_eq(usher_options_set_store_name(NULL, "a"), -1);
	ck_assert_int_eq(usher_options_set_store_name(options, "a"), 0);
	ck_assert_int_eq(usher_options_set_store_name(options, NULL), 0);

	spec.store_size = 128 * 1024;
	engine_make(&spec);
	ck_assert_int_eq(usher_options_set_store_size(options, 1 << 20), 0);
	ck_assert_int_eq(usher_options_set_store_name(options, store_name), 0);
	ck_assert_int_eq(
	    usher_options_set_script_text(options, "x", "return {}", 9), 0);
	ck_assert_ptr_null(usher_new(options, &error));
	ck_assert_int_eq(error.code, USHER_ERROR_SYSTEM);
	ck_assert_ptr_nonnull(strstr(error.message, "131072 bytes, not"));
	ck_assert_ptr_nonnull(strstr(error.message, store_path));
	/* A script that does not load leaves no store mapped: the sanitizers
	 * would say so. */
	ck_assert_int_eq(usher_options_set_store_size(options, 131072), 0);
	ck_assert_int_eq(
	    usher_options_set_script_text(options, "x", "return (", 8), 0);
	ck_assert_ptr_null(usher_new(options, &error));
	ck_assert_int_eq(error.code, USHER_ERROR_SYNTAX);
	usher_options_free(options);
}
END_TEST

START_TEST(what_is_counted_stands_in_the_statistics)
{
	struct usher *engine = engine_new(policy_telling("",
	    "store.set('k', 1, 5) store.get('k') store.get('l') "
	    "store.add('k', 1) return store.incr('n')"));
	SSL_CTX *ctx = engine_server(engine, TLS1_2_VERSION);
	struct visit visit = {.server = ctx, .version = TLS1_2_VERSION};
	struct usher_stats stats;

	visit_run(&visit);
	ush_clock_set(START + 5);
	visit_run(&visit);
	stats = engine_stats(engine);
	ck_assert_uint_eq(stats.store_hits, 5);
	ck_assert_uint_eq(stats.store_misses, 3);
	ck_assert_uint_eq(stats.store_expirations, 1);
	ck_assert_uint_eq(stats.store_evictions, 0);
	ck_assert_uint_eq(stats.store_timeouts, 0);
	ck_assert_uint_eq(stats.store_recoveries, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("usher.store");
	TCase *tc = engine_case("usher.store", 30);

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, each_function_answers_as_the_manual_says);
	tcase_add_test(tc, values_come_back_as_they_were);
	tcase_add_test(tc, times_to_live_count_from_then_on);
	tcase_add_test(tc, what_a_script_does_wrong_is_an_error);
	tcase_add_test(tc, a_held_lock_is_nil_and_busy);
	tcase_add_test(tc, what_is_written_while_loading_is_gone);
	tcase_add_test(tc, the_module_is_a_read_only_field_of_usher);
	tcase_add_test(tc, its_work_is_charged);
	tcase_add_loop_test(
	    tc, a_ticket_that_is_good_once_resumes_once, 0, VERSIONS);
	tcase_add_loop_test(
	    tc, by_its_name_a_store_outlives_the_engine, 0, VERSIONS);
	tcase_add_test(tc, engines_without_a_name_have_a_store_each);
	tcase_add_test(tc, options_out_of_range_are_refused);
	tcase_add_test(tc, what_is_counted_stands_in_the_statistics);
	return tests_run(suite);
}
