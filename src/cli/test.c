/*
 * SPDX-License-Identifier: MIT
 *
 * usher test: its options, and the processes in which the test files run.
 */
#include "cli/test.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/limits.h"

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

/* Seconds: what a test may take, and how much later its process is ended. */
enum { SECONDS = 10, GRACE = 2 };

static const char *
set_run(void *to, const char *value)
{
	struct ush_test_options *o = to;
	regex_t run;

	if (regcomp(&run, value, REG_EXTENDED | REG_NOSUB) != 0)
		return "takes a regular expression, as 'virtual host|too old'";
	regfree(&run);
	o->run = value;
	return NULL;
}

static const char *
set_coverage(void *to, const char *value)
{
	(void)value;
	((struct ush_test_options *)to)->coverage = true;
	return NULL;
}

static const char *
set_threshold(void *to, const char *value)
{
	struct ush_test_options *o = to;
	unsigned long n = ush_limits_number(value, false);

	if (n < 1 || n > 100)
		return "takes a percentage from 1 to 100";
	o->threshold = (int)n;
	o->coverage = true;
	return NULL;
}

static const char *
set_seconds(void *to, const char *value)
{
	unsigned long n = ush_limits_number(value, false);

	if (n < 1 || n > 3600)
		return "takes seconds from 1 to 3600";
	((struct ush_test_options *)to)->seconds = (int)n;
	return NULL;
}

static const char *
set_json(void *to, const char *value)
{
	(void)value;
	((struct ush_test_options *)to)->json = true;
	return NULL;
}

static const struct ush_option lines[] = {
    {"run", "REGEX", set_run,
	"run only the tests whose name, with those of\n"
	"the blocks around it, has a match"},
    {"coverage", NULL, set_coverage, "say which lines of the policies ran"},
    {"threshold", "PERCENT", set_threshold,
	"fail if fewer lines of a policy ran"},
    {"seconds", "N", set_seconds, "what one test may take (10)"},
    {"json", NULL, set_json, "print JSON, an object in a line"},
};

static const struct ush_command command = {
    .name = "test",
    .help = "usage: usher test [OPTIONS] [PATH...]\n"
	    "\n"
	    "Runs tests of policies: Lua files whose names end in _test.lua, "
	    "in the folders\n"
	    "that are named (else the current one), and files that are named. "
	    "What they may\n"
	    "call is told in usher-test(7).\n"
	    "The status is 0 if all passed, 1 if some did not, 2 if there was "
	    "nothing to run.\n",
    .options = lines,
    .n = ELEMENTS(lines),
};

/* One process. */
struct process {
	struct ush_test_report *report;
	const char *file;
	pid_t pid;
	int fd;
	struct ush_buffer text; /* of the event that is being read */
	json_t *running;        /* the event by which a test began */
	bool done, hung;
};

static void
take_event(struct process *p)
{
	json_t *event = json_loads(ush_buffer_text(&p->text), 0, NULL);
	const char *kind = json_string_value(json_object_get(event, "event"));

	if (kind && strcmp(kind, "start") == 0) {
		json_decref(p->running);
		p->running = json_incref(event);
	} else if (kind && strcmp(kind, "done") == 0) {
		p->done = true;
	} else if (kind) {
		if (strcmp(kind, "end") == 0) {
			json_decref(p->running);
			p->running = NULL;
		}
		ush_test_report_event(p->report, p->file, event);
		p->done = p->done || p->report->missing;
	}
	json_decref(event);
}

/* Reads events until the child has closed its end, or is silent for too long.
 */
static void
read_events(struct process *p)
{
	int wait = (p->report->options->seconds + GRACE) * 1000;
	struct pollfd poll_fd = {.fd = p->fd, .events = POLLIN};
	char part[4096];
	ssize_t n;

	for (;;) {
		int ready = poll(&poll_fd, 1, wait);

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready == 0) {
			p->hung = true;
			return;
		}
		n = read(p->fd, part, sizeof part);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		for (ssize_t i = 0; i < n; i++) {
			ush_buffer_putc(&p->text, part[i]);
			if (part[i] != '\n')
				continue;
			take_event(p);
			ush_buffer_reset(&p->text);
		}
	}
}

/* Why the process is gone. */
static void
describe_end(const struct process *p, int status, char *what, size_t cap)
{
	if (p->hung)
		snprintf(what, cap, "took longer than %d s, and was ended",
		    p->report->options->seconds);
	else if (WIFSIGNALED(status))
		snprintf(what, cap, "crashed: %s", strsignal(WTERMSIG(status)));
	else
		snprintf(what, cap, "ended the process, with status %d",
		    WEXITSTATUS(status));
}

/* One process, from the test of that number on. The number of the test to go on
 * with; 0 if that was all; -1 if there can't be a process. */
static int
run_process(struct ush_test_report *report, const char *file, int first)
{
	struct process p = {.report = report, .file = file};
	int fds[2], status = 0, next = 0;
	char what[100];

	fflush(stdout);
	fflush(stderr);
	if (pipe(fds) != 0)
		return ush_cli_fail(-1, "test: %s", strerror(errno));
	p.pid = fork();
	if (p.pid < 0) {
		close(fds[0]);
		close(fds[1]);
		return ush_cli_fail(-1, "test: %s", strerror(errno));
	}
	if (p.pid == 0) {
		close(fds[0]);
		ush_test_child(file, first, report->options, fds[1]);
	}
	close(fds[1]);
	p.fd = fds[0];
	read_events(&p);
	close(p.fd);
	if (p.hung)
		kill(p.pid, SIGKILL);
	while (waitpid(p.pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!p.done) {
		describe_end(&p, status, what, sizeof what);
		ush_test_report_lost(report, file, p.running, what);
		if (p.running)
			next = (int)json_integer_value(
				   json_object_get(p.running, "index")) +
			       1;
	}
	json_decref(p.running);
	ush_buffer_fini(&p.text);
	return next;
}

static int
run_files(const struct ush_test_options *options, char **files, int n)
{
	uint64_t start = ush_clock_mono_ms();
	struct ush_test_report report;
	int next = 0;

	ush_test_report_begin(&report, options);
	for (int i = 0; i < n && next >= 0 && !report.missing; i++) {
		ush_test_report_file(&report, files[i]);
		next = 1;
		while (next > 0 && !report.missing)
			next = run_process(&report, files[i], next);
	}
	if (next < 0)
		report.missing = true;
	return ush_test_report_end(
	    &report, (double)(ush_clock_mono_ms() - start) / 1000);
}

static int
run(const struct ush_test_options *options, char **paths, int n)
{
	char here[] = ".", *default_paths[] = {here};
	char **files;
	int status;

	if (n == 0) {
		paths = default_paths;
		n = 1;
	}
	n = ush_test_find(paths, n, &files);
	if (n < 0)
		return USH_CLI_USAGE;
	status = run_files(options, files, n);
	ush_test_files_free(files, n);
	return status;
}

int
ush_cli_test(int argc, char **argv)
{
	struct ush_test_options o = {.seconds = SECONDS};

	switch (ush_getopts(&command, &o, argc, argv)) {
	case USH_PARSED_GO:
		return run(&o, argv + optind, argc - optind);
	case USH_PARSED_HELP:
		return USH_CLI_OK;
	case USH_PARSED_WRONG:
		break;
	}
	return USH_CLI_USAGE;
}
