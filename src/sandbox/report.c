/*
 * SPDX-License-Identifier: MIT
 *
 * From Lua's messages to errors with file and line.
 */
#include "sandbox/report.h"

#include <stdio.h>
#include <string.h>

enum { CALLERS = 8 }; /* frames that are looked at for a line */

/* Splits "name:12: text" off a message; false if it has another form. */
static bool
split_position(
    const char *message, char *name, size_t cap, int *line, const char **text)
{
	const char *colon = message, *digits;
	long n;

	while ((colon = strchr(colon, ':'))) {
		digits = ++colon;
		n = 0;
		while (*colon >= '0' && *colon <= '9' && n < 100000000)
			n = n * 10 + (*colon++ - '0');
		if (colon > digits && colon[0] == ':' && colon[1] == ' ')
			break;
	}
	if (!colon || (size_t)(digits - message) > cap)
		return false;
	memcpy(name, message, (size_t)(digits - message - 1));
	name[digits - message - 1] = '\0';
	*line = (int)n;
	*text = colon + 2;
	return true;
}

void
ush_report(struct ush_error *err, enum ush_code code, const char *place,
    const char *message)
{
	char name[sizeof err->script];
	const char *text, *end;
	int line;

	if (split_position(message, name, sizeof name, &line, &text))
		ush_error_set(err, code, name, line, "%s", text);
	else if (split_position(place, name, sizeof name, &line, &end))
		ush_error_set(err, code, name, line, "%s", message);
	else
		ush_error_set(err, code, NULL, 0, "%s", message);
}

bool
ush_report_has_place(const char *message)
{
	char name[sizeof((struct ush_error *)0)->script];
	const char *text;
	int line;

	return split_position(message, name, sizeof name, &line, &text);
}

const char *
ush_report_limit(enum ush_code code)
{
	switch (code) {
	case USH_ERROR_INSTRUCTIONS:
		return "instruction limit reached; bound the loop, or raise "
		       "the limit";
	case USH_ERROR_CPU_TIME:
		return "CPU-time limit reached; do less, or raise the limit";
	case USH_ERROR_SYSTEM:
		return "out of memory";
	case USH_ERROR_SCRIPT:
		return "stack overflow";
	default:
		return "memory limit reached; keep less, or raise the limit";
	}
}

void
ush_report_place(lua_State *L, lua_Debug *ar, char *place, size_t cap)
{
	if (!lua_getinfo(L, "Sl", ar) || ar->currentline <= 0)
		return;
	snprintf(place, cap, "%.*s:%d: ", (int)sizeof ar->short_src,
	    ar->short_src, ar->currentline);
}

void
ush_report_caller(lua_State *L, char *place, size_t cap)
{
	lua_Debug ar;

	*place = '\0';
	for (int level = 0; level < CALLERS && *place == '\0'; level++) {
		if (!lua_getstack(L, level, &ar))
			return;
		ush_report_place(L, &ar, place, cap);
	}
}
