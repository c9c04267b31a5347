/*
 * SPDX-License-Identifier: MIT
 *
 * Statistics as text for Prometheus (its text exposition format, version
 * 0.0.4). Each counter of stats.def is there, alone or, where several say the
 * same of different things, as one of a family with a label.
 */
#ifndef USH_DATA_METRICS_H
#define USH_DATA_METRICS_H

#include "base/buffer.h"
#include "data/stats.h"
#include "data/store.h"

/* What is told beside the counters. */
struct ush_metrics {
	const struct ush_stats *stats;
	const struct ush_store *store; /* NULL: none */
	const char *version;           /* of the library */
	const char *policy;            /* its name, or NULL */
	const char *revision;          /* or NULL */
};

/* Adds the text to `out`, which may be failed afterwards. */
void ush_metrics_write(
    const struct ush_metrics *metrics, struct ush_buffer *out);

#endif
