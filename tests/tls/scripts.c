/*
 * SPDX-License-Identifier: MIT
 *
 * Scripts that take each other's place.
 */
#include "scripts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/crypto.h"

#define KEPT 16

static char *
next_text(void)
{
	static _Thread_local char texts[KEPT][1024];
	static _Thread_local unsigned int n;

	return texts[n++ % KEPT];
}

const char *
script_numbered(int n)
{
	char *text = next_text();

	snprintf(text, 1024,
	    "local me = %d\n"
	    "return { name = 'numbered',\n"
	    "  generate = function(conn)\n"
	    "    conn.vars.seen = tostring(me)\n"
	    "    return { by = me }\n"
	    "  end,\n"
	    "  decrypt = function(conn, ticket)\n"
	    "    if not ticket.decrypted then return 'ignore_renew' end\n"
	    "    local by = ticket.data and ticket.data.by or 'none'\n"
	    "    return 'use_renew', me .. ' after ' .. by\n"
	    "  end }\n",
	    n);
	return text;
}

static char folder[64];
static pid_t folder_owner;

static void
remove_folder(void)
{
	char command[192];

	if (getpid() != folder_owner)
		return;
	snprintf(command, sizeof command, "chmod -R u+rwx %s; rm -rf %s",
	    folder, folder);
	if (system(command) != 0)
		fprintf(stderr, "%s is still there\n", folder);
}

const char *
script_path(const char *name)
{
	static char paths[KEPT][1024];
	static unsigned int n;
	char *path = paths[n++ % KEPT];

	if (folder_owner != getpid()) {
		snprintf(folder, sizeof folder, "/tmp/usher-test-XXXXXX");
		ck_assert_ptr_nonnull(mkdtemp(folder));
		folder_owner = getpid();
		atexit(remove_folder);
	}
	snprintf(path, 1024, "%s/%s", folder, name);
	return path;
}

void
script_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	ck_assert_msg(file != NULL, "%s can't be written", path);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

void
script_rename(const char *path, const char *text)
{
	char beside[1100];

	snprintf(beside, sizeof beside, "%s.new", path);
	script_write(beside, text);
	ck_assert_int_eq(rename(beside, path), 0);
}

void
script_replace(struct usher *engine, const char *text)
{
	struct usher_error error = {0};

	ck_assert_msg(usher_replace_text(
			  engine, "test.lua", text, strlen(text), &error) == 0,
	    "usher_replace_text: %s", error.message);
}

const char *
script_revision(const char *text)
{
	unsigned char digest[USH_SHA256_LEN];
	char *hex = next_text();

	ush_sha256(text, strlen(text), digest);
	ush_hex(hex, digest, 8);
	return hex;
}

void
script_expect(struct visit *visit, const char *reason)
{
	struct outcome saw = visit_run(visit);

	ck_assert_msg(saw.echoed, "alert %d, for %s", saw.alert, reason);
	ck_assert(saw.resumed);
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, reason);
	visit->session = saw.session;
}

uint64_t
script_generations(const struct usher *engine)
{
	struct usher_stats stats = engine_stats(engine);

	return stats.generations_made - stats.generations_freed;
}

uint64_t
script_states(const struct usher *engine)
{
	struct usher_stats stats = engine_stats(engine);

	return stats.states_made - stats.states_closed;
}
