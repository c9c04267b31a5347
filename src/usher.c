/*
 * SPDX-License-Identifier: MIT
 *
 * The public API: arguments are checked here, and passed on.
 */
#include "usher.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "data/envelope.h"
#include "data/store.h"
#include "policy/engine.h"
#include "policy/generation.h"
#include "tls/binding.h"
#include "tls/conn.h"
#include "tls/decide.h"
#include "usher_inner.h"

/* What is public here has a twin in the layers below, which know nothing of
 * this header. */
_Static_assert(sizeof(struct usher_error) == sizeof(struct ush_error) &&
		   offsetof(struct usher_error, message) ==
		       offsetof(struct ush_error, message),
    "struct usher_error");
_Static_assert(
    (int)USHER_ERROR_ARGUMENT == (int)USH_ERROR_ARGUMENT &&
	(int)USHER_ERROR_SYSTEM == (int)USH_ERROR_SYSTEM &&
	(int)USHER_ERROR_FILE == (int)USH_ERROR_FILE &&
	(int)USHER_ERROR_SYNTAX == (int)USH_ERROR_SYNTAX &&
	(int)USHER_ERROR_SCRIPT == (int)USH_ERROR_SCRIPT &&
	(int)USHER_ERROR_RETURN == (int)USH_ERROR_RETURN &&
	(int)USHER_ERROR_INSTRUCTIONS == (int)USH_ERROR_INSTRUCTIONS &&
	(int)USHER_ERROR_CPU_TIME == (int)USH_ERROR_CPU_TIME &&
	(int)USHER_ERROR_MEMORY == (int)USH_ERROR_MEMORY &&
	(int)USHER_ERROR_APP_DATA == (int)USH_ERROR_APP_DATA &&
	(int)USHER_ERROR_CONTEXT == (int)USH_ERROR_CONTEXT,
    "enum usher_code");
_Static_assert((int)USHER_LOG_ERROR == (int)USH_LOG_ERROR &&
		   (int)USHER_LOG_WARNING == (int)USH_LOG_WARNING &&
		   (int)USHER_LOG_INFO == (int)USH_LOG_INFO,
    "enum usher_log_level");
_Static_assert(
    (int)USHER_ON_ERROR_FULL_HANDSHAKE == (int)USH_ON_ERROR_FULL_HANDSHAKE &&
	(int)USHER_ON_ERROR_ABORT == (int)USH_ON_ERROR_ABORT &&
	(int)USHER_ON_ERROR_OPEN == (int)USH_ON_ERROR_OPEN,
    "enum usher_on_error");
_Static_assert(
    USHER_ATTACH_STRICT == USH_ATTACH_STRICT &&
	USHER_ATTACH_KEEP_SESSION_CACHE == USH_ATTACH_KEEP_SESSION_CACHE,
    "flags");

/* What runs if no script is set. */
static const char standard[] = "return require \"usher.standard\"\n";

enum {
	MEMORY_MIN = 256 * 1024,
	APP_DATA_MAX = 63000,
	SOURCE_MAX = 16 * 1024 * 1024,
};

/* Lives as long as the ush_engine, which may outlive the struct usher. */
struct sink {
	struct ush_decision_sink sink; /* first */
	usher_log_fn log;
	void *log_arg;
	usher_decision_fn decision;
	void *decision_arg;
};

/*
 * Options
 */

EXPORT struct usher_options *
usher_options_new(void)
{
	struct usher_options *options = calloc(1, sizeof *options);

	if (!options)
		return NULL;
	options->limits.memory = 4 * 1024 * 1024;
	options->limits.instructions = 200000;
	options->limits.microseconds = 20000;
	options->limits.app_data = USH_APP_DATA_CLIENTS;
	options->limits.source = 1024 * 1024;
	if (usher_options_set_script_text(
		options, "usher.standard", standard, sizeof standard - 1) == 0)
		return options;
	free(options);
	return NULL;
}

static int
set_source(struct usher_options *options, const struct ush_source *from)
{
	struct ush_source copy;

	if (ush_source_copy(&copy, from) != 0)
		return -1;
	ush_source_fini(&options->source);
	options->source = copy;
	return 0;
}

EXPORT void
usher_options_free(struct usher_options *options)
{
	if (!options)
		return;
	ush_source_fini(&options->source);
	free(options->store_name);
	free(options);
}

EXPORT int
usher_options_set_script_file(struct usher_options *options, const char *path)
{
	struct ush_source source = {.path = (char *)path, .name = (char *)path};

	if (!options || !path || path[0] == '\0')
		return -1;
	return set_source(options, &source);
}

EXPORT int
usher_options_set_script_text(struct usher_options *options, const char *name,
    const char *text, size_t len)
{
	struct ush_source source = {
	    .name = (char *)name, .text = (char *)text, .len = len};

	if (!options || !name || name[0] == '\0' || !text)
		return -1;
	return set_source(options, &source);
}

EXPORT int
usher_options_set_memory_limit(struct usher_options *options, size_t bytes)
{
	if (!options || bytes < MEMORY_MIN || bytes > SIZE_MAX / 8)
		return -1;
	options->limits.memory = bytes;
	return 0;
}

EXPORT int
usher_options_set_instruction_limit(
    struct usher_options *options, uint64_t count)
{
	if (!options || count == 0 || count > UINT64_MAX / 1000)
		return -1;
	options->limits.instructions = count;
	return 0;
}

EXPORT int
usher_options_set_cpu_time_limit(
    struct usher_options *options, unsigned int microseconds)
{
	if (!options || microseconds == 0)
		return -1;
	options->limits.microseconds = microseconds;
	return 0;
}

EXPORT int
usher_options_set_app_data_limit(struct usher_options *options, size_t bytes)
{
	if (!options || bytes == 0 || bytes > APP_DATA_MAX)
		return -1;
	options->limits.app_data = bytes;
	return 0;
}

EXPORT int
usher_options_set_source_limit(struct usher_options *options, size_t bytes)
{
	if (!options || bytes == 0 || bytes > SOURCE_MAX)
		return -1;
	options->limits.source = bytes;
	return 0;
}

EXPORT int
usher_options_set_on_error(
    struct usher_options *options, enum usher_on_error on_error)
{
	if (!options || (int)on_error < (int)USHER_ON_ERROR_FULL_HANDSHAKE ||
	    (int)on_error > (int)USHER_ON_ERROR_OPEN)
		return -1;
	options->on_error = (enum ush_on_error)on_error;
	return 0;
}

EXPORT int
usher_options_set_log(
    struct usher_options *options, usher_log_fn log, void *arg)
{
	if (!options)
		return -1;
	options->log = log;
	options->log_arg = arg;
	return 0;
}

EXPORT int
usher_options_set_decision(
    struct usher_options *options, usher_decision_fn decision, void *arg)
{
	if (!options)
		return -1;
	options->decision = decision;
	options->decision_arg = arg;
	return 0;
}

/*
 * Engines
 */

static void
on_log(void *arg, enum ush_log_level level, const char *line)
{
	const struct sink *sink = arg;

	sink->log(sink->log_arg, (enum usher_log_level)level, line);
}

static void
on_decision(void *arg, const struct ush_decision *d)
{
	const struct sink *sink = arg;
	struct usher_decision decision = {
	    .size = sizeof decision,
	    .ssl = d->ssl,
	    .call = d->generate ? USHER_CALL_GENERATE : USHER_CALL_DECRYPT,
	    .status = d->status,
	    .verdict = d->verdict,
	    .reason = d->reason,
	    .revision = d->generation->revision_hex,
	    .policy = d->generation->has_name ? d->generation->name : NULL,
	    .instructions = d->instructions,
	    .memory = d->memory,
	    .error = (const struct usher_error *)d->error,
	    .remembered = d->remembered,
	    .canary = d->canary,
	    .shadow_verdict = d->shadow_verdict,
	    .shadow_reason = d->shadow_reason,
	    .shadow_revision = d->shadow_revision,
	};

	sink->decision(sink->decision_arg, &decision);
}

static struct sink *
sink_new(const struct usher_options *options)
{
	struct sink *sink = calloc(1, sizeof *sink);

	if (!sink)
		return NULL;
	sink->log = options->log;
	sink->log_arg = options->log_arg;
	sink->decision = options->decision;
	sink->decision_arg = options->decision_arg;
	sink->sink.fn = options->decision ? on_decision : NULL;
	sink->sink.arg = sink;
	return sink;
}

static void
warn_of_limits(struct ush_engine *engine)
{
	if (engine->limits.app_data > USH_APP_DATA_CLIENTS)
		ush_log_write(&engine->log, USH_LOG_WARNING, USH_LOG_ATTACH,
		    "the app-data limit of %zu bytes is above %d: some clients "
		    "can't offer such tickets back, and can then not connect; "
		    "see APP DATA in usher(7)",
		    engine->limits.app_data, USH_APP_DATA_CLIENTS);
}

EXPORT struct usher *
usher_new(const struct usher_options *options, struct usher_error *error)
{
	struct ush_engine config = {0};
	struct usher *engine = NULL;

	if (!options) {
		ush_error_set(inner_error(error), USH_ERROR_ARGUMENT, NULL, 0,
		    "there are no options; make them by usher_options_new");
		return NULL;
	}
	config.limits = options->limits;
	config.on_error = options->on_error;
	config.user = sink_new(options);
	config.user_free = free;
	config.log.fn = options->log ? on_log : NULL;
	config.log.arg = config.user;
	engine = calloc(1, sizeof *engine);
	if (!engine || !config.user ||
	    ush_source_copy(&config.source, &options->source) != 0 ||
	    ush_source_settle(&config.source) != 0) {
		ush_error_set(inner_error(error), USH_ERROR_SYSTEM, NULL, 0,
		    "out of memory");
	} else {
		config.store = ush_store_new(options->store_name,
		    options->store_size, inner_error(error));
	}
	if (config.store)
		engine->engine = ush_engine_new(&config, inner_error(error));
	if (engine && engine->engine) {
		warn_of_limits(engine->engine);
		return engine;
	}
	ush_store_free(config.store);
	ush_source_fini(&config.source);
	free(config.user);
	free(engine);
	return NULL;
}

EXPORT void
usher_free(struct usher *engine)
{
	if (!engine)
		return;
	ush_engine_unref(engine->engine);
	free(engine);
}

EXPORT int
usher_attach(struct usher *engine, SSL_CTX *ctx, unsigned int flags,
    struct usher_error *error)
{
	return ush_binding_attach(
	    engine ? engine->engine : NULL, ctx, flags, inner_error(error));
}

EXPORT int
usher_detach(SSL_CTX *ctx)
{
	return ush_binding_detach(ctx);
}

/*
 * Connections
 */

EXPORT int
usher_conn_set_string(SSL *ssl, const char *name, const char *value, size_t len)
{
	struct ush_conn *conn;

	if (!ssl || !name)
		return -1;
	conn = ush_binding_conn(ssl);
	if (!conn)
		return -1;
	return ush_vars_set(&conn->vars, USH_VARS_HOST,
		   (struct ush_bytes){name, strlen(name)},
		   (struct ush_bytes){value, value ? len : 0})
		   ? -1
		   : 0;
}

EXPORT const char *
usher_conn_get_string(SSL *ssl, const char *name, size_t *len)
{
	struct ush_conn *conn = ssl ? ush_conn_get(ssl) : NULL;
	struct ush_bytes value = {NULL, 0};

	if (conn && name)
		value = ush_vars_get(
		    &conn->vars, (struct ush_bytes){name, strlen(name)});
	if (len)
		*len = value.len;
	return value.p;
}

EXPORT const char *
usher_conn_verdict(SSL *ssl)
{
	const struct ush_conn *conn = ssl ? ush_conn_get(ssl) : NULL;

	if (!conn || !conn->now.decided)
		return NULL;
	return ush_verdict_name(conn->now.verdict);
}

EXPORT const char *
usher_conn_reason(SSL *ssl)
{
	const struct ush_conn *conn = ssl ? ush_conn_get(ssl) : NULL;

	return conn ? conn->now.reason : NULL;
}

EXPORT int
usher_conn_set_peer(SSL *ssl, const struct sockaddr *addr, socklen_t len)
{
	struct ush_conn *conn;
	size_t need = 0;

	if (!ssl || (addr && len < sizeof addr->sa_family))
		return -1;
	if (addr && addr->sa_family == AF_INET)
		need = sizeof(struct sockaddr_in);
	else if (addr && addr->sa_family == AF_INET6)
		need = sizeof(struct sockaddr_in6);
	if (len < need)
		return -1;
	conn = ush_binding_conn(ssl);
	if (!conn)
		return -1;
	conn->has_peer = addr != NULL;
	memset(&conn->peer, 0, sizeof conn->peer);
	if (need > 0)
		memcpy(&conn->peer, addr, need);
	return 0;
}

EXPORT int
usher_session_get0_host_app_data(
    SSL_SESSION *session, const void **data, size_t *len)
{
	struct ush_envelope envelope;
	void *bytes = NULL;
	size_t bytes_len = 0;

	if (!session || !data || !len)
		return -1;
	SSL_SESSION_get0_ticket_appdata(session, &bytes, &bytes_len);
	switch (ush_envelope_read(bytes, bytes_len, &envelope)) {
	case USH_ENVELOPE:
		*data = envelope.host;
		*len = envelope.host_len;
		return 0;
	case USH_ENVELOPE_UNKNOWN_VERSION:
		*data = NULL;
		*len = 0;
		return 0;
	case USH_NOT_ENVELOPE:
		break;
	}
	*data = bytes_len > 0 ? bytes : NULL;
	*len = bytes_len;
	return 0;
}

EXPORT const char *
usher_version(void)
{
	return PACKAGE_VERSION;
}
