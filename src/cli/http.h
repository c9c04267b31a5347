/*
 * SPDX-License-Identifier: MIT
 *
 * As much of HTTP/1 (RFC 9112) as `usher serve` needs: the head of a GET or
 * HEAD, and an answer after which the connection ends. Pure functions.
 */
#ifndef USH_CLI_HTTP_H
#define USH_CLI_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

enum { USH_HTTP_HEAD_MAX = 16384 };

struct ush_http_request {
	int status;     /* 200, or what is wrong with it */
	bool head;      /* HEAD: the answer has no body */
	char path[128]; /* up to "?", cut */
};

/* Length of the head at the start of these bytes, its empty line included; 0:
 * it is not complete. */
size_t ush_http_head_len(const char *bytes, size_t len);

/* Reads the first line of a head. */
void ush_http_parse(const char *head, size_t len, struct ush_http_request *r);

/* An answer to it, with r->status. With a status other than 200, `body` is not
 * looked at; the text is the status itself. */
void ush_http_answer(struct ush_buffer *out, const struct ush_http_request *r,
    const char *type, const struct ush_buffer *body);

#endif
