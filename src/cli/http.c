/*
 * SPDX-License-Identifier: MIT
 *
 * Heads of requests, and answers.
 */
#include "cli/http.h"

#include <stdio.h>
#include <string.h>

size_t
ush_http_head_len(const char *bytes, size_t len)
{
	const char *end = bytes + len, *p = bytes;
	const char *line;

	/* Lines end in CR LF; a lone LF is taken too (RFC 9112, 2.2). */
	for (line = p; (p = memchr(line, '\n', (size_t)(end - line)));
	     line = p + 1)
		if (line > bytes &&
		    (p == line || (p == line + 1 && *line == '\r')))
			return (size_t)(p + 1 - bytes);
	return 0;
}

static bool
starts(const char **p, size_t *len, const char *with)
{
	size_t n = strlen(with);

	if (*len < n || memcmp(*p, with, n) != 0)
		return false;
	*p += n;
	*len -= n;
	return true;
}

void
ush_http_parse(const char *head, size_t len, struct ush_http_request *r)
{
	const char *p = head, *end = memchr(head, '\n', len), *blank;
	size_t n;

	*r = (struct ush_http_request){.status = 400};
	if (!end)
		return;
	len = (size_t)(end - head);
	r->head = starts(&p, &len, "HEAD ");
	if (!r->head && !starts(&p, &len, "GET ")) {
		r->status = 405;
		return;
	}
	blank = memchr(p, ' ', len);
	if (!blank || blank == p || end - blank < 9 ||
	    memcmp(blank + 1, "HTTP/1.", 7) != 0)
		return;
	n = strcspn(p, " ?");
	snprintf(r->path, sizeof(r->path), "%.*s", (int)n, p);
	r->status = 200;
}

static const char *
phrase(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 400:
		return "Bad Request";
	case 405:
		return "Method Not Allowed";
	case 431:
		return "Request Header Fields Too Large";
	default:
		return "Service Unavailable";
	}
}

void
ush_http_answer(struct ush_buffer *out, const struct ush_http_request *r,
    const char *type, const struct ush_buffer *body)
{
	const char *text = phrase(r->status);
	bool fine = r->status == 200;

	ush_buffer_printf(out, "HTTP/1.1 %d %s\r\n", r->status, text);
	if (r->status == 405)
		ush_buffer_puts(out, "Allow: GET, HEAD\r\n");
	ush_buffer_printf(out,
	    "Content-Type: %s\r\n"
	    "Content-Length: %zu\r\n"
	    "Cache-Control: no-store\r\n"
	    "Connection: close\r\n\r\n",
	    fine ? type : "text/plain", fine ? body->len : strlen(text) + 1);
	if (r->head)
		return;
	if (fine)
		ush_buffer_put(out, body->data, body->len);
	else
		ush_buffer_printf(out, "%s\n", text);
}
