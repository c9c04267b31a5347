/*
 * SPDX-License-Identifier: MIT
 *
 * The shadow's part in a handshake: for whom it decides, and what it says
 * beside the generation that does. It sees the same facts, and has no effect.
 */
#ifndef USH_TLS_BESIDE_H
#define USH_TLS_BESIDE_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include "base/error.h"
#include "data/store.h"
#include "policy/state.h"
#include "tls/vars.h"

struct ush_conn;
struct ush_decision;
struct ush_issue;
struct ush_live;

/* What a shadow has of a handshake, and what it said last. */
struct ush_beside {
	struct ush_vars vars;              /* its own, over the host's */
	struct ush_allowance decrypt;      /* what all its calls have spent, */
	struct ush_allowance generate;     /* and of generate, */
	struct ush_allowance set_up;       /* and its new states */
	unsigned int runs;                 /* of decrypt */
	struct ush_store_overlay *overlay; /* what it wrote to the store */
	/* What it said of this decision. */
	bool asked;
	const char *verdict; /* static */
	char reason[USH_REASON_MAX];
	char revision[2 * USH_REVISION_LEN + 1];
	struct ush_error error; /* code USH_OK: none */
};

void ush_beside_free(struct ush_beside *beside); /* NULL is fine */

/* The handshake has just taken a generation, and there is a shadow: does that
 * one decide? */
void ush_beside_choose(SSL *ssl, struct ush_conn *conn);

/* Asks the shadow first, about the ticket that the other one is opened on. */
void ush_beside_decrypt(const struct ush_live *other, SSL_TICKET_STATUS status);
/* The same about a ticket that is to be made. */
void ush_beside_generate(const struct ush_issue *other);

/* After the decision: compares, counts and logs, and adds to what is told. */
void ush_beside_compare(struct ush_conn *conn, struct ush_decision *d);

#endif
