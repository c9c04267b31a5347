/*
 * SPDX-License-Identifier: MIT
 *
 * What every test program's main has in common.
 */
#ifndef TESTS_TLS_SUITE_H
#define TESTS_TLS_SUITE_H

#include <check.h>

/* A test case that frees what the harness handed out when a test ends. */
TCase *tests_case(const char *name, int seconds);

/* Runs the suite in fork mode; the exit status. */
int tests_run(Suite *suite);

#endif
