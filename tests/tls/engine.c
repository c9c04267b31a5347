/*
 * SPDX-License-Identifier: MIT
 *
 * Engines for tests, and the notes that their decision and log functions take.
 */
#include "engine.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define ENGINES_MAX 64
#define NOTES_MAX 64
#define LINES_MAX 64

struct line {
	enum usher_log_level level;
	char text[1024];
};

static struct {
	pthread_mutex_t lock;
	struct usher *engines[ENGINES_MAX];
	struct engine_spec specs[ENGINES_MAX];
	size_t n_engines;
	struct note notes[NOTES_MAX]; /* the first NOTES_MAX - 1, the last */
	size_t n_notes;
	int counts[2];
	int errors;
	struct line lines[LINES_MAX];
	size_t n_lines;
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void
copy(char *to, size_t cap, const char *from)
{
	snprintf(to, cap, "%s", from ? from : "");
}

static void
note_fill(struct note *note, const struct usher_decision *decision)
{
	memset(note, 0, sizeof *note);
	note->call = decision->call;
	copy(note->status, sizeof note->status, decision->status);
	copy(note->verdict, sizeof note->verdict, decision->verdict);
	copy(note->reason, sizeof note->reason, decision->reason);
	copy(note->revision, sizeof note->revision, decision->revision);
	copy(note->policy, sizeof note->policy, decision->policy);
	copy(note->seen, sizeof note->seen,
	    usher_conn_get_string(decision->ssl, "seen", NULL));
	note->remembered = decision->remembered;
	note->instructions = decision->instructions;
	note->memory = decision->memory;
	if (!decision->error)
		return;
	note->code = decision->error->code;
	note->line = decision->error->line;
	copy(note->message, sizeof note->message, decision->error->message);
}

static void
take_note(void *arg, const struct usher_decision *decision)
{
	const struct engine_spec *spec = arg;
	struct note note;

	note_fill(&note, decision);
	pthread_mutex_lock(&kept.lock);
	if (kept.n_notes == NOTES_MAX)
		kept.n_notes--;
	kept.notes[kept.n_notes++] = note;
	kept.counts[decision->call]++;
	if (decision->error)
		kept.errors++;
	pthread_mutex_unlock(&kept.lock);
	if (spec && spec->decision)
		spec->decision(spec->decision_arg, decision);
}

static void
take_line(void *arg, enum usher_log_level level, const char *message)
{
	const struct engine_spec *spec = arg;
	struct line *line;

	pthread_mutex_lock(&kept.lock);
	if (kept.n_lines < LINES_MAX) {
		line = &kept.lines[kept.n_lines++];
		line->level = level;
		copy(line->text, sizeof line->text, message);
	}
	pthread_mutex_unlock(&kept.lock);
	if (spec->logged)
		spec->logged(message);
}

static void
engines_clear(void)
{
	harness_clear();
	while (kept.n_engines > 0)
		usher_free(kept.engines[--kept.n_engines]);
	notes_clear();
}

TCase *
engine_case(const char *name, int seconds)
{
	TCase *tcase = tcase_create(name);

	tcase_set_timeout(tcase, seconds);
	tcase_add_checked_fixture(tcase, NULL, engines_clear);
	return tcase;
}

/* The library's threads log, too; a fork must not find the lock held. */
static void
lock_notes(void)
{
	pthread_mutex_lock(&kept.lock);
}

static void
unlock_notes(void)
{
	pthread_mutex_unlock(&kept.lock);
}

static void
survive_forks(void)
{
	pthread_atfork(lock_notes, unlock_notes, unlock_notes);
}

static struct usher_options *
options_make(const struct engine_spec *spec)
{
	struct usher_options *options = usher_options_new();
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int bad = 0;

	ck_assert_ptr_nonnull(options);
	pthread_once(&once, survive_forks);
	if (spec->path)
		bad |= usher_options_set_script_file(options, spec->path);
	else if (spec->text)
		bad |= usher_options_set_script_text(
		    options, "test.lua", spec->text, strlen(spec->text));
	bad |= usher_options_set_on_error(options, spec->on_error);
	if (spec->app_data_limit)
		bad |= usher_options_set_app_data_limit(
		    options, spec->app_data_limit);
	if (spec->memory_limit)
		bad |=
		    usher_options_set_memory_limit(options, spec->memory_limit);
	if (spec->store_size)
		bad |= usher_options_set_store_size(options, spec->store_size);
	bad |= usher_options_set_store_name(options, spec->store_name);
	if (spec->instruction_limit)
		bad |= usher_options_set_instruction_limit(
		    options, spec->instruction_limit);
	bad |= usher_options_set_cpu_time_limit(
	    options, spec->cpu_time_limit ? spec->cpu_time_limit : 10000000);
	bad |=
	    usher_options_set_log(options, take_line, (void *)(uintptr_t)spec);
	bad |= usher_options_set_decision(
	    options, take_note, (void *)(uintptr_t)spec);
	ck_assert_int_eq(bad, 0);
	return options;
}

static struct usher *
make(const struct engine_spec *spec)
{
	struct usher_options *options = options_make(spec);
	struct usher_error error = {0};
	struct usher *engine = usher_new(options, &error);

	usher_options_free(options);
	ck_assert_msg(engine != NULL, "usher_new: %s", error.message);
	return engine;
}

struct usher *
engine_make(const struct engine_spec *spec)
{
	struct engine_spec *own = &kept.specs[kept.n_engines];
	struct usher *engine;

	ck_assert_uint_lt(kept.n_engines, ENGINES_MAX);
	*own = *spec;
	engine = make(own);
	kept.engines[kept.n_engines++] = engine;
	return engine;
}

struct usher *
engine_new(const char *text)
{
	struct engine_spec spec = {.text = text};

	return engine_make(&spec);
}

struct usher *
engine_new_own(const char *text)
{
	static struct engine_spec spec; /* no decision function: shared */

	spec.text = text;
	return make(&spec);
}

void
engine_free(struct usher *engine)
{
	size_t i;

	for (i = 0; i < kept.n_engines; i++)
		if (kept.engines[i] == engine)
			kept.engines[i] = NULL;
	usher_free(engine);
}

struct usher_error
engine_refused(const char *text)
{
	struct engine_spec spec = {.text = text};
	struct usher_options *options = options_make(&spec);
	struct usher_error error = {0};
	struct usher *engine = usher_new(options, &error);

	usher_options_free(options);
	ck_assert_msg(engine == NULL, "usher_new takes: %s", text);
	ck_assert_int_ne(error.code, USHER_OK);
	ck_assert_str_ne(error.message, "");
	return error;
}

void
engine_attach(struct usher *engine, SSL_CTX *ctx)
{
	struct usher_error error = {0};

	ck_assert_msg(usher_attach(engine, ctx, 0, &error) == 0,
	    "usher_attach: %s", error.message);
}

SSL_CTX *
engine_server(struct usher *engine, int version)
{
	SSL_CTX *ctx = server_new(version);

	engine_attach(engine, ctx);
	return ctx;
}

SSL_CTX *
policy_server(const char *text, int version)
{
	return engine_server(engine_new(text), version);
}

struct usher_stats
engine_stats(const struct usher *engine)
{
	struct usher_stats stats;

	ck_assert_int_eq(usher_stats_get(engine, &stats, sizeof stats), 0);
	return stats;
}

struct outcome
visit_twice(const struct visit *visit)
{
	struct outcome first = visit_run(visit);
	struct visit again = *visit;

	ck_assert_msg(first.echoed, "the first visit: alert %d", first.alert);
	ck_assert_ptr_nonnull(first.session);
	again.session = first.session;
	return visit_run(&again);
}

const struct note *
note_last(enum usher_call call)
{
	size_t i = kept.n_notes;

	while (i > 0 && kept.notes[i - 1].call != call)
		i--;
	ck_assert_msg(i > 0, "no decision of %s",
	    call == USHER_CALL_DECRYPT ? "decrypt" : "generate");
	return &kept.notes[i - 1];
}

int
note_count(enum usher_call call)
{
	return kept.counts[call];
}

int
note_errors(void)
{
	return kept.errors;
}

void
notes_clear(void)
{
	pthread_mutex_lock(&kept.lock);
	kept.n_notes = 0;
	kept.counts[0] = kept.counts[1] = 0;
	kept.errors = 0;
	kept.n_lines = 0;
	pthread_mutex_unlock(&kept.lock);
}

void
notes_check(void)
{
	size_t i;

	for (i = 0; i < kept.n_notes; i++)
		ck_assert_msg(kept.notes[i].code == USHER_OK, "%s",
		    kept.notes[i].message);
	ck_assert_int_eq(kept.errors, 0);
}

int
log_count(enum usher_log_level level, const char *part)
{
	int n = 0;
	size_t i;

	pthread_mutex_lock(&kept.lock);
	for (i = 0; i < kept.n_lines; i++)
		if (kept.lines[i].level == level &&
		    (!part || strstr(kept.lines[i].text, part)))
			n++;
	pthread_mutex_unlock(&kept.lock);
	return n;
}

void
engine_peer(struct conn *conn, void *arg)
{
	struct sockaddr_in peer = {.sin_family = AF_INET};

	(void)arg;
	usher_conn_set_peer(
	    conn->server, (struct sockaddr *)&peer, sizeof peer);
}
