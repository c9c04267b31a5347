/*
 * SPDX-License-Identifier: MIT
 *
 * Ticket keys: fixed ones, and the two forms of OpenSSL's key callback.
 */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "keys.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/tls1.h>

static const unsigned char secret[32] = "thirty-two bytes of test secret";
static _Atomic int answer = 1;

static int
cipher_set(unsigned char name[16], unsigned char *iv, EVP_CIPHER_CTX *ctx,
    int encrypting)
{
	if (encrypting) {
		memcpy(name, KEYS_NAME, 16);
		if (RAND_bytes(iv, EVP_MAX_IV_LENGTH) != 1)
			return -1;
	}
	return EVP_CipherInit_ex(
		   ctx, EVP_aes_256_cbc(), NULL, secret, iv, encrypting)
		   ? 1
		   : -1;
}

static int
answer_give(const unsigned char name[16], int encrypting)
{
	if (encrypting)
		return 1;
	return memcmp(name, KEYS_NAME, 16) == 0 ? answer : 0;
}

static int
callback_old(SSL *ssl, unsigned char name[16], unsigned char *iv,
    EVP_CIPHER_CTX *cipher, HMAC_CTX *mac, int encrypting)
{
	(void)ssl;
	if (cipher_set(name, iv, cipher, encrypting) != 1 ||
	    !HMAC_Init_ex(mac, secret, sizeof secret, EVP_sha256(), NULL))
		return -1;
	return answer_give(name, encrypting);
}

static int
callback_evp(SSL *ssl, unsigned char name[16], unsigned char *iv,
    EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int encrypting)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
	    OSSL_PARAM_construct_end()};

	(void)ssl;
	if (cipher_set(name, iv, cipher, encrypting) != 1 ||
	    !EVP_MAC_init(mac, secret, sizeof secret, params))
		return -1;
	return answer_give(name, encrypting);
}

void
keys_fix(SSL_CTX *ctx, unsigned char seed)
{
	long len = SSL_CTX_get_tlsext_ticket_keys(ctx, NULL, 0);
	unsigned char keys[256];

	if (len <= 0 || len > (long)sizeof keys)
		abort();
	memset(keys, seed, (size_t)len);
	if (SSL_CTX_set_tlsext_ticket_keys(ctx, keys, len) != 1)
		abort();
}

void
keys_install(SSL_CTX *ctx, enum keys_form form)
{
	if (form == KEYS_OLD)
		SSL_CTX_set_tlsext_ticket_key_cb(ctx, callback_old);
	else if (form == KEYS_EVP)
		SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, callback_evp);
}

void
keys_set_answer(int value)
{
	answer = value;
}
