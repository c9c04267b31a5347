/*
 * SPDX-License-Identifier: MIT
 *
 * Memory that is refused, each time in turn (tests/tls/failing.h). The linker
 * also puts the functions named __wrap_... below in front of those of the same
 * name. Under the address sanitizer nothing may leak.
 *
 * Scenarios:
 *  1. Making an engine, with each of our own allocations failing: an error, or
 *     an engine that works.
 *  2. Both callbacks, with the state's set-up, with each of our own allocations
 *     failing: the handshake ends well, without resuming if anything was lost.
 *     The same with a shadow beside it, and with a canary that decides.
 *  3. Compiling, and the top level of a script, with each of Lua's allocations
 *     failing.
 *  4. Each function of a script, and the handling of what it returned, with
 *     each of Lua's allocations failing: a memory error, whatever the script
 *     catches, and the next handshake is well.
 *  5. A script that catches what usher.data and usher.store raise does not
 *     decide in a state that lacks them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "sandbox/box.h"
#include "tls/attack.h"
#include "tls/decide.h"
#include "tls/failing.h"
#include "tls/folder.h"
#include "tls/policy.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Lua's: the n-th in an entry of `entered` fails. */
static enum { NOTHING, DECRYPT, GENERATE, RUN } entered;
static uint64_t lua_nth;
static int lua_failed;

enum ush_code __real_ush_box_call(struct ush_box *box,
    const struct ush_box_entry *entry, ush_box_answer_fn answer, void *arg,
    struct ush_allowance *allowance, struct ush_error *err);
enum ush_code __wrap_ush_box_call(struct ush_box *box,
    const struct ush_box_entry *entry, ush_box_answer_fn answer, void *arg,
    struct ush_allowance *allowance, struct ush_error *err);
enum ush_code __real_ush_box_run(struct ush_box *box,
    void (*fn)(lua_State *, void *), void *arg, struct ush_allowance *allowance,
    struct ush_error *err);
enum ush_code __wrap_ush_box_run(struct ush_box *box,
    void (*fn)(lua_State *, void *), void *arg, struct ush_allowance *allowance,
    struct ush_error *err);
SSL_TICKET_RETURN __real_ush_decrypt_cb(SSL *ssl, SSL_SESSION *session,
    const unsigned char *key_name, size_t len, SSL_TICKET_STATUS status,
    void *arg);
SSL_TICKET_RETURN __wrap_ush_decrypt_cb(SSL *ssl, SSL_SESSION *session,
    const unsigned char *key_name, size_t len, SSL_TICKET_STATUS status,
    void *arg);
int __real_ush_generate_cb(SSL *ssl, void *arg);
int __wrap_ush_generate_cb(SSL *ssl, void *arg);

static bool in_callbacks; /* are these what is watched? */
static int place;         /* the callback that runs, as `entered` says it */

static void
arm(struct ush_box *box)
{
	ush_box_fail_allocation(box, lua_nth);
}

static void
disarm(struct ush_box *box)
{
	ush_box_fail_allocation(box, 0);
	lua_failed += !ush_box_is_sound(box);
}

enum ush_code
__wrap_ush_box_call(struct ush_box *box, const struct ush_box_entry *entry,
    ush_box_answer_fn answer, void *arg, struct ush_allowance *allowance,
    struct ush_error *err)
{
	enum ush_code code;

	if (entered == NOTHING || (int)entered != place)
		return __real_ush_box_call(
		    box, entry, answer, arg, allowance, err);
	arm(box);
	code = __real_ush_box_call(box, entry, answer, arg, allowance, err);
	disarm(box);
	return code;
}

enum ush_code
__wrap_ush_box_run(struct ush_box *box, void (*fn)(lua_State *, void *),
    void *arg, struct ush_allowance *allowance, struct ush_error *err)
{
	enum ush_code code;

	if (entered != RUN)
		return __real_ush_box_run(box, fn, arg, allowance, err);
	arm(box);
	code = __real_ush_box_run(box, fn, arg, allowance, err);
	disarm(box);
	return code;
}

SSL_TICKET_RETURN
__wrap_ush_decrypt_cb(SSL *ssl, SSL_SESSION *session,
    const unsigned char *key_name, size_t len, SSL_TICKET_STATUS status,
    void *arg)
{
	SSL_TICKET_RETURN result;

	failing_off = !in_callbacks;
	place = DECRYPT;
	result =
	    __real_ush_decrypt_cb(ssl, session, key_name, len, status, arg);
	failing_off = true;
	place = NOTHING;
	return result;
}

int
__wrap_ush_generate_cb(SSL *ssl, void *arg)
{
	int result;

	failing_off = !in_callbacks;
	place = GENERATE;
	result = __real_ush_generate_cb(ssl, arg);
	failing_off = true;
	place = NOTHING;
	return result;
}

/* A policy that makes use of much. */
static const char policy[] =
    "local seen = {}\n"
    "local function tell(...)\n"
    "  return table.concat({...}, ' '):gsub('%w+', string.upper)\n"
    "end\n"
    "return {\n"
    "  name = 'shop',\n"
    "  generate = function(conn, ticket)\n"
    "    local list = {}\n"
    "    for i = 1, 20 do list[i] = ('x'):rep(i) .. i end\n"
    "    conn.vars.seen = tell('a', 'b', conn.server_name or '')\n"
    "    print(string.format('%s %5d %q', conn.id, 7, '\\n'))\n"
    "    table.sort(list)\n"
    "    return { n = 1, list = list, deep = {{{{{ d = 'x' }}}}} }\n"
    "  end,\n"
    "  decrypt = function(conn, ticket)\n"
    "    local ok, why = pcall(function() return conn.nosuch end)\n"
    "    local d = ticket.data\n"
    "    conn.vars.seen = tell('c', why, os.date('!%c'))\n"
    "    if not d then return 'default', 'no data' end\n"
    "    for word in ('a b c'):gmatch('%a') do seen[word] = d.list end\n"
    "    return 'use_renew', tell('found', d.n, #d.list)\n"
    "  end,\n"
    "  selftest = function() assert(tell('x') == 'X') end,\n"
    "}\n";

static const struct attack_limits limits = {.microseconds = 1000000};

static struct usher *
engine_try(struct usher_error *error)
{
	memset(error, 0, sizeof *error);
	return attack_engine(policy, strlen(policy), &limits, error);
}

static struct outcome
visit(SSL_CTX *server, int version, SSL_SESSION *session)
{
	struct visit one = {.server = server,
	    .version = version,
	    .name = "a.example",
	    .prepare = engine_peer, /* for a canary */
	    .session = session};
	struct outcome saw;

	memset(attack_notes, 0, sizeof attack_notes);
	saw = visit_run(&one);
	ck_assert_msg(saw.echoed, "no echo, alert %d", saw.alert);
	return saw;
}

/* Two visits that are well, the second one resumes. Returns its ticket. */
static SSL_SESSION *
visit_well(SSL_CTX *server, int version)
{
	struct outcome saw = visit(server, version, NULL);

	saw = visit(server, version, saw.session);
	ck_assert_msg(saw.resumed, "%s", attack_notes[0].message);
	for (int call = 0; call < 2; call++)
		ck_assert_msg(attack_notes[call].code == USHER_OK, "%s",
		    attack_notes[call].message);
	return saw.session;
}

START_TEST(an_engine_whose_making_lacks_memory_is_an_error)
{
	struct usher_options *options =
	    attack_options(policy, strlen(policy), &limits);
	struct usher_error error;
	struct usher *engine;
	SSL_CTX *server;
	int n;

	for (n = 1;; n++) {
		memset(&error, 0, sizeof error);
		failing_at = n;
		failing_count = 0;
		failing_off = false;
		engine = usher_new(options, &error);
		failing_off = true;
		if (!engine)
			ck_assert_int_ne(error.code, USHER_OK);
		usher_free(engine);
		if (failing_count == 0)
			break;
	}
	ck_assert_int_gt(n, 20);
	usher_options_free(options);
	engine = engine_try(&error);
	server = engine_server(engine, TLS1_3_VERSION);
	visit_well(server, TLS1_3_VERSION);
	harness_clear();
	usher_free(engine);
}
END_TEST

/* What else there is than the active policy. */
enum { ALONE, BESIDE, CANARY, COMPANIES };

static struct usher *
engine_with(int company)
{
	struct usher_error error;
	struct usher *engine = engine_try(&error);

	if (company != ALONE)
		ck_assert_int_eq(usher_shadow_text(engine, "shadow.lua", policy,
				     strlen(policy), &error),
		    0);
	if (company == CANARY)
		ck_assert_int_eq(usher_canary(engine, 1000, &error), 0);
	return engine;
}

START_TEST(a_handshake_that_lacks_memory_is_a_full_one)
{
	int version = version_of(_i), n, company = _i / VERSIONS;
	struct usher *engine = engine_with(company);
	SSL_CTX *server = engine_server(engine, version);
	SSL_SESSION *session;
	struct outcome saw;

	for (n = 1;; n++) {
		/* A new state is made in every other round. */
		session = visit_well(server, version);
		if (n % 2 == 0) {
			entered = GENERATE;
			lua_nth = 1;
			visit(server, version, NULL);
			entered = NOTHING;
		}
		failing_at = (n + 1) / 2;
		failing_count = 0;
		in_callbacks = true;
		saw = visit(server, version, session);
		in_callbacks = false;
		if (attack_notes[USHER_CALL_DECRYPT].code != USHER_OK)
			ck_assert(!saw.resumed);
		/* What the shadow lacks changes nothing. */
		else if (attack_notes[USHER_CALL_DECRYPT].count > 0)
			ck_assert(saw.resumed);
		if (failing_count == 0 && n % 2 == 0)
			break;
		harness_clear();
		server = engine_server(engine, version);
	}
	ck_assert_int_gt(n, 10);
	if (company == BESIDE)
		ck_assert_uint_gt(engine_stats(engine).shadow_errors, 5);
	harness_clear();
	usher_free(engine);
}
END_TEST

START_TEST(a_script_that_lacks_memory_when_loaded_is_refused)
{
	struct usher_error error;
	struct usher *engine;

	for (lua_nth = 1;; lua_nth++) {
		entered = RUN;
		lua_failed = 0;
		engine = engine_try(&error);
		entered = NOTHING;
		if (lua_failed == 0)
			break;
		ck_assert_ptr_null(engine);
		ck_assert_int_eq(error.code, USHER_ERROR_MEMORY);
	}
	ck_assert_uint_gt(lua_nth, 90);
	ck_assert_ptr_nonnull(engine);
	usher_free(engine);
}
END_TEST

/* Each of Lua's allocations fails in one function. */
static void
starve(int where, int version)
{
	int call = where == DECRYPT ? USHER_CALL_DECRYPT : USHER_CALL_GENERATE;
	struct usher_error error;
	struct usher *engine = engine_try(&error);
	SSL_CTX *server = engine_server(engine, version);
	SSL_SESSION *session;
	struct outcome saw;

	for (lua_nth = 1;; lua_nth++) {
		session = visit_well(server, version);
		entered = where;
		lua_failed = 0;
		saw = visit(server, version, session);
		entered = NOTHING;
		if (lua_failed == 0)
			break;
		ck_assert_int_eq(attack_notes[call].code, USHER_ERROR_MEMORY);
		if (where == DECRYPT)
			ck_assert(!saw.resumed);
		else
			ck_assert(!visit(server, version, saw.session).resumed);
		harness_clear();
		server = engine_server(engine, version);
	}
	ck_assert_uint_gt(lua_nth, 10);
	harness_clear();
	usher_free(engine);
}

START_TEST(a_call_that_lacks_memory_is_a_full_handshake)
{
	starve(_i / VERSIONS ? DECRYPT : GENERATE, version_of(_i));
}
END_TEST

static const char careless[] =
    "local data = require 'usher.data'\n"
    "local found, set = pcall(data.set, 'set.txt')\n"
    "local store = require 'usher.store'\n"
    "local stored = pcall(store.set, 'a', 1, 60)\n"
    "local all = found and stored and 'all' or 'not all'\n"
    "return { decrypt = function() return 'default', all end }\n";

START_TEST(a_state_does_not_do_without_what_lacked_memory)
{
	struct usher_options *options = attack_options("", 0, &limits);
	struct usher_error error;
	struct usher *engine;
	SSL_SESSION *session;
	SSL_CTX *server;
	char text[512];
	int n = 0;

	folder_write("set.txt", "a\n");
	folder_write("policy.lua", careless);
	usher_options_set_script_file(options, folder_path("policy.lua"));
	engine = usher_new(options, &error);
	ck_assert_msg(engine != NULL, "%s", error.message);
	usher_options_free(options);
	do {
		server = engine_server(engine, TLS1_3_VERSION);
		session = visit_well(server, TLS1_3_VERSION);
		snprintf(text, sizeof text, "-- %d\n%s", ++n, careless);
		folder_write("policy.lua", text);
		ck_assert_int_eq(usher_reload(engine, &error), 0);
		failing_at = n;
		failing_count = 0;
		in_callbacks = true;
		visit(server, TLS1_3_VERSION, session);
		in_callbacks = false;
		if (attack_notes[USHER_CALL_DECRYPT].code == USHER_OK &&
		    attack_notes[USHER_CALL_DECRYPT].count > 0)
			ck_assert_str_eq(
			    attack_notes[USHER_CALL_DECRYPT].reason, "all");
		harness_clear();
	} while (failing_count > 0);
	ck_assert_int_gt(n, 10);
	usher_free(engine);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("allocations");
	TCase *tc = tests_case("allocations", 60);

	tcase_add_test(tc, an_engine_whose_making_lacks_memory_is_an_error);
	tcase_add_loop_test(tc, a_handshake_that_lacks_memory_is_a_full_one, 0,
	    COMPANIES * VERSIONS);
	tcase_add_test(tc, a_script_that_lacks_memory_when_loaded_is_refused);
	tcase_add_loop_test(
	    tc, a_call_that_lacks_memory_is_a_full_handshake, 0, 2 * VERSIONS);
	suite_add_tcase(suite, tc);
	tc = folder_case("allocations, with files", 60);
	tcase_add_test(tc, a_state_does_not_do_without_what_lacked_memory);
	suite_add_tcase(suite, tc);
	return tests_run(suite);
}
