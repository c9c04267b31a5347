/*
 * SPDX-License-Identifier: MIT
 *
 * What the reading halves of cli/recorded.h share, and nobody else includes.
 */
#ifndef USH_CLI_RECORDED_READER_H
#define USH_CLI_RECORDED_READER_H

#include "cli/recorded.h"

enum { USH_RECORDED_PATH = 200 };

struct ush_recorded_reader {
	struct ush_recorded *r;
	char *why;
	size_t cap;
};

/* Says why not, and returns -1. */
int ush_recorded_refuse(struct ush_recorded_reader *reader, const char *fmt,
    ...) __attribute__((format(printf, 2, 3)));
int ush_recorded_refuse_type(struct ush_recorded_reader *reader,
    const char *path, const char *takes, const json_t *json);

/* The name of a part, in messages. */
void ush_recorded_path(char path[USH_RECORDED_PATH], const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* No member of an object but these; `what` they are. */
int ush_recorded_names(struct ush_recorded_reader *reader, const json_t *json,
    const char *path, const char *what, const char *const *names, size_t n);

/* The facts of one object, and the value of one fact. 0 or -1. */
int ush_recorded_object(struct ush_recorded_reader *reader, const json_t *json,
    const char *path, enum ush_fact_object object);
int ush_recorded_value(struct ush_recorded_reader *reader, const json_t *json,
    const char *path, enum ush_fact_id id);

#endif
