/*
 * SPDX-License-Identifier: MIT
 *
 * ClientHello surgery: takes the records apart, writes another pre_shared_key
 * extension (RFC 8446, 4.2.11), computes binders, and makes records again.
 */
#include "hello.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/core_names.h>

#define RECORD_MAX 16384
#define HELLO_MAX 131072
#define PSK_EXTENSION 41

struct bytes {
	unsigned char *data;
	size_t len;
};

static void
add(struct bytes *to, const void *data, size_t len)
{
	if (to->len + len > HELLO_MAX)
		abort();
	memcpy(to->data + to->len, data, len);
	to->len += len;
}

static void
add_int(struct bytes *to, size_t value, int size)
{
	unsigned char wire[4];
	int i;

	for (i = 0; i < size; i++)
		wire[i] = (unsigned char)(value >> (8 * (size - 1 - i)));
	add(to, wire, (size_t)size);
}

static void
put_int(unsigned char *at, size_t value, int size)
{
	while (size-- > 0) {
		at[size] = (unsigned char)value;
		value >>= 8;
	}
}

static size_t
get_int(const unsigned char *at, int size)
{
	size_t value = 0;

	while (size-- > 0)
		value = value << 8 | *at++;
	return value;
}

static struct bytes
bytes_new(void)
{
	struct bytes bytes = {malloc(HELLO_MAX), 0};

	if (!bytes.data)
		abort();
	return bytes;
}

/* After a HelloRetryRequest a change_cipher_spec comes before the hello. */
static size_t
ccs_size(const unsigned char *flight, size_t len)
{
	return len > 6 && flight[0] == SSL3_RT_CHANGE_CIPHER_SPEC ? 6 : 0;
}

/* Moves the payload of the records that hold the hello to `hello`. Returns how
 * many bytes of the flight they took. */
static size_t
records_open(struct bytes *hello, const unsigned char *flight, size_t len)
{
	size_t at = 0;

	do {
		size_t size = get_int(flight + at + 3, 2);

		if (at + 5 + size > len || flight[at] != SSL3_RT_HANDSHAKE)
			abort();
		add(hello, flight + at + 5, size);
		at += 5 + size;
	} while (hello->len < 4 + get_int(hello->data + 1, 3));
	if (hello->data[0] != SSL3_MT_CLIENT_HELLO ||
	    hello->len != 4 + get_int(hello->data + 1, 3))
		abort();
	return at;
}

static void
records_close(struct bytes *to, const struct bytes *hello)
{
	size_t at, size;

	for (at = 0; at < hello->len; at += size) {
		size = hello->len - at;
		if (size > RECORD_MAX)
			size = RECORD_MAX;
		add(to, "\x16\x03\x01", 3);
		add_int(to, size, 2);
		add(to, hello->data + at, size);
	}
}

/* Where the two bytes of the extensions' length are. */
static size_t
extensions_at(const struct bytes *hello)
{
	size_t at = 4 + 2 + 32;

	at += 1 + hello->data[at];
	at += 2 + get_int(hello->data + at, 2);
	return at + 1 + hello->data[at];
}

static void
psk_remove(struct bytes *hello)
{
	size_t start = extensions_at(hello) + 2, at = start;

	while (at < hello->len && get_int(hello->data + at, 2) != PSK_EXTENSION)
		at += 4 + get_int(hello->data + at + 2, 2);
	hello->len = at; /* it is always the last one */
}

static const EVP_MD *
session_md(const SSL_SESSION *session)
{
	return SSL_CIPHER_get_handshake_digest(
	    SSL_SESSION_get0_cipher(session));
}

/* HKDF-Expand-Label of RFC 8446, 7.1 (`context` of the digest's size). */
static void
expand_label(const EVP_MD *md, unsigned char *out, const unsigned char *secret,
    const char *label, const unsigned char *context, size_t context_len)
{
	size_t size = (size_t)EVP_MD_get_size(md), n = strlen(label);
	unsigned char info[256] = {0}, *at = info;
	unsigned int len;

	put_int(at, size, 2);
	at[2] = (unsigned char)(6 + n);
	memcpy(at + 3, "tls13 ", 6);
	memcpy(at + 9, label, n);
	at += 9 + n;
	*at++ = (unsigned char)context_len;
	memcpy(at, context, context_len);
	at += context_len;
	*at++ = 1; /* HKDF-Expand's counter: one block is enough */
	if (!HMAC(md, secret, (int)size, info, (size_t)(at - info), out, &len))
		abort();
}

static void
binder_compute(const SSL_SESSION *session, const unsigned char *hello,
    size_t len, unsigned char *out)
{
	const EVP_MD *md = session_md(session);
	unsigned char psk[SSL_MAX_MASTER_KEY_LENGTH], zero[64] = {0};
	unsigned char early[64], key[64], finished[64], hash[64];
	int size = EVP_MD_get_size(md);
	unsigned int n;
	size_t psk_len = SSL_SESSION_get_master_key(session, psk, sizeof psk);

	if (!HMAC(md, zero, size, psk, psk_len, early, &n) ||
	    !EVP_Digest("", 0, hash, &n, md, NULL))
		abort();
	expand_label(md, key, early, "res binder", hash, (size_t)size);
	expand_label(md, finished, key, "finished", hash, 0);
	if (!EVP_Digest(hello, len, hash, &n, md, NULL) ||
	    !HMAC(md, finished, size, hash, (size_t)size, out, &n))
		abort();
}

static size_t
binder_size(const struct hello_identity *identity)
{
	return identity->session
		   ? (size_t)EVP_MD_get_size(session_md(identity->session))
		   : 32;
}

static void
binders_add(struct bytes *hello, const struct hello_identity *identities,
    size_t n, size_t truncated)
{
	size_t i, size;

	for (i = 0; i < n; i++) {
		unsigned char binder[64] = {0};

		size = binder_size(&identities[i]);
		if (identities[i].session)
			binder_compute(identities[i].session, hello->data,
			    truncated, binder);
		add_int(hello, size, 1);
		add(hello, binder, size);
	}
}

static void
psk_add(struct bytes *hello, const struct hello_identity *identities, size_t n,
    int binders)
{
	size_t ids = 0, binds = 0, extension = hello->len, i;

	for (i = 0; i < n; i++) {
		ids += 2 + identities[i].len + 4;
		binds += binders ? 1 + binder_size(&identities[i]) : 0;
	}
	add_int(hello, PSK_EXTENSION, 2);
	add_int(hello, 2 + ids + 2 + binds, 2);
	add_int(hello, ids, 2);
	for (i = 0; i < n; i++) {
		add_int(hello, identities[i].len, 2);
		add(hello, identities[i].bytes, identities[i].len);
		add_int(hello, 0, 4); /* age: looked at for early data only */
	}
	/* Lengths count the binders, the hash stops before them. */
	put_int(hello->data + 1, hello->len + 2 + binds - 4, 3);
	i = extensions_at(hello);
	put_int(hello->data + i, hello->len + 2 + binds - i - 2, 2);
	if (extension + 4 + 65535 < hello->len + 2 + binds)
		abort();
	i = hello->len;
	add_int(hello, binds, 2);
	binders_add(hello, identities, binders ? n : 0, i);
}

/* Puts other bytes in place of `old` ones, and mends the hello's length. */
static void
splice(struct bytes *hello, size_t at, size_t old, const void *data, size_t n)
{
	struct bytes out = bytes_new();

	add(&out, hello->data, at);
	add(&out, data, n);
	add(&out, hello->data + at + old, hello->len - at - old);
	put_int(out.data + 1, out.len - 4, 3);
	free(hello->data);
	*hello = out;
}

static void
replace_hello(unsigned char **flight, size_t *len, size_t before, size_t taken,
    struct bytes *hello)
{
	struct bytes out = bytes_new();

	add(&out, *flight, before);
	records_close(&out, hello);
	add(&out, *flight + before + taken, *len - before - taken);
	free(hello->data);
	free(*flight);
	*flight = out.data;
	*len = out.len;
}

void
hello_set_identities(unsigned char **flight, size_t *len,
    const struct hello_identity *identities, size_t n, int binders)
{
	struct bytes hello = bytes_new();
	size_t before = ccs_size(*flight, *len);
	size_t taken = records_open(&hello, *flight + before, *len - before);

	psk_remove(&hello);
	psk_add(&hello, identities, n, binders);
	replace_hello(flight, len, before, taken, &hello);
}

void
hello_set_ciphers(
    unsigned char **flight, size_t *len, const void *list, size_t n)
{
	struct bytes hello = bytes_new();
	size_t before = ccs_size(*flight, *len);
	size_t taken = records_open(&hello, *flight + before, *len - before);
	size_t at = 4 + 2 + 32;

	at += 1 + hello.data[at];
	splice(&hello, at + 2, get_int(hello.data + at, 2), list, n);
	put_int(hello.data + at, n, 2);
	replace_hello(flight, len, before, taken, &hello);
}

void
hello_set_extension(unsigned char **flight, size_t *len, unsigned int type,
    const void *body, size_t n)
{
	struct bytes hello = bytes_new(), extension = bytes_new();
	size_t before = ccs_size(*flight, *len);
	size_t taken = records_open(&hello, *flight + before, *len - before);
	size_t list = extensions_at(&hello), at = list + 2, old = 0;

	while (at < hello.len && get_int(hello.data + at, 2) != type)
		at += 4 + get_int(hello.data + at + 2, 2);
	if (at < hello.len)
		old = 4 + get_int(hello.data + at + 2, 2);
	else
		at = list + 2;
	add_int(&extension, type, 2);
	add_int(&extension, n, 2);
	add(&extension, body, n);
	splice(&hello, at, old, extension.data, extension.len);
	put_int(hello.data + list, hello.len - list - 2, 2);
	free(extension.data);
	replace_hello(flight, len, before, taken, &hello);
}

struct hello_identity
hello_identity_of(const SSL_SESSION *session)
{
	struct hello_identity identity = {.session = session};

	SSL_SESSION_get0_ticket(session, &identity.bytes, &identity.len);
	return identity;
}
