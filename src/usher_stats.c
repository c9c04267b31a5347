/*
 * SPDX-License-Identifier: MIT
 *
 * The public API: statistics, as numbers and as text.
 */
#include <string.h>

#include "data/metrics.h"
#include "policy/generation.h"
#include "policy/pool.h"
#include "usher_inner.h"

_Static_assert(sizeof(struct usher_stats) == USH_STATS * sizeof(uint64_t),
    "struct usher_stats");

EXPORT int
usher_stats_get(
    const struct usher *engine, struct usher_stats *stats, size_t size)
{
	uint64_t sums[USH_STATS];

	if (!engine || !stats)
		return -1;
	ush_stats_sum(engine->engine->stats, sums);
	memset(stats, 0, size);
	memcpy(stats, sums, size < sizeof sums ? size : sizeof sums);
	return 0;
}

/* The active generation is held while its names are read. */
static void
write_text(struct ush_engine *engine, struct ush_buffer *out)
{
	struct ush_metrics metrics = {
	    .stats = engine->stats,
	    .store = engine->store,
	    .version = PACKAGE_VERSION,
	};
	ush_engine_ptr where = engine;
	const struct ush_generation *generation;
	struct ush_slot *pin;
	bool engineless;

	pin = ush_pool_pin(&where, NULL, &engineless);
	if (pin) {
		generation = ush_pool_generation(pin);
		metrics.revision = generation->revision_hex;
		if (generation->has_name)
			metrics.policy = generation->name;
	}
	ush_metrics_write(&metrics, out);
	ush_pool_unpin(pin);
}

EXPORT int
usher_stats_write(const struct usher *engine, usher_write_fn fn, void *arg)
{
	struct ush_buffer out = {0};
	int result = -1;

	if (!engine || !fn)
		return -1;
	write_text(engine->engine, &out);
	if (!out.failed)
		result = fn(arg, out.data, out.len) == 0 ? 0 : -1;
	ush_buffer_fini(&out);
	return result;
}
