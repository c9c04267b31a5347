/*
 * SPDX-License-Identifier: MIT
 *
 * The writing half of the CBOR codec: heads of more than a byte are libcbor's
 * business (but for those of times), this file keeps the buffer and the sticky
 * overflow (cbor_read.c reads).
 *
 * Overflow moves a writer's `end` back to `p`, so that whatever is put later
 * finds no room either, without a look at the flag.
 */
#include "data/cbor.h"

#include <math.h>
#include <string.h>

#include <cbor/encoding.h>

enum {
	SIMPLE_FALSE = 0xF4,
	SIMPLE_TRUE = 0xF5,
	SIMPLE_NULL = 0xF6,
	SIMPLE_UNDEFINED = 0xF7,
};

#define MAX_EXACT 9007199254740992.0 /* 2^53 */

void
ush_cbor_writer_init(struct ush_cbor_writer *w, void *buf, size_t cap)
{
	w->p = w->start = buf;
	w->end = cap > 0 ? w->p + cap : w->p;
	w->overflow = false;
}

static inline size_t
room(const struct ush_cbor_writer *w)
{
	return (size_t)(w->end - w->p);
}

void
ush_cbor_overflow(struct ush_cbor_writer *w)
{
	w->overflow = true;
	w->end = w->p;
}

/* `n` is what libcbor says that it has written: 0 if there was no room. */
static inline void
advance(struct ush_cbor_writer *w, size_t n)
{
	if (n == 0)
		ush_cbor_overflow(w);
	w->p += n;
}

static inline unsigned char
small_head(enum ush_cbor_type type, size_t len)
{
	return (unsigned char)((unsigned int)type << 5 | len);
}

/* A head of one byte, if that is enough for the value and there is room. */
static inline bool
put_small(struct ush_cbor_writer *w, enum ush_cbor_type type, uint64_t value)
{
	if (value > USH_CBOR_SMALL_MAX || w->p == w->end)
		return false;
	*w->p++ = small_head(type, value);
	return true;
}

static inline bool
put_uint32(struct ush_cbor_writer *w, uint64_t value)
{
	if (value <= UINT16_MAX || value > UINT32_MAX || room(w) < 5)
		return false;
	w->p[0] = USH_CBOR_UINT32_HEAD;
	w->p[1] = (unsigned char)(value >> 24);
	w->p[2] = (unsigned char)(value >> 16);
	w->p[3] = (unsigned char)(value >> 8);
	w->p[4] = (unsigned char)value;
	w->p += 5;
	return true;
}

void
ush_cbor_put_uint(struct ush_cbor_writer *w, uint64_t value)
{
	if (!put_small(w, USH_CBOR_UINT, value) && !put_uint32(w, value))
		advance(w, cbor_encode_uint(value, w->p, room(w)));
}

void
ush_cbor_put_int(struct ush_cbor_writer *w, int64_t value)
{
	if (value >= 0)
		ush_cbor_put_uint(w, (uint64_t)value);
	else
		advance(w,
		    cbor_encode_negint((uint64_t)(-1 - value), w->p, room(w)));
}

void
ush_cbor_put_double(struct ush_cbor_writer *w, double value)
{
	if (isnan(value))
		value = NAN;
	advance(w, cbor_encode_double(value, w->p, room(w)));
}

void
ush_cbor_put_number(struct ush_cbor_writer *w, double value)
{
	if (value >= -MAX_EXACT && value <= MAX_EXACT &&
	    value == (double)(int64_t)value && (value != 0 || !signbit(value)))
		ush_cbor_put_int(w, (int64_t)value);
	else
		ush_cbor_put_double(w, value);
}

static inline void
put_simple(struct ush_cbor_writer *w, unsigned char byte)
{
	if (w->p == w->end)
		ush_cbor_overflow(w);
	else
		*w->p++ = byte;
}

void
ush_cbor_put_bool(struct ush_cbor_writer *w, bool value)
{
	put_simple(w, value ? SIMPLE_TRUE : SIMPLE_FALSE);
}

void
ush_cbor_put_null(struct ush_cbor_writer *w)
{
	put_simple(w, SIMPLE_NULL);
}

void
ush_cbor_put_undefined(struct ush_cbor_writer *w)
{
	put_simple(w, SIMPLE_UNDEFINED);
}

static inline uint64_t
load64(const unsigned char *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof word);
	return word;
}

static inline uint32_t
load32(const unsigned char *p)
{
	uint32_t word;

	memcpy(&word, p, sizeof word);
	return word;
}

/* No byte is 0x80 or more, if this is no part of their sum by "or". */
static const uint64_t not_ascii = 0x8080808080808080u;

static inline bool
is_ascii(const unsigned char *p, size_t len)
{
	uint64_t seen = 0;

	/* The last word overlaps the one before. */
	if (len >= 8) {
		for (seen = load64(p + len - 8); len > 8; p += 8, len -= 8)
			seen |= load64(p);
	} else if (len >= 4) {
		seen = load32(p) | load32(p + len - 4);
	} else {
		while (len > 0)
			seen |= p[--len];
	}
	return (seen & not_ascii) == 0;
}

bool
ush_cbor_is_ascii(const void *data, size_t len)
{
	return is_ascii(data, len);
}

/* Copies up to USH_CBOR_SMALL_MAX bytes; returns their sum by "or", for
 * is_ascii in the same pass. Words may overlap. */
static inline uint64_t
copy_small(unsigned char *to, const unsigned char *p, size_t len)
{
	uint64_t first = 0, middle = 0, last;

	if (len >= 8) {
		first = load64(p);
		last = load64(p + len - 8);
		if (len > 16) {
			middle = load64(p + 8);
			memcpy(to + 8, &middle, 8);
		}
		memcpy(to, &first, 8);
		memcpy(to + len - 8, &last, 8);
		return first | middle | last;
	}
	if (len >= 4) {
		first = load32(p);
		last = load32(p + len - 4);
		memcpy(to, &first, 4);
		memcpy(to + len - 4, &last, 4);
		return first | last;
	}
	for (; len > 0; len--)
		first |= *to++ = *p++;
	return first;
}

static void
put_long(struct ush_cbor_writer *w, enum ush_cbor_type type, const void *data,
    size_t len)
{
	if (!put_small(w, type, len))
		advance(
		    w, type == USH_CBOR_TEXT
			   ? cbor_encode_string_start(len, w->p, room(w))
			   : cbor_encode_bytestring_start(len, w->p, room(w)));
	ush_cbor_put_raw(w, data, len);
}

static inline void
put_chars(struct ush_cbor_writer *w, enum ush_cbor_type type, const void *data,
    size_t len)
{
	if (len > USH_CBOR_SMALL_MAX || room(w) <= len) {
		put_long(w, type, data, len);
		return;
	}
	copy_small(w->p + 1, data, len);
	*w->p = small_head(type, len);
	w->p += len + 1;
}

void
ush_cbor_put_bytes(struct ush_cbor_writer *w, const void *data, size_t len)
{
	put_chars(w, USH_CBOR_BYTES, data, len);
}

void
ush_cbor_put_text(struct ush_cbor_writer *w, const void *data, size_t len)
{
	put_chars(w, USH_CBOR_TEXT, data, len);
}

void
ush_cbor_put_string(struct ush_cbor_writer *w, const void *data, size_t len)
{
	uint64_t seen;

	if (len > USH_CBOR_SMALL_MAX || room(w) <= len) {
		put_long(w,
		    is_ascii(data, len) ? USH_CBOR_TEXT : USH_CBOR_BYTES, data,
		    len);
		return;
	}
	seen = copy_small(w->p + 1, data, len);
	*w->p =
	    small_head(seen & not_ascii ? USH_CBOR_BYTES : USH_CBOR_TEXT, len);
	w->p += len + 1;
}

void
ush_cbor_put_array(struct ush_cbor_writer *w, uint64_t count)
{
	if (!put_small(w, USH_CBOR_ARRAY, count))
		advance(w, cbor_encode_array_start(count, w->p, room(w)));
}

void
ush_cbor_put_map(struct ush_cbor_writer *w, uint64_t pairs)
{
	if (!put_small(w, USH_CBOR_MAP, pairs))
		advance(w, cbor_encode_map_start(pairs, w->p, room(w)));
}

void
ush_cbor_put_tag(struct ush_cbor_writer *w, uint64_t tag)
{
	advance(w, cbor_encode_tag(tag, w->p, room(w)));
}

size_t
ush_cbor_open_map(struct ush_cbor_writer *w)
{
	size_t mark = ush_cbor_written(w);

	ush_cbor_put_map(w, 0);
	return mark;
}

/* One byte was set aside for the head; a longer one moves the items up. */
void
ush_cbor_close_map(struct ush_cbor_writer *w, size_t mark, uint64_t pairs)
{
	unsigned char head[9], *at = w->start + mark;
	size_t n;

	if (w->overflow)
		return;
	if (pairs <= USH_CBOR_SMALL_MAX) {
		*at |= (unsigned char)pairs;
		return;
	}
	n = cbor_encode_map_start(pairs, head, sizeof head);
	if (n - 1 > room(w)) {
		ush_cbor_overflow(w);
		return;
	}
	memmove(at + n, at + 1, (size_t)(w->p - at) - 1);
	memcpy(at, head, n);
	w->p += n - 1;
}
