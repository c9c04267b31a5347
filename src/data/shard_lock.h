/*
 * SPDX-License-Identifier: MIT
 *
 * The lock of a shard: a word in memory that processes share. If its holder
 * dies the kernel says so in it, and the next one is told. Whatever another
 * process writes there: these calls end in time, and touch nothing else. The
 * essay is in shard_lock.c.
 */
#ifndef USH_DATA_SHARD_LOCK_H
#define USH_DATA_SHARD_LOCK_H

#include <stdatomic.h>
#include <stdint.h>

enum ush_lock_result {
	USH_LOCK_OK,   /* it is the caller's */
	USH_LOCK_DIED, /* the same, and whoever had it before has died */
	USH_LOCK_BUSY,
};

/* What belongs to a lock that is held, in its holder's own memory. */
struct ush_lock_hold {
	void *pending;
};

/* Takes it if it is free. Never waits. */
enum ush_lock_result ush_lock_try(
    _Atomic uint32_t *lock, struct ush_lock_hold *hold);

/* The same, but waits for at most so many milliseconds. */
enum ush_lock_result ush_lock_within(
    _Atomic uint32_t *lock, unsigned int ms, struct ush_lock_hold *hold);

/* Gives it back. By the thread that took it. */
void ush_lock_release(_Atomic uint32_t *lock, const struct ush_lock_hold *hold);

#endif
