/*
 * SPDX-License-Identifier: MIT
 *
 * Our pattern matcher against LuaJIT's. An input is
 *
 *	INIT PATTERN newline REPLACEMENT newline SUBJECT
 *
 * where INIT is one character: 'a' is 1, 'b' 2, '`' 0, '_' -1.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../pattern/compare.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What comes before the next newline, or all; *len is its length. */
static const char *
next_line(const char **at, const char *end, size_t *len)
{
	const char *line = *at;
	const char *newline = memchr(line, '\n', (size_t)(end - line));

	*len = (size_t)((newline ? newline : end) - line);
	*at = newline ? newline + 1 : end;
	return line;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ush_box *box;
	const char *at = (const char *)data, *end = at + size;
	char report[1024];
	struct pair pair;

	if (size == 0)
		return 0;
	if (!box && !(box = compare_box_new()))
		abort();
	pair.init = *at++ - 'a' + 1;
	pair.pattern = next_line(&at, end, &pair.pattern_len);
	pair.replacement = next_line(&at, end, &pair.replacement_len);
	pair.subject = at;
	pair.subject_len = (size_t)(end - at);
	if (compare_pair(box, &pair, report, sizeof report) == DIFFERENT) {
		fprintf(stderr, "%s\n", report);
		abort();
	}
	return 0;
}
