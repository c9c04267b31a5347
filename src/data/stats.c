/*
 * SPDX-License-Identifier: MIT
 *
 * The memory that counters lie in, and their sums.
 */
#include "data/stats.h"

#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

_Static_assert(sizeof(struct ush_stats_shard) % USH_STATS_LINE == 0,
    "a shard fills its cache lines");

static const struct {
	const char *name, *doc;
} stats_list[] = {
#define USH_STAT(name, doc) {#name, doc},
#include "data/stats.def"
#undef USH_STAT
};

struct ush_stats *
ush_stats_new(void)
{
	void *p = mmap(NULL, sizeof(struct ush_stats), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct ush_stats *stats = p;

	if (p == MAP_FAILED)
		return NULL;
	/* Zeroed by the system. A seed of 0 would do as well. */
	if (getrandom(&stats->reasons.seed, sizeof stats->reasons.seed, 0) < 0)
		stats->reasons.seed = 0;
	return stats;
}

void
ush_stats_free(struct ush_stats *stats)
{
	if (stats)
		munmap(stats, sizeof *stats);
}

void
ush_stats_sum(const struct ush_stats *stats, uint64_t *sums)
{
	size_t shard, i;

	memset(sums, 0, USH_STATS * sizeof *sums);
	for (shard = 0; shard < USH_STATS_SHARDS; shard++)
		for (i = 0; i < USH_STATS; i++)
			sums[i] += atomic_load_explicit(
			    &stats->shards[shard].counters[i],
			    memory_order_relaxed);
}

const char *
ush_stats_name(enum ush_stat stat)
{
	return (unsigned int)stat < USH_STATS ? stats_list[stat].name : NULL;
}

const char *
ush_stats_doc(enum ush_stat stat)
{
	return (unsigned int)stat < USH_STATS ? stats_list[stat].doc : NULL;
}
