/*
 * SPDX-License-Identifier: MIT
 *
 * The list of the standard library's modules.
 */
#include "lib/builtin.h"

#include <string.h>

#include "base/near.h"

static const struct ush_builtin builtins[] = {
    {"usher", ush_lib_open_usher},
    {"usher.data", ush_lib_open_data},
    {"usher.ip", ush_lib_open_ip},
    {"usher.store", ush_lib_open_store},
};

enum {
	BUILTINS = sizeof builtins / sizeof *builtins,
	NAMES_MAX = 64, /* that a misspelt name is compared with */
};

bool
ush_builtin_owns(const char *name)
{
	return strncmp(name, "usher", 5) == 0 &&
	       (name[5] == '\0' || name[5] == '.');
}

const struct ush_builtin *
ush_builtin_at(size_t i)
{
	return i < BUILTINS ? &builtins[i] : NULL;
}

const struct ush_builtin *
ush_builtin_find(const char *name)
{
	for (size_t i = 0; i < BUILTINS; i++)
		if (strcmp(builtins[i].name, name) == 0)
			return &builtins[i];
	return NULL;
}

const struct ush_embedded *
ush_embedded_find(const char *name)
{
	for (size_t i = 0; ush_embedded[i].name; i++)
		if (strcmp(ush_embedded[i].name, name) == 0)
			return &ush_embedded[i];
	return NULL;
}

const char *
ush_builtin_near(const char *name)
{
	const char *names[NAMES_MAX];
	size_t n = 0;

	for (size_t i = 0; i < BUILTINS; i++)
		names[n++] = builtins[i].name;
	for (size_t i = 0; ush_embedded[i].name && n < NAMES_MAX; i++)
		names[n++] = ush_embedded[i].name;
	return ush_near(name, names, n);
}
