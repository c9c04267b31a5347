/*
 * SPDX-License-Identifier: MIT
 *
 * App data of a ticket, for people to read: what an envelope says, and the
 * script's table in Lua's notation.
 */
#include "cli/ticket_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "data/envelope.h"

enum {
	SHOWN = 256, /* bytes of a string that are shown */
	INDENT = 15, /* where values begin */
};

void
ush_ticket_text_line(
    struct ush_buffer *out, const char *name, const char *value)
{
	char text[1024];

	if (!value)
		value = "-";
	ush_escape(text, sizeof(text), value, strlen(value));
	ush_buffer_printf(out, "  %-13s%s\n", name, text);
}

void
ush_ticket_text_word(
    struct ush_buffer *out, const char *name, const char *value, size_t len)
{
	char text[1024] = "-";

	if (value)
		ush_escape_word(text, sizeof(text), value, len);
	ush_buffer_printf(out, "  %-13s%s\n", name, text);
}

/* As ush_ticket_text_line, with bytes; p NULL: "-". */
static void
line_bytes(struct ush_buffer *out, const char *name, const void *p, size_t len)
{
	char text[1024];

	ush_escape(text, sizeof(text), p ? p : "-", p ? len : 1);
	ush_buffer_printf(out, "  %-13s%s\n", name, text);
}

static void
line_hex(struct ush_buffer *out, const char *name, const unsigned char *p,
    size_t len)
{
	ush_buffer_printf(out, "  %-13s", name);
	for (size_t i = 0; i < len; i++)
		ush_buffer_printf(out, "%02x", p[i]);
	ush_buffer_putc(out, '\n');
}

static void
line_time(struct ush_buffer *out, const struct ush_envelope *envelope)
{
	int64_t now = ush_clock_now(), since;
	bool known = ush_envelope_auth_time(envelope, now, &since);
	time_t t = (time_t)since;
	char text[64];
	struct tm tm;

	if (!known || !gmtime_r(&t, &tm)) {
		ush_ticket_text_line(out, "signed in", NULL);
		return;
	}
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm);
	ush_buffer_printf(out, "  %-13s%s (%" PRId64 " s ago)\n", "signed in",
	    text, since < now ? now - since : 0);
}

static void
string(struct ush_buffer *out, const struct ush_cbor_item *item)
{
	size_t len = item->u.string.len;

	ush_json_string(out, (const char *)item->u.string.p,
	    len < SHOWN ? len : (size_t)SHOWN);
	if (len > SHOWN)
		ush_buffer_printf(out, "... (%zu bytes)", len);
}

static void
scalar(struct ush_buffer *out, const struct ush_cbor_item *item)
{
	switch (item->type) {
	case USH_CBOR_UINT:
		ush_buffer_printf(out, "%" PRIu64, item->u.integer);
		break;
	case USH_CBOR_NEGINT:
		ush_buffer_printf(out, "%" PRId64,
		    -1 - (int64_t)(item->u.integer & INT64_MAX));
		break;
	case USH_CBOR_DOUBLE:
		if (isfinite(item->u.number))
			ush_json_number(out, item->u.number);
		else
			ush_buffer_printf(out, "%g", item->u.number);
		break;
	case USH_CBOR_BOOL:
		ush_buffer_puts(out, item->u.boolean ? "true" : "false");
		break;
	default:
		ush_buffer_puts(out, "nil");
	}
}

/* A string of indefinite length, which Usher never writes. */
static int
string_in_parts(struct ush_buffer *out, struct ush_cbor_reader *r)
{
	struct ush_cbor_item part;

	do {
		if (ush_cbor_next(r, &part) != 0)
			return -1;
	} while (part.type != USH_CBOR_BREAK);
	return ush_buffer_puts(out, "(a string in parts)");
}

static int items(struct ush_buffer *out, struct ush_cbor_reader *r,
    const struct ush_cbor_item *head, int depth);

/* One item, a container with all that is in it. -1 at a break, at the end, or
 * where it is not well-formed. */
static int
value(struct ush_buffer *out, struct ush_cbor_reader *r, int depth)
{
	struct ush_cbor_reader whole;
	struct ush_cbor_item item;

	do {
		whole = *r;
		if (ush_cbor_next(r, &item) != 0 || item.type == USH_CBOR_BREAK)
			return -1;
	} while (item.type == USH_CBOR_TAG);
	if (item.type == USH_CBOR_ARRAY || item.type == USH_CBOR_MAP) {
		if (depth < USH_CBOR_DEPTH)
			return items(out, r, &item, depth);
		*r = whole;
		ush_buffer_puts(out, "{...}");
		return ush_cbor_skip(r);
	}
	if (item.type == USH_CBOR_BYTES || item.type == USH_CBOR_TEXT) {
		if (item.indefinite)
			return string_in_parts(out, r);
		string(out, &item);
		return 0;
	}
	scalar(out, &item);
	return 0;
}

static bool
is_name(const struct ush_cbor_item *item)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ_";

	if (item->type != USH_CBOR_TEXT || item->indefinite ||
	    item->u.string.len == 0)
		return false;
	for (size_t i = 0; i < item->u.string.len; i++)
		if (!memchr(letters, item->u.string.p[i], sizeof(letters) - 1))
			return false;
	return true;
}

/* A key as Lua has it: name, ["a b"] or [1]. */
static int
key(struct ush_buffer *out, struct ush_cbor_reader *r)
{
	struct ush_cbor_reader ahead = *r;
	struct ush_cbor_item item;

	if (ush_cbor_next(&ahead, &item) != 0 || item.type == USH_CBOR_BREAK)
		return -1;
	if (is_name(&item)) {
		*r = ahead;
		return ush_buffer_put(out, item.u.string.p, item.u.string.len);
	}
	ush_buffer_putc(out, '[');
	if (value(out, r, USH_CBOR_DEPTH) != 0)
		return -1;
	return ush_buffer_putc(out, ']');
}

static int
items(struct ush_buffer *out, struct ush_cbor_reader *r,
    const struct ush_cbor_item *head, int depth)
{
	uint64_t n = head->indefinite ? UINT64_MAX : head->u.integer;
	uint64_t i;

	if (n == 0)
		return ush_buffer_puts(out, "{}");
	ush_buffer_puts(out, "{\n");
	for (i = 0; i < n; i++) {
		struct ush_cbor_reader ahead = *r;
		struct ush_cbor_item item;

		if (ush_cbor_next(&ahead, &item) != 0)
			return -1;
		if (head->indefinite && item.type == USH_CBOR_BREAK) {
			*r = ahead;
			break;
		}
		ush_buffer_printf(out, "%*s", INDENT + 2 * (depth + 1), "");
		if (head->type == USH_CBOR_MAP) {
			if (key(out, r) != 0)
				return -1;
			ush_buffer_puts(out, " = ");
		}
		if (value(out, r, depth + 1) != 0)
			return -1;
		ush_buffer_puts(out, ",\n");
	}
	return ush_buffer_printf(out, "%*s}", INDENT + 2 * depth, "");
}

static void
line_table(struct ush_buffer *out, const struct ush_envelope *envelope)
{
	struct ush_cbor_reader r;

	ush_buffer_printf(out, "  %-13s", "table");
	if (envelope->data) {
		ush_cbor_reader_init(&r, envelope->data, envelope->data_len);
		if (value(out, &r, 0) != 0)
			ush_buffer_puts(out, " (damaged)");
	} else {
		ush_buffer_putc(out, '-');
	}
	ush_buffer_putc(out, '\n');
}

static void
envelope_text(struct ush_buffer *out, const struct ush_envelope *envelope)
{
	line_hex(out, "id", envelope->id, sizeof(envelope->id));
	line_time(out, envelope);
	ush_buffer_printf(
	    out, "  %-13s%" PRIu32 "\n", "renewals", envelope->renewals);
	ush_ticket_text_word(out, "server name", envelope->server_name,
	    envelope->server_name_len);
	line_bytes(out, "policy", envelope->policy, envelope->policy_len);
	line_hex(
	    out, "revision", envelope->revision, sizeof(envelope->revision));
	if (envelope->host)
		ush_buffer_printf(
		    out, "  %-13s%zu bytes\n", "host data", envelope->host_len);
	line_table(out, envelope);
}

void
ush_ticket_text(struct ush_buffer *out, const void *data, size_t len)
{
	struct ush_envelope envelope;
	struct ush_cbor_item raw = {.type = USH_CBOR_BYTES};

	switch (ush_envelope_read(data, len, &envelope)) {
	case USH_ENVELOPE:
		envelope_text(out, &envelope);
		return;
	case USH_ENVELOPE_UNKNOWN_VERSION:
		ush_buffer_puts(
		    out, "  an envelope of a newer version of Usher\n");
		return;
	case USH_NOT_ENVELOPE:
		break;
	}
	raw.u.string.p = data;
	raw.u.string.len = len;
	ush_buffer_printf(out, "  %-13s", "bytes");
	string(out, &raw);
	ush_buffer_putc(out, '\n');
}
