/*
 * SPDX-License-Identifier: MIT
 *
 * Counters that all threads and all forked processes of an engine share. They
 * lie in shared memory, in shards that no two busy threads need have in
 * common, so that counting never moves a cache line between processors.
 */
#ifndef USH_DATA_STATS_H
#define USH_DATA_STATS_H

#include <stdatomic.h>
#include <stdint.h>

enum ush_stat {
#define USH_STAT(name, doc) USH_STAT_##name,
#include "data/stats.def"
#undef USH_STAT
	USH_STATS, /* how many */
};

enum {
	USH_STATS_SHARDS = 64, /* a power of two */
	USH_STATS_LINE = 64,   /* bytes of a cache line */
};

struct ush_stats_shard {
	_Alignas(USH_STATS_LINE) _Atomic uint64_t counters[USH_STATS];
};

struct ush_stats {
	struct ush_stats_shard shards[USH_STATS_SHARDS];
};

/* All zero, or NULL when memory is short. Processes forked from now on share
 * them. Owned by the caller, and freed in each process on its own. */
struct ush_stats *ush_stats_new(void);
void ush_stats_free(struct ush_stats *stats); /* NULL is fine */

/* Counts one. `shard` is any number that the thread keeps to, like its place
 * in the order in which threads came. */
static inline void
ush_stats_add(struct ush_stats *stats, unsigned int shard, enum ush_stat stat)
{
	atomic_fetch_add_explicit(
	    &stats->shards[shard % USH_STATS_SHARDS].counters[stat], 1,
	    memory_order_relaxed);
}

/* Sums all shards into sums[0 .. USH_STATS - 1]. Counters that move meanwhile
 * are seen before or after, each on its own. */
void ush_stats_sum(const struct ush_stats *stats, uint64_t *sums);

/* A counter's name and what it counts; NULL past the last. Static. */
const char *ush_stats_name(enum ush_stat stat);
const char *ush_stats_doc(enum ush_stat stat);

#endif
