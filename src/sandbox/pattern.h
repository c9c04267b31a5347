/*
 * SPDX-License-Identifier: MIT
 *
 * Lua's patterns, matched step by step: every step is charged to the budget of
 * the running call, and no pattern makes the C stack grow. Results and errors
 * are those of LuaJIT's own matcher.
 */
#ifndef USH_SANDBOX_PATTERN_H
#define USH_SANDBOX_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include <lua.h>

enum {
	USH_MATCH_CAPTURES = 32,
	USH_MATCH_STEPS = 128,     /* so many are charged at once */
	USH_CAPTURE_OPEN = -1,     /* instead of a length: not closed yet */
	USH_CAPTURE_POSITION = -2, /* "()" */
};

/*
 * A subject with what the last match captured. Lives on the C stack of a C
 * function that keeps the subject's string alive; owns nothing. `steps` are
 * collected over several matches, so end with ush_match_settle.
 */
struct ush_match {
	lua_State *L;
	const char *subject, *end;
	size_t steps; /* done and not charged yet */
	int level;    /* number of captures */
	struct {
		const char *start;
		ptrdiff_t len;
	} capture[USH_MATCH_CAPTURES];
};

/* `subject` is a Lua string: a NUL stands behind its last byte. */
void ush_match_init(
    struct ush_match *m, lua_State *L, const char *subject, size_t len);

/*
 * Looks for `pattern` (up to its first NUL, without a leading '^') from *at
 * on, only there if `anchored`. Returns the end of the match and sets *at to
 * its start, or NULL. [-0, +0, e]
 */
const char *ush_match_search(
    struct ush_match *m, const char **at, const char *pattern, bool anchored);

/*
 * Pushes capture `i`; of a pattern without captures the first one is the whole
 * match, from `start` to `end`. [-0, +1, e]
 */
void ush_match_push_one(
    struct ush_match *m, int i, const char *start, const char *end);

/* Pushes all captures, or the whole match unless `start` is NULL. [-0,+n,e] */
int ush_match_push(struct ush_match *m, const char *start, const char *end);

/* Charges the steps that are left. [-0, +0, e] */
void ush_match_settle(struct ush_match *m);

static inline void
ush_match_step(struct ush_match *m)
{
	if (++m->steps >= USH_MATCH_STEPS)
		ush_match_settle(m);
}

/* Matches `pattern` at s: the end of the match, or NULL. [-0, +0, e] */
const char *ush_match_here(
    struct ush_match *m, const char *s, const char *pattern);

/* Is this string free of the characters that have a meaning in patterns? */
bool ush_match_is_plain(const char *pattern, size_t len);

#endif
