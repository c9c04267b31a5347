/*
 * SPDX-License-Identifier: MIT
 *
 * A session's ticket can't be set through OpenSSL's API, so the session goes
 * through its DER form: a SEQUENCE whose element [10] is the ticket.
 */
#include "session.h"

#include <stdlib.h>
#include <string.h>

#include "harness.h"

#define TAG_TICKET 0xaa
#define DER_MAX 65536

/* Reads a tag and length at *at; returns the length, and moves *at past. */
static size_t
der_open(const unsigned char **at)
{
	size_t len = (*at)[1];
	int n = len & 0x80 ? (int)(len & 0x7f) : 0;

	*at += 2;
	if (n > 0)
		len = 0;
	for (; n > 0; n--)
		len = len << 8 | *(*at)++;
	return len;
}

static unsigned char *
der_put(unsigned char *to, int tag, size_t len)
{
	*to++ = (unsigned char)tag;
	*to++ = 0x83;
	*to++ = (unsigned char)(len >> 16);
	*to++ = (unsigned char)(len >> 8);
	*to++ = (unsigned char)len;
	return to;
}

static unsigned char *
put_ticket(unsigned char *to, const void *ticket, size_t len)
{
	to = der_put(to, TAG_TICKET, len + 5);
	to = der_put(to, 0x04, len);
	memcpy(to, ticket, len);
	return to + len;
}

/* Copies the SEQUENCE's elements with another ticket; returns the end. */
static unsigned char *
rebuild(
    unsigned char *to, const unsigned char *der, const void *ticket, size_t len)
{
	const unsigned char *at = der, *end;
	size_t size = der_open(&at);

	for (end = at + size; at < end;) {
		const unsigned char *element = at;
		int tag = *at;

		size = der_open(&at);
		at += size;
		if (tag == TAG_TICKET) {
			to = put_ticket(to, ticket, len);
		} else {
			memcpy(to, element, (size_t)(at - element));
			to += at - element;
		}
	}
	return to;
}

SSL_SESSION *
session_with_ticket(const SSL_SESSION *session, const void *ticket, size_t len)
{
	unsigned char *der = NULL, *out = malloc(2 * DER_MAX), *end;
	const unsigned char *at = out;
	SSL_SESSION *copy;
	int n = i2d_SSL_SESSION(session, &der);

	if (n <= 0 || n > DER_MAX || len > DER_MAX - 64 || !out)
		abort();
	end = rebuild(out + 5, der, ticket, len);
	der_put(out, 0x30, (size_t)(end - out) - 5);
	copy = d2i_SSL_SESSION(NULL, &at, end - out);
	if (!copy)
		abort();
	OPENSSL_free(der);
	free(out);
	return harness_keep_session(copy);
}

static unsigned char *
ticket_copy(const SSL_SESSION *session, size_t *len)
{
	const unsigned char *ticket;
	unsigned char *copy;

	SSL_SESSION_get0_ticket(session, &ticket, len);
	copy = malloc(*len);
	if (!copy)
		abort();
	memcpy(copy, ticket, *len);
	return copy;
}

SSL_SESSION *
session_altered(const SSL_SESSION *session, long offset)
{
	size_t len;
	unsigned char *ticket = ticket_copy(session, &len);
	SSL_SESSION *copy;

	ticket[offset < 0 ? (long)len + offset : offset] ^= 1;
	copy = session_with_ticket(session, ticket, len);
	free(ticket);
	return copy;
}

SSL_SESSION *
session_short(const SSL_SESSION *session, size_t len)
{
	size_t whole;
	unsigned char *ticket = ticket_copy(session, &whole);
	SSL_SESSION *copy = session_with_ticket(session, ticket, len);

	free(ticket);
	return copy;
}
