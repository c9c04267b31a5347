/*
 * SPDX-License-Identifier: MIT
 *
 * The options that say what a policy may spend: those of serve, check and test.
 */
#ifndef USH_CLI_LIMITS_H
#define USH_CLI_LIMITS_H

#include <stdbool.h>

#include "cli/getopts.h"

/* Setters for a struct ush_option. `to` points to a struct that begins with a
 * struct usher_options *. */
const char *ush_limits_memory(void *to, const char *value);
const char *ush_limits_instructions(void *to, const char *value);
const char *ush_limits_cpu_time(void *to, const char *value);
const char *ush_limits_app_data(void *to, const char *value);

/* clang-format off */
#define USH_LIMITS_OPTIONS \
    {"memory-limit", "BYTES", ush_limits_memory, \
	"memory of one Lua state (4M)"}, \
    {"instruction-limit", "N", ush_limits_instructions, \
	"Lua instructions per call (200000)"}, \
    {"cpu-time-limit", "USEC", ush_limits_cpu_time, \
	"CPU time per call (20000)"}, \
    {"app-data-limit", "BYTES", ush_limits_app_data, \
	"what may be stored in a ticket (1200)"}
/* clang-format on */

/* A whole number from 1 on, with K or M behind it if `units`. 0: it is none. */
unsigned long ush_limits_number(const char *text, bool units);

#endif
