/*
 * SPDX-License-Identifier: MIT
 *
 * Engines for tests: made from a text, freed when the test ends, with a note of
 * every decision and log line.
 */
#ifndef TESTS_TLS_ENGINE_H
#define TESTS_TLS_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include <check.h>

#include "usher.h"

#include "harness.h"
#include "suite.h"

/* A test case that frees what harness and engines handed out, contexts before
 * engines, when a test ends. */
TCase *engine_case(const char *name, int seconds);

/* What an engine is made from. Zero members: the default. */
struct engine_spec {
	const char *text; /* NULL, and no path: the standard policy */
	enum usher_on_error on_error;
	size_t app_data_limit;
	size_t memory_limit;
	size_t store_size;
	const char *store_name;
	uint64_t instruction_limit;
	/* Microseconds. Not the default: ten seconds, so that no test depends
	 * on how fast the machine, or a sanitizer, is. */
	unsigned int cpu_time_limit;
	/* Called after the decision was noted. */
	usher_decision_fn decision;
	void *decision_arg;
	/* Called after the line was noted. */
	void (*logged)(const char *message);
	const char *path; /* of a script, in place of the text */
};

/* A new engine, which engine_case frees. Fails the test if there is none. */
struct usher *engine_make(const struct engine_spec *spec);
struct usher *engine_new(const char *text);
/* The same, for the test itself to free. */
struct usher *engine_new_own(const char *text);
/* Frees one now. */
void engine_free(struct usher *engine);

/* The error that usher_new gives for a text; fails the test if it takes it. */
struct usher_error engine_refused(const char *text);

/* usher_attach without flags; fails the test if it fails. */
void engine_attach(struct usher *engine, SSL_CTX *ctx);
/* The harness's server, attached. */
SSL_CTX *engine_server(struct usher *engine, int version);
/* Both: a server with this policy. */
SSL_CTX *policy_server(const char *text, int version);

struct usher_stats engine_stats(const struct usher *engine);

/* A first visit, and one with its (last) ticket, which is returned. */
struct outcome visit_twice(const struct visit *visit);

/* A decision, copied. */
struct note {
	enum usher_call call;
	char status[16];
	char verdict[16];
	char reason[512];
	char revision[32];
	char policy[80];
	char seen[1024]; /* conn.vars.seen at that moment */
	enum usher_code code;
	int line;
	char message[768];
	int remembered;
	uint64_t instructions;
	uint64_t memory;
};

/* The last decision of a call (the test fails if there is none), how many
 * there were since notes_clear, and how many of them were errors. */
const struct note *note_last(enum usher_call call);
int note_count(enum usher_call call);
int note_errors(void);
void notes_clear(void);

/* Fails the test, with the first error's message, if a script failed. */
void notes_check(void);

/* Log lines since notes_clear: how many contain `part` (NULL: any). */
int log_count(enum usher_log_level level, const char *part);

/* For visit.prepare: gives the client an address, so that it can be a canary's.
 */
void engine_peer(struct conn *conn, void *arg);

#endif
