/*
 * SPDX-License-Identifier: MIT
 *
 * Which test files there are.
 */
#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "cli/test.h"

static const char suffix[] = "_test.lua";

struct list {
	char **files;
	int n;
};

static int
add(struct list *list, const char *path)
{
	char **more =
	    realloc(list->files, (size_t)(list->n + 1) * sizeof *list->files);

	if (!more)
		return -1;
	list->files = more;
	more[list->n] = strdup(path);
	return more[list->n++] ? 0 : -1;
}

static int
by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static bool
is_test(const char *name)
{
	size_t len = strlen(name);

	return len >= sizeof suffix - 1 &&
	       strcmp(name + len - (sizeof suffix - 1), suffix) == 0;
}

/* The test files below a folder; hidden folders are passed by. */
static int
add_folder(struct list *list, char *path)
{
	char *roots[] = {path, NULL};
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	int result = fts ? 0 : -1;
	const char *name;
	FTSENT *entry;

	while (result == 0 && (entry = fts_read(fts))) {
		if (entry->fts_info == FTS_D && entry->fts_level > 0 &&
		    entry->fts_name[0] == '.')
			fts_set(fts, entry, FTS_SKIP);
		name = entry->fts_path;
		if (strncmp(name, "./", 2) == 0)
			name += 2;
		if (entry->fts_info == FTS_F && is_test(entry->fts_name))
			result = add(list, name);
	}
	if (fts)
		fts_close(fts);
	return result;
}

int
ush_test_find(char **paths, int n, char ***files)
{
	struct list list = {NULL, 0};
	struct stat st;
	int result = 0;

	for (int i = 0; i < n && result == 0; i++) {
		if (stat(paths[i], &st) != 0)
			result = ush_cli_fail(
			    -1, "test: %s: %s", paths[i], strerror(errno));
		else if (S_ISDIR(st.st_mode))
			result = add_folder(&list, paths[i]);
		else
			result = add(&list, paths[i]);
	}
	if (result == 0 && list.n == 0)
		result = ush_cli_fail(
		    -1, "test: there is no file whose name ends in %s", suffix);
	*files = list.files;
	if (result == 0)
		return list.n;
	ush_test_files_free(list.files, list.n);
	return -1;
}

void
ush_test_files_free(char **files, int n)
{
	for (int i = 0; i < n; i++)
		free(files[i]);
	free(files);
}
