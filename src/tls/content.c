/*
 * SPDX-License-Identifier: MIT
 *
 * From the app data that there were to those that there will be.
 */
#include "tls/content.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "lib/crypto.h"
#include "policy/answer.h"
#include "tls/since.h"

static struct ush_part
app_data_of(SSL_SESSION *session)
{
	struct ush_part bytes = {NULL, 0};
	void *data = NULL;

	if (session) {
		SSL_SESSION_get0_ticket_appdata(session, &data, &bytes.len);
		bytes.p = data;
	}
	return bytes;
}

static bool
is_equal(struct ush_part a, struct ush_part b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

/*
 * What the app data begin with
 */

/* Did we write these for the ticket before this one? */
static bool
is_written(const struct ush_written *written, struct ush_part bytes)
{
	struct ush_envelope envelope;

	switch (written->kind) {
	case USH_WRITTEN_ENVELOPE:
		return ush_envelope_read(bytes.p, bytes.len, &envelope) ==
			   USH_ENVELOPE &&
		       memcmp(envelope.id, written->id, sizeof envelope.id) ==
			   0;
	case USH_WRITTEN_STRING:
		return is_equal(
		    bytes, (struct ush_part){written->string, written->len});
	case USH_WRITTEN_NOTHING:
		break;
	}
	return false;
}

/* Keeps a copy of what the host set: a later ticket's session will not have
 * it any more. */
static int
keep_host(struct ush_handshake *now, struct ush_part bytes)
{
	unsigned char *copy = malloc(bytes.len);

	if (!copy)
		return -1;
	memcpy(copy, bytes.p, bytes.len);
	free(now->host);
	now->host = copy;
	now->host_len = bytes.len;
	return 0;
}

int
ush_content_find(struct ush_issue *is)
{
	struct ush_handshake *now = &is->conn->now;
	struct ush_part carried = {is->live.app_data, is->live.app_data_len};
	struct ush_part current = app_data_of(is->session);

	if (!is_equal(current, carried) &&
	    !(now->host && is_equal(current,
			       (struct ush_part){now->host, now->host_len})) &&
	    !is_written(&now->written, current)) {
		if (current.len > 0 && keep_host(now, current) != 0)
			return -1;
		if (current.len == 0) {
			free(now->host);
			now->host = NULL;
		}
	}
	is->base = carried;
	if (now->host) {
		is->base = (struct ush_part){now->host, now->host_len};
		is->host = is->base;
	} else if (is->live.kind == USH_ENVELOPE) {
		is->host.p = is->live.envelope->host;
		is->host.len = is->live.envelope->host_len;
	} else if (is->live.kind == USH_NOT_ENVELOPE && carried.len > 0) {
		is->host = carried;
	}
	return 0;
}

/*
 * The envelope
 */

void
ush_content_prepare(struct ush_issue *is)
{
	struct ush_envelope *e = &is->live.issue;
	const struct ush_envelope *before = is->live.envelope;
	const struct ush_generation *g = is->generation;
	int64_t time;

	*e = (struct ush_envelope){0};
	ush_random(e->id, sizeof e->id);
	memcpy(e->revision, g->revision, sizeof e->revision);
	if (!is->resumed) {
		e->has_auth_time = ush_since(is->session, &e->auth_time);
	} else {
		e->renewals = 1;
		if (is->live.kind == USH_ENVELOPE) {
			/* Rather than begin anew, it stays at the most. */
			e->renewals = before->renewals == UINT32_MAX
					  ? UINT32_MAX
					  : before->renewals + 1;
			/* "Now" would launder the age of what came without. */
			if (ush_envelope_auth_time(
				before, ush_clock_now(), &time)) {
				e->has_auth_time = true;
				e->auth_time = time;
			}
		}
	}
	e->server_name_len = ush_live_server_name(&is->live);
	if (e->server_name_len > 0)
		e->server_name = is->conn->now.server_name;
	e->host = is->host.p;
	e->host_len = is->host.len;
	if (g->has_name) {
		e->policy = g->name;
		e->policy_len = g->name_len;
	}
}

void
ush_content_begin(struct ush_issue *is)
{
	ush_cbor_writer_init(&is->writer, is->state->buffer,
	    is->generation->engine->limits.app_data);
	ush_envelope_begin(&is->writer, &is->live.issue);
}

/* nil: the table of before goes on, under the name that wrote it. */
static void
put_inherited(struct ush_issue *is)
{
	const struct ush_envelope *before = is->live.envelope;
	struct ush_envelope *e = &is->live.issue;

	e->policy = before->policy;
	e->policy_len = before->policy_len;
	ush_content_begin(is);
	if (before->data)
		ush_cbor_put_raw(&is->writer, before->data, before->data_len);
	else
		ush_envelope_put_no_data(&is->writer);
}

/* nil, where there is no envelope and none is to be: bytes that came without
 * one stay so; a script without decrypt has no use for one. */
static bool
stays_bare(const struct ush_issue *is)
{
	if (is->live.kind == USH_ENVELOPE)
		return false;
	if (!is->generation->has_decrypt)
		return true;
	return is->resumed && is->base.len > 0;
}

/* Want of memory is all that can go wrong. It leaves an error in OpenSSL's
 * queue; a mark to take it back by would cost more than the whole call. */
static int
set_app_data(struct ush_issue *is, const void *p, size_t len)
{
	if (SSL_SESSION_set1_ticket_appdata(
		is->session, len > 0 ? p : NULL, len) == 1)
		return 0;
	return ush_error_set(&is->error, USH_ERROR_SYSTEM, NULL, 0,
	    "the ticket's app data can't be stored: out of memory");
}

int
ush_content_restore(struct ush_issue *is)
{
	if (is_equal(app_data_of(is->session), is->base))
		return 0;
	return set_app_data(is, is->base.p, is->base.len);
}

static int
store_envelope(struct ush_issue *is)
{
	struct ush_written *written = &is->conn->now.written;

	if (is->writer.overflow)
		return ush_answer_too_large(is->generation, &is->error);
	written->kind = USH_WRITTEN_ENVELOPE;
	memcpy(written->id, is->live.issue.id, sizeof written->id);
	return set_app_data(
	    is, is->state->buffer, ush_cbor_written(&is->writer));
}

static int
store_string(struct ush_issue *is)
{
	struct ush_written *written = &is->conn->now.written;
	size_t len = is->call.string_len;
	unsigned char *copy = malloc(len + 1);

	if (!copy)
		return ush_error_set(
		    &is->error, USH_ERROR_SYSTEM, NULL, 0, "out of memory");
	memcpy(copy, is->state->buffer, len);
	free(written->string);
	written->string = copy;
	written->len = len;
	written->kind = USH_WRITTEN_STRING;
	return set_app_data(is, copy, len);
}

/* What stays as it is, is the host's own. A policy without any function leaves
 * it alone. */
static bool
is_over_the_limit(const struct ush_issue *is)
{
	const struct ush_generation *g = is->generation;

	return (g->has_generate || g->has_decrypt) &&
	       is->base.len > g->engine->limits.app_data;
}

int
ush_content_store(struct ush_issue *is)
{
	switch (is->call.content) {
	case USH_CONTENT_TABLE:
		is->verdict = "table";
		return store_envelope(is);
	case USH_CONTENT_STRING:
		is->verdict = "string";
		return store_string(is);
	case USH_CONTENT_END:
		is->verdict = "end";
		return 0;
	case USH_CONTENT_NOTHING:
		break;
	}
	is->verdict = "keep";
	if (stays_bare(is)) {
		if (is_over_the_limit(is))
			return ush_answer_too_large(is->generation, &is->error);
		return ush_content_restore(is);
	}
	put_inherited(is);
	return store_envelope(is);
}
