/*
 * SPDX-License-Identifier: MIT
 *
 * Our pattern functions beside LuaJIT's own, in one state: for the test of the
 * pattern matcher and its fuzzer.
 */
#ifndef TESTS_PATTERN_COMPARE_H
#define TESTS_PATTERN_COMPARE_H

#include <stddef.h>
#include <stdint.h>

struct ush_box;

struct pair {
	const char *pattern, *replacement, *subject;
	size_t pattern_len, replacement_len, subject_len;
	int init; /* third argument of find and match, fourth of gsub */
};

enum comparison {
	SAME,
	DIFFERENT,
	SKIPPED, /* too many steps to ask LuaJIT, or too complex for it */
};

/* A box with the native string library at hand, or NULL. */
struct ush_box *compare_box_new(void);

/*
 * Runs find (both ways), match, gmatch and gsub (with a string, a table and a
 * function) and compares what they return, or the errors that they raise. If
 * they differ `report` says how.
 */
enum comparison compare_pair(
    struct ush_box *box, const struct pair *pair, char *report, size_t cap);

/* Instructions that our functions spent on the last pair. */
uint64_t compare_spent(void);

#endif
