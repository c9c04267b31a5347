/*
 * SPDX-License-Identifier: MIT
 *
 * What the parts of `usher test` share.
 *
 * Each test file runs in a process of its own, which tells by a pipe, in JSON,
 * an object a line, what happens. A process that crashes or hangs ends the test
 * that it was in; another one goes on behind it.
 */
#ifndef USH_CLI_TEST_H
#define USH_CLI_TEST_H

#include <stdbool.h>

#include <jansson.h>
#include <lua.h>
#include <regex.h>

struct ush_test_options {
	const char *run; /* regular expression of what is to run; NULL: all */
	bool coverage;
	bool json;
	int threshold; /* per cent of lines; 0: none */
	int seconds;   /* that one test may take */
};

/* Of the files that were named, or are in the folders that were named: sorted,
 * each owned. The number; -1 with a message. */
int ush_test_find(char **paths, int n, char ***files);
void ush_test_files_free(char **files, int n);

/* In the child: runs the tests of a file from the one of that number on, and
 * tells of it on `fd`. Does not return. */
void ush_test_child(const char *file, int first,
    const struct ush_test_options *options, int fd) __attribute__((noreturn));

/* What has become of all tests. */
struct ush_test_report {
	const struct ush_test_options *options;
	bool colours;
	unsigned int passed, failed, pending, errors;
	bool missing;     /* something that tests need is not installed */
	json_t *coverage; /* file -> {line: ran} */
};

void ush_test_report_begin(
    struct ush_test_report *report, const struct ush_test_options *options);
void ush_test_report_file(struct ush_test_report *report, const char *file);
/* One event of the child's, which it keeps no reference to. */
void ush_test_report_event(
    struct ush_test_report *report, const char *file, json_t *event);
/* A test that did not end by itself. `event` is how it began; NULL: none. */
void ush_test_report_lost(struct ush_test_report *report, const char *file,
    json_t *event, const char *what);
/* The summary. The exit status. */
int ush_test_report_end(struct ush_test_report *report, double seconds);

/* For the module "usher.core": emit, alarm, matches. [-0, +0, e] */
void ush_test_core_open(lua_State *L);

#endif
