/*
 * SPDX-License-Identifier: MIT
 *
 * Both servers, and the policy, which is written from the list of facts.
 */
#include "server.h"

#include <stdint.h>

#include "../tls/cert.h"
#include "../tls/harness.h"
#include "../tls/keys.h"
#include "base/buffer.h"
#include "facts/facts.h"
#include "must.h"
#include "usher.h"

static const char policy_head[] =
    "local function walk(v)\n"
    "  if type(v) ~= 'table' then return v end\n"
    "  for _, x in pairs(v) do walk(x) end\n"
    "end\n"
    "local function name(s)\n"
    "  assert(s == nil or #s > 0 and #s < 256 and not s:find('[%z%u]'), s)\n"
    "end\n"
    "return { name = 'fuzz', decrypt = function(conn, ticket)\n";
static const char policy_middle[] =
    "  name(conn.server_name)\n"
    "  conn.vars.seen = conn.server_name\n"
    "  if conn.early_data and #(conn.server_name or '') % 2 == 1 then\n"
    "    conn.early_data = false\n"
    "  end\n"
    "  return 'default', conn.server_name\n"
    "end, generate = function(conn, ticket)\n"
    "  local previous = ticket.previous or {}\n";
static const char policy_tail[] =
    "  name(conn.server_name)\n"
    "  return { sni = conn.server_name, alpn = conn.alpn }\n"
    "end }\n";

static void
put(struct ush_buffer *text, const char *s)
{
	must(ush_buffer_puts(text, s) == 0, "memory");
}

/* Lines that read all facts of an object through a variable. */
static void
put_reads(
    struct ush_buffer *text, enum ush_fact_object object, const char *variable)
{
	for (int i = 0; i < USH_FACTS; i++) {
		if (ush_fact_infos[i].object != object)
			continue;
		must(ush_buffer_printf(text, "  walk(%s.%s)\n", variable,
			 ush_fact_infos[i].name) == 0,
		    "memory");
	}
}

static void
put_policy(struct ush_buffer *text)
{
	put(text, policy_head);
	put_reads(text, USH_OBJECT_CONN, "conn");
	put_reads(text, USH_OBJECT_TICKET, "ticket");
	put(text, policy_middle);
	put_reads(text, USH_OBJECT_CONN, "conn");
	put_reads(text, USH_OBJECT_ISSUE, "ticket");
	put_reads(text, USH_OBJECT_TICKET, "previous");
	put(text, policy_tail);
}

static void
decided(void *arg, const struct usher_decision *decision)
{
	(void)arg;
	if (decision->error)
		must(false, decision->error->message);
}

static struct usher *
engine_new_from(const struct ush_buffer *text)
{
	struct usher_options *options = usher_options_new();
	struct usher_error error = {0};
	struct usher *engine;
	int bad = 0;

	must(options != NULL, "memory");
	bad |= usher_options_set_script_text(
	    options, "fuzz.lua", ush_buffer_text(text), text->len);
	/* It is about what is read; sanitizers on a busy machine are slow. */
	bad |= usher_options_set_instruction_limit(options, 10000000);
	bad |= usher_options_set_cpu_time_limit(options, 10000000);
	bad |= usher_options_set_decision(options, decided, NULL);
	must(bad == 0, "options");
	engine = usher_new(options, &error);
	must(engine != NULL, error.message);
	usher_options_free(options);
	return engine;
}

/* The harness forgets its contexts; these two stay. */
static SSL_CTX *
context_new(void)
{
	SSL_CTX *ctx = server_new(0);

	must(SSL_CTX_up_ref(ctx) == 1, "reference");
	must(SSL_CTX_set1_groups_list(ctx, "X25519:P-256") == 1, "groups");
	keys_fix(ctx, 'k');
	server_alpn(ctx);
	server_early(ctx, 1000);
	server_psk(ctx, "external");
	cert_ask(ctx, SSL_VERIFY_PEER);
	return ctx;
}

SSL_CTX *
server_with_policy(void)
{
	static SSL_CTX *ctx;
	struct ush_buffer text = {0};
	struct usher_error error;
	struct usher *engine;

	if (ctx)
		return ctx;
	ctx = context_new();
	put_policy(&text);
	engine = engine_new_from(&text);
	must(usher_attach(engine, ctx, 0, &error) == 0, "attached");
	usher_free(engine);
	ush_buffer_fini(&text);
	return ctx;
}

static struct {
	const void *data;
	size_t len;
} mint;

static int
set_app_data(SSL *ssl, void *arg)
{
	(void)arg;
	return SSL_SESSION_set1_ticket_appdata(
	    SSL_get_session(ssl), mint.data, mint.len);
}

SSL_CTX *
server_minting(const void *app_data, size_t len)
{
	static SSL_CTX *ctx;

	mint.data = app_data;
	mint.len = len;
	if (!ctx) {
		ctx = context_new();
		SSL_CTX_set_session_ticket_cb(ctx, set_app_data, NULL, NULL);
	}
	return ctx;
}
