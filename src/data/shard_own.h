/*
 * SPDX-License-Identifier: MIT
 *
 * What shard.c and shard_repair.c share: blocks, and steps from one to the
 * next that never leave the shard, whatever stands in it.
 */
#ifndef USH_DATA_SHARD_OWN_H
#define USH_DATA_SHARD_OWN_H

#include "data/shard.h"

enum {
	HEAD_BYTES = 32, /* of an entry, in its first block */
	MORE_BYTES = 56, /* and in each further one */
	NUMBER_BYTES = 8,
};

enum block_type {
	BLOCK_FREE,
	BLOCK_HEAD,    /* the first one of an entry */
	BLOCK_MORE,    /* a further one */
	BLOCK_CLAIMED, /* the same, while a shard is rebuilt */
};

/* Bytes of an entry: a number and then the key, or the key and then the
 * string. */
struct ush_block {
	_Atomic uint32_t next; /* of the entry, or of those that are free */
	_Atomic uint8_t type;
	/* of a head only */
	_Atomic uint8_t kind;
	_Atomic uint8_t key_len;
	_Atomic uint8_t admitted; /* while a shard is rebuilt */
	union {
		struct {
			_Atomic uint32_t chain; /* next in the bucket */
			_Atomic uint32_t newer, older;
			_Atomic uint32_t string_len;
			_Atomic uint64_t expires;
			unsigned char bytes[HEAD_BYTES];
		} head;
		unsigned char more[MORE_BYTES];
	} as;
};

_Static_assert(sizeof(struct ush_block) == USH_BLOCK, "struct ush_block");

/* One look at what others may change at any moment, or one word written: the
 * compiler neither repeats it nor leaves it out. What is decided by a word is
 * decided by the copy of it. */
#define USH_GET(word) atomic_load_explicit(&(word), memory_order_relaxed)
#define USH_PUT(word, value) \
	atomic_store_explicit(&(word), (value), memory_order_relaxed)

/* The block, or NULL if it is none of this type; then the shard is damaged. */
static inline struct ush_block *
ush_block_get(struct ush_shard *s, uint32_t n, enum block_type type)
{
	if (n >= 1 && n <= s->n_blocks &&
	    USH_GET(s->blocks[n - 1].type) == type)
		return &s->blocks[n - 1];
	s->damaged = true;
	return NULL;
}

/* A process that dies leaves its stores in the order of its program, so it is
 * only the compiler that has to be told. */
static inline void
ush_block_set_type(struct ush_block *b, enum block_type type)
{
	atomic_signal_fence(memory_order_seq_cst);
	USH_PUT(b->type, (uint8_t)type);
	atomic_signal_fence(memory_order_seq_cst);
}

/* What an entry's head says of its bytes: a copy, which can be. */
struct ush_entry {
	enum ush_store_kind kind;
	uint32_t key_len;    /* at most USH_STORE_KEY_MAX */
	uint32_t string_len; /* at most USH_STORE_VALUE_MAX; 0 of others */
	uint32_t blocks;     /* that it fills */
};

/* Copies it; if its lengths can't be, the shard is damaged, and it is -1. */
int ush_block_look(
    struct ush_shard *s, const struct ush_block *b, struct ush_entry *entry);

/* Reads the entry's key; -1 if its blocks don't hang together. */
int ush_block_key(struct ush_shard *s, struct ush_block *b,
    const struct ush_entry *entry, unsigned char key[USH_STORE_KEY_MAX]);

bool ush_block_has_key(
    struct ush_shard *s, struct ush_block *b, const struct ush_store_key *key);

/* How many blocks these would fill. */
uint32_t ush_block_need(
    const struct ush_store_key *key, const struct ush_store_value *value);

/* Writes them into an entry's blocks, which are not yet typed as one. -1 if
 * there are too few. */
int ush_block_fill(struct ush_shard *s, struct ush_block *b,
    const struct ush_store_key *key, const struct ush_store_value *value);

/* Makes an entry findable, as the one used last. -1 if damaged. */
int ush_block_link(struct ush_shard *s, uint32_t n, uint64_t hash);

#endif
