/*
 * SPDX-License-Identifier: MIT
 *
 * Policies of the library that count in the store, in several processes at
 * once, each with an engine of its own and the same store by its name.
 *
 * Scenarios:
 *  1. usher.once: each ticket is let in exactly once over all processes, in
 *     both modes of burning.
 *  2. The same while the store's locks are held again and again: once at most,
 *     and not at all only where the store was busy.
 *  3. usher.limit: of each network exactly as many are let in as its bucket
 *     holds; with a busy store, never more.
 *  4. Tickets in real handshakes: each resumes in one process, once.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/store.h"
#include "tls/policy.h"
#include "usher_inner.h"

enum {
	START = 1700000000,
	PROCESSES = 4,
	TICKETS = 1000,  /* and networks, */
	BURST = 5,       /* of which so many can be let in, */
	ATTEMPTS = 3,    /* and so many try in each process */
	HANDSHAKES = 40, /* real ones, in each process */
	HOLD_US = 4000,  /* longer than an operation waits */
};

/* What a process's work came to, as its status. */
enum {
	DONE,
	DONE_BUSY, /* the store was busy for it at times */
	FAILED,
};

static const char *const burns[] = {"decrypt", "generate"};

static struct usher *engine; /* the parent's */

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

static struct usher *
engine_of(const char *text)
{
	struct engine_spec spec = {.text = text,
	    .store_name = store_name,
	    .instruction_limit = 1000000000000,
	    .cpu_time_limit = 1000000000};

	return engine_make(&spec);
}

/* Runs a policy's decrypt, once. */
static void
run_policy(struct usher *of)
{
	struct visit visit = {.server = engine_server(of, TLS1_2_VERSION),
	    .version = TLS1_2_VERSION};

	ck_assert(visit_run(&visit).completed);
	notes_check();
}

/* What the store has under "what:n", 0 if nothing. */
static int
counted(const char *what, int n)
{
	struct ush_store_view view = {.store = engine->engine->store};
	struct ush_store_value value;
	char key[32], room[USH_STORE_VALUE_MAX];

	snprintf(key, sizeof key, "%s:%d", what, n);
	if (ush_store_get(&view, key_of(key), &value, room) != USH_STORE_OK)
		return 0;
	ck_assert_int_eq(value.kind, USH_STORE_INTEGER);
	return (int)value.as.integer;
}

static int
status_of(const struct usher *of)
{
	return engine_stats(of).store_timeouts > 0 ? DONE_BUSY : DONE;
}

static int
work_policy(const void *arg)
{
	struct usher *own = engine_of(arg);

	run_policy(own);
	return status_of(own);
}

static void
pause_us(long us)
{
	nanosleep(&(struct timespec){0, us * 1000}, NULL);
}

/* Holds the locks until somebody has waited for them in vain. */
static void
release_when_late(void)
{
	while (!store_is_late(engine->engine->store))
		pause_us(1000);
	store_hold(engine->engine->store, false);
}

/* Runs `work` in all processes at once. With `held` they find the store's locks
 * held at first, and then again and again. DONE or DONE_BUSY. */
static int
work_at_once(int (*work)(const void *arg), const void *arg, bool held)
{
	int gate[2], status, left = PROCESSES, worst = DONE;
	char c;

	ck_assert_int_eq(pipe(gate), 0);
	for (int i = 0; i < PROCESSES; i++) {
		if (fork() != 0)
			continue;
		close(gate[1]);
		if (read(gate[0], &c, 1) != 0)
			_exit(FAILED);
		_exit(work(arg));
	}
	close(gate[0]);
	if (held)
		store_hold(engine->engine->store, true);
	close(gate[1]);
	if (held)
		release_when_late();
	while (left > 0) {
		if (held) {
			store_hold(engine->engine->store, true);
			pause_us(HOLD_US);
			store_hold(engine->engine->store, false);
			pause_us(HOLD_US);
		}
		if (waitpid(-1, &status, held ? WNOHANG : 0) <= 0)
			continue;
		ck_assert(WIFEXITED(status));
		ck_assert_int_lt(WEXITSTATUS(status), FAILED);
		if (WEXITSTATUS(status) > worst)
			worst = WEXITSTATUS(status);
		left--;
	}
	return worst;
}

/*
 * usher.once
 */

/* How a policy takes part: connections and tickets are tables, which is enough
 * for the library's. */
static const char *
once_text(const char *burn, const char *body)
{
	static char text[2048];

	snprintf(text, sizeof text,
	    "local store = require 'usher.store'\n"
	    "local once = require 'usher.once' { burn = '%s' }\n"
	    "local function count(key) repeat until store.incr(key) end\n"
	    "return { decrypt = function()\n"
	    "  for i = 1, %d do\n"
	    "    local id = ('%%016x'):format(i)\n"
	    "    local conn = { version = 'TLSv1.3', num_tickets = 1,\n"
	    "      early_data = false, vars = {} }\n"
	    "    %s\n"
	    "  end\n"
	    "end }\n",
	    burn, TICKETS, body);
	return text;
}

static const char make_tickets[] =
    "once.generate(conn, { id = id, timeout = 3600 })";

static const char use_tickets[] =
    "local what, why = once.decrypt(conn, { decrypted = true, id = id })\n"
    "if what == 'use_renew' and next(conn.vars) then\n"
    "  what, why = once.generate(conn, { previous = { id = id },\n"
    "    id = 'new', timeout = 60 })\n"
    "  if what == nil then what = 'use_renew' end\n"
    "end\n"
    "if what == 'use_renew' then count('used:' .. i)\n"
    "elseif why == 'the store is busy' then count('busy:' .. i)\n"
    "else assert(why == 'used before, or forgotten', why) end\n";

static void
once_at_once(const char *burn, bool held)
{
	int busy = 0, result, used;

	engine = engine_of(once_text(burn, make_tickets));
	run_policy(engine);
	result = work_at_once(work_policy, once_text(burn, use_tickets), held);
	ck_assert(!held || result == DONE_BUSY);
	for (int i = 1; i <= TICKETS; i++) {
		used = counted("used", i);
		ck_assert_msg(used <= 1, "%d: used %d times", i, used);
		ck_assert_msg(used == 1 || counted("busy", i) > 0,
		    "%d: lost, and the store was not busy", i);
		busy += counted("busy", i);
	}
	ck_assert(!held || busy > 0);
}

START_TEST(a_ticket_is_good_once_over_all_processes)
{
	once_at_once(burns[_i], false);
}
END_TEST

START_TEST(a_ticket_is_good_once_at_most_where_the_store_is_busy)
{
	once_at_once(burns[_i], true);
}
END_TEST

/*
 * usher.limit
 */

static void
limit_at_once(bool held)
{
	char text[1024];
	int let, result;

	snprintf(text, sizeof text,
	    "local store = require 'usher.store'\n"
	    "local limit = require 'usher.limit' { rate = 1, burst = %d }\n"
	    "local function count(key) repeat until store.incr(key) end\n"
	    "return { decrypt = function()\n"
	    "  for i = 1, %d do for _ = 1, %d do\n"
	    "    local conn = { vars = {}, peer_address =\n"
	    "      ('10.%%d.%%d.1'):format(math.floor(i / 256), i %% 256) }\n"
	    "    if limit.decrypt(conn, { decrypted = false }) == 'default'\n"
	    "    then count('let:' .. i) end\n"
	    "  end end\n"
	    "end }\n",
	    BURST, TICKETS, ATTEMPTS);
	engine = engine_of("return {}");
	result = work_at_once(work_policy, text, held);
	ck_assert(!held || result == DONE_BUSY);
	for (int i = 1; i <= TICKETS; i++) {
		let = counted("let", i);
		ck_assert_msg(let <= BURST, "%d: %d let in", i, let);
		ck_assert_msg(let == BURST || result == DONE_BUSY,
		    "%d: %d let in, and the store was not busy", i, let);
	}
}

START_TEST(a_bucket_holds_its_tokens_over_all_processes)
{
	limit_at_once(false);
}
END_TEST

START_TEST(a_bucket_gives_no_more_where_the_store_is_busy)
{
	limit_at_once(true);
}
END_TEST

/*
 * Real handshakes
 */

struct handshakes {
	SSL_CTX *server;
	const char *text;
	SSL_SESSION *tickets[HANDSHAKES];
	/* Shared by all processes: how often each resumed. */
	_Atomic int *resumed;
};

static int
work_handshakes(const void *arg)
{
	const struct handshakes *all = arg;
	struct usher *own = engine_of(all->text);
	struct visit visit = {.server = all->server};
	struct outcome saw;

	engine_attach(own, all->server);
	for (int i = 0; i < HANDSHAKES; i++) {
		visit.session = all->tickets[i];
		visit.version = SSL_SESSION_get_protocol_version(visit.session);
		saw = visit_run(&visit);
		/* By generate's word, some are ended when they have finished.
		 */
		all->resumed[i] += saw.resumed && saw.echoed;
	}
	notes_check();
	return status_of(own);
}

START_TEST(a_ticket_resumes_in_one_process)
{
	struct handshakes all = {
	    .text = _i / VERSIONS == 0
			? "return require 'usher.once' { burn = 'decrypt' }"
			: "return require 'usher.once' { burn = 'generate' }"};
	struct visit visit = {.version = version_of(_i)};
	int result;

	all.resumed = mmap(NULL, HANDSHAKES * sizeof *all.resumed,
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert(all.resumed != MAP_FAILED);
	engine = engine_of(all.text);
	all.server = visit.server = engine_server(engine, visit.version);
	for (int i = 0; i < HANDSHAKES; i++)
		all.tickets[i] = visit_run(&visit).session;
	result = work_at_once(work_handshakes, &all, false);
	for (int i = 0; i < HANDSHAKES; i++) {
		ck_assert_int_le(all.resumed[i], 1);
		ck_assert(all.resumed[i] == 1 || result == DONE_BUSY);
	}
	munmap((void *)all.resumed, HANDSHAKES * sizeof *all.resumed);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store forks");
	TCase *tcase = engine_case("store forks", 120);
	int n = sizeof burns / sizeof *burns;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(
	    tcase, a_ticket_is_good_once_over_all_processes, 0, n);
	tcase_add_loop_test(
	    tcase, a_ticket_is_good_once_at_most_where_the_store_is_busy, 0, n);
	tcase_add_test(tcase, a_bucket_holds_its_tokens_over_all_processes);
	tcase_add_test(tcase, a_bucket_gives_no_more_where_the_store_is_busy);
	tcase_add_loop_test(
	    tcase, a_ticket_resumes_in_one_process, 0, n * VERSIONS);
	suite_add_tcase(suite, tcase);
	return tests_run(suite);
}
