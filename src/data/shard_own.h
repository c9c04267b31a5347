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
	uint32_t next; /* of the entry, or of those that are free */
	uint8_t type;
	/* of a head only */
	uint8_t kind;
	uint8_t key_len;
	uint8_t admitted; /* while a shard is rebuilt */
	union {
		struct {
			uint32_t chain; /* next in the bucket */
			uint32_t newer, older;
			uint32_t string_len;
			uint64_t expires;
			unsigned char bytes[HEAD_BYTES];
		} head;
		unsigned char more[MORE_BYTES];
	} as;
};

_Static_assert(sizeof(struct ush_block) == USH_BLOCK, "struct ush_block");

/* The block, or NULL if it is none of this type; then the shard is damaged. */
static inline struct ush_block *
ush_block_get(struct ush_shard *s, uint32_t n, enum block_type type)
{
	if (n >= 1 && n <= s->n_blocks && s->blocks[n - 1].type == type)
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
	b->type = (uint8_t)type;
	atomic_signal_fence(memory_order_seq_cst);
}

static inline uint32_t
ush_atomic_get(const _Atomic uint32_t *p)
{
	return atomic_load_explicit(p, memory_order_relaxed);
}

static inline void
ush_atomic_set(_Atomic uint32_t *p, uint32_t value)
{
	atomic_store_explicit(p, value, memory_order_relaxed);
}

/* How many blocks an entry fills; 0 if its lengths can't be. */
uint32_t ush_block_count(const struct ush_block *b);

/* Reads the entry's key; -1 if its blocks don't hang together. */
int ush_block_key(struct ush_shard *s, struct ush_block *b,
    unsigned char key[USH_STORE_KEY_MAX]);

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
