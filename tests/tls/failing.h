/*
 * SPDX-License-Identifier: MIT
 *
 * Allocations that fail, each in turn. A program that is linked with
 * WRAP_MALLOC (tests/local.mk) has these in front of malloc and its like, for
 * what is linked into it: Usher, not OpenSSL or LuaJIT.
 */
#ifndef TESTS_TLS_FAILING_H
#define TESTS_TLS_FAILING_H

#include <stdatomic.h>
#include <stdbool.h>

/* The n-th from now on fails; 0: none does. It counts down to 0. */
extern atomic_int failing_at;
/* All after it fail, too. It stays at 1 then. */
extern atomic_bool failing_on;
/* Those of this thread succeed, and are not counted. */
extern _Thread_local bool failing_spares_me;
/* While this is true, all succeed, and are not counted. */
extern atomic_bool failing_off;
/* How many have failed. */
extern atomic_int failing_count;

#endif
