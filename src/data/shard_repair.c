/*
 * SPDX-License-Identifier: MIT
 *
 * Makes the lists, counts and buckets of a shard anew, from the entries in its
 * blocks. May itself be cut off at any moment: what it goes by, the heads, it
 * only takes away where they are not whole.
 *
 * Entries come back in the order of their use: whatever change was cut off, the
 * old list still leads from the oldest one to all others but the one that was
 * being moved. What it does not lead to comes behind, as the newest.
 */
#include <string.h>

#include "data/shard_own.h"

/* Nothing is claimed or admitted, whatever an earlier try has come to. */
static void
forget(struct ush_shard *s)
{
	struct ush_block *b;

	for (uint32_t i = 0; i + 1 < s->head->fresh; i++) {
		b = &s->blocks[i];
		if (b->type == BLOCK_CLAIMED)
			ush_block_set_type(b, BLOCK_MORE);
		else if (b->type == BLOCK_HEAD)
			b->admitted = 0;
	}
}

/* Are all blocks of an entry there, and nobody else's? */
static bool
is_whole(struct ush_shard *s, const struct ush_block *b, uint32_t count)
{
	s->damaged = false;
	for (uint32_t i = 1; i < count; i++) {
		b = ush_block_get(s, b->next, BLOCK_MORE);
		if (!b)
			break;
	}
	return count > 0 && !s->damaged;
}

/* Takes the blocks behind a head for it. A circle ends at the first one. */
static bool
claim(struct ush_shard *s, struct ush_block *b, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++) {
		b = ush_block_get(s, b->next, BLOCK_MORE);
		if (!b)
			return false;
		ush_block_set_type(b, BLOCK_CLAIMED);
	}
	return true;
}

static void
count_entry(struct ush_shard *s)
{
	ush_atomic_set(
	    &s->head->entries, ush_atomic_get(&s->head->entries) + 1);
}

/* Lets an entry in, if it is whole and its key is not in already. */
static void
admit(struct ush_shard *s, uint32_t n)
{
	struct ush_block *b = &s->blocks[n - 1];
	uint32_t count = ush_block_count(b);
	unsigned char bytes[USH_STORE_KEY_MAX];
	struct ush_store_key key = {bytes, b->key_len};
	uint64_t hash;

	if (!is_whole(s, b, count) || ush_block_key(s, b, bytes) != 0)
		return;
	hash = ush_siphash(s->secret, bytes, key.len);
	if (ush_shard_find(s, &key, hash, true) == 0 && !s->damaged &&
	    claim(s, b, count) && ush_block_link(s, n, hash) == 0) {
		b->admitted = 1;
		count_entry(s);
	}
}

static void
admit_by_use(struct ush_shard *s, uint32_t oldest)
{
	uint32_t n = oldest, next;
	struct ush_block *b;

	for (; n >= 1 && n < s->head->fresh; n = next) {
		b = &s->blocks[n - 1];
		if (b->type != BLOCK_HEAD || b->admitted)
			break;
		next = b->as.head.newer;
		admit(s, n);
		if (!b->admitted)
			break;
	}
}

static void
admit_others(struct ush_shard *s)
{
	struct ush_block *b;

	for (uint32_t n = 1; n < s->head->fresh; n++) {
		b = &s->blocks[n - 1];
		if (b->type != BLOCK_HEAD || b->admitted)
			continue;
		admit(s, n);
		if (!b->admitted)
			ush_block_set_type(b, BLOCK_FREE);
	}
}

/* Returns what was the oldest entry. */
static uint32_t
empty_lists(struct ush_shard *s)
{
	struct ush_shard_head *head = s->head;
	uint32_t oldest = head->oldest;

	memset(s->buckets, 0, s->n_buckets * sizeof *s->buckets);
	head->newest = head->oldest = head->free = 0;
	ush_atomic_set(&head->used, 0);
	ush_atomic_set(&head->entries, 0);
	if (head->fresh < 1 || head->fresh > s->n_blocks + 1)
		head->fresh = s->n_blocks + 1;
	return oldest;
}

/* What no entry has claimed is free. */
static void
gather_free(struct ush_shard *s)
{
	struct ush_shard_head *head = s->head;
	struct ush_block *b;
	uint32_t used = 0;

	for (uint32_t n = head->fresh - 1; n >= 1; n--) {
		b = &s->blocks[n - 1];
		if (b->type == BLOCK_CLAIMED)
			ush_block_set_type(b, BLOCK_MORE);
		else if (b->type != BLOCK_HEAD)
			ush_block_set_type(b, BLOCK_FREE);
		if (b->type != BLOCK_FREE) {
			used++;
			continue;
		}
		b->next = head->free;
		head->free = n;
	}
	ush_atomic_set(&head->used, used);
}

void
ush_shard_rebuild(struct ush_shard *s)
{
	uint64_t now = s->now;
	uint32_t oldest;

	s->recoveries++;
	ush_atomic_set(&s->head->changing, 1);
	atomic_signal_fence(memory_order_seq_cst);
	s->now = 0; /* entries that have expired count as well */
	oldest = empty_lists(s);
	forget(s);
	admit_by_use(s, oldest);
	admit_others(s);
	gather_free(s);
	s->now = now;
	s->damaged = false;
	atomic_signal_fence(memory_order_seq_cst);
	ush_atomic_set(&s->head->changing, 0);
}
