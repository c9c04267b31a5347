/*
 * SPDX-License-Identifier: MIT
 *
 * The envelope:
 *
 *	tag 0x55534852 ("USHR")
 *	array of 9
 *	  version	uint, 1
 *	  id		8 bytes, random
 *	  auth_time	uint, seconds since 1970; or null
 *	  renewals	uint, below 2^32
 *	  server_name	text or bytes; or null
 *	  revision	8 bytes
 *	  policy	text or bytes; or null
 *	  host		the host's own app data: bytes; or null
 *	  data		the script's table: any item; undefined: none
 *
 * The head of the tag is always written in 5 bytes, and nothing else is taken
 * for it: these are the magic. Strings are of definite length. Any other
 * version is a newer one; of that we only know that a version comes first.
 */
#include "data/envelope.h"

#include <string.h>

enum {
	MAGIC = 5, /* bytes of the head below */
	FIELDS = 9,
	FIXED = 8, /* bytes of an id, and of a revision */
	FIXED_HEAD = USH_CBOR_BYTES << 5 | FIXED,
	NOTHING = 0xF6, /* null */
	NO_DATA = 0xF7, /* undefined */
};
_Static_assert(
    FIXED == (int)USH_ENVELOPE_ID && FIXED == (int)USH_ENVELOPE_REVISION,
    "fields of fixed length");

/* The tag, the array, the version. */
static const unsigned char head[] = {
    0xDA, 0x55, 0x53, 0x48, 0x52, 0x80 | FIELDS, USH_ENVELOPE_VERSION};

/* Each reader sets all of its members. */

static inline bool
read_fixed(struct ush_cbor_reader *r, unsigned char out[FIXED])
{
	struct ush_cbor_item item;

	if (r->end - r->p > FIXED && *r->p == FIXED_HEAD) {
		memcpy(out, r->p + 1, FIXED);
		r->p += 1 + FIXED;
		return true;
	}
	if (ush_cbor_next(r, &item) != 0 || item.type != USH_CBOR_BYTES ||
	    item.indefinite || item.u.string.len != FIXED)
		return false;
	memcpy(out, item.u.string.p, FIXED);
	return true;
}

static inline bool
read_auth_time(struct ush_cbor_reader *r, struct ush_envelope *envelope)
{
	struct ush_cbor_item item;
	uint64_t number;

	envelope->has_auth_time = true;
	if (ush_cbor_next_number(r, &number)) {
		envelope->auth_time = (int64_t)number;
		return true;
	}
	if (ush_cbor_next(r, &item) != 0)
		return false;
	if (item.type == USH_CBOR_NULL) {
		envelope->has_auth_time = false;
		envelope->auth_time = 0;
		return true;
	}
	if (item.type != USH_CBOR_UINT || item.u.integer > INT64_MAX)
		return false;
	envelope->auth_time = (int64_t)item.u.integer;
	return true;
}

static inline bool
read_renewals(struct ush_cbor_reader *r, struct ush_envelope *envelope)
{
	struct ush_cbor_item item;
	uint64_t number;

	if (ush_cbor_next_number(r, &number)) {
		envelope->renewals = (uint32_t)number;
		return true;
	}
	if (ush_cbor_next(r, &item) != 0 || item.type != USH_CBOR_UINT ||
	    item.u.integer > UINT32_MAX)
		return false;
	envelope->renewals = (uint32_t)item.u.integer;
	return true;
}

/* Bytes, text if `text`, or null. */
static inline bool
read_string(
    struct ush_cbor_reader *r, bool text, const unsigned char **p, size_t *len)
{
	struct ush_cbor_item item;

	if (text && ush_cbor_next_short(r, p, len))
		return true;
	*p = NULL;
	*len = 0;
	if (!ush_cbor_at_end(r) && *r->p == NOTHING) {
		r->p++;
		return true;
	}
	if (ush_cbor_next(r, &item) != 0 || item.indefinite ||
	    (item.type != USH_CBOR_BYTES &&
		(item.type != USH_CBOR_TEXT || !text)))
		return false;
	*p = item.u.string.p;
	*len = item.u.string.len;
	return true;
}

static inline bool
read_chars(struct ush_cbor_reader *r, const char **p, size_t *len)
{
	const unsigned char *bytes;
	bool read = read_string(r, true, &bytes, len);

	*p = (const char *)bytes;
	return read;
}

/* The last field: all that is left. What is in it is looked at when it is
 * pushed to Lua, and not twice. */
static inline bool
read_data(struct ush_cbor_reader *r, struct ush_envelope *envelope)
{
	envelope->data = NULL;
	envelope->data_len = 0;
	if (ush_cbor_at_end(r))
		return false;
	if (*r->p == NO_DATA)
		return r->end - r->p == 1;
	envelope->data = r->p;
	envelope->data_len = (size_t)(r->end - r->p);
	return true;
}

static bool
read_fields(struct ush_cbor_reader *r, struct ush_envelope *e)
{
	return read_fixed(r, e->id) && read_auth_time(r, e) &&
	       read_renewals(r, e) &&
	       read_chars(r, &e->server_name, &e->server_name_len) &&
	       read_fixed(r, e->revision) &&
	       read_chars(r, &e->policy, &e->policy_len) &&
	       read_string(r, false, &e->host, &e->host_len) && read_data(r, e);
}

/* What comes before the id: nearly always these bytes. */
static enum ush_envelope_kind
read_head(struct ush_cbor_reader *r)
{
	struct ush_cbor_item array, version;

	if (r->end - r->p > (ptrdiff_t)sizeof head &&
	    memcmp(r->p, head, sizeof head) == 0) {
		r->p += sizeof head;
		return USH_ENVELOPE;
	}
	if (r->end - r->p < MAGIC || memcmp(r->p, head, MAGIC) != 0)
		return USH_NOT_ENVELOPE;
	r->p += MAGIC;
	if (ush_cbor_next(r, &array) != 0 || array.type != USH_CBOR_ARRAY ||
	    ush_cbor_next(r, &version) != 0 || version.type != USH_CBOR_UINT)
		return USH_NOT_ENVELOPE;
	if (version.u.integer != USH_ENVELOPE_VERSION)
		return USH_ENVELOPE_UNKNOWN_VERSION;
	return !array.indefinite && array.u.integer == FIELDS
		   ? USH_ENVELOPE
		   : USH_NOT_ENVELOPE;
}

enum ush_envelope_kind
ush_envelope_read(const void *bytes, size_t len, struct ush_envelope *envelope)
{
	struct ush_cbor_reader r;
	enum ush_envelope_kind kind;

	ush_cbor_reader_init(&r, bytes, len);
	kind = read_head(&r);
	if (kind == USH_ENVELOPE && !read_fields(&r, envelope))
		kind = USH_NOT_ENVELOPE;
	if (kind != USH_ENVELOPE)
		memset(envelope, 0, sizeof *envelope);
	return kind;
}

bool
ush_envelope_auth_time(
    const struct ush_envelope *envelope, int64_t now, int64_t *auth_time)
{
	*auth_time = envelope->auth_time;
	return envelope->has_auth_time &&
	       ush_envelope_is_credible(envelope->auth_time, now);
}

bool
ush_envelope_is(const void *bytes, size_t len)
{
	struct ush_envelope envelope;

	return ush_envelope_read(bytes, len, &envelope) != USH_NOT_ENVELOPE;
}

static inline void
put_fixed(struct ush_cbor_writer *w, const unsigned char bytes[FIXED])
{
	unsigned char item[1 + FIXED] = {FIXED_HEAD};

	memcpy(item + 1, bytes, FIXED);
	ush_cbor_put_raw(w, item, sizeof item);
}

static void
put_string_or_null(struct ush_cbor_writer *w, const char *text, size_t len)
{
	if (text)
		ush_cbor_put_string(w, text, len);
	else
		ush_cbor_put_null(w);
}

void
ush_envelope_begin(
    struct ush_cbor_writer *w, const struct ush_envelope *envelope)
{
	ush_cbor_put_raw(w, head, sizeof head);
	put_fixed(w, envelope->id);
	if (envelope->has_auth_time && envelope->auth_time >= 0)
		ush_cbor_put_uint(w, (uint64_t)envelope->auth_time);
	else
		ush_cbor_put_null(w);
	ush_cbor_put_uint(w, envelope->renewals);
	put_string_or_null(w, envelope->server_name, envelope->server_name_len);
	put_fixed(w, envelope->revision);
	put_string_or_null(w, envelope->policy, envelope->policy_len);
	if (envelope->host)
		ush_cbor_put_bytes(w, envelope->host, envelope->host_len);
	else
		ush_cbor_put_null(w);
}

void
ush_envelope_put_no_data(struct ush_cbor_writer *w)
{
	ush_cbor_put_undefined(w);
}
