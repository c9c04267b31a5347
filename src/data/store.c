/*
 * SPDX-License-Identifier: MIT
 *
 * A store's memory, its locks, and the operations on its shards.
 *
 * The memory begins with a header, then come the heads of the shards, then
 * their buckets and blocks. Where they lie follows from the size alone, which
 * each process has for itself, as it has the secret of the hash. Each shard has
 * a robust lock: if its holder dies, the next one is told so, and looks whether
 * the shard has to be rebuilt.
 */
#include "data/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "data/shard_own.h"
#include "data/store_own.h"

enum {
	SHARD_BYTES = 64 * 1024, /* about; larger if there are SHARDS_MAX */
	SHARDS_MAX = 256,
	HEADS = 4096, /* where they begin */
	LAYOUT = 2,   /* of a store's memory */
	READY = 0x7ead7,
};

/*
 * Memory
 */

size_t
ush_store_round(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (size + page - 1) / page * page;
}

/* Where things lie in so many bytes. */
static void
lay_out(struct ush_store *store)
{
	size_t share;

	store->n_shards = 1;
	while (store->n_shards < SHARDS_MAX &&
	       store->size / store->n_shards > SHARD_BYTES)
		store->n_shards *= 2;
	store->start = HEADS + store->n_shards * sizeof(struct ush_shard_head);
	share = (store->size - store->start) / store->n_shards;
	store->stride = share / USH_BLOCK * USH_BLOCK;
	store->n_buckets = USH_BLOCK / sizeof(uint32_t);
	while (ush_shard_size(store->n_buckets * 2, store->n_buckets * 2) <=
	       store->stride)
		store->n_buckets *= 2;
	store->n_blocks =
	    (uint32_t)((store->stride - store->n_buckets * sizeof(uint32_t)) /
		       USH_BLOCK);
}

static struct ush_shard_head *
head_of(const struct ush_store *store, uint32_t i)
{
	return (struct ush_shard_head *)(store->base + HEADS) + i;
}

void
ush_store_header_fill(struct ush_store_header *header, size_t size)
{
	memset(header, 0, sizeof *header);
	memcpy(header->magic, "UshStore", sizeof header->magic);
	header->layout = LAYOUT;
	header->head_size = sizeof(struct ush_shard_head);
	header->size = size;
	atomic_init(&header->ready, READY);
}

int
ush_store_format(void *base, size_t size)
{
	struct ush_store store = {.base = base, .size = size};
	struct ush_store_header *header = base, fresh;

	lay_out(&store);
	for (uint32_t i = 0; i < store.n_shards; i++)
		ush_shard_init(head_of(&store, i));
	ush_store_header_fill(&fresh, size);
	memcpy(header->magic, fresh.magic, sizeof fresh.magic);
	header->layout = fresh.layout;
	header->head_size = fresh.head_size;
	header->size = fresh.size;
	if (getrandom(header->secret, sizeof header->secret, 0) !=
	    (ssize_t)sizeof header->secret)
		return EAGAIN;
	atomic_store_explicit(
	    &header->ready, fresh.ready, memory_order_release);
	return 0;
}

static unsigned char *
map_anonymous(size_t size, struct ush_error *err)
{
	void *base = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int error = base == MAP_FAILED ? errno : ush_store_format(base, size);

	if (error == 0)
		return base;
	if (base != MAP_FAILED)
		munmap(base, size);
	ush_error_set(err, USH_ERROR_SYSTEM, NULL, 0,
	    "can't make a store of %zu bytes: %s", size, strerror(error));
	return NULL;
}

struct ush_store *
ush_store_new(const char *name, size_t size, struct ush_error *err)
{
	struct ush_store *store = calloc(1, sizeof *store);

	if (!store) {
		ush_error_set(err, USH_ERROR_SYSTEM, NULL, 0, "out of memory");
		return NULL;
	}
	if (name) {
		if (ush_store_map_named(
			name, size, &store->base, &store->size, err) != 0)
			store->base = NULL;
	} else {
		store->size = ush_store_round(size > 0 ? size : USH_STORE_SIZE);
		store->base = map_anonymous(store->size, err);
	}
	if (!store->base) {
		free(store);
		return NULL;
	}
	lay_out(store);
	memcpy(store->secret, ((struct ush_store_header *)store->base)->secret,
	    sizeof store->secret);
	return store;
}

void
ush_store_free(struct ush_store *store)
{
	if (!store)
		return;
	munmap(store->base, store->size);
	free(store);
}

/* What can be, of what a head says. */
static uint32_t
at_most(uint32_t n, uint32_t most)
{
	return n < most ? n : most;
}

void
ush_store_usage(const struct ush_store *store, struct ush_store_usage *usage)
{
	const struct ush_shard_head *head;

	memset(usage, 0, sizeof *usage);
	usage->bytes = (uint64_t)store->n_shards * store->n_blocks * USH_BLOCK;
	for (uint32_t i = 0; i < store->n_shards; i++) {
		head = head_of(store, i);
		usage->used += (uint64_t)USH_BLOCK *
			       at_most(USH_GET(head->used), store->n_blocks);
		usage->entries +=
		    at_most(USH_GET(head->entries), store->n_blocks);
	}
}

/*
 * Locks
 */

/* Waits, unless somebody has just done so in vain: so a holder that stands
 * still costs one wait, not one for each handshake. */
static enum ush_lock_result
lock_wait(struct ush_shard_head *head, struct ush_lock_hold *hold)
{
	enum ush_lock_result result;

	if (USH_GET(head->late) != 0)
		return USH_LOCK_BUSY;
	result = ush_lock_within(&head->lock, USH_STORE_WAIT_MS, hold);
	if (result == USH_LOCK_BUSY)
		USH_PUT(head->late, 1);
	return result;
}

static int
shard_lock(struct ush_shard *s, struct ush_lock_hold *hold)
{
	enum ush_lock_result result = ush_lock_try(&s->head->lock, hold);

	if (result == USH_LOCK_BUSY)
		result = lock_wait(s->head, hold);
	if (result == USH_LOCK_BUSY)
		return -1;
	if (USH_GET(s->head->late) != 0)
		USH_PUT(s->head->late, 0);
	if (result == USH_LOCK_DIED) {
		if (USH_GET(s->head->changing) != 0)
			ush_shard_rebuild(s);
		else
			s->recoveries++;
	}
	return 0;
}

/*
 * Operations, with the lock held
 */

enum ush_store_result
ush_store_add_up(
    struct ush_store_op *op, const struct ush_store_value *there, bool *anew)
{
	int64_t before = op->has_from ? op->from : 0, sum;

	if (there && there->kind != USH_STORE_INTEGER)
		return USH_STORE_TYPE;
	*anew = !there || (op->has_from && there->as.integer < op->from);
	if (!*anew)
		before = there->as.integer;
	if (__builtin_add_overflow(before, op->value.as.integer, &sum))
		return USH_STORE_RANGE;
	op->value.as.integer = sum;
	return USH_STORE_OK;
}

static enum ush_store_result
insert(struct ush_shard *s, struct ush_store_op *op, uint64_t hash)
{
	uint64_t expires = 0;

	if (op->ttl > 0)
		expires = op->ttl < UINT64_MAX - s->now ? s->now + op->ttl : 0;
	ush_shard_insert(s, &op->key, hash, &op->value, expires);
	return USH_STORE_OK;
}

static enum ush_store_result
replace(struct ush_shard *s, struct ush_store_op *op, uint64_t hash, uint32_t n)
{
	ush_shard_remove(s, n, hash);
	return s->damaged ? USH_STORE_OK : insert(s, op, hash);
}

static enum ush_store_result
incr(struct ush_shard *s, struct ush_store_op *op, uint64_t hash, uint32_t n)
{
	struct ush_store_value before;
	enum ush_store_result result;
	char room[USH_STORE_VALUE_MAX];
	bool anew;

	if (ush_shard_read(s, n, &before, room) != 0)
		return USH_STORE_BUSY;
	result = ush_store_add_up(op, &before, &anew);
	if (result != USH_STORE_OK)
		return result;
	if (anew)
		return replace(s, op, hash, n);
	ush_shard_update(s, n, &op->value);
	return USH_STORE_OK;
}

static enum ush_store_result
found(struct ush_shard *s, struct ush_store_op *op, uint64_t hash, uint32_t n)
{
	enum ush_store_result result = USH_STORE_OK;

	if (!op->peek && op->what != USH_STORE_DELETE)
		ush_shard_touch(s, n);
	if (s->damaged)
		return USH_STORE_BUSY;
	switch (op->what) {
	case USH_STORE_GET:
		ush_shard_read(s, n, &op->value, op->room);
		op->expires = ush_shard_expires(s, n);
		break;
	case USH_STORE_INCR:
		result = incr(s, op, hash, n);
		break;
	case USH_STORE_ADD:
		result = USH_STORE_EXISTS;
		break;
	case USH_STORE_SET:
		result = replace(s, op, hash, n);
		break;
	case USH_STORE_DELETE:
		ush_shard_remove(s, n, hash);
		break;
	}
	return result;
}

static enum ush_store_result
not_found(struct ush_shard *s, struct ush_store_op *op, uint64_t hash)
{
	enum ush_store_result result = USH_STORE_OK;
	bool anew;

	if (op->what == USH_STORE_GET || op->what == USH_STORE_DELETE)
		return USH_STORE_ABSENT;
	if (op->what == USH_STORE_INCR)
		result = ush_store_add_up(op, NULL, &anew);
	return result == USH_STORE_OK ? insert(s, op, hash) : result;
}

/* Something damaged is repaired, and the operation tried again, once. `by` of
 * an operation that failed is still what it was. */
static enum ush_store_result
operate_locked(
    struct ush_shard *s, struct ush_store_op *op, uint64_t hash, bool *hit)
{
	struct ush_store_value value = op->value;
	enum ush_store_result result = USH_STORE_BUSY;
	uint32_t n;

	for (int i = 0; i < 2; i++) {
		op->value = value;
		n = ush_shard_find(s, &op->key, hash, op->peek);
		*hit = n != 0;
		if (!s->damaged)
			result = n != 0 ? found(s, op, hash, n)
					: not_found(s, op, hash);
		if (!s->damaged)
			return result;
		ush_shard_rebuild(s);
	}
	return USH_STORE_BUSY;
}

static void
count(const struct ush_store_view *view, enum ush_stat stat, unsigned int n)
{
	for (; n > 0 && view->stats; n--)
		ush_stats_add(view->stats, view->shard, stat);
}

static void
count_all(const struct ush_store_view *view, const struct ush_store_op *op,
    const struct ush_shard *s, bool hit)
{
	if (op->what != USH_STORE_SET && op->what != USH_STORE_DELETE &&
	    !op->peek)
		count(
		    view, hit ? USH_STAT_store_hits : USH_STAT_store_misses, 1);
	count(view, USH_STAT_store_evictions, s->evictions);
	count(view, USH_STAT_store_expirations, s->expirations);
	count(view, USH_STAT_store_recoveries, s->recoveries);
}

enum ush_store_result
ush_store_operate(const struct ush_store_view *view, struct ush_store_op *op)
{
	const struct ush_store *store = view->store;
	uint64_t hash = ush_siphash(store->secret, op->key.p, op->key.len);
	uint32_t i = (uint32_t)(hash >> 32) & (store->n_shards - 1);
	unsigned char *at = store->base + store->start + i * store->stride;
	struct ush_shard s = {
	    .head = head_of(store, i),
	    .buckets = (_Atomic uint32_t *)(void *)at,
	    .blocks =
		(struct ush_block *)(at + store->n_buckets * sizeof(uint32_t)),
	    .n_buckets = store->n_buckets,
	    .n_blocks = store->n_blocks,
	    .secret = store->secret,
	    .now = ush_clock_ttl_ms(),
	};
	struct ush_lock_hold hold;
	enum ush_store_result result;
	bool hit = false;

	if (shard_lock(&s, &hold) != 0) {
		count(view, USH_STAT_store_timeouts, 1);
		return USH_STORE_BUSY;
	}
	result = operate_locked(&s, op, hash, &hit);
	ush_lock_release(&s.head->lock, &hold);
	count_all(view, op, &s, hit);
	return result;
}
