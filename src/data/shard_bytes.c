/*
 * SPDX-License-Identifier: MIT
 *
 * The bytes of a shard's entries: in and out of the blocks that they fill.
 */
#include <string.h>

#include "data/shard_own.h"

static uint32_t
blocks_for(size_t bytes)
{
	if (bytes <= HEAD_BYTES)
		return 1;
	return (
	    uint32_t)(1 + (bytes - HEAD_BYTES + MORE_BYTES - 1) / MORE_BYTES);
}

int
ush_block_look(
    struct ush_shard *s, const struct ush_block *b, struct ush_entry *entry)
{
	uint8_t kind = USH_GET(b->kind), key_len = USH_GET(b->key_len);
	uint32_t string_len = USH_GET(b->as.head.string_len);
	bool is_string = kind == USH_STORE_STRING;

	if (key_len == 0 || kind >= USH_STORE_KINDS ||
	    string_len > USH_STORE_VALUE_MAX ||
	    (!is_string && string_len != 0)) {
		s->damaged = true;
		return -1;
	}
	entry->kind = kind;
	entry->key_len = key_len;
	entry->string_len = string_len;
	entry->blocks =
	    blocks_for(key_len + (is_string ? string_len : NUMBER_BYTES));
	return 0;
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
	    USH_GET(s->blocks[n - 1].type) == BLOCK_CLAIMED)
		return &s->blocks[n - 1];
	return ush_block_get(s, n, BLOCK_MORE);
}

/* The next run of bytes, at most `want`; NULL if the blocks end. */
static unsigned char *
place_next(struct place *place, size_t want, size_t *len)
{
	unsigned char *p;

	if (place->left == 0) {
		place->block =
		    block_more(place->s, USH_GET(place->block->next));
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

/* The copy is what counts from here on: nothing is looked at again. */
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
	atomic_signal_fence(memory_order_seq_cst);
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

/* Where the key begins: behind a number. */
static struct place
place_key(struct ush_shard *s, struct ush_block *b, enum ush_store_kind kind)
{
	struct place place = place_first(s, b);

	if (kind != USH_STORE_STRING) {
		place.p += NUMBER_BYTES;
		place.left -= NUMBER_BYTES;
	}
	return place;
}

int
ush_block_key(struct ush_shard *s, struct ush_block *b,
    const struct ush_entry *entry, unsigned char key[USH_STORE_KEY_MAX])
{
	struct place place = place_key(s, b, entry->kind);

	return place_read(&place, key, entry->key_len);
}

static _Atomic uint64_t *
number_of(struct ush_block *b)
{
	return (_Atomic uint64_t *)(void *)b->as.head.bytes;
}

static void
number_read(struct ush_store_value *value, struct ush_block *b)
{
	uint64_t word = USH_GET(*number_of(b));

	if (value->kind == USH_STORE_NUMBER)
		memcpy(&value->as.number, &word, sizeof value->as.number);
	else if (value->kind == USH_STORE_BOOLEAN)
		value->as.boolean = word != 0;
	else
		value->as.integer = (int64_t)word;
}

/* One store, so that nobody ever sees half a number. */
static void
number_write(const struct ush_store_value *value, struct ush_block *b)
{
	uint64_t word = 0;

	if (value->kind == USH_STORE_NUMBER)
		memcpy(&word, &value->as.number, sizeof word);
	else if (value->kind == USH_STORE_BOOLEAN)
		word = value->as.boolean;
	else
		word = (uint64_t)value->as.integer;
	USH_PUT(*number_of(b), word);
}

int
ush_shard_read(
    struct ush_shard *s, uint32_t n, struct ush_store_value *value, void *room)
{
	struct ush_block *b = ush_block_get(s, n, BLOCK_HEAD);
	struct ush_entry entry;
	struct place place;

	if (!b || ush_block_look(s, b, &entry) != 0)
		return -1;
	value->kind = entry.kind;
	if (entry.kind != USH_STORE_STRING) {
		number_read(value, b);
		return 0;
	}
	place = place_first(s, b);
	value->as.string.p = room;
	value->as.string.len = entry.string_len;
	/* The key goes into the room first, as whoever has room for a value
	 * has room for a key. */
	if (place_read(&place, room, entry.key_len) != 0)
		return -1;
	return place_read(&place, room, entry.string_len);
}

int
ush_block_fill(struct ush_shard *s, struct ush_block *b,
    const struct ush_store_key *key, const struct ush_store_value *value)
{
	bool is_string = value->kind == USH_STORE_STRING;
	uint32_t string_len = is_string ? (uint32_t)value->as.string.len : 0;
	struct place place;

	USH_PUT(b->kind, (uint8_t)value->kind);
	USH_PUT(b->key_len, (uint8_t)key->len);
	USH_PUT(b->as.head.string_len, string_len);
	if (!is_string)
		number_write(value, b);
	place = place_key(s, b, value->kind);
	if (place_write(&place, key->p, key->len) != 0)
		return -1;
	if (!is_string)
		return 0;
	return place_write(&place, value->as.string.p, string_len);
}

/* The key is copied before it is compared: memcmp(3) may crash where bytes
 * change meanwhile (glibc's bug 29863). */
bool
ush_block_has_key(
    struct ush_shard *s, struct ush_block *b, const struct ush_store_key *key)
{
	unsigned char bytes[USH_STORE_KEY_MAX];
	struct ush_entry entry;

	return ush_block_look(s, b, &entry) == 0 && entry.key_len == key->len &&
	       ush_block_key(s, b, &entry, bytes) == 0 &&
	       memcmp(bytes, key->p, key->len) == 0;
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
		number_write(value, b);
}
