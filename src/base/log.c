/*
 * SPDX-License-Identifier: MIT
 *
 * The limit on log lines. Each kind has a window: one 64-bit word, the second
 * in which its current minute began (above) and the lines written since
 * (below), moved by compare-and-swap; nobody waits for anybody. A minute
 * begins with the first line, not with the clock's minute, or two lines could
 * come a second apart.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"

enum {
	RAW = 2048,  /* a line before it is escaped */
	LINE = 1001, /* and after that, with the NUL */
	MINUTE = 60,
	COUNT_BITS = 24,
};

/* Lines a minute; 0: not limited. */
static const uint32_t limits[USH_LOG_KINDS] = {
    [USH_LOG_SCRIPT_ERROR_DECRYPT] = 1,
    [USH_LOG_SCRIPT_ERROR_GENERATE] = 1,
    [USH_LOG_BUDGET] = 1,
    [USH_LOG_IDENTITIES] = 1,
    [USH_LOG_ID_CONTEXT] = 1,
    [USH_LOG_BYPASS] = 1,
    [USH_LOG_STATEFUL] = 1,
    [USH_LOG_LATER] = 1,
    [USH_LOG_ATTACH] = 0,
    [USH_LOG_PRINT] = 100,
    [USH_LOG_STATE] = 1,
    [USH_LOG_ROLLOUT] = 60,
    [USH_LOG_SHADOW] = 1,
    [USH_LOG_SCRIPT] = 100,
    [USH_LOG_ACCEPT] = 1,
    [USH_LOG_GONE] = 1,
};

void
ush_log_init(struct ush_log *log, ush_log_fn fn, void *arg)
{
	int kind;

	log->fn = fn;
	log->arg = arg;
	for (kind = 0; kind < USH_LOG_KINDS; kind++) {
		atomic_init(&log->window[kind], 0);
		atomic_init(&log->left_out[kind], 0);
	}
}

/* The window after one more line at `now`; the same one if it is full. */
static uint64_t
next_window(uint64_t window, uint64_t now, uint32_t limit)
{
	uint64_t began = window >> COUNT_BITS;
	uint64_t count = window & ((1u << COUNT_BITS) - 1);

	/* A clock that was put back starts a new minute too. */
	if (window == 0 || now < began || now - began >= MINUTE)
		return now << COUNT_BITS | 1;
	return count < limit ? window + 1 : window;
}

/* May a line of this kind be written now? Counts it either way. */
static bool
admit(struct ush_log *log, enum ush_log_kind kind)
{
	uint64_t now, old, new;

	if (limits[kind] == 0)
		return true;
	now = (uint64_t)ush_clock_now();
	old = atomic_load_explicit(&log->window[kind], memory_order_relaxed);
	do {
		new = next_window(old, now, limits[kind]);
		if (new == old) {
			atomic_fetch_add_explicit(
			    &log->left_out[kind], 1, memory_order_relaxed);
			return false;
		}
	} while (!atomic_compare_exchange_weak_explicit(&log->window[kind],
	    &old, new, memory_order_relaxed, memory_order_relaxed));
	return true;
}

static void
append_left_out(
    struct ush_log *log, enum ush_log_kind kind, char *line, size_t cap)
{
	uint64_t n = atomic_exchange_explicit(
	    &log->left_out[kind], 0, memory_order_relaxed);
	size_t len = strlen(line);

	if (n > 0)
		snprintf(line + len, cap - len,
		    " (%llu more like this left out)", (unsigned long long)n);
}

void
ush_log_write(struct ush_log *log, enum ush_log_level level,
    enum ush_log_kind kind, const char *fmt, ...)
{
	char raw[RAW], line[LINE + 64];
	va_list ap;
	int n;

	if (!log || !log->fn || !admit(log, kind))
		return;
	va_start(ap, fmt);
	n = vsnprintf(raw, sizeof raw, fmt, ap);
	va_end(ap);
	if (n < 0)
		n = 0;
	else if (n >= RAW)
		n = RAW - 1;
	ush_escape(line, LINE, raw, (size_t)n);
	append_left_out(log, kind, line, sizeof line);
	log->fn(log->arg, level, line);
}
