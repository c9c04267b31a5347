/*
 * SPDX-License-Identifier: MIT
 *
 * The reading half of the CBOR codec: one head at a time, and the walk over
 * nested items. Heads are libcbor's business, but for those of one byte: they
 * are nearly all of a ticket's, and by a callback each costs 90 instructions
 * instead of 20. (The header has the most frequent ones in line.)
 */
#include "data/cbor.h"

#include <cbor/callbacks.h>
#include <cbor/streaming.h>

/* What libcbor calls; `arg` is the item to be filled. */

static void
on_uint(void *arg, uint64_t value)
{
	struct ush_cbor_item *item = arg;

	item->type = USH_CBOR_UINT;
	item->u.integer = value;
}

static void
on_uint8(void *arg, uint8_t value)
{
	on_uint(arg, value);
}

static void
on_uint16(void *arg, uint16_t value)
{
	on_uint(arg, value);
}

static void
on_uint32(void *arg, uint32_t value)
{
	on_uint(arg, value);
}

static void
on_negint(void *arg, uint64_t value)
{
	struct ush_cbor_item *item = arg;

	item->type = USH_CBOR_NEGINT;
	item->u.integer = value;
}

static void
on_negint8(void *arg, uint8_t value)
{
	on_negint(arg, value);
}

static void
on_negint16(void *arg, uint16_t value)
{
	on_negint(arg, value);
}

static void
on_negint32(void *arg, uint32_t value)
{
	on_negint(arg, value);
}

static void
on_bytes(void *arg, cbor_data data, size_t len)
{
	struct ush_cbor_item *item = arg;

	item->type = USH_CBOR_BYTES;
	item->u.string.p = data;
	item->u.string.len = len;
}

static void
on_text(void *arg, cbor_data data, size_t len)
{
	struct ush_cbor_item *item = arg;

	on_bytes(arg, data, len);
	item->type = USH_CBOR_TEXT;
}

static void
on_array(void *arg, size_t count)
{
	struct ush_cbor_item *item = arg;

	item->type = USH_CBOR_ARRAY;
	item->u.integer = count;
}

static void
on_map(void *arg, size_t pairs)
{
	struct ush_cbor_item *item = arg;

	item->type = USH_CBOR_MAP;
	item->u.integer = pairs;
}

static void
start_indefinite(void *arg, enum ush_cbor_type type)
{
	struct ush_cbor_item *item = arg;

	item->type = type;
	item->indefinite = true;
}

static void
on_bytes_start(void *arg)
{
	start_indefinite(arg, USH_CBOR_BYTES);
}

static void
on_text_start(void *arg)
{
	start_indefinite(arg, USH_CBOR_TEXT);
}

static void
on_array_start(void *arg)
{
	start_indefinite(arg, USH_CBOR_ARRAY);
}

static void
on_map_start(void *arg)
{
	start_indefinite(arg, USH_CBOR_MAP);
}

static void
on_tag(void *arg, uint64_t tag)
{
	struct ush_cbor_item *item = arg;

	item->type = USH_CBOR_TAG;
	item->u.integer = tag;
}

static void
on_double(void *arg, double number)
{
	struct ush_cbor_item *item = arg;

	item->type = USH_CBOR_DOUBLE;
	item->u.number = number;
}

static void
on_float(void *arg, float number)
{
	on_double(arg, (double)number);
}

static void
on_break(void *arg)
{
	((struct ush_cbor_item *)arg)->type = USH_CBOR_BREAK;
}

static const struct cbor_callbacks callbacks = {
    .uint8 = on_uint8,
    .uint16 = on_uint16,
    .uint32 = on_uint32,
    .uint64 = on_uint,
    .negint8 = on_negint8,
    .negint16 = on_negint16,
    .negint32 = on_negint32,
    .negint64 = on_negint,
    .byte_string_start = on_bytes_start,
    .byte_string = on_bytes,
    .string_start = on_text_start,
    .string = on_text,
    .indef_array_start = on_array_start,
    .array_start = on_array,
    .indef_map_start = on_map_start,
    .map_start = on_map,
    .tag = on_tag,
    .float2 = on_float,
    .float4 = on_float,
    .float8 = on_double,
    /* Never called: next_simple knows these. */
    .undefined = cbor_null_undefined_callback,
    .null = cbor_null_null_callback,
    .boolean = cbor_null_boolean_callback,
    .indef_break = on_break,
};

/* Each item takes a byte at least. */
static inline bool
announces_too_much(enum ush_cbor_type type, uint64_t count, size_t left)
{
	return (type == USH_CBOR_ARRAY && count > left) ||
	       (type == USH_CBOR_MAP && count > left / 2);
}

/* A head that takes more than a byte, or says more than a small number. */
static int
next_long(struct ush_cbor_reader *r, struct ush_cbor_item *item)
{
	size_t left = (size_t)(r->end - r->p);
	struct cbor_decoder_result result;

	result = cbor_stream_decode(r->p, left, &callbacks, item);
	if (result.status != CBOR_DECODER_FINISHED)
		return -1;
	if (!item->indefinite &&
	    announces_too_much(item->type, item->u.integer, left - result.read))
		return -1;
	r->p += result.read;
	return 0;
}

/* true, false, null and undefined, which have no argument. */
static int
next_simple(struct ush_cbor_reader *r, struct ush_cbor_item *item)
{
	switch (*r->p) {
	case 0xF4:
	case 0xF5:
		item->type = USH_CBOR_BOOL;
		item->u.boolean = *r->p == 0xF5;
		break;
	case 0xF6:
		item->type = USH_CBOR_NULL;
		break;
	case 0xF7:
		item->type = USH_CBOR_UNDEFINED;
		break;
	default:
		return next_long(r, item);
	}
	r->p++;
	return 0;
}

static inline int
next_item(struct ush_cbor_reader *r, struct ush_cbor_item *item)
{
	size_t left = (size_t)(r->end - r->p), small;
	enum ush_cbor_type type;

	if (left == 0)
		return -1;
	item->indefinite = false;
	type = (enum ush_cbor_type)(*r->p >> 5);
	small = *r->p & 31;
	if (type > USH_CBOR_TAG)
		return next_simple(r, item);
	if (small > USH_CBOR_SMALL_MAX)
		return next_long(r, item);
	left--;
	item->type = type;
	if (type == USH_CBOR_TEXT || type == USH_CBOR_BYTES) {
		if (small > left)
			return -1;
		item->u.string.p = r->p + 1;
		item->u.string.len = small;
		r->p += 1 + small;
		return 0;
	}
	if (announces_too_much(type, small, left))
		return -1;
	item->u.integer = small;
	r->p++;
	return 0;
}

int
ush_cbor_next(struct ush_cbor_reader *r, struct ush_cbor_item *item)
{
	return next_item(r, item);
}

/* What is being skipped: the innermost item that holds others... */
struct open {
	enum ush_cbor_type type;
	bool indefinite;
	uint64_t left; /* items; if indefinite: items seen so far */
};

/* ... and those around it. */
struct walk {
	struct open in;
	struct open around[USH_CBOR_DEPTH];
	size_t depth;
	bool tagged; /* the last head was a tag, which needs an item */
};

/* May `item` stand where the walk is? */
static inline bool
may_stand(const struct walk *walk, const struct ush_cbor_item *item)
{
	const struct open *in = &walk->in;

	if (item->type == USH_CBOR_BREAK)
		return in->indefinite && !walk->tagged &&
		       (in->type != USH_CBOR_MAP || in->left % 2 == 0);
	if (in->type == USH_CBOR_TEXT || in->type == USH_CBOR_BYTES)
		return item->type == in->type && !item->indefinite;
	return true;
}

/* How many items are in `item`, as far as is known; 0: it holds none. */
static inline uint64_t
items_in(const struct ush_cbor_item *item)
{
	if (item->indefinite)
		return 1;
	if (item->type == USH_CBOR_ARRAY)
		return item->u.integer;
	return item->type == USH_CBOR_MAP ? 2 * item->u.integer : 0;
}

static int
open_item(struct walk *walk, const struct ush_cbor_item *item, uint64_t items)
{
	if (walk->depth == USH_CBOR_DEPTH)
		return -1;
	walk->around[walk->depth++] = walk->in;
	walk->in.type = item->type;
	walk->in.indefinite = item->indefinite;
	walk->in.left = item->indefinite ? 0 : items;
	return 0;
}

/* An item is complete, and perhaps with it those that it is the last of. */
static inline void
close_item(struct walk *walk)
{
	while (!walk->in.indefinite && --walk->in.left == 0 && walk->depth > 0)
		walk->in = walk->around[--walk->depth];
	if (walk->in.indefinite)
		walk->in.left++;
}

static inline int
step(struct walk *walk, const struct ush_cbor_item *item)
{
	uint64_t items = items_in(item);

	if (!may_stand(walk, item))
		return -1;
	walk->tagged = item->type == USH_CBOR_TAG;
	if (walk->tagged)
		return 0;
	if (items > 0)
		return open_item(walk, item, items);
	if (item->type == USH_CBOR_BREAK)
		walk->in = walk->around[--walk->depth];
	close_item(walk);
	return 0;
}

int
ush_cbor_skip(struct ush_cbor_reader *r)
{
	struct ush_cbor_reader at = *r;
	struct ush_cbor_item item;
	struct walk walk;

	/* As if in an array of one. */
	walk.in.type = USH_CBOR_ARRAY;
	walk.in.indefinite = false;
	walk.in.left = 1;
	walk.depth = 0;
	walk.tagged = false;
	while (walk.depth > 0 || walk.in.left > 0)
		if (next_item(&at, &item) != 0 || step(&walk, &item) != 0)
			return -1;
	r->p = at.p;
	return 0;
}
