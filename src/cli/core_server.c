/*
 * SPDX-License-Identifier: MIT
 *
 * Servers in memory, in Lua. Options and results are plain tables; the runner
 * dresses them for people.
 */
#include <string.h>

#include <openssl/rand.h>

#include "cli/cert.h"
#include "cli/clients.h"
#include "cli/core_server.h"

enum { KEYS_LEN = 80 };

static int
accept_name(SSL *ssl, int *alert, void *arg)
{
	(void)ssl;
	(void)alert;
	(void)arg;
	return SSL_TLSEXT_ERR_OK;
}

static int
select_alpn(SSL *ssl, const unsigned char **out, unsigned char *outlen,
    const unsigned char *in, unsigned int inlen, void *arg)
{
	const struct ush_core_server *server = arg;
	unsigned char *selected;

	(void)ssl;
	if (SSL_select_next_proto(&selected, outlen, server->alpn,
		server->alpn_len, in, inlen) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = selected;
	return SSL_TLSEXT_ERR_OK;
}

static double
number_field(lua_State *L, const char *name, double otherwise)
{
	double n;

	lua_getfield(L, 2, name);
	n = luaL_optnumber(L, -1, otherwise);
	lua_pop(L, 1);
	return n;
}

/* NULL, or what can't be done. [-0, +0, e] */
static const char *
set_up(lua_State *L, struct ush_core_server *server)
{
	const char *s;
	SSL_CTX *ctx = server->ctx;
	double n;
	size_t len;

	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_session_id_context(
	    ctx, (const unsigned char *)"usher test", 10);
	SSL_CTX_set_tlsext_servername_callback(ctx, accept_name);
	if (ush_cert_make(ctx) != 0)
		return "OpenSSL can't make a certificate";
	s = ush_core_string_field(L, "keys", &len);
	if (s && (len != KEYS_LEN || SSL_CTX_set_tlsext_ticket_keys(
					 ctx, (void *)s, KEYS_LEN) != 1))
		return "keys must come from usher.keys";
	s = ush_core_string_field(L, "client_cert", NULL);
	if (s && ush_clients_trust(ctx,
		     strcmp(s, "require") == 0
			 ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
			 : SSL_VERIFY_PEER) != 0)
		return "OpenSSL can't make an authority";
	n = number_field(L, "early_data", 0);
	if (n > 0) {
		SSL_CTX_set_max_early_data(ctx, (uint32_t)n);
		SSL_CTX_set_options(ctx, SSL_OP_NO_ANTI_REPLAY);
	}
	n = number_field(L, "timeout", 0);
	if (n > 0)
		SSL_CTX_set_timeout(ctx, (long)n);
	n = number_field(L, "num_tickets", -1);
	if (n >= 0)
		SSL_CTX_set_num_tickets(ctx, (size_t)n);
	s = ush_core_string_field(L, "alpn", &len);
	if (s && len <= USH_CORE_ALPN_MAX) {
		memcpy(server->alpn, s, len);
		server->alpn_len = (unsigned int)len;
		SSL_CTX_set_alpn_select_cb(ctx, select_alpn, server);
	}
	return NULL;
}

/* server(policy, options). [-2, +1, e] */
static int
l_server(lua_State *L)
{
	struct ush_core_policy *policy = ush_core_policy_check(L, 1);
	struct ush_core_server *server;
	struct usher_error error;
	const char *wrong;

	luaL_checktype(L, 2, LUA_TTABLE);
	server = lua_newuserdata(L, sizeof *server);
	memset(server, 0, sizeof *server);
	luaL_getmetatable(L, USH_CORE_SERVER);
	lua_setmetatable(L, -2);
	lua_createtable(L, 1, 0); /* keeps the policy */
	lua_pushvalue(L, 1);
	lua_rawseti(L, -2, 1);
	lua_setfenv(L, -2);
	server->policy = policy;
	server->ctx = SSL_CTX_new(TLS_server_method());
	if (!server->ctx)
		return luaL_error(L, "out of memory");
	wrong = set_up(L, server);
	if (wrong)
		return luaL_error(L, "%s", wrong);
	if (usher_attach(policy->usher, server->ctx, 0, &error) != 0)
		return luaL_error(L, "%s", error.message);
	return 1;
}

static int
l_server_gc(lua_State *L)
{
	struct ush_core_server *server = luaL_checkudata(L, 1, USH_CORE_SERVER);

	SSL_CTX_free(server->ctx);
	server->ctx = NULL;
	return 0;
}

/* New ticket keys, as from keys(). [-2, +0, e] */
static int
l_server_set_keys(lua_State *L)
{
	struct ush_core_server *server = luaL_checkudata(L, 1, USH_CORE_SERVER);
	size_t len;
	const char *keys = luaL_checklstring(L, 2, &len);

	if (len != KEYS_LEN || SSL_CTX_set_tlsext_ticket_keys(
				   server->ctx, (void *)keys, KEYS_LEN) != 1)
		return luaL_error(L, "keys must come from usher.keys");
	return 0;
}

/* Ticket keys to give to several servers. [-0, +1, e] */
static int
l_keys(lua_State *L)
{
	unsigned char keys[KEYS_LEN];

	if (RAND_bytes(keys, sizeof keys) != 1)
		return luaL_error(L, "OpenSSL has no random bytes");
	lua_pushlstring(L, (const char *)keys, sizeof keys);
	return 1;
}

/* A metatable with these methods. [-0, +0, e] */
void
ush_core_class(lua_State *L, const char *name, const luaL_Reg *methods)
{
	luaL_newmetatable(L, name);
	lua_pushvalue(L, -1);
	lua_setfield(L, -2, "__index");
	luaL_setfuncs(L, methods, 0);
	lua_pop(L, 1);
}

void
ush_core_server_open(lua_State *L)
{
	static const luaL_Reg server[] = {
	    {"visit", ush_core_visit},
	    {"set_keys", l_server_set_keys},
	    {"__gc", l_server_gc},
	    {NULL, NULL},
	};
	static const luaL_Reg functions[] = {
	    {"server", l_server},
	    {"keys", l_keys},
	    {NULL, NULL},
	};

	ush_core_class(L, USH_CORE_SERVER, server);
	ush_core_visit_open(L);
	luaL_setfuncs(L, functions, 0);
}
