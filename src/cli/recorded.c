/*
 * SPDX-License-Identifier: MIT
 *
 * The provider: hands out what was read, and notes what a script asked for and
 * assigned.
 */
#include "cli/recorded.h"

#include <stdlib.h>
#include <string.h>

struct ush_recorded_block {
	struct ush_recorded_block *next;
	max_align_t bytes[];
};

static struct ush_recorded *
recorded_of(struct ush_facts *facts)
{
	return (struct ush_recorded *)facts;
}

static void
recorded_get(
    struct ush_facts *facts, enum ush_fact_id id, struct ush_fact_value *value)
{
	struct ush_recorded *r = recorded_of(facts);

	r->asked[id] = true;
	*value = r->values[id];
}

/* The limits are those of src/tls/live.c. */
static const char *
check_assignment(enum ush_fact_id id, int64_t n)
{
	switch (id) {
	case USH_CONN_early_data:
		return n != 0 ? "can be assigned false only" : NULL;
	case USH_CONN_num_tickets:
		return n < 0 || n > 1000 ? "must be 0 to 1000" : NULL;
	case USH_ISSUE_timeout:
		return n < 1 || n > INT32_MAX
			   ? "must be 1 to 2147483647 seconds"
			   : NULL;
	default:
		return "can't be assigned";
	}
}

static const char *
recorded_set(struct ush_facts *facts, enum ush_fact_id id, int64_t n)
{
	struct ush_recorded *r = recorded_of(facts);
	const char *why = check_assignment(id, n);

	if (why)
		return why;
	r->assigned[id] = true;
	/* What the client offered stays what it offered. */
	if (id != USH_CONN_early_data) {
		r->values[id].there = true;
		r->values[id].as.integer = n;
	}
	return NULL;
}

/* Adds a name to a list of those that a script used. */
static void
note_name(char **names, unsigned int *n, struct ush_bytes name)
{
	for (unsigned int i = 0; i < *n; i++)
		if (strcmp(names[i], name.p) == 0)
			return;
	if (*n == USH_RECORDED_VARS)
		return;
	names[*n] = strdup(name.p);
	if (names[*n])
		(*n)++;
}

static struct ush_bytes
recorded_get_var(struct ush_facts *facts, struct ush_bytes name)
{
	struct ush_recorded *r = recorded_of(facts);

	note_name(r->asked_vars, &r->n_asked_vars, name);
	return ush_vars_get(&r->vars, name);
}

static const char *
recorded_set_var(
    struct ush_facts *facts, struct ush_bytes name, struct ush_bytes value)
{
	struct ush_recorded *r = recorded_of(facts);
	const char *why;

	why = ush_vars_set(&r->vars, USH_VARS_PENDING, name, value);
	if (!why)
		note_name(r->set_vars, &r->n_set_vars, name);
	return why;
}

static const struct ush_facts_ops recorded_ops = {
    .get = recorded_get,
    .set = recorded_set,
    .get_var = recorded_get_var,
    .set_var = recorded_set_var,
};

void
ush_recorded_init(struct ush_recorded *r, json_t *document, bool generate)
{
	memset(r, 0, sizeof *r);
	r->facts.ops = &recorded_ops;
	r->generate = generate;
	r->document = json_incref(document);
}

void
ush_recorded_commit(struct ush_recorded *recorded)
{
	ush_vars_commit(&recorded->vars);
}

void *
ush_recorded_alloc(struct ush_recorded *recorded, size_t size)
{
	struct ush_recorded_block *block = calloc(1, sizeof *block + size);

	if (!block)
		return NULL;
	block->next = recorded->blocks;
	recorded->blocks = block;
	return block->bytes;
}

void
ush_recorded_free(struct ush_recorded *recorded)
{
	struct ush_recorded_block *block, *next;

	if (!recorded)
		return;
	for (int i = 0; i < USH_VARS_LAYERS; i++)
		ush_vars_clear(&recorded->vars, (enum ush_vars_layer)i);
	for (unsigned int i = 0; i < recorded->n_asked_vars; i++)
		free(recorded->asked_vars[i]);
	for (unsigned int i = 0; i < recorded->n_set_vars; i++)
		free(recorded->set_vars[i]);
	for (block = recorded->blocks; block; block = next) {
		next = block->next;
		free(block);
	}
	json_decref(recorded->document);
	free(recorded);
}
