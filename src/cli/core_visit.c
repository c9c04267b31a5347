/*
 * SPDX-License-Identifier: MIT
 *
 * Visits in Lua: what the client asks for, what both ends saw, and tickets to
 * come back with.
 */
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>

#include "cli/client.h"
#include "cli/clients.h"
#include "cli/core_server.h"
#include "cli/handshake.h"

static void
push_ticket(lua_State *L, SSL_SESSION *session)
{
	SSL_SESSION **ticket = lua_newuserdata(L, sizeof(void *));

	*ticket = session;
	luaL_getmetatable(L, USH_CORE_TICKET);
	lua_setmetatable(L, -2);
}

static int
l_ticket_gc(lua_State *L)
{
	SSL_SESSION **ticket = luaL_checkudata(L, 1, USH_CORE_TICKET);

	SSL_SESSION_free(*ticket);
	*ticket = NULL;
	return 0;
}

/* The same ticket with one bit changed. [-1, +1, e] */
static int
l_ticket_altered(lua_State *L)
{
	SSL_SESSION **ticket = luaL_checkudata(L, 1, USH_CORE_TICKET);
	SSL_SESSION *altered = ush_client_altered(*ticket);

	if (!altered)
		return luaL_error(L, "there is no ticket in this session");
	push_ticket(L, altered);
	return 1;
}

/* How many bytes of it each ClientHello carries. [-1, +1, e] */
static int
l_ticket_size(lua_State *L)
{
	SSL_SESSION **ticket = luaL_checkudata(L, 1, USH_CORE_TICKET);
	const unsigned char *bytes;
	size_t len = 0;

	if (SSL_SESSION_has_ticket(*ticket))
		SSL_SESSION_get0_ticket(*ticket, &bytes, &len);
	lua_pushnumber(L, (lua_Number)len);
	return 1;
}

/* The lifetime that the server told. [-1, +1, e] */
static int
l_ticket_lifetime(lua_State *L)
{
	SSL_SESSION **ticket = luaL_checkudata(L, 1, USH_CORE_TICKET);

	lua_pushnumber(
	    L, (lua_Number)SSL_SESSION_get_ticket_lifetime_hint(*ticket));
	return 1;
}

static int
l_connection_gc(lua_State *L)
{
	SSL **ssl = luaL_checkudata(L, 1, USH_CORE_CONNECTION);

	SSL_free(*ssl);
	*ssl = NULL;
	return 0;
}

/* conn.vars.NAME, as the host reads it. [-2, +1, e] */
static int
l_connection_var(lua_State *L)
{
	SSL **ssl = luaL_checkudata(L, 1, USH_CORE_CONNECTION);
	size_t len;
	const char *value =
	    usher_conn_get_string(*ssl, luaL_checkstring(L, 2), &len);

	if (!value)
		return 0;
	lua_pushlstring(L, value, len);
	return 1;
}

/* A string of the visit's table, which keeps it; NULL. [-0, +0, e] */
const char *
ush_core_string_field(lua_State *L, const char *name, size_t *len)
{
	const char *s;

	lua_getfield(L, 2, name);
	if (!lua_isnil(L, -1) && lua_type(L, -1) != LUA_TSTRING)
		luaL_error(L, "%s takes a string, not a %s", name,
		    luaL_typename(L, -1));
	s = lua_tolstring(L, -1, len);
	lua_pop(L, 1);
	return s;
}

/* What the visit's table says for the server's side. */
struct prepare {
	lua_State *L;
	struct sockaddr_storage peer;
	socklen_t peer_len;
};

static int
set_vars(lua_State *L, SSL *ssl)
{
	size_t len;
	const char *value;
	int result = 0;

	lua_getfield(L, 2, "vars");
	if (lua_istable(L, -1)) {
		lua_pushnil(L);
		while (lua_next(L, -2)) {
			/* The runner has looked at the types. */
			value = lua_tolstring(L, -1, &len);
			if (lua_type(L, -2) != LUA_TSTRING || !value ||
			    usher_conn_set_string(
				ssl, lua_tostring(L, -2), value, len) != 0)
				result = -1;
			lua_pop(L, 1);
		}
	}
	lua_pop(L, 1);
	return result;
}

static int
on_prepare(SSL *ssl, void *arg)
{
	struct prepare *p = arg;

	if (p->peer_len > 0 &&
	    usher_conn_set_peer(
		ssl, (struct sockaddr *)&p->peer, p->peer_len) != 0)
		return -1;
	return set_vars(p->L, ssl);
}

/* [-0, +0, e] */
static void
take_peer(lua_State *L, struct prepare *p)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&p->peer;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&p->peer;
	const char *address;
	uint16_t port;

	lua_getfield(L, 2, "peer_address");
	lua_getfield(L, 2, "peer_port");
	address = luaL_optstring(L, -2, NULL);
	port = htons((uint16_t)luaL_optinteger(L, -1, 0));
	lua_pop(L, 2);
	if (!address)
		return;
	if (inet_pton(AF_INET, address, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = port;
		p->peer_len = sizeof *in;
	} else if (inet_pton(AF_INET6, address, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = port;
		p->peer_len = sizeof *in6;
	} else {
		luaL_error(L, "peer_address: \"%s\" is no IP address", address);
	}
}

/* [-0, +0, e] */
static void
take_ask(lua_State *L, struct ush_visit_ask *ask)
{
	const struct ush_client_cert *client;
	const char *tls, *cert;
	SSL_SESSION **ticket;

	tls = ush_core_string_field(L, "tls", NULL);
	ask->version =
	    tls && strcmp(tls, "1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
	ask->name = ush_core_string_field(L, "name", NULL);
	ask->groups = ush_core_string_field(L, "groups", NULL);
	ask->early = ush_core_string_field(L, "early_data", &ask->early_len);
	ask->alpn = (const unsigned char *)ush_core_string_field(
	    L, "alpn", &ask->alpn_len);
	cert = ush_core_string_field(L, "cert", NULL);
	if (cert) {
		client = ush_clients_get(cert);
		if (!client)
			luaL_error(L,
			    "OpenSSL can't make a certificate for "
			    "\"%s\"",
			    cert);
		ask->cert = client->cert;
		ask->key = client->key;
	}
	lua_getfield(L, 2, "ticket");
	if (!lua_isnil(L, -1)) {
		ticket = luaL_checkudata(L, -1, USH_CORE_TICKET);
		ask->session = *ticket;
	}
	lua_pop(L, 1);
}

/* By the names of RFC 8446; OpenSSL 3.0 does not know all of them. */
static const char *
alert_name(int alert)
{
	static const struct {
		int alert;
		const char *name;
	} names[] = {
	    {SSL_AD_UNEXPECTED_MESSAGE, "unexpected_message"},
	    {SSL_AD_BAD_RECORD_MAC, "bad_record_mac"},
	    {SSL_AD_HANDSHAKE_FAILURE, "handshake_failure"},
	    {SSL_AD_BAD_CERTIFICATE, "bad_certificate"},
	    {SSL_AD_UNSUPPORTED_CERTIFICATE, "unsupported_certificate"},
	    {SSL_AD_CERTIFICATE_REVOKED, "certificate_revoked"},
	    {SSL_AD_CERTIFICATE_EXPIRED, "certificate_expired"},
	    {SSL_AD_CERTIFICATE_UNKNOWN, "certificate_unknown"},
	    {SSL_AD_ILLEGAL_PARAMETER, "illegal_parameter"},
	    {SSL_AD_UNKNOWN_CA, "unknown_ca"},
	    {SSL_AD_ACCESS_DENIED, "access_denied"},
	    {SSL_AD_DECODE_ERROR, "decode_error"},
	    {SSL_AD_DECRYPT_ERROR, "decrypt_error"},
	    {SSL_AD_PROTOCOL_VERSION, "protocol_version"},
	    {SSL_AD_INSUFFICIENT_SECURITY, "insufficient_security"},
	    {SSL_AD_INTERNAL_ERROR, "internal_error"},
	    {SSL_AD_MISSING_EXTENSION, "missing_extension"},
	    {SSL_AD_UNSUPPORTED_EXTENSION, "unsupported_extension"},
	    {SSL_AD_UNRECOGNIZED_NAME, "unrecognized_name"},
	    {SSL_AD_CERTIFICATE_REQUIRED, "certificate_required"},
	    {SSL_AD_NO_APPLICATION_PROTOCOL, "no_application_protocol"},
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].alert == alert)
			return names[i].name;
	return "another";
}

static void
set_alert(lua_State *L, const char *field, int alert)
{
	if (alert == 0)
		return;
	lua_pushstring(L, alert_name(alert));
	lua_setfield(L, -2, field);
}

static void
set_string(lua_State *L, const char *field, const char *value)
{
	if (!value || !*value)
		return;
	lua_pushstring(L, value);
	lua_setfield(L, -2, field);
}

static void
push_note(lua_State *L, const struct ush_visit_note *note)
{
	lua_createtable(L, 0, 6);
	set_string(L, "call",
	    note->call == USHER_CALL_DECRYPT ? "decrypt" : "generate");
	set_string(L, "status", note->status);
	set_string(L, "verdict", note->verdict);
	set_string(L, "reason", note->reason);
	lua_pushnumber(L, (lua_Number)note->instructions);
	lua_setfield(L, -2, "instructions");
	if (note->failed) {
		ush_core_push_error(L, (const struct ush_error *)&note->error);
		lua_setfield(L, -2, "error");
	}
}

/* The sessions become tickets of Lua's. [-0, +0, e] */
static void
set_tickets(lua_State *L, struct ush_visit_saw *saw)
{
	lua_newtable(L);
	for (unsigned int i = 0; i < saw->n_sessions; i++) {
		push_ticket(L, saw->sessions[i]);
		saw->sessions[i] = NULL;
		lua_rawseti(L, -2, (int)i + 1);
	}
	lua_setfield(L, -2, "sessions");
}

/* [-0, +1, e] */
static void
push_saw(lua_State *L, struct ush_visit_saw *saw,
    const struct ush_visit_notes *notes)
{
	SSL **ssl;

	lua_newtable(L);
	lua_pushboolean(L, saw->completed);
	lua_setfield(L, -2, "completed");
	lua_pushboolean(L, saw->resumed);
	lua_setfield(L, -2, "resumed");
	lua_pushinteger(L, (lua_Integer)saw->tickets);
	lua_setfield(L, -2, "tickets");
	lua_pushboolean(L, saw->early_accepted);
	lua_setfield(L, -2, "early_accepted");
	set_alert(L, "alert", saw->alert);
	set_alert(L, "client_alert", saw->client_alert);
	if (!saw->completed)
		set_string(L, "failure", saw->failure);
	set_string(L, "verdict", usher_conn_verdict(saw->server));
	set_string(L, "reason", usher_conn_reason(saw->server));
	set_tickets(L, saw);
	lua_newtable(L);
	for (unsigned int i = 0; i < notes->n; i++) {
		push_note(L, &notes->note[i]);
		lua_rawseti(L, -2, (int)i + 1);
	}
	lua_setfield(L, -2, "decisions");
	ssl = lua_newuserdata(L, sizeof(void *));
	*ssl = saw->server;
	luaL_getmetatable(L, USH_CORE_CONNECTION);
	lua_setmetatable(L, -2);
	lua_setfield(L, -2, "connection");
}

/* server:visit(ask). [-2, +1, e] */
int
ush_core_visit(lua_State *L)
{
	struct ush_core_server *server = luaL_checkudata(L, 1, USH_CORE_SERVER);
	struct ush_visit_notes *notes = lua_newuserdata(L, sizeof *notes);
	struct prepare prepare = {.L = L};
	struct ush_visit_ask ask = {
	    .server = server->ctx, .prepare = on_prepare, .arg = &prepare};
	struct ush_visit_saw saw;
	int result;

	if (!server->policy->usher)
		return luaL_error(L, "the policy is closed");
	luaL_checkstack(L, 16, NULL);
	take_peer(L, &prepare);
	take_ask(L, &ask);
	notes->n = 0;
	server->policy->notes = notes;
	ush_core_trace_begin(server->policy->path);
	result = ush_handshake_run(&ask, &saw);
	server->policy->notes = NULL;
	push_saw(L, &saw, notes);
	if (result != 0)
		return luaL_error(
		    L, "the visit can't be made: %s", saw.failure);
	return 1;
}

void
ush_core_visit_open(lua_State *L)
{
	static const luaL_Reg ticket[] = {
	    {"altered", l_ticket_altered},
	    {"size", l_ticket_size},
	    {"lifetime", l_ticket_lifetime},
	    {"__gc", l_ticket_gc},
	    {NULL, NULL},
	};
	static const luaL_Reg connection[] = {
	    {"var", l_connection_var},
	    {"__gc", l_connection_gc},
	    {NULL, NULL},
	};

	ush_core_class(L, USH_CORE_TICKET, ticket);
	ush_core_class(L, USH_CORE_CONNECTION, connection);
}
