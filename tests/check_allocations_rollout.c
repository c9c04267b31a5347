/*
 * SPDX-License-Identifier: MIT
 *
 * Memory that is refused while a policy is replaced, each allocation in turn
 * (tests/tls/starve.h): the n-th alone, and all from the n-th on. Under the
 * address sanitizer nothing may leak.
 *
 * Scenarios:
 *  1. Each call that replaces, tries or takes back a policy, with a module and
 *     data files: it succeeds, or says that memory ran out and the policy of
 *     before decides; and then it succeeds.
 *  2. A refused one is in the history, with the reason.
 *  3. A relative path is kept as an absolute one, or that is an error.
 *  4. A script that catches what require, usher.data and usher.store raise is
 *     not taken up without them.
 *  5. An engine is freed, with all of it active, without any memory.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "tls/failing.h"
#include "tls/folder.h"
#include "tls/scripts.h"
#include "tls/starve.h"

/*
 * Calls
 */

/* `k` is the number of the policy that is to be seen, by whatever `look` looks
 * at; the one before is k - 1. */
struct call {
	const char *name;
	void (*prepare)(int k);
	starve_fn call;
	void (*look)(int k);
	int at_least; /* so many times it fails */
};

static void
nothing(int k)
{
	(void)k;
}

static void
write_next(int k)
{
	starve_write("policy.lua", k);
}

static int
replace(int k, struct usher_error *error)
{
	const char *text = script_numbered(k);

	return usher_replace_text(
	    starved.engine, "test.lua", text, strlen(text), error);
}

/* The one before the active one is the next. */
static void
prepare_rollback(int k)
{
	script_replace(starved.engine, script_numbered(k));
	script_replace(starved.engine, script_numbered(k - 1));
}

static int
rollback(int k, struct usher_error *error)
{
	(void)k;
	return usher_rollback(starved.engine, error);
}

static void
watch_on(int k)
{
	struct usher_error error;

	ck_assert_msg(starve_watch(k, &error) == 0, "%s", error.message);
}

static int
watch_off(int k, struct usher_error *error)
{
	(void)k;
	return usher_watch(starved.engine, 0, error);
}

static void
expect_first(int k)
{
	(void)k;
	starve_expect(1);
}

/* What the shadow has said in the last visit. */
static char shadow_reason[64];

static void
note_shadow(void *arg, const struct usher_decision *d)
{
	(void)arg;
	if (d->call == USHER_CALL_DECRYPT)
		snprintf(shadow_reason, sizeof shadow_reason, "%s",
		    d->shadow_reason ? d->shadow_reason : "none");
}

static void
expect_shadow(int k)
{
	char want[32];

	snprintf(want, sizeof want, "%d after %d", k, starved.by);
	starve_expect(1);
	ck_assert_str_eq(shadow_reason, k == 1 ? "none" : want);
}

static void
expect_no_shadow(int k)
{
	(void)k;
	expect_shadow(1);
}

static void
write_shadow(int k)
{
	starve_write("shadow.lua", k);
}

static int
shadow_file(int k, struct usher_error *error)
{
	(void)k;
	return usher_shadow_file(
	    starved.engine, folder_path("shadow.lua"), error);
}

static int
shadow_text(int k, struct usher_error *error)
{
	const char *text = script_numbered(k);

	return usher_shadow_text(
	    starved.engine, "shadow.lua", text, strlen(text), error);
}

static void
prepare_shadow(int k)
{
	struct usher_error error;

	write_shadow(k);
	ck_assert_msg(shadow_file(k, &error) == 0, "%s", error.message);
}

static int
drop(int k, struct usher_error *error)
{
	(void)k;
	return usher_shadow_drop(starved.engine, error);
}

static int
promote(int k, struct usher_error *error)
{
	(void)k;
	return usher_promote(starved.engine, error);
}

static int
canary(int k, struct usher_error *error)
{
	(void)k;
	return usher_canary(starved.engine, 1000, error);
}

static int
history(int k, struct usher_error *error)
{
	struct usher_history entry;

	(void)k, (void)error;
	return usher_history_get(starved.engine, 0, &entry, sizeof entry);
}

static const struct call calls[] = {
    {"reload", write_next, starve_reload, starve_expect, 60},
    {"replace", nothing, replace, starve_expect, 15},
    {"rollback", prepare_rollback, rollback, starve_expect, 0},
    {"shadow file", write_shadow, shadow_file, expect_shadow, 60},
    {"shadow text", nothing, shadow_text, expect_shadow, 15},
    {"drop", prepare_shadow, drop, expect_no_shadow, 0},
    {"promote", prepare_shadow, promote, starve_expect, 0},
    {"canary", prepare_shadow, canary, starve_expect, 0},
    {"history", nothing, history, expect_first, 0},
    {"watch off", watch_on, watch_off, expect_first, 0},
};
#define CALLS (int)(sizeof calls / sizeof *calls)

/* That it was refused is told there too, unless it did not come so far. */
static void
check_history(const struct usher_error *error)
{
	struct usher_history entry;

	ck_assert_int_eq(
	    usher_history_get(starved.engine, 0, &entry, sizeof entry), 0);
	if (entry.event == USHER_EVENT_REFUSED)
		ck_assert_str_eq(entry.message, error->message);
}

START_TEST(a_call_that_lacks_memory_says_so_and_changes_nothing)
{
	const struct call *call = &calls[_i / STARVE_MODES];
	struct usher_error error;
	int k = 2, n, failed = 0;
	bool reached;

	starve_begin(_i % STARVE_MODES, note_shadow);
	if (call->call == canary)
		starved.visit.prepare = engine_peer;
	for (n = 1, reached = true; reached; n++, k++) {
		call->prepare(k);
		if (starve(call->call, k, n, &error) != 0) {
			starve_check(&error, n);
			ck_assert_int_gt(failing_count, 0);
			check_history(&error);
			failed++;
			call->look(k - 1);
			ck_assert_msg(call->call(k, &error) == 0, "%s: %s",
			    call->name, error.message);
		}
		reached = failing_count > 0;
		call->look(k);
	}
	ck_assert_int_ge(failed, call->at_least);
	ck_assert_uint_eq(engine_stats(starved.engine).shadow_errors, 0);
}
END_TEST

/* The working directory is another one later. */
START_TEST(a_relative_path_stays_the_same_file)
{
	struct usher_options *options = usher_options_new();
	struct usher_error error;
	struct usher *engine;
	int n = 0;

	starve_begin(_i, NULL);
	usher_options_set_script_file(options, "policy.lua");
	do {
		ck_assert_int_eq(chdir(folder_path(NULL)), 0);
		failing_count = 0;
		failing_at = ++n;
		failing_off = false;
		engine = usher_new(options, &error);
		failing_off = true;
		ck_assert_int_eq(chdir("/"), 0);
		if (engine)
			ck_assert_msg(usher_reload(engine, &error) == 0, "%s",
			    error.message);
		else
			starve_check(&error, n);
		usher_free(engine);
	} while (failing_count > 0);
	ck_assert_int_gt(n, 60);
	usher_options_free(options);
}
END_TEST

/* Goes on without what it could not have. */
static const char careless[] =
    "local data = require 'usher.data'\n"
    "local found, set = pcall(data.set, 'lists/set.txt')\n"
    "local there, by_of = pcall(require, 'lib.by')\n"
    "local store = require 'usher.store'\n"
    "local stored = pcall(store.set, 'a', 1)\n"
    "local all = found and there and stored and 'all' or 'not all'\n"
    "return {\n"
    "  decrypt = function(conn, ticket)\n"
    "    if not ticket.decrypted then return 'ignore_renew' end\n"
    "    return 'use_renew', all\n"
    "  end }\n";

START_TEST(a_script_can_not_do_without_what_lacked_memory)
{
	struct usher_error error;
	char text[600];
	int n = 0;

	starve_begin(_i, NULL);
	do {
		snprintf(text, sizeof text, "-- %d\n%s", ++n, careless);
		folder_write("policy.lua", text);
		if (starve(starve_reload, 0, n, &error) == 0)
			script_expect(&starved.visit, "all");
		else
			starve_check(&error, n);
	} while (failing_count > 0);
	ck_assert_int_gt(n, 40);
}
END_TEST

/*
 * The end
 */

static int
end(int k, struct usher_error *error)
{
	(void)k, (void)error;
	engine_free(starved.engine);
	return 0;
}

START_TEST(an_engine_is_freed_without_memory)
{
	struct usher_error error;
	struct conn *conn;
	int n = 0;

	do {
		starve_begin(_i % STARVE_MODES, NULL);
		write_next(2);
		ck_assert_int_eq(usher_reload(starved.engine, NULL), 0);
		prepare_shadow(3);
		ck_assert_int_eq(usher_canary(starved.engine, 500, NULL), 0);
		watch_on(0);
		conn = conn_open(&starved.visit);
		/* With and without contexts that hold it. */
		if (_i / STARVE_MODES)
			usher_detach(starved.visit.server);
		starve(end, 0, ++n, &error);
		ck_assert(conn_close(conn).echoed);
		harness_clear();
	} while (failing_count > 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("allocations: rollout");
	TCase *tc = folder_case("rollout", 60);

	tcase_add_loop_test(tc,
	    a_call_that_lacks_memory_says_so_and_changes_nothing, 0,
	    CALLS * STARVE_MODES);
	tcase_add_loop_test(
	    tc, a_relative_path_stays_the_same_file, 0, STARVE_MODES);
	tcase_add_loop_test(tc, a_script_can_not_do_without_what_lacked_memory,
	    0, STARVE_MODES);
	tcase_add_loop_test(
	    tc, an_engine_is_freed_without_memory, 0, 2 * STARVE_MODES);
	suite_add_tcase(suite, tc);
	return tests_run(suite);
}
