/*
 * SPDX-License-Identifier: MIT
 *
 * Folders under TMPDIR.
 */
#include "folder.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

enum { PATHS = 8 };

static char root[256];

static void
folder_set_up(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(root, sizeof root, "%s/usher-test-XXXXXX", tmp ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(root));
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)ftw;
	if (type == FTW_D || type == FTW_DNR)
		chmod(path, 0700);
	(void)st;
	remove(path);
	return 0;
}

static void
folder_tear_down(void)
{
	nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

TCase *
folder_case(const char *name, int seconds)
{
	TCase *tcase = engine_case(name, seconds);

	tcase_add_checked_fixture(tcase, folder_set_up, folder_tear_down);
	return tcase;
}

const char *
folder_path(const char *name)
{
	static char paths[PATHS][512];
	static unsigned int next;
	char *path = paths[next++ % PATHS];

	snprintf(path, sizeof *paths, "%s%s%s", root, name ? "/" : "",
	    name ? name : "");
	return path;
}

void
folder_write_bytes(const char *name, const void *p, size_t len)
{
	char path[512], *slash;
	FILE *file;

	snprintf(path, sizeof path, "%s", folder_path(name));
	slash = path + strlen(root);
	while ((slash = strchr(slash + 1, '/'))) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(p, 1, len, file), len);
	ck_assert_int_eq(fclose(file), 0);
}

void
folder_write(const char *name, const char *text)
{
	folder_write_bytes(name, text, strlen(text));
}

struct usher *
folder_engine(const char *script)
{
	struct engine_spec spec = {.path = folder_path(script)};

	return engine_make(&spec);
}

struct usher_error
folder_refused(const char *script)
{
	struct usher_options *options = usher_options_new();
	struct usher_error error = {0};
	struct usher *engine;

	usher_options_set_script_file(options, folder_path(script));
	usher_options_set_cpu_time_limit(options, 10000000);
	engine = usher_new(options, &error);
	usher_options_free(options);
	ck_assert_msg(engine == NULL, "usher_new takes %s", script);
	ck_assert_int_ne(error.code, USHER_OK);
	ck_assert_ptr_null(strchr(error.message, '\n'));
	return error;
}

const char *
folder_revision(const char *script)
{
	static char revisions[PATHS][32];
	static unsigned int next;
	char *revision = revisions[next++ % PATHS];
	struct usher *engine = folder_engine(script);
	struct visit visit = {.server = engine_server(engine, 0)};

	ck_assert(visit_run(&visit).echoed);
	notes_check();
	snprintf(revision, sizeof *revisions, "%s",
	    note_last(USHER_CALL_GENERATE)->revision);
	return revision;
}
