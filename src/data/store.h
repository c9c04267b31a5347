/*
 * SPDX-License-Identifier: MIT
 *
 * A store: a map with times to live that all threads use, and all processes
 * forked after it was made, or (by name) any process of the same user. It has
 * a set size and forgets what was used least recently. Any thread at any time.
 *
 * No call waits for long: where a lock can't be had in USH_STORE_WAIT_MS, or
 * somebody has just waited in vain, the answer is USH_STORE_BUSY. A process
 * that dies in the middle of a call costs at most the entry it was changing.
 */
#ifndef USH_DATA_STORE_H
#define USH_DATA_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "data/shard.h"
#include "data/stats.h"

enum {
	USH_STORE_SIZE = 1024 * 1024,   /* bytes, where none are asked for */
	USH_STORE_SIZE_MIN = 64 * 1024, /* bytes */
	USH_STORE_NAME_MAX = 64,        /* bytes of a name */
	USH_STORE_WAIT_MS = 2,          /* for a lock */
	USH_STORE_OVERLAY_MAX = 64,     /* keys in an overlay */
};
#define USH_STORE_SIZE_MAX ((size_t)16 * 1024 * 1024 * 1024)

enum ush_store_result {
	USH_STORE_OK = 0,
	USH_STORE_ABSENT, /* there is no such key */
	USH_STORE_EXISTS, /* there is one */
	USH_STORE_BUSY,   /* the lock could not be had in time */
	USH_STORE_TYPE,   /* the value is no integer */
	USH_STORE_RANGE,  /* the sum would be no int64_t */
	USH_STORE_LENGTH, /* of the key or the value */
	USH_STORE_FULL,   /* the overlay takes no more keys */
};

struct ush_store;

/*
 * A new store of `size` bytes (0: USH_STORE_SIZE). With a name, the one that
 * other processes, or other engines of this one, have under it: then 0 takes
 * the size that it has, and another size than that is an error. Names consist
 * of letters, digits, "_", "-" and "."; it lies in POSIX shared memory as
 * "/usher.NAME", readable by its owner only. NULL with *err filled.
 */
struct ush_store *ush_store_new(
    const char *name, size_t size, struct ush_error *err);
/* The contents of a store with a name stay. NULL is fine. */
void ush_store_free(struct ush_store *store);

/* May a store be called so? */
bool ush_store_name_is_valid(const char *name);

struct ush_store_usage {
	uint64_t bytes;   /* that entries can fill */
	uint64_t used;    /* of these */
	uint64_t entries; /* expired ones that have not been removed included */
};
void ush_store_usage(
    const struct ush_store *store, struct ush_store_usage *usage);

/*
 * What a caller sees of a store. With an overlay, writes go there and nothing
 * but reads reaches the store, which takes no notice of them; the overlay
 * belongs to one thread at a time, and what is in it ends with it.
 */
struct ush_store_overlay;
struct ush_store_view {
	struct ush_store *store;
	struct ush_store_overlay *overlay; /* NULL: writes are real */
	struct ush_stats *stats;           /* what is counted; NULL: nothing */
	unsigned int shard;                /* of the statistics */
};

/* Empty, or NULL when memory is short. Owned by the caller. */
struct ush_store_overlay *ush_store_overlay_new(void);
void ush_store_overlay_clear(struct ush_store_overlay *overlay);
void ush_store_overlay_free(struct ush_store_overlay *overlay);

/*
 * The operations, each as a whole before or after any other. Times to live are
 * in milliseconds from now, 0: none. A key has 1 to USH_STORE_KEY_MAX bytes, a
 * string USH_STORE_VALUE_MAX at most.
 */

/* A string is copied into `room`, of USH_STORE_VALUE_MAX bytes. */
enum ush_store_result ush_store_get(const struct ush_store_view *view,
    struct ush_store_key key, struct ush_store_value *value, void *room);
enum ush_store_result ush_store_set(const struct ush_store_view *view,
    struct ush_store_key key, const struct ush_store_value *value,
    uint64_t ttl_ms);
/* The same if there is no such key, else USH_STORE_EXISTS. */
enum ush_store_result ush_store_add(const struct ush_store_view *view,
    struct ush_store_key key, const struct ush_store_value *value,
    uint64_t ttl_ms);
/* Adds to an integer, whose time to live stays as it is. One that is not there
 * counts as 0, and begins to live now. *sum is the new value. */
enum ush_store_result ush_store_incr(const struct ush_store_view *view,
    struct ush_store_key key, int64_t by, uint64_t ttl_ms, int64_t *sum);
/* The same, but one that is below `from` or not there counts as `from`, and
 * begins to live now. */
enum ush_store_result ush_store_incr_from(const struct ush_store_view *view,
    struct ush_store_key key, int64_t from, int64_t by, uint64_t ttl_ms,
    int64_t *sum);
enum ush_store_result ush_store_delete(
    const struct ush_store_view *view, struct ush_store_key key);

#endif
