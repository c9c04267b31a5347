/*
 * SPDX-License-Identifier: MIT
 *
 * In dec_cb from the ClientHello's extensions. In gen_cb those are gone, and
 * what OpenSSL has kept is asked for instead; it names groups by NID.
 */
#include "tls/lists.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>

#include "base/buffer.h"
#include "tls/hello.h"

/* IANA's "TLS Supported Groups" that OpenSSL knows by NID. */
static const struct {
	int nid;
	uint16_t group;
} groups[] = {
    {NID_X9_62_prime256v1, 23},
    {NID_secp384r1, 24},
    {NID_secp521r1, 25},
    {NID_X25519, 29},
    {NID_X448, 30},
    {NID_ffdhe2048, 256},
    {NID_ffdhe3072, 257},
    {NID_ffdhe4096, 258},
    {NID_ffdhe6144, 259},
    {NID_ffdhe8192, 260},
    {NID_brainpoolP256r1, 26},
    {NID_brainpoolP384r1, 27},
    {NID_brainpoolP512r1, 28},
    {NID_secp256k1, 22},
    {NID_secp224r1, 21},
    {NID_secp224k1, 20},
    {NID_X9_62_prime192v1, 19},
    {NID_secp192k1, 18},
    {NID_secp160r2, 17},
    {NID_secp160r1, 16},
    {NID_secp160k1, 15},
    {NID_sect571r1, 14},
    {NID_sect571k1, 13},
    {NID_sect409r1, 12},
    {NID_sect409k1, 11},
    {NID_sect283r1, 10},
    {NID_sect283k1, 9},
    {NID_sect239k1, 8},
    {NID_sect233r1, 7},
    {NID_sect233k1, 6},
    {NID_sect193r2, 5},
    {NID_sect193r1, 4},
    {NID_sect163r2, 3},
    {NID_sect163r1, 2},
    {NID_sect163k1, 1},
};

static uint16_t
group_of_nid(int nid)
{
	for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
		if (groups[i].nid == nid)
			return groups[i].group;
	/* TLSEXT_nid_unknown and the number, for those without a NID. */
	return (uint16_t)(nid & 0xffff);
}

static void
put16(unsigned char *p, size_t i, int code)
{
	p[2 * i] = (unsigned char)(code >> 8);
	p[2 * i + 1] = (unsigned char)code;
}

/* Does OpenSSL skip some lists of this hello? (Of TLS 1.2 that resumes.) */
static bool
is_skipped(const SSL *ssl)
{
	return SSL_version(ssl) != TLS1_3_VERSION && SSL_session_reused(ssl);
}

static struct ush_code_points
read_groups(SSL *ssl, unsigned char *room)
{
	struct ush_code_points list = {NULL, 0};
	int n = (int)SSL_get1_groups(ssl, NULL), nids[USH_LISTS_ROOM];

	if (n < 0 || n > USH_LISTS_ROOM || is_skipped(ssl))
		return list;
	if (n > 0)
		n = (int)SSL_get1_groups(ssl, nids);
	for (int i = 0; i < n; i++)
		put16(room, (size_t)i, group_of_nid(nids[i]));
	list.p = room;
	list.n = (size_t)n;
	return list;
}

/* No hello of TLS 1.3 is without. */
static struct ush_code_points
read_signatures(SSL *ssl, unsigned char *room)
{
	struct ush_code_points list = {NULL, 0};
	unsigned char rsig, rhash;
	int n = SSL_get_sigalgs(ssl, -1, NULL, NULL, NULL, NULL, NULL);

	if (n < 0 || n > USH_LISTS_ROOM || SSL_session_reused(ssl) ||
	    (n == 0 && SSL_version(ssl) == TLS1_3_VERSION))
		return list;
	for (int i = 0; i < n; i++) {
		SSL_get_sigalgs(ssl, i, NULL, NULL, NULL, &rsig, &rhash);
		put16(room, (size_t)i, rhash << 8 | rsig);
	}
	list.p = room;
	list.n = (size_t)n;
	return list;
}

static struct ush_code_points
read_list(SSL *ssl, unsigned int type)
{
	const unsigned char *ext;
	size_t len;

	if (SSL_client_hello_get0_ext(ssl, type, &ext, &len) != 1)
		return ush_hello_code_points(
		    (const unsigned char *)"", 0, false);
	return ush_hello_code_points(ext, len, true);
}

static struct ush_code_points
read_extensions(SSL *ssl, unsigned char *room)
{
	struct ush_code_points list = {NULL, 0};
	size_t n;
	int *types;

	if (SSL_client_hello_get1_extensions_present(ssl, &types, &n) != 1)
		return list;
	if (n <= USH_LISTS_ROOM) {
		for (size_t i = 0; i < n; i++)
			put16(room, i, types[i]);
		list.p = room;
		list.n = n;
	}
	OPENSSL_free(types);
	return list;
}

static struct ush_code_points
read_ciphers(SSL *ssl)
{
	const unsigned char *raw = NULL;
	size_t n = SSL_get0_raw_cipherlist(ssl, &raw);

	return ush_hello_code_points(n > 0 ? raw : NULL, n, false);
}

void
ush_lists_read(SSL *ssl, bool generate, struct ush_lists *lists)
{
	struct ush_hello *hello = &lists->hello;

	ERR_set_mark();
	hello->ciphers = read_ciphers(ssl);
	if (generate) {
		hello->groups = read_groups(ssl, lists->groups);
		hello->signatures = read_signatures(ssl, lists->signatures);
		hello->extensions = (struct ush_code_points){NULL, 0};
	} else {
		hello->groups = read_list(ssl, USH_EXT_SUPPORTED_GROUPS);
		hello->signatures =
		    read_list(ssl, USH_EXT_SIGNATURE_ALGORITHMS);
		hello->extensions = read_extensions(ssl, lists->extensions);
	}
	ERR_pop_to_mark();
}

/* key_share, pre_shared_key, early_data, cookie and padding may change. */
static bool
may_change(int extension)
{
	return extension == 51 || extension == 41 || extension == 42 ||
	       extension == 44 || extension == 21;
}

static void
put_part(struct ush_buffer *buffer, int type, const void *p, size_t len)
{
	ush_buffer_put(buffer, &type, sizeof type);
	ush_buffer_put(buffer, &len, sizeof len);
	if (len > 0)
		ush_buffer_put(buffer, p, len);
}

/* False if there is one that can't be read. */
static bool
put_extensions(struct ush_buffer *buffer, SSL *ssl)
{
	const unsigned char *ext;
	size_t n, len;
	bool all = true;
	int *types;

	if (SSL_client_hello_get1_extensions_present(ssl, &types, &n) != 1)
		return false;
	for (size_t i = 0; all && i < n; i++) {
		if (may_change(types[i]))
			continue;
		all = SSL_client_hello_get0_ext(
			  ssl, (unsigned int)types[i], &ext, &len) == 1;
		if (all)
			put_part(buffer, types[i], ext, len);
	}
	OPENSSL_free(types);
	return all;
}

int
ush_lists_digest(SSL *ssl, unsigned char digest[USH_SHA256_LEN])
{
	struct ush_buffer buffer = {0};
	const unsigned char *ciphers = NULL;
	size_t len = SSL_get0_raw_cipherlist(ssl, &ciphers);
	int result = -1;

	ERR_set_mark();
	put_part(&buffer, -1, ciphers, len);
	if (put_extensions(&buffer, ssl) && !buffer.failed)
		result = ush_sha256(buffer.data, buffer.len, digest);
	ush_buffer_fini(&buffer);
	ERR_pop_to_mark();
	return result;
}
