/*
 * SPDX-License-Identifier: MIT
 *
 * The public API: the options of the store.
 */
#include <stdlib.h>
#include <string.h>

#include "data/store.h"
#include "usher_inner.h"

EXPORT int
usher_options_set_store_size(struct usher_options *options, size_t bytes)
{
	if (!options || bytes < USH_STORE_SIZE_MIN ||
	    bytes > USH_STORE_SIZE_MAX)
		return -1;
	options->store_size = bytes;
	return 0;
}

EXPORT int
usher_options_set_store_name(struct usher_options *options, const char *name)
{
	char *copy = NULL;

	if (!options || (name && !ush_store_name_is_valid(name)))
		return -1;
	if (name) {
		copy = strdup(name);
		if (!copy)
			return -1;
	}
	free(options->store_name);
	options->store_name = copy;
	return 0;
}
