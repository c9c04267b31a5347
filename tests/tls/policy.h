/*
 * SPDX-License-Identifier: MIT
 *
 * Policies that several test programs use, and what they tell.
 */
#ifndef TESTS_TLS_POLICY_H
#define TESTS_TLS_POLICY_H

#include "engine.h"

/* For looped tests: i even is TLS 1.2, odd TLS 1.3. */
#define VERSIONS 2
int version_of(int i);

/* Refuses a ticket of another server name; the reasons are "not ours", "other
 * name", and "same name". */
extern const char policy_by_name[];

/*
 * Always renews; decrypt tells as its reason what the ticket's envelope says:
 * auth_time, auth_age, renewals, server_name, policy, data.n. `generate` is the
 * body of that function, `head` the fields before it. The text is static.
 */
const char *policy_renewing(const char *head, const char *generate);

/* Visits with visit->session, which becomes the new ticket. The visit must
 * resume, and decrypt have told `want`. */
void visit_and_expect(struct visit *visit, const char *want);

/* Leaves the values of some expressions, each put into text, in
 * conn.vars.seen: of generate's and of decrypt's. The text is static. */
const char *policy_showing(const char *generate, const char *decrypt);

/* What the last call has left there. Fails the test if a script failed. */
const char *policy_seen(enum usher_call call);

#endif
