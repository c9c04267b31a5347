/*
 * SPDX-License-Identifier: MIT
 *
 * Tests of src/data/cbor: writer and reader of CBOR (RFC 8949).
 *
 * Writing
 *  1. Integers take the shortest form
 *  2. Numbers are integers where they are whole, and doubles otherwise
 *  3. Every NaN is written as the same one
 *  4. Strings are text where they are ASCII, and bytes otherwise
 *  5. ASCII is told from other bytes at every length and place
 *  6. Heads of every size are written
 *  7. A map whose size is known at last gets the head that it needs
 *  8. A writer never goes over its end and stays overflowed
 * Reading
 *  9. The examples of RFC 8949 are read
 * 10. Integers of all widths are read, also longer than need be
 * 11. What was written is read back
 * 12. Cut at any byte it is refused, and the reader does not move
 * 13. Lengths beyond the end are refused
 * 14. Reserved and unknown first bytes are refused
 * Skipping
 * 15. One whole item is skipped, and no more
 * 16. What is not well-formed is not skipped
 * 17. Nesting is followed to its limit, and no deeper
 * 18. Long chains of tags are skipped
 * 19. What is skipped is what libcbor takes for an item
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cbor.h>
#include <check.h>

#include "data/cbor.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static unsigned char buf[1 << 20];
static struct ush_cbor_writer w;

static void
set_up(void)
{
	ush_cbor_writer_init(&w, buf, sizeof buf);
}

static unsigned int
nibble(char c)
{
	return (unsigned int)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* Bytes from hex digits, in memory of exactly their size: a read past the end
 * is seen by a sanitizer. */
static unsigned char *
unhex(const char *hex, size_t *len)
{
	unsigned char *bytes;
	size_t i;

	*len = strlen(hex) / 2;
	bytes = malloc(*len > 0 ? *len : 1);
	for (i = 0; i < *len; i++)
		bytes[i] = (unsigned char)(nibble(hex[2 * i]) << 4 |
					   nibble(hex[2 * i + 1]));
	return bytes;
}

static void
check_written(const char *hex)
{
	size_t len;
	unsigned char *bytes = unhex(hex, &len);

	ck_assert(!w.overflow);
	ck_assert_mem_eq(buf, bytes, len);
	ck_assert_uint_eq(ush_cbor_written(&w), len);
	free(bytes);
	set_up();
}

START_TEST(integers_take_the_shortest_form)
{
	static const struct {
		int64_t value;
		const char *hex;
	} cases[] = {{0, "00"}, {23, "17"}, {24, "1818"}, {255, "18ff"},
	    {256, "190100"}, {65535, "19ffff"}, {65536, "1a00010000"},
	    {4294967295, "1affffffff"}, {4294967296, "1b0000000100000000"},
	    {INT64_MAX, "1b7fffffffffffffff"}, {-1, "20"}, {-24, "37"},
	    {-25, "3818"}, {-256, "38ff"}, {-257, "390100"},
	    {INT64_MIN, "3b7fffffffffffffff"}};
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		ush_cbor_put_int(&w, cases[i].value);
		check_written(cases[i].hex);
	}
	ush_cbor_put_uint(&w, UINT64_MAX);
	check_written("1bffffffffffffffff");
}
END_TEST

START_TEST(numbers_are_integers_where_they_are_whole)
{
	static const struct {
		double value;
		const char *hex;
	} cases[] = {{0, "00"}, {-0.0, "fb8000000000000000"}, {7, "07"},
	    {-7, "26"}, {0.5, "fb3fe0000000000000"},
	    {9007199254740992.0, "1b0020000000000000"},
	    {-9007199254740992.0, "3b001fffffffffffff"},
	    {9007199254740994.0, "fb4340000000000001"},
	    {-1e300, "fbfe37e43c8800759c"}, {INFINITY, "fb7ff0000000000000"},
	    {-INFINITY, "fbfff0000000000000"}, {NAN, "fb7ff8000000000000"}};
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		ush_cbor_put_number(&w, cases[i].value);
		check_written(cases[i].hex);
	}
}
END_TEST

START_TEST(every_nan_is_written_as_the_same_one)
{
	static const uint64_t nans[] = {
	    0xFFF8000000000000, 0x7FF0000000000001, 0xFFFFFFFFFFFFFFFF};
	double nan;
	size_t i;

	for (i = 0; i < COUNT(nans); i++) {
		memcpy(&nan, &nans[i], sizeof nan);
		ush_cbor_put_double(&w, nan);
		check_written("fb7ff8000000000000");
	}
}
END_TEST

START_TEST(strings_are_text_where_they_are_ascii)
{
	ush_cbor_put_string(&w, "IETF", 4);
	check_written("6449455446");
	ush_cbor_put_string(&w, "\xc3\xbc", 2);
	check_written("42c3bc");
	ush_cbor_put_string(&w, "", 0);
	check_written("60");
	ush_cbor_put_string(&w, NULL, 0);
	check_written("60");
	ush_cbor_put_string(&w, "a\0\x7f", 3);
	check_written("6361007f");
	ush_cbor_put_bytes(&w, "a", 1);
	ush_cbor_put_text(&w, "\xff", 1);
	ush_cbor_put_raw(&w, "\xf6", 1);
	check_written("416161fff6");
}
END_TEST

START_TEST(ascii_is_told_at_every_length_and_place)
{
	unsigned char *p;
	size_t len, i;

	for (len = 0; len < 40; len++) {
		p = malloc(len > 0 ? len : 1);
		memset(p, 0x7F, len);
		ck_assert(ush_cbor_is_ascii(p, len));
		for (i = 0; i < len; i++) {
			p[i] = 0x80;
			ck_assert(!ush_cbor_is_ascii(p, len));
			p[i] = 0;
		}
		free(p);
	}
}
END_TEST

START_TEST(heads_of_every_size_are_written)
{
	static const char source[65536];

	ush_cbor_put_array(&w, 23);
	ush_cbor_put_array(&w, 24);
	ush_cbor_put_map(&w, 23);
	ush_cbor_put_map(&w, 65536);
	ush_cbor_put_tag(&w, 1);
	ush_cbor_put_tag(&w, 0x55534852);
	check_written("979818b7ba00010000c1da55534852");
	ush_cbor_put_bool(&w, true);
	ush_cbor_put_bool(&w, false);
	ush_cbor_put_null(&w);
	ush_cbor_put_undefined(&w);
	check_written("f5f4f6f7");
	ush_cbor_put_text(&w, source, 24);
	ck_assert_mem_eq(buf, "\x78\x18", 2);
	ck_assert_uint_eq(ush_cbor_written(&w), 26);
	ush_cbor_put_bytes(&w, source, 65536);
	ck_assert_mem_eq(buf + 26, "\x5a\0\x01\0\0", 5);
	ck_assert_uint_eq(ush_cbor_written(&w), 26 + 5 + 65536);
}
END_TEST

START_TEST(a_map_whose_size_is_known_at_last_gets_its_head)
{
	static const struct {
		unsigned int pairs;
		const char *head;
		size_t len;
	} cases[] = {{0, "\xa0", 1}, {23, "\xb7", 1}, {24, "\xb8\x18", 2},
	    {255, "\xb8\xff", 2}, {256, "\xb9\x01\x00", 3},
	    {65536, "\xba\0\x01\0\0", 5}};
	size_t i, mark, expected;
	unsigned int k;

	for (i = 0; i < COUNT(cases); i++) {
		set_up();
		ush_cbor_put_array(&w, 1);
		mark = ush_cbor_open_map(&w);
		for (k = 0; k < cases[i].pairs; k++) {
			ush_cbor_put_uint(&w, k & 15);
			ush_cbor_put_bool(&w, true);
		}
		ush_cbor_close_map(&w, mark, cases[i].pairs);
		expected = 1 + cases[i].len + 2 * cases[i].pairs;
		ck_assert_uint_eq(ush_cbor_written(&w), expected);
		ck_assert_mem_eq(buf + 1, cases[i].head, cases[i].len);
		for (k = 0; k < cases[i].pairs; k++)
			ck_assert_uint_eq(
			    buf[1 + cases[i].len + 2 * k], k & 15);
	}
}
END_TEST

/* Some of everything. */
static void
put_all(struct ush_cbor_writer *to)
{
	size_t mark;
	int i;

	ush_cbor_put_tag(to, 0x55534852);
	ush_cbor_put_array(to, 12);
	ush_cbor_put_uint(to, 1);
	ush_cbor_put_uint(to, 1790000000);
	ush_cbor_put_int(to, -500);
	ush_cbor_put_double(to, 1.5);
	ush_cbor_put_bool(to, true);
	ush_cbor_put_null(to);
	ush_cbor_put_undefined(to);
	ush_cbor_put_bytes(to, "\xff\xfe", 2);
	ush_cbor_put_text(to, "a text that is longer than 23 bytes", 35);
	ush_cbor_put_map(to, 1);
	ush_cbor_put_string(to, "k", 1);
	ush_cbor_put_string(to, "", 0);
	ush_cbor_put_array(to, 0);
	mark = ush_cbor_open_map(to);
	for (i = 0; i < 30; i++) {
		ush_cbor_put_int(to, i);
		ush_cbor_put_number(to, -i);
	}
	ush_cbor_close_map(to, mark, 30);
}

START_TEST(a_writer_never_goes_over_its_end)
{
	size_t full, cap;
	unsigned char *small;

	put_all(&w);
	full = ush_cbor_written(&w);
	for (cap = 0; cap <= full; cap++) {
		struct ush_cbor_writer s;

		small = malloc(cap > 0 ? cap : 1);
		ush_cbor_writer_init(&s, small, cap);
		put_all(&s);
		ck_assert_int_eq(s.overflow, cap < full);
		if (cap == full)
			ck_assert_mem_eq(small, buf, full);
		ck_assert_uint_le(ush_cbor_written(&s), cap);
		free(small);
	}
	ush_cbor_writer_init(&w, buf, 3);
	ush_cbor_put_uint(&w, 1000);
	ush_cbor_put_text(&w, "x", 1);
	ck_assert(w.overflow);
	ush_cbor_put_bool(&w, true);
	ush_cbor_put_raw(&w, "", 0);
	ck_assert(w.overflow);
	ck_assert_uint_le(ush_cbor_written(&w), 4);
}
END_TEST

/* Reading. What is to be seen is written as a word: "u1000", "n0" (-1),
 * "d1.5", "s4" (text), "b4", "a3", "m2", "t32", true, false, null, undefined,
 * break; an indefinite one with "*". */

static void
describe(const struct ush_cbor_item *item, char *out, size_t cap)
{
	static const char letters[] = "unbsamt";
	static const char *const words[] = {"null", "undefined", "break"};

	if (item->indefinite)
		snprintf(out, cap, "%c*", letters[item->type]);
	else if (item->type == USH_CBOR_DOUBLE)
		snprintf(out, cap, "d%.17g", item->u.number);
	else if (item->type == USH_CBOR_BOOL)
		snprintf(out, cap, "%s", item->u.boolean ? "true" : "false");
	else if (item->type >= USH_CBOR_NULL)
		snprintf(out, cap, "%s", words[item->type - USH_CBOR_NULL]);
	else
		snprintf(out, cap, "%c%llu", letters[item->type],
		    item->type == USH_CBOR_BYTES || item->type == USH_CBOR_TEXT
			? (unsigned long long)item->u.string.len
			: (unsigned long long)item->u.integer);
}

/* All items of the bytes in words; "-" at the end if one is refused. */
static void
read_all(const unsigned char *bytes, size_t len, char *out, size_t cap)
{
	struct ush_cbor_reader r;
	struct ush_cbor_item item;
	size_t at = 0;

	*out = '\0';
	ush_cbor_reader_init(&r, bytes, len);
	while (!ush_cbor_at_end(&r)) {
		if (at > 0)
			out[at++] = ' ';
		if (ush_cbor_next(&r, &item) != 0) {
			snprintf(out + at, cap - at, "-");
			return;
		}
		describe(&item, out + at, cap - at);
		at += strlen(out + at);
	}
}

struct example {
	const char *hex, *items;
};

static void
check_examples(const struct example *examples, size_t n)
{
	char items[512];
	unsigned char *bytes;
	size_t i, len;

	for (i = 0; i < n; i++) {
		bytes = unhex(examples[i].hex, &len);
		read_all(bytes, len, items, sizeof items);
		ck_assert_msg(!strcmp(items, examples[i].items),
		    "%s: %s, not %s", examples[i].hex, items,
		    examples[i].items);
		free(bytes);
	}
}

START_TEST(the_examples_of_rfc_8949_are_read)
{
	static const struct example examples[] = {
	    {"00", "u0"},
	    {"17", "u23"},
	    {"1818", "u24"},
	    {"1903e8", "u1000"},
	    {"1a000f4240", "u1000000"},
	    {"1b000000e8d4a51000", "u1000000000000"},
	    {"1bffffffffffffffff", "u18446744073709551615"},
	    {"c249010000000000000000", "t2 b9"},
	    {"3bffffffffffffffff", "n18446744073709551615"},
	    {"20", "n0"},
	    {"3863", "n99"},
	    {"3903e7", "n999"},
	    {"f90000", "d0"},
	    {"f98000", "d-0"},
	    {"f93c00", "d1"},
	    {"fb3ff199999999999a", "d1.1000000000000001"},
	    {"f93e00", "d1.5"},
	    {"f97bff", "d65504"},
	    {"fa47c35000", "d100000"},
	    {"fa7f7fffff", "d3.4028234663852886e+38"},
	    {"fb7e37e43c8800759c", "d1.0000000000000001e+300"},
	    {"f90001", "d5.9604644775390625e-08"},
	    {"f90400", "d6.103515625e-05"},
	    {"f9c400", "d-4"},
	    {"fbc010666666666666", "d-4.0999999999999996"},
	    {"f97c00", "dinf"},
	    {"f97e00", "dnan"},
	    {"f9fc00", "d-inf"},
	    {"fa7f800000", "dinf"},
	    {"fa7fc00000", "dnan"},
	    {"faff800000", "d-inf"},
	    {"fb7ff0000000000000", "dinf"},
	    {"fb7ff8000000000000", "dnan"},
	    {"fbfff0000000000000", "d-inf"},
	    {"f4", "false"},
	    {"f5", "true"},
	    {"f6", "null"},
	    {"f7", "undefined"},
	    {"c11a514b67b0", "t1 u1363896240"},
	    {"d74401020304", "t23 b4"},
	    {"d818456449455446", "t24 b5"},
	    {"40", "b0"},
	    {"4401020304", "b4"},
	    {"60", "s0"},
	    {"6161", "s1"},
	    {"62225c", "s2"},
	    {"64f0908591", "s4"},
	    {"80", "a0"},
	    {"83010203", "a3 u1 u2 u3"},
	    {"8301820203820405", "a3 u1 a2 u2 u3 a2 u4 u5"},
	    {"a0", "m0"},
	    {"a201020304", "m2 u1 u2 u3 u4"},
	    {"a26161016162820203", "m2 s1 u1 s1 a2 u2 u3"},
	    {"5f42010243030405ff", "b* b2 b3 break"},
	    {"7f657374726561646d696e67ff", "s* s5 s4 break"},
	    {"9fff", "a* break"},
	    {"9f018202039f0405ffff", "a* u1 a2 u2 u3 a* u4 u5 break break"},
	    {"83018202039f0405ff", "a3 u1 a2 u2 u3 a* u4 u5 break"},
	    {"bf61610161629f0203ffff", "m* s1 u1 s1 a* u2 u3 break break"},
	    {"826161bf61626163ff", "a2 s1 m* s1 s1 break"},
	};

	check_examples(examples, COUNT(examples));
}
END_TEST

START_TEST(integers_of_all_widths_are_read)
{
	static const struct example examples[] = {
	    {"1807", "u7"},
	    {"190007", "u7"},
	    {"1a00000007", "u7"},
	    {"1b0000000000000007", "u7"},
	    {"3807", "n7"},
	    {"390007", "n7"},
	    {"3a00000007", "n7"},
	    {"3b0000000000000007", "n7"},
	    {"580161", "b1"},
	    {"590001ff", "b1"},
	    {"5a0000000161", "b1"},
	    {"5b000000000000000161", "b1"},
	    {"780161", "s1"},
	    {"79000161", "s1"},
	    {"7a0000000161", "s1"},
	    {"7b000000000000000161", "s1"},
	    {"980100", "a1 u0"},
	    {"99000100", "a1 u0"},
	    {"9a0000000100", "a1 u0"},
	    {"9b000000000000000100", "a1 u0"},
	    {"b8010000", "m1 u0 u0"},
	    {"b900010000", "m1 u0 u0"},
	    {"ba000000010000", "m1 u0 u0"},
	    {"bb00000000000000010000", "m1 u0 u0"},
	    {"d80700", "t7 u0"},
	    {"d9000700", "t7 u0"},
	    {"da0000000700", "t7 u0"},
	    {"db000000000000000700", "t7 u0"},
	};

	check_examples(examples, COUNT(examples));
}
END_TEST

START_TEST(what_was_written_is_read_back)
{
	struct ush_cbor_reader r;
	struct ush_cbor_item item;
	char items[1024];
	size_t len;

	put_all(&w);
	len = ush_cbor_written(&w);
	read_all(buf, len, items, sizeof items);
	ck_assert(!strncmp(items,
	    "t1431521362 a12 u1 u1790000000 n499 d1.5 true null undefined b2 "
	    "s35 m1 s1 s0 a0 m30 u0 u0 u1 n0 u2 n1 ",
	    100));
	ush_cbor_reader_init(&r, buf, len);
	ck_assert_int_eq(ush_cbor_skip(&r), 0);
	ck_assert(ush_cbor_at_end(&r));
	set_up();
	ush_cbor_put_text(&w, "shop", 4);
	ush_cbor_reader_init(&r, buf, 5);
	ck_assert_int_eq(ush_cbor_next(&r, &item), 0);
	ck_assert_ptr_eq(item.u.string.p, buf + 1);
}
END_TEST

START_TEST(cut_at_any_byte_it_is_refused)
{
	static const char *const heads[] = {"1818", "1903e8", "1a000f4240",
	    "1b000000e8d4a51000", "3863", "3903e7", "3a00010000",
	    "3b0000000100000000", "f93c00", "fa47c35000", "fb3ff199999999999a",
	    "d818", "d90100", "da55534852", "db0000000100000000", "6161",
	    "4401020304", "780161", "5900020102"};
	struct ush_cbor_reader r;
	struct ush_cbor_item item;
	unsigned char *whole, *part;
	size_t i, len, cut;

	for (i = 0; i < COUNT(heads); i++) {
		whole = unhex(heads[i], &len);
		for (cut = 0; cut < len; cut++) {
			part = malloc(cut > 0 ? cut : 1);
			memcpy(part, whole, cut);
			ush_cbor_reader_init(&r, part, cut);
			ck_assert_int_eq(ush_cbor_next(&r, &item), -1);
			ck_assert_int_eq(ush_cbor_skip(&r), -1);
			ck_assert_ptr_eq(r.p, part);
			free(part);
		}
		free(whole);
	}
}
END_TEST

START_TEST(lengths_beyond_the_end_are_refused)
{
	static const struct example examples[] = {
	    {"62aa", "-"},
	    {"58ff00", "-"},
	    {"5bffffffffffffffff00", "-"},
	    {"7bfffffffffffffff700", "-"},
	    {"5b800000000000000000", "-"},
	    {"820100", "a2 u1 u0"},
	    {"8301", "-"},
	    {"98ff00", "-"},
	    {"9bffffffffffffffff00", "-"},
	    {"a100", "-"},
	    {"a2000000", "-"},
	    {"bb800000000000000000", "-"},
	    {"bb7fffffffffffffff00", "-"},
	    {"bbffffffffffffffff00", "-"},
	};

	check_examples(examples, COUNT(examples));
}
END_TEST

START_TEST(reserved_and_unknown_first_bytes_are_refused)
{
	struct ush_cbor_reader r;
	struct ush_cbor_item item;
	unsigned int first, info;
	unsigned char bytes[16] = {0};

	for (first = 0; first < 256; first++) {
		info = first & 31;
		if (!((info >= 28 && info <= 30) || first == 0x1F ||
			first == 0x3F || first == 0xDF ||
			(first >= 0xE0 && first < 0xF4) || first == 0xF8))
			continue;
		bytes[0] = (unsigned char)first;
		ush_cbor_reader_init(&r, bytes, sizeof bytes);
		ck_assert_msg(ush_cbor_next(&r, &item) == -1, "%02x", first);
	}
}
END_TEST

/* Skipping */

static int
skip_hex(const char *hex, size_t *skipped)
{
	struct ush_cbor_reader r;
	size_t len;
	unsigned char *bytes = unhex(hex, &len);
	int result;

	ush_cbor_reader_init(&r, bytes, len);
	result = ush_cbor_skip(&r);
	*skipped = (size_t)(r.p - bytes);
	free(bytes);
	return result;
}

START_TEST(one_whole_item_is_skipped)
{
	/* Each is followed by one byte more. */
	static const char *const items[] = {"0000", "f6ff", "6161ff", "80ff",
	    "a0ff", "8301020300", "8301820203820405ff", "a26161016162820203ff",
	    "5fff00", "5f42010243030405ff00", "7fff00",
	    "7f657374726561646d696e67ff00", "9fffff", "9f018202039f0405ffff00",
	    "bfffff", "bf61610161629f0203ffff00", "826161bf61626163ff00",
	    "d818456449455446ff", "c1c2c300ff", "9fc100ff00", "81818180ff",
	    "82815f40ff8000", "a15f40ff8100ff", "819f8100ffff"};
	size_t i, skipped;

	for (i = 0; i < COUNT(items); i++) {
		ck_assert_msg(
		    skip_hex(items[i], &skipped) == 0, "%s", items[i]);
		ck_assert_msg(skipped == strlen(items[i]) / 2 - 1,
		    "%s: %zu skipped", items[i], skipped);
	}
}
END_TEST

START_TEST(what_is_not_well_formed_is_not_skipped)
{
	static const char *const items[] = {"", "ff", "81", "81ff", "9f",
	    "9f00", "bf00", "bf00ff", "bf0000", "bf000000ff", "a1ff00",
	    "a100ff", "5f", "5f00ff", "5f6161ff", "7f4161ff", "5f5f4100ffff",
	    "7f7f6100ffff", "5fc14100ff", "5ff6ff", "5f80ff", "c1", "c1ff",
	    "9fc1ff", "81c1", "bf00c1ff", "fc", "1c", "81fe", "9f9fff",
	    "82815f40ff"};
	size_t i, skipped;

	for (i = 0; i < COUNT(items); i++) {
		ck_assert_msg(
		    skip_hex(items[i], &skipped) == -1, "%s", items[i]);
		ck_assert_uint_eq(skipped, 0);
	}
}
END_TEST

static int
skip_nested(const char *opener, size_t depth, const char *inner, bool ends)
{
	char hex[400] = "";
	size_t i, skipped;

	for (i = 0; i < depth; i++)
		strcat(hex, opener);
	strcat(hex, inner);
	for (i = 0; ends && i < depth; i++)
		strcat(hex, "ff");
	return skip_hex(hex, &skipped);
}

START_TEST(nesting_is_followed_to_its_limit)
{
	ck_assert_int_eq(skip_nested("81", USH_CBOR_DEPTH, "00", false), 0);
	ck_assert_int_eq(
	    skip_nested("81", USH_CBOR_DEPTH + 1, "00", false), -1);
	ck_assert_int_eq(skip_nested("9f", USH_CBOR_DEPTH, "", true), 0);
	ck_assert_int_eq(skip_nested("9f", USH_CBOR_DEPTH + 1, "", true), -1);
	ck_assert_int_eq(skip_nested("a100", USH_CBOR_DEPTH, "f6", false), 0);
	ck_assert_int_eq(
	    skip_nested("a100", USH_CBOR_DEPTH + 1, "f6", false), -1);
	/* What holds nothing is not nested. */
	ck_assert_int_eq(skip_nested("81", USH_CBOR_DEPTH, "80", false), 0);
	ck_assert_int_eq(skip_nested("81", USH_CBOR_DEPTH, "5fff", false), -1);
}
END_TEST

START_TEST(long_chains_of_tags_are_skipped)
{
	struct ush_cbor_reader r;

	memset(buf, 0xC1, 100000);
	ush_cbor_reader_init(&r, buf, 100000);
	ck_assert_int_eq(ush_cbor_skip(&r), -1);
	buf[99999] = 0;
	ck_assert_int_eq(ush_cbor_skip(&r), 0);
	ck_assert(ush_cbor_at_end(&r));
}
END_TEST

/* Bytes that are often CBOR. Text is left out, because libcbor wants it to be
 * UTF-8, and so are the tags 6 to 20, which libcbor 0.8 refuses. */
static unsigned char
likely_byte(uint64_t random)
{
	static const unsigned char likely[] = {0x00, 0x20, 0x41, 0x40, 0x81,
	    0x82, 0xA1, 0x9F, 0xBF, 0x5F, 0x80, 0xFF, 0xC1, 0xF6, 0xF9, 0x18};
	unsigned char byte = (unsigned char)(random >> 33);

	if (random >> 60 < 13 || (byte >= 0x60 && byte < 0x80) ||
	    (byte >= 0xC6 && byte < 0xD5))
		return likely[random >> 50 & (sizeof likely - 1)];
	return byte;
}

static size_t
scribble(unsigned char *p, size_t max, uint64_t *seed)
{
	size_t len = 1 + (*seed >> 40) % max, i;

	for (i = 0; i < len; i++) {
		*seed = *seed * 6364136223846793005u + 1442695040888963407u;
		p[i] = likely_byte(*seed);
	}
	return len;
}

START_TEST(what_is_skipped_is_what_libcbor_takes_for_an_item)
{
	struct cbor_load_result result;
	struct ush_cbor_reader r;
	unsigned char *p;
	uint64_t seed = 1;
	size_t len, accepted = 0;
	cbor_item_t *item;
	int i;

	for (i = 0; i < 100000; i++) {
		len = scribble(buf, 12, &seed);
		p = malloc(len);
		memcpy(p, buf, len);
		ush_cbor_reader_init(&r, p, len);
		if (ush_cbor_skip(&r) == 0) {
			accepted++;
			item = cbor_load(p, len, &result);
			ck_assert_ptr_nonnull(item);
			ck_assert_uint_eq(
			    result.read, (uintptr_t)r.p - (uintptr_t)p);
			cbor_decref(&item);
		}
		free(p);
	}
	ck_assert_uint_gt(accepted, 10000);
}
END_TEST

static void
add_writing(Suite *suite)
{
	TCase *tc = tcase_create("writing");

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, set_up, NULL);
	tcase_add_test(tc, integers_take_the_shortest_form);
	tcase_add_test(tc, numbers_are_integers_where_they_are_whole);
	tcase_add_test(tc, every_nan_is_written_as_the_same_one);
	tcase_add_test(tc, strings_are_text_where_they_are_ascii);
	tcase_add_test(tc, ascii_is_told_at_every_length_and_place);
	tcase_add_test(tc, heads_of_every_size_are_written);
	tcase_add_test(tc, a_map_whose_size_is_known_at_last_gets_its_head);
	tcase_add_test(tc, a_writer_never_goes_over_its_end);
}

static void
add_reading(Suite *suite)
{
	TCase *tc = tcase_create("reading");

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, set_up, NULL);
	tcase_add_test(tc, the_examples_of_rfc_8949_are_read);
	tcase_add_test(tc, integers_of_all_widths_are_read);
	tcase_add_test(tc, what_was_written_is_read_back);
	tcase_add_test(tc, cut_at_any_byte_it_is_refused);
	tcase_add_test(tc, lengths_beyond_the_end_are_refused);
	tcase_add_test(tc, reserved_and_unknown_first_bytes_are_refused);
}

static void
add_skipping(Suite *suite)
{
	TCase *tc = tcase_create("skipping");

	suite_add_tcase(suite, tc);
	tcase_add_test(tc, one_whole_item_is_skipped);
	tcase_add_test(tc, what_is_not_well_formed_is_not_skipped);
	tcase_add_test(tc, nesting_is_followed_to_its_limit);
	tcase_add_test(tc, long_chains_of_tags_are_skipped);
	tcase_add_test(tc, what_is_skipped_is_what_libcbor_takes_for_an_item);
}

int
main(void)
{
	Suite *suite = suite_create("cbor");
	SRunner *runner = srunner_create(suite);
	int failed;

	add_writing(suite);
	add_reading(suite);
	add_skipping(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
