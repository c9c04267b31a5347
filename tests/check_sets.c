/*
 * SPDX-License-Identifier: MIT
 *
 * Data sets, as the library reads them: formats, errors, look-ups.
 *
 * Scenarios:
 *  1. Comments, blanks, carriage returns, a byte-order mark, a last line
 *     without an end: what counts as an entry, in a set and in a map.
 *  2. Entries are bytes: no part of one, nothing with a NUL, is found.
 *  3. Errors name file and line, and say what to do. Who asks is told of all
 *     wrong lines, the first ten one by one, and gets the set without them.
 *  4. Addresses and networks: what is one, what is not, in the usual form.
 *  5. Networks cover what a plain walk through them covers.
 *  6. Hundreds of thousands of entries are all found, and nothing else.
 *  7. Files of every short content are taken or refused, never more.
 *  8. A failed allocation is an error, and leaks nothing.
 *  9. Sets take less than 100 bytes an entry beyond their text.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "data/sets.h"
#include "tls/failing.h"
#include "tls/suite.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const unsigned char key[USH_SIPHASH_KEY] = "0123456789abcdef";

static struct ush_set *
try_bytes(
    enum ush_set_kind kind, const char *p, size_t len, struct ush_error *err)
{
	struct ush_buffer text = {0};
	struct ush_set *set = NULL;

	memset(err, 0, sizeof *err);
	if (ush_buffer_put(&text, p, len) == 0)
		set = ush_set_new(kind, &text, key, "list.txt", err);
	failing_at = 0; /* Check allocates too */
	ck_assert(!set || !text.data);
	ush_buffer_fini(&text);
	return set;
}

static struct ush_set *
make(enum ush_set_kind kind, const char *text)
{
	struct ush_error err;
	struct ush_set *set = try_bytes(kind, text, strlen(text), &err);

	ck_assert_msg(set != NULL, "%s", err.message);
	ck_assert_int_eq(ush_set_kind(set), kind);
	return set;
}

static bool
has(const struct ush_set *set, const char *entry)
{
	return ush_set_has(set, entry, strlen(entry));
}

static bool
covers(const struct ush_set *set, const char *address)
{
	struct ush_ip ip;

	ck_assert_int_eq(ush_ip_parse(address, strlen(address), &ip), 0);
	return ush_set_covers(set, &ip);
}

START_TEST(a_set_has_one_entry_a_line)
{
	struct ush_set *set = make(USH_SET, "\xef\xbb\xbf"
					    "first\r\n"
					    "# a comment\n"
					    "   # another\n"
					    "\n"
					    "\t \r\n"
					    "two words  # why\r\n"
					    "  indented\t\n"
					    "a#b\n"
					    "c #\n"
					    "#\n"
					    "a#b\n"
					    "\xc3\xa4\xff\n"
					    "last");

	ck_assert_uint_eq(ush_set_count(set), 7);
	ck_assert(has(set, "first") && has(set, "two words") &&
		  has(set, "indented") && has(set, "a#b") && has(set, "c") &&
		  has(set, "\xc3\xa4\xff") && has(set, "last"));
	ck_assert(!has(set, "") && !has(set, "firs") && !has(set, "first\r") &&
		  !has(set, "two") && !has(set, "#") && !has(set, "a") &&
		  !has(set, "\xef\xbb\xbf"
			    "first") &&
		  !has(set, "firstx"));
	ck_assert(!ush_set_has(set, "first", 4) &&
		  !ush_set_has(set, "first\0", 6) &&
		  !ush_set_has(set, "first\0two words", 15) &&
		  !ush_set_has(set, "\0", 1));
	ush_set_free(set);
}
END_TEST

static const char *
get(const struct ush_set *map, const char *k)
{
	return ush_set_get(map, k, strlen(k));
}

START_TEST(a_map_has_a_key_and_a_value)
{
	struct ush_set *map = make(USH_MAP, "a 1\r\n"
					    "b\t \t two words # why\n"
					    "  c  3\n"
					    "# x y\n"
					    "1 a");

	ck_assert_uint_eq(ush_set_count(map), 4);
	ck_assert_str_eq(get(map, "a"), "1");
	ck_assert_str_eq(get(map, "b"), "two words");
	ck_assert_str_eq(get(map, "c"), "3");
	ck_assert_str_eq(get(map, "1"), "a");
	ck_assert_ptr_null(get(map, "two words"));
	ck_assert_ptr_null(get(map, "3"));
	ck_assert_ptr_null(get(map, ""));
	ck_assert_ptr_null(get(map, "a 1"));
	ck_assert_ptr_null(ush_set_get(map, "a\0", 2));
	ush_set_free(map);
}
END_TEST

START_TEST(empty_files_are_empty_sets)
{
	static const char *const texts[] = {
	    "", "\n", "\r\n", "#", "\xef\xbb\xbf", "   ", "\n\n# x"};

	for (int kind = 0; kind < USH_SET_KINDS; kind++) {
		for (size_t i = 0; i < COUNT(texts); i++) {
			struct ush_set *set =
			    make((enum ush_set_kind)kind, texts[i]);

			ck_assert_uint_eq(ush_set_count(set), 0);
			if (kind == USH_NETWORKS)
				ck_assert(!covers(set, "::") &&
					  !covers(set, "0.0.0.0"));
			else
				ck_assert(!has(set, "") && !has(set, "x"));
			ush_set_free(set);
		}
	}
}
END_TEST

static const struct {
	enum ush_set_kind kind;
	const char *text;
	int line;
	const char *says;
} wrong[] = {
    {USH_MAP, "a 1\n\nb\n", 3, "a key without a value"},
    {USH_MAP, "a 1\nb # c\n", 2, "a key without a value"},
    {USH_MAP, "a 1\n# x\nb 2\n\na 3", 5,
	"the key 'a' stands in line 1 already"},
    {USH_MAP, "c 1\n# x\nb 2\nb 2", 4, "the key 'b' stands in line 3 already"},
    {USH_NETWORKS, "10.0.0.0/8\n10.1.2.3/8\n", 2, "write 10.0.0.0/8"},
    {USH_NETWORKS, "2001:db8::1/32", 1, "write 2001:db8::/32"},
    {USH_NETWORKS, "::ffff:10.0.0.1/104", 1, "bits set beyond its prefix"},
    {USH_NETWORKS, "# x\r\nlocalhost\r\n", 2, "'localhost' is no network"},
    {USH_NETWORKS, "10.0.0.0/33", 1, "an IPv4 network has 0 to 32"},
    {USH_NETWORKS, "::/129", 1, "an IPv6 network has 0 to 128"},
    {USH_NETWORKS, "10.0.0.0/", 1, "wrong prefix length"},
    {USH_NETWORKS, "10.0.0.0/08", 1, "wrong prefix length"},
    {USH_NETWORKS, "10.0.0.0/-1", 1, "wrong prefix length"},
    {USH_NETWORKS, "10.0.0.0/8/8", 1, "wrong prefix length"},
    {USH_NETWORKS, "10.0.0.0/255.0.0.0", 1, "wrong prefix length"},
    {USH_NETWORKS, "/8", 1, "is no network"},
    {USH_NETWORKS, "10.0.0", 1, "is no network"},
    {USH_NETWORKS, "10.0.0.0 8", 1, "is no network"},
    {USH_NETWORKS, "fe80::1%eth0", 1, "is no network"},
    {USH_NETWORKS, "010.0.0.1", 1, "is no network"},
    {USH_NETWORKS, "\x1b[2Jxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
	1, "is no network"},
};

START_TEST(errors_name_the_line_and_the_remedy)
{
	struct ush_error err;
	char prefix[32];

	ck_assert_ptr_null(try_bytes(
	    wrong[_i].kind, wrong[_i].text, strlen(wrong[_i].text), &err));
	snprintf(prefix, sizeof prefix, "list.txt:%d: ", wrong[_i].line);
	ck_assert_int_eq(err.code, USH_ERROR_FILE);
	ck_assert_int_eq(err.line, wrong[_i].line);
	ck_assert_msg(strncmp(err.message, prefix, strlen(prefix)) == 0 &&
			  strstr(err.message, wrong[_i].says),
	    "%s", err.message);
	for (const char *p = err.message; *p; p++)
		ck_assert((unsigned char)*p >= ' ');
}
END_TEST

START_TEST(nul_bytes_and_long_lines_are_errors)
{
	char text[USH_SET_LINE_MAX + 16];
	struct ush_error err;
	struct ush_set *set;

	for (int kind = 0; kind < USH_SET_KINDS; kind++) {
		ck_assert_ptr_null(
		    try_bytes((enum ush_set_kind)kind, "#\n\0\n", 4, &err));
		ck_assert_int_eq(err.line, 2);
		ck_assert_ptr_nonnull(strstr(err.message, "NUL byte"));
		memset(text, '#', sizeof text);
		ck_assert_ptr_null(try_bytes(
		    (enum ush_set_kind)kind, text, USH_SET_LINE_MAX + 1, &err));
		ck_assert_ptr_nonnull(strstr(err.message, "longer than 4096"));
	}
	memset(text, 'x', sizeof text);
	set = try_bytes(USH_SET, text, USH_SET_LINE_MAX, &err);
	ck_assert_ptr_nonnull(set);
	ck_assert(ush_set_has(set, text, USH_SET_LINE_MAX));
	ck_assert(!ush_set_has(set, text, USH_SET_LINE_MAX - 1));
	ush_set_free(set);
}
END_TEST

static struct {
	int n, lines[32];
	size_t more;
	char last[768];
} told;

static void
on_wrong(const struct ush_error *err, size_t more)
{
	ck_assert_str_eq(err->script, "list.txt");
	ck_assert_uint_eq(told.more, 0);
	told.more = more;
	if (more > 0)
		return;
	ck_assert_int_lt(told.n, USH_SET_TOLD);
	told.lines[told.n++] = err->line;
	snprintf(told.last, sizeof told.last, "%s", err->message);
}

START_TEST(all_wrong_lines_are_told_and_left_out)
{
	struct ush_set *set;
	struct ush_error err;
	char text[1024] = "10.0.0.0/8\n";

	ush_set_wrong = on_wrong;
	set = make(USH_MAP, "a 1\nb\na 2\n\nc 3\nd\n");
	ck_assert_uint_eq(ush_set_count(set), 2);
	ck_assert_pstr_eq(get(set, "a"), "1");
	ck_assert_pstr_eq(get(set, "c"), "3");
	ush_set_free(set);
	ck_assert_int_eq(told.n, 3);
	ck_assert_int_eq(told.lines[0], 2);
	ck_assert_int_eq(told.lines[1], 6);
	ck_assert_int_eq(told.lines[2], 3);
	ck_assert_ptr_nonnull(strstr(told.last,
	    "list.txt:3: the key 'a' stands in line 1 already; remove"));
	told.n = 0;
	set = try_bytes(USH_SET, "a\nb\0\nc", 6, &err);
	ck_assert_uint_eq(ush_set_count(set), 2);
	ck_assert_int_eq(told.n, 1);
	ush_set_free(set);
	told.n = 0;
	for (int i = 0; i < USH_SET_TOLD; i++)
		strcat(text, "x\n");
	set = make(USH_NETWORKS, text);
	ck_assert_int_eq(told.n, USH_SET_TOLD);
	ck_assert_uint_eq(told.more, 0);
	ush_set_free(set);
	told.n = 0;
	set = make(USH_NETWORKS, strcat(text, "y\nz\n192.0.2.1\n"));
	ck_assert_uint_eq(ush_set_count(set), 2);
	ck_assert_int_eq(told.n, USH_SET_TOLD);
	ck_assert_int_eq(told.lines[9], 11);
	ck_assert_uint_eq(told.more, 2);
	ush_set_free(set);
	ush_set_wrong = NULL;
}
END_TEST

START_TEST(keys_that_stand_twice_are_told_quickly)
{
	enum { N = 200000, WIDTH = 8 };
	char *text = malloc(2 * N * WIDTH + 1);
	struct ush_set *set;

	for (int i = 0; i < 2 * N; i++)
		snprintf(text + i * WIDTH, WIDTH + 1, "%05x 1\n",
		    (unsigned int)i % N);
	ush_set_wrong = on_wrong;
	set = make(USH_MAP, text);
	ush_set_wrong = NULL;
	ck_assert_uint_eq(ush_set_count(set), N);
	ck_assert_int_eq(told.n, USH_SET_TOLD);
	ck_assert_uint_eq(told.more, N - USH_SET_TOLD);
	ush_set_free(set);
	free(text);
}
END_TEST

/* Addresses, and how they are written; NULL: none. */
static const struct {
	const char *text, *written;
} addresses[] = {
    {"192.0.2.1", "192.0.2.1"},
    {"0.0.0.0", "0.0.0.0"},
    {"255.255.255.255", "255.255.255.255"},
    {"::", "::"},
    {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
    {"::ffff:192.0.2.1", "192.0.2.1"},
    {"::FFFF:c000:0201", "192.0.2.1"},
    {"::192.0.2.1", "::192.0.2.1"},
    {"::fffe:192.0.2.1", "::fffe:c000:201"},
    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    {"", NULL},
    {" 192.0.2.1", NULL},
    {"192.0.2.1 ", NULL},
    {"192.0.2", NULL},
    {"192.0.2.256", NULL},
    {"192.0.2.1/32", NULL},
    {"0x7f.1", NULL},
    {":::", NULL},
    {"[::1]", NULL},
    {"1:2:3:4:5:6:7", NULL},
    {"fe80::1%1", NULL},
    {"00000000000000000000000000000000000000000000000000000000::", NULL},
};

START_TEST(addresses_are_read_and_written)
{
	char text[USH_IP_TEXT];
	struct ush_ip ip;
	const char *from = addresses[_i].text;

	if (!addresses[_i].written) {
		ck_assert_int_ne(ush_ip_parse(from, strlen(from), &ip), 0);
		return;
	}
	ck_assert_int_eq(ush_ip_parse(from, strlen(from), &ip), 0);
	ush_ip_print(&ip, text);
	ck_assert_str_eq(text, addresses[_i].written);
	ck_assert_int_ne(ush_ip_parse(from, strlen(from) + 1, &ip), 0);
}
END_TEST

START_TEST(networks_cover_addresses)
{
	struct ush_set *set =
	    make(USH_NETWORKS, "10.0.0.0/8\r\n"
			       "10.1.0.0/16 # within the first\n"
			       "192.0.2.7\n"
			       "192.0.2.7/32\n"
			       "::ffff:203.0.113.0/120\n"
			       "2001:db8::/32\n"
			       "2001:db8:1::/48\n"
			       "fe80::1\n");

	ck_assert_uint_eq(ush_set_count(set), 5);
	ck_assert(covers(set, "10.0.0.0") && covers(set, "10.255.255.255") &&
		  covers(set, "10.1.2.3") && covers(set, "192.0.2.7") &&
		  covers(set, "203.0.113.255") && covers(set, "2001:db8::") &&
		  covers(set, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff") &&
		  covers(set, "fe80::1") && covers(set, "::ffff:10.2.3.4"));
	ck_assert(!covers(set, "9.255.255.255") && !covers(set, "11.0.0.0") &&
		  !covers(set, "192.0.2.6") && !covers(set, "192.0.2.8") &&
		  !covers(set, "203.0.114.0") && !covers(set, "2001:db9::") &&
		  !covers(set, "2001:db7:ffff::") && !covers(set, "fe80::2") &&
		  !covers(set, "fe80::") && !covers(set, "::10.0.0.1") &&
		  !covers(set, "0.0.0.0") && !covers(set, "255.255.255.255"));
	ush_set_free(set);
	set = make(USH_NETWORKS, "0.0.0.0/0\n1.2.3.4\n");
	ck_assert_uint_eq(ush_set_count(set), 1);
	ck_assert(covers(set, "255.255.255.255") && covers(set, "0.0.0.0") &&
		  covers(set, "::ffff:1.1.1.1") && !covers(set, "::1"));
	ush_set_free(set);
	set = make(USH_NETWORKS, "::/0\n");
	ck_assert(covers(set, "::1") && covers(set, "ffff::") &&
		  !covers(set, "1.2.3.4") && !covers(set, "::ffff:1.2.3.4"));
	ush_set_free(set);
}
END_TEST

static uint32_t seed;

static uint32_t
number(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)seed * below >> 32);
}

/* Few different bits, so that much overlaps. */
static struct ush_net
some_net(void)
{
	struct ush_net net = {.ip.six = number(2)};

	net.bits = number(ush_ip_width(&net.ip) + 1);
	net.ip.low = number(4) << 30 | number(4) << 8 | number(4);
	if (net.ip.six)
		net.ip.high = (uint64_t)number(4) << 62 | number(4);
	if (!net.ip.six)
		net.ip.low &= UINT32_MAX;
	ush_ip_mask(&net.ip, net.bits);
	return net;
}

START_TEST(networks_cover_what_a_plain_walk_covers)
{
	struct ush_net nets[300], probe;
	struct ush_buffer text = {0};
	char line[USH_NET_TEXT];
	size_t n = 1 + number(_i < 20 ? 8 : COUNT(nets));
	struct ush_error err;
	struct ush_set *set;

	seed = (uint32_t)_i;
	for (size_t i = 0; i < n; i++) {
		nets[i] = some_net();
		ush_net_print(&nets[i], line);
		ush_buffer_printf(&text, "%s\n", line);
	}
	set = ush_set_new(USH_NETWORKS, &text, key, "x", &err);
	ck_assert_ptr_nonnull(set);
	ck_assert_uint_le(ush_set_count(set), n);
	for (int i = 0; i < 2000; i++) {
		bool want = false;

		probe = some_net();
		for (size_t j = 0; j < n && !want; j++)
			want = ush_net_has(&nets[j], &probe.ip);
		ck_assert_int_eq(ush_set_covers(set, &probe.ip), want);
	}
	ush_set_free(set);
}
END_TEST

START_TEST(many_entries_are_all_found)
{
	enum { MANY = 200000 };
	struct ush_buffer text = {0};
	struct ush_error err;
	struct ush_set *set;
	char entry[32], value[32];

	for (int i = 0; i < MANY; i++)
		ush_buffer_printf(&text, "key-%d value %d\n", 2 * i, i);
	set = ush_set_new(USH_MAP, &text, key, "x", &err);
	ck_assert_ptr_nonnull(set);
	ck_assert_uint_eq(ush_set_count(set), MANY);
	ck_assert_uint_lt(ush_set_bytes(set), MANY * (100 + 24));
	for (int i = 0; i < MANY; i++) {
		snprintf(entry, sizeof entry, "key-%d", 2 * i);
		snprintf(value, sizeof value, "value %d", i);
		ck_assert_str_eq(get(set, entry), value);
		snprintf(entry, sizeof entry, "key-%d", 2 * i + 1);
		ck_assert_ptr_null(get(set, entry));
	}
	ush_set_free(set);
}
END_TEST

/* All texts of up to five of these bytes, so with every ending. */
START_TEST(every_short_text_is_taken_or_refused)
{
	static const char bytes[] = "a #\r\n\t\0:1/\xef";
	enum { BYTES = sizeof bytes - 1, LENGTH = 5 };
	int digits[LENGTH] = {0}, taken = 0;
	struct ush_error err;
	struct ush_set *set;
	char text[LENGTH];

	for (long n = 0; n < 161051; n++) {
		long rest = n;

		for (int i = 0; i < LENGTH; i++, rest /= BYTES)
			digits[i] = (int)(rest % BYTES);
		for (int i = 0; i < LENGTH; i++)
			text[i] = bytes[digits[i]];
		set = try_bytes((enum ush_set_kind)_i, text,
		    (size_t)(n % (LENGTH + 1)), &err);
		taken += set != NULL;
		ck_assert(set || err.line > 0);
		ush_set_free(set);
	}
	ck_assert_int_gt(taken, 1000);
}
END_TEST

START_TEST(a_failed_allocation_is_an_error)
{
	static const char *const texts[] = {
	    [USH_SET] = "a\nb\n",
	    [USH_MAP] = "a 1\nb 2\n",
	    [USH_NETWORKS] = "1.2.3.4\n::1\n",
	};
	struct ush_set *set = NULL;
	struct ush_error err;
	int n = 0;

	while (!set && n < 100) {
		failing_at = ++n;
		set = try_bytes(
		    (enum ush_set_kind)_i, texts[_i], strlen(texts[_i]), &err);
		if (!set && err.code != USH_OK)
			ck_assert_int_eq(err.code, USH_ERROR_SYSTEM);
	}
	ck_assert_int_gt(n, 3);
	ck_assert_ptr_nonnull(set);
	ck_assert_uint_eq(ush_set_count(set), 2);
	ush_set_free(set);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sets");
	TCase *tc = tests_case("sets", 60);

	tcase_add_test(tc, a_set_has_one_entry_a_line);
	tcase_add_test(tc, a_map_has_a_key_and_a_value);
	tcase_add_test(tc, empty_files_are_empty_sets);
	tcase_add_loop_test(
	    tc, errors_name_the_line_and_the_remedy, 0, COUNT(wrong));
	tcase_add_test(tc, nul_bytes_and_long_lines_are_errors);
	tcase_add_test(tc, all_wrong_lines_are_told_and_left_out);
	tcase_add_test(tc, keys_that_stand_twice_are_told_quickly);
	tcase_add_loop_test(
	    tc, addresses_are_read_and_written, 0, COUNT(addresses));
	tcase_add_test(tc, networks_cover_addresses);
	tcase_add_loop_test(tc, networks_cover_what_a_plain_walk_covers, 0, 60);
	tcase_add_test(tc, many_entries_are_all_found);
	tcase_add_loop_test(
	    tc, every_short_text_is_taken_or_refused, 0, USH_SET_KINDS);
	tcase_add_loop_test(
	    tc, a_failed_allocation_is_an_error, 0, USH_SET_KINDS);
	suite_add_tcase(suite, tc);
	return tests_run(suite);
}
