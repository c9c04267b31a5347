/*
 * SPDX-License-Identifier: MIT
 *
 * What a fuzzer claims. Not assert(): it has to hold with NDEBUG too.
 */
#ifndef TESTS_FUZZ_MUST_H
#define TESTS_FUZZ_MUST_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static inline void
must(bool holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "%s\n", what);
		abort();
	}
}

#endif
