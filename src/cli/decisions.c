/*
 * SPDX-License-Identifier: MIT
 *
 * The log of `usher serve` on standard error: one line for each decision, and
 * the library's own log, as text or as JSON.
 */
#include "cli/decisions.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/json.h"
#include "cli/peer.h"

/* What a line says besides the decision itself. */
struct about {
	char time[32];
	char peer[USH_PEER_TEXT];
	const char *server_name; /* as it came, any bytes; NULL if none */
	size_t server_name_len;
};

static void
about_time(char *text, size_t cap)
{
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(text, cap, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static void
about_connection(struct about *about, SSL *ssl, enum usher_call call)
{
	about_time(about->time, sizeof(about->time));
	ush_peer_text(ssl, about->peer);
	about->server_name = ush_peer_server_name(
	    ssl, call == USHER_CALL_DECRYPT, &about->server_name_len);
}

/* Whole lines, so that those of several threads don't mix. */
static void
write_line(struct ush_buffer *line)
{
	ush_buffer_putc(line, '\n');
	if (!line->failed)
		fwrite(line->data, 1, line->len, stderr);
	ush_buffer_fini(line);
}

/* "name": "value", with a comma before it. */
static void
member_bytes(
    struct ush_buffer *line, const char *name, const char *value, size_t len)
{
	if (line->len > 1)
		ush_buffer_putc(line, ',');
	ush_json_key(line, name);
	ush_json_string(line, value, len);
}

/* The same; nothing for NULL or "". */
static void
member(struct ush_buffer *line, const char *name, const char *value)
{
	if (value && *value)
		member_bytes(line, name, value, strlen(value));
}

static void
member_unsigned(struct ush_buffer *line, const char *name, uint64_t value)
{
	ush_buffer_putc(line, ',');
	ush_json_key(line, name);
	ush_json_unsigned(line, value);
}

static const char *
call_name(const struct usher_decision *d)
{
	return d->call == USHER_CALL_DECRYPT ? "decrypt" : "generate";
}

static void
log_json(const struct usher_decision *d, const struct about *about)
{
	struct ush_buffer line = {0};

	ush_buffer_putc(&line, '{');
	member(&line, "time", about->time);
	member(&line, "call", call_name(d));
	member(&line, "peer", about->peer);
	if (about->server_name)
		member_bytes(&line, "server_name", about->server_name,
		    about->server_name_len);
	member(&line, "version", SSL_get_version(d->ssl));
	member(&line, "status", d->status);
	member(&line, "verdict", d->verdict);
	member(&line, "reason", d->reason);
	member(&line, "policy", d->policy);
	member(&line, "revision", d->revision);
	member(&line, "error", d->error ? d->error->message : NULL);
	member_unsigned(&line, "instructions", d->instructions);
	member_unsigned(&line, "memory", d->memory);
	if (d->remembered)
		ush_buffer_puts(&line, ",\"remembered\":true");
	if (d->canary)
		ush_buffer_puts(&line, ",\"canary\":true");
	member(&line, "shadow_verdict", d->shadow_verdict);
	member(&line, "shadow_reason", d->shadow_reason);
	member(&line, "shadow_revision", d->shadow_revision);
	ush_buffer_putc(&line, '}');
	write_line(&line);
}

/* " (reason)". A script may make it of what a client named, so in quotes if it
 * has anything that could be taken for its end. */
static void
put_reason(struct ush_buffer *line, const char *reason)
{
	size_t len = strlen(reason);

	ush_buffer_puts(line, " (");
	if (strpbrk(reason, "()\"\\") || len == 0 || reason[0] == ' ' ||
	    reason[len - 1] == ' ')
		ush_json_string(line, reason, len);
	else
		ush_buffer_puts(line, reason);
	ush_buffer_putc(line, ')');
}

/* What the shadow would have said, if it is something else. */
static void
log_shadow(struct ush_buffer *line, const struct usher_decision *d)
{
	if (!d->shadow_verdict || strcmp(d->shadow_verdict, d->verdict) == 0)
		return;
	ush_buffer_printf(line, "; shadow: %s", d->shadow_verdict);
	if (d->shadow_reason)
		put_reason(line, d->shadow_reason);
}

static void
log_text(const struct usher_decision *d, const struct about *about)
{
	struct ush_buffer line = {0};
	char name[1024] = "-";

	if (about->server_name)
		ush_escape_word(name, sizeof(name), about->server_name,
		    about->server_name_len);
	ush_buffer_printf(&line, "%s %s %s %s %s: ", about->time, about->peer,
	    SSL_get_version(d->ssl), name, call_name(d));
	if (d->status)
		ush_buffer_printf(&line, "%s -> ", d->status);
	ush_buffer_puts(&line, d->verdict);
	if (d->reason)
		put_reason(&line, d->reason);
	if (d->remembered)
		ush_buffer_puts(&line, " as for the first ClientHello");
	ush_buffer_printf(
	    &line, " by %s%s", d->canary ? "canary " : "", d->revision);
	log_shadow(&line, d);
	if (d->error)
		ush_buffer_printf(&line, "; error: %s", d->error->message);
	write_line(&line);
}

void
ush_decisions_log(void *arg, const struct usher_decision *decision)
{
	struct ush_decisions *decisions = arg;
	struct about about;

	if (atomic_load(&decisions->silent))
		return;
	about_connection(&about, decision->ssl, decision->call);
	if (decisions->json)
		log_json(decision, &about);
	else
		log_text(decision, &about);
}

void
ush_decisions_message(
    void *arg, enum usher_log_level level, const char *message)
{
	static const char *const names[] = {
	    [USHER_LOG_ERROR] = "error",
	    [USHER_LOG_WARNING] = "warning",
	    [USHER_LOG_INFO] = "info",
	};
	struct ush_decisions *decisions = arg;
	struct ush_buffer line = {0};
	char now[32];

	if (atomic_load(&decisions->silent) && level != USHER_LOG_ERROR)
		return;
	about_time(now, sizeof(now));
	if (decisions->json) {
		ush_buffer_putc(&line, '{');
		member(&line, "time", now);
		member(&line, "level", names[level]);
		member(&line, "message", message);
		ush_buffer_putc(&line, '}');
	} else {
		ush_buffer_printf(
		    &line, "%s %s: %s", now, names[level], message);
	}
	write_line(&line);
}
