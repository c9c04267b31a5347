/*
 * SPDX-License-Identifier: MIT
 *
 * Facts from JSON documents.
 *
 *  1. each type of fact is read as the table has it
 *  2. a subset is enough: what is missing is not there
 *  3. bytes come as {"$hex": ...}, tables as {"$cbor": ...} too
 *  4. status and decrypted follow from each other, ages from times; an
 *     auth_time far in the future is none
 *  5. generate: the ticket being made, and the one before it
 *  6. what is wrong is named by its path, with the nearest name
 *  7. assignments are noted, vars wait for the commit
 *  8. a file that can't be read, or is no JSON, is named
 */
#include <stdio.h>
#include <string.h>

#include <check.h>

#include "base/clock.h"
#include "cli/recorded.h"
#include "tls/suite.h"

enum { NOW = 1700000000 };

static char why[256];

static struct ush_recorded *
read_text(const char *text, bool generate)
{
	json_error_t error;
	json_t *document = json_loads(text, 0, &error);
	struct ush_recorded *r;

	ck_assert_msg(document != NULL, "%s", error.text);
	why[0] = '\0';
	r = ush_recorded_read(document, generate, why, sizeof why);
	json_decref(document);
	return r;
}

static struct ush_recorded *
read_good(const char *text, bool generate)
{
	struct ush_recorded *r = read_text(text, generate);

	ck_assert_msg(r != NULL, "%s", why);
	return r;
}

static struct ush_fact_value
get(struct ush_recorded *r, enum ush_fact_id id)
{
	struct ush_fact_value value = {0};

	r->facts.ops->get(&r->facts, id, &value);
	return value;
}

static void
expect_bytes(struct ush_bytes bytes, const char *expected, size_t len)
{
	ck_assert_uint_eq(bytes.len, len);
	ck_assert_mem_eq(bytes.p, expected, len);
}

START_TEST(each_type_is_read_as_the_table_has_it)
{
	struct ush_recorded *r = read_good(
	    "{\"conn\": {\"server_name\": \"a.example\", \"peer_port\": 7,"
	    " \"early_data\": true, \"alpn_offered\": [\"h2\", \"x\"],"
	    " \"hello\": {\"groups\": [29, 23]}, \"vars\": {\"t\": \"1\"}},"
	    " \"ticket\": {\"client_cert\": {\"serial\": \"0a\","
	    " \"not_after\": 5}, \"data\": {\"sni\": \"b\"}}}",
	    false);
	struct ush_fact_value v = get(r, USH_CONN_server_name);

	expect_bytes(v.as.string, "a.example", 9);
	ck_assert_int_eq(get(r, USH_CONN_peer_port).as.integer, 7);
	ck_assert_int_eq(get(r, USH_CONN_early_data).as.integer, 1);
	v = get(r, USH_CONN_alpn_offered);
	expect_bytes(v.as.strings, "\2h2\1x", 5);
	v = get(r, USH_CONN_hello);
	ck_assert_uint_eq(v.as.hello->groups.n, 2);
	ck_assert_mem_eq(v.as.hello->groups.p, "\0\35\0\27", 4);
	ck_assert_ptr_null(v.as.hello->ciphers.p);
	v = get(r, USH_TICKET_client_cert);
	expect_bytes(v.as.cert->serial, "0a", 2);
	ck_assert_ptr_null(v.as.cert->subject.p);
	ck_assert_int_eq(v.as.cert->not_after.seconds, 5);
	v = get(r, USH_TICKET_data);
	expect_bytes(v.as.string,
	    "\xa1\x63sni\x61"
	    "b",
	    7);
	expect_bytes(
	    r->facts.ops->get_var(&r->facts, (struct ush_bytes){"t", 1}), "1",
	    1);
	ush_recorded_free(r);
}
END_TEST

START_TEST(a_subset_is_enough)
{
	struct ush_recorded *r = read_good("{}", false);

	for (int i = 0; i < USH_FACTS; i++)
		if (i != USH_TICKET_status && i != USH_TICKET_decrypted)
			ck_assert(!get(r, (enum ush_fact_id)i).there);
	ck_assert(!r->has_session);
	expect_bytes(get(r, USH_TICKET_status).as.string, "empty", 5);
	ush_recorded_free(r);
}
END_TEST

START_TEST(bytes_come_in_hex_digits_too)
{
	struct ush_recorded *r = read_good(
	    "{\"ticket\": {\"key_name\": {\"$hex\": \"00Ff\"},"
	    " \"app_data\": \"\\u00e4\", \"data\": {\"$cbor\": \"a0\"}}}",
	    false);

	expect_bytes(get(r, USH_TICKET_key_name).as.string, "\0\xff", 2);
	expect_bytes(get(r, USH_TICKET_app_data).as.string, "\xc3\xa4", 2);
	expect_bytes(get(r, USH_TICKET_data).as.string, "\xa0", 1);
	ush_recorded_free(r);
}
END_TEST

START_TEST(what_follows_need_not_be_written)
{
	struct ush_recorded *r;

	ush_clock_set(NOW);
	r = read_good(
	    "{\"ticket\": {\"auth_time\": 1699999990, \"age\": 5}}", false);
	ck_assert(r->has_session);
	expect_bytes(get(r, USH_TICKET_status).as.string, "success_renew", 13);
	ck_assert_int_eq(get(r, USH_TICKET_auth_age).as.integer, 10);
	ck_assert_int_eq(get(r, USH_TICKET_issued_at).as.integer, NOW - 5);
	ush_recorded_free(r);
	r = read_good("{\"ticket\": {\"decrypted\": false}}", false);
	expect_bytes(get(r, USH_TICKET_status).as.string, "no_decrypt", 10);
	ush_recorded_free(r);
	r = read_good("{\"ticket\": {\"status\": \"success\"}}", false);
	ck_assert_int_eq(get(r, USH_TICKET_decrypted).as.integer, 1);
	ush_recorded_free(r);
	ush_clock_set(0);
}
END_TEST

START_TEST(a_future_auth_time_is_absent)
{
	struct ush_recorded *r;

	ush_clock_set(NOW);
	r = read_good("{\"ticket\": {\"auth_time\": 1700000300}}", false);
	ck_assert_int_eq(get(r, USH_TICKET_auth_time).as.integer, NOW + 300);
	ck_assert(get(r, USH_TICKET_auth_age).there);
	ck_assert_int_eq(get(r, USH_TICKET_auth_age).as.integer, 0);
	ush_recorded_free(r);
	r = read_good("{\"ticket\": {\"auth_time\": 1700000301}}", false);
	ck_assert(!get(r, USH_TICKET_auth_time).there);
	ck_assert(!get(r, USH_TICKET_auth_age).there);
	ush_recorded_free(r);
	ush_clock_set(0);
}
END_TEST

START_TEST(generate_has_the_ticket_before_this_one)
{
	struct ush_recorded *r = read_good(
	    "{\"ticket\": {\"index\": 2, \"previous\": {\"id\": \"ab\"}}}",
	    true);

	ck_assert_int_eq(get(r, USH_ISSUE_index).as.integer, 2);
	ck_assert(get(r, USH_ISSUE_previous).there);
	expect_bytes(get(r, USH_TICKET_id).as.string, "ab", 2);
	ck_assert_int_eq(get(r, USH_TICKET_decrypted).as.integer, 1);
	ush_recorded_free(r);
}
END_TEST

static const struct {
	const char *text, *why;
	bool generate;
} wrong[] = {
    {"[]", "must be an object with \"conn\" and \"ticket\", not a list", 0},
    {"{\"con\": {}}", "con: there is no such member; did you mean 'conn'?", 0},
    {"{\"conn\": {\"servername\": \"x\"}}",
	"conn.servername: there is no such fact; did you mean 'server_name'?",
	0},
    {"{\"conn\": {\"peer_port\": \"443\"}}",
	"conn.peer_port: must be a number, not a string", 0},
    {"{\"conn\": {\"peer_port\": 1.5}}",
	"conn.peer_port: must be a whole number", 0},
    {"{\"ticket\": {\"decrypted\": 1}}",
	"ticket.decrypted: must be a boolean, not a number", 0},
    {"{\"conn\": {\"alpn_offered\": [\"h2\", 3]}}",
	"conn.alpn_offered[2]: must be a string, or {\"$hex\": \"...\"} for "
	"bytes, not a number",
	0},
    {"{\"ticket\": {\"client_cert\": {\"subjct\": \"x\"}}}",
	"ticket.client_cert.subjct: there is no such field of a certificate; "
	"did you mean 'subject'?",
	0},
    {"{\"conn\": {\"hello\": {\"groups\": [70000]}}}",
	"conn.hello.groups[1]: must be 0 to 65535", 0},
    {"{\"ticket\": {\"data\": {\"a\": {\"b\": null}}}}",
	"ticket.data.a.b: a table holds no null; leave it out", 0},
    {"{\"ticket\": {\"data\": 5}}", "ticket.data: must be a table", 0},
    {"{\"ticket\": {\"status\": \"sucess\"}}",
	"ticket.status: must be \"empty\", \"no_decrypt\", \"success\" or "
	"\"success_renew\"",
	0},
    {"{\"ticket\": {\"status\": \"empty\", \"decrypted\": true}}",
	"ticket.decrypted: is true, and the status is \"empty\"", 0},
    {"{\"ticket\": {\"previous\": {\"agee\": 1}}}",
	"ticket.previous.agee: there is no such fact; did you mean 'age'?", 1},
    {"{\"ticket\": {\"status\": \"empty\"}}",
	"ticket.status: there is no such fact", 1},
    {"{\"conn\": {\"vars\": {\"a\": 1}}}",
	"conn.vars.a: must be a string, or {\"$hex\": \"...\"} for bytes, not "
	"a number",
	0},
};

START_TEST(what_is_wrong_is_named_by_its_path)
{
	ck_assert_ptr_null(read_text(wrong[_i].text, wrong[_i].generate));
	ck_assert_str_eq(why, wrong[_i].why);
}
END_TEST

START_TEST(assignments_are_noted)
{
	struct ush_recorded *r = read_good("{}", true);
	struct ush_bytes name = {"a", 1};

	ck_assert_ptr_null(r->facts.ops->set(&r->facts, USH_ISSUE_timeout, 9));
	ck_assert(r->assigned[USH_ISSUE_timeout]);
	ck_assert_int_eq(get(r, USH_ISSUE_timeout).as.integer, 9);
	ck_assert_str_eq(r->facts.ops->set(&r->facts, USH_ISSUE_timeout, 0),
	    "must be 1 to 2147483647 seconds");
	ck_assert_ptr_null(
	    r->facts.ops->set_var(&r->facts, name, (struct ush_bytes){"b", 1}));
	ush_recorded_commit(r);
	expect_bytes(r->facts.ops->get_var(&r->facts, name), "b", 1);
	ck_assert_uint_eq(r->n_set_vars, 1);
	ck_assert_str_eq(r->set_vars[0], "a");
	ck_assert_str_eq(r->asked_vars[0], "a");
	ush_recorded_free(r);
}
END_TEST

START_TEST(a_file_that_is_no_json_is_named)
{
	const char *path = "check_recorded.json";
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	fputs("{\n\"conn\": }", file);
	fclose(file);
	ck_assert_ptr_null(
	    ush_recorded_read_file(path, false, why, sizeof why));
	ck_assert_msg(
	    strncmp(why, "check_recorded.json:2: ", 23) == 0, "%s", why);
	remove(path);
	ck_assert_ptr_null(
	    ush_recorded_read_file(path, false, why, sizeof why));
	ck_assert_msg(strstr(why, "No such file") != NULL, "%s", why);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("recorded");
	TCase *tcase = tests_case("recorded", 10);

	tcase_add_test(tcase, each_type_is_read_as_the_table_has_it);
	tcase_add_test(tcase, a_subset_is_enough);
	tcase_add_test(tcase, bytes_come_in_hex_digits_too);
	tcase_add_test(tcase, what_follows_need_not_be_written);
	tcase_add_test(tcase, a_future_auth_time_is_absent);
	tcase_add_test(tcase, generate_has_the_ticket_before_this_one);
	tcase_add_loop_test(tcase, what_is_wrong_is_named_by_its_path, 0,
	    sizeof wrong / sizeof *wrong);
	tcase_add_test(tcase, assignments_are_noted);
	tcase_add_test(tcase, a_file_that_is_no_json_is_named);
	suite_add_tcase(suite, tcase);
	return tests_run(suite);
}
