/*
 * SPDX-License-Identifier: MIT
 *
 * Tests of src/cli/ticket_text: what usher serve shows of a ticket.
 *
 *  1. An envelope is shown field by field, its table in Lua's notation
 *  2. What an envelope has none of is a dash, and so is an auth_time that no
 *     policy is given
 *  3. Tables in tables are indented; odd keys stand in brackets
 *  4. Numbers that JSON does not have are shown too
 *  5. Bytes that are no envelope are shown as a string, long ones cut
 *  6. An envelope of a newer version is said to be one
 *  7. What other encoders may write is stepped over: tags, strings in parts,
 *     tables as keys
 *  8. Bytes cut off at any length end the text, not the program
 */
#include <math.h>
#include <string.h>

#include <check.h>

#include "base/clock.h"
#include "cli/ticket_text.h"
#include "data/envelope.h"
#include "tls/suite.h"

static unsigned char bytes[4096];
static struct ush_cbor_writer w;
static struct ush_buffer text;

static void
set_up(void)
{
	struct ush_envelope envelope = {
	    .id = {1, 2, 3, 4, 5, 6, 7, 8},
	    .has_auth_time = true,
	    .auth_time = 1700000000,
	    .renewals = 2,
	    .server_name = "shop.example",
	    .server_name_len = 12,
	    .policy = "shop",
	    .policy_len = 4,
	    .host = (const unsigned char *)"own",
	    .host_len = 3,
	};

	ush_cbor_writer_init(&w, bytes, sizeof(bytes));
	ush_envelope_begin(&w, &envelope);
}

static void
tear_down(void)
{
	ush_buffer_fini(&text);
}

/* What is shown of the envelope. */
static const char *
shown(void)
{
	ck_assert(!w.overflow);
	ush_ticket_text(&text, bytes, ush_cbor_written(&w));
	return ush_buffer_text(&text);
}

#define ASSERT_SHOWS(part) \
	ck_assert_msg(strstr(ush_buffer_text(&text), part) != NULL, \
	    "no \"%s\" in:\n%s", part, ush_buffer_text(&text))

START_TEST(an_envelope_is_shown_field_by_field)
{
	ush_cbor_put_map(&w, 1);
	ush_cbor_put_string(&w, "sni", 3);
	ush_cbor_put_string(&w, "shop.example", 12);
	shown();
	ASSERT_SHOWS("  id           0102030405060708\n");
	ASSERT_SHOWS("  signed in    2023-11-14 22:13:20 UTC (");
	ASSERT_SHOWS("  renewals     2\n");
	ASSERT_SHOWS("  server name  shop.example\n");
	ASSERT_SHOWS("  policy       shop\n");
	ASSERT_SHOWS("  revision     0000000000000000\n");
	ASSERT_SHOWS("  host data    3 bytes\n");
	ASSERT_SHOWS("  table        {\n"
		     "                 sni = \"shop.example\",\n"
		     "               }\n");
}
END_TEST

START_TEST(what_there_is_none_of_is_a_dash)
{
	struct ush_envelope none = {.renewals = 0};

	ush_cbor_writer_init(&w, bytes, sizeof(bytes));
	ush_envelope_begin(&w, &none);
	ush_envelope_put_no_data(&w);
	shown();
	ASSERT_SHOWS("  signed in    -\n");
	ASSERT_SHOWS("  server name  -\n");
	ASSERT_SHOWS("  policy       -\n");
	ASSERT_SHOWS("  table        -\n");
}
END_TEST

START_TEST(an_auth_time_that_is_not_believed_is_a_dash)
{
	ush_clock_set(1700000000 - 300);
	ush_envelope_put_no_data(&w);
	shown();
	ASSERT_SHOWS("  signed in    2023-11-14 22:13:20 UTC (0 s ago)\n");
	ush_clock_set(1700000000 - 301);
	ush_buffer_reset(&text);
	shown();
	ASSERT_SHOWS("  signed in    -\n");
	ush_clock_set(0);
}
END_TEST

START_TEST(tables_in_tables_are_indented)
{
	ush_cbor_put_map(&w, 3);
	ush_cbor_put_string(&w, "list", 4);
	ush_cbor_put_array(&w, 2);
	ush_cbor_put_number(&w, -7);
	ush_cbor_put_map(&w, 0);
	ush_cbor_put_string(&w, "a b", 3);
	ush_cbor_put_bool(&w, true);
	ush_cbor_put_number(&w, 3);
	ush_cbor_put_string(&w, "\xff\n", 2);
	shown();
	ASSERT_SHOWS("{\n"
		     "                 list = {\n"
		     "                   -7,\n"
		     "                   {},\n"
		     "                 },\n"
		     "                 [\"a b\"] = true,\n"
		     "                 [3] = \"\\u00ff\\n\",\n"
		     "               }\n");
}
END_TEST

START_TEST(any_number_is_shown)
{
	ush_cbor_put_array(&w, 3);
	ush_cbor_put_number(&w, 0.1);
	ush_cbor_put_number(&w, INFINITY);
	ush_cbor_put_number(&w, 1e300);
	shown();
	ASSERT_SHOWS(" 0.1,\n");
	ASSERT_SHOWS(" inf,\n");
	ASSERT_SHOWS(" 1e+300,\n");
}
END_TEST

START_TEST(bytes_without_envelope_are_a_string)
{
	memset(bytes, 'x', 300);
	memcpy(bytes, "a\0b", 3);
	ush_ticket_text(&text, bytes, 3);
	ASSERT_SHOWS("  bytes        \"a\\u0000b\"\n");
	ush_buffer_reset(&text);
	ush_ticket_text(&text, bytes, 300);
	ASSERT_SHOWS("x\"... (300 bytes)\n");
}
END_TEST

START_TEST(a_newer_version_is_said_to_be_one)
{
	ush_cbor_writer_init(&w, bytes, sizeof(bytes));
	ush_cbor_put_raw(&w, "\xda\x55\x53\x48\x52\x82\x07\x00", 8);
	ush_ticket_text(&text, bytes, 8);
	ASSERT_SHOWS("newer version");
}
END_TEST

START_TEST(what_others_write_is_stepped_over)
{
	ush_cbor_put_array(&w, 4);
	ush_cbor_put_tag(&w, 5);
	ush_cbor_put_number(&w, 1);
	ush_cbor_put_raw(&w, "\x7f\x61z\x61z\xff", 6); /* "z" "z" in parts */
	ush_cbor_put_raw(&w, "\x9f\x02\xff", 3);       /* [2], no length */
	ush_cbor_put_raw(&w, "\xa1\x81\x08\x09", 4);   /* {[8]: 9} */
	shown();
	ASSERT_SHOWS(" 1,\n                 (a string in parts),\n"
		     "                 {\n                   2,\n");
	ASSERT_SHOWS("[{...}] = 9,\n");
}
END_TEST

START_TEST(cut_off_bytes_end_the_text)
{
	size_t len;

	ush_cbor_put_map(&w, 1);
	ush_cbor_put_string(&w, "sni", 3);
	ush_cbor_put_array(&w, 1);
	ush_cbor_put_string(&w, "shop.example", 12);
	shown();
	for (len = ush_cbor_written(&w); len-- > 0;) {
		ush_buffer_reset(&text);
		ush_ticket_text(&text, bytes, len);
		ck_assert_ptr_nonnull(ush_buffer_text(&text));
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("ticket text");
	TCase *tcase = tests_case("ticket text", 10);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, an_envelope_is_shown_field_by_field);
	tcase_add_test(tcase, what_there_is_none_of_is_a_dash);
	tcase_add_test(tcase, an_auth_time_that_is_not_believed_is_a_dash);
	tcase_add_test(tcase, tables_in_tables_are_indented);
	tcase_add_test(tcase, any_number_is_shown);
	tcase_add_test(tcase, bytes_without_envelope_are_a_string);
	tcase_add_test(tcase, a_newer_version_is_said_to_be_one);
	tcase_add_test(tcase, what_others_write_is_stepped_over);
	tcase_add_test(tcase, cut_off_bytes_end_the_text);
	suite_add_tcase(suite, tcase);
	return tests_run(suite);
}
