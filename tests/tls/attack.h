/*
 * SPDX-License-Identifier: MIT
 *
 * Hostile scripts as tables: each attack runs in decrypt and in generate, in
 * real handshakes, on a thread with a small stack, with healthy handshakes on
 * the same engine around it.
 */
#ifndef TESTS_TLS_ATTACK_H
#define TESTS_TLS_ATTACK_H

#include <stddef.h>
#include <stdint.h>

#include "usher.h"

/* Most rows of a table need not say more than their first members. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ATTACK_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ATTACK_SANITIZED 1
#endif
#endif
#ifndef ATTACK_SANITIZED
#define ATTACK_SANITIZED 0
#endif

/* What may become of an attack, as bits. */
enum attack_end {
	ENDS_WELL = 1 << USHER_OK,
	ENDS_SCRIPT = 1 << USHER_ERROR_SCRIPT,
	ENDS_RETURN = 1 << USHER_ERROR_RETURN,
	ENDS_MEMORY = 1 << USHER_ERROR_MEMORY,
	ENDS_APP_DATA = 1 << USHER_ERROR_APP_DATA,
	ENDS_SYNTAX = 1 << USHER_ERROR_SYNTAX,
	/* Which of the two comes first is the machine's business. */
	ENDS_SPENT = 1 << USHER_ERROR_INSTRUCTIONS | 1 << USHER_ERROR_CPU_TIME,
};

enum attack_place { IN_BOTH, IN_DECRYPT, IN_GENERATE };

struct attack {
	const char *name;
	int ends;         /* enum attack_end */
	const char *body; /* of the function, given conn and ticket */
	const char *says; /* a part of the message; NULL: anything */
	enum attack_place in;
};

/* What all attacks of a table run under; zero members: the default. */
struct attack_limits {
	uint64_t instructions;
	unsigned int microseconds;
	size_t memory;
};

/* The last decision of one kind that this process's engines took. */
struct attack_note {
	int count;
	enum usher_code code;
	char verdict[16];
	char reason[256];
	char message[768];
	uint64_t memory;
};
extern struct attack_note attack_notes[2]; /* by enum usher_call */

/* All lines of the log, a newline after each. */
extern char attack_log[65536];

/* Options for an engine with this script, whose decisions and log lines are
 * noted above; and the engine itself, NULL, with *error filled, if the script
 * is refused. */
struct usher_options *attack_options(
    const char *text, size_t len, const struct attack_limits *limits);
struct usher *attack_engine(const char *text, size_t len,
    const struct attack_limits *limits, struct usher_error *error);

/* Runs fn on a thread with 256 KB of stack (more under sanitizers). */
void attack_on_small_stack(void (*fn)(void *arg), void *arg);

/*
 * Fails the test if this thread has used more CPU time since `since` than one
 * handshake may with `policies` of these limits, 2 if there is a shadow: what
 * the manual promises (LIMITS in usher(7)); for each call that is cut off, what
 * comes before the clock is first looked at and after it should have been; and
 * OpenSSL's part in a handshake with a thousand tickets. The last two are
 * measured here and now, if they matter. attack_clock gives nanoseconds.
 */
uint64_t attack_clock(void);
void attack_check_clock(uint64_t since, const struct attack_limits *limits,
    int policies, const char *name);

/*
 * The whole drill for one attack in one version: a healthy visit, the attack in
 * decrypt, a healthy one, the attack in generate, healthy ones. Fails the test
 * unless calls end in time as the attack says, the connections live, what
 * resumes is what may, and what is healthy stays so.
 */
void attack_run(const struct attack *attack, int version,
    const struct attack_limits *limits);

/* A script that usher_new has to refuse (or take: ENDS_WELL) in time. */
void attack_load(const struct attack *attack);

#endif
