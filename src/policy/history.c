/*
 * SPDX-License-Identifier: MIT
 *
 * A ring of entries: a new one takes the place of the oldest.
 */
#include "policy/history.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

static struct ush_event_entry *
next_nolock(struct ush_history *history, enum ush_event event)
{
	struct ush_event_entry *entry =
	    &history->entries[history->n++ % USH_HISTORY_LEN];

	memset(entry, 0, sizeof *entry);
	entry->event = event;
	entry->time = ush_clock_now();
	return entry;
}

void
ush_history_add_nolock(struct ush_history *history, enum ush_event event,
    const struct ush_generation *g)
{
	struct ush_event_entry *entry = next_nolock(history, event);

	memcpy(entry->revision, g->revision_hex, sizeof entry->revision);
	memcpy(entry->name, g->name, sizeof entry->name);
	memcpy(entry->script, g->label, sizeof entry->script);
}

void
ush_history_refuse_nolock(struct ush_history *history, const char *revision,
    const struct ush_error *err)
{
	struct ush_event_entry *entry = next_nolock(history, USH_EVENT_REFUSED);

	snprintf(entry->revision, sizeof entry->revision, "%s", revision);
	memcpy(entry->script, err->script, sizeof entry->script);
	memcpy(entry->message, err->message, sizeof entry->message);
}

const struct ush_event_entry *
ush_history_get_nolock(const struct ush_history *history, unsigned int back)
{
	if (back >= history->n || back >= USH_HISTORY_LEN)
		return NULL;
	return &history->entries[(history->n - 1 - back) % USH_HISTORY_LEN];
}
