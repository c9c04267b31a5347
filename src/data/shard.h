/*
 * SPDX-License-Identifier: MIT
 *
 * One shard of a store (data/store.h): a map of bounded size in memory that
 * processes share, which forgets what was used least recently. Whoever calls
 * holds the shard's lock. The essay is in shard.c.
 */
#ifndef USH_DATA_SHARD_H
#define USH_DATA_SHARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/shard_lock.h"
#include "data/siphash.h"

enum {
	USH_STORE_KEY_MAX = 255,    /* bytes; 1 at least */
	USH_STORE_VALUE_MAX = 4096, /* bytes */
	USH_BLOCK = 64,             /* bytes, a cache line */
};

enum ush_store_kind {
	USH_STORE_STRING,
	USH_STORE_INTEGER,
	USH_STORE_NUMBER,
	USH_STORE_BOOLEAN,
	USH_STORE_KINDS, /* how many */
};

/* What is stored under a key. */
struct ush_store_value {
	enum ush_store_kind kind;
	union {
		struct {
			const void *p;
			size_t len;
		} string;
		int64_t integer;
		double number;
		bool boolean;
	} as;
};

struct ush_store_key {
	const void *p;
	size_t len;
};

/* At the beginning of a shard, in shared memory. All is guarded by the lock,
 * but `late`, and what is only looked at: `entries` and `used`. Atomic is all
 * of it, as others may write to it that take no lock. Numbers of blocks begin
 * at 1; 0 is none. */
struct ush_shard_head {
	_Alignas(2 * USH_BLOCK) _Atomic uint32_t lock;
	_Atomic uint32_t late;    /* somebody has waited in vain for the lock */
	_Atomic uint32_t entries; /* that there are */
	_Atomic uint32_t used;    /* blocks that they fill */
	_Atomic uint32_t changing; /* somebody is in the middle of a change */
	_Atomic uint32_t free;     /* first of the blocks given back */
	_Atomic uint32_t fresh;    /* first of those never used */
	_Atomic uint32_t newest, oldest; /* by their last use */
	_Atomic uint32_t hand; /* where to look for expired ones next */
};

struct ush_block;

/* A caller's view of a shard: where it lies, and what a call did. */
struct ush_shard {
	struct ush_shard_head *head;
	_Atomic uint32_t *buckets;
	struct ush_block *blocks;
	uint32_t n_buckets; /* a power of two */
	uint32_t n_blocks;
	const unsigned char *secret; /* of the hash */
	uint64_t now;                /* milliseconds */
	bool damaged;                /* something in it can't be right */
	uint64_t steps;              /* along chains, so far */
	unsigned int evictions, expirations, recoveries;
};

/* Bytes that a shard with so many blocks takes, without its head. */
size_t ush_shard_size(uint32_t n_buckets, uint32_t n_blocks);

/* Fills in an empty shard in zeroed memory, but for the lock. */
void ush_shard_init(struct ush_shard_head *head);

/* The number of the key's block; 0 if it is not there or expired (it is
 * removed then, unless `peek`). */
uint32_t ush_shard_find(struct ush_shard *s, const struct ush_store_key *key,
    uint64_t hash, bool peek);

/* Reads an entry; a string into room[USH_STORE_VALUE_MAX]. 0, or -1. */
int ush_shard_read(
    struct ush_shard *s, uint32_t n, struct ush_store_value *value, void *room);

/* When an entry expires; 0: never. */
uint64_t ush_shard_expires(struct ush_shard *s, uint32_t n);

/* The entry is now the one used last. */
void ush_shard_touch(struct ush_shard *s, uint32_t n);

/* A key that is not there gets a value, `expires` (0: never). What was used
 * least recently makes room. 0, or -1. */
int ush_shard_insert(struct ush_shard *s, const struct ush_store_key *key,
    uint64_t hash, const struct ush_store_value *value, uint64_t expires);

/* An entry gets another value of the same kind, not a string; its time to live
 * stays. */
void ush_shard_update(
    struct ush_shard *s, uint32_t n, const struct ush_store_value *value);

void ush_shard_remove(struct ush_shard *s, uint32_t n, uint64_t hash);

/* Puts a shard in order in whose middle a process has died, or which is
 * damaged: every entry that is whole stays. */
void ush_shard_rebuild(struct ush_shard *s);

#endif
