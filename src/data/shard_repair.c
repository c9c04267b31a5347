/*
 * SPDX-License-Identifier: MIT
 *
 * Makes the lists, counts and buckets of a shard anew, from the entries in its
 * blocks. May itself be cut off at any moment: what it goes by, the heads, it
 * only takes away where they are not whole.
 *
 * Entries come back in the order of their use: whatever change was cut off, the
 * old list still leads from the oldest one to all others but the one that was
 * being moved. What it does not lead to comes behind, as the newest. How many
 * blocks there are to look at follows from their types, once, in the
 * beginning; other words are read once as well; the steps along chains are
 * counted, so that it ends in time whatever another process writes meanwhile.
 */
#include "data/shard_own.h"

enum { STEPS_PER_BLOCK = 32 }; /* along chains; more is no chance */

/* Nothing is claimed or admitted, whatever an earlier try has come to. */
static void
forget(struct ush_shard *s, uint32_t fresh)
{
	struct ush_block *b;
	uint8_t type;

	for (uint32_t n = 1; n < fresh; n++) {
		b = &s->blocks[n - 1];
		type = USH_GET(b->type);
		if (type == BLOCK_CLAIMED)
			ush_block_set_type(b, BLOCK_MORE);
		else if (type == BLOCK_HEAD)
			USH_PUT(b->admitted, 0);
	}
}

/* Are all blocks of an entry there, and nobody else's? */
static bool
is_whole(struct ush_shard *s, const struct ush_block *b, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++) {
		b = ush_block_get(s, USH_GET(b->next), BLOCK_MORE);
		if (!b)
			return false;
	}
	return true;
}

/* Lets go of the first `count` blocks behind a head. */
static void
unclaim(struct ush_shard *s, const struct ush_block *b, uint32_t count)
{
	uint32_t n;

	for (; count > 0; count--) {
		n = USH_GET(b->next);
		if (n < 1 || n > s->n_blocks)
			return;
		b = &s->blocks[n - 1];
		if (USH_GET(b->type) == BLOCK_CLAIMED)
			ush_block_set_type(&s->blocks[n - 1], BLOCK_MORE);
	}
}

/* Takes the blocks behind a head for it: all, or none. A circle ends at the
 * first one that is taken already. */
static bool
claim(struct ush_shard *s, const struct ush_block *head, uint32_t count)
{
	const struct ush_block *b = head;
	uint32_t n;

	for (uint32_t i = 1; i < count; i++) {
		n = USH_GET(b->next);
		b = ush_block_get(s, n, BLOCK_MORE);
		if (!b) {
			unclaim(s, head, i - 1);
			return false;
		}
		ush_block_set_type(&s->blocks[n - 1], BLOCK_CLAIMED);
	}
	return true;
}

/* Lets an entry in, if it is whole and its key is not in already. */
static bool
admit(struct ush_shard *s, uint32_t n)
{
	struct ush_block *b = &s->blocks[n - 1];
	unsigned char bytes[USH_STORE_KEY_MAX];
	struct ush_store_key key = {.p = bytes};
	struct ush_entry entry;
	uint64_t hash;

	s->damaged = false;
	if (s->steps > (uint64_t)STEPS_PER_BLOCK * s->n_blocks ||
	    ush_block_look(s, b, &entry) != 0 ||
	    !is_whole(s, b, entry.blocks) ||
	    ush_block_key(s, b, &entry, bytes) != 0)
		return false;
	key.len = entry.key_len;
	hash = ush_siphash(s->secret, bytes, key.len);
	if (ush_shard_find(s, &key, hash, true) != 0 || s->damaged ||
	    !claim(s, b, entry.blocks) || ush_block_link(s, n, hash) != 0)
		return false;
	USH_PUT(b->admitted, 1);
	USH_PUT(s->head->entries, USH_GET(s->head->entries) + 1);
	return true;
}

static bool
is_waiting(const struct ush_block *b)
{
	return USH_GET(b->type) == BLOCK_HEAD && USH_GET(b->admitted) == 0;
}

static void
admit_by_use(struct ush_shard *s, uint32_t fresh, uint32_t oldest)
{
	uint32_t n = oldest, next;

	for (uint32_t i = 1; i < fresh && n >= 1 && n < fresh; i++, n = next) {
		if (!is_waiting(&s->blocks[n - 1]))
			break;
		next = USH_GET(s->blocks[n - 1].as.head.newer);
		if (!admit(s, n))
			break;
	}
}

static void
admit_others(struct ush_shard *s, uint32_t fresh)
{
	for (uint32_t n = 1; n < fresh; n++)
		if (is_waiting(&s->blocks[n - 1]) && !admit(s, n))
			ush_block_set_type(&s->blocks[n - 1], BLOCK_FREE);
}

static void
empty_lists(struct ush_shard *s)
{
	struct ush_shard_head *head = s->head;

	for (uint32_t i = 0; i < s->n_buckets; i++)
		USH_PUT(s->buckets[i], 0);
	USH_PUT(head->newest, 0);
	USH_PUT(head->oldest, 0);
	USH_PUT(head->free, 0);
	USH_PUT(head->used, 0);
	USH_PUT(head->entries, 0);
}

/* What no entry has claimed is free. */
static void
gather_free(struct ush_shard *s, uint32_t fresh)
{
	uint32_t used = 0, free = 0;
	struct ush_block *b;
	uint8_t type;

	for (uint32_t n = fresh - 1; n >= 1; n--) {
		b = &s->blocks[n - 1];
		type = USH_GET(b->type);
		if (type == BLOCK_CLAIMED || type == BLOCK_HEAD) {
			if (type == BLOCK_CLAIMED)
				ush_block_set_type(b, BLOCK_MORE);
			used++;
			continue;
		}
		ush_block_set_type(b, BLOCK_FREE);
		USH_PUT(b->next, free);
		free = n;
	}
	USH_PUT(s->head->free, free);
	USH_PUT(s->head->used, used);
	USH_PUT(s->head->fresh, fresh);
}

/* The blocks tell which of them were never used, or might as well not have
 * been: a word that says so may be wrong. */
static uint32_t
first_fresh(const struct ush_shard *s)
{
	uint32_t n = s->n_blocks;

	while (n > 0 && USH_GET(s->blocks[n - 1].type) == BLOCK_FREE)
		n--;
	return n + 1;
}

void
ush_shard_rebuild(struct ush_shard *s)
{
	uint32_t oldest = USH_GET(s->head->oldest);
	uint32_t fresh = first_fresh(s);
	uint64_t now = s->now;

	s->recoveries++;
	s->steps = 0;
	USH_PUT(s->head->changing, 1);
	atomic_signal_fence(memory_order_seq_cst);
	s->now = 0; /* entries that have expired count as well */
	empty_lists(s);
	forget(s, fresh);
	admit_by_use(s, fresh, oldest);
	admit_others(s, fresh);
	gather_free(s, fresh);
	s->now = now;
	s->damaged = false;
	atomic_signal_fence(memory_order_seq_cst);
	USH_PUT(s->head->changing, 0);
}
