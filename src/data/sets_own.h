/*
 * SPDX-License-Identifier: MIT
 *
 * What sets.c, sets_hash.c and sets_net.c share. See sets.h.
 */
#ifndef USH_DATA_SETS_OWN_H
#define USH_DATA_SETS_OWN_H

#include <stdint.h>

#include "data/sets.h"

/* Where an entry begins in the text, and 32 more bits of its hash. */
struct ush_set_slot {
	uint32_t at, tag;
};

/* Of an address, as in struct ush_ip. */
struct ush_set_first {
	uint64_t high, low;
};

/* The first addresses of networks, in ascending order, none of which lies
 * within another; their prefix lengths; and every so many of the addresses
 * once more. */
struct ush_set_nets {
	struct ush_set_first *first, *sample;
	uint8_t *bits;
	size_t n, samples;
};

struct ush_set {
	enum ush_set_kind kind;
	enum ush_form form;
	size_t count, bytes;
	/* set, map */
	char *text; /* entries, or keys and values, a NUL after each */
	struct ush_set_slot *slots;
	size_t mask; /* of their number, a power of two */
	unsigned char key[USH_SIPHASH_KEY];
	/* networks: IPv4, IPv6 */
	struct ush_set_nets nets[2];
};

/* The text, line by line. */
struct ush_set_lines {
	char *next, *end;
	int number; /* of the current line */
	const char *label;
	struct ush_error *err;
	size_t wrong; /* lines that have been left out */
};

/* The next line with something in it, without blanks and comment: 1 with where
 * it is, 0 at the end, -1 with an error. */
int ush_set_line(struct ush_set_lines *lines, char **p, size_t *len);

/* An error about the current line. -1, or 0 if it is to be left out. */
int ush_set_fail(struct ush_set_lines *lines, const char *what);

/* At most so many entries are still to come. */
size_t ush_set_lines_left(const struct ush_set_lines *lines);

/* Fill a zeroed set. The text's buffer (a NUL behind its end) becomes the set's
 * in the first. 0, or -1 with an error. */
int ush_set_fill_hash(
    struct ush_set *set, struct ush_buffer *text, struct ush_set_lines *lines);
int ush_set_fill_nets(struct ush_set *set, struct ush_set_lines *lines);

#endif
