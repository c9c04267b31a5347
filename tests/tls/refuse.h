/*
 * SPDX-License-Identifier: MIT
 *
 * Visits to servers that share their ticket keys, and why they don't resume.
 */
#ifndef TESTS_TLS_REFUSE_H
#define TESTS_TLS_REFUSE_H

#include "policy.h"

/* The harness's server, with keys that all of these have. */
SSL_CTX *keyed_server(struct usher *engine, int version);
/* The same with this policy; NULL: the standard one. */
SSL_CTX *keyed_policy(const char *text, int version);

/* A full handshake; visit->session becomes its (last) ticket. */
void visit_first(struct visit *visit);

/* Visits with visit->session: NULL if it resumes, else decrypt's reason, in
 * static memory. A new ticket becomes visit->session. */
const char *visit_refused(struct visit *visit);

#endif
