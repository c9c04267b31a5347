/*
 * SPDX-License-Identifier: MIT
 *
 * What OpenSSL 3.3 and 3.4 brought by another name, for times past 2038.
 */
#ifndef USH_TLS_COMPAT_H
#define USH_TLS_COMPAT_H

#include <stdint.h>
#include <time.h>

#include <openssl/ssl.h>

#if OPENSSL_VERSION_NUMBER >= 0x30400000L

/* When a session was made, seconds since 1970. */
static inline int64_t
ush_session_time(const SSL_SESSION *session)
{
	return (int64_t)SSL_SESSION_get_time_ex(session);
}

static inline void
ush_session_set_time(SSL_SESSION *session, int64_t time)
{
	SSL_SESSION_set_time_ex(session, (time_t)time);
}

/* Removes all sessions from a context's cache. */
static inline void
ush_cache_flush(SSL_CTX *ctx)
{
	SSL_CTX_flush_sessions_ex(ctx, 0);
}

#else

static inline int64_t
ush_session_time(const SSL_SESSION *session)
{
	return SSL_SESSION_get_time(session);
}

static inline void
ush_session_set_time(SSL_SESSION *session, int64_t time)
{
	SSL_SESSION_set_time(session, (long)time);
}

static inline void
ush_cache_flush(SSL_CTX *ctx)
{
	SSL_CTX_flush_sessions(ctx, 0);
}

#endif
#endif
