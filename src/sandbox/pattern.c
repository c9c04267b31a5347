/*
 * SPDX-License-Identifier: MIT
 *
 * The pattern matcher. A pattern is a row of items: a character, a class, a
 * set, any of them with a sign (? * + -), a capture's parenthesis, %b, %f, %1.
 * It is read as it stands, no compiling: most are used once per call.
 *
 * Where an item can match in several ways, the way taken first is followed,
 * and a point is put on a stack from which the next way can be tried. As items
 * can't be repeated but by a sign of their own, one walk through the pattern
 * puts down at most one point per item, so the stack is bounded by the number
 * of items; it is an array in one C frame. Opening and closing a capture is
 * put down as well, to be undone on the way back, but only if there is a point
 * to go back to.
 */
#include "sandbox/pattern.h"

#include <string.h>

#include <lauxlib.h>

#include "sandbox/chars.h"

enum {
	POINTS = 200,   /* LuaJIT's matcher nests as deep */
	SET_SHIFT = 3,  /* eight characters of a set are one step, */
	COPY_SHIFT = 4, /* and so are sixteen bytes compared */
};

struct point {
	enum {
		OPTIONAL, /* item? without the item */
		LONGEST,  /* item* item+ one shorter, down to `limit` */
		SHORTEST, /* item- one longer; `limit` is the item itself */
		OPENED,   /* undo: a capture was begun */
		CLOSED,   /* undo: a capture was ended */
	} kind;
	int capture;
	const char *s, *p; /* where to go on */
	const char *limit;
};

struct walk {
	struct ush_match *m;
	const char *s, *p; /* here we are in subject and pattern */
	size_t depth;
	struct point points[POINTS];
};

enum outcome { GO_ON, FAIL, MATCHED };

/* The end of the set whose '[' stands before p. [-0, +0, e] */
static const char *
set_end(struct ush_match *m, const char *p)
{
	const char *start = p;

	if (*p == '^')
		p++;
	do {
		if (*p == '\0')
			luaL_error(m->L, "malformed pattern (missing ']')");
		if (*p++ == '%' && *p != '\0')
			p++;
	} while (*p != ']');
	m->steps += (size_t)(p - start) >> SET_SHIFT;
	return p + 1;
}

/* The end of the character, class or set at p. [-0, +0, e] */
static inline const char *
item_end(struct ush_match *m, const char *p)
{
	switch (*p++) {
	case '%':
		if (*p == '\0')
			luaL_error(m->L, "malformed pattern (ends with '%%')");
		return p + 1;
	case '[':
		return set_end(m, p);
	default:
		return p;
	}
}

/* Is c in the set from `p`, its '[', to `last`, its ']'? */
static bool
in_set(struct ush_match *m, unsigned char c, const char *p, const char *last)
{
	bool found = true;

	m->steps += (size_t)(last - p) >> SET_SHIFT;
	if (p[1] == '^') {
		found = false;
		p++;
	}
	while (++p < last) {
		if (*p == '%') {
			p++;
			if (ush_char_is(c, (unsigned char)*p))
				return found;
		} else if (p[1] == '-' && p + 2 < last) {
			p += 2;
			if ((unsigned char)p[-2] <= c && c <= (unsigned char)*p)
				return found;
		} else if ((unsigned char)*p == c) {
			return found;
		}
	}
	return !found;
}

/* Does the item from p to `end` match the character at s? */
static inline bool
matches(struct ush_match *m, const char *s, const char *p, const char *end)
{
	unsigned char c;

	if (s >= m->end)
		return false;
	c = (unsigned char)*s;
	switch (*p) {
	case '.':
		return true;
	case '%':
		return ush_char_is(c, (unsigned char)p[1]);
	case '[':
		return in_set(m, c, p, end - 1);
	default:
		return (unsigned char)*p == c;
	}
}

/* [-0, +0, e] */
static inline struct point *
put_point(struct walk *w, int kind, const char *s, const char *p)
{
	struct point *point;

	if (w->depth >= POINTS)
		luaL_error(w->m->L, "pattern too complex");
	point = &w->points[w->depth++];
	point->kind = kind;
	point->s = s;
	point->p = p;
	return point;
}

/* item* and item+: as many as there are. [-0, +0, e] */
static enum outcome
take_longest(struct walk *w, const char *end, bool one)
{
	const char *s = w->s, *shortest = s + one;

	while (matches(w->m, s, w->p, end)) {
		s++;
		ush_match_step(w->m);
	}
	if (s < shortest)
		return FAIL;
	if (s > shortest)
		put_point(w, LONGEST, s, end + 1)->limit = shortest;
	w->s = s;
	w->p = end + 1;
	return GO_ON;
}

/* A character, class or set, with its sign. [-0, +0, e] */
static inline enum outcome
take_item(struct walk *w)
{
	const char *end = item_end(w->m, w->p);

	switch (*end) {
	case '?':
		if (matches(w->m, w->s, w->p, end)) {
			put_point(w, OPTIONAL, w->s, end + 1);
			w->s++;
		}
		w->p = end + 1;
		return GO_ON;
	case '*':
		return take_longest(w, end, false);
	case '+':
		return take_longest(w, end, true);
	case '-':
		put_point(w, SHORTEST, w->s, end + 1)->limit = w->p;
		w->p = end + 1;
		return GO_ON;
	default:
		if (!matches(w->m, w->s, w->p, end))
			return FAIL;
		w->s++;
		w->p = end;
		return GO_ON;
	}
}

/* '(' and "()". [-0, +0, e] */
static enum outcome
open_capture(struct walk *w)
{
	struct ush_match *m = w->m;
	bool position = w->p[1] == ')';

	if (m->level >= USH_MATCH_CAPTURES)
		luaL_error(m->L, "too many captures");
	m->capture[m->level].start = w->s;
	m->capture[m->level].len =
	    position ? USH_CAPTURE_POSITION : USH_CAPTURE_OPEN;
	m->level++;
	if (w->depth > 0)
		put_point(w, OPENED, NULL, NULL);
	w->p += position ? 2 : 1;
	return GO_ON;
}

/* ')' ends the last capture that is open. [-0, +0, e] */
static enum outcome
close_capture(struct walk *w)
{
	struct ush_match *m = w->m;
	int i = m->level - 1;

	while (i >= 0 && m->capture[i].len != USH_CAPTURE_OPEN)
		i--;
	if (i < 0)
		luaL_error(m->L, "invalid pattern capture");
	m->capture[i].len = w->s - m->capture[i].start;
	if (w->depth > 0)
		put_point(w, CLOSED, NULL, NULL)->capture = i;
	w->p++;
	return GO_ON;
}

/* %bxy [-0, +0, e] */
static enum outcome
take_balanced(struct walk *w)
{
	const char *p = w->p + 2, *s = w->s;
	size_t open = 1;

	if (p[0] == '\0' || p[1] == '\0')
		luaL_error(w->m->L, "unbalanced pattern");
	if (*s != *p)
		return FAIL;
	while (++s < w->m->end) {
		ush_match_step(w->m);
		if (*s == p[1]) {
			if (--open == 0) {
				w->s = s + 1;
				w->p = p + 2;
				return GO_ON;
			}
		} else if (*s == p[0]) {
			open++;
		}
	}
	return FAIL;
}

/* %f[set]: the border between what is not in the set and what is; before and
 * behind the subject there is a NUL. [-0, +0, e] */
static enum outcome
take_frontier(struct walk *w)
{
	struct ush_match *m = w->m;
	const char *p = w->p + 2, *end;
	unsigned char before = 0;

	if (*p != '[')
		luaL_error(m->L, "missing '[' after '%%f' in pattern");
	end = item_end(m, p);
	if (w->s > m->subject)
		before = (unsigned char)w->s[-1];
	if (in_set(m, before, p, end - 1) ||
	    !in_set(m, (unsigned char)*w->s, p, end - 1))
		return FAIL;
	w->p = end;
	return GO_ON;
}

/* %1: what a capture before has matched. [-0, +0, e] */
static enum outcome
take_again(struct walk *w)
{
	struct ush_match *m = w->m;
	int i = w->p[1] - '1';
	size_t len;

	if (i < 0 || i >= m->level || m->capture[i].len == USH_CAPTURE_OPEN)
		luaL_error(m->L, "invalid capture index");
	/* A position's "length" is larger than any subject: no match. */
	len = (size_t)m->capture[i].len;
	if ((size_t)(m->end - w->s) < len)
		return FAIL;
	m->steps += len >> COPY_SHIFT;
	if (memcmp(m->capture[i].start, w->s, len) != 0)
		return FAIL;
	w->s += len;
	w->p += 2;
	return GO_ON;
}

/* One item further. [-0, +0, e] */
static inline enum outcome
advance(struct walk *w)
{
	switch (*w->p) {
	case '\0':
		return MATCHED;
	case '(':
		return open_capture(w);
	case ')':
		return close_capture(w);
	case '$':
		if (w->p[1] != '\0')
			break;
		return w->s == w->m->end ? MATCHED : FAIL;
	case '%':
		if (w->p[1] == 'b')
			return take_balanced(w);
		if (w->p[1] == 'f')
			return take_frontier(w);
		if (w->p[1] >= '0' && w->p[1] <= '9')
			return take_again(w);
		break;
	}
	return take_item(w);
}

/* To the last point from which there is another way. [-0, +0, e] */
static bool
go_back(struct walk *w)
{
	struct ush_match *m = w->m;
	struct point *top;

	while (w->depth > 0) {
		ush_match_step(m);
		top = &w->points[w->depth - 1];
		switch (top->kind) {
		case OPENED:
			m->level--;
			w->depth--;
			continue;
		case CLOSED:
			m->capture[top->capture].len = USH_CAPTURE_OPEN;
			w->depth--;
			continue;
		case SHORTEST:
			if (!matches(m, top->s, top->limit, top->p - 1)) {
				w->depth--;
				continue;
			}
			top->s++;
			break;
		case LONGEST:
			if (--top->s == top->limit)
				w->depth--;
			break;
		case OPTIONAL:
			w->depth--;
			break;
		}
		w->s = top->s;
		w->p = top->p;
		return true;
	}
	return false;
}

const char *
ush_match_here(struct ush_match *m, const char *s, const char *p)
{
	struct walk w;

	w.m = m;
	w.s = s;
	w.p = p;
	w.depth = 0;
	m->level = 0;
	for (;;) {
		ush_match_step(m);
		switch (advance(&w)) {
		case MATCHED:
			return w.s;
		case FAIL:
			if (!go_back(&w))
				return NULL;
			break;
		case GO_ON:
			break;
		}
	}
}
