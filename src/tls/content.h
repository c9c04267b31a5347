/*
 * SPDX-License-Identifier: MIT
 *
 * The app data of a ticket that is being made: what they begin with, and what
 * is stored in the end.
 *
 * What they begin with. The session handed to gen_cb has the app data of the
 * ticket that was resumed; or, from the second ticket of a handshake on, those
 * of its sibling; or whatever the host has set meanwhile. Every ticket is to
 * start from what the handshake resumed with, so a sibling's are told by what
 * we wrote, and the host's by being neither.
 */
#ifndef USH_TLS_CONTENT_H
#define USH_TLS_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/cbor.h"
#include "tls/decide.h"
#include "tls/live.h"

struct ush_part {
	const unsigned char *p;
	size_t len;
};

/* One ticket, from the callback to its app data. */
struct ush_issue {
	const struct ush_binding *binding;
	SSL *ssl;
	struct ush_conn *conn;
	struct ush_generation *generation;
	SSL_SESSION *session; /* whose ticket it will be */
	bool resumed;
	bool cramped;         /* too little C stack to ask a script */
	struct ush_live live; /* live.envelope: of the ticket before */
	struct ush_part base; /* app data to begin with */
	struct ush_part host; /* those of them that are the host's */
	/* the answer */
	struct ush_state *state;
	struct ush_cbor_writer writer;
	struct ush_generate call;
	const char *verdict, *reason;
	uint64_t instructions, memory;
	struct ush_error error;
};

/* Fills base and host. -1 when memory is short. */
int ush_content_find(struct ush_issue *is);

/* Fills live.issue, all of the envelope but the data. */
void ush_content_prepare(struct ush_issue *is);

/* Begins to write the envelope, for the script's table to follow. */
void ush_content_begin(struct ush_issue *is);

/* Stores what the script returned. -1 with is->error filled. */
int ush_content_store(struct ush_issue *is);

/* Back to what the ticket began with. -1 with is->error filled. */
int ush_content_restore(struct ush_issue *is);

#endif
