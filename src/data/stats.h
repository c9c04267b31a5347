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

enum {
	USH_REASONS = 32,       /* that are counted each on its own */
	USH_REASON_PLACES = 64, /* among which they are looked for */
	USH_REASON_BYTES = 160, /* of a text with its NUL */
};

struct ush_stats_shard {
	_Alignas(USH_STATS_LINE) _Atomic uint64_t counters[USH_STATS];
	/* The last one: any other reason. */
	_Atomic uint64_t reasons[USH_REASON_PLACES + 1];
};

/* Which reason is counted in which place. See stats_reason.c. */
struct ush_stats_reasons {
	uint64_t seed;
	_Atomic uint32_t claimed;
	_Atomic uint64_t hashes[USH_REASON_PLACES]; /* 0: nobody's */
	_Atomic uint32_t ready[USH_REASON_PLACES];  /* the text is there */
	_Atomic uint64_t
	    texts[USH_REASON_PLACES][USH_REASON_BYTES / sizeof(uint64_t)];
};

struct ush_stats {
	struct ush_stats_shard shards[USH_STATS_SHARDS];
	struct ush_stats_reasons reasons;
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

/* Counts one decision with this reason, of at most USH_REASON_BYTES - 1 bytes
 * (more are cut). No lock, and nothing that threads share is written, but to
 * note a reason that is seen for the first time. */
void ush_stats_count_reason(
    struct ush_stats *stats, unsigned int shard, const char *reason);

struct ush_stats_reason {
	char text[USH_REASON_BYTES];
	uint64_t count;
};

/* The reasons that have been counted, in no order, and how often any other one
 * was. Returns how many there are. */
unsigned int ush_stats_list_reasons(const struct ush_stats *stats,
    struct ush_stats_reason list[USH_REASONS], uint64_t *others);

/* A counter's name and what it counts; NULL past the last. Static. */
const char *ush_stats_name(enum ush_stat stat);
const char *ush_stats_doc(enum ush_stat stat);

#endif
