/*
 * SPDX-License-Identifier: MIT
 *
 * Visits to servers that share their ticket keys, and why they don't resume.
 */
#include "refuse.h"

#include <stdio.h>
#include <string.h>

#include "keys.h"

SSL_CTX *
keyed_server(struct usher *engine, int version)
{
	SSL_CTX *ctx = server_new(version);

	keys_fix(ctx, 1);
	engine_attach(engine, ctx);
	return ctx;
}

SSL_CTX *
keyed_policy(const char *text, int version)
{
	return keyed_server(engine_new(text), version);
}

void
visit_first(struct visit *visit)
{
	struct outcome saw;

	visit->session = NULL;
	saw = visit_run(visit);
	notes_check();
	ck_assert(saw.echoed);
	ck_assert_int_gt(saw.tickets, 0);
	visit->session = saw.session;
}

const char *
visit_refused(struct visit *visit)
{
	static char reason[512];
	const struct note *note;
	struct outcome saw;

	notes_clear();
	saw = visit_run(visit);
	notes_check();
	ck_assert(saw.echoed);
	note = note_last(USHER_CALL_DECRYPT);
	ck_assert_str_eq(note->status,
	    visit->version == TLS1_2_VERSION ? "success" : "success_renew");
	ck_assert_int_eq(saw.resumed, strncmp(note->verdict, "use", 3) == 0);
	if (saw.tickets > 0)
		visit->session = saw.session;
	snprintf(reason, sizeof reason, "%s", note->reason);
	return saw.resumed ? NULL : reason;
}
