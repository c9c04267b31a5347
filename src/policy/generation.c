/*
 * SPDX-License-Identifier: MIT
 *
 * Loading: source -> bytecode -> a staging state that runs the top level and
 * the selftest. LuaJIT's parser recurses on the C stack, so all of it happens
 * on a thread whose stack is large enough; states then load the bytecode that
 * was made here, and never parse.
 */
#include "policy/generation.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "lib/crypto.h"
#include "policy/compile.h"
#include "policy/datasets.h"
#include "policy/loading.h"
#include "policy/modules.h"
#include "policy/pool.h"
#include "policy/state.h"

enum { LOADER_STACK = 8 * 1024 * 1024 };

/* The bytecode is owned by the generation, after a failure too. */
static int
compile_source(struct ush_generation *g, const struct ush_buffer *source,
    struct ush_error *err)
{
	struct ush_buffer bytecode = {0};
	int result = ush_compile(&g->engine->limits, g->chunk,
	    ush_buffer_text(source), source->len, &bytecode, err);

	g->bytecode = bytecode.data;
	g->bytecode_len = bytecode.len;
	if (result != 0)
		ush_generation_relabel(g, err);
	return result;
}

/*
 * Messages
 */

static void
set_label(struct ush_generation *g)
{
	const char *name = g->source->name, *base = name, *slash;

	ush_escape(g->label, sizeof g->label, name, strlen(name));
	slash = strrchr(name, '/');
	if (slash && slash[1] != '\0')
		base = slash + 1;
	g->chunk[0] = '@';
	ush_escape(g->chunk + 1, sizeof g->chunk - 1, base, strlen(base));
}

void
ush_generation_relabel(const struct ush_generation *g, struct ush_error *err)
{
	char text[sizeof err->message];
	const struct ush_module *module;
	size_t skip = 0;

	if (!err)
		return;
	module = ush_module_of_chunk(g, err->script);
	if (err->script[0] != '\0')
		skip = strlen(err->script) + strlen(": ");
	if (skip > 0 && err->line > 0)
		skip += (size_t)snprintf(NULL, 0, ":%d", err->line);
	if (skip > strlen(err->message))
		skip = 0;
	memcpy(text, err->message + skip, strlen(err->message + skip) + 1);
	ush_error_set(err, err->code, module ? module->label : g->label,
	    err->line, "%s", text);
}

/* The line in which a word of the source stands, searched from its start or
 * its end; 0 if it does not. For messages about what a script returned. */
static int
line_of_word(const struct ush_buffer *source, const char *word, bool last)
{
	const char *text = ush_buffer_text(source), *p = text;
	size_t len = strlen(word);
	int line = 1, found = 0;

	for (; *p != '\0'; p++) {
		if (*p == '\n')
			line++;
		if (strncmp(p, word, len) != 0)
			continue;
		if ((p > text && (p[-1] == '_' || (p[-1] | 32) >= 'a')) ||
		    p[len] == '_' || (p[len] | 32) >= 'a')
			continue;
		found = line;
		if (!last)
			break;
	}
	return found;
}

/* The last line with something in it. */
static int
last_line(const struct ush_buffer *source)
{
	const char *text = ush_buffer_text(source);
	int line = 1, last = 1;

	for (; *text != '\0'; text++) {
		if (*text == '\n')
			line++;
		else if (!strchr(" \t\r", *text))
			last = line;
	}
	return last;
}

/* Errors about the policy's table know no line, nor does a require that is a
 * tail call: find the one that is meant, by the name in quotes. About the table
 * it is else the last `return`; where there is no table, the last line. */
static void
find_line(const struct ush_generation *g, const struct ush_buffer *source,
    struct ush_error *err)
{
	const char *quote = strchr(err->message, '\''), *end;
	char word[64];
	int line = 0;

	if (err->line != 0 || err->code != USH_ERROR_SCRIPT ||
	    strcmp(err->script, g->label) != 0)
		return;
	end = quote ? strchr(quote + 1, '\'') : NULL;
	if (end && (size_t)(end - quote) < sizeof word) {
		memcpy(word, quote + 1, (size_t)(end - quote - 1));
		word[end - quote - 1] = '\0';
		line = line_of_word(source, word, false);
	}
	if (line == 0 && g->loading->looking)
		line = g->loading->returned_nothing
			   ? last_line(source)
			   : line_of_word(source, "return", true);
	if (line != 0) {
		err->line = line;
		err->script[0] = '\0';
		memmove(err->message, err->message + strlen(g->label) + 2,
		    strlen(err->message + strlen(g->label) + 2) + 1);
		ush_generation_relabel(g, err);
	}
}

/*
 * Loading
 */

/* Everything between reading the script and its revision. */
static int
load_source(struct ush_generation *g, const struct ush_buffer *source,
    struct ush_error *err)
{
	struct ush_state *state;
	int result = -1;

	if (compile_source(g, source, err) != 0)
		return -1;
	state = ush_state_new(g, true, err);
	if (!state) {
		find_line(g, source, err);
		ush_loading_recall(g->loading, err);
		if (err->code == USH_ERROR_SYSTEM)
			return -1;
	} else {
		ush_state_free(state);
		result = 0;
	}
	return ush_loading_check(g->loading, err) == 0 ? result : -1;
}

static int
load(struct ush_generation *g, struct ush_error *err)
{
	struct ush_buffer source = {0};
	struct ush_loading loading;
	int result;

	result = ush_loading_begin(&loading, g, &source, err);
	g->loading = &loading;
	if (result == 0) {
		result = load_source(g, &source, err);
		/* What is refused has one too, of what was read. */
		if (ush_loading_revision(
			&loading, &source, result == 0 ? err : NULL) != 0)
			result = -1;
	}
	g->loading = NULL;
	ush_loading_fini(&loading);
	ush_buffer_fini(&source);
	return result;
}

struct loader {
	struct ush_generation *generation;
	struct ush_error *err;
	int result;
};

static void *
loader_main(void *arg)
{
	struct loader *loader = arg;

	ush_crypto_background_begin();
	loader->result = load(loader->generation, loader->err);
	ush_crypto_background_end();
	return NULL;
}

/* Runs the loader on a thread of its own, without the host's signals. */
static int
load_on_thread(struct ush_generation *g, struct ush_error *err)
{
	struct loader loader = {g, err, -1};
	sigset_t all, before;
	pthread_attr_t attr;
	pthread_t thread;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, LOADER_STACK);
	error = pthread_create(&thread, &attr, loader_main, &loader);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error != 0)
		return ush_error_set(err, USH_ERROR_SYSTEM, g->label, 0,
		    "can't start a thread to load the script: %s",
		    strerror(error));
	pthread_join(thread, NULL);
	return loader.result;
}

struct ush_generation *
ush_generation_load(struct ush_engine *engine, const struct ush_source *source,
    struct ush_refused *refused, struct ush_error *err)
{
	struct ush_generation *g = calloc(1, sizeof *g);

	memset(refused, 0, sizeof *refused);
	if (!g) {
		ush_error_set(
		    err, USH_ERROR_SYSTEM, source->name, 0, "out of memory");
		return NULL;
	}
	g->engine = engine;
	g->source = source;
	set_label(g);
	if (load_on_thread(g, err) != 0) {
		ush_inputs_move(&refused->inputs, &g->inputs);
		memcpy(refused->revision_hex, g->revision_hex,
		    sizeof refused->revision_hex);
		ush_generation_free(g);
		return NULL;
	}
	g->source = NULL;
	g->loaded = true;
	ush_stats_add(
	    engine->stats, ush_pool_shard(), USH_STAT_generations_made);
	return g;
}

void
ush_generation_free(struct ush_generation *g)
{
	struct ush_engine *engine;

	if (!g)
		return;
	engine = g->engine;
	if (g->loaded)
		ush_stats_add(engine->stats, 0, USH_STAT_generations_freed);
	if (g->id != 0 && ush_pool_disown(g))
		ush_engine_destroy(engine);
	free(g->bytecode);
	ush_modules_free(g);
	ush_datasets_free(g);
	ush_inputs_fini(&g->inputs);
	free(g);
}
