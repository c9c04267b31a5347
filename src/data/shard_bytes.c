/*
 * SPDX-License-Identifier: MIT
 *
 * The bytes of a shard's entries: in and out of the blocks that they fill.
 */
#include <string.h>

#include "data/shard_own.h"

static bool
is_string(const struct ush_block *b)
{
	return b->kind == USH_STORE_STRING;
}

static uint32_t
blocks_for(size_t bytes)
{
	if (bytes <= HEAD_BYTES)
		return 1;
	return (
	    uint32_t)(1 + (bytes - HEAD_BYTES + MORE_BYTES - 1) / MORE_BYTES);
}

uint32_t
ush_block_count(const struct ush_block *b)
{
	if (b->key_len == 0 || b->kind >= USH_STORE_KINDS ||
	    b->as.head.string_len > USH_STORE_VALUE_MAX ||
	    (!is_string(b) && b->as.head.string_len != 0))
		return 0;
	return blocks_for(
	    b->key_len + (is_string(b) ? b->as.head.string_len : NUMBER_BYTES));
}

/* A place in an entry's bytes. */
struct place {
	struct ush_shard *s;
	struct ush_block *block;
	unsigned char *p;
	size_t left; /* in this block */
};

static struct place
place_first(struct ush_shard *s, struct ush_block *head)
{
	return (struct place){s, head, head->as.head.bytes, HEAD_BYTES};
}

static struct ush_block *
block_more(struct ush_shard *s, uint32_t n)
{
	if (n >= 1 && n <= s->n_blocks &&
	    s->blocks[n - 1].type == BLOCK_CLAIMED)
		return &s->blocks[n - 1];
	return ush_block_get(s, n, BLOCK_MORE);
}

/* The next run of bytes, at most `want`; NULL if the blocks end. */
static unsigned char *
place_next(struct place *place, size_t want, size_t *len)
{
	unsigned char *p;

	if (place->left == 0) {
		place->block = block_more(place->s, place->block->next);
		if (!place->block)
			return NULL;
		place->p = place->block->as.more;
		place->left = MORE_BYTES;
	}
	p = place->p;
	*len = want < place->left ? want : place->left;
	place->p += *len;
	place->left -= *len;
	return p;
}

static int
place_read(struct place *place, void *to, size_t len)
{
	unsigned char *out = to;
	const unsigned char *p;
	size_t n;

	for (; len > 0; len -= n, out += n) {
		p = place_next(place, len, &n);
		if (!p)
			return -1;
		memcpy(out, p, n);
	}
	return 0;
}

static int
place_write(struct place *place, const void *from, size_t len)
{
	const unsigned char *in = from;
	unsigned char *p;
	size_t n;

	for (; len > 0; len -= n, in += n) {
		p = place_next(place, len, &n);
		if (!p)
			return -1;
		memcpy(p, in, n);
	}
	return 0;
}

static bool
place_equals(struct place *place, const void *with, size_t len)
{
	const unsigned char *in = with, *p;
	size_t n;

	for (; len > 0; len -= n, in += n) {
		p = place_next(place, len, &n);
		if (!p || memcmp(p, in, n) != 0)
			return false;
	}
	return true;
}

/* Where the key begins: behind a number. */
static struct place
place_key(struct ush_shard *s, struct ush_block *b)
{
	struct place place = place_first(s, b);

	if (!is_string(b)) {
		place.p += NUMBER_BYTES;
		place.left -= NUMBER_BYTES;
	}
	return place;
}

int
ush_block_key(struct ush_shard *s, struct ush_block *b,
    unsigned char key[USH_STORE_KEY_MAX])
{
	struct place place = place_key(s, b);

	return place_read(&place, key, b->key_len);
}

static void
number_read(struct ush_store_value *value, const unsigned char *bytes)
{
	int64_t integer;

	memcpy(&integer, bytes, sizeof integer);
	if (value->kind == USH_STORE_NUMBER)
		memcpy(&value->as.number, bytes, sizeof value->as.number);
	else if (value->kind == USH_STORE_BOOLEAN)
		value->as.boolean = integer != 0;
	else
		value->as.integer = integer;
}

/* One store, so that nobody ever sees half a number. */
static void
number_write(const struct ush_store_value *value, unsigned char *bytes)
{
	uint64_t word = 0;

	if (value->kind == USH_STORE_NUMBER)
		memcpy(&word, &value->as.number, sizeof word);
	else if (value->kind == USH_STORE_BOOLEAN)
		word = value->as.boolean;
	else
		word = (uint64_t)value->as.integer;
	memcpy(bytes, &word, sizeof word);
}

int
ush_shard_read(
    struct ush_shard *s, uint32_t n, struct ush_store_value *value, void *room)
{
	struct ush_block *b = ush_block_get(s, n, BLOCK_HEAD);
	struct place place;

	if (!b || ush_block_count(b) == 0) {
		s->damaged = true;
		return -1;
	}
	value->kind = b->kind;
	if (!is_string(b)) {
		number_read(value, b->as.head.bytes);
		return 0;
	}
	place = place_first(s, b);
	value->as.string.p = room;
	value->as.string.len = b->as.head.string_len;
	/* The key goes into the room first, as whoever has room for a value
	 * has room for a key. */
	if (place_read(&place, room, b->key_len) != 0)
		return -1;
	return place_read(&place, room, b->as.head.string_len);
}

int
ush_block_fill(struct ush_shard *s, struct ush_block *b,
    const struct ush_store_key *key, const struct ush_store_value *value)
{
	struct place place;

	b->kind = (uint8_t)value->kind;
	b->key_len = (uint8_t)key->len;
	b->as.head.string_len = 0;
	if (is_string(b))
		b->as.head.string_len = (uint32_t)value->as.string.len;
	else
		number_write(value, b->as.head.bytes);
	place = place_key(s, b);
	if (place_write(&place, key->p, key->len) != 0)
		return -1;
	if (!is_string(b))
		return 0;
	return place_write(&place, value->as.string.p, b->as.head.string_len);
}

bool
ush_block_has_key(
    struct ush_shard *s, struct ush_block *b, const struct ush_store_key *key)
{
	struct place place = place_key(s, b);

	return b->key_len == key->len && place_equals(&place, key->p, key->len);
}

uint32_t
ush_block_need(
    const struct ush_store_key *key, const struct ush_store_value *value)
{
	return blocks_for(
	    key->len + (value->kind == USH_STORE_STRING ? value->as.string.len
							: NUMBER_BYTES));
}

void
ush_shard_update(
    struct ush_shard *s, uint32_t n, const struct ush_store_value *value)
{
	struct ush_block *b = ush_block_get(s, n, BLOCK_HEAD);

	if (b)
		number_write(value, b->as.head.bytes);
}
