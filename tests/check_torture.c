/*
 * SPDX-License-Identifier: MIT
 *
 * Everything at once: four threads of handshakes, and meanwhile replacements,
 * one in ten of them broken, rollbacks, shadows, canaries, promotions, contexts
 * that are attached and detached, threads that come and go, forks; and in the
 * end usher_free, with the handshakes still running. 400 replacements, and
 * 4,000 with USHER_LONG=1.
 *
 * What must hold:
 *  1. No handshake fails, and every ticket resumes, whoever made it.
 *  2. No handshake is decided by two generations.
 *  3. A broken script is refused, and all others are taken up.
 *  4. Forked children can go on: with handshakes, or with calls.
 *  5. In the end there are no generations, states and bytes but those that
 *     there were in the beginning.
 */
#include <arpa/inet.h>
#include <malloc.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

#include "tls/fork.h"
#include "tls/scripts.h"

#define THREADS 4
#define GROWTH_MAX (8 << 20)

static struct {
	struct usher *engine;
	SSL_CTX *server;
	pthread_rwlock_t gate; /* held to read by those in OpenSSL */
	atomic_bool stop;
	atomic_int visits, failed, not_resumed, mixed, wrong;
} torture;

/*
 * One handshake, one generation: it runs in one thread, and what it was decided
 * by first stays here.
 */

static _Thread_local char deciding[17];

static void
look_at_decision(void *arg, const struct usher_decision *d)
{
	int me;

	(void)arg;
	if (deciding[0] == '\0')
		snprintf(deciding, sizeof deciding, "%s", d->revision);
	if (strcmp(deciding, d->revision) != 0)
		atomic_fetch_add(&torture.mixed, 1);
	if (d->error)
		atomic_fetch_add(&torture.wrong, 1);
	/* the script that spoke is the one that is named */
	if (d->call == USHER_CALL_DECRYPT && d->reason &&
	    (sscanf(d->reason, "%d after", &me) != 1 ||
		strcmp(script_revision(script_numbered(me)), d->revision) != 0))
		atomic_fetch_add(&torture.wrong, 1);
}

static void
set_peer(struct conn *conn, void *arg)
{
	struct sockaddr_in peer = {.sin_family = AF_INET};

	peer.sin_addr.s_addr = htonl(0x0a000000u + (*(unsigned int *)arg << 8));
	usher_conn_set_peer(
	    conn->server, (struct sockaddr *)&peer, sizeof peer);
}

/* Whoever is in OpenSSL may hold a lock of its, which a forked child would find
 * held for ever. Not to be nested. */
static void
gate_enter(void)
{
	pthread_rwlock_rdlock(&torture.gate);
}

static void
gate_leave(void)
{
	pthread_rwlock_unlock(&torture.gate);
}

static struct outcome
visit(const struct visit *visit)
{
	struct outcome saw;

	gate_enter();
	deciding[0] = '\0';
	saw = visit_run(visit);
	gate_leave();
	atomic_fetch_add(&torture.visits, 1);
	if (!saw.echoed)
		atomic_fetch_add(&torture.failed, 1);
	if (visit->session && !saw.resumed)
		atomic_fetch_add(&torture.not_resumed, 1);
	return saw;
}

static void
drop_sessions(struct outcome *saw)
{
	gate_enter();
	harness_drop_sessions(saw);
	gate_leave();
}

/* A first visit, and three that come back, each with the last ticket. */
static void
visits(SSL_CTX *server, SSL_CTX *client, int version, unsigned int from)
{
	struct visit one = {.server = server,
	    .client = client,
	    .version = version,
	    .name = "a.example",
	    .prepare = set_peer,
	    .arg = &from};
	struct outcome before = {0}, saw;

	for (int i = 0; i < 4; i++) {
		saw = visit(&one);
		drop_sessions(&before);
		before = saw;
		one.session = saw.session;
	}
	drop_sessions(&before);
}

/*
 * The threads
 */

struct worker {
	pthread_t thread;
	int number, version;
	SSL_CTX *client;
};

static void *
short_life(void *arg)
{
	struct worker *worker = arg;

	visits(torture.server, worker->client, worker->version, 7);
	gate_enter();
	OPENSSL_thread_stop(); /* else at its end, outside the gate */
	gate_leave();
	return NULL;
}

static void
attach(SSL_CTX *server)
{
	gate_enter();
	if (usher_attach(torture.engine, server, 0, NULL) != 0)
		atomic_fetch_add(&torture.wrong, 1);
	gate_leave();
}

static void
detach(SSL_CTX *server)
{
	gate_enter();
	if (usher_detach(server) != 0)
		atomic_fetch_add(&torture.wrong, 1);
	gate_leave();
}

/* A context of its own, detached between visits. */
static void
own_context(struct worker *worker)
{
	struct visit one = {
	    .client = worker->client, .version = worker->version};
	struct outcome saw;
	SSL_CTX *server;

	gate_enter();
	one.server = server = server_new(worker->version);
	gate_leave();
	attach(server);
	saw = visit(&one);
	drop_sessions(&saw);
	detach(server);
	saw = visit(&one);
	drop_sessions(&saw);
	attach(server);
	visits(server, worker->client, worker->version, 3);
	gate_enter();
	harness_drop_ctx(server);
	gate_leave();
}

static void *
work(void *arg)
{
	struct worker *worker = arg;
	pthread_t thread;
	unsigned int n;

	for (n = 0; !atomic_load(&torture.stop); n++) {
		visits(torture.server, worker->client, worker->version, n);
		if (n % 5 == 0 &&
		    pthread_create(&thread, NULL, short_life, worker) == 0)
			pthread_join(thread, NULL);
		if (n % 7 == 0 && torture.engine)
			own_context(worker);
	}
	return NULL;
}

static void
workers_start(struct worker *workers)
{
	atomic_store(&torture.stop, false);
	for (int i = 0; i < THREADS; i++) {
		workers[i].number = i;
		workers[i].version = i % 2 ? TLS1_3_VERSION : TLS1_2_VERSION;
		if (!workers[i].client)
			workers[i].client = client_new(workers[i].version);
		ck_assert_int_eq(
		    pthread_create(&workers[i].thread, NULL, work, &workers[i]),
		    0);
	}
}

static void
workers_stop(struct worker *workers)
{
	atomic_store(&torture.stop, true);
	for (int i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
}

/*
 * What goes on meanwhile
 */

static void
replace(int n)
{
	static const char *const broken[] = {"return {", "error('no')",
	    "return 7", "while true do end",
	    "return { selftest = function() error('no') end }"};
	bool is_broken = n % 10 == 3;
	const char *text = is_broken ? broken[n / 10 % 5] : script_numbered(n);
	int result = usher_replace_text(
	    torture.engine, "t.lua", text, strlen(text), NULL);

	if (result != (is_broken ? -1 : 0))
		atomic_fetch_add(&torture.wrong, 1);
}

static void
shadow(int n)
{
	const char *text = n % 20 == 5
			       ? "return { decrypt = function() error('x') end,"
				 " generate = function() error('y') end }"
			       : script_numbered(100000 + n);

	if (usher_shadow_text(
		torture.engine, "s.lua", text, strlen(text), NULL) != 0)
		atomic_fetch_add(&torture.wrong, 1);
	/* one that only fails is never to decide */
	if (n % 20 != 5)
		usher_canary(torture.engine, (unsigned int)(n % 1000), NULL);
}

static void
finish(pid_t child)
{
	int status;

	if (child < 0 || waitpid(child, &status, 0) != child ||
	    !WIFEXITED(status) || WEXITSTATUS(status) != 7)
		atomic_fetch_add(&torture.wrong, 1);
}

/* In a child: calls that take Usher's locks. The other threads may have been
 * anywhere, in OpenSSL too, whose locks do not survive. */
static void
fork_beside_all(void)
{
	struct usher_history entry;
	pid_t child = fork();

	if (child == 0) {
		alarm(60);
		usher_rollback(torture.engine, NULL);
		usher_shadow_drop(torture.engine, NULL);
		_exit(usher_history_get(
			  torture.engine, 0, &entry, sizeof entry) == 0
			  ? 7
			  : 1);
	}
	finish(child);
}

/* While nobody is in OpenSSL, but threads and their states are there. */
static void
fork_and_visit(struct worker *worker, int n)
{
	pid_t child;

	pthread_rwlock_wrlock(&torture.gate);
	child = fork();
	if (child == 0) {
		alarm(60);
		pthread_rwlock_init(&torture.gate, NULL);
		atomic_store(&torture.failed, 0);
		visits(torture.server, worker->client, worker->version, 1);
		replace(10 * n);
		visits(torture.server, worker->client, worker->version, 2);
		_exit(atomic_load(&torture.failed) == 0 ? 7 : 1);
	}
	pthread_rwlock_unlock(&torture.gate);
	finish(child);
}

static void
round_of(struct worker *workers, int n)
{
	replace(n);
	if (n % 7 == 0)
		usher_rollback(torture.engine, NULL);
	if (n % 5 == 0)
		shadow(n);
	if (n % 40 == 20)
		usher_promote(torture.engine, NULL);
	if (n % 15 == 14)
		usher_shadow_drop(torture.engine, NULL);
	if (n % 50 == 25 && FORK_BESIDE_MALLOC)
		fork_beside_all();
	if (n % 100 == 50 && FORK_BESIDE_MALLOC && THREADS_IN_CHILD)
		fork_and_visit(&workers[n / 100 % THREADS], n);
}

static void
rounds(struct worker *workers, int from, int to)
{
	workers_start(workers);
	for (int n = from; n < to; n++)
		round_of(workers, n);
	workers_stop(workers);
}

static void
expect_no_mishap(void)
{
	ck_assert_int_eq(atomic_load(&torture.failed), 0);
	ck_assert_int_eq(atomic_load(&torture.not_resumed), 0);
	ck_assert_int_eq(atomic_load(&torture.mixed), 0);
	ck_assert_int_eq(atomic_load(&torture.wrong), 0);
}

static long
resident(void)
{
	long total = 0, pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (file && fscanf(file, "%ld %ld", &total, &pages) != 2)
		pages = 0;
	if (file)
		fclose(file);
	return pages * sysconf(_SC_PAGESIZE);
}

/* Bytes that are allocated; 0 where a sanitizer has malloc. */
static long
allocated(void)
{
	struct mallinfo2 info = mallinfo2();

	return (long)(info.uordblks + info.hblkhd);
}

static void
expect_memory(long resident_before, long allocated_before)
{
	long more_resident = resident() - resident_before;
	long more_allocated = allocated() - allocated_before;

	printf("%d visits; resident %+ld KB, allocated %+ld KB\n",
	    atomic_load(&torture.visits), more_resident / 1024,
	    more_allocated / 1024);
	fflush(stdout);
#if !defined __SANITIZE_THREAD__ && !defined __SANITIZE_ADDRESS__
	ck_assert_int_lt(more_resident, GROWTH_MAX);
	ck_assert_int_lt(more_allocated, GROWTH_MAX / 8);
#endif
}

/* A writer that waits is not to be passed by readers for ever. */
static void
gate_init(void)
{
	pthread_rwlockattr_t attr;

	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(
	    &attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&torture.gate, &attr);
	pthread_rwlockattr_destroy(&attr);
}

START_TEST(all_at_once)
{
	struct engine_spec spec = {
	    .text = script_numbered(1), .decision = look_at_decision};
	struct worker workers[THREADS] = {{.number = 0}};
	int n = getenv("USHER_LONG") ? 4000 : 400;
	long resident_before, allocated_before;
	struct usher_stats stats;

	gate_init();
	torture.engine = engine_make(&spec);
	torture.server = engine_server(torture.engine, 0);
	rounds(workers, 2, 102); /* until all is warm */
	resident_before = resident();
	allocated_before = allocated();
	rounds(workers, 102, 102 + n);
	expect_no_mishap();
	stats = engine_stats(torture.engine);
	printf("%llu replacements, %llu refused, %llu rollbacks, "
	       "%llu promotions\n",
	    (unsigned long long)stats.reloads,
	    (unsigned long long)stats.reload_failures,
	    (unsigned long long)stats.rollbacks,
	    (unsigned long long)stats.promotions);
	printf("%llu decisions by canaries, %llu shadow runs, "
	       "%llu differences\n",
	    (unsigned long long)stats.canary_decisions,
	    (unsigned long long)stats.shadow_runs,
	    (unsigned long long)stats.shadow_differences);
	expect_memory(resident_before, allocated_before);
	ck_assert_uint_gt(stats.canary_decisions, 0);
	ck_assert_uint_gt(stats.shadow_differences, 0);
	ck_assert_uint_gt(stats.promotions, 0);
}
END_TEST

/* Of this process alone: children would count what they never free. */
START_TEST(in_the_end_nothing_is_left)
{
	struct engine_spec spec = {
	    .text = script_numbered(1), .decision = look_at_decision};
	struct worker workers[THREADS] = {{.number = 0}};
	struct usher *engine;
	int i;

	gate_init();
	torture.engine = engine = engine_make(&spec);
	torture.server = engine_server(engine, 0);
	workers_start(workers);
	for (i = 2; i < 60; i++)
		if (i % 50 != 25 && i % 100 != 50)
			round_of(workers, i);
	workers_stop(workers);
	expect_no_mishap();
	usher_shadow_drop(engine, NULL);
	ck_assert_uint_le(script_generations(engine), 2);
	ck_assert_uint_eq(script_states(engine), 0);
	/* The context keeps it, and the handshakes go on. */
	torture.engine = NULL;
	workers_start(workers);
	engine_free(engine);
	usleep(50000);
	workers_stop(workers);
	expect_no_mishap();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("torture");
	TCase *tcase =
	    engine_case("torture", getenv("USHER_LONG") ? 1800 : 300);

	tcase_add_test(tcase, all_at_once);
	tcase_add_test(tcase, in_the_end_nothing_is_left);
	suite_add_tcase(suite, tcase);
	return tests_run(suite);
}
