/*
 * SPDX-License-Identifier: MIT
 *
 * Handshakes that are begun and not gone on with: what they may keep, for how
 * long, and what they are told after that.
 *
 * Scenarios:
 *  1. 30 replacements with a ClientHello held at each: at most 16 retired
 *     generations wait; the oldest go first.
 *  2. After 60 s all of them go, with the next callback, or the next
 *     replacement; without either, by the watcher's thread.
 *  3. A handshake whose generation is gone gets a full handshake and a ticket
 *     that can't resume, in TLS 1.2 and 1.3, and after a HelloRetryRequest;
 *     statistics count it, and the reason says so.
 *  4. One whose generation still waits goes on with it, also in another thread.
 *  5. One that a callback holds when it is retired is due like another; and
 * what only a thread of the parent's held goes with a child's first callback.
 *  6. Bytes, not only numbers: large policies, 30 of which are held.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <check.h>

#include "base/clock.h"
#include "policy/pool.h"
#include "policy/watch.h"
#include "tls/policy.h"
#include "tls/scripts.h"
#include "usher_inner.h"

#define NOON 1800000000
#define HELD 30
#define GONE "the generation of the handshake is gone"

static struct usher *
begin(struct visit *visit, int version, bool retry)
{
	struct usher *engine = engine_new(script_numbered(0));

	ush_clock_set(NOON);
	*visit = (struct visit){.version = version};
	visit->server = engine_server(engine, version);
	visit->session = visit_run(visit).session;
	ck_assert_ptr_nonnull(visit->session);
	if (retry) {
		server_retry(visit->server);
		visit->groups = GROUPS_RETRY;
	}
	return engine;
}

static struct conn *
half_open(const struct visit *visit)
{
	struct conn *conn = conn_new(visit);

	conn_flight(conn, WIRE_CLIENT);
	conn_flight(conn, WIRE_SERVER);
	return conn;
}

/* Replaces the policy so often, with a ClientHello held before each. */
static void
hold(struct conn **held, int n, const struct visit *visit, struct usher *engine)
{
	for (int i = 0; i < n; i++) {
		held[i] = half_open(visit);
		script_replace(engine, script_numbered(i + 1));
		/* the active one, the one before it, and those that wait */
		ck_assert_uint_le(
		    script_generations(engine), 2 + USH_WAITING_MAX);
	}
}

static void
finish(struct conn *conn)
{
	conn_handshake(conn);
	conn_echo(conn);
}

/* A full handshake, whose last ticket can't resume. */
static void
check_gone(struct conn *conn, const struct visit *before)
{
	struct visit again = *before;
	uint64_t retries = conn->saw.retries;
	struct outcome saw;

	finish(conn);
	if (note_count(USHER_CALL_GENERATE) > 0) {
		ck_assert_str_eq(
		    note_last(USHER_CALL_GENERATE)->verdict, "disabled");
		ck_assert_str_eq(note_last(USHER_CALL_GENERATE)->reason, GONE);
	}
	ck_assert_uint_ge(conn->saw.retries, retries);
	saw = conn_close(conn);
	ck_assert(saw.echoed);
	again.session = saw.session;
	if (saw.tickets > 0)
		ck_assert(!visit_run(&again).resumed);
}

START_TEST(at_most_sixteen_wait)
{
	struct conn *held[HELD];
	struct visit visit;
	struct usher *engine = begin(&visit, version_of(_i), false);

	hold(held, HELD, &visit, engine);
	ck_assert_uint_eq(script_generations(engine), 2 + USH_WAITING_MAX);
	/* The newest of them go on as if nothing had happened. */
	for (int i = HELD - 1; i > HELD - 2 - USH_WAITING_MAX; i--) {
		finish(held[i]);
		ck_assert(conn_close(held[i]).resumed);
	}
	ck_assert_uint_eq(engine_stats(engine).generations_missed, 0);
	ck_assert_uint_eq(script_generations(engine), 2);
	for (int i = 0; i < HELD - 1 - USH_WAITING_MAX; i++)
		ck_assert(conn_close(held[i]).completed == 0);
	ck_assert_uint_eq(script_generations(engine), 2);
	ush_clock_set(0);
}
END_TEST

START_TEST(after_sixty_seconds_they_go)
{
	struct conn *held[4];
	struct visit visit;
	struct usher *engine = begin(&visit, version_of(_i), false);

	hold(held, 4, &visit, engine);
	ck_assert_uint_eq(script_generations(engine), 5);
	ush_clock_set(NOON + 59);
	ck_assert(visit_run(&visit).echoed);
	ck_assert_uint_eq(script_generations(engine), 5);
	ush_clock_set(NOON + 60);
	ck_assert(visit_run(&visit).echoed);
	ck_assert_uint_eq(script_generations(engine), 2);
	for (int i = 0; i < 4; i++)
		conn_close(held[i]);
	ush_clock_set(0);
}
END_TEST

START_TEST(or_with_the_next_replacement)
{
	struct conn *held[4];
	struct visit visit;
	struct usher *engine = begin(&visit, TLS1_3_VERSION, false);

	hold(held, 4, &visit, engine);
	/* The last one's is retired only now. */
	conn_close(held[3]);
	ush_clock_set(NOON + 61);
	script_replace(engine, script_numbered(99));
	ck_assert_uint_eq(script_generations(engine), 2);
	for (int i = 0; i < 3; i++)
		conn_close(held[i]);
	ush_clock_set(0);
}
END_TEST

/* decrypt is asked again, after the retry. */
START_TEST(decrypt_after_a_retry_finds_it_gone)
{
	struct visit visit;
	struct usher *engine = begin(&visit, TLS1_3_VERSION, true);
	struct conn *conn = half_open(&visit);
	uint64_t remembered = engine_stats(engine).remembered;

	script_replace(engine, script_numbered(1));
	script_replace(engine, script_numbered(2));
	ush_clock_set(NOON + 61);
	notes_clear();
	conn_flight(conn, WIRE_CLIENT);
	conn_flight(conn, WIRE_SERVER);
	ck_assert_str_eq(
	    note_last(USHER_CALL_DECRYPT)->verdict, "ignore_renew");
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, GONE);
	ck_assert_uint_eq(script_generations(engine), 2);
	ck_assert_uint_eq(engine_stats(engine).generations_missed, 1);
	ck_assert_uint_eq(engine_stats(engine).remembered, remembered);
	check_gone(conn, &visit);
	ck_assert_uint_gt(engine_stats(engine).generations_missed, 1);
	ck_assert_int_eq(log_count(USHER_LOG_WARNING, "took so long"), 1);
	/* the next one is as ever */
	visit.session = NULL;
	ck_assert_ptr_nonnull((visit.session = visit_run(&visit).session));
	ck_assert(visit_run(&visit).resumed);
	ush_clock_set(0);
}
END_TEST

/* Without a ticket, so that only generate asks: a full handshake. */
START_TEST(generate_at_the_end_finds_it_gone)
{
	struct visit visit;
	struct usher *engine = begin(&visit, version_of(_i), false);
	struct conn *conn;

	script_replace(engine,
	    "return { decrypt = function() return 'ignore_renew' end }");
	conn = half_open(&visit);
	script_replace(engine, script_numbered(1));
	script_replace(engine, script_numbered(2));
	ush_clock_set(NOON + 61);
	notes_clear();
	check_gone(conn, &visit);
	ck_assert_int_gt(note_count(USHER_CALL_GENERATE), 0);
	ck_assert_uint_gt(engine_stats(engine).generations_missed, 0);
	ck_assert_uint_eq(script_generations(engine), 2);
	ush_clock_set(0);
}
END_TEST

static void *
finish_elsewhere(void *arg)
{
	finish(arg);
	return NULL;
}

static void *
close_elsewhere(void *arg)
{
	conn_close(arg);
	return NULL;
}

START_TEST(another_thread_goes_on_with_it)
{
	struct visit visit;
	struct usher *engine = begin(&visit, version_of(_i), false);
	struct conn *conn = half_open(&visit), *other = half_open(&visit);
	pthread_t thread;

	script_replace(engine, script_numbered(1));
	script_replace(engine, script_numbered(2));
	ck_assert_uint_eq(script_generations(engine), 3);
	pthread_create(&thread, NULL, finish_elsewhere, conn);
	pthread_join(thread, NULL);
	ck_assert_str_eq(note_last(USHER_CALL_GENERATE)->seen, "0");
	ck_assert_uint_eq(script_generations(engine), 3);
	/* and one that never had anything to do with it ends the other */
	pthread_create(&thread, NULL, close_elsewhere, other);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(script_generations(engine), 2);
	ck_assert(conn_close(conn).resumed);
	ush_clock_set(0);
}
END_TEST

/* How many generations a shadow's handshakes keep. */
START_TEST(shadows_wait_likewise)
{
	struct conn *held[HELD];
	struct visit visit;
	struct usher *engine = begin(&visit, version_of(_i), false);
	const char *text;

	for (int i = 0; i < HELD; i++) {
		text = script_numbered(100 + i);
		ck_assert_int_eq(usher_shadow_text(engine, "shadow.lua", text,
				     strlen(text), NULL),
		    0);
		held[i] = half_open(&visit);
	}
	ck_assert_uint_eq(script_generations(engine), 2 + USH_WAITING_MAX);
	finish(held[0]);
	ck_assert(conn_close(held[0]).resumed);
	for (int i = 1; i < HELD; i++)
		conn_close(held[i]);
	ck_assert_uint_eq(script_generations(engine), 2);
	ush_clock_set(0);
}
END_TEST

/* Nobody comes by but the watcher, which sleeps a second at most here: it had
 * 59 of the 60 behind it. */
START_TEST(or_by_the_watchers_thread)
{
	struct visit visit = {.version = TLS1_3_VERSION};
	struct engine_spec spec = {.path = script_path("policy.lua")};
	struct timespec pause = {0, 10 * 1000 * 1000};
	struct usher *engine;
	struct conn *conn;

	ush_clock_set(NOON);
	script_write(spec.path, script_numbered(0));
	engine = engine_make(&spec);
	visit.server = engine_server(engine, TLS1_3_VERSION);
	visit.session = visit_run(&visit).session;
	ck_assert_int_eq(usher_watch(engine, 1, NULL), 0);
	conn = half_open(&visit);
	for (int i = 1; i < 3; i++) {
		script_rename(spec.path, script_numbered(i));
		ck_assert_int_eq(usher_reload(engine, NULL), 0);
	}
	ck_assert_uint_eq(script_generations(engine), 3);
	ush_clock_set(NOON + 59);
	ush_watch_kick(engine->engine);
	nanosleep(&pause, NULL);
	ck_assert_uint_eq(script_generations(engine), 3);
	ush_clock_set(NOON + 60);
	for (int i = 0; i < 1000 && script_generations(engine) > 2; i++)
		nanosleep(&pause, NULL);
	ck_assert_uint_eq(script_generations(engine), 2);
	conn_close(conn);
	ush_clock_set(0);
}
END_TEST

/* The watcher goes to sleep before the callback ends, and has to know. */
START_TEST(what_is_retired_in_a_callback_is_due)
{
	struct visit visit;
	struct usher *engine = begin(&visit, TLS1_3_VERSION, false);
	ush_engine_ptr where = engine->engine;
	struct ush_slot *pin;
	uint64_t number;
	bool engineless;

	ck_assert_int_eq(ush_pool_wait(), -1);
	pin = ush_pool_pin(&where, NULL, &engineless);
	number = ush_pool_remember(pin);
	script_replace(engine, script_numbered(1));
	script_replace(engine, script_numbered(2));
	ck_assert_int_eq(ush_pool_wait(), USH_WAITING_MS);
	ush_pool_unpin(pin);
	ck_assert_int_eq(ush_pool_wait(), USH_WAITING_MS);
	ck_assert_uint_eq(script_generations(engine), 3);
	ush_pool_forget(number);
	ck_assert_uint_eq(script_generations(engine), 2);
	ck_assert_int_eq(ush_pool_wait(), -1);
	ush_clock_set(0);
}
END_TEST

static struct {
	pthread_barrier_t pinned, done;
	ush_engine_ptr engine;
} other;

static void *
pin_elsewhere(void *arg)
{
	bool engineless;
	struct ush_slot *pin = ush_pool_pin(&other.engine, NULL, &engineless);

	pthread_barrier_wait(&other.pinned);
	pthread_barrier_wait(&other.done);
	ush_pool_unpin(pin);
	return arg;
}

START_TEST(what_a_thread_of_the_parent_held_goes_in_a_child)
{
	struct visit visit;
	struct usher *engine = begin(&visit, TLS1_3_VERSION, false);
	pthread_t thread;
	int status;

	pthread_barrier_init(&other.pinned, NULL, 2);
	pthread_barrier_init(&other.done, NULL, 2);
	other.engine = engine->engine;
	pthread_create(&thread, NULL, pin_elsewhere, NULL);
	pthread_barrier_wait(&other.pinned);
	script_replace(engine, script_numbered(1));
	script_replace(engine, script_numbered(2));
	ck_assert_uint_eq(script_generations(engine), 3);
	if (fork() == 0) {
		visit_run(&visit);
		_exit(script_generations(engine) == 2 ? 0 : 1);
	}
	ck_assert_int_gt(wait(&status), 0);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	pthread_barrier_wait(&other.done);
	pthread_join(thread, NULL);
	ush_clock_set(0);
}
END_TEST

/* Whose bytecode has half a megabyte. */
#define LARGE (512 * 1024)

static const char *
large(int n)
{
	static char text[LARGE + 256];
	int len = snprintf(text, sizeof text, "local x = '%04d", n);

	memset(text + len, 'x', LARGE);
	snprintf(text + len + LARGE, sizeof text - (size_t)(len + LARGE),
	    "'\nreturn { decrypt = function() return 'default', #x end }");
	return text;
}

static size_t
allocated(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/* They take room until there are as many as may be, and no more after that than
 * OpenSSL does for both ends of a connection, in some releases much. A
 * sanitizer's allocator says nothing. */
START_TEST(thirty_large_ones_take_the_room_of_a_few)
{
	enum { FULL = USH_WAITING_MAX + 5 };
	struct conn *held[HELD], *small;
	struct visit visit;
	struct usher *engine = begin(&visit, TLS1_3_VERSION, false);
	size_t before = allocated(), each, full = 0;

	small = half_open(&visit);
	each = allocated() - before;
	for (int i = 0; i < HELD; i++) {
		if (i == FULL)
			full = allocated();
		script_replace(engine, large(i));
		held[i] = half_open(&visit);
	}
	if (before > 0) {
		ck_assert_uint_gt(full, before + USH_WAITING_MAX * LARGE);
		ck_assert_uint_lt(
		    allocated(), full + (HELD - FULL) * each + LARGE);
	}
	for (int i = 0; i < HELD; i++)
		conn_close(held[i]);
	conn_close(small);
	if (before > 0)
		ck_assert_uint_lt(allocated(), before + (full - before) / 2);
	ush_clock_set(0);
}
END_TEST

static TCase *
unfinished(void)
{
	TCase *tcase = engine_case("unfinished", 60);

	tcase_add_loop_test(tcase, at_most_sixteen_wait, 0, VERSIONS);
	tcase_add_loop_test(tcase, after_sixty_seconds_they_go, 0, VERSIONS);
	tcase_add_test(tcase, or_with_the_next_replacement);
	tcase_add_test(tcase, or_by_the_watchers_thread);
	tcase_add_test(tcase, what_is_retired_in_a_callback_is_due);
	tcase_add_test(tcase, what_a_thread_of_the_parent_held_goes_in_a_child);
	tcase_add_test(tcase, thirty_large_ones_take_the_room_of_a_few);
	tcase_add_test(tcase, decrypt_after_a_retry_finds_it_gone);
	tcase_add_loop_test(
	    tcase, generate_at_the_end_finds_it_gone, 0, VERSIONS);
	tcase_add_loop_test(tcase, another_thread_goes_on_with_it, 0, VERSIONS);
	tcase_add_loop_test(tcase, shadows_wait_likewise, 0, VERSIONS);
	return tcase;
}

int
main(void)
{
	Suite *suite = suite_create("unfinished handshakes");

	suite_add_tcase(suite, unfinished());
	return tests_run(suite);
}
