/*
 * SPDX-License-Identifier: MIT
 *
 * The data sets of a generation: each file that its script asked for when it
 * was loaded, read once, for all threads.
 */
#ifndef USH_POLICY_DATASETS_H
#define USH_POLICY_DATASETS_H

#include <stddef.h>

#include "data/sets.h"
#include "policy/generation.h"

struct ush_dataset {
	struct ush_dataset *next;
	char *file; /* relative to the script's folder, without "." parts */
	struct ush_set *set;
};

/*
 * The set in a file, loaded if the generation is being loaded and does not have
 * it. NULL with *err filled; what was not loaded then is an error.
 */
const struct ush_set *ush_dataset_get(struct ush_generation *g,
    enum ush_set_kind kind, const char *file, struct ush_error *err);

void ush_datasets_free(struct ush_generation *g);

#endif
