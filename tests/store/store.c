/*
 * SPDX-License-Identifier: MIT
 *
 * What tests of the store share.
 */
#include "store.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <check.h>

#include "data/shard_own.h"
#include "data/store_own.h"

struct ush_store_key
key_of(const char *text)
{
	return (struct ush_store_key){text, strlen(text)};
}

struct ush_store_key
key_of_number(unsigned int n, char room[16])
{
	snprintf(room, 16, "key %u", n);
	return key_of(room);
}

enum ush_store_result
set_bytes(struct ush_store_view *view, const char *key, const void *bytes,
    size_t len, unsigned int ttl)
{
	struct ush_store_value value = {
	    .kind = USH_STORE_STRING, .as.string = {bytes, len}};

	return ush_store_set(view, key_of(key), &value, ttl * 1000ull);
}

enum ush_store_result
set_text(struct ush_store_view *view, const char *key, const char *text,
    unsigned int ttl)
{
	return set_bytes(view, key, text, strlen(text), ttl);
}

enum ush_store_result
set_integer(struct ush_store_view *view, const char *key, int64_t integer,
    unsigned int ttl)
{
	struct ush_store_value value = {
	    .kind = USH_STORE_INTEGER, .as.integer = integer};

	return ush_store_set(view, key_of(key), &value, ttl * 1000ull);
}

enum ush_store_result
add_text(struct ush_store_view *view, const char *key, const char *text,
    unsigned int ttl)
{
	struct ush_store_value value = {
	    .kind = USH_STORE_STRING, .as.string = {text, strlen(text)}};

	return ush_store_add(view, key_of(key), &value, ttl * 1000ull);
}

bool
has_text(struct ush_store_view *view, const char *key, const char *text)
{
	struct ush_store_value value;
	char room[USH_STORE_VALUE_MAX];

	return ush_store_get(view, key_of(key), &value, room) == USH_STORE_OK &&
	       value.kind == USH_STORE_STRING &&
	       value.as.string.len == strlen(text) &&
	       memcmp(value.as.string.p, text, strlen(text)) == 0;
}

bool
has_integer(struct ush_store_view *view, const char *key, int64_t integer)
{
	struct ush_store_value value;
	char room[USH_STORE_VALUE_MAX];

	return ush_store_get(view, key_of(key), &value, room) == USH_STORE_OK &&
	       value.kind == USH_STORE_INTEGER && value.as.integer == integer;
}

bool
has_none(struct ush_store_view *view, const char *key)
{
	struct ush_store_value value;
	char room[USH_STORE_VALUE_MAX];

	return ush_store_get(view, key_of(key), &value, room) ==
	       USH_STORE_ABSENT;
}

uint64_t
stat_of(const struct ush_store_view *view, enum ush_stat stat)
{
	uint64_t sums[USH_STATS];

	ush_stats_sum(view->stats, sums);
	return sums[stat];
}

static struct ush_shard
shard_at(const struct ush_store *store, uint32_t i)
{
	unsigned char *at = store->base + store->start + i * store->stride;

	return (struct ush_shard){
	    .head = (struct ush_shard_head *)(store->base + 4096) + i,
	    .buckets = (_Atomic uint32_t *)(void *)at,
	    .blocks = (struct ush_block *)(at + store->n_buckets * 4),
	    .n_buckets = store->n_buckets,
	    .n_blocks = store->n_blocks,
	    .secret = store->secret,
	};
}

struct ush_shard
shard_of(const struct ush_store *store, struct ush_store_key key)
{
	uint64_t hash = ush_siphash(store->secret, key.p, key.len);

	return shard_at(store, (uint32_t)(hash >> 32) & (store->n_shards - 1));
}

/* Marks an entry's blocks; returns how many there are, 0 if that is wrong. */
static uint32_t
mark_entry(struct ush_shard *s, uint32_t n, unsigned char *marks)
{
	struct ush_block *b = &s->blocks[n - 1];
	struct ush_entry entry;

	if (ush_block_look(s, b, &entry) != 0 || marks[n]++ != 0)
		return 0;
	for (uint32_t i = 1; i < entry.blocks; i++) {
		n = b->next;
		b = ush_block_get(s, n, BLOCK_MORE);
		if (!b || marks[n]++ != 0)
			return 0;
	}
	return entry.blocks;
}

static const char *
buckets_wrong(struct ush_shard *s, unsigned char *marks, uint32_t *entries,
    uint32_t *used)
{
	unsigned char key[USH_STORE_KEY_MAX];
	struct ush_entry entry;
	struct ush_block *b;
	uint32_t n, count;

	for (uint32_t i = 0; i < s->n_buckets; i++)
		for (n = s->buckets[i]; n != 0; n = b->as.head.chain) {
			b = ush_block_get(s, n, BLOCK_HEAD);
			if (!b)
				return "a bucket names no entry";
			if (ush_block_look(s, b, &entry) != 0 ||
			    ush_block_key(s, b, &entry, key) != 0)
				return "a key can't be read";
			if ((ush_siphash(s->secret, key, entry.key_len) &
				(s->n_buckets - 1)) != i)
				return "an entry is in another key's bucket";
			count = mark_entry(s, n, marks);
			if (count == 0)
				return "a block belongs to two";
			*used += count;
			++*entries;
		}
	return NULL;
}

static const char *
use_wrong(struct ush_shard *s, uint32_t entries)
{
	uint32_t n, newer = 0, count = 0;
	struct ush_block *b;

	for (n = s->head->newest; n != 0; n = b->as.head.older) {
		b = ush_block_get(s, n, BLOCK_HEAD);
		if (!b || b->as.head.newer != newer || ++count > entries)
			return "the order of use is broken";
		newer = n;
	}
	if (s->head->oldest != newer || count != entries)
		return "the order of use lacks an entry";
	return NULL;
}

static const char *
free_wrong(struct ush_shard *s, unsigned char *marks, uint32_t used)
{
	uint32_t n, count = 0;

	for (n = s->head->free; n != 0; n = s->blocks[n - 1].next) {
		if (!ush_block_get(s, n, BLOCK_FREE) || marks[n]++ != 0)
			return "a free block is not free";
		count++;
	}
	if (s->head->fresh < 1 || s->head->fresh > s->n_blocks + 1 ||
	    s->head->fresh - 1 != used + count)
		return "a block is nobody's";
	return NULL;
}

static const char *
shard_wrong(struct ush_shard *s)
{
	unsigned char *marks = calloc(s->n_blocks + 1, 1);
	uint32_t entries = 0, used = 0;
	const char *wrong = buckets_wrong(s, marks, &entries, &used);

	if (!wrong)
		wrong = use_wrong(s, entries);
	if (!wrong)
		wrong = free_wrong(s, marks, used);
	if (!wrong && (s->head->entries != entries || s->head->used != used))
		wrong = "the counts are wrong";
	if (!wrong && s->head->changing != 0)
		wrong = "a change has not ended";
	free(marks);
	return wrong;
}

const char *
store_wrong(const struct ush_store *store)
{
	const char *wrong = NULL;
	struct ush_shard s;

	for (uint32_t i = 0; i < store->n_shards && !wrong; i++) {
		s = shard_at(store, i);
		wrong = shard_wrong(&s);
	}
	return wrong;
}

char store_name[USH_STORE_NAME_MAX];
char store_path[USH_STORE_NAME_MAX + 16];

void
store_name_begin(void)
{
	snprintf(store_name, sizeof store_name, "check-%ld", (long)getpid());
	snprintf(store_path, sizeof store_path, "/usher.%s", store_name);
	shm_unlink(store_path);
}

void
store_name_end(void)
{
	shm_unlink(store_path);
}

static struct ush_shard_head *
heads_of(const struct ush_store *store)
{
	return (struct ush_shard_head *)(store->base + 4096);
}

bool
store_is_late(const struct ush_store *store)
{
	for (uint32_t i = 0; i < store->n_shards; i++)
		if (atomic_load(&heads_of(store)[i].late) != 0)
			return true;
	return false;
}

void
hold_shard(_Atomic uint32_t *lock)
{
	uint32_t nobody = 0;

	/* Others have it, for as long as a change takes. */
	while (!atomic_compare_exchange_strong(
	    lock, &nobody, (uint32_t)syscall(SYS_gettid))) {
		nobody = 0;
		sched_yield();
	}
}

void
store_hold(const struct ush_store *store, bool on)
{
	struct ush_shard_head *heads = heads_of(store);

	for (uint32_t i = 0; i < store->n_shards; i++)
		if (on)
			hold_shard(&heads[i].lock);
		else
			atomic_store(&heads[i].lock, 0);
}
