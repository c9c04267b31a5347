/*
 * SPDX-License-Identifier: MIT
 *
 * Copies of sources.
 */
#include "policy/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/inputs.h"

int
ush_source_copy(struct ush_source *to, const struct ush_source *from)
{
	memset(to, 0, sizeof *to);
	to->name = from->name ? strdup(from->name) : NULL;
	to->path = from->path ? strdup(from->path) : NULL;
	to->len = from->len;
	if (from->text) {
		to->text = malloc(from->len + 1);
		if (to->text)
			memcpy(to->text, from->text, from->len);
	}
	if (to->name && !to->path == !from->path && !to->text == !from->text)
		return 0;
	ush_source_fini(to);
	return -1;
}

int
ush_source_settle(struct ush_source *source)
{
	char *path;

	if (!source->path)
		return 0;
	path = ush_inputs_absolute(source->path);
	if (!path)
		return errno == ENOMEM ? -1 : 0;
	free(source->path);
	source->path = path;
	return 0;
}

void
ush_source_fini(struct ush_source *source)
{
	free(source->path);
	free(source->name);
	free(source->text);
	memset(source, 0, sizeof *source);
}
