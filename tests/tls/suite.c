/*
 * SPDX-License-Identifier: MIT
 *
 * What every test program's main has in common.
 */
#include "suite.h"

#include <stdlib.h>

#include "cert.h"
#include "harness.h"

TCase *
tests_case(const char *name, int seconds)
{
	TCase *tcase = tcase_create(name);

	tcase_set_timeout(tcase, seconds);
	tcase_add_checked_fixture(tcase, NULL, harness_clear);
	return tcase;
}

int
tests_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	cert_get(CERT_SERVER); /* made once, before the tests are forked */
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
