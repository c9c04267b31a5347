/*
 * SPDX-License-Identifier: MIT
 *
 * A binding ties an SSL_CTX to an engine. It is made by the first attach, lies
 * in the SSL_CTX's ex_data, is the argument of the two callbacks, and goes
 * with the SSL_CTX; attach and detach only swap the engine in it.
 */
#ifndef USH_TLS_BINDING_H
#define USH_TLS_BINDING_H

#include <stdatomic.h>
#include <stdbool.h>

#include <openssl/ssl.h>

#include "base/error.h"
#include "policy/engine.h"

struct ush_conn;

struct ush_binding {
	ush_engine_ptr engine; /* NULL: detached */
	SSL_CTX *ctx;          /* that it lies in */
	/* Ways past decrypt by a session cache that were there, or asked for,
	 * when it was attached: these are not told again. */
	atomic_bool keeps_cache, has_get_session;
	/* Cold: guarded by the lock of binding.c. */
	bool cache_saved;
	long cache_mode;         /* to be put back by detach */
	atomic_bool cache_empty; /* since the cache was switched off */
};

/* Flags, as in usher.h. */
enum {
	USH_ATTACH_STRICT = 1,
	USH_ATTACH_KEEP_SESSION_CACHE = 2,
};

int ush_binding_attach(struct ush_engine *engine, SSL_CTX *ctx,
    unsigned int flags, struct ush_error *err);
int ush_binding_detach(SSL_CTX *ctx);

/* The record of an SSL for what the host sets, made if need be: also before
 * any context is attached. NULL when memory is short. */
struct ush_conn *ush_binding_conn(SSL *ssl);

/* Warns of a session cache that the host has opened
 * since it attached. */
void ush_binding_look(
    const struct ush_binding *binding, struct ush_engine *engine);

/* Would a TLS 1.3 ticket made with these settings be a mere reference to the
 * server's cache, which decrypt never sees? */
bool ush_is_stateful(uint64_t options, uint32_t max_early_data);

#endif
