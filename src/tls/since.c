/*
 * SPDX-License-Identifier: MIT
 *
 * A first visit in TLS 1.3 asks us nothing before its first ticket, which the
 * host may have made hours after the handshake, and before that OpenSSL sets
 * the session's time anew. But a full handshake makes its session right after
 * the ClientHello, and OpenSSL tells the ex_data of that. So the moment is kept
 * there; the copies of the session that later tickets are made from inherit it.
 */
#include "tls/since.h"

#include <openssl/crypto.h>

#include "base/clock.h"

static int session_index = -1;
_Static_assert(sizeof(void *) == 8, "LuaJIT with GC64 is of 64 bits");

static void
on_session_new(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int index,
    long argl, void *argp)
{
	(void)parent, (void)ptr, (void)argl, (void)argp;
	/* Without memory for it, it is not known. */
	CRYPTO_set_ex_data(ad, index, (void *)(intptr_t)ush_clock_now());
}

int
ush_since_init(void)
{
	session_index = CRYPTO_get_ex_new_index(
	    CRYPTO_EX_INDEX_SSL_SESSION, 0, NULL, on_session_new, NULL, NULL);
	return session_index >= 0 ? 0 : -1;
}

bool
ush_since(const SSL_SESSION *session, int64_t *time)
{
	if (session_index < 0)
		return false;
	*time =
	    (int64_t)(intptr_t)SSL_SESSION_get_ex_data(session, session_index);
	return *time != 0;
}
