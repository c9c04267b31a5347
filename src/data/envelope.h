/*
 * SPDX-License-Identifier: MIT
 *
 * Usher's framing of the app data in a ticket: CBOR (RFC 8949), a tag as the
 * magic and an array, see envelope.c for the layout. No function allocates,
 * and each may be called from any thread.
 */
#ifndef USH_DATA_ENVELOPE_H
#define USH_DATA_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/cbor.h"

enum {
	USH_ENVELOPE_VERSION = 1,
	USH_ENVELOPE_ID = 8,       /* bytes */
	USH_ENVELOPE_REVISION = 8, /* bytes */
	USH_ENVELOPE_AHEAD = 300,  /* seconds that another clock may be ahead */
};

/*
 * What an envelope says. After reading, the pointers point into the bytes that
 * were read, and a pointer is NULL where there is no such thing (an empty
 * string is not NULL). `data` is to be one CBOR item, for ush_value_push to
 * find well-formed or not; NULL if no table was stored.
 */
struct ush_envelope {
	unsigned char id[USH_ENVELOPE_ID], revision[USH_ENVELOPE_REVISION];
	bool has_auth_time;
	int64_t auth_time; /* of the last full handshake, wall seconds, >= 0 */
	uint32_t renewals; /* since then */
	const char *server_name;
	size_t server_name_len;
	const char *policy; /* that wrote `data` */
	size_t policy_len;
	const unsigned char *data;
	size_t data_len;
	const unsigned char *host; /* the host's own app data */
	size_t host_len;
};

enum ush_envelope_kind {
	USH_NOT_ENVELOPE,
	USH_ENVELOPE,
	USH_ENVELOPE_UNKNOWN_VERSION, /* a newer library's: reads as no data */
};

/* Reads `len` bytes. *envelope is filled if USH_ENVELOPE is returned and
 * zeroed otherwise. The bytes must stay while it is used. */
enum ush_envelope_kind ush_envelope_read(
    const void *bytes, size_t len, struct ush_envelope *envelope);

/* Is an auth_time one to go by at wall time `now`? What is more than
 * USH_ENVELOPE_AHEAD in the future counts as absent. */
static inline bool
ush_envelope_is_credible(int64_t auth_time, int64_t now)
{
	return auth_time <= now + USH_ENVELOPE_AHEAD;
}

/* The auth_time to go by at wall time `now`; false where there is none. */
bool ush_envelope_auth_time(
    const struct ush_envelope *envelope, int64_t now, int64_t *auth_time);

/* Would these bytes be taken for an envelope, of whatever version? */
bool ush_envelope_is(const void *bytes, size_t len);

/*
 * Writing, in two steps: begin writes all but the data; then the caller writes
 * exactly one item, by ush_value_write, ush_cbor_put_raw or
 * ush_envelope_put_no_data. Overflow is the writer's to tell. A negative
 * auth_time is written as none.
 */
void ush_envelope_begin(
    struct ush_cbor_writer *w, const struct ush_envelope *envelope);
void ush_envelope_put_no_data(struct ush_cbor_writer *w);

#endif
