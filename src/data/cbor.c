/*
 * SPDX-License-Identifier: MIT
 *
 * The writing half of the CBOR codec: heads of more than a byte are libcbor's
 * business, this file keeps the buffer and the sticky overflow (cbor_read.c
 * reads).
 *
 * Overflow moves a writer's `end` back to `p`, so that whatever is put later
 * finds no room either, without a look at the flag.
 */
#include "data/cbor.h"

#include <math.h>
#include <string.h>

#include <cbor/encoding.h>

enum { SMALL_MAX = 23 }; /* that fits in a head of one byte */

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

static void
overflow(struct ush_cbor_writer *w)
{
	w->overflow = true;
	w->end = w->p;
}

/* `n` is what libcbor says that it has written: 0 if there was no room. */
static inline void
advance(struct ush_cbor_writer *w, size_t n)
{
	if (n == 0)
		overflow(w);
	w->p += n;
}

/* A head of one byte, if that is enough for the value and there is room. */
static inline bool
put_small(struct ush_cbor_writer *w, enum ush_cbor_type type, uint64_t value)
{
	if (value > SMALL_MAX || w->p == w->end)
		return false;
	*w->p++ = (unsigned char)((unsigned int)type << 5 | value);
	return true;
}

void
ush_cbor_put_uint(struct ush_cbor_writer *w, uint64_t value)
{
	if (!put_small(w, USH_CBOR_UINT, value))
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

void
ush_cbor_put_bool(struct ush_cbor_writer *w, bool value)
{
	advance(w, cbor_encode_bool(value, w->p, room(w)));
}

void
ush_cbor_put_null(struct ush_cbor_writer *w)
{
	advance(w, cbor_encode_null(w->p, room(w)));
}

void
ush_cbor_put_undefined(struct ush_cbor_writer *w)
{
	advance(w, cbor_encode_undef(w->p, room(w)));
}

static inline void
put_raw(struct ush_cbor_writer *w, const void *data, size_t len)
{
	if (len > room(w)) {
		overflow(w);
		return;
	}
	if (len > 0)
		memcpy(w->p, data, len);
	w->p += len;
}

void
ush_cbor_put_raw(struct ush_cbor_writer *w, const void *data, size_t len)
{
	put_raw(w, data, len);
}

static inline void
put_chars(struct ush_cbor_writer *w, enum ush_cbor_type type, const void *data,
    size_t len)
{
	if (!put_small(w, type, len))
		advance(
		    w, type == USH_CBOR_TEXT
			   ? cbor_encode_string_start(len, w->p, room(w))
			   : cbor_encode_bytestring_start(len, w->p, room(w)));
	put_raw(w, data, len);
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
	return (seen & 0x8080808080808080u) == 0;
}

bool
ush_cbor_is_ascii(const void *data, size_t len)
{
	return is_ascii(data, len);
}

void
ush_cbor_put_string(struct ush_cbor_writer *w, const void *data, size_t len)
{
	put_chars(
	    w, is_ascii(data, len) ? USH_CBOR_TEXT : USH_CBOR_BYTES, data, len);
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
	if (pairs <= SMALL_MAX) {
		*at |= (unsigned char)pairs;
		return;
	}
	n = cbor_encode_map_start(pairs, head, sizeof head);
	if (n - 1 > room(w)) {
		overflow(w);
		return;
	}
	memmove(at + n, at + 1, (size_t)(w->p - at) - 1);
	memcpy(at, head, n);
	w->p += n - 1;
}
