/*
 * SPDX-License-Identifier: MIT
 *
 * Calling a policy's functions with recorded facts, and what became of it: the
 * answer, what it cost, what it looked at, and the app data that a ticket
 * would get.
 */
#include <string.h>

#include <lauxlib.h>

#include "base/clock.h"
#include "cli/core.h"
#include "cli/lua_json.h"
#include "cli/recorded.h"
#include "data/cbor.h"
#include "data/envelope.h"
#include "lib/crypto.h"
#include "policy/answer.h"
#include "sandbox/value.h"

#define RECORDED "usher.recorded"

/* One call. */
struct call {
	struct ush_core_policy *policy;
	struct ush_generation *generation;
	struct ush_recorded *facts;
	struct ush_state *state;
	struct ush_cbor_writer writer;
	struct ush_envelope envelope; /* of the ticket being made */
	struct ush_decrypt decrypt;
	struct ush_generate generate;
	struct ush_error error;
	enum ush_code code;
	uint64_t instructions, memory;
	/* What the ticket gets. */
	const void *app_data;
	size_t app_data_len;
};

static int
l_recorded_gc(lua_State *L)
{
	struct ush_recorded **r = lua_touserdata(L, 1);

	ush_recorded_free(*r);
	*r = NULL;
	return 0;
}

/* Facts from argument 3: a table, or the path of a document. They belong to a
 * userdata on the stack. [-0, +1, e] */
static struct ush_recorded *
read_facts(lua_State *L, bool generate)
{
	struct ush_recorded **r = lua_newuserdata(L, sizeof(void *));
	char why[400];
	json_t *json;

	*r = NULL;
	if (luaL_newmetatable(L, RECORDED)) {
		lua_pushcfunction(L, l_recorded_gc);
		lua_setfield(L, -2, "__gc");
	}
	lua_setmetatable(L, -2);
	if (lua_type(L, 3) == LUA_TSTRING) {
		*r = ush_recorded_read_file(
		    lua_tostring(L, 3), generate, why, sizeof why);
	} else {
		luaL_checktype(L, 3, LUA_TTABLE);
		json = ush_lua_json(L, 3, why, sizeof why);
		if (json)
			*r = ush_recorded_read(json, generate, why, sizeof why);
		json_decref(json);
	}
	if (!*r)
		luaL_error(L, "%s", why);
	return *r;
}

/*
 * The envelope
 */

static const struct ush_fact_value *
fact(const struct call *call, enum ush_fact_id id)
{
	return &call->facts->values[id];
}

static void
begin_envelope(struct call *call)
{
	struct ush_envelope *e = &call->envelope;
	const struct ush_fact_value *value;

	value = fact(call, USH_ISSUE_id);
	ush_random(e->id, sizeof e->id);
	if (value->there)
		for (size_t i = 0; i < sizeof e->id; i++)
			if (2 * i + 1 < value->as.string.len)
				sscanf(value->as.string.p + 2 * i, "%2hhx",
				    &e->id[i]);
	value = fact(call, USH_ISSUE_auth_time);
	e->has_auth_time = value->there;
	e->auth_time = value->as.integer;
	e->renewals = (uint32_t)fact(call, USH_ISSUE_renewals)->as.integer;
	value = fact(call, USH_CONN_server_name);
	if (value->there) {
		e->server_name = value->as.string.p;
		e->server_name_len = value->as.string.len;
	}
	memcpy(e->revision, call->generation->revision, sizeof e->revision);
	if (call->generation->has_name) {
		e->policy = call->generation->name;
		e->policy_len = strlen(call->generation->name);
	}
}

static void
write_envelope(struct call *call)
{
	ush_cbor_writer_init(
	    &call->writer, call->state->buffer, call->policy->limits.app_data);
	ush_envelope_begin(&call->writer, &call->envelope);
}

/* Nothing was returned: what there was goes on, as src/tls/content.c does. */
static void
keep(struct call *call)
{
	const struct ush_fact_value *previous = fact(call, USH_ISSUE_previous);
	const struct ush_fact_value *data = fact(call, USH_TICKET_data);
	const struct ush_fact_value *bytes = fact(call, USH_TICKET_app_data);
	bool enveloped = previous->there && fact(call, USH_TICKET_id)->there;

	if (!enveloped && (!call->generation->has_decrypt ||
			      (bytes->there && bytes->as.string.len > 0))) {
		call->app_data = bytes->there ? bytes->as.string.p : "";
		call->app_data_len = bytes->there ? bytes->as.string.len : 0;
		return;
	}
	if (previous->there) {
		const struct ush_fact_value *name =
		    fact(call, USH_TICKET_policy);

		call->envelope.policy = name->there ? name->as.string.p : NULL;
		call->envelope.policy_len =
		    name->there ? name->as.string.len : 0;
	}
	write_envelope(call);
	if (previous->there && data->there)
		ush_cbor_put_raw(
		    &call->writer, data->as.string.p, data->as.string.len);
	else
		ush_envelope_put_no_data(&call->writer);
}

static void
take_app_data(struct call *call)
{
	call->app_data = call->state->buffer;
	if (call->generate.content == USH_CONTENT_STRING) {
		call->app_data_len = call->generate.string_len;
		return;
	}
	if (call->generate.content == USH_CONTENT_NOTHING)
		keep(call);
	if (call->app_data != call->state->buffer)
		return;
	call->app_data_len = ush_cbor_written(&call->writer);
	if (call->writer.overflow) {
		ush_answer_too_large(call->generation, &call->error);
		call->code = call->error.code;
	}
}

/*
 * The call
 */

static void
run(struct call *call, bool generate)
{
	const struct ush_limits *limits = &call->policy->limits;
	struct ush_allowance left = {.instructions = limits->instructions,
	    .cpu_ns = (uint64_t)limits->microseconds * 1000};

	call->code = USH_OK;
	if (generate) {
		begin_envelope(call);
		write_envelope(call);
		call->generate.facts = &call->facts->facts;
		call->generate.writer = &call->writer;
		call->generate.content = USH_CONTENT_NOTHING;
		if (call->generation->has_generate)
			call->code = ush_state_generate(
			    call->state, &call->generate, &left, &call->error);
		if (call->code == USH_OK)
			take_app_data(call);
	} else if (call->generation->has_decrypt) {
		call->decrypt.facts = &call->facts->facts;
		call->decrypt.has_session = call->facts->has_session;
		call->code = ush_state_decrypt(
		    call->state, &call->decrypt, &left, &call->error);
	}
	call->instructions = limits->instructions - left.instructions;
	call->memory = ush_box_memory(call->state->box);
	if (call->code == USH_OK)
		ush_recorded_commit(call->facts);
}

/*
 * Results
 */

/* "conn.alpn", "ticket.previous.age". [-0, +1, e] */
static void
push_fact_name(lua_State *L, enum ush_fact_id id, bool generate)
{
	const struct ush_fact_info *info = &ush_fact_infos[id];
	const char *object = "ticket";

	if (info->object == USH_OBJECT_CONN)
		object = "conn";
	else if (info->object == USH_OBJECT_TICKET && generate)
		object = "ticket.previous";
	lua_pushfstring(L, "%s.%s", object, info->name);
}

/* What it looked at, and what it assigned. [-0, +0, e] */
static void
set_traces(lua_State *L, const struct ush_recorded *r)
{
	lua_newtable(L);
	for (int i = 0; i < USH_FACTS; i++) {
		if (!r->asked[i])
			continue;
		push_fact_name(L, (enum ush_fact_id)i, r->generate);
		lua_pushboolean(L, 1);
		lua_rawset(L, -3);
	}
	lua_setfield(L, -2, "asked");
	lua_newtable(L);
	for (unsigned int i = 0; i < r->n_asked_vars; i++) {
		lua_pushstring(L, r->asked_vars[i]);
		lua_rawseti(L, -2, (int)i + 1);
	}
	lua_setfield(L, -2, "asked_vars");
	lua_newtable(L);
	for (unsigned int i = 0; i < r->n_set_vars; i++) {
		struct ush_bytes name = {
		    r->set_vars[i], strlen(r->set_vars[i])};
		struct ush_bytes value = ush_vars_get(&r->vars, name);

		if (!value.p)
			continue;
		lua_pushlstring(L, value.p, value.len);
		lua_setfield(L, -2, r->set_vars[i]);
	}
	lua_setfield(L, -2, "vars");
	if (r->assigned[USH_ISSUE_timeout]) {
		lua_pushnumber(
		    L, (lua_Number)r->values[USH_ISSUE_timeout].as.integer);
		lua_setfield(L, -2, "timeout");
	}
	if (r->assigned[USH_CONN_num_tickets]) {
		lua_pushnumber(
		    L, (lua_Number)r->values[USH_CONN_num_tickets].as.integer);
		lua_setfield(L, -2, "num_tickets");
	}
	if (r->assigned[USH_CONN_early_data]) {
		lua_pushboolean(L, 0);
		lua_setfield(L, -2, "early_data");
	}
}

static void
set_reason(lua_State *L, const char *reason)
{
	if (reason[0] == '\0')
		return;
	lua_pushstring(L, reason);
	lua_setfield(L, -2, "reason");
}

/* [-0, +0, e] */
static void
set_generated(lua_State *L, const struct call *call)
{
	static const char *const kinds[] = {
	    [USH_CONTENT_NOTHING] = "keep",
	    [USH_CONTENT_TABLE] = "table",
	    [USH_CONTENT_STRING] = "string",
	    [USH_CONTENT_END] = "end",
	};
	struct ush_envelope envelope;
	struct ush_cbor_reader r;

	lua_pushstring(L, kinds[call->generate.content]);
	lua_setfield(L, -2, "kind");
	set_reason(L, call->generate.reason);
	if (call->generate.content == USH_CONTENT_END)
		return;
	lua_pushlstring(L, call->app_data, call->app_data_len);
	lua_setfield(L, -2, "app_data");
	if (ush_envelope_read(call->app_data, call->app_data_len, &envelope) !=
		USH_ENVELOPE ||
	    !envelope.data)
		return;
	lua_pushlstring(L, (const char *)envelope.data, envelope.data_len);
	lua_setfield(L, -2, "cbor");
	luaL_checkstack(L, 16, NULL);
	ush_cbor_reader_init(&r, envelope.data, envelope.data_len);
	if (ush_value_push(L, &r) == 0)
		lua_setfield(L, -2, "data");
}

/* A table with all of it. [-0, +1, e] */
static void
push_result(lua_State *L, const struct call *call, bool generate)
{
	const char *source;

	lua_newtable(L);
	lua_pushnumber(L, (lua_Number)call->instructions);
	lua_setfield(L, -2, "instructions");
	lua_pushnumber(L, (lua_Number)call->memory);
	lua_setfield(L, -2, "memory");
	lua_pushinteger(L, ush_core_trace_line(&source));
	lua_setfield(L, -2, "line");
	lua_pushstring(L, source);
	lua_setfield(L, -2, "source");
	set_traces(L, call->facts);
	if (call->code != USH_OK) {
		ush_core_push_error(L, &call->error);
		lua_setfield(L, -2, "error");
	} else if (generate) {
		set_generated(L, call);
	} else {
		lua_pushstring(L, ush_verdict_name(call->decrypt.verdict));
		lua_setfield(L, -2, "verdict");
		set_reason(L, call->decrypt.reason);
	}
}

int
ush_core_call(lua_State *L)
{
	struct ush_core_policy *p = ush_core_policy_check(L, 1);
	bool generate = strcmp(luaL_checkstring(L, 2), "generate") == 0;
	struct call call = {.policy = p};

	lua_settop(L, 3);
	call.facts = read_facts(L, generate);
	call.generation = ush_pool_generation(p->slot);
	call.state = ush_pool_enter(call.generation, &call.error);
	if (!call.state)
		return luaL_error(L, "%s", call.error.message);
	ush_core_trace_begin(p->path);
	run(&call, generate);
	push_result(L, &call, generate);
	ush_pool_leave(call.state);
	return 1;
}

/* What an envelope says now, as this policy's facts; nil if it is none.
 * [-2, +1, e] */
int
ush_core_envelope(lua_State *L)
{
	struct ush_core_policy *p = ush_core_policy_check(L, 1);
	const struct ush_generation *g = ush_pool_generation(p->slot);
	struct ush_envelope e;
	char hex[2 * USH_ENVELOPE_ID + 1];
	size_t len;
	const char *bytes = luaL_checklstring(L, 2, &len);
	int64_t auth_time;
	bool own;

	if (ush_envelope_read(bytes, len, &e) != USH_ENVELOPE)
		return 0;
	lua_newtable(L);
	ush_hex(hex, e.id, sizeof e.id);
	lua_pushstring(L, hex);
	lua_setfield(L, -2, "id");
	ush_hex(hex, e.revision, sizeof e.revision);
	lua_pushstring(L, hex);
	lua_setfield(L, -2, "revision");
	lua_pushnumber(L, e.renewals);
	lua_setfield(L, -2, "renewals");
	if (ush_envelope_auth_time(&e, ush_clock_now(), &auth_time)) {
		lua_pushnumber(L, (lua_Number)auth_time);
		lua_setfield(L, -2, "auth_time");
	}
	if (e.server_name) {
		lua_pushlstring(L, e.server_name, e.server_name_len);
		lua_setfield(L, -2, "server_name");
	}
	if (e.policy) {
		lua_pushlstring(L, e.policy, e.policy_len);
		lua_setfield(L, -2, "policy");
	}
	own = e.policy ? g->has_name && strlen(g->name) == e.policy_len &&
			     memcmp(g->name, e.policy, e.policy_len) == 0
		       : !g->has_name;
	if (own && e.data) {
		lua_pushlstring(L, (const char *)e.data, e.data_len);
		lua_setfield(L, -2, "cbor");
	}
	return 1;
}
