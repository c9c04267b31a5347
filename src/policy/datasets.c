/*
 * SPDX-License-Identifier: MIT
 *
 * From a data file's name to its set, once for each generation.
 */
#include "policy/datasets.h"

#include <stdlib.h>
#include <string.h>

#include "base/beneath.h"
#include "lib/crypto.h"
#include "policy/loading.h"

static const size_t FILE_MAX = 256 << 20;   /* bytes of a file, */
static const size_t TOTAL_MAX = 1024 << 20; /* and of all */

/* The path without "." and empty parts, so that a file has one name. */
static char *
plain_path(const char *file)
{
	char *plain = malloc(strlen(file) + 1), *to = plain;
	size_t len;

	if (!plain)
		return NULL;
	while (*file != '\0') {
		len = strcspn(file, "/");
		if (len > 0 && !(len == 1 && *file == '.')) {
			if (to > plain)
				*to++ = '/';
			memcpy(to, file, len);
			to += len;
		}
		file += len + (file[len] == '/');
	}
	if (to == plain)
		*to++ = '.';
	*to = '\0';
	return plain;
}

static const struct ush_set *
find(const struct ush_generation *g, enum ush_set_kind kind, const char *file)
{
	const struct ush_dataset *d;

	for (d = g->datasets; d; d = d->next)
		if (ush_set_kind(d->set) == kind && strcmp(d->file, file) == 0)
			return d->set;
	return NULL;
}

static int
read_file(struct ush_loading *loading, const char *file,
    struct ush_buffer *text, struct ush_error *err)
{
	if (ush_loading_read(loading, file, FILE_MAX, text, err) != 0)
		return -1;
	loading->data += text->len;
	if (loading->data <= TOTAL_MAX)
		return 0;
	return ush_error_set(err, USH_ERROR_FILE, file, 0,
	    "all data files together are larger than %zu bytes", TOTAL_MAX);
}

static struct ush_set *
load_set(struct ush_loading *loading, enum ush_set_kind kind, const char *file,
    struct ush_error *err)
{
	unsigned char key[USH_SIPHASH_KEY];
	struct ush_buffer text = {0};
	struct ush_set *set = NULL;
	char *label = ush_loading_label(loading, file);

	if (!label || ush_random(key, sizeof key) != 0)
		ush_error_set(err, USH_ERROR_SYSTEM, file, 0, "%s",
		    label ? "OpenSSL's random generator fails"
			  : "out of memory");
	else if (read_file(loading, file, &text, err) == 0)
		set = ush_set_new(kind, &text, key, label, err);
	ush_buffer_fini(&text);
	free(label);
	return set;
}

/* The file's name becomes the generation's on success. */
static const struct ush_set *
load(struct ush_generation *g, enum ush_set_kind kind, char *file,
    struct ush_error *err)
{
	struct ush_dataset **end = &g->datasets, *d = calloc(1, sizeof *d);

	if (!d) {
		ush_error_set(err, USH_ERROR_SYSTEM, file, 0, "out of memory");
		return NULL;
	}
	d->set = load_set(g->loading, kind, file, err);
	if (!d->set) {
		free(d);
		return NULL;
	}
	d->file = file;
	while (*end)
		end = &(*end)->next;
	*end = d;
	return d->set;
}

const struct ush_set *
ush_dataset_get(struct ush_generation *g, enum ush_set_kind kind,
    const char *file, struct ush_error *err)
{
	const struct ush_set *set = NULL;
	char *plain;

	if (!ush_beneath_allows(file)) {
		ush_error_set(err, USH_ERROR_FILE, file, 0,
		    "is no path in the script's folder; data files lie beside "
		    "the script, or in a folder there");
		return NULL;
	}
	plain = plain_path(file);
	if (!plain) {
		ush_error_set(err, USH_ERROR_SYSTEM, file, 0, "out of memory");
		return NULL;
	}
	set = find(g, kind, plain);
	if (!set && g->loading) {
		set = load(g, kind, plain, err);
		if (set)
			return set;
	} else if (!set) {
		ush_error_set(err, USH_ERROR_SCRIPT, file, 0,
		    "was not read when the script was loaded; ask for the same "
		    "files each time");
	}
	free(plain);
	return set;
}

void
ush_datasets_free(struct ush_generation *g)
{
	struct ush_dataset *d;

	while ((d = g->datasets)) {
		g->datasets = d->next;
		ush_set_free(d->set);
		free(d->file);
		free(d);
	}
}
