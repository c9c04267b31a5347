/*
 * SPDX-License-Identifier: MIT
 *
 * The data sets of a generation: each file that its script asked for when it
 * was loaded, read once, for all threads.
 */
#ifndef USH_POLICY_DATASETS_H
#define USH_POLICY_DATASETS_H

#include <stdbool.h>
#include <stddef.h>

#include "data/sets.h"
#include "policy/generation.h"

struct ush_dataset {
	struct ush_dataset *next;
	char *file;  /* relative to the script's folder, without "." parts */
	char *label; /* as messages name it */
	struct ush_set *set;
	bool may_be_empty; /* whoever asked for it says so */
};

/*
 * The set that is asked for, loaded if the generation is being loaded and does
 * not have it. NULL with *err filled; what was not loaded then is an error.
 */
const struct ush_set *ush_dataset_get(struct ush_generation *g,
    const struct ush_set_wish *wish, struct ush_error *err);

/*
 * May the generation take the place of one of the others (NULL: none)? 0, or -1
 * with *err filled: a file that has entries there is empty now, as files are
 * that somebody is about to fill. A script can't catch this.
 */
int ush_datasets_check(const struct ush_generation *g,
    const struct ush_generation *before, struct ush_error *err);

/* Warnings about what is odd and no error: files that are empty from the first,
 * or have lost half of their entries. `what` says who has loaded it. */
void ush_datasets_warn(const struct ush_generation *g,
    const struct ush_generation *before, const char *what);

void ush_datasets_free(struct ush_generation *g);

#endif
