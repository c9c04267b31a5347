/*
 * SPDX-License-Identifier: MIT
 *
 * The manners of the handles that scripts get: unknown names, assignments,
 * handles kept beyond their call, and conn.vars.
 *
 * Scenarios:
 *  1. An unknown name raises, and names the nearest one, on each handle.
 *  2. What may be assigned where, and what may not.
 *  3. Assigned values are checked: type, range, whole numbers.
 *  4. A handle kept in an upvalue, a table or a closure is "expired" outside
 *     its call, and so are conn.vars and ticket.previous: in the other
 *     function, and in the same one of the next connection.
 *  5. A state tells apart as many calls as it has; after those it is replaced.
 *  6. conn.vars: bytes both ways, removal, limits, lifetime.
 *  7. Nothing about a handle can be taken apart.
 */
#include <stdio.h>
#include <string.h>

#include <check.h>

#include "facts/objects.h"
#include "tls/engine.h"

/* While it is set, new states have had all calls but two. */
static bool late;

struct ush_objects *__real_ush_objects_new(lua_State *L);
struct ush_objects *__wrap_ush_objects_new(lua_State *L);

struct ush_objects *
__wrap_ush_objects_new(lua_State *L)
{
	struct ush_objects *objects = __real_ush_objects_new(L);

	if (late)
		ush_objects_skip(objects, ((uint64_t)1 << 36) - 3);
	return objects;
}

/* Runs statements in one of the two functions, in a visit that resumes and
 * renews. Returns that call's note. */
static const struct note *
run_in(enum usher_call call, const char *lua)
{
	static char text[4096];
	struct visit visit = {.version = TLS1_3_VERSION, .name = "a.example"};
	struct outcome saw;

	snprintf(text, sizeof text,
	    "return {\n"
	    "  generate = function(conn, ticket)\n"
	    "    if not ticket.previous then return { n = 'x' } end\n"
	    "    %s\n"
	    "  end,\n"
	    "  decrypt = function(conn, ticket)\n"
	    "    %s\n"
	    "  end,\n"
	    "}\n",
	    call == USHER_CALL_GENERATE ? lua : "",
	    call == USHER_CALL_DECRYPT ? lua : "");
	visit.server = policy_server(text, visit.version);
	visit.session = visit_run(&visit).session;
	notes_clear();
	saw = visit_run(&visit);
	ck_assert(saw.echoed);
	return note_last(call);
}

struct unknown {
	enum usher_call call;
	const char *lua;
	const char *says;
};

static const struct unknown unknowns[] = {
    {USHER_CALL_DECRYPT, "local x = conn.server_nam", "server_name"},
    {USHER_CALL_DECRYPT, "local x = conn.Version", "version"},
    {USHER_CALL_DECRYPT, "local x = conn.zzzzzzzzz", "zzzzzzzzz"},
    {USHER_CALL_DECRYPT, "local x = conn[1]", "number"},
    {USHER_CALL_DECRYPT, "local x = conn[nil]", "nil"},
    {USHER_CALL_DECRYPT, "local x = conn[{}]", "table"},
    {USHER_CALL_DECRYPT, "local x = ticket.authage", "auth_age"},
    {USHER_CALL_DECRYPT, "local x = ticket.index", "index"},
    {USHER_CALL_DECRYPT, "conn.early_dta = false", "early_data"},
    {USHER_CALL_GENERATE, "local x = conn.alpm", "alpn"},
    {USHER_CALL_GENERATE, "local x = ticket.timout", "timeout"},
    {USHER_CALL_GENERATE, "ticket.timout = 1", "timeout"},
    {USHER_CALL_GENERATE, "local x = ticket.data", "previous.data"},
    {USHER_CALL_GENERATE, "local x = ticket.previous.dta", "data"},
};
#define UNKNOWNS (int)(sizeof unknowns / sizeof *unknowns)

START_TEST(an_unknown_name_raises_and_names_the_nearest)
{
	const struct unknown *one = &unknowns[_i];
	const struct note *note = run_in(one->call, one->lua);

	ck_assert_msg(note->code == USHER_ERROR_SCRIPT, "%s: taken", one->lua);
	ck_assert_msg(strstr(note->message, one->says) != NULL, "%s: %s",
	    one->lua, note->message);
	ck_assert_int_eq(note->line, one->call == USHER_CALL_DECRYPT ? 7 : 4);
}
END_TEST

struct assignment {
	const char *lua;
	int decrypt, generate; /* allowed there? */
};

static const struct assignment assignments[] = {
    {"conn.early_data = false", 1, 0},
    {"conn.num_tickets = 1", 0, 1},
    {"ticket.timeout = 60", 0, 1},
    {"conn.vars.x = 'y'", 1, 1},
    {"conn.vars.x = nil", 1, 1},
    {"conn.vars = {}", 0, 0},
    {"conn.server_name = 'x'", 0, 0},
    {"conn.version = 'x'", 0, 0},
    {"conn.resumed = true", 0, 0},
    {"conn.peer_address = '127.0.0.1'", 0, 0},
    {"conn.id = 'x'", 0, 0},
    {"conn.hello = {}", 0, 0},
    {"ticket.id = 'x'", 0, 0},
    {"ticket.auth_time = 1", 0, 0},
    {"ticket.renewals = 0", 0, 0},
    {"ticket.data = {}", 0, 0},
    {"ticket.app_data = 'x'", 0, 0},
    {"ticket.status = 'success'", 0, 0},
    {"ticket.index = 2", 0, 0},
    {"ticket.previous = {}", 0, 0},
    {"conn.nonsense = 1", 0, 0},
};
#define ASSIGNMENTS (int)(sizeof assignments / sizeof *assignments)

START_TEST(only_what_the_contract_names_can_be_assigned)
{
	const struct assignment *one = &assignments[_i / 2];
	enum usher_call call =
	    _i % 2 ? USHER_CALL_GENERATE : USHER_CALL_DECRYPT;
	int allowed = _i % 2 ? one->generate : one->decrypt;
	const struct note *note = run_in(call, one->lua);

	ck_assert_msg(note->code == (allowed ? USHER_OK : USHER_ERROR_SCRIPT),
	    "%s in %s: %s", one->lua, _i % 2 ? "generate" : "decrypt",
	    note->message);
}
END_TEST

START_TEST(what_was_resumed_with_cannot_be_changed)
{
	static const char *const statements[] = {
	    "ticket.previous.timeout = 60",
	    "ticket.previous.data = {}",
	    "ticket.previous.id = 'x'",
	};

	ck_assert_int_eq(run_in(USHER_CALL_GENERATE, statements[_i])->code,
	    USHER_ERROR_SCRIPT);
}
END_TEST

struct value {
	enum usher_call call;
	const char *lua;
	int allowed;
};

static const struct value values[] = {
    {USHER_CALL_GENERATE, "ticket.timeout = 1", 1},
    {USHER_CALL_GENERATE, "ticket.timeout = 604800", 1},
    {USHER_CALL_GENERATE, "ticket.timeout = 0", 0},
    {USHER_CALL_GENERATE, "ticket.timeout = -1", 0},
    {USHER_CALL_GENERATE, "ticket.timeout = 1.5", 0},
    {USHER_CALL_GENERATE, "ticket.timeout = 0/0", 0},
    {USHER_CALL_GENERATE, "ticket.timeout = 1/0", 0},
    {USHER_CALL_GENERATE, "ticket.timeout = '60'", 0},
    {USHER_CALL_GENERATE, "ticket.timeout = nil", 0},
    {USHER_CALL_GENERATE, "ticket.timeout = true", 0},
    {USHER_CALL_GENERATE, "conn.num_tickets = 0/0", 0},
    {USHER_CALL_GENERATE, "conn.num_tickets = -1", 0},
    {USHER_CALL_GENERATE, "conn.num_tickets = 1e18", 0},
    {USHER_CALL_DECRYPT, "conn.early_data = nil", 0},
    {USHER_CALL_DECRYPT, "conn.early_data = 0", 0},
    {USHER_CALL_DECRYPT, "conn.early_data = 'false'", 0},
    {USHER_CALL_DECRYPT, "conn.vars.x = 1", 0},
    {USHER_CALL_DECRYPT, "conn.vars.x = true", 0},
    {USHER_CALL_DECRYPT, "conn.vars.x = {}", 0},
    {USHER_CALL_DECRYPT, "conn.vars[1] = 'x'", 0},
    {USHER_CALL_DECRYPT, "conn.vars[''] = 'x'", 0},
    {USHER_CALL_DECRYPT, "conn.vars[('n'):rep(64)] = 'x'", 1},
    {USHER_CALL_DECRYPT, "conn.vars[('n'):rep(65)] = 'x'", 0},
    {USHER_CALL_DECRYPT, "conn.vars.x = ('x'):rep(60000)", 1},
    {USHER_CALL_DECRYPT, "conn.vars.x = ('x'):rep(65537)", 0},
    {USHER_CALL_DECRYPT, "for i = 1, 64 do conn.vars['n' .. i] = 'x' end", 1},
    {USHER_CALL_DECRYPT, "for i = 1, 65 do conn.vars['n' .. i] = 'x' end", 0},
    {USHER_CALL_DECRYPT,
	"for i = 1, 500 do conn.vars.x = ('x'):rep(1000) .. i end", 1},
    {USHER_CALL_DECRYPT,
	"for i = 1, 500 do conn.vars['n' .. i] = 'x'"
	" conn.vars['n' .. i] = nil end",
	1},
};
#define VALUES (int)(sizeof values / sizeof *values)

START_TEST(assigned_values_are_checked)
{
	const struct value *one = &values[_i];
	const struct note *note = run_in(one->call, one->lua);

	ck_assert_msg(
	    note->code == (one->allowed ? USHER_OK : USHER_ERROR_SCRIPT),
	    "%s: %d %s", one->lua, note->code, note->message);
}
END_TEST

/* What a script keeps in its first call, and how it uses it in the next. */
static const char *const kept[][2] = {
    {"kept = conn", "local x = kept.server_name"},
    {"kept = conn", "kept.num_tickets = 1"},
    {"kept = conn.vars", "local x = kept.name"},
    {"kept = conn.vars", "kept.name = 'x'"},
    {"kept = ticket", "local x = kept.timeout"},
    {"kept = ticket", "kept.timeout = 1"},
    {"kept = { { ticket } }", "local x = kept[1][1].id"},
    {"kept = function() return ticket.id end", "local x = kept()"},
};
#define KEPT (int)(sizeof kept / sizeof *kept)

START_TEST(a_kept_handle_is_expired_outside_its_call)
{
	char text[1024];
	struct visit visit = {.version = TLS1_3_VERSION, .name = "a.example"};
	const struct note *note;

	snprintf(text, sizeof text,
	    "local kept\n"
	    "return {\n"
	    "  generate = function(conn, ticket) %s end,\n"
	    "  decrypt = function(conn, ticket) %s end,\n"
	    "}\n",
	    kept[_i][0], kept[_i][1]);
	visit.server = policy_server(text, visit.version);
	visit.session = visit_run(&visit).session;
	notes_clear();
	ck_assert(visit_run(&visit).echoed);
	note = note_last(USHER_CALL_DECRYPT);
	ck_assert_int_eq(note->code, USHER_ERROR_SCRIPT);
	ck_assert_ptr_nonnull(strstr(note->message, "expired"));
}
END_TEST

/* In each function, what the first visit keeps, and what a later one, of
 * another client, sees of it. */
static const struct {
	const char *keep, *use;
} successors[] = {
    {"conn", "kept.server_name"},
    {"conn", "kept.vars"},
    {"conn", "kept.id"},
    {"conn.vars", "kept.who"},
    {"conn.vars", "kept.never_set"},
    {"ticket", "kept.id"},
    {"ticket", "kept.nonsense"},
    {"{ conn }", "kept[1].server_name"},
    {"setmetatable({}, { __index = conn })", "kept.server_name"},
    {"setmetatable({}, { __index = conn.vars })", "kept.who"},
};
#define SUCCESSORS (int)(sizeof successors / sizeof *successors)

START_TEST(a_kept_handle_never_shows_the_next_connection)
{
	enum usher_call call =
	    _i % 2 ? USHER_CALL_GENERATE : USHER_CALL_DECRYPT;
	struct visit visit = {.version = TLS1_3_VERSION, .name = "a.example"};
	char text[1024], lua[512];
	const struct note *note;

	snprintf(lua, sizeof lua,
	    "function(conn, ticket)\n"
	    "  if not kept then kept = %s return end\n"
	    "  local ok, why = pcall(function() return %s end)\n"
	    "  assert(not ok, 'shown')\n"
	    "  error(why, 0)\n"
	    "end",
	    successors[_i / 2].keep, successors[_i / 2].use);
	snprintf(text, sizeof text, "local kept\nreturn { %s = %s }",
	    call == USHER_CALL_GENERATE ? "generate" : "decrypt", lua);
	visit.server = policy_server(text, visit.version);
	visit.session = visit_run(&visit).session;
	visit.session = visit_run(&visit).session;
	visit.name = "b.example";
	notes_clear();
	ck_assert(visit_run(&visit).echoed);
	note = note_last(call);
	ck_assert_int_eq(note->code, USHER_ERROR_SCRIPT);
	ck_assert_msg(strncmp(note->message, "expired: ", 9) == 0 ||
			  strstr(note->message, ": expired: "),
	    "%s", note->message);
}
END_TEST

/* A view of a ticket, as parts of a chain get it, is one more handle. */
START_TEST(a_kept_view_of_a_ticket_expires_as_well)
{
	static const char *const keeps[] = {
	    "ticket", "ticket.previous or ticket"};
	struct visit visit = {.version = TLS1_3_VERSION};
	char text[1024];
	const struct note *note;

	snprintf(text, sizeof text,
	    "local chain = require 'usher.chain'\n"
	    "local kept\n"
	    "return chain { { name = 'part',\n"
	    "  generate = function(conn, ticket)\n"
	    "    if kept then local x = kept.id end\n"
	    "    if ticket.previous then kept = %s end\n"
	    "    return { n = 1 }\n"
	    "  end,\n"
	    "} }\n",
	    keeps[_i]);
	visit.server = policy_server(text, visit.version);
	visit.session = visit_run(&visit).session;
	visit.session = visit_run(&visit).session;
	notes_check();
	ck_assert(visit_run(&visit).resumed);
	note = note_last(USHER_CALL_GENERATE);
	ck_assert_int_eq(note->code, USHER_ERROR_SCRIPT);
	ck_assert_ptr_nonnull(strstr(note->message, "expired: "));
}
END_TEST

START_TEST(a_state_that_has_used_up_its_calls_is_replaced)
{
	struct visit visit = {.version = TLS1_3_VERSION};
	struct usher *engine;
	uint64_t before;
	int i;

	late = true;
	engine = engine_new("return {\n"
			    "  generate = function(conn, ticket)\n"
			    "    return { id = conn.id, ticket.id }\n"
			    "  end,\n"
			    "  decrypt = function(conn, ticket)\n"
			    "    assert(ticket.data[1] == ticket.id)\n"
			    "  end,\n"
			    "}\n");
	visit.server = engine_server(engine, visit.version);
	visit.session = visit_run(&visit).session; /* two calls */
	before = engine_stats(engine).states_made;
	for (i = 0; i < 4; i++) {
		struct outcome saw = visit_run(&visit);

		ck_assert(saw.resumed && saw.echoed);
		ck_assert_uint_eq(
		    engine_stats(engine).states_made, before + i + 1);
		visit.session = saw.session;
	}
	notes_check();
	late = false;
}
END_TEST

START_TEST(handles_of_one_call_are_the_same)
{
	const struct note *note = run_in(USHER_CALL_GENERATE,
	    "assert(conn == conn and conn ~= ticket)\n"
	    "assert(conn.vars == conn.vars and conn.vars ~= conn)\n"
	    "assert(ticket.previous == ticket.previous)\n"
	    "assert(type(conn) == 'userdata' and type(ticket) == 'userdata')\n"
	    "assert(tostring(conn) == 'conn')\n"
	    "assert(tostring(conn.vars) == 'conn.vars')\n"
	    "assert(tostring(ticket) == 'ticket')\n"
	    "assert(tostring(ticket.previous) == 'ticket.previous')\n"
	    "local of = { [conn] = 1, [ticket] = 2 }\n"
	    "assert(of[conn] == 1 and of[ticket] == 2)\n");

	ck_assert_msg(note->code == USHER_OK, "%s", note->message);
}
END_TEST

START_TEST(the_ticket_of_decrypt_is_expired_in_generate)
{
	static const char *const keeps[][2] = {
	    {"kept = ticket", "local x = kept.id"},
	    {"kept = ticket", "local x = kept.status"},
	    {"kept = { ticket }", "kept[1].timeout = 1"},
	};
	char text[1024];
	struct visit visit = {.version = TLS1_3_VERSION};
	const struct note *note;

	snprintf(text, sizeof text,
	    "local kept\n"
	    "return {\n"
	    "  generate = function(conn, ticket)\n"
	    "    if kept then %s end\n"
	    "  end,\n"
	    "  decrypt = function(conn, ticket) %s end,\n"
	    "}\n",
	    keeps[_i][1], keeps[_i][0]);
	visit.server = policy_server(text, visit.version);
	visit.session = visit_run(&visit).session;
	notes_clear();
	ck_assert(visit_run(&visit).resumed);
	note = note_last(USHER_CALL_GENERATE);
	ck_assert_int_eq(note->code, USHER_ERROR_SCRIPT);
	ck_assert_ptr_nonnull(strstr(note->message, "expired"));
}
END_TEST

START_TEST(ticket_previous_is_expired_after_its_call)
{
	struct visit visit = {.version = TLS1_3_VERSION};
	const struct note *note;

	visit.server = policy_server("local kept\n"
				     "return {\n"
				     "  generate = function(conn, ticket)\n"
				     "    kept = ticket.previous or kept\n"
				     "  end,\n"
				     "  decrypt = function(conn, ticket)\n"
				     "    local x = kept and kept.id\n"
				     "  end,\n"
				     "}\n",
	    visit.version);
	visit.session = visit_run(&visit).session;
	ck_assert(visit_run(&visit).resumed);
	ck_assert(visit_run(&visit).echoed);
	note = note_last(USHER_CALL_DECRYPT);
	ck_assert_int_eq(note->code, USHER_ERROR_SCRIPT);
	ck_assert_ptr_nonnull(strstr(note->message, "expired"));
}
END_TEST

START_TEST(vars_go_both_ways_byte_for_byte)
{
	int version = _i ? TLS1_3_VERSION : TLS1_2_VERSION;
	struct visit visit = {.version = version};
	struct conn *conn;
	const char *value;
	size_t len;

	visit.server =
	    policy_server("return { generate = function(conn)\n"
			  "  conn.vars.back = conn.vars.there .. '\\0back'\n"
			  "  conn.vars.gone = nil\n"
			  "end }",
		version);
	conn = conn_new(&visit);
	usher_conn_set_string(conn->server, "there", "a\0b", 3);
	usher_conn_set_string(conn->server, "gone", "x", 1);
	conn_handshake(conn);
	value = usher_conn_get_string(conn->server, "back", &len);
	ck_assert_ptr_nonnull(value);
	if (version == TLS1_2_VERSION) {
		ck_assert_uint_eq(len, 8);
		ck_assert_mem_eq(value, "a\0b\0back", 9);
	}
	ck_assert_ptr_null(usher_conn_get_string(conn->server, "gone", NULL));
	notes_check();
	conn_close(conn);
}
END_TEST

static const char *const takings[] = {
    "getmetatable(conn).__index = nil",
    "setmetatable(conn, {})",
    "rawset(conn, 'x', 1)",
    "rawget(conn, 'x')",
    "for k in pairs(conn) do end",
    "for k in pairs(conn.vars) do end",
    "local n = #conn",
    "conn()",
    "local x = conn .. ''",
    "table.insert(conn, 1)",
};
#define TAKINGS (int)(sizeof takings / sizeof *takings)

START_TEST(a_handle_cannot_be_taken_apart)
{
	ck_assert_int_eq(
	    run_in(USHER_CALL_DECRYPT, takings[_i])->code, USHER_ERROR_SCRIPT);
}
END_TEST

START_TEST(a_handle_shows_no_address)
{
	const struct note *note = run_in(USHER_CALL_DECRYPT,
	    "return 'default', tostring(conn) .. tostring(ticket)"
	    " .. tostring(conn.vars)");

	ck_assert_int_eq(note->code, USHER_OK);
	ck_assert_ptr_null(strstr(note->reason, "0x"));
}
END_TEST

/* The handles of the function that is missing are nobody's but ours: garbage
 * collection must not take them. What it took would be used again by what the
 * script keeps here, and by a sanitizer be seen at once. */
START_TEST(handles_of_a_missing_function_outlive_the_garbage)
{
	static const char *const functions[] = {"decrypt", "generate"};
	struct visit visit = {.version = TLS1_2_VERSION};
	char text[512];
	int i;

	snprintf(text, sizeof text,
	    "local kept = {}\n"
	    "return { %s = function(conn, ticket)\n"
	    "  for i = 1, #kept do assert(kept[i][1] == i) end\n"
	    "  for i = 1, 2000 do local garbage = { i, {} } end\n"
	    "  for i = 1, 50 do kept[#kept + 1] = { #kept + 1, i, i } end\n"
	    "end }",
	    functions[_i]);
	visit.server = policy_server(text, visit.version);
	for (i = 0; i < 40; i++)
		ck_assert(visit_run(&visit).echoed);
	notes_check();
}
END_TEST

static TCase *
names(void)
{
	TCase *tcase = engine_case("names", 60);

	tcase_add_loop_test(
	    tcase, an_unknown_name_raises_and_names_the_nearest, 0, UNKNOWNS);
	tcase_add_loop_test(tcase, only_what_the_contract_names_can_be_assigned,
	    0, 2 * ASSIGNMENTS);
	tcase_add_loop_test(
	    tcase, what_was_resumed_with_cannot_be_changed, 0, 3);
	tcase_add_loop_test(tcase, assigned_values_are_checked, 0, VALUES);
	return tcase;
}

static TCase *
handles(void)
{
	TCase *tcase = engine_case("handles", 60);

	tcase_add_loop_test(
	    tcase, a_kept_handle_is_expired_outside_its_call, 0, KEPT);
	tcase_add_loop_test(tcase,
	    a_kept_handle_never_shows_the_next_connection, 0, 2 * SUCCESSORS);
	tcase_add_loop_test(
	    tcase, a_kept_view_of_a_ticket_expires_as_well, 0, 2);
	tcase_add_test(tcase, a_state_that_has_used_up_its_calls_is_replaced);
	tcase_add_test(tcase, handles_of_one_call_are_the_same);
	tcase_add_loop_test(
	    tcase, the_ticket_of_decrypt_is_expired_in_generate, 0, 3);
	tcase_add_test(tcase, ticket_previous_is_expired_after_its_call);
	tcase_add_loop_test(tcase, vars_go_both_ways_byte_for_byte, 0, 2);
	tcase_add_loop_test(tcase, a_handle_cannot_be_taken_apart, 0, TAKINGS);
	tcase_add_test(tcase, a_handle_shows_no_address);
	tcase_add_loop_test(
	    tcase, handles_of_a_missing_function_outlive_the_garbage, 0, 2);
	return tcase;
}

int
main(void)
{
	Suite *suite = suite_create("facts: handles");

	suite_add_tcase(suite, names());
	suite_add_tcase(suite, handles());
	return tests_run(suite);
}
