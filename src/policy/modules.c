/*
 * SPDX-License-Identifier: MIT
 *
 * From a module's name to its bytecode, once for each generation.
 */
#include "policy/modules.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/builtin.h"
#include "policy/compile.h"
#include "policy/loading.h"

enum { SOURCES_FACTOR = 16 }; /* all modules, in limits of one */

static bool
is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_';
}

bool
ush_module_allows(const char *name, size_t len)
{
	if (len == 0 || len > USH_MODULE_NAME_MAX || name[len - 1] == '.')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_word(name[i]) &&
		    !(name[i] == '.' && i > 0 && name[i - 1] != '.'))
			return false;
	return true;
}

const struct ush_module *
ush_module_find(const struct ush_generation *g, const char *name)
{
	const struct ush_module *m;

	for (m = g->modules; m; m = m->next)
		if (m->bytecode && strcmp(m->name, name) == 0)
			return m;
	return NULL;
}

const struct ush_module *
ush_module_of_chunk(const struct ush_generation *g, const char *chunk)
{
	const struct ush_module *m;

	if (strcmp(g->chunk + 1, chunk) == 0)
		return NULL;
	for (m = g->modules; m; m = m->next)
		if (strcmp(m->chunk + 1, chunk) == 0)
			return m;
	return NULL;
}

static void
module_free(struct ush_module *m)
{
	if (!m)
		return;
	free(m->label);
	free(m->bytecode);
	free(m);
}

void
ush_modules_free(struct ush_generation *g)
{
	struct ush_module *m;

	while ((m = g->modules)) {
		g->modules = m->next;
		module_free(m);
	}
}

static struct ush_module *
module_new(struct ush_loading *loading, const char *name, bool embedded)
{
	struct ush_module *m = calloc(1, sizeof *m);
	char *p;

	if (!m)
		return NULL;
	snprintf(m->name, sizeof m->name, "%s", name);
	snprintf(m->chunk, sizeof m->chunk, "@%s", name);
	for (p = m->chunk; *p; p++)
		if (*p == '.')
			*p = '/';
	strcat(m->chunk, ".lua");
	m->label = embedded ? strdup(m->chunk + 1)
			    : ush_loading_label(loading, m->chunk + 1);
	if (m->label)
		return m;
	free(m);
	return NULL;
}

static void
append(struct ush_generation *g, struct ush_module *m)
{
	struct ush_module **end = &g->modules;

	while (*end)
		end = &(*end)->next;
	*end = m;
}

static int
read_source(struct ush_loading *loading, const struct ush_module *m,
    const struct ush_embedded *embedded, struct ush_buffer *source,
    struct ush_error *err)
{
	size_t limit = loading->generation->engine->limits.source;

	if (embedded) {
		if (ush_buffer_put(source, embedded->text, embedded->len) == 0)
			return ush_loading_note(loading, m->name,
			    embedded->text, embedded->len, err);
		return ush_error_set(
		    err, USH_ERROR_SYSTEM, m->label, 0, "out of memory");
	}
	if (ush_loading_read(loading, m->chunk + 1, limit, source, err) != 0)
		return -1;
	loading->sources += source->len;
	if (loading->sources <= limit * SOURCES_FACTOR)
		return 0;
	return ush_error_set(err, USH_ERROR_FILE, m->label, 0,
	    "all modules together are larger than %zu bytes, %d times the "
	    "source limit",
	    limit * SOURCES_FACTOR, SOURCES_FACTOR);
}

static int
compile(const struct ush_limits *limits, struct ush_module *m,
    const struct ush_buffer *source, struct ush_error *err)
{
	struct ush_buffer bytecode = {0};

	if (ush_compile(limits, m->chunk, source->data, source->len, &bytecode,
		err) != 0) {
		ush_buffer_fini(&bytecode);
		return -1;
	}
	m->bytecode = bytecode.data;
	m->bytecode_len = bytecode.len;
	return 0;
}

const struct ush_module *
ush_module_load(
    struct ush_generation *g, const char *name, struct ush_error *err)
{
	const struct ush_embedded *embedded = ush_embedded_find(name);
	struct ush_module *m = module_new(g->loading, name, embedded != NULL);
	struct ush_buffer source = {0};
	int result;

	if (!m) {
		ush_error_set(err, USH_ERROR_SYSTEM, name, 0, "out of memory");
		return NULL;
	}
	result = read_source(g->loading, m, embedded, &source, err);
	if (result != 0) {
		module_free(m);
	} else {
		/* Without bytecode too: messages are about it. */
		append(g, m);
		result = compile(&g->engine->limits, m, &source, err);
	}
	ush_buffer_fini(&source);
	return result == 0 ? m : NULL;
}
