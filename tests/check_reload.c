/*
 * SPDX-License-Identifier: MIT
 *
 * Scripts that are replaced while the engine runs, and rolled back.
 *
 * Scenarios, in TLS 1.2 and 1.3 where a handshake is in them:
 *  1. A text takes the place of another; tickets of the one reach the other.
 *  2. A file is read again; the same content changes nothing.
 *  3. What can't be loaded changes nothing: syntax, top level, selftest, shape,
 *     limits, files that are gone; error, history and statistics tell.
 *  4. A handshake keeps the version that it began with, in all its callbacks.
 *  5. After a text was given, files are no more looked at.
 *  6. Rollback: once; it holds until the content is another one, over failed
 *     loads too, and then what was rolled back may come again.
 *  7. Versions that nobody needs are freed, with the states that idle threads
 *     kept of them; the one before is kept without states.
 *  8. Callers in many threads; a fork beside one that loads, in the middle of
 *     it and at any moment.
 *  9. The history: order, length, sizes.
 * 10. Missing arguments.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "tls/fork.h"
#include "tls/policy.h"
#include "tls/scripts.h"

/* A server with policy 1, and a visit that brought its ticket. */
static struct usher *
begin(struct visit *visit, int i)
{
	struct usher *engine = engine_new(script_numbered(1));

	*visit = (struct visit){.version = version_of(i)};
	visit->server = engine_server(engine, visit->version);
	visit->session = visit_run(visit).session;
	ck_assert_ptr_nonnull(visit->session);
	return engine;
}

static struct usher_history
history(const struct usher *engine, unsigned int back)
{
	struct usher_history entry;

	ck_assert_int_eq(
	    usher_history_get(engine, back, &entry, sizeof entry), 0);
	ck_assert_uint_eq(entry.size, sizeof entry);
	return entry;
}

START_TEST(a_text_takes_the_place_of_another)
{
	struct visit visit;
	struct usher *engine = begin(&visit, _i);

	script_expect(&visit, "1 after 1");
	script_replace(engine, script_numbered(2));
	script_expect(&visit, "2 after 1");
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->revision,
	    script_revision(script_numbered(2)));
	script_expect(&visit, "2 after 2");
	notes_check();
	ck_assert_uint_eq(engine_stats(engine).reloads, 1);
	ck_assert_int_eq(log_count(USHER_LOG_INFO, "takes the place of"), 1);
}
END_TEST

START_TEST(a_file_is_read_again)
{
	const char *path = script_path("policy.lua");
	struct engine_spec spec = {.path = path};
	struct visit visit = {.version = version_of(_i)};
	struct usher *engine;
	int i;

	script_write(path, script_numbered(1));
	engine = engine_make(&spec);
	visit.server = engine_server(engine, visit.version);
	visit.session = visit_run(&visit).session;
	for (i = 2; i < 5; i++) {
		script_write(path, script_numbered(i));
		ck_assert_int_eq(usher_reload(engine, NULL), 0);
		ck_assert_int_eq(usher_reload(engine, NULL), 0);
	}
	script_expect(&visit, "4 after 1");
	ck_assert_uint_eq(engine_stats(engine).reloads, 3);
	ck_assert_uint_eq(script_generations(engine), 2);
}
END_TEST

static const struct {
	const char *text;
	enum usher_code code;
	const char *says;
} broken[] = {
    {"return {", USHER_ERROR_SYNTAX, "test.lua:1:"},
    {"error('top')", USHER_ERROR_SCRIPT, "top"},
    {"return { selftest = function() error('no, not so') end }",
	USHER_ERROR_SCRIPT, "no, not so"},
    {"return 7", USHER_ERROR_SCRIPT, "returned a number"},
    {"return { decript = 1 }", USHER_ERROR_SCRIPT, "did you mean 'decrypt'"},
    {"while true do end", USHER_ERROR_INSTRUCTIONS, "test.lua:1:"},
    {"local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1e5) .. i end",
	USHER_ERROR_MEMORY, "memory"},
};

START_TEST(what_can_not_be_loaded_changes_nothing)
{
	const char *text = broken[_i].text;
	struct visit visit;
	struct usher *engine = begin(&visit, _i);
	struct usher_error error = {0};

	ck_assert_int_eq(
	    usher_replace_text(engine, "test.lua", text, strlen(text), &error),
	    -1);
	ck_assert_int_eq(error.code, broken[_i].code);
	ck_assert_msg(strstr(error.message, broken[_i].says) != NULL,
	    "\"%s\" is not in: %s", broken[_i].says, error.message);
	script_expect(&visit, "1 after 1");
	ck_assert_int_eq(history(engine, 0).event, USHER_EVENT_REFUSED);
	ck_assert_str_eq(history(engine, 0).message, error.message);
	ck_assert_str_eq(history(engine, 0).revision, script_revision(text));
	ck_assert_uint_eq(engine_stats(engine).reload_failures, 1);
	ck_assert_uint_eq(engine_stats(engine).reloads, 0);
	ck_assert_int_eq(log_count(USHER_LOG_ERROR, broken[_i].says), 1);
	ck_assert_uint_eq(script_generations(engine), 1);
	/* and the source is still the one of before */
	ck_assert_int_eq(usher_reload(engine, NULL), 0);
	ck_assert_uint_eq(engine_stats(engine).reloads, 0);
}
END_TEST

START_TEST(a_file_that_is_gone_changes_nothing)
{
	const char *path = script_path("policy.lua");
	struct engine_spec spec = {.path = path};
	struct visit visit = {.version = version_of(_i)};
	struct usher_error error = {0};
	struct usher *engine;

	script_write(path, script_numbered(1));
	engine = engine_make(&spec);
	visit.server = engine_server(engine, visit.version);
	visit.session = visit_run(&visit).session;
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(usher_reload(engine, &error), -1);
	ck_assert_int_eq(error.code, USHER_ERROR_FILE);
	ck_assert_str_eq(history(engine, 0).revision, "");
	script_expect(&visit, "1 after 1");
	script_write(path, script_numbered(2));
	ck_assert_int_eq(usher_reload(engine, &error), 0);
	script_expect(&visit, "2 after 1");
}
END_TEST

/* The n-th flight of a resumed handshake has passed when it is replaced. */
START_TEST(a_handshake_keeps_the_version_that_it_began_with)
{
	struct visit visit;
	struct usher *engine = begin(&visit, _i);
	struct conn *conn = conn_new(&visit);
	struct outcome saw;

	conn_flight(conn, WIRE_CLIENT);
	conn_flight(conn, WIRE_SERVER); /* decrypt; in 1.2 generate too */
	script_replace(engine, script_numbered(2));
	script_replace(engine, script_numbered(3));
	ck_assert_uint_eq(script_generations(engine), 3);
	conn_handshake(conn);
	conn_echo(conn);
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, "1 after 1");
	ck_assert_str_eq(note_last(USHER_CALL_GENERATE)->seen, "1");
	saw = conn_close(conn);
	ck_assert(saw.resumed && saw.tickets == 1);
	visit.session = saw.session;
	script_expect(&visit, "3 after 1");
	ck_assert_uint_eq(script_generations(engine), 2);
	notes_check();
}
END_TEST

START_TEST(a_full_handshake_keeps_it_too)
{
	struct visit visit;
	struct usher *engine = begin(&visit, _i);
	struct conn *conn;

	visit.session = NULL;
	conn = conn_new(&visit);
	conn_flight(conn, WIRE_CLIENT);
	conn_flight(conn, WIRE_SERVER);
	script_replace(engine, script_numbered(2));
	conn_handshake(conn);
	conn_echo(conn);
	/* In 1.3 no callback came before: it begins with its first ticket. */
	ck_assert_str_eq(note_last(USHER_CALL_GENERATE)->seen,
	    visit.version == TLS1_3_VERSION ? "2" : "1");
	conn_close(conn);
}
END_TEST

START_TEST(after_a_text_files_are_not_looked_at)
{
	const char *path = script_path("policy.lua");
	struct engine_spec spec = {.path = path};
	struct usher *engine;

	script_write(path, script_numbered(1));
	engine = engine_make(&spec);
	script_replace(engine, script_numbered(2));
	script_write(path, script_numbered(3));
	ck_assert_int_eq(usher_reload(engine, NULL), 0);
	ck_assert_uint_eq(engine_stats(engine).reloads, 1);
	ck_assert_str_eq(
	    history(engine, 0).revision, script_revision(script_numbered(2)));
}
END_TEST

START_TEST(a_rollback_goes_back_once)
{
	struct visit visit;
	struct usher *engine = begin(&visit, _i);
	struct usher_error error = {0};

	ck_assert_int_eq(usher_rollback(engine, &error), -1);
	ck_assert_int_eq(error.code, USHER_ERROR_ARGUMENT);
	script_replace(engine, script_numbered(2));
	script_expect(&visit, "2 after 1");
	ck_assert_int_eq(usher_rollback(engine, &error), 0);
	script_expect(&visit, "1 after 2");
	ck_assert_int_eq(usher_rollback(engine, &error), -1);
	script_expect(&visit, "1 after 1");
	ck_assert_uint_eq(engine_stats(engine).rollbacks, 1);
	ck_assert_int_eq(history(engine, 0).event, USHER_EVENT_ROLLED_BACK);
	ck_assert_uint_eq(script_generations(engine), 1);
}
END_TEST

START_TEST(a_rollback_holds_until_the_content_is_another_one)
{
	struct visit visit;
	struct usher *engine = begin(&visit, _i);

	script_replace(engine, script_numbered(2));
	ck_assert_int_eq(usher_rollback(engine, NULL), 0);
	ck_assert_int_eq(usher_reload(engine, NULL), 0);
	script_replace(engine, script_numbered(2));
	script_expect(&visit, "1 after 1");
	ck_assert_int_eq(log_count(USHER_LOG_INFO, "replaced on purpose"), 2);
	/* what fails is no other content yet */
	ck_assert_int_eq(
	    usher_replace_text(engine, "test.lua", "return {", 8, NULL), -1);
	script_replace(engine, script_numbered(2));
	script_expect(&visit, "1 after 1");
	script_replace(engine, script_numbered(3));
	script_expect(&visit, "3 after 1");
	script_replace(engine, script_numbered(2));
	script_expect(&visit, "2 after 3");
	ck_assert_int_eq(usher_rollback(engine, NULL), 0);
	/* and the active one's own content ends it too */
	script_replace(engine, script_numbered(3));
	script_replace(engine, script_numbered(2));
	script_expect(&visit, "2 after 2");
}
END_TEST

START_TEST(versions_that_nobody_needs_are_freed)
{
	struct visit visit;
	struct usher *engine = begin(&visit, _i);
	int i;

	for (i = 2; i < 50; i++) {
		script_replace(engine, script_numbered(i));
		visit.session = visit_run(&visit).session;
		ck_assert_uint_le(script_generations(engine), 2);
		/* This thread's of the active one; the one before has none. */
		ck_assert_uint_eq(script_states(engine), 1);
	}
}
END_TEST

/* A thread that handshakes once, and then does nothing. */
struct idle {
	pthread_t thread;
	struct visit *visit;
	sem_t done, end;
};

static void *
idle_run(void *arg)
{
	struct idle *idle = arg;

	visit_run(idle->visit);
	sem_post(&idle->done);
	sem_wait(&idle->end);
	return NULL;
}

START_TEST(a_thread_that_sits_idle_keeps_nothing)
{
	struct visit visit;
	struct usher *engine = begin(&visit, _i);
	struct idle idle = {.visit = &visit};

	sem_init(&idle.done, 0, 0);
	sem_init(&idle.end, 0, 0);
	pthread_create(&idle.thread, NULL, idle_run, &idle);
	sem_wait(&idle.done);
	ck_assert_uint_eq(script_states(engine), 2);
	script_replace(engine, script_numbered(2));
	ck_assert_uint_eq(script_states(engine), 0);
	ck_assert_uint_eq(script_generations(engine), 2);
	/* The way back makes new ones, and nothing is left of them. */
	ck_assert_int_eq(usher_rollback(engine, NULL), 0);
	script_expect(&visit, "1 after 1");
	ck_assert_uint_eq(script_states(engine), 1);
	ck_assert_uint_eq(script_generations(engine), 1);
	sem_post(&idle.end);
	pthread_join(idle.thread, NULL);
}
END_TEST

static void *
replace_often(void *arg)
{
	struct usher *engine = arg;
	char text[64];
	int i;

	for (i = 0; i < 25; i++) {
		snprintf(text, sizeof text, "return { name = 'n%d-%p' }", i,
		    (void *)&text);
		usher_replace_text(engine, "t", text, strlen(text), NULL);
		usher_reload(engine, NULL);
		usher_rollback(engine, NULL);
	}
	return NULL;
}

START_TEST(callers_wait_for_one_another)
{
	struct usher *engine = engine_new(script_numbered(1));
	pthread_t threads[4];
	int i;

	for (i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, replace_often, engine);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(engine_stats(engine).reloads, 100);
	ck_assert_uint_le(script_generations(engine), 2);
}
END_TEST

static int
child_replaces(struct usher *engine)
{
	const char *mine = script_numbered(2);

	if (!THREADS_IN_CHILD) {
		usher_rollback(engine, NULL);
		return 7;
	}
	if (usher_replace_text(engine, "mine", mine, strlen(mine), NULL) != 0)
		return 1;
	return usher_rollback(engine, NULL) == 0 ? 7 : 1;
}

#define HERE "here it stands still"
static const char standing[] = "print('" HERE "') return { name = 'standing' }";
static sem_t arrived, go_on;

static void
stand_still(const char *message)
{
	if (!strstr(message, HERE))
		return;
	sem_post(&arrived);
	sem_wait(&go_on);
}

static void *
load_once(void *engine)
{
	return (void *)(uintptr_t)usher_replace_text(
	    engine, "standing", standing, sizeof standing - 1, NULL);
}

/* The lock is held by a thread that the child does not have. */
START_TEST(a_fork_in_mid_load_leaves_both_working)
{
	struct engine_spec spec = {
	    .text = script_numbered(1), .logged = stand_still};
	struct usher *engine = engine_make(&spec);
	pthread_t thread;
	uint64_t reloads;
	void *result;
	pid_t child;

	sem_init(&arrived, 0, 0);
	sem_init(&go_on, 0, 0);
	pthread_create(&thread, NULL, load_once, engine);
	sem_wait(&arrived);
	child = fork();
	if (child == 0)
		_exit(child_replaces(engine));
	ck_assert_int_eq(child_status(child), 7);
	reloads = engine_stats(engine).reloads; /* the child's */
	sem_post(&go_on);
	pthread_join(thread, &result);
	ck_assert_ptr_null(result);
	ck_assert_uint_eq(engine_stats(engine).reloads, reloads + 1);
}
END_TEST

/* The same at any moment, such as in libcrypto. */
static const char slow[] = "local n = 0 for i = 1, 3e6 do n = n + i end\n"
			   "return { name = 'slow' }";

struct slow {
	struct usher *engine;
	atomic_bool stop;
};

static void *
load_slowly(void *arg)
{
	struct slow *load = arg;

	while (!atomic_load(&load->stop))
		usher_replace_text(
		    load->engine, "slow", slow, sizeof slow - 1, NULL);
	return NULL;
}

START_TEST(a_fork_beside_loads_leaves_both_working)
{
	struct engine_spec spec = {
	    .text = script_numbered(1), .instruction_limit = 2000000};
	struct slow load = {.engine = engine_make(&spec)};
	pthread_t thread;
	pid_t child;

	pthread_create(&thread, NULL, load_slowly, &load);
	for (int i = 0; i < 20; i++) {
		child = fork();
		if (child == 0)
			_exit(child_replaces(load.engine));
		ck_assert_int_eq(child_status(child), 7);
	}
	atomic_store(&load.stop, true);
	pthread_join(thread, NULL);
}
END_TEST

/* Which one is active is each process's own. */
START_TEST(a_child_replaces_its_own)
{
	struct visit visit;
	struct usher *engine = begin(&visit, _i);
	pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		script_replace(engine, script_numbered(2));
		script_expect(&visit, "2 after 1");
		_exit(7);
	}
	ck_assert_int_eq(child_status(child), 7);
	script_expect(&visit, "1 after 1");
	ck_assert_uint_eq(engine_stats(engine).reloads, 1);
}
END_TEST

START_TEST(the_history_has_the_last_sixteen)
{
	struct usher *engine = engine_new(script_numbered(1));
	struct usher_history entry;
	int i;

	ck_assert_str_eq(history(engine, 0).name, "numbered");
	ck_assert_str_eq(history(engine, 0).script, "test.lua");
	ck_assert_str_eq(history(engine, 0).message, "");
	ck_assert_int_eq(
	    usher_history_get(engine, 1, &entry, sizeof entry), -1);
	for (i = 2; i < 40; i++)
		script_replace(engine, script_numbered(i));
	for (i = 0; i < 16; i++) {
		entry = history(engine, (unsigned int)i);
		ck_assert_int_eq(entry.event, USHER_EVENT_LOADED);
		ck_assert_int_gt(entry.time, 0);
		ck_assert_str_eq(
		    entry.revision, script_revision(script_numbered(39 - i)));
	}
	ck_assert_int_eq(
	    usher_history_get(engine, 16, &entry, sizeof entry), -1);
}
END_TEST

START_TEST(the_history_is_copied_by_size)
{
	struct usher *engine = engine_new(script_numbered(1));
	struct {
		struct usher_history entry;
		char more[8];
	} large;

	memset(&large, 'x', sizeof large);
	ck_assert_int_eq(
	    usher_history_get(engine, 0, &large.entry, sizeof large), 0);
	ck_assert_int_eq(large.more[0], 0);
	memset(&large, 'x', sizeof large);
	ck_assert_int_eq(usher_history_get(engine, 0, &large.entry,
			     offsetof(struct usher_history, name)),
	    0);
	ck_assert_int_eq(large.entry.name[0], 'x');
	ck_assert_str_eq(
	    large.entry.revision, script_revision(script_numbered(1)));
}
END_TEST

START_TEST(missing_arguments_are_errors)
{
	struct usher *engine = engine_new(script_numbered(1));
	struct usher_error error = {0};
	struct usher_history entry;

	ck_assert_int_eq(usher_reload(NULL, &error), -1);
	ck_assert_int_eq(error.code, USHER_ERROR_ARGUMENT);
	ck_assert_int_eq(usher_rollback(NULL, NULL), -1);
	ck_assert_int_eq(usher_replace_text(NULL, "a", "", 0, NULL), -1);
	ck_assert_int_eq(usher_replace_text(engine, NULL, "", 0, NULL), -1);
	ck_assert_int_eq(usher_replace_text(engine, "", "", 0, NULL), -1);
	ck_assert_int_eq(usher_replace_text(engine, "a", NULL, 0, &error), -1);
	ck_assert_int_eq(error.code, USHER_ERROR_ARGUMENT);
	ck_assert_int_eq(usher_history_get(NULL, 0, &entry, sizeof entry), -1);
	ck_assert_int_eq(usher_history_get(engine, 0, NULL, 0), -1);
}
END_TEST

static TCase *
replacing(void)
{
	TCase *tcase = engine_case("replacing", 60);
	int n = (int)(sizeof broken / sizeof *broken);

	tcase_add_loop_test(
	    tcase, a_text_takes_the_place_of_another, 0, VERSIONS);
	tcase_add_loop_test(tcase, a_file_is_read_again, 0, VERSIONS);
	tcase_add_loop_test(
	    tcase, what_can_not_be_loaded_changes_nothing, 0, n);
	tcase_add_loop_test(
	    tcase, a_file_that_is_gone_changes_nothing, 0, VERSIONS);
	tcase_add_loop_test(tcase,
	    a_handshake_keeps_the_version_that_it_began_with, 0, VERSIONS);
	tcase_add_loop_test(tcase, a_full_handshake_keeps_it_too, 0, VERSIONS);
	tcase_add_test(tcase, after_a_text_files_are_not_looked_at);
	tcase_add_loop_test(tcase, a_rollback_goes_back_once, 0, VERSIONS);
	tcase_add_loop_test(tcase,
	    a_rollback_holds_until_the_content_is_another_one, 0, VERSIONS);
	tcase_add_test(tcase, the_history_has_the_last_sixteen);
	tcase_add_test(tcase, the_history_is_copied_by_size);
	tcase_add_test(tcase, missing_arguments_are_errors);
	return tcase;
}

static TCase *
keeping(void)
{
	TCase *tcase = engine_case("keeping", 120);

	tcase_add_loop_test(
	    tcase, versions_that_nobody_needs_are_freed, 0, VERSIONS);
	tcase_add_loop_test(
	    tcase, a_thread_that_sits_idle_keeps_nothing, 0, VERSIONS);
	tcase_add_test(tcase, callers_wait_for_one_another);
	tcase_add_test(tcase, a_fork_in_mid_load_leaves_both_working);
	if (FORK_BESIDE_MALLOC)
		tcase_add_test(tcase, a_fork_beside_loads_leaves_both_working);
	tcase_add_loop_test(tcase, a_child_replaces_its_own, 0, VERSIONS);
	return tcase;
}

int
main(void)
{
	Suite *suite = suite_create("reload");

	suite_add_tcase(suite, replacing());
	suite_add_tcase(suite, keeping());
	return tests_run(suite);
}
