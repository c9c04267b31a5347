/*
 * SPDX-License-Identifier: MIT
 *
 * Calls that lack memory (failing.h), while a policy is replaced that is made
 * of several files. In a folder_case.
 */
#ifndef TESTS_TLS_STARVE_H
#define TESTS_TLS_STARVE_H

#include "engine.h"

#define STARVE_MODES 2 /* 0: one allocation fails, 1: all from there on */

/* What a test works on. */
struct starved {
	struct usher *engine;
	struct visit visit;
	int by; /* who has made the visit's ticket */
};
extern struct starved starved;

/* Writes a script that is numbered as script_numbered, and made of a module and
 * three data files, which starve_begin has written. */
void starve_write(const char *name, int n);

/* An engine with number 1, as policy.lua, and a visit that has its ticket. */
void starve_begin(int mode, usher_decision_fn decision);

/* A real handshake is decided by the n-th policy. */
void starve_expect(int n);

/* Calls `fn`, whose n-th allocation fails. Returns what it does; how many have
 * failed is in failing_count. */
typedef int (*starve_fn)(int k, struct usher_error *error);
int starve(starve_fn fn, int k, int n, struct usher_error *error);

/* Calls of that kind. */
int starve_reload(int k, struct usher_error *error);
int starve_watch(int k, struct usher_error *error);

/* Fails the test unless the error says that memory ran out. */
void starve_check(const struct usher_error *error, int n);

#endif
