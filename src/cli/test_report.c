/*
 * SPDX-License-Identifier: MIT
 *
 * What people see of `usher test`: a line for each test, failures with file and
 * line, the coverage, a summary.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "cli/cli.h"
#include "cli/test.h"

enum { GREEN = 32, RED = 31, YELLOW = 33 };

void
ush_test_report_begin(
    struct ush_test_report *report, const struct ush_test_options *options)
{
	*report = (struct ush_test_report){.options = options};
	report->colours =
	    !options->json && isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	report->coverage = json_object();
}

void
ush_test_report_file(struct ush_test_report *report, const char *file)
{
	if (!report->options->json)
		printf("%s\n", file);
	fflush(stdout);
}

static void
print_word(const struct ush_test_report *report, int colour, const char *word)
{
	if (report->colours)
		printf("  \033[%dm%-4s\033[0m ", colour, word);
	else
		printf("  %-4s ", word);
}

static void
print_indented(const char *text)
{
	while (text && *text) {
		int len = (int)strcspn(text, "\n");

		printf("       %.*s\n", len, text);
		text += len + (text[len] == '\n');
	}
}

static const char *
member(json_t *event, const char *name)
{
	const char *value = json_string_value(json_object_get(event, name));

	return value ? value : "";
}

static void
print_json(const char *file, json_t *event)
{
	char *text;

	json_object_set_new(event, "file", json_string(file));
	text = json_dumps(event, JSON_COMPACT | JSON_SORT_KEYS);
	printf("%s\n", text ? text : "");
	free(text);
}

static void
on_end(struct ush_test_report *report, json_t *event)
{
	const char *status = member(event, "status");
	int colour = GREEN;

	if (strcmp(status, "pass") == 0) {
		report->passed++;
		status = "ok";
	} else if (strcmp(status, "pending") == 0) {
		report->pending++;
		status = "todo";
		colour = YELLOW;
	} else {
		report->failed++;
		status = "FAIL";
		colour = RED;
	}
	if (report->options->json)
		return;
	print_word(report, colour, status);
	printf("%s\n", member(event, "name"));
	print_indented(member(event, "message"));
	print_indented(member(event, "trace"));
}

static void
on_error(struct ush_test_report *report, json_t *event)
{
	report->errors++;
	if (report->options->json)
		return;
	print_word(report, RED, "ERR");
	printf("not in a test\n");
	print_indented(member(event, "message"));
	print_indented(member(event, "trace"));
}

/* Adds the lines that ran in this test file to those of the others. */
static void
on_coverage(struct ush_test_report *report, json_t *event)
{
	json_t *active = json_object_get(event, "active");
	json_t *ran = json_object_get(event, "ran"), *line, *lines;
	const char *file = member(event, "file");
	char key[24];
	size_t i;

	lines = json_object_get(report->coverage, file);
	if (!lines) {
		lines = json_object();
		json_object_set_new(report->coverage, file, lines);
	}
	json_array_foreach(active, i, line)
	{
		snprintf(key, sizeof key, "%08" JSON_INTEGER_FORMAT,
		    json_integer_value(line));
		if (json_integer_value(json_array_get(ran, i)) != 0)
			json_object_set_new(lines, key, json_true());
		else if (!json_object_get(lines, key))
			json_object_set_new(lines, key, json_false());
	}
}

void
ush_test_report_event(
    struct ush_test_report *report, const char *file, json_t *event)
{
	const char *kind = member(event, "event");

	if (strcmp(kind, "end") == 0)
		on_end(report, event);
	else if (strcmp(kind, "error") == 0)
		on_error(report, event);
	else if (strcmp(kind, "coverage") == 0)
		on_coverage(report, event);
	else if (strcmp(kind, "missing") == 0) {
		report->missing = true;
		ush_cli_fail(-1, "%s", member(event, "message"));
	}
	if (report->options->json &&
	    (strcmp(kind, "end") == 0 || strcmp(kind, "error") == 0))
		print_json(file, event);
	fflush(stdout);
}

void
ush_test_report_lost(struct ush_test_report *report, const char *file,
    json_t *event, const char *what)
{
	json_t *lost = event ? json_deep_copy(event) : json_object();
	int line = (int)json_integer_value(json_object_get(lost, "line"));

	json_object_set_new(
	    lost, "event", json_string(event ? "end" : "error"));
	if (event)
		json_object_set_new(lost, "status", json_string("fail"));
	if (line > 0)
		json_object_set_new(lost, "message",
		    json_sprintf("%s:%d: %s", file, line, what));
	else
		json_object_set_new(
		    lost, "message", json_sprintf("%s: %s", file, what));
	ush_test_report_event(report, file, lost);
	json_decref(lost);
}

/*
 * Coverage
 */

/* Appends the lines that did not run, as "8, 12-15". The keys are in order. */
static void
put_missed(struct ush_buffer *text, const json_t *const *flags,
    const int *lines, int n)
{
	int from = -1;

	for (int i = 0; i <= n; i++) {
		bool missed = i < n && json_is_false(flags[i]);

		if (missed && from < 0)
			from = i;
		if (missed || from < 0)
			continue;
		ush_buffer_puts(text, text->len > 0 ? ", " : "");
		ush_buffer_printf(text, "%d", lines[from]);
		if (i - 1 > from)
			ush_buffer_printf(text, "-%d", lines[i - 1]);
		from = -1;
	}
}

static int
by_key(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* One file's. The per cent of its lines that ran. */
static int
print_coverage(
    const struct ush_test_report *report, const char *file, json_t *lines)
{
	size_t n = json_object_size(lines), i = 0;
	const char **keys = calloc(n + 1, sizeof *keys);
	const json_t **flags = calloc(n + 1, sizeof *flags);
	int *numbers = calloc(n + 1, sizeof *numbers), ran = 0, percent;
	struct ush_buffer missed = {0};
	const char *key;
	json_t *flag;

	if (!keys || !flags || !numbers)
		abort();
	json_object_foreach(lines, key, flag) keys[i++] = key;
	qsort(keys, n, sizeof *keys, by_key);
	for (i = 0; i < n; i++) {
		numbers[i] = atoi(keys[i]);
		flags[i] = json_object_get(lines, keys[i]);
		ran += json_is_true(flags[i]);
	}
	percent = n > 0 ? ran * 100 / (int)n : 100;
	put_missed(&missed, flags, numbers, (int)n);
	if (report->options->json)
		printf("{\"coverage\":%d,\"file\":\"%s\",\"missed\":\"%s\"}\n",
		    percent, file, missed.len > 0 ? missed.data : "");
	else
		printf("  %3d %%  %s%s%s%s\n", percent, file,
		    missed.len > 0 ? " (not line " : "",
		    missed.len > 0 ? missed.data : "",
		    missed.len > 0 ? ")" : "");
	ush_buffer_fini(&missed);
	free(keys);
	free(flags);
	free(numbers);
	return percent;
}

/* True if a file has fewer lines than it should. */
static bool
print_all_coverage(const struct ush_test_report *report)
{
	bool under = false;
	const char *file;
	json_t *lines;

	if (!report->options->json)
		printf("\nlines that ran\n");
	json_object_foreach(report->coverage, file, lines)
	{
		if (print_coverage(report, file, lines) <
		    report->options->threshold)
			under = true;
	}
	if (under)
		ush_cli_fail(-1, "test: fewer lines ran than %d %%",
		    report->options->threshold);
	return under;
}

int
ush_test_report_end(struct ush_test_report *report, double seconds)
{
	bool under = false;

	if (report->options->coverage && !report->missing)
		under = print_all_coverage(report);
	if (report->options->json)
		printf("{\"errors\":%u,\"failed\":%u,\"passed\":%u,"
		       "\"pending\":%u}\n",
		    report->errors, report->failed, report->passed,
		    report->pending);
	else if (!report->missing)
		printf("\n%u passed, %u failed, %u pending, %u errors "
		       "(%.1f s)\n",
		    report->passed, report->failed, report->pending,
		    report->errors, seconds);
	fflush(stdout);
	json_decref(report->coverage);
	if (report->missing)
		return USH_CLI_USAGE;
	if (report->options->run && report->passed + report->failed +
					    report->pending + report->errors ==
					0)
		return ush_cli_fail(USH_CLI_USAGE,
		    "test: --run %s: no test has such a name",
		    report->options->run);
	return report->failed + report->errors > 0 || under ? USH_CLI_FAILED
							    : USH_CLI_OK;
}
