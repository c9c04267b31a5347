/*
 * SPDX-License-Identifier: MIT
 *
 * Writes the families one after the other: each begins with its HELP and TYPE
 * lines, and all of its samples follow, as the format asks for.
 */
#include "data/metrics.h"

#include <inttypes.h>
#include <string.h>

#include "base/utf8.h"

/* Counters that belong together. Any other is a family of its own, with its
 * name and doc. */
static const struct family {
	const char *name, *help, *label;
} families[] = {
    {"verdicts", "what decrypt told OpenSSL", "verdict"},
    {"failed_calls", "calls in which the script failed", "call"},
    {"errors", "script errors by kind", "kind"},
    {"outcomes", "what came of use and use_renew", "outcome"},
};

static const struct member {
	enum ush_stat stat;
	unsigned int family;
	const char *value; /* of its label */
} members[] = {
    {USH_STAT_use, 0, "use"},
    {USH_STAT_use_renew, 0, "use_renew"},
    {USH_STAT_ignore, 0, "ignore"},
    {USH_STAT_ignore_renew, 0, "ignore_renew"},
    {USH_STAT_abort, 0, "abort"},
    {USH_STAT_decrypt_errors, 1, "decrypt"},
    {USH_STAT_generate_errors, 1, "generate"},
    {USH_STAT_errors_script, 2, "script"},
    {USH_STAT_errors_return, 2, "return"},
    {USH_STAT_errors_instructions, 2, "instructions"},
    {USH_STAT_errors_cpu_time, 2, "cpu_time"},
    {USH_STAT_errors_memory, 2, "memory"},
    {USH_STAT_errors_app_data, 2, "app_data"},
    {USH_STAT_errors_system, 2, "system"},
    {USH_STAT_resumed, 3, "resumed"},
    {USH_STAT_not_resumed, 3, "not_resumed"},
};

enum {
	FAMILIES = sizeof families / sizeof *families,
	MEMBERS = sizeof members / sizeof *members,
};

static const struct member *
member_of(enum ush_stat stat)
{
	for (size_t i = 0; i < MEMBERS; i++)
		if (members[i].stat == stat)
			return &members[i];
	return NULL;
}

static void
put_head(struct ush_buffer *out, const char *name, const char *suffix,
    const char *help, const char *type)
{
	ush_buffer_printf(out, "# HELP usher_%s%s %s\n# TYPE usher_%s%s %s\n",
	    name, suffix, help, name, suffix, type);
}

/* A label's value: quotes, backslashes and line ends are escaped, and what is
 * no UTF-8, or nothing to see, is replaced, or nothing at all would be read. */
static void
put_label(struct ush_buffer *out, const char *name, const char *value)
{
	const unsigned char *p = (const unsigned char *)value;
	size_t left = strlen(value), n;

	ush_buffer_printf(out, "%s=\"", name);
	for (; left > 0; left -= n, p += n) {
		if (!ush_utf8_is_shown(p, left, &n)) {
			ush_buffer_putc(out, '?');
			continue;
		}
		if (*p == '\\' || *p == '"')
			ush_buffer_putc(out, '\\');
		if (*p == '\n')
			ush_buffer_puts(out, "\\n");
		else
			ush_buffer_put(out, p, n);
	}
	ush_buffer_putc(out, '"');
}

static void
put_sample(struct ush_buffer *out, const char *name, const char *label,
    const char *value, uint64_t count)
{
	ush_buffer_printf(out, "usher_%s_total{", name);
	put_label(out, label, value);
	ush_buffer_printf(out, "} %" PRIu64 "\n", count);
}

static void
put_family(struct ush_buffer *out, unsigned int i, const uint64_t *sums)
{
	const struct family *f = &families[i];

	put_head(out, f->name, "_total", f->help, "counter");
	for (size_t j = 0; j < MEMBERS; j++)
		if (members[j].family == i)
			put_sample(out, f->name, f->label, members[j].value,
			    sums[members[j].stat]);
}

static void
put_counters(struct ush_buffer *out, const struct ush_stats *stats)
{
	uint64_t sums[USH_STATS];

	ush_stats_sum(stats, sums);
	for (unsigned int i = 0; i < FAMILIES; i++)
		put_family(out, i, sums);
	for (int stat = 0; stat < USH_STATS; stat++) {
		const char *name = ush_stats_name(stat);

		if (member_of(stat))
			continue;
		put_head(out, name, "_total", ush_stats_doc(stat), "counter");
		ush_buffer_printf(
		    out, "usher_%s_total %" PRIu64 "\n", name, sums[stat]);
	}
}

/* A reason that is called so itself is one of the others. */
#define OTHER "other"

static void
put_reasons(struct ush_buffer *out, const struct ush_stats *stats)
{
	struct ush_stats_reason list[USH_REASONS];
	uint64_t others;
	unsigned int n = ush_stats_list_reasons(stats, list, &others);

	put_head(out, "reasons", "_total",
	    "why; the first reasons, and all others as one", "counter");
	for (unsigned int i = 0; i < n; i++) {
		if (strcmp(list[i].text, OTHER) == 0)
			others += list[i].count;
		else
			put_sample(out, "reasons", "reason", list[i].text,
			    list[i].count);
	}
	put_sample(out, "reasons", "reason", OTHER, others);
}

static void
put_gauge(
    struct ush_buffer *out, const char *name, const char *help, uint64_t value)
{
	put_head(out, name, "", help, "gauge");
	ush_buffer_printf(out, "usher_%s %" PRIu64 "\n", name, value);
}

static void
put_store(struct ush_buffer *out, const struct ush_store *store)
{
	struct ush_store_usage usage;

	ush_store_usage(store, &usage);
	put_gauge(out, "store_size_bytes",
	    "bytes that entries of the store can fill", usage.bytes);
	put_gauge(out, "store_used_bytes", "bytes that they fill", usage.used);
	put_gauge(out, "store_entries",
	    "entries in the store, expired ones that are still there included",
	    usage.entries);
}

static void
put_info(struct ush_buffer *out, const struct ush_metrics *metrics)
{
	put_head(out, "info", "",
	    "the library's version, and the policy that decides", "gauge");
	ush_buffer_puts(out, "usher_info{");
	put_label(out, "version", metrics->version);
	ush_buffer_putc(out, ',');
	put_label(out, "policy", metrics->policy ? metrics->policy : "");
	ush_buffer_putc(out, ',');
	put_label(out, "revision", metrics->revision ? metrics->revision : "");
	ush_buffer_puts(out, "} 1\n");
}

void
ush_metrics_write(const struct ush_metrics *metrics, struct ush_buffer *out)
{
	put_info(out, metrics);
	put_counters(out, metrics->stats);
	put_reasons(out, metrics->stats);
	if (metrics->store)
		put_store(out, metrics->store);
}
