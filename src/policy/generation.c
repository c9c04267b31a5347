/*
 * SPDX-License-Identifier: MIT
 *
 * Loading: source -> bytecode -> a staging state that runs the top level and
 * the selftest. LuaJIT's parser recurses on the C stack, so all of it happens
 * on a thread whose stack is large enough; states then load the bytecode that
 * was made here, and never parse.
 */
#include "policy/generation.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lauxlib.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "lib/crypto.h"
#include "policy/pool.h"
#include "policy/state.h"
#include "sandbox/box.h"

enum { LOADER_STACK = 8 * 1024 * 1024 };

/*
 * The source
 */

static int
file_error(struct ush_error *err, const char *path, const char *what)
{
	return ush_error_set(err, USH_ERROR_FILE, path, 0, "%s", what);
}

static int
read_all(int fd, const char *path, size_t limit, struct ush_buffer *source,
    struct ush_error *err)
{
	char chunk[8192];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof chunk)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return file_error(err, path, strerror(errno));
		if (source->len + (size_t)n > limit)
			return ush_error_set(err, USH_ERROR_FILE, path, 0,
			    "the script is larger than the source limit of "
			    "%zu bytes",
			    limit);
		if (ush_buffer_put(source, chunk, (size_t)n) != 0)
			return file_error(err, path, "out of memory");
	}
	return 0;
}

static int
open_failed(const struct ush_source *from, struct ush_inputs *inputs,
    struct ush_error *err)
{
	int error = errno;
	struct stat st;
	/* There, but not for us: it would look changed for ever otherwise. */
	bool there = error != ENOENT && stat(from->path, &st) == 0;

	ush_inputs_add(inputs, from->path, there ? &st : NULL);
	return ush_error_set(err, USH_ERROR_FILE, from->name, 0,
	    "the script can't be opened: %s", strerror(error));
}

static int
read_file(const struct ush_source *from, size_t limit,
    struct ush_buffer *source, struct ush_inputs *inputs, struct ush_error *err)
{
	/* A FIFO must not stop us before we can see that it is one. */
	int fd = open(from->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *name = from->name;
	struct stat st;
	int result = -1;

	if (fd < 0)
		return open_failed(from, inputs, err);
	if (fstat(fd, &st) != 0)
		file_error(err, name, strerror(errno));
	else if (ush_inputs_add(inputs, from->path, &st) != 0)
		file_error(err, name, "out of memory");
	else if (S_ISDIR(st.st_mode))
		file_error(err, name, "is a directory; name the script in it");
	else if (!S_ISREG(st.st_mode))
		file_error(err, name,
		    "is not a regular file; name a file with the script");
	else
		result = read_all(fd, name, limit, source, err);
	close(fd);
	return result;
}

static int
read_source(
    struct ush_generation *g, struct ush_buffer *source, struct ush_error *err)
{
	const struct ush_source *from = g->source;
	size_t limit = g->engine->limits.source;

	if (from->path)
		return read_file(from, limit, source, &g->inputs, err);
	if (from->len > limit)
		return ush_error_set(err, USH_ERROR_FILE, from->name, 0,
		    "the script is larger than the source limit of %zu bytes",
		    limit);
	if (ush_buffer_put(source, from->text, from->len) != 0)
		return file_error(err, from->name, "out of memory");
	return 0;
}

/*
 * Compiling
 */

struct compile {
	struct ush_generation *generation;
	const struct ush_buffer *source;
	struct ush_buffer bytecode;
};

static int
write_bytecode(lua_State *L, const void *p, size_t len, void *arg)
{
	(void)L;
	return ush_buffer_put(arg, p, len);
}

static void
compile(lua_State *L, void *arg)
{
	struct compile *c = arg;
	const char *text = ush_buffer_text(c->source);

	if (luaL_loadbufferx(
		L, text, c->source->len, c->generation->chunk, "t"))
		lua_error(L);
	if (lua_dump(L, write_bytecode, &c->bytecode) != 0)
		luaL_error(L, "out of memory");
}

static void
no_random(void *buf, size_t len)
{
	memset(buf, 0, len);
}

/* In a box of its own, which no script runs in. */
static int
compile_source(struct ush_generation *g, const struct ush_buffer *source,
    struct ush_error *err)
{
	const struct ush_limits *limits = &g->engine->limits;
	struct ush_box_host host = {
	    .memory_limit = limits->memory * USH_COMPILE_MEMORY_FACTOR,
	    .random = no_random,
	    .now = ush_clock_now,
	    .cpu = ush_clock_thread_ns,
	};
	struct ush_allowance allowance = {UINT64_MAX / 2, UINT64_MAX / 2};
	struct compile c = {g, source, {0}};
	struct ush_box *box = ush_box_new(&host);
	enum ush_code code;

	if (!box)
		return ush_error_set(err, USH_ERROR_SYSTEM, g->label, 0,
		    "out of memory for a Lua state");
	code = ush_box_run(box, compile, &c, &allowance, err);
	ush_box_free(box);
	g->bytecode = c.bytecode.data;
	g->bytecode_len = c.bytecode.len;
	if (code == USH_OK)
		return 0;
	if (code == USH_ERROR_SCRIPT)
		err->code = USH_ERROR_SYNTAX;
	ush_generation_relabel(g, err);
	return -1;
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
	size_t skip = 0;

	if (!err)
		return;
	if (err->script[0] != '\0')
		skip = strlen(err->script) +
		       (size_t)snprintf(NULL, 0, ":%d: ", err->line);
	if (skip > strlen(err->message))
		skip = 0;
	memcpy(text, err->message + skip, strlen(err->message + skip) + 1);
	ush_error_set(err, err->code, g->label, err->line, "%s", text);
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

/* Errors about the policy's table know no line: find the one that is meant,
 * by the name in quotes, or else the last `return`. */
static void
find_line(const struct ush_generation *g, const struct ush_buffer *source,
    struct ush_error *err)
{
	const char *quote = strchr(err->message, '\''), *end;
	char word[64];
	int line = 0;

	if (err->line != 0 || err->code != USH_ERROR_SCRIPT)
		return;
	end = quote ? strchr(quote + 1, '\'') : NULL;
	if (end && (size_t)(end - quote) < sizeof word) {
		memcpy(word, quote + 1, (size_t)(end - quote - 1));
		word[end - quote - 1] = '\0';
		line = line_of_word(source, word, false);
	}
	if (line == 0)
		line = line_of_word(source, "return", true);
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

static int
load(struct ush_generation *g, struct ush_error *err)
{
	unsigned char digest[USH_SHA256_LEN];
	struct ush_buffer source = {0};
	struct ush_state *state = NULL;
	int result = -1;

	if (read_source(g, &source, err) != 0)
		goto done;
	if (ush_sha256(ush_buffer_text(&source), source.len, digest) != 0) {
		ush_error_set(err, USH_ERROR_SYSTEM, g->label, 0,
		    "OpenSSL can't make a SHA-256 digest");
		goto done;
	}
	memcpy(g->revision, digest, USH_REVISION_LEN);
	ush_hex(g->revision_hex, g->revision, USH_REVISION_LEN);
	if (compile_source(g, &source, err) != 0)
		goto done;
	state = ush_state_new(g, true, err);
	if (!state) {
		find_line(g, &source, err);
		goto done;
	}
	result = 0;
done:
	ush_state_free(state);
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

	loader->result = load(loader->generation, loader->err);
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
	ush_inputs_fini(&g->inputs);
	free(g);
}
