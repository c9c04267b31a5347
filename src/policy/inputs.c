/*
 * SPDX-License-Identifier: MIT
 *
 * Lists of files, and how a file's state is told from another one.
 */
#include "policy/inputs.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int64_t
ns_of(struct timespec time)
{
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* `st` NULL: it is not there. */
static void
set_state(struct ush_input *input, const struct stat *st)
{
	input->there = st != NULL;
	input->dev = st ? st->st_dev : 0;
	input->ino = st ? st->st_ino : 0;
	input->size = st ? st->st_size : 0;
	input->mtime_ns = st ? ns_of(st->st_mtim) : 0;
	input->ctime_ns = st ? ns_of(st->st_ctim) : 0;
}

static void
set_state_of(struct ush_input *input, const struct ush_input *other)
{
	char *path = input->path;

	*input = *other;
	input->path = path;
}

char *
ush_inputs_absolute(const char *path)
{
	char *cwd, *result = NULL;

	if (path[0] == '/')
		return strdup(path);
	cwd = getcwd(NULL, 0);
	if (cwd && asprintf(&result, "%s/%s", cwd, path) < 0)
		result = NULL;
	free(cwd);
	return result;
}

static struct ush_input *
find(struct ush_inputs *inputs, const char *path)
{
	for (size_t i = 0; i < inputs->n; i++)
		if (strcmp(inputs->v[i].path, path) == 0)
			return &inputs->v[i];
	return NULL;
}

static int
grow(struct ush_inputs *inputs)
{
	size_t cap = inputs->cap > 0 ? 2 * inputs->cap : 4;
	struct ush_input *v = realloc(inputs->v, cap * sizeof *v);

	if (!v)
		return -1;
	inputs->v = v;
	inputs->cap = cap;
	return 0;
}

int
ush_inputs_add(
    struct ush_inputs *inputs, const char *path, const struct stat *st)
{
	char *full = ush_inputs_absolute(path);
	struct ush_input *input;

	if (!full)
		return -1;
	input = find(inputs, full);
	if (input) {
		free(full);
	} else {
		if (inputs->n == inputs->cap && grow(inputs) != 0) {
			free(full);
			return -1;
		}
		input = &inputs->v[inputs->n++];
		input->path = full;
	}
	set_state(input, st);
	return 0;
}

void
ush_inputs_fini(struct ush_inputs *inputs)
{
	while (inputs->n > 0)
		free(inputs->v[--inputs->n].path);
	free(inputs->v);
	memset(inputs, 0, sizeof *inputs);
}

int
ush_inputs_copy(struct ush_inputs *to, const struct ush_inputs *from)
{
	struct ush_inputs copy = {0};

	for (size_t i = 0; i < from->n; i++) {
		if (ush_inputs_add(&copy, from->v[i].path, NULL) != 0) {
			ush_inputs_fini(&copy);
			return -1;
		}
		set_state_of(&copy.v[i], &from->v[i]);
	}
	ush_inputs_move(to, &copy);
	return 0;
}

void
ush_inputs_move(struct ush_inputs *to, struct ush_inputs *from)
{
	ush_inputs_fini(to);
	*to = *from;
	memset(from, 0, sizeof *from);
}

void
ush_input_look(struct ush_input *input)
{
	struct stat st;

	assert(input->path);
	set_state(input, stat(input->path, &st) == 0 ? &st : NULL);
}

bool
ush_input_differs(const struct ush_input *a, const struct ush_input *b)
{
	return a->there != b->there || a->dev != b->dev || a->ino != b->ino ||
	       a->size != b->size || a->mtime_ns != b->mtime_ns ||
	       a->ctime_ns != b->ctime_ns;
}
