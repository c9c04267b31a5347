/*
 * SPDX-License-Identifier: MIT
 *
 * A shard is an array of blocks of 64 bytes behind an array of buckets. An
 * entry fills one block (the head: links, lengths, expiry, the first 32 bytes)
 * and as many more as its key and value need. Heads hang in two lists: the
 * bucket of their key's hash, and the order of their last use, from whose old
 * end entries are evicted when blocks run out.
 *
 * Any process may die at any instruction, and any may write here what it likes
 * (the lock binds only those that take it). So there are no pointers, only
 * numbers of blocks, and each step from one to the next looks whether there is
 * such a block and of which type (ush_block_get); walks are bounded. Each word
 * is read once, and then it is the copy that is looked at and used. What an
 * entry is made of stands in its own blocks: it is there as soon as its head's
 * type says so, which is written last and taken back first. Lists, counts and
 * buckets follow from that. Whoever changes them says so before (`changing`);
 * who finds the lock left by a dead process, in the middle of a change, makes
 * them anew (shard_repair.c), as does who finds something that can't be.
 *
 * No operation does more than look at one bucket, evict what its own entry
 * needs, and look at two further blocks for something expired.
 */
#include "data/shard.h"

#include "data/shard_own.h"

enum {
	LOOK_FOR_EXPIRED = 2, /* blocks, at each insertion */
	CHAIN_MAX = 10000,    /* longer ones are a circle, or as bad */
};

size_t
ush_shard_size(uint32_t n_buckets, uint32_t n_blocks)
{
	return (size_t)n_blocks * USH_BLOCK + (size_t)n_buckets * 4;
}

void
ush_shard_init(struct ush_shard_head *head)
{
	USH_PUT(head->fresh, 1);
	USH_PUT(head->hand, 1);
}

static void
change_begin(struct ush_shard *s)
{
	USH_PUT(s->head->changing, 1);
	atomic_signal_fence(memory_order_seq_cst);
}

static void
change_end(struct ush_shard *s)
{
	atomic_signal_fence(memory_order_seq_cst);
	USH_PUT(s->head->changing, 0);
}

static void
count_used(struct ush_shard *s, uint32_t blocks, uint32_t entries)
{
	USH_PUT(s->head->used, USH_GET(s->head->used) + blocks);
	USH_PUT(s->head->entries, USH_GET(s->head->entries) + entries);
}

/*
 * Lists
 */

static _Atomic uint32_t *
bucket_of(struct ush_shard *s, uint64_t hash)
{
	return &s->buckets[hash & (s->n_buckets - 1)];
}

static void
push_newest(struct ush_shard *s, uint32_t n, struct ush_block *b)
{
	uint32_t newest = USH_GET(s->head->newest);
	struct ush_block *before = NULL;

	if (newest != 0)
		before = ush_block_get(s, newest, BLOCK_HEAD);
	USH_PUT(b->as.head.newer, 0);
	USH_PUT(b->as.head.older, before ? newest : 0);
	if (before)
		USH_PUT(before->as.head.newer, n);
	else
		USH_PUT(s->head->oldest, n);
	USH_PUT(s->head->newest, n);
}

/* Takes an entry out of the order of use: its neighbours must name it. */
static int
unlink_use(struct ush_shard *s, uint32_t n, const struct ush_block *b)
{
	uint32_t newer_n = USH_GET(b->as.head.newer);
	uint32_t older_n = USH_GET(b->as.head.older);
	struct ush_block *newer = NULL, *older = NULL;
	_Atomic uint32_t *from_newer, *from_older;

	if (newer_n != 0)
		newer = ush_block_get(s, newer_n, BLOCK_HEAD);
	if (older_n != 0)
		older = ush_block_get(s, older_n, BLOCK_HEAD);
	from_newer = newer ? &newer->as.head.older : &s->head->newest;
	from_older = older ? &older->as.head.newer : &s->head->oldest;
	if (s->damaged || USH_GET(*from_newer) != n ||
	    USH_GET(*from_older) != n) {
		s->damaged = true;
		return -1;
	}
	USH_PUT(*from_newer, older_n);
	USH_PUT(*from_older, newer_n);
	return 0;
}

static int
unlink_bucket(struct ush_shard *s, uint32_t n, uint64_t hash)
{
	_Atomic uint32_t *link = bucket_of(s, hash);
	struct ush_block *b;
	uint32_t there;

	for (unsigned int i = 0; i < CHAIN_MAX; i++) {
		there = USH_GET(*link);
		b = ush_block_get(s, there, BLOCK_HEAD);
		if (!b)
			return -1;
		if (there == n) {
			USH_PUT(*link, USH_GET(b->as.head.chain));
			return 0;
		}
		link = &b->as.head.chain;
	}
	s->damaged = true;
	return -1;
}

int
ush_block_link(struct ush_shard *s, uint32_t n, uint64_t hash)
{
	struct ush_block *b = ush_block_get(s, n, BLOCK_HEAD);
	_Atomic uint32_t *bucket = bucket_of(s, hash);

	if (!b)
		return -1;
	USH_PUT(b->as.head.chain, USH_GET(*bucket));
	USH_PUT(*bucket, n);
	push_newest(s, n, b);
	return s->damaged ? -1 : 0;
}

/*
 * Blocks that are free
 */

static void
give_block(struct ush_shard *s, uint32_t n, struct ush_block *b)
{
	ush_block_set_type(b, BLOCK_FREE);
	USH_PUT(b->next, USH_GET(s->head->free));
	USH_PUT(s->head->free, n);
}

/* One that is free, or 0. Its type is still that. */
static uint32_t
take_block(struct ush_shard *s)
{
	struct ush_shard_head *head = s->head;
	uint32_t given = USH_GET(head->free);
	uint32_t n = given != 0 ? given : USH_GET(head->fresh);
	struct ush_block *b = ush_block_get(s, n, BLOCK_FREE);

	if (!b)
		return 0;
	if (given != 0)
		USH_PUT(head->free, USH_GET(b->next));
	else
		USH_PUT(head->fresh, n + 1);
	return n;
}

static int
give_entry(struct ush_shard *s, uint32_t n, struct ush_block *b)
{
	uint32_t next = USH_GET(b->next);
	struct ush_entry entry;

	if (ush_block_look(s, b, &entry) != 0)
		return -1;
	count_used(s, 0 - entry.blocks, (uint32_t)-1);
	give_block(s, n, b);
	for (uint32_t i = 1; i < entry.blocks; i++) {
		n = next;
		b = ush_block_get(s, n, BLOCK_MORE);
		if (!b)
			return -1;
		next = USH_GET(b->next);
		give_block(s, n, b);
	}
	return 0;
}

/* A head with so many blocks behind it, all but typed. 0 if damaged. */
static uint32_t
take_entry(struct ush_shard *s, uint32_t count)
{
	uint32_t first = take_block(s), n;
	struct ush_block *b;

	if (first == 0)
		return 0;
	b = &s->blocks[first - 1];
	for (uint32_t i = 1; i < count; i++) {
		n = take_block(s);
		if (n == 0)
			return 0;
		USH_PUT(b->next, n);
		b = &s->blocks[n - 1];
		ush_block_set_type(b, BLOCK_MORE);
	}
	USH_PUT(b->next, 0);
	return first;
}

/*
 * Entries
 */

static bool
is_expired(const struct ush_shard *s, const struct ush_block *b)
{
	uint64_t expires = USH_GET(b->as.head.expires);

	return expires != 0 && expires <= s->now;
}

static void
remove_entry(struct ush_shard *s, uint32_t n, uint64_t hash)
{
	struct ush_block *b = ush_block_get(s, n, BLOCK_HEAD);

	if (!b)
		return;
	change_begin(s);
	if (unlink_bucket(s, n, hash) == 0 && unlink_use(s, n, b) == 0 &&
	    give_entry(s, n, b) == 0)
		change_end(s);
}

/* The same for an entry whose hash isn't known. */
static void
drop_entry(struct ush_shard *s, uint32_t n)
{
	unsigned char key[USH_STORE_KEY_MAX];
	struct ush_block *b = ush_block_get(s, n, BLOCK_HEAD);
	struct ush_entry entry;

	if (!b || ush_block_look(s, b, &entry) != 0 ||
	    ush_block_key(s, b, &entry, key) != 0)
		return;
	if (is_expired(s, b))
		s->expirations++;
	else
		s->evictions++;
	remove_entry(s, n, ush_siphash(s->secret, key, entry.key_len));
}

/* Each entry that goes leaves a block at least, or somebody else counts. */
static int
make_room(struct ush_shard *s, uint32_t count)
{
	uint32_t used;

	for (uint32_t i = 0; i <= count && !s->damaged; i++) {
		used = USH_GET(s->head->used);
		if (used <= s->n_blocks && s->n_blocks - used >= count)
			return 0;
		if (used > s->n_blocks)
			break;
		drop_entry(s, USH_GET(s->head->oldest));
	}
	s->damaged = true;
	return -1;
}

/* Expired entries that nobody asks for go little by little. */
static void
look_for_expired(struct ush_shard *s)
{
	uint32_t n = USH_GET(s->head->hand);

	for (int i = 0; i < LOOK_FOR_EXPIRED && !s->damaged; i++, n++) {
		if (n < 1 || n >= USH_GET(s->head->fresh) || n > s->n_blocks)
			n = 1;
		if (USH_GET(s->blocks[n - 1].type) == BLOCK_HEAD &&
		    is_expired(s, &s->blocks[n - 1]))
			drop_entry(s, n);
	}
	USH_PUT(s->head->hand, n);
}

uint32_t
ush_shard_find(struct ush_shard *s, const struct ush_store_key *key,
    uint64_t hash, bool peek)
{
	uint32_t n = USH_GET(*bucket_of(s, hash));
	struct ush_block *b;

	for (unsigned int i = 0; i < CHAIN_MAX && n != 0; i++, s->steps++) {
		b = ush_block_get(s, n, BLOCK_HEAD);
		if (!b)
			return 0;
		if (!ush_block_has_key(s, b, key)) {
			n = USH_GET(b->as.head.chain);
			continue;
		}
		if (!is_expired(s, b))
			return n;
		if (!peek) {
			s->expirations++;
			remove_entry(s, n, hash);
		}
		return 0;
	}
	if (n != 0)
		s->damaged = true;
	return 0;
}

uint64_t
ush_shard_expires(struct ush_shard *s, uint32_t n)
{
	const struct ush_block *b = ush_block_get(s, n, BLOCK_HEAD);

	return b ? USH_GET(b->as.head.expires) : 0;
}

void
ush_shard_touch(struct ush_shard *s, uint32_t n)
{
	struct ush_block *b = ush_block_get(s, n, BLOCK_HEAD);

	if (!b || USH_GET(s->head->newest) == n)
		return;
	change_begin(s);
	if (unlink_use(s, n, b) == 0)
		push_newest(s, n, b);
	if (!s->damaged)
		change_end(s);
}

int
ush_shard_insert(struct ush_shard *s, const struct ush_store_key *key,
    uint64_t hash, const struct ush_store_value *value, uint64_t expires)
{
	uint32_t n, count;
	struct ush_block *b;

	look_for_expired(s);
	count = ush_block_need(key, value);
	if (make_room(s, count) != 0)
		return -1;
	change_begin(s);
	n = take_entry(s, count);
	if (n == 0)
		return -1;
	b = &s->blocks[n - 1];
	USH_PUT(b->as.head.expires, expires);
	if (ush_block_fill(s, b, key, value) != 0)
		return -1;
	ush_block_set_type(b, BLOCK_HEAD);
	count_used(s, count, 1);
	if (ush_block_link(s, n, hash) != 0)
		return -1;
	change_end(s);
	return 0;
}

void
ush_shard_remove(struct ush_shard *s, uint32_t n, uint64_t hash)
{
	remove_entry(s, n, hash);
}
