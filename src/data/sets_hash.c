/*
 * SPDX-License-Identifier: MIT
 *
 * Sets and maps. The file's text is pressed together in place: each entry (of a
 * map: each key and each value) with a NUL behind it, which is never longer
 * than the line was. A table of slots points into it, open addressing with
 * linear steps, at most three quarters full: 11 to 22 bytes an entry. A slot
 * also has 32 bits of the hash that its place does not tell, so that entries
 * are read where they match and hardly ever else.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/sets_own.h"

static const uint32_t NONE = UINT32_MAX;

enum { SHOWN = 256 }; /* bytes of a key, in messages */

/* The first slot to look at, and the tag. */
static size_t
place(const struct ush_set *set, const char *p, size_t len, uint32_t *tag)
{
	uint64_t hash = ush_siphash(set->key, p, len);

	*tag = (uint32_t)(hash >> 32);
	return (size_t)hash & set->mask;
}

/* The slot with this entry, or the free one where it would be. */
static struct ush_set_slot *
find(const struct ush_set *set, const char *p, size_t len, uint32_t *tag)
{
	struct ush_set_slot *slot;
	size_t i;

	for (i = place(set, p, len, tag);; i = (i + 1) & set->mask) {
		slot = &set->slots[i];
		if (slot->at == NONE)
			return slot;
		/* No entry has a NUL in it. */
		if (slot->tag == *tag &&
		    strncmp(set->text + slot->at, p, len) == 0 &&
		    set->text[slot->at + len] == '\0')
			return slot;
	}
}

static int
slots_new(struct ush_set *set, size_t entries)
{
	size_t n = 4;

	while (n / 4 * 3 < entries)
		n *= 2;
	set->slots = malloc(n * sizeof *set->slots);
	if (!set->slots)
		return -1;
	memset(set->slots, 0xff, n * sizeof *set->slots);
	set->mask = n - 1;
	set->bytes += n * sizeof *set->slots;
	return 0;
}

/* Where the next entry of a text like ours begins. */
static const char *
skip(const struct ush_set *set, const char *p)
{
	p += strlen(p) + 1;
	if (set->kind == USH_MAP)
		p += strlen(p) + 1;
	return p;
}

/* The key at *p stood before, at the n-th entry that there was. */
static int
fail_twice(const struct ush_set *set, struct ush_set_lines *lines,
    const uint32_t *numbers, const char *before, size_t n)
{
	const char *p = set->text;
	size_t first = 0;
	char why[512];

	lines->number = (int)numbers[n];
	if (lines->wrong >= USH_SET_TOLD)
		return ush_set_fail(lines, "");
	for (; p < before; p = skip(set, p))
		first++;
	snprintf(why, sizeof why,
	    "the key '%.*s%s' stands in line %u already; remove one of the two",
	    SHOWN, before, strlen(before) > SHOWN ? "..." : "",
	    (unsigned int)numbers[first]);
	return ush_set_fail(lines, why);
}

/* Puts `entries` entries of the text into the table. */
static int
index_entries(struct ush_set *set, struct ush_set_lines *lines,
    const uint32_t *numbers, size_t entries)
{
	const char *p = set->text;
	struct ush_set_slot *slot;
	uint32_t tag;

	for (size_t i = 0; i < entries; i++, p = skip(set, p)) {
		slot = find(set, p, strlen(p), &tag);
		if (slot->at == NONE) {
			slot->at = (uint32_t)(p - set->text);
			slot->tag = tag;
			set->count++;
		} else if (set->kind == USH_MAP &&
			   fail_twice(set, lines, numbers, set->text + slot->at,
			       i) != 0) {
			return -1;
		}
	}
	return 0;
}

static bool
has_control(const char *p, const char *end)
{
	unsigned char c;

	for (; p < end; p++) {
		c = (unsigned char)*p;
		if ((c < ' ' && c != '\t') || c == 0x7f)
			return true;
	}
	return false;
}

static int
fail_control(struct ush_set_lines *lines)
{
	return ush_set_fail(lines,
	    "there is a control character in the entry; remove it, or end each "
	    "entry by a line feed");
}

/* Blanks and marks that an editor does not show, in UTF-8. The length of the
 * one that begins here, or 0. */
static size_t
invisible(const char *p, const char *end)
{
	static const char *const chars[] = {
	    "\xc2\xa0", "\xc2\xad",         /* no-break space, soft hyphen */
	    "\xe2\x80\x8b", "\xe2\x80\x8c", /* of no width */
	    "\xe2\x80\x8d", "\xe2\x80\x8e", /* joiner, left to right */
	    "\xe2\x80\x8f", "\xe2\x80\xaf", "\xe2\x81\xa0", /* word joiner */
	    "\xe3\x80\x80", "\xef\xbb\xbf", /* byte-order mark */
	};
	size_t len;

	for (size_t i = 0; i < sizeof chars / sizeof *chars; i++) {
		len = strlen(chars[i]);
		if ((size_t)(end - p) >= len && memcmp(p, chars[i], len) == 0)
			return len;
	}
	return 0;
}

static bool
is_plain(const char *p, size_t len)
{
	const char *end = p + len;

	/* Most entries are ASCII. */
	if (((unsigned char)p[0] | (unsigned char)end[-1]) < 0x80)
		return true;
	return invisible(p, end) == 0 &&
	       (len < 2 || invisible(end - 2, end) != 2) &&
	       (len < 3 || invisible(end - 3, end) != 3);
}

/* Makes an entry, or the key of a map's, what it is looked up by, in place,
 * with a NUL behind it. Its length; 0: it is left out, or -1 with an error. */
static long
read_key(
    const struct ush_set *set, struct ush_set_lines *lines, char *p, size_t len)
{
	char why[USH_FORM_WHY];

	if (set->form != USH_FORM_NONE) {
		switch (ush_form_entry(set->form, p, len, p, why)) {
		case USH_FORM_ENTRY:
			return (long)strlen(p);
		case USH_FORM_SKIP:
			return 0;
		case USH_FORM_WRONG:
			break;
		}
		return ush_set_fail(lines, why);
	}
	if (!is_plain(p, len))
		return ush_set_fail(lines,
		    "there is a character that can't be seen at an end of the "
		    "entry; remove it");
	p[len] = '\0'; /* was a blank, or a line's end */
	return (long)len;
}

/* Makes it a key and a value with a NUL between them. The length of both; else
 * as read_key. */
static long
read_pair(
    const struct ush_set *set, struct ush_set_lines *lines, char *p, size_t len)
{
	size_t key, value;
	long n;

	p[len] = '\0';
	key = value = strcspn(p, " \t");
	if (key >= len)
		return ush_set_fail(lines,
		    "there is a key without a value; write both, with a blank "
		    "between them");
	while (p[value] == ' ' || p[value] == '\t')
		value++;
	n = read_key(set, lines, p, key);
	if (n <= 0)
		return n;
	memmove(p + n + 1, p + value, len - value);
	return n + 1 + (long)(len - value);
}

/* Presses the entries together at the start of the text, and notes the lines
 * they stood in. Their number, or -1 with an error. */
static long
press(struct ush_set *set, struct ush_buffer *text, struct ush_set_lines *lines,
    uint32_t *numbers)
{
	char *to = text->data, *p;
	long n = 0, used;
	size_t len;
	int more;

	while ((more = ush_set_line(lines, &p, &len)) == 1) {
		if (has_control(p, p + len)) {
			if (fail_control(lines) != 0)
				return -1;
			continue;
		}
		used = set->kind == USH_MAP ? read_pair(set, lines, p, len)
					    : read_key(set, lines, p, len);
		if (used < 0)
			return -1;
		if (used == 0)
			continue;
		memmove(to, p, (size_t)used);
		to[used] = '\0';
		to += used + 1;
		numbers[n++] = (uint32_t)lines->number;
	}
	text->len = (size_t)(to - text->data);
	return more == 0 ? n : -1;
}

/* The buffer's memory becomes the set's, no more of it than is needed. */
static void
take_text(struct ush_set *set, struct ush_buffer *text)
{
	char *less = realloc(text->data, text->len + 1);

	set->text = less ? less : text->data;
	set->bytes += text->len + 1;
	memset(text, 0, sizeof *text);
}

int
ush_set_fill_hash(
    struct ush_set *set, struct ush_buffer *text, struct ush_set_lines *lines)
{
	uint32_t *numbers = malloc(ush_set_lines_left(lines) * sizeof *numbers);
	int result = -1;
	long n = -1;

	if (!numbers) {
		ush_error_set(lines->err, USH_ERROR_SYSTEM, lines->label, 0,
		    "out of memory");
		return -1;
	}
	n = press(set, text, lines, numbers);
	if (n < 0)
		goto done;
	if (slots_new(set, (size_t)n) != 0) {
		ush_error_set(lines->err, USH_ERROR_SYSTEM, lines->label, 0,
		    "out of memory");
		goto done;
	}
	take_text(set, text);
	result = index_entries(set, lines, numbers, (size_t)n);
done:
	free(numbers);
	return result;
}

bool
ush_set_has(const struct ush_set *set, const char *p, size_t len)
{
	uint32_t tag;

	return !memchr(p, '\0', len) && find(set, p, len, &tag)->at != NONE;
}

const char *
ush_set_get(const struct ush_set *set, const char *p, size_t len)
{
	const struct ush_set_slot *slot;
	uint32_t tag;

	if (memchr(p, '\0', len))
		return NULL;
	slot = find(set, p, len, &tag);
	return slot->at == NONE ? NULL : set->text + slot->at + len + 1;
}
