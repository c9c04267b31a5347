/*
 * SPDX-License-Identifier: MIT
 *
 * The log of `usher serve` on standard error: one line for each decision, and
 * the library's own log, as text or as JSON.
 */
#ifndef USH_CLI_DECISIONS_H
#define USH_CLI_DECISIONS_H

#include <stdatomic.h>
#include <stdbool.h>

#include "usher.h"

/* Any thread may log. */
struct ush_decisions {
	bool json;
	atomic_bool silent; /* all but errors is left out for now */
};

/* An usher_decision_fn and an usher_log_fn; arg is a struct ush_decisions. */
void ush_decisions_log(void *arg, const struct usher_decision *decision);
void ush_decisions_message(
    void *arg, enum usher_log_level level, const char *message);

#endif
