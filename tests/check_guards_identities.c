/*
 * SPDX-License-Identifier: MIT
 *
 * Guards around PSK identities: several of them, thousands, decoys, empty ones,
 * external keys.
 *
 * Scenarios:
 *  1. Of several identities the first one that the policy accepts is used.
 *  2. 9,000 identities run the script 16 times, then ignore_renew.
 *  3. A real ticket behind 16 decoys is refused, behind 15 it is taken; a
 *     HelloRetryRequest does not double the 16.
 *  4. Costly decoys spend the handshake's budget: then ignore_renew, even
 *     under on_error open.
 *  5. A zero-length identity crashes nothing.
 *  6. An external PSK goes past the policy; one beside a ticket does not.
 *  7. Tickets that cost a state each spend what the handshake has for setting
 *     up states; after that, none is made any more.
 */
#include <string.h>

#include <check.h>

#include "tls/hello.h"
#include "tls/policy.h"

/* What a rewritten first hello offers. */
struct offer {
	size_t decoys; /* one-byte identities before it */
	SSL_SESSION *sessions[2];
	size_t n;
};

static void
rewrite_offer(unsigned char **flight, size_t *len, int nth, void *arg)
{
	static struct hello_identity identities[9002];
	const struct offer *offer = arg;
	size_t i;

	if (nth != 1)
		return;
	for (i = 0; i < offer->decoys; i++)
		identities[i] = (struct hello_identity){
		    (const unsigned char *)"x", 1, NULL};
	for (i = 0; i < offer->n; i++)
		identities[offer->decoys + i] =
		    hello_identity_of(offer->sessions[i]);
	hello_set_identities(
	    flight, len, identities, offer->decoys + offer->n, offer->n > 0);
}

START_TEST(the_first_identity_that_the_policy_accepts_is_used)
{
	struct usher *engine = engine_new(policy_by_name);
	struct visit visit = {.server = engine_server(engine, TLS1_3_VERSION),
	    .name = "a.example"};
	struct offer offer = {.n = 2};
	struct outcome saw;

	offer.sessions[_i] = visit_run(&visit).session;
	visit.name = "b.example";
	offer.sessions[!_i] = visit_run(&visit).session;
	visit.name = "a.example";
	visit.rewrite = rewrite_offer;
	visit.arg = &offer;
	saw = visit_run(&visit);
	ck_assert_int_eq(saw.answered, 1);
	ck_assert_int_eq(saw.selected, _i);
	ck_assert_uint_eq(
	    engine_stats(engine).decrypt_runs, (unsigned int)_i + 1);
}
END_TEST

START_TEST(nine_thousand_identities_run_the_script_16_times)
{
	static const char *const answers[] = {
	    "return { decrypt = function() end }",
	    "return { decrypt = function() return 'ignore_renew' end }",
	    "return { decrypt = function() error('no') end }",
	};
	struct engine_spec spec = {
	    .text = answers[_i], .on_error = USHER_ON_ERROR_OPEN};
	struct usher *engine = engine_make(&spec);
	struct offer offer = {.decoys = 9000};
	struct visit visit = {.server = engine_server(engine, TLS1_3_VERSION),
	    .rewrite = rewrite_offer,
	    .arg = &offer};
	struct outcome saw = visit_run(&visit);
	struct usher_stats stats = engine_stats(engine);

	ck_assert_int_eq(saw.answered, 1);
	ck_assert_int_eq(saw.selected, -1);
	ck_assert_uint_eq(stats.decrypt_calls, 9000);
	ck_assert_uint_eq(stats.decrypt_runs, 16);
	ck_assert_uint_eq(stats.identities_refused, 9000 - 16);
	ck_assert_uint_eq(stats.ignore_renew, 9000);
}
END_TEST

START_TEST(a_ticket_behind_decoys_is_taken_up_to_the_16th_place)
{
	struct usher *engine =
	    engine_new("return { decrypt = function() end }");
	struct visit visit = {.server = engine_server(engine, TLS1_3_VERSION)};
	struct offer offer = {.decoys = _i ? 16 : 15, .n = 1};
	struct outcome saw;

	offer.sessions[0] = visit_run(&visit).session;
	visit.rewrite = rewrite_offer;
	visit.arg = &offer;
	saw = visit_run(&visit);
	ck_assert_int_eq(saw.answered, 1);
	ck_assert_int_eq(saw.selected, _i ? -1 : 15);
	ck_assert_uint_eq(engine_stats(engine).identities_refused, _i ? 1 : 0);
}
END_TEST

static void
rewrite_both(unsigned char **flight, size_t *len, int nth, void *arg)
{
	if (nth == 2)
		nth = 1;
	rewrite_offer(flight, len, nth, arg);
}

START_TEST(a_retry_does_not_double_the_runs)
{
	struct usher *engine =
	    engine_new("return { decrypt = function() end }");
	struct visit visit = {.server = engine_server(engine, TLS1_3_VERSION),
	    .groups = GROUPS_RETRY};
	struct offer offer = {.decoys = 16, .n = 1};
	struct outcome saw;

	offer.sessions[0] = visit_run(&visit).session;
	server_retry(visit.server);
	visit.rewrite = rewrite_both;
	visit.arg = &offer;
	saw = visit_run(&visit);
	ck_assert_int_eq(saw.retries, 1);
	ck_assert_uint_eq(engine_stats(engine).decrypt_calls, 34);
	ck_assert_uint_eq(engine_stats(engine).decrypt_runs, 16);
	ck_assert_uint_eq(engine_stats(engine).identities_refused, 18);
}
END_TEST

static const char costly[] = "return { decrypt = function(conn, ticket)\n"
			     "  if ticket.decrypted then return 'default' end\n"
			     "  for i = 1, 80000 do end\n"
			     "end }\n";

START_TEST(costly_decoys_do_not_open_the_door)
{
	struct engine_spec spec = {.text = costly,
	    .on_error = USHER_ON_ERROR_OPEN,
	    .instruction_limit = 100000,
	    .memory_limit = 1 << 20};
	struct usher *engine = engine_make(&spec);
	struct visit visit = {.server = engine_server(engine, TLS1_3_VERSION)};
	struct offer offer = {.decoys = 10, .n = 1};
	struct outcome saw;

	offer.sessions[0] = visit_run(&visit).session;
	visit.rewrite = rewrite_offer;
	visit.arg = &offer;
	saw = visit_run(&visit);
	ck_assert_int_eq(saw.answered, 1);
	ck_assert_int_eq(saw.selected, -1);
	ck_assert_uint_ge(engine_stats(engine).budget_refused, 1);
	ck_assert_uint_le(engine_stats(engine).decrypt_runs, 3);
	ck_assert_str_eq(
	    note_last(USHER_CALL_DECRYPT)->verdict, "ignore_renew");
	ck_assert_str_ne(note_last(USHER_CALL_DECRYPT)->reason, "");
}
END_TEST

static void
rewrite_to_nothing(unsigned char **flight, size_t *len, int nth, void *arg)
{
	struct hello_identity none = {(const unsigned char *)"", 0, NULL};

	(void)arg;
	if (nth == 1)
		hello_set_identities(flight, len, &none, 1, 1);
}

START_TEST(a_zero_length_identity_crashes_nothing)
{
	struct usher *engine =
	    engine_new("return { decrypt = function(_, ticket)\n"
		       "  return 'default', ticket.status\n"
		       "end }");
	struct visit visit = {.server = engine_server(engine, TLS1_3_VERSION),
	    .rewrite = rewrite_to_nothing};
	struct outcome saw = visit_run(&visit);

	/* Patch levels differ: refused, or shown as an empty ticket. */
	ck_assert(saw.answered || saw.alert);
	ck_assert_int_eq(saw.selected, -1);
	if (note_count(USHER_CALL_DECRYPT))
		ck_assert_str_eq(
		    note_last(USHER_CALL_DECRYPT)->reason, "empty");
	visit.rewrite = NULL;
	ck_assert(visit_twice(&visit).resumed);
}
END_TEST

START_TEST(a_known_external_psk_is_not_the_policys_business)
{
	struct usher *engine = engine_new(
	    "return { decrypt = function() return 'ignore_renew' end }");
	struct visit visit = {
	    .server = engine_server(engine, TLS1_3_VERSION), .psk = "known"};
	struct outcome saw;

	server_psk(visit.server, "known");
	saw = visit_run(&visit);
	ck_assert(saw.echoed && saw.resumed);
	ck_assert_uint_eq(engine_stats(engine).decrypt_calls, 0);
	visit.psk = "unknown";
	saw = visit_run(&visit);
	ck_assert(saw.echoed && !saw.resumed);
	ck_assert_uint_eq(engine_stats(engine).decrypt_calls, 1);
}
END_TEST

START_TEST(a_ticket_beside_an_unknown_psk_is_decided_about)
{
	struct visit visit = {
	    .server = policy_server(policy_by_name, TLS1_3_VERSION),
	    .name = "a.example"};
	struct outcome saw;

	visit.session = visit_run(&visit).session;
	visit.psk = "unknown";
	ck_assert(visit_run(&visit).resumed);
	visit.name = "b.example";
	saw = visit_run(&visit);
	ck_assert(saw.echoed && !saw.resumed);
}
END_TEST

/* A top level that spends 0.6 of what it may, and each call its state. */
static const char costly_state[] = "for i = 1, 1500000 do local t = {} end\n"
				   "return { generate = function()\n"
				   "  local s = 'x'\n"
				   "  while true do s = s .. s end\n"
				   "end }\n";

START_TEST(tickets_that_cost_states_spend_what_there_is_for_them)
{
	struct engine_spec spec = {.text = costly_state,
	    .instruction_limit = 100000,
	    .memory_limit = 1 << 20};
	struct usher *engine = engine_make(&spec);
	struct visit visit = {.server = engine_server(engine, TLS1_3_VERSION)};
	struct usher_stats before = engine_stats(engine), after;
	struct outcome saw;

	SSL_CTX_set_num_tickets(visit.server, 8);
	saw = visit_run(&visit);
	after = engine_stats(engine);
	ck_assert(saw.echoed);
	ck_assert_int_eq(saw.tickets, 8);
	ck_assert_int_eq(note_errors(), 8);
	/* Three, and one that is not finished. */
	ck_assert_uint_eq(after.states_made - before.states_made, 4);
	ck_assert_str_eq(note_last(USHER_CALL_GENERATE)->message,
	    "test.lua: setting up Lua states has spent what a handshake may");
	visit.session = saw.session;
	SSL_CTX_set_num_tickets(visit.server, 1);
	ck_assert(!visit_run(&visit).resumed);
}
END_TEST

static TCase *
identities(void)
{
	TCase *tcase = engine_case("identities", 60);

	tcase_add_loop_test(
	    tcase, the_first_identity_that_the_policy_accepts_is_used, 0, 2);
	tcase_add_loop_test(
	    tcase, nine_thousand_identities_run_the_script_16_times, 0, 3);
	tcase_add_loop_test(
	    tcase, a_ticket_behind_decoys_is_taken_up_to_the_16th_place, 0, 2);
	tcase_add_test(tcase, a_retry_does_not_double_the_runs);
	tcase_add_test(tcase, costly_decoys_do_not_open_the_door);
	tcase_add_test(
	    tcase, tickets_that_cost_states_spend_what_there_is_for_them);
	tcase_add_test(tcase, a_zero_length_identity_crashes_nothing);
	tcase_add_test(tcase, a_known_external_psk_is_not_the_policys_business);
	tcase_add_test(tcase, a_ticket_beside_an_unknown_psk_is_decided_about);
	return tcase;
}

int
main(void)
{
	Suite *suite = suite_create("guards: identities");

	suite_add_tcase(suite, identities());
	return tests_run(suite);
}
