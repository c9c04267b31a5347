/*
 * SPDX-License-Identifier: MIT
 *
 * bench_reload SECONDS: how long resumed handshakes of TLS 1.3 take in one
 * thread, while nothing else happens, while another thread does what a reload
 * does every 10 ms without the engine (compiling and running the same script in
 * an engine of its own), and while it reloads the engine. The three take turns
 * of a tenth of a second, so that a busy machine is busy for all of them alike.
 * A line for each: what, handshakes, p50, p99 in microseconds.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tls/harness.h"
#include "usher.h"

enum { QUIET, ELSEWHERE, RELOADING, MODES, SAMPLES = 1000000, TURN_MS = 100 };

static const char *const names[MODES] = {
    "alone", "the same work elsewhere", "a reload every 10 ms"};

static struct {
	atomic_int mode;
	struct usher *engine, *other;
	uint32_t *ns[MODES];
	size_t n[MODES];
} bench;

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void
replace(struct usher *engine, unsigned int n)
{
	char text[512];

	snprintf(text, sizeof text,
	    "local n = %u\n"
	    "return { generate = function(conn)\n"
	    "    return { sni = conn.server_name, tenant = 'acme' }\n"
	    "  end, decrypt = function(conn, ticket)\n"
	    "    if not ticket.decrypted then return 'default' end\n"
	    "    if ticket.data.sni ~= conn.server_name then\n"
	    "      return 'ignore_renew' end\n"
	    "    return 'use_renew'\n"
	    "  end }\n",
	    n);
	if (usher_replace_text(engine, "bench.lua", text, strlen(text), NULL))
		exit(1);
}

static void *
reload_often(void *arg)
{
	unsigned int n = 0;
	int mode;

	(void)arg;
	while ((mode = atomic_load(&bench.mode)) < MODES) {
		if (mode == RELOADING)
			replace(bench.engine, ++n);
		else if (mode == ELSEWHERE)
			replace(bench.other, ++n);
		usleep(10000);
	}
	return NULL;
}

static void
handshakes(struct visit *visit, int mode)
{
	uint64_t end = now_ns() + TURN_MS * 1000000u, start;
	struct outcome saw;

	atomic_store(&bench.mode, mode);
	while (now_ns() < end && bench.n[mode] < SAMPLES) {
		start = now_ns();
		saw = visit_run(visit);
		bench.ns[mode][bench.n[mode]++] = (uint32_t)(now_ns() - start);
		if (!saw.resumed)
			exit(1);
		harness_drop_sessions(&saw);
	}
}

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void
print(int mode)
{
	size_t n = bench.n[mode];

	qsort(bench.ns[mode], n, sizeof **bench.ns, compare);
	printf("%-28s %10zu %10.0f %10.0f\n", names[mode], n,
	    bench.ns[mode][n / 2] / 1e3, bench.ns[mode][n * 99 / 100] / 1e3);
}

static struct usher *
engine_new(void)
{
	struct usher_options *options = usher_options_new();
	struct usher_error error;
	struct usher *engine;

	usher_options_set_script_text(options, "bench.lua", "return {}", 9);
	engine = usher_new(options, &error);
	usher_options_free(options);
	if (!engine)
		exit(1);
	replace(engine, 0);
	return engine;
}

int
main(int argc, char **argv)
{
	struct visit visit = {.version = TLS1_3_VERSION, .name = "a.example"};
	int turns = argc == 2 ? atoi(argv[1]) * 1000 / TURN_MS / MODES : 0;
	pthread_t thread;

	if (turns < 1) {
		fprintf(stderr, "usage: %s SECONDS\n", argv[0]);
		return 2;
	}
	bench.engine = engine_new();
	bench.other = engine_new();
	for (int i = 0; i < MODES; i++)
		bench.ns[i] = calloc(SAMPLES, sizeof **bench.ns);
	visit.server = server_new(TLS1_3_VERSION);
	visit.client = client_new(TLS1_3_VERSION);
	if (usher_attach(bench.engine, visit.server, 0, NULL) != 0)
		return 1;
	visit.session = visit_run(&visit).session;
	pthread_create(&thread, NULL, reload_often, NULL);
	for (int i = 0; i < turns * MODES; i++)
		handshakes(&visit, i % MODES);
	atomic_store(&bench.mode, MODES);
	pthread_join(thread, NULL);
	for (int i = 0; i < MODES; i++) {
		print(i);
		free(bench.ns[i]);
	}
	harness_clear();
	usher_free(bench.engine);
	usher_free(bench.other);
	return 0;
}
