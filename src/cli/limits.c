/*
 * SPDX-License-Identifier: MIT
 *
 * The limits of a policy, from the command line.
 */
#include "cli/limits.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "usher.h"

static struct usher_options *
engine_of(void *to)
{
	return *(struct usher_options **)to;
}

unsigned long
ush_limits_number(const char *text, bool units)
{
	unsigned long unit = 1, n;
	char *rest;

	errno = 0;
	n = strtoul(text, &rest, 10);
	if (text[0] < '0' || text[0] > '9' || errno != 0)
		return 0;
	if (units && (*rest == 'K' || *rest == 'M'))
		unit = *rest++ == 'K' ? 1024 : 1024 * 1024;
	return *rest == '\0' && n <= ULONG_MAX / unit ? n * unit : 0;
}

const char *
ush_limits_memory(void *to, const char *value)
{
	size_t n = ush_limits_number(value, true);

	if (n == 0 || usher_options_set_memory_limit(engine_of(to), n) != 0)
		return "takes bytes, as 4194304, 4096K or 4M; at least 256K";
	return NULL;
}

const char *
ush_limits_instructions(void *to, const char *value)
{
	unsigned long n = ush_limits_number(value, false);

	if (n == 0 ||
	    usher_options_set_instruction_limit(engine_of(to), n) != 0)
		return "takes a number of instructions, as 200000";
	return NULL;
}

const char *
ush_limits_cpu_time(void *to, const char *value)
{
	unsigned long n = ush_limits_number(value, false);

	if (n == 0 || n > UINT_MAX ||
	    usher_options_set_cpu_time_limit(engine_of(to), (unsigned int)n) !=
		0)
		return "takes microseconds, as 20000";
	return NULL;
}

const char *
ush_limits_app_data(void *to, const char *value)
{
	size_t n = ush_limits_number(value, true);

	if (n == 0 || usher_options_set_app_data_limit(engine_of(to), n) != 0)
		return "takes bytes, as 1200 or 1K; at most 63000";
	return NULL;
}
