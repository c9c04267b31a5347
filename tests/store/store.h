/*
 * SPDX-License-Identifier: MIT
 *
 * Short names for the operations of a store, for tests, and what there is to
 * know about a shard that must always be so.
 */
#ifndef TESTS_STORE_STORE_H
#define TESTS_STORE_STORE_H

#include "data/store.h"

struct ush_store_key key_of(const char *text);
struct ush_store_key key_of_number(unsigned int n, char room[16]);

/* With a time to live in seconds. */
enum ush_store_result set_text(struct ush_store_view *view, const char *key,
    const char *text, unsigned int ttl);
enum ush_store_result set_bytes(struct ush_store_view *view, const char *key,
    const void *bytes, size_t len, unsigned int ttl);
enum ush_store_result set_integer(struct ush_store_view *view, const char *key,
    int64_t integer, unsigned int ttl);
enum ush_store_result add_text(struct ush_store_view *view, const char *key,
    const char *text, unsigned int ttl);

/* Is that text, integer under the key? Is none? */
bool has_text(struct ush_store_view *view, const char *key, const char *text);
bool has_integer(struct ush_store_view *view, const char *key, int64_t integer);
bool has_none(struct ush_store_view *view, const char *key);

uint64_t stat_of(const struct ush_store_view *view, enum ush_stat stat);

/*
 * Looks through all shards: lists, buckets, counts and blocks agree. NULL, or
 * what is wrong. Nobody else may use the store meanwhile.
 */
const char *store_wrong(const struct ush_store *store);

/* Takes a lock, for good, as soon as it is free: nobody is told if the holder
 * dies. */
void hold_shard(_Atomic uint32_t *lock);

/* Takes or gives back all locks of a store. */
void store_hold(const struct ush_store *store, bool on);

/* Has somebody waited for one of them in vain, and nobody had it since? */
bool store_is_late(const struct ush_store *store);

/* The name of a store for one test, and its path for shm_open. To be begun
 * before the test, and ended after it, which removes the store. */
extern char store_name[USH_STORE_NAME_MAX];
extern char store_path[USH_STORE_NAME_MAX + 16];
void store_name_begin(void);
void store_name_end(void);

/* The shard of a key, as operations see it. */
struct ush_shard shard_of(
    const struct ush_store *store, struct ush_store_key key);

#endif
