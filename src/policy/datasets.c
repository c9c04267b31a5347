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

static struct ush_dataset *
find(const struct ush_generation *g, const struct ush_set_wish *wish,
    const char *file)
{
	struct ush_dataset *d;

	for (d = g->datasets; d; d = d->next)
		if (ush_set_kind(d->set) == wish->kind &&
		    ush_set_form(d->set) == wish->form &&
		    strcmp(d->file, file) == 0)
			return d;
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
load_set(struct ush_loading *loading, const struct ush_set_wish *wish,
    const char *file, const char *label, struct ush_error *err)
{
	unsigned char key[USH_SIPHASH_KEY];
	struct ush_buffer text = {0};
	struct ush_set *set = NULL;

	if (ush_random(key, sizeof key) != 0)
		ush_error_set(err, USH_ERROR_SYSTEM, file, 0,
		    "OpenSSL's random generator fails");
	else if (read_file(loading, file, &text, err) == 0)
		set = ush_set_new_of(
		    wish->kind, wish->form, &text, key, label, err);
	ush_buffer_fini(&text);
	return set;
}

static void
dataset_free(struct ush_dataset *d)
{
	ush_set_free(d->set);
	free(d->file);
	free(d->label);
	free(d);
}

static struct ush_dataset *
load(struct ush_generation *g, const struct ush_set_wish *wish,
    const char *file, struct ush_error *err)
{
	struct ush_dataset **end = &g->datasets, *d = calloc(1, sizeof *d);

	if (d) {
		d->file = strdup(file);
		d->label = ush_loading_label(g->loading, file);
	}
	if (!d || !d->file || !d->label) {
		ush_error_set(err, USH_ERROR_SYSTEM, file, 0, "out of memory");
		goto failed;
	}
	d->may_be_empty = true;
	d->set = load_set(g->loading, wish, file, d->label, err);
	if (!d->set)
		goto failed;
	while (*end)
		end = &(*end)->next;
	*end = d;
	return d;
failed:
	if (d)
		dataset_free(d);
	return NULL;
}

/* What the script says of the file; of several uses the strictest counts. */
static int
heed(struct ush_dataset *d, const struct ush_set_wish *wish,
    struct ush_error *err)
{
	size_t n = ush_set_count(d->set);

	if (!wish->may_be_empty)
		d->may_be_empty = false;
	if (n >= wish->at_least)
		return 0;
	return ush_error_set(err, USH_ERROR_SCRIPT, d->label, 0,
	    "has %zu entries, and the script wants at_least = %zu; fill the "
	    "file, or lower the number",
	    n, wish->at_least);
}

const struct ush_set *
ush_dataset_get(struct ush_generation *g, const struct ush_set_wish *wish,
    struct ush_error *err)
{
	struct ush_dataset *d;
	char *plain;

	if (!ush_beneath_allows(wish->file)) {
		ush_error_set(err, USH_ERROR_FILE, wish->file, 0,
		    "is no path in the script's folder; data files lie beside "
		    "the script, or in a folder there");
		return NULL;
	}
	plain = plain_path(wish->file);
	if (!plain) {
		ush_error_set(
		    err, USH_ERROR_SYSTEM, wish->file, 0, "out of memory");
		return NULL;
	}
	d = find(g, wish, plain);
	if (!d && g->loading)
		d = load(g, wish, plain, err);
	else if (!d)
		ush_error_set(err, USH_ERROR_SCRIPT, wish->file, 0,
		    "was not read when the script was loaded; ask for the same "
		    "files each time");
	free(plain);
	if (!d || (g->loading && heed(d, wish, err) != 0))
		return NULL;
	return d->set;
}

/*
 * From one generation to the next
 */

/* The most entries that the file has there, in whatever form it was read, and
 * *known whether it is there at all. */
static size_t
count_before(const struct ush_generation *before, const char *file, bool *known)
{
	const struct ush_dataset *d;
	size_t most = 0, n;

	*known = false;
	for (d = before ? before->datasets : NULL; d; d = d->next) {
		if (strcmp(d->file, file) != 0)
			continue;
		*known = true;
		n = ush_set_count(d->set);
		most = n > most ? n : most;
	}
	return most;
}

int
ush_datasets_check(const struct ush_generation *g,
    const struct ush_generation *before, struct ush_error *err)
{
	const struct ush_dataset *d;
	size_t n;
	bool known;

	for (d = g->datasets; d; d = d->next) {
		n = count_before(before, d->file, &known);
		if (n > 0 && ush_set_count(d->set) == 0 && !d->may_be_empty)
			return ush_error_set(err, USH_ERROR_FILE, d->label, 0,
			    "there are no entries in it any more, of %zu; fill "
			    "it, or let the script say { may_be_empty = true } "
			    "where it reads the file",
			    n);
	}
	return 0;
}

void
ush_datasets_warn(const struct ush_generation *g,
    const struct ush_generation *before, const char *what)
{
	const struct ush_dataset *d;
	size_t n, now;
	bool known;

	for (d = g->datasets; d; d = d->next) {
		n = count_before(before, d->file, &known);
		now = ush_set_count(d->set);
		if (d->may_be_empty || (known && now > n / 2) ||
		    (now > 0 && n == 0))
			continue;
		if (n > 0)
			ush_log_write(&g->engine->log, USH_LOG_WARNING,
			    USH_LOG_ROLLOUT,
			    "%s: %s: %zu entries are left of %zu; is the file "
			    "whole?",
			    what, d->label, now, n);
		else if (!known)
			ush_log_write(&g->engine->log, USH_LOG_WARNING,
			    USH_LOG_ROLLOUT,
			    "%s: %s: there are no entries in it; say { "
			    "may_be_empty = true } where the script reads it, "
			    "if "
			    "that is meant",
			    what, d->label);
	}
}

void
ush_datasets_free(struct ush_generation *g)
{
	struct ush_dataset *d;

	while ((d = g->datasets)) {
		g->datasets = d->next;
		dataset_free(d);
	}
}
