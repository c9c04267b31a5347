/*
 * SPDX-License-Identifier: MIT
 *
 * Data sets: large lists read from text files, for look-ups. Immutable once
 * they are made, so any number of threads may look things up at once.
 *
 * The text has one entry a line; blanks around it don't count, nor do empty
 * lines, a carriage return at a line's end and a byte-order mark at the start.
 * A "#" at the start of a line or after a blank starts a comment. What nobody
 * sees can't be part of an entry: control characters, and at its ends blanks
 * that are not ASCII, and the like.
 *
 *	set		the whole line is the entry
 *	map		the key ends at the first blank; the rest is the value
 *	networks	192.0.2.0/24, 2001:db8::/32, or a single address
 */
#ifndef USH_DATA_SETS_H
#define USH_DATA_SETS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"
#include "data/form.h"
#include "data/ip.h"
#include "data/siphash.h"

enum ush_set_kind {
	USH_SET,
	USH_MAP,
	USH_NETWORKS,
	USH_SET_KINDS,
};

enum {
	USH_SET_LINE_MAX = 4096, /* bytes of a line */
	USH_SET_TOLD = 10,       /* wrong lines that are told one by one */
};

struct ush_set;

/* What a script asks for. */
struct ush_set_wish {
	enum ush_set_kind kind;
	enum ush_form form;
	const char *file;
	bool may_be_empty; /* it is no accident if there are no entries */
	size_t at_least;   /* entries */
};

/*
 * A set from a file's text, which is used up: the buffer is empty afterwards,
 * whatever happens. `key` is random. NULL with *err filled, in which `label` is
 * the file's name. Owned by the caller.
 */
struct ush_set *ush_set_new(enum ush_set_kind kind, struct ush_buffer *text,
    const unsigned char key[USH_SIPHASH_KEY], const char *label,
    struct ush_error *err);
/* The same of entries, or of a map's keys, of a form. Look-ups are by the keys
 * that ush_form_ask gives. */
struct ush_set *ush_set_new_of(enum ush_set_kind kind, enum ush_form form,
    struct ush_buffer *text, const unsigned char key[USH_SIPHASH_KEY],
    const char *label, struct ush_error *err);
void ush_set_free(struct ush_set *set); /* NULL is fine */

/*
 * For `usher check`, set before there are other threads: where it is not NULL,
 * wrong lines are left out instead of being errors of ush_set_new. It is told
 * of the first USH_SET_TOLD of a file, with `more` 0, and at last of how many
 * more there are, with the label in *err and no message.
 */
typedef void (*ush_set_wrong_fn)(const struct ush_error *err, size_t more);
extern ush_set_wrong_fn ush_set_wrong;

enum ush_set_kind ush_set_kind(const struct ush_set *set);
enum ush_form ush_set_form(const struct ush_set *set);

/* How many different entries; of networks, those not within another. */
size_t ush_set_count(const struct ush_set *set);

/* Bytes of memory that it takes. */
size_t ush_set_bytes(const struct ush_set *set);

/* Is it an entry of the set, or a key of the map? */
bool ush_set_has(const struct ush_set *set, const char *p, size_t len);

/* The value of a key in a map, NUL-terminated, or NULL. Owned by the map. */
const char *ush_set_get(const struct ush_set *set, const char *p, size_t len);

/* Does the address lie in one of the networks? */
bool ush_set_covers(const struct ush_set *set, const struct ush_ip *ip);

#endif
