/*
 * SPDX-License-Identifier: MIT
 *
 * Around the pattern matcher: looking for a match in a subject, and handing
 * captures to Lua.
 */
#include "sandbox/pattern.h"

#include <string.h>

#include <lauxlib.h>

#include "sandbox/budget.h"

enum {
	COPY_SHIFT = 4, /* sixteen bytes looked at or copied are one step */
	CHUNK = 4096,   /* bytes looked at between two charges */
	FREE_STACK = 8, /* slots that every C function has */
};

void
ush_match_init(
    struct ush_match *m, lua_State *L, const char *subject, size_t len)
{
	m->L = L;
	m->subject = subject;
	m->end = subject + len;
	m->steps = 0;
	m->level = 0;
}

void
ush_match_settle(struct ush_match *m)
{
	size_t steps = m->steps;

	m->steps = 0;
	ush_budget_charge(m->L, steps);
}

/* The next c from s on, or NULL. [-0, +0, e] */
static const char *
skip_to(struct ush_match *m, const char *s, char c)
{
	const char *found;
	size_t len;

	do {
		len = (size_t)(m->end - s);
		if (len > CHUNK)
			len = CHUNK;
		found = memchr(s, c, len);
		if (found)
			len = (size_t)(found - s);
		m->steps += len >> COPY_SHIFT;
		ush_match_step(m);
		s += len;
	} while (!found && s < m->end);
	return found;
}

/* Does every match begin with the pattern's first character itself? */
static bool
begins_plainly(const char *p)
{
	return *p != '\0' && !strchr("^$*+?.([%-)", *p) && p[1] != '*' &&
	       p[1] != '?' && p[1] != '-';
}

const char *
ush_match_search(
    struct ush_match *m, const char **at, const char *pattern, bool anchored)
{
	bool plainly = !anchored && begins_plainly(pattern);
	const char *s = *at, *end;

	do {
		if (plainly && !(s = skip_to(m, s, *pattern)))
			return NULL;
		end = ush_match_here(m, s, pattern);
		if (end) {
			*at = s;
			return end;
		}
	} while (s++ < m->end && !anchored);
	return NULL;
}

void
ush_match_push_one(
    struct ush_match *m, int i, const char *start, const char *end)
{
	ptrdiff_t len;

	if (i >= m->level) {
		if (i != 0)
			luaL_error(m->L, "invalid capture index");
		len = end - start;
	} else {
		start = m->capture[i].start;
		len = m->capture[i].len;
	}
	if (len == USH_CAPTURE_OPEN)
		luaL_error(m->L, "unfinished capture");
	if (len == USH_CAPTURE_POSITION) {
		lua_pushinteger(m->L, start - m->subject + 1);
		return;
	}
	m->steps += (size_t)len >> COPY_SHIFT;
	lua_pushlstring(m->L, start, (size_t)len);
}

int
ush_match_push(struct ush_match *m, const char *start, const char *end)
{
	int n = m->level == 0 && start ? 1 : m->level;

	if (n > FREE_STACK)
		luaL_checkstack(m->L, n, "too many captures");
	for (int i = 0; i < n; i++)
		ush_match_push_one(m, i, start, end);
	return n;
}

bool
ush_match_is_plain(const char *pattern, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (memchr("^$*+?.([%-", pattern[i], 10))
			return false;
	}
	return true;
}
