/*
 * SPDX-License-Identifier: MIT
 *
 * CBOR (RFC 8949) into and out of memory that the caller owns, over libcbor's
 * streaming half. Nothing is allocated. A writer or a reader belongs to one
 * thread at a time.
 */
#ifndef USH_DATA_CBOR_H
#define USH_DATA_CBOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* How deep items may be nested where they are skipped. */
enum { USH_CBOR_DEPTH = 32 };

/*
 * Writes from `p` up to `end`. What does not fit sets `overflow`, which
 * stays: nothing more is written, so that it need be asked once, at the end.
 */
struct ush_cbor_writer {
	unsigned char *p, *end;
	unsigned char *start;
	bool overflow;
};

void ush_cbor_writer_init(struct ush_cbor_writer *w, void *buf, size_t cap);

/* Bytes written so far. */
static inline size_t
ush_cbor_written(const struct ush_cbor_writer *w)
{
	return (size_t)(w->p - w->start);
}

void ush_cbor_put_uint(struct ush_cbor_writer *w, uint64_t value);
void ush_cbor_put_int(struct ush_cbor_writer *w, int64_t value);
/* Always 9 bytes; every NaN is written as the same one. */
void ush_cbor_put_double(struct ush_cbor_writer *w, double value);
/* As an integer if it is one within +-2^53 (and not -0.0), else a double. */
void ush_cbor_put_number(struct ush_cbor_writer *w, double value);
void ush_cbor_put_bool(struct ush_cbor_writer *w, bool value);
void ush_cbor_put_null(struct ush_cbor_writer *w);
void ush_cbor_put_undefined(struct ush_cbor_writer *w);
void ush_cbor_put_bytes(
    struct ush_cbor_writer *w, const void *data, size_t len);
void ush_cbor_put_text(struct ush_cbor_writer *w, const void *data, size_t len);
/* As text if all bytes are ASCII, else as a byte string. */
void ush_cbor_put_string(
    struct ush_cbor_writer *w, const void *data, size_t len);
/* Heads: the items that belong to them are put next. */
void ush_cbor_put_array(struct ush_cbor_writer *w, uint64_t count);
void ush_cbor_put_map(struct ush_cbor_writer *w, uint64_t pairs);
void ush_cbor_put_tag(struct ush_cbor_writer *w, uint64_t tag);

/* Takes the room that is left away. */
void ush_cbor_overflow(struct ush_cbor_writer *w);

/* Bytes that are CBOR already. */
static inline void
ush_cbor_put_raw(struct ush_cbor_writer *w, const void *data, size_t len)
{
	if (len > (size_t)(w->end - w->p)) {
		ush_cbor_overflow(w);
		return;
	}
	if (len > 0)
		memcpy(w->p, data, len);
	w->p += len;
}

/*
 * A container whose number of items is known only when all are put: open it,
 * put them, close it with the number. `mark` is what open returned.
 */
size_t ush_cbor_open_map(struct ush_cbor_writer *w);
void ush_cbor_close_map(struct ush_cbor_writer *w, size_t mark, uint64_t pairs);

/* The first seven are CBOR's major types 0 to 6. */
enum ush_cbor_type {
	USH_CBOR_UINT,   /* u.integer */
	USH_CBOR_NEGINT, /* the number is -1 - u.integer */
	USH_CBOR_BYTES,  /* u.string, into the source */
	USH_CBOR_TEXT,   /* u.string; not checked for UTF-8 */
	USH_CBOR_ARRAY,  /* u.integer items follow */
	USH_CBOR_MAP,    /* u.integer pairs follow */
	USH_CBOR_TAG,    /* u.integer; one item follows */
	USH_CBOR_DOUBLE, /* u.number; half and single are widened */
	USH_CBOR_BOOL,   /* u.boolean */
	USH_CBOR_NULL,
	USH_CBOR_UNDEFINED,
	USH_CBOR_BREAK, /* ends an item of indefinite length */
};

/*
 * One head, and with a definite string its bytes. If `indefinite`, strings
 * have no bytes here: chunks (definite strings of the same type) follow up to
 * a USH_CBOR_BREAK; arrays and maps have no count: items up to a break.
 */
struct ush_cbor_item {
	enum ush_cbor_type type;
	bool indefinite;
	union {
		uint64_t integer;
		double number;
		bool boolean;
		struct {
			const unsigned char *p;
			size_t len;
		} string;
	} u;
};

/* Reads from `p` up to `end`. The source must stay while items are used. */
struct ush_cbor_reader {
	const unsigned char *p, *end;
};

static inline void
ush_cbor_reader_init(struct ush_cbor_reader *r, const void *data, size_t len)
{
	r->p = data;
	r->end = len > 0 ? r->p + len : r->p; /* data may be NULL */
}

static inline bool
ush_cbor_at_end(const struct ush_cbor_reader *r)
{
	return r->p == r->end;
}

/*
 * The next head. 0, or -1 for what is malformed, cut off or at the end; the
 * reader has not moved then. A container that announces more items than there
 * are bytes left is malformed. Simple values other than the four known ones
 * are refused. Breaks are the caller's to place.
 */
int ush_cbor_next(struct ush_cbor_reader *r, struct ush_cbor_item *item);

/*
 * What a ticket has most of, in line: a string of definite length whose head
 * is one byte. True, with its bytes, and the reader is behind it; or false, and
 * ush_cbor_next tells.
 */
enum { USH_CBOR_SMALL_MAX = 23 }; /* that fits in such a head */
static inline bool
ush_cbor_next_short(
    struct ush_cbor_reader *r, const unsigned char **p, size_t *len)
{
	const unsigned char *at = r->p;
	unsigned int small;

	/* Of the types, 2 and 3: bytes and text. */
	if (at == r->end || (*at & 0xC0) != USH_CBOR_BYTES << 5)
		return false;
	small = *at & 31;
	if (small > USH_CBOR_SMALL_MAX || small >= (size_t)(r->end - at))
		return false;
	*p = at + 1;
	*len = small;
	r->p = at + 1 + small;
	return true;
}

/* Likewise an integer of a head of one byte, or of four bytes after it, as
 * times have. */
enum { USH_CBOR_UINT32_HEAD = 0x1A };
static inline bool
ush_cbor_next_number(struct ush_cbor_reader *r, uint64_t *value)
{
	const unsigned char *at = r->p;

	if (at == r->end)
		return false;
	if (*at <= USH_CBOR_SMALL_MAX) {
		*value = *at;
		r->p = at + 1;
		return true;
	}
	if (*at != USH_CBOR_UINT32_HEAD || r->end - at < 5)
		return false;
	*value = (uint32_t)at[1] << 24 | (uint32_t)at[2] << 16 |
		 (uint32_t)at[3] << 8 | at[4];
	r->p = at + 5;
	return true;
}

/*
 * Steps over one whole item, with all that is nested in it, checking that it
 * is well-formed (RFC 8949, section 3). 0, or -1 if it is not or is nested
 * deeper than USH_CBOR_DEPTH. Loops, does not recurse.
 */
int ush_cbor_skip(struct ush_cbor_reader *r);

/* Is every byte below 0x80? */
bool ush_cbor_is_ascii(const void *data, size_t len);

#endif
