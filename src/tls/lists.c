/*
 * SPDX-License-Identifier: MIT
 *
 * In dec_cb from the ClientHello's extensions. In gen_cb those are gone, and
 * what OpenSSL has kept is asked for instead; it names groups by NID.
 */
#include "tls/lists.h"

#include <stdlib.h>
#include <string.h>

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
read_groups(SSL *ssl, struct ush_code_points *list)
{
	int n = (int)SSL_get1_groups(ssl, NULL), *nids;

	list->n = -1;
	if (n <= 0)
		return;
	nids = malloc((size_t)n * sizeof *nids);
	if (!nids)
		return;
	n = (int)SSL_get1_groups(ssl, nids);
	list->n = 0;
	for (int i = 0; i < n && i < USH_HELLO_MAX; i++)
		list->v[list->n++] = group_of_nid(nids[i]);
	free(nids);
}

static void
read_signatures(SSL *ssl, struct ush_code_points *list)
{
	unsigned char rsig, rhash;
	int n = SSL_get_sigalgs(ssl, -1, NULL, NULL, NULL, NULL, NULL);

	list->n = -1;
	if (n <= 0)
		return;
	list->n = 0;
	for (int i = 0; i < n && i < USH_HELLO_MAX; i++) {
		SSL_get_sigalgs(ssl, i, NULL, NULL, NULL, &rsig, &rhash);
		list->v[list->n++] = (uint16_t)(rhash << 8 | rsig);
	}
}

static void
read_list(SSL *ssl, unsigned int type, struct ush_code_points *list)
{
	const unsigned char *ext;
	size_t len;

	list->n = -1;
	if (SSL_client_hello_get0_ext(ssl, type, &ext, &len) == 1)
		ush_hello_code_points(ext, len, true, list);
}

static void
read_extensions(SSL *ssl, struct ush_code_points *list)
{
	size_t n;
	int *types;

	list->n = -1;
	if (SSL_client_hello_get1_extensions_present(ssl, &types, &n) != 1)
		return;
	list->n = 0;
	for (size_t i = 0; i < n && i < USH_HELLO_MAX; i++)
		list->v[list->n++] = (uint16_t)types[i];
	OPENSSL_free(types);
}

static void
read_ciphers(SSL *ssl, struct ush_code_points *list)
{
	const unsigned char *raw = NULL;
	size_t n = SSL_get0_raw_cipherlist(ssl, &raw);

	list->n = -1;
	if (raw && n > 0)
		ush_hello_code_points(raw, n, false, list);
}

void
ush_lists_read(SSL *ssl, bool generate, struct ush_hello *hello)
{
	ERR_set_mark();
	read_ciphers(ssl, &hello->ciphers);
	if (generate) {
		read_groups(ssl, &hello->groups);
		read_signatures(ssl, &hello->signatures);
		hello->extensions.n = -1;
	} else {
		read_list(ssl, USH_EXT_SUPPORTED_GROUPS, &hello->groups);
		read_list(
		    ssl, USH_EXT_SIGNATURE_ALGORITHMS, &hello->signatures);
		read_extensions(ssl, &hello->extensions);
	}
	ERR_pop_to_mark();
}

/* key_share, pre_shared_key, early_data, cookie and padding may change. */
static bool
may_change(uint16_t extension)
{
	return extension == 51 || extension == 41 || extension == 42 ||
	       extension == 44 || extension == 21;
}

static void
put_extensions(struct ush_buffer *buffer, const struct ush_code_points *list)
{
	for (int i = 0; i < list->n; i++)
		if (!may_change(list->v[i]))
			ush_buffer_put(buffer, &list->v[i], 2);
	ush_buffer_put(buffer, "\xff\xff", 2);
}

static void
put_list(struct ush_buffer *buffer, const struct ush_code_points *list)
{
	ush_buffer_put(buffer, &list->n, sizeof list->n);
	if (list->n > 0)
		ush_buffer_put(buffer, list->v, 2 * (size_t)list->n);
}

int
ush_lists_digest(SSL *ssl, unsigned char digest[USH_SHA256_LEN])
{
	struct ush_buffer buffer = {0};
	struct ush_hello hello;
	const unsigned char *ext;
	size_t len;
	int result = -1;

	ush_lists_read(ssl, false, &hello);
	put_list(&buffer, &hello.ciphers);
	put_list(&buffer, &hello.groups);
	put_list(&buffer, &hello.signatures);
	put_extensions(&buffer, &hello.extensions);
	if (SSL_client_hello_get0_ext(ssl, USH_EXT_ALPN, &ext, &len) == 1)
		ush_buffer_put(&buffer, ext, len);
	if (!buffer.failed)
		result = ush_sha256(buffer.data, buffer.len, digest);
	ush_buffer_fini(&buffer);
	return result;
}
