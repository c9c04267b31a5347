/*
 * SPDX-License-Identifier: MIT
 *
 * The share of clients for which a shadow decides for real. It lies in memory
 * that all processes of an engine share, and so does the key: whichever worker
 * a client comes to, the answer is the same.
 */
#ifndef USH_POLICY_CANARY_H
#define USH_POLICY_CANARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { USH_CANARY_ALL = 1000 }; /* the share is per mille */

struct ush_canary;

/* With a share of 0. NULL when memory is short. Processes forked from now on
 * share it; freed in each on its own. */
struct ush_canary *ush_canary_new(void);
void ush_canary_free(struct ush_canary *canary); /* NULL is fine */

/* The share of the shadow with this revision; that of any other one is 0, so
 * that a new shadow never decides before it was asked to. */
void ush_canary_set(
    struct ush_canary *canary, uint64_t revision, unsigned int per_mille);
unsigned int ush_canary_get(const struct ush_canary *canary, uint64_t revision);

/* Is a network among the share? Those of a share are among every larger one. */
bool ush_canary_has(const struct ush_canary *canary, unsigned int per_mille,
    const void *network, size_t len);

#endif
