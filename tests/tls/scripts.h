/*
 * SPDX-License-Identifier: MIT
 *
 * Scripts that take each other's place: policies that say which one they are,
 * files of a test's own, and the engine's side of it.
 */
#ifndef TESTS_TLS_SCRIPTS_H
#define TESTS_TLS_SCRIPTS_H

#include "engine.h"

/*
 * A policy that renews, and whose decrypt tells as its reason which one it is,
 * and which made the ticket: "2 after 1". generate tells which one it is in
 * conn.vars.seen. Static, the thread's, until 16 more have been asked for.
 */
const char *script_numbered(int n);

/* A path in a folder of the test's own, which is removed with all that is in
 * it when the test ends (an exit handler: Check forks). Static, until 16 more
 * have been asked for. */
const char *script_path(const char *name);

/* Writes a file anew, in place. */
void script_write(const char *path, const char *text);
/* Writes it beside, and renames it to its place, as editors do. */
void script_rename(const char *path, const char *text);

/* usher_replace_text under the name "test.lua"; fails the test if it fails. */
void script_replace(struct usher *engine, const char *text);

/* The revision of a text: 16 hex digits. Static, as above. */
const char *script_revision(const char *text);

/* Visits with visit->session, which becomes the new ticket, and expects that
 * it resumes, and decrypt's reason. */
void script_expect(struct visit *visit, const char *reason);

/* Generations that there are, in all processes. */
uint64_t script_generations(const struct usher *engine);
/* And states. */
uint64_t script_states(const struct usher *engine);

#endif
