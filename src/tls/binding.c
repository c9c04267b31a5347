/*
 * SPDX-License-Identifier: MIT
 *
 * Attaching, detaching, and the ways past the policy that are closed or
 * reported then: sessions that resume from a cache, without a ticket that
 * decrypt could see.
 */
#include "tls/binding.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "tls/compat.h"
#include "tls/conn.h"
#include "tls/decide.h"

/*
 * The lock is taken around fork(2), so that a child finds it free and bindings
 * whole. Under it nothing waits: no other lock is taken, of OpenSSL's neither,
 * and nothing of the host's is called, which might do so.
 */
static struct {
	pthread_once_t once;
	pthread_mutex_t lock;
	int index; /* of the SSL_CTX's ex_data; -1: none to be had */
} bindings = {PTHREAD_ONCE_INIT, PTHREAD_MUTEX_INITIALIZER, -1};

static void
on_ctx_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int index, long argl,
    void *argp)
{
	struct ush_binding *binding = ptr;
	struct ush_engine *engine;

	(void)parent, (void)ad, (void)index, (void)argl, (void)argp;
	if (!binding)
		return;
	engine = atomic_exchange(&binding->engine, NULL);
	if (engine)
		ush_engine_unref(engine);
	free(binding);
}

/* Somebody attached here wants to know of sessions that he was not asked
 * about. */
static void
look_for_bypass(SSL *ssl, const struct ush_conn *conn)
{
	struct ush_binding *binding =
	    SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), bindings.index);
	struct ush_slot *pin = NULL;
	bool ignored;

	if (conn && conn->now.generation)
		pin = ush_pool_pin_number(conn->now.generation, &ignored);
	if (!pin && binding)
		pin = ush_pool_pin(&binding->engine, NULL, &ignored);
	if (pin && ush_pool_generation(pin)->has_decrypt)
		ush_decide_bypass(ush_pool_generation(pin));
	ush_pool_unpin(pin);
}

/* An SSL is freed, of whatever context. */
static void
on_ssl_end(SSL *ssl, struct ush_conn *conn)
{
	bool used, resumed;

	if (!SSL_get_SSL_CTX(ssl) || !SSL_is_server(ssl))
		return;
	resumed = SSL_is_init_finished(ssl) && SSL_session_reused(ssl);
	used = conn && conn->now.decided &&
	       (conn->now.verdict == USH_VERDICT_USE ||
		   conn->now.verdict == USH_VERDICT_USE_RENEW);
	if (used)
		ush_decide_outcome(conn, resumed);
	else if (resumed)
		look_for_bypass(ssl, conn);
}

static void
fork_prepare(void)
{
	pthread_mutex_lock(&bindings.lock);
}

/* In the parent, and in the child. */
static void
fork_done(void)
{
	pthread_mutex_unlock(&bindings.lock);
}

static void
init(void)
{
	pthread_atfork(fork_prepare, fork_done, fork_done);
	if (ush_conn_init() != 0)
		return;
	ush_conn_on_end(on_ssl_end);
	bindings.index = CRYPTO_get_ex_new_index(
	    CRYPTO_EX_INDEX_SSL_CTX, 0, NULL, NULL, NULL, on_ctx_free);
}

struct ush_conn *
ush_binding_conn(SSL *ssl)
{
	pthread_once(&bindings.once, init);
	return ush_conn_need(ssl);
}

/* A context by whose method nobody can accept. */
static bool
is_client_only(SSL_CTX *ctx)
{
	SSL *ssl = SSL_new(ctx);
	bool client = ssl && !SSL_is_server(ssl);

	SSL_free(ssl);
	return client;
}

bool
ush_is_stateful(uint64_t options, uint32_t max_early_data)
{
	return (options & SSL_OP_NO_TICKET) != 0 ||
	       (max_early_data > 0 && (options & SSL_OP_NO_ANTI_REPLAY) == 0);
}

/*
 * Ways past decrypt that an SSL_CTX's settings leave open.
 */
struct hole {
	const char *what;
	bool (*open)(SSL_CTX *ctx, unsigned int flags);
};

static bool
hole_no_ticket(SSL_CTX *ctx, unsigned int flags)
{
	(void)flags;
	return (SSL_CTX_get_options(ctx) & SSL_OP_NO_TICKET) != 0;
}

static bool
hole_early_data(SSL_CTX *ctx, unsigned int flags)
{
	(void)flags;
	return SSL_CTX_get_max_early_data(ctx) > 0 &&
	       (SSL_CTX_get_options(ctx) & SSL_OP_NO_ANTI_REPLAY) == 0;
}

static bool
hole_get_session(SSL_CTX *ctx, unsigned int flags)
{
	(void)flags;
	return SSL_CTX_sess_get_get_cb(ctx) != NULL;
}

static bool
is_cache_on(SSL_CTX *ctx)
{
	return (SSL_CTX_get_session_cache_mode(ctx) & SSL_SESS_CACHE_SERVER) !=
	       0;
}

static bool
hole_cache(SSL_CTX *ctx, unsigned int flags)
{
	return (flags & USH_ATTACH_KEEP_SESSION_CACHE) != 0 && is_cache_on(ctx);
}

static const struct hole holes[] = {
    {"SSL_OP_NO_TICKET is set: TLS 1.3 tickets are references to the "
     "session cache, and resume without decrypt; clear the option",
	hole_no_ticket},
    {"early data are allowed with anti-replay left on: tickets are "
     "references to the session cache, and resume without decrypt; set "
     "SSL_OP_NO_ANTI_REPLAY, and let the policy refuse replays",
	hole_early_data},
    {"a get-session callback is set: sessions of an external cache resume "
     "without decrypt; remove it by SSL_CTX_sess_set_get_cb(ctx, NULL)",
	hole_get_session},
    {"the session cache is kept: cached sessions resume without decrypt; "
     "attach without USHER_ATTACH_KEEP_SESSION_CACHE",
	hole_cache},
};

static void
look_for_later(struct ush_engine *engine, const char *what)
{
	ush_log_write(&engine->log, USH_LOG_WARNING, USH_LOG_LATER,
	    "since the context was attached, %s", what);
}

void
ush_binding_look(const struct ush_binding *binding, struct ush_engine *engine)
{
	if (hole_get_session(binding->ctx, 0) &&
	    !atomic_load_explicit(
		&binding->has_get_session, memory_order_relaxed))
		look_for_later(engine,
		    "a get-session callback was set: sessions of an external "
		    "cache resume without decrypt; remove it by "
		    "SSL_CTX_sess_set_get_cb(ctx, NULL)");
	if (is_cache_on(binding->ctx) &&
	    !atomic_load_explicit(&binding->keeps_cache, memory_order_relaxed))
		look_for_later(engine,
		    "its session cache was switched on: cached sessions resume "
		    "without decrypt; use SSL_SESS_CACHE_OFF, or attach again");
}

static int
report_holes(struct ush_engine *engine, SSL_CTX *ctx, unsigned int flags,
    struct ush_error *err)
{
	for (size_t i = 0; i < sizeof holes / sizeof *holes; i++) {
		if (!holes[i].open(ctx, flags))
			continue;
		if (flags & USH_ATTACH_STRICT)
			return ush_error_set(err, USH_ERROR_CONTEXT, NULL, 0,
			    "not attached: %s", holes[i].what);
		ush_log_write(&engine->log, USH_LOG_WARNING, USH_LOG_ATTACH,
		    "%s", holes[i].what);
	}
	return 0;
}

static void
close_cache_nolock(struct ush_binding *binding, SSL_CTX *ctx)
{
	long mode = SSL_CTX_get_session_cache_mode(ctx);

	if (binding->cache_saved && !is_cache_on(ctx))
		return;
	binding->cache_saved = true;
	binding->cache_mode = mode;
	SSL_CTX_set_session_cache_mode(
	    ctx, (mode & SSL_SESS_CACHE_CLIENT) | SSL_SESS_CACHE_NO_INTERNAL);
	atomic_store(&binding->cache_empty, false);
}

/* Off alone would still resume what has been cached before. Whoever attaches
 * does not return before that is gone. */
static void
empty_cache(struct ush_binding *binding, SSL_CTX *ctx)
{
	if (atomic_load(&binding->cache_empty))
		return;
	ush_cache_flush(ctx);
	atomic_store(&binding->cache_empty, true);
}

static void
open_cache_nolock(struct ush_binding *binding, SSL_CTX *ctx)
{
	if (!binding->cache_saved)
		return;
	binding->cache_saved = false;
	SSL_CTX_set_session_cache_mode(ctx, binding->cache_mode);
}

/* The context's binding, made and installed if there is none. */
static struct ush_binding *
binding_need_nolock(SSL_CTX *ctx)
{
	struct ush_binding *binding = SSL_CTX_get_ex_data(ctx, bindings.index);

	if (binding)
		return binding;
	binding = calloc(1, sizeof *binding);
	if (!binding)
		return NULL;
	if (SSL_CTX_set_ex_data(ctx, bindings.index, binding) != 1) {
		free(binding);
		return NULL;
	}
	binding->ctx = ctx;
	SSL_CTX_set_session_ticket_cb(
	    ctx, ush_generate_cb, ush_decrypt_cb, binding);
	return binding;
}

/* NULL when memory is short; else *before is the engine of before. */
static struct ush_binding *
attach_nolock(struct ush_engine *engine, SSL_CTX *ctx, unsigned int flags,
    struct ush_engine **before)
{
	struct ush_binding *binding = binding_need_nolock(ctx);

	if (!binding)
		return NULL;
	if (flags & USH_ATTACH_KEEP_SESSION_CACHE)
		open_cache_nolock(binding, ctx);
	else
		close_cache_nolock(binding, ctx);
	atomic_store(&binding->keeps_cache,
	    (flags & USH_ATTACH_KEEP_SESSION_CACHE) != 0);
	atomic_store(&binding->has_get_session, hole_get_session(ctx, 0));
	ush_engine_ref(engine);
	*before = atomic_exchange(&binding->engine, engine);
	return binding;
}

int
ush_binding_attach(struct ush_engine *engine, SSL_CTX *ctx, unsigned int flags,
    struct ush_error *err)
{
	struct ush_engine *before = NULL;
	struct ush_binding *binding;

	if (!engine || !ctx)
		return ush_error_set(err, USH_ERROR_ARGUMENT, NULL, 0,
		    "not attached: there is no %s",
		    engine ? "SSL_CTX" : "engine");
	if (flags &
	    ~(unsigned int)(USH_ATTACH_STRICT | USH_ATTACH_KEEP_SESSION_CACHE))
		return ush_error_set(err, USH_ERROR_ARGUMENT, NULL, 0,
		    "not attached: unknown flags %#x", flags);
	pthread_once(&bindings.once, init);
	if (bindings.index < 0)
		return ush_error_set(err, USH_ERROR_SYSTEM, NULL, 0,
		    "not attached: OpenSSL has no ex_data index left");
	if (is_client_only(ctx))
		return ush_error_set(err, USH_ERROR_CONTEXT, NULL, 0,
		    "not attached: the SSL_CTX is for clients only, and "
		    "tickets are the server's; make it with "
		    "TLS_server_method()");
	if (report_holes(engine, ctx, flags, err) != 0)
		return -1;
	pthread_mutex_lock(&bindings.lock);
	binding = attach_nolock(engine, ctx, flags, &before);
	pthread_mutex_unlock(&bindings.lock);
	if (!binding)
		return ush_error_set(
		    err, USH_ERROR_SYSTEM, NULL, 0, "out of memory");
	if ((flags & USH_ATTACH_KEEP_SESSION_CACHE) == 0)
		empty_cache(binding, ctx);
	if (before)
		ush_engine_unref(before);
	return 0;
}

int
ush_binding_detach(SSL_CTX *ctx)
{
	struct ush_binding *binding = NULL;
	struct ush_engine *engine = NULL;

	if (!ctx || bindings.index < 0)
		return -1;
	pthread_mutex_lock(&bindings.lock);
	binding = SSL_CTX_get_ex_data(ctx, bindings.index);
	if (binding)
		engine = atomic_exchange(&binding->engine, NULL);
	if (engine)
		open_cache_nolock(binding, ctx);
	pthread_mutex_unlock(&bindings.lock);
	if (!engine)
		return -1;
	ush_engine_unref(engine);
	return 0;
}
