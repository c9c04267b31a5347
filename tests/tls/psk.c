/*
 * SPDX-License-Identifier: MIT
 *
 * External PSKs: the two callbacks, and the session that stands for the key.
 */
#include "psk.h"

#include <string.h>

static const unsigned char key[32] = "an external key of 32 test bytes";
static const unsigned char suite[2] = {0x13, 0x02};
static const char *known;
static int offer_index = -1;

/* Owned by the caller. */
static SSL_SESSION *
psk_session(SSL *ssl)
{
	SSL_SESSION *session = SSL_SESSION_new();

	SSL_SESSION_set1_master_key(session, key, sizeof key);
	SSL_SESSION_set_cipher(session, SSL_CIPHER_find(ssl, suite));
	SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION);
	return session;
}

static int
use_session(SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *len,
    SSL_SESSION **session)
{
	*session = NULL;
	*id = SSL_get_ex_data(ssl, offer_index);
	*len = strlen((const char *)*id);
	if (!md || EVP_MD_is_a(md, "SHA384"))
		*session = psk_session(ssl);
	return 1;
}

static int
find_session(
    SSL *ssl, const unsigned char *id, size_t len, SSL_SESSION **session)
{
	*session = NULL;
	if (len == strlen(known) && memcmp(id, known, len) == 0)
		*session = psk_session(ssl);
	return 1;
}

void
psk_offer(SSL *client, const char *identity)
{
	if (offer_index < 0)
		offer_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	SSL_set_ex_data(client, offer_index, (void *)(uintptr_t)identity);
	SSL_set_psk_use_session_callback(client, use_session);
}

void
psk_accept(SSL_CTX *server, const char *identity)
{
	known = identity;
	SSL_CTX_set_psk_find_session_callback(server, find_session);
}
