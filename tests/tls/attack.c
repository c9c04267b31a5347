/*
 * SPDX-License-Identifier: MIT
 *
 * The drill that every hostile script goes through.
 */
#include "attack.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <check.h>

#include "harness.h"
#include "policy/engine.h"

enum {
	STACK = ATTACK_SANITIZED ? 2048 * 1024 : 256 * 1024,
	DECRYPT_CALLS = 2, /* whose CPU time those of a handshake may take */
	/* Calls that can be cut off: of decrypt, of generate, top levels. */
	CUT_OFF = DECRYPT_CALLS + USH_HANDSHAKE_GENERATE_FACTOR +
		  USH_HANDSHAKE_SET_UP_FACTOR,
	SCRIPT_MAX = 64 * 1024,
	PATIENT = 1000000, /* microseconds: more than a busy machine takes */
};

struct attack_note attack_notes[2];
char attack_log[65536];

static void
take_note(void *arg, const struct usher_decision *decision)
{
	struct attack_note *note = &attack_notes[decision->call];

	(void)arg;
	note->count++;
	note->code = decision->error ? decision->error->code : USHER_OK;
	note->memory = decision->memory;
	snprintf(note->verdict, sizeof note->verdict, "%s", decision->verdict);
	snprintf(note->reason, sizeof note->reason, "%s",
	    decision->reason ? decision->reason : "");
	snprintf(note->message, sizeof note->message, "%s",
	    decision->error ? decision->error->message : "");
}

static void
take_line(void *arg, enum usher_log_level level, const char *message)
{
	size_t used = strlen(attack_log);

	(void)arg;
	(void)level;
	snprintf(attack_log + used, sizeof attack_log - used, "%s\n", message);
}

static unsigned int
microseconds_of(const struct attack_limits *limits)
{
	unsigned int n = limits->microseconds ? limits->microseconds : 20000;

	/* Instructions are to end it, as without. */
	return ATTACK_SANITIZED ? n * 20 : n;
}

struct usher_options *
attack_options(const char *text, size_t len, const struct attack_limits *limits)
{
	struct usher_options *options = usher_options_new();
	unsigned int microseconds = microseconds_of(limits);
	int bad = 0;

	ck_assert_ptr_nonnull(options);
	bad |= usher_options_set_script_text(options, "test.lua", text, len);
	bad |= usher_options_set_log(options, take_line, NULL);
	bad |= usher_options_set_decision(options, take_note, NULL);
	if (limits->instructions)
		bad |= usher_options_set_instruction_limit(
		    options, limits->instructions);
	bad |= usher_options_set_cpu_time_limit(options, microseconds);
	if (limits->memory)
		bad |= usher_options_set_memory_limit(options, limits->memory);
	ck_assert_int_eq(bad, 0);
	return options;
}

struct usher *
attack_engine(const char *text, size_t len, const struct attack_limits *limits,
    struct usher_error *error)
{
	struct usher_options *options = attack_options(text, len, limits);
	struct usher *engine = usher_new(options, error);

	usher_options_free(options);
	return engine;
}

/*
 * The thread
 */

struct errand {
	void (*fn)(void *arg);
	void *arg;
};

static void *
errand_main(void *arg)
{
	struct errand *errand = arg;

	errand->fn(errand->arg);
	return NULL;
}

void
attack_on_small_stack(void (*fn)(void *arg), void *arg)
{
	struct errand errand = {fn, arg};
	pthread_attr_t attr;
	pthread_t thread;

	ck_assert_int_eq(pthread_attr_init(&attr), 0);
	ck_assert_int_eq(pthread_attr_setstacksize(&attr, STACK), 0);
	ck_assert_int_eq(
	    pthread_create(&thread, &attr, errand_main, &errand), 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attr);
}

uint64_t
attack_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* What a first visit takes under a policy that may spend next to nothing. */
static uint64_t
measure(int version, const char *generate)
{
	struct attack_limits none = {.microseconds = 1};
	struct visit visit = {.version = version};
	struct usher *engine;
	char text[512];
	uint64_t since;

	snprintf(text, sizeof text,
	    "return { generate = function(conn, ticket) %s end }", generate);
	engine = attack_engine(text, strlen(text), &none, NULL);
	ck_assert_ptr_nonnull(engine);
	visit.server = server_new(visit.version);
	ck_assert_int_eq(usher_attach(engine, visit.server, 0, NULL), 0);
	since = attack_clock();
	visit_run(&visit);
	since = attack_clock() - since;
	usher_detach(visit.server);
	usher_free(engine);
	return since;
}

/* What a handshake takes beyond the limits; notes and log stay as they are. */
static uint64_t
measure_rest(int policies)
{
	struct attack_note notes[2];
	size_t logged = strlen(attack_log);
	uint64_t rest;

	memcpy(notes, attack_notes, sizeof notes);
	rest = measure(TLS1_3_VERSION,
	    "if ticket.index == 1 then conn.num_tickets = 1000 end");
	/* One call, whose instructions take as long as any do. */
	rest += CUT_OFF * (uint64_t)policies *
		measure(TLS1_2_VERSION, "local s = ('1'):rep(60000)\n"
					"while true do local x = s + s end");
	memcpy(attack_notes, notes, sizeof notes);
	attack_log[logged] = '\0';
	return rest;
}

void
attack_check_clock(uint64_t since, const struct attack_limits *limits,
    int policies, const char *name)
{
	uint64_t ns = attack_clock() - since;
	uint64_t most =
	    (DECRYPT_CALLS + USH_HANDSHAKE_GENERATE_FACTOR +
		USH_HANDSHAKE_SET_UP_FACTOR * USH_TOP_LEVEL_CPU_FACTOR) *
	    (uint64_t)policies * microseconds_of(limits) * 1000;

	if (ns > most)
		most += measure_rest(policies);
	if (getenv("ATTACK_TIMES"))
		fprintf(stderr, "%5d ms of %d  %s\n", (int)(ns / 1000000),
		    (int)(most / 1000000), name);
	ck_assert_msg(ns <= most, "%s: took %d ms of %d", name,
	    (int)(ns / 1000000), (int)(most / 1000000));
}

/*
 * The drill
 */

struct drill {
	const struct attack *attack;
	const struct attack_limits *limits;
	int version;
	SSL_CTX *server;
	SSL_SESSION *healthy; /* a ticket made in health */
};

static void
set_mode(struct conn *conn, void *arg)
{
	const char *mode = arg;

	ck_assert_int_eq(
	    usher_conn_set_string(conn->server, "attack", mode, strlen(mode)),
	    0);
}

static struct outcome
visit(const struct drill *drill, const char *mode, SSL_SESSION *session)
{
	struct visit one = {
	    .server = drill->server,
	    .version = drill->version,
	    .name = "a.example",
	    .session = session,
	    .prepare = set_mode,
	    .arg = (void *)(uintptr_t)mode,
	};
	uint64_t since = attack_clock();
	struct outcome saw;

	memset(attack_notes, 0, sizeof attack_notes);
	saw = visit_run(&one);
	attack_check_clock(since, drill->limits, 1, drill->attack->name);
	ck_assert_msg(saw.echoed, "%s in %s: no echo, alert %d",
	    drill->attack->name, mode, saw.alert);
	return saw;
}

/* Did the call end as it may? Whether that was an error. */
static int
check_end(const struct drill *drill, enum usher_call call)
{
	const struct attack *attack = drill->attack;
	const struct attack_note *note = &attack_notes[call];
	const char *where = call == USHER_CALL_DECRYPT ? "decrypt" : "generate";

	if (getenv("ATTACK_TIMES"))
		fprintf(stderr, "   end %d in %s of %s: %s\n", note->code,
		    where, attack->name, note->message);
	ck_assert_msg(note->count > 0, "%s: no %s", attack->name, where);
	ck_assert_msg(attack->ends & 1 << note->code,
	    "%s in %s: ended with %d, %s", attack->name, where, note->code,
	    note->message);
	ck_assert_msg(note->code == USHER_OK || !attack->says ||
			  strstr(note->message, attack->says),
	    "%s in %s: \"%s\" is not in: %s", attack->name, where, attack->says,
	    note->message);
	for (const char *p = note->message; *p; p++)
		ck_assert_msg((unsigned char)*p >= ' ' && *p != 127,
		    "%s: control character", attack->name);
	ck_assert_msg(!strstr(note->message, "0x"), "%s: an address in %s",
	    attack->name, note->message);
	return note->code != USHER_OK;
}

static void
check_health(struct drill *drill)
{
	struct outcome saw = visit(drill, "no", drill->healthy);

	for (int call = 0; call < 2; call++)
		ck_assert_msg(attack_notes[call].code == USHER_OK,
		    "after %s: %s", drill->attack->name,
		    attack_notes[call].message);
	ck_assert_msg(
	    saw.resumed, "after %s: not resumed", drill->attack->name);
	drill->healthy = saw.session;
}

static void
attack_decrypt(struct drill *drill)
{
	const struct attack_note *note = &attack_notes[USHER_CALL_DECRYPT];
	struct outcome saw = visit(drill, "decrypt", drill->healthy);

	if (check_end(drill, USHER_CALL_DECRYPT)) {
		ck_assert_msg(!saw.resumed, "%s: resumed", drill->attack->name);
		ck_assert_str_eq(note->verdict, "ignore_renew");
		ck_assert_int_gt(saw.tickets, 0);
	} else {
		ck_assert_int_eq(
		    saw.resumed, strncmp(note->verdict, "use", 3) == 0);
	}
}

static void
attack_generate(struct drill *drill)
{
	const struct attack_note *note = &attack_notes[USHER_CALL_GENERATE];
	struct outcome saw = visit(drill, "generate", NULL);

	if (check_end(drill, USHER_CALL_GENERATE)) {
		ck_assert_str_eq(note->verdict, "disabled");
		saw = visit(drill, "no", saw.session);
		ck_assert_msg(!saw.resumed,
		    "%s: a ticket of a failed generate resumed",
		    drill->attack->name);
	}
}

static struct usher *
drill_engine(const struct drill *drill)
{
	struct attack_limits limits = *drill->limits;
	struct usher_error error = {0};
	char *text = malloc(SCRIPT_MAX);
	struct usher *engine;
	int len;

	ck_assert_ptr_nonnull(text);
	len = snprintf(text, SCRIPT_MAX,
	    "local function attack(conn, ticket)\n"
	    "  %s\n"
	    "end\n"
	    "return {\n"
	    "  generate = function(conn, ticket)\n"
	    "    if conn.vars.attack == 'generate' then\n"
	    "      return attack(conn, ticket)\n"
	    "    end\n"
	    "    return { n = 1 }\n"
	    "  end,\n"
	    "  decrypt = function(conn, ticket)\n"
	    "    if conn.vars.attack == 'decrypt' then\n"
	    "      return attack(conn, ticket)\n"
	    "    end\n"
	    "    if ticket.decrypted then\n"
	    "      return 'use_renew', tostring(ticket.data.n)\n"
	    "    end\n"
	    "  end,\n"
	    "}\n",
	    drill->attack->body);
	ck_assert_int_lt(len, SCRIPT_MAX);
	/* Where time is not what ends it, the machine must not matter. */
	if (limits.microseconds == 0 &&
	    (drill->attack->ends & 1 << USHER_ERROR_CPU_TIME) == 0)
		limits.microseconds = PATIENT;
	engine = attack_engine(text, (size_t)len, &limits, &error);
	ck_assert_msg(
	    engine != NULL, "%s: %s", drill->attack->name, error.message);
	free(text);
	return engine;
}

static void
drill_main(void *arg)
{
	struct drill *drill = arg;
	struct usher *engine = drill_engine(drill);

	drill->server = server_new(drill->version);
	ck_assert_int_eq(usher_attach(engine, drill->server, 0, NULL), 0);
	drill->healthy = visit(drill, "no", NULL).session;
	check_health(drill);
	if (drill->attack->in != IN_GENERATE) {
		attack_decrypt(drill);
		check_health(drill);
	}
	if (drill->attack->in != IN_DECRYPT) {
		attack_generate(drill);
		check_health(drill);
	}
	usher_free(engine);
}

void
attack_run(const struct attack *attack, int version,
    const struct attack_limits *limits)
{
	struct drill drill = {
	    .attack = attack, .limits = limits, .version = version};

	attack_on_small_stack(drill_main, &drill);
}

static void
load_main(void *arg)
{
	const struct attack *attack = arg;
	/* Under sanitizers this is 50 times 20 times as much: 5 s. */
	struct attack_limits limits = {
	    .microseconds = ATTACK_SANITIZED ? 5000 : 0};
	struct usher_error error = {0};
	struct timespec before, after;
	struct usher *engine;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	engine =
	    attack_engine(attack->body, strlen(attack->body), &limits, &error);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	if (getenv("ATTACK_TIMES"))
		fprintf(stderr, "%5d ms  %s: %s\n",
		    (int)((after.tv_sec - before.tv_sec) * 1000 +
			  (after.tv_nsec - before.tv_nsec) / 1000000),
		    attack->name, error.message);
	/* Loading may take 50 times as long as a call: one second. */
	ck_assert_msg(ATTACK_SANITIZED || after.tv_sec - before.tv_sec <= 2,
	    "%s: loading takes seconds", attack->name);
	ck_assert_msg(!engine == (error.code != USHER_OK), "%s: %d",
	    attack->name, error.code);
	ck_assert_msg(attack->ends & 1 << error.code, "%s: %d, %s",
	    attack->name, error.code, error.message);
	ck_assert_msg(!attack->says || strstr(error.message, attack->says),
	    "%s: \"%s\" is not in: %s", attack->name, attack->says,
	    error.message);
	usher_free(engine);
}

void
attack_load(const struct attack *attack)
{
	attack_on_small_stack(load_main, (void *)(uintptr_t)attack);
}
