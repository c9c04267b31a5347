/*
 * SPDX-License-Identifier: MIT
 *
 * "Did you mean ...?": the name nearest to a misspelt one.
 */
#ifndef USH_BASE_NEAR_H
#define USH_BASE_NEAR_H

#include <stddef.h>

/*
 * The one of `n` names (NULL entries are skipped) that is nearest to `name`,
 * or NULL if none is near. Near is what a few changes lead to: letters
 * inserted, dropped, replaced, or swapped with their neighbour; a third as
 * many as the name has letters, rounded up, and three at the most. Case does
 * not count. Of several the first. Names over 63 bytes are near to nothing.
 */
const char *ush_near(const char *name, const char *const *names, size_t n);

#endif
