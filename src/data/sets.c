/*
 * SPDX-License-Identifier: MIT
 *
 * The lines of a data file, and the life of a set.
 */
#include "data/sets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/sets_own.h"

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

ush_set_wrong_fn ush_set_wrong;

int
ush_set_fail(struct ush_set_lines *lines, const char *what)
{
	struct ush_error wrong;

	if (!ush_set_wrong)
		return ush_error_set(lines->err, USH_ERROR_FILE, lines->label,
		    lines->number, "%s", what);
	if (lines->wrong++ < USH_SET_TOLD) {
		ush_error_set(&wrong, USH_ERROR_FILE, lines->label,
		    lines->number, "%s", what);
		ush_set_wrong(&wrong, 0);
	}
	return 0;
}

/* How many more wrong lines there are than have been told. */
static void
tell_more(const struct ush_set_lines *lines)
{
	struct ush_error wrong;

	if (lines->wrong <= USH_SET_TOLD)
		return;
	ush_error_set(&wrong, USH_ERROR_FILE, lines->label, 0, "%s", "");
	ush_set_wrong(&wrong, lines->wrong - USH_SET_TOLD);
}

/* The end of what counts in a line: comment, carriage return and blanks are
 * left off. */
static char *
end_of_entry(char *p, char *end)
{
	char *hash = p;

	if (end > p && end[-1] == '\r')
		end--;
	while ((hash = memchr(hash, '#', (size_t)(end - hash)))) {
		if (hash == p || is_blank(hash[-1])) {
			end = hash;
			break;
		}
		hash++;
	}
	while (end > p && is_blank(end[-1]))
		end--;
	return end;
}

/* NULL, or what is wrong. */
static const char *
check_line(const char *p, size_t len, char *room, size_t cap)
{
	if (len > USH_SET_LINE_MAX) {
		snprintf(room, cap,
		    "the line is longer than %d bytes; write one entry a line",
		    USH_SET_LINE_MAX);
		return room;
	}
	if (memchr(p, '\0', len))
		return "there is a NUL byte in the line; save the file as "
		       "plain text (UTF-8)";
	return NULL;
}

int
ush_set_line(struct ush_set_lines *lines, char **p, size_t *len)
{
	char *start, *end, room[96];
	const char *why;

	while (lines->next < lines->end) {
		start = lines->next;
		end = memchr(start, '\n', (size_t)(lines->end - start));
		lines->next = end ? end + 1 : lines->end;
		lines->number++;
		end = end ? end : lines->end;
		why =
		    check_line(start, (size_t)(end - start), room, sizeof room);
		if (why) {
			if (ush_set_fail(lines, why) != 0)
				return -1;
			continue;
		}
		while (start < end && is_blank(*start))
			start++;
		end = end_of_entry(start, end);
		if (end == start)
			continue;
		*p = start;
		*len = (size_t)(end - start);
		return 1;
	}
	return 0;
}

size_t
ush_set_lines_left(const struct ush_set_lines *lines)
{
	const char *p = lines->next;
	size_t n = 1;

	while ((p = memchr(p, '\n', (size_t)(lines->end - p)))) {
		p++;
		n++;
	}
	return n;
}

static void
skip_mark(struct ush_set_lines *lines)
{
	if (lines->end - lines->next >= 3 &&
	    memcmp(lines->next, "\xef\xbb\xbf", 3) == 0)
		lines->next += 3;
}

struct ush_set *
ush_set_new(enum ush_set_kind kind, struct ush_buffer *text,
    const unsigned char key[USH_SIPHASH_KEY], const char *label,
    struct ush_error *err)
{
	return ush_set_new_of(kind, USH_FORM_NONE, text, key, label, err);
}

struct ush_set *
ush_set_new_of(enum ush_set_kind kind, enum ush_form form,
    struct ush_buffer *text, const unsigned char key[USH_SIPHASH_KEY],
    const char *label, struct ush_error *err)
{
	struct ush_set_lines lines = {.label = label, .err = err};
	struct ush_set *set = calloc(1, sizeof *set);
	int result = -1;

	if (!set || ush_buffer_reserve(text, 0) != 0) {
		ush_error_set(err, USH_ERROR_SYSTEM, label, 0, "out of memory");
		goto done;
	}
	if (text->len >= UINT32_MAX) {
		ush_error_set(
		    err, USH_ERROR_FILE, label, 0, "is larger than 4 GiB");
		goto done;
	}
	set->kind = kind;
	set->form = form;
	memcpy(set->key, key, sizeof set->key);
	lines.next = text->data;
	lines.end = text->data + text->len;
	skip_mark(&lines);
	if (kind == USH_NETWORKS)
		result = ush_set_fill_nets(set, &lines);
	else
		result = ush_set_fill_hash(set, text, &lines);
	if (result == 0)
		tell_more(&lines);
done:
	ush_buffer_fini(text);
	if (result == 0)
		return set;
	ush_set_free(set);
	return NULL;
}

void
ush_set_free(struct ush_set *set)
{
	if (!set)
		return;
	for (int i = 0; i < 2; i++) {
		free(set->nets[i].first);
		free(set->nets[i].sample);
		free(set->nets[i].bits);
	}
	free(set->slots);
	free(set->text);
	free(set);
}

enum ush_set_kind
ush_set_kind(const struct ush_set *set)
{
	return set->kind;
}

enum ush_form
ush_set_form(const struct ush_set *set)
{
	return set->form;
}

size_t
ush_set_count(const struct ush_set *set)
{
	return set->count;
}

size_t
ush_set_bytes(const struct ush_set *set)
{
	return sizeof *set + set->bytes;
}
