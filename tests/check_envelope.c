/*
 * SPDX-License-Identifier: MIT
 *
 * Tests of src/data/envelope: what Usher puts around the data in a ticket.
 *
 *  1. The bytes of an envelope are these, for ever
 *  2. They are read back field by field
 *  3. What there is none of reads as none
 *  4. An empty string, an empty table and empty host data are not none
 *  5. Names of any bytes come back
 *  6. The host's bytes come back, whatever they are
 *  7. An envelope around two short strings is under 96 bytes
 *  8. A negative auth_time is written as none
 *  9. An envelope that does not fit overflows at every size
 * 10. Cut at any byte, or with a byte more, it is none, or its data are none
 * 11. A field of a wrong type or size makes it none
 * 12. Other encoders' forms of the same fields are read
 * 13. An unknown version is told apart
 * 14. A future format, of any shape, is told apart
 * 15. Bytes of a host's own are no envelope
 * 16. Mutated bytes never lead out of them
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "data/envelope.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* One field a row, as in the essay of envelope.c. */
static const unsigned char golden[83] =
    "\xDAUSHR"                             /* the tag */
    "\x89"                                 /* array of 9 */
    "\x01"                                 /* version */
    "\x48\1\2\3\4\5\6\7\10"                /* id */
    "\x1A\x6A\xB1\x3B\x80"                 /* auth_time */
    "\x03"                                 /* renewals */
    "\x6Cshop.example"                     /* server_name */
    "\x48\xA1\xA2\xA3\xA4\xA5\xA6\xA7\xA8" /* revision */
    "\x64shop"                             /* policy */
    "\x43\0\xFF\n"                         /* host */
    "\xA2"                                 /* data */
    "\x63sni"
    "\x6Cshop.example"
    "\x66tenant"
    "\x64"
    "acme";

static const struct ush_envelope shop = {
    .id = {1, 2, 3, 4, 5, 6, 7, 8},
    .revision = {0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8},
    .has_auth_time = true,
    .auth_time = 0x6AB13B80,
    .renewals = 3,
    .server_name = "shop.example",
    .server_name_len = 12,
    .policy = "shop",
    .policy_len = 4,
};

static unsigned char buf[4096];
static struct ush_cbor_writer w;
static struct ush_envelope got;

static void
set_up(void)
{
	ush_cbor_writer_init(&w, buf, sizeof buf);
}

static void
put_table(struct ush_cbor_writer *to)
{
	ush_cbor_put_map(to, 2);
	ush_cbor_put_string(to, "sni", 3);
	ush_cbor_put_string(to, "shop.example", 12);
	ush_cbor_put_string(to, "tenant", 6);
	ush_cbor_put_string(to, "acme", 4);
}

static void
put_shop(struct ush_cbor_writer *to)
{
	struct ush_envelope hosted = shop;

	hosted.host = (const unsigned char *)"\0\xff\n";
	hosted.host_len = 3;
	ush_envelope_begin(to, &hosted);
	put_table(to);
}

/* Reads from memory of exactly that size. */
static enum ush_envelope_kind
read_exactly(const void *bytes, size_t len)
{
	unsigned char *copy = malloc(len > 0 ? len : 1);
	enum ush_envelope_kind kind;

	memcpy(copy, bytes, len);
	kind = ush_envelope_read(copy, len, &got);
	ck_assert_int_eq(ush_envelope_is(copy, len), kind != USH_NOT_ENVELOPE);
	free(copy);
	return kind;
}

static enum ush_envelope_kind
read_written(void)
{
	ck_assert(!w.overflow);
	return ush_envelope_read(buf, ush_cbor_written(&w), &got);
}

START_TEST(the_bytes_of_an_envelope_are_these_for_ever)
{
	put_shop(&w);
	ck_assert(!w.overflow);
	ck_assert_uint_eq(ush_cbor_written(&w), sizeof golden);
	ck_assert_mem_eq(buf, golden, sizeof golden);
}
END_TEST

START_TEST(they_are_read_back_field_by_field)
{
	ck_assert_int_eq(
	    ush_envelope_read(golden, sizeof golden, &got), USH_ENVELOPE);
	ck_assert_mem_eq(got.id, shop.id, sizeof got.id);
	ck_assert_mem_eq(got.revision, shop.revision, sizeof got.revision);
	ck_assert(got.has_auth_time);
	ck_assert_int_eq(got.auth_time, 0x6AB13B80);
	ck_assert_uint_eq(got.renewals, 3);
	ck_assert_uint_eq(got.server_name_len, 12);
	ck_assert_mem_eq(got.server_name, "shop.example", 12);
	ck_assert_uint_eq(got.policy_len, 4);
	ck_assert_mem_eq(got.policy, "shop", 4);
	ck_assert_uint_eq(got.data_len, 30);
	ck_assert_uint_eq(got.data[0], 0xA2);
	ck_assert_uint_eq(got.host_len, 3);
	ck_assert_mem_eq(got.host, "\0\xff\n", 3);
	ck_assert_ptr_eq(got.host + 3, got.data);
	ck_assert_ptr_eq(got.data + 30, golden + sizeof golden);
}
END_TEST

START_TEST(what_there_is_none_of_reads_as_none)
{
	struct ush_envelope none = {0};

	ush_envelope_begin(&w, &none);
	ush_envelope_put_no_data(&w);
	ck_assert_int_eq(read_written(), USH_ENVELOPE);
	ck_assert(!got.has_auth_time);
	ck_assert_uint_eq(got.renewals, 0);
	ck_assert_ptr_null(got.server_name);
	ck_assert_ptr_null(got.policy);
	ck_assert_ptr_null(got.data);
	ck_assert_uint_eq(got.data_len, 0);
	ck_assert_ptr_null(got.host);
}
END_TEST

START_TEST(empty_is_not_none)
{
	struct ush_envelope empty = {
	    .server_name = "", .policy = "", .host = (const unsigned char *)""};

	ush_envelope_begin(&w, &empty);
	ush_cbor_put_map(&w, 0);
	ck_assert_int_eq(read_written(), USH_ENVELOPE);
	ck_assert_ptr_nonnull(got.server_name);
	ck_assert_uint_eq(got.server_name_len, 0);
	ck_assert_ptr_nonnull(got.policy);
	ck_assert_ptr_nonnull(got.host);
	ck_assert_uint_eq(got.host_len, 0);
	ck_assert_uint_eq(got.data_len, 1);
	/* A null that somebody stored is an item as any other. */
	set_up();
	ush_envelope_begin(&w, &empty);
	ush_cbor_put_null(&w);
	ck_assert_int_eq(read_written(), USH_ENVELOPE);
	ck_assert_uint_eq(got.data_len, 1);
}
END_TEST

START_TEST(names_of_any_bytes_come_back)
{
	struct ush_envelope odd = {.server_name = "\xff\0x",
	    .server_name_len = 3,
	    .policy = "l\xc3\xa4"
		      "den-with-a-longer-name-than-23",
	    .policy_len = 33};

	ush_envelope_begin(&w, &odd);
	ush_envelope_put_no_data(&w);
	ck_assert_int_eq(read_written(), USH_ENVELOPE);
	ck_assert_uint_eq(got.server_name_len, 3);
	ck_assert_mem_eq(got.server_name, "\xff\0x", 3);
	ck_assert_uint_eq(got.policy_len, 33);
	ck_assert_mem_eq(got.policy, odd.policy, 33);
}
END_TEST

START_TEST(the_hosts_bytes_come_back)
{
	struct ush_envelope hosted = shop;
	unsigned char host[1024];
	size_t len, i;

	for (i = 0; i < sizeof host; i++)
		host[i] = (unsigned char)(i * 7);
	for (len = 1; len <= sizeof host; len *= 2) {
		set_up();
		hosted.host = host;
		hosted.host_len = len;
		ush_envelope_begin(&w, &hosted);
		ush_envelope_put_no_data(&w);
		ck_assert_int_eq(read_written(), USH_ENVELOPE);
		ck_assert_uint_eq(got.host_len, len);
		ck_assert_mem_eq(got.host, host, len);
	}
	/* Even an envelope in an envelope. */
	set_up();
	hosted.host = golden;
	hosted.host_len = sizeof golden;
	ush_envelope_begin(&w, &hosted);
	ush_envelope_put_no_data(&w);
	ck_assert_int_eq(read_written(), USH_ENVELOPE);
	ck_assert_mem_eq(got.host, golden, sizeof golden);
}
END_TEST

START_TEST(around_two_short_strings_it_is_under_96_bytes)
{
	ush_envelope_begin(&w, &shop);
	put_table(&w);
	ck_assert(!w.overflow);
	ck_assert_uint_lt(ush_cbor_written(&w), 96);
	ck_assert_uint_eq(ush_cbor_written(&w), 80);
}
END_TEST

START_TEST(a_negative_auth_time_is_written_as_none)
{
	struct ush_envelope early = shop;

	early.auth_time = -1;
	ush_envelope_begin(&w, &early);
	ush_envelope_put_no_data(&w);
	ck_assert_int_eq(read_written(), USH_ENVELOPE);
	ck_assert(!got.has_auth_time);
}
END_TEST

START_TEST(what_does_not_fit_overflows_at_every_size)
{
	unsigned char *small;
	size_t cap;

	for (cap = 0; cap <= sizeof golden; cap++) {
		small = malloc(cap > 0 ? cap : 1);
		ush_cbor_writer_init(&w, small, cap);
		put_shop(&w);
		ck_assert_int_eq(w.overflow, cap < sizeof golden);
		free(small);
	}
}
END_TEST

/* Is what was read one whole item, and nothing behind it? */
static bool
is_data_whole(void)
{
	struct ush_cbor_reader r;

	ush_cbor_reader_init(&r, got.data, got.data_len);
	return ush_cbor_skip(&r) == 0 && ush_cbor_at_end(&r);
}

START_TEST(cut_at_any_byte_or_with_one_more_it_is_none)
{
	const size_t before = sizeof golden - 30; /* the data */
	size_t len;

	for (len = 0; len <= before; len++)
		ck_assert_msg(
		    read_exactly(golden, len) == USH_NOT_ENVELOPE, "%zu", len);
	ck_assert_ptr_null(got.data);
	ck_assert(!got.has_auth_time);
	/* The data are the rest, whole or not: that is seen in Lua. */
	memcpy(buf, golden, sizeof golden);
	for (; len <= sizeof golden + 1; len++) {
		ck_assert_int_eq(
		    ush_envelope_read(buf, len, &got), USH_ENVELOPE);
		ck_assert_int_eq(is_data_whole(), len == sizeof golden);
	}
	/* "No data" is alone. */
	set_up();
	ush_envelope_begin(&w, &shop);
	ush_envelope_put_no_data(&w);
	ush_cbor_put_null(&w);
	ck_assert_int_eq(read_written(), USH_NOT_ENVELOPE);
}
END_TEST

/* The nine fields, of which one is given another form. */
static const struct field {
	const char *bytes;
	size_t len;
} fields[] = {
    {"\x01", 1},
    {"\x48\1\2\3\4\5\6\7\10", 9},
    {"\x1A\x6A\xB1\x3B\x80", 5},
    {"\x03", 1},
    {"\x64shop", 5},
    {"\x48\1\2\3\4\5\6\7\10", 9},
    {"\x64shop", 5},
    {"\x43\0\xff\n", 4},
    {"\xA1\x61k\x61v", 5},
};

#define FIELD(literal) \
	{ \
		literal, sizeof literal - 1 \
	}

/* Field `n` replaced; read into `got`. */
static enum ush_envelope_kind
read_with(size_t n, const struct field *other)
{
	const struct field *field;
	size_t i;

	set_up();
	ush_cbor_put_tag(&w, 0x55534852);
	ush_cbor_put_array(&w, COUNT(fields));
	for (i = 0; i < COUNT(fields); i++) {
		field = i == n ? other : &fields[i];
		ush_cbor_put_raw(&w, field->bytes, field->len);
	}
	return read_exactly(buf, ush_cbor_written(&w));
}

START_TEST(a_field_of_a_wrong_type_or_size_makes_it_none)
{
	static const struct {
		size_t field;
		struct field other;
	} cases[] = {
	    {0, FIELD("\x20")},
	    {0, FIELD("\xF6")},
	    {0, FIELD("\x61\x31")},
	    {1, FIELD("\xF6")},
	    {1, FIELD("\x47\1\2\3\4\5\6\7")},
	    {1, FIELD("\x49\1\2\3\4\5\6\7\10\11")},
	    {1, FIELD("\x68"
		      "12345678")},
	    {1, FIELD("\x5F\x48\1\2\3\4\5\6\7\10\xFF")},
	    {2, FIELD("\x20")},
	    {2, FIELD("\xF7")},
	    {2, FIELD("\xFB\x3F\xF0\0\0\0\0\0\0")},
	    {2, FIELD("\x1B\x80\0\0\0\0\0\0\0")},
	    {3, FIELD("\x20")},
	    {3, FIELD("\xF6")},
	    {3, FIELD("\x1B\0\0\0\1\0\0\0\0")},
	    {4, FIELD("\x00")},
	    {4, FIELD("\xF7")},
	    {4, FIELD("\x7F\x61x\xFF")},
	    {4, FIELD("\x81\x61x")},
	    {5, FIELD("\xF6")},
	    {5, FIELD("\x41x")},
	    {6, FIELD("\x00")},
	    {6, FIELD("\xF4")},
	    {6, FIELD("\x5F\x41x\xFF")},
	    {7, FIELD("\xF7")},
	    {7, FIELD("\x61x")},
	    {7, FIELD("\x5F\x41x\xFF")},
	    {7, FIELD("\x00")},
	};
	size_t i;

	for (i = 0; i < COUNT(cases); i++)
		ck_assert_msg(read_with(cases[i].field, &cases[i].other) ==
				  USH_NOT_ENVELOPE,
		    "case %zu", i);
	ck_assert_int_eq(read_with(COUNT(fields), NULL), USH_ENVELOPE);
}
END_TEST

START_TEST(other_encoders_forms_of_the_same_fields_are_read)
{
	static const struct {
		size_t field;
		struct field other;
	} cases[] = {
	    {0, FIELD("\x18\x01")},
	    {0, FIELD("\x1B\0\0\0\0\0\0\0\x01")},
	    {1, FIELD("\x58\x08\1\2\3\4\5\6\7\10")},
	    {2, FIELD("\xF6")},
	    {2, FIELD("\x1B\0\0\0\0\x6A\xB1\x3B\x80")},
	    {2, FIELD("\x1B\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF")},
	    {3, FIELD("\x1B\0\0\0\0\xFF\xFF\xFF\xFF")},
	    {4, FIELD("\xF6")},
	    {4, FIELD("\x44shop")},
	    {4, FIELD("\x7A\0\0\0\x04shop")},
	    {6, FIELD("\x44shop")},
	    {7, FIELD("\xF6")},
	    {7, FIELD("\x58\x01x")},
	    {8, FIELD("\xBF\x7F\x61k\xFF\x9F\xF9\x3C\0\xFF\xFF")},
	    {8, FIELD("\xC1\x01")},
	    {8, FIELD("\xF6")},
	};
	size_t i;

	for (i = 0; i < COUNT(cases); i++)
		ck_assert_msg(
		    read_with(cases[i].field, &cases[i].other) == USH_ENVELOPE,
		    "case %zu", i);
}
END_TEST

START_TEST(an_unknown_version_is_told_apart)
{
	static const struct field versions[] = {FIELD("\x00"), FIELD("\x02"),
	    FIELD("\x18\x63"), FIELD("\x1B\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF")};
	size_t i;

	for (i = 0; i < COUNT(versions); i++) {
		ck_assert_int_eq(
		    read_with(0, &versions[i]), USH_ENVELOPE_UNKNOWN_VERSION);
		ck_assert_ptr_null(got.data);
		ck_assert_ptr_null(got.host);
	}
}
END_TEST

START_TEST(a_future_format_of_any_shape_is_told_apart)
{
	static const struct field formats[] = {
	    FIELD("\xDAUSHR\x81\x02"),
	    FIELD("\xDAUSHR\x82\x02\xFC"),
	    FIELD("\xDAUSHR\x8A\x02\1\2\3\4\5\6\7\10\11"),
	    FIELD("\xDAUSHR\x9F\x02\x60\xFF"),
	    FIELD("\xDAUSHR\x98\x19\x03"
		  "1234567890123456789012345"),
	};
	static const struct field none[] = {
	    FIELD("\xDAUSHR"),
	    FIELD("\xDAUSHR\x81"),
	    FIELD("\xDAUSHR\x80"),
	    FIELD("\xDAUSHR\x82\x02"),
	    FIELD("\xDAUSHR\x02"),
	    FIELD("\xDAUSHR\xA1\x02\x02"),
	    FIELD("\xDAUSHR\x81\x22"),
	    FIELD("\xDB\0\0\0\0USHR\x81\x02"),
	    FIELD("\xDAushr\x81\x02"),
	    /* Version 1 has nine fields, no more, no less. */
	    FIELD("\xDAUSHR\x81\x01"),
	    FIELD("\xDAUSHR\x8A\x01\1\2\3\4\5\6\7\10\11"),
	};
	size_t i;

	for (i = 0; i < COUNT(formats); i++)
		ck_assert_msg(read_exactly(formats[i].bytes, formats[i].len) ==
				  USH_ENVELOPE_UNKNOWN_VERSION,
		    "format %zu", i);
	for (i = 0; i < COUNT(none); i++)
		ck_assert_msg(read_exactly(none[i].bytes, none[i].len) ==
				  USH_NOT_ENVELOPE,
		    "none %zu", i);
}
END_TEST

START_TEST(bytes_of_a_hosts_own_are_no_envelope)
{
	static const struct field hosts[] = {FIELD(""), FIELD("x"),
	    FIELD("USHR"), FIELD("user=12;tenant=acme"), FIELD("\0\0\0\0\0\0"),
	    FIELD("\xD9\xD9\xF7\x89\x01"), FIELD("\x89\x01\x48")};
	size_t i;

	for (i = 0; i < COUNT(hosts); i++)
		ck_assert_int_eq(read_exactly(hosts[i].bytes, hosts[i].len),
		    USH_NOT_ENVELOPE);
	ck_assert_int_eq(ush_envelope_read(NULL, 0, &got), USH_NOT_ENVELOPE);
}
END_TEST

static bool
is_inside(const void *p, size_t len, const unsigned char *bytes, size_t size)
{
	const unsigned char *q = p;

	return !q ? len == 0
		  : q >= bytes && len <= size &&
			(size_t)(q - bytes) <= size - len;
}

static bool
all_inside(const unsigned char *bytes, size_t size)
{
	return is_inside(got.server_name, got.server_name_len, bytes, size) &&
	       is_inside(got.policy, got.policy_len, bytes, size) &&
	       is_inside(got.data, got.data_len, bytes, size) &&
	       is_inside(got.host, got.host_len, bytes, size);
}

START_TEST(mutated_bytes_never_lead_out_of_them)
{
	unsigned char *bytes = malloc(sizeof golden);
	uint64_t seed = 7;
	int i, k, read = 0;

	for (i = 0; i < 200000; i++) {
		memcpy(bytes, golden, sizeof golden);
		for (k = 0; k <= i % 3; k++) {
			seed =
			    seed * 6364136223846793005u + 1442695040888963407u;
			bytes[5 + (seed >> 33) % (sizeof golden - 5)] =
			    (unsigned char)(seed >> 56);
		}
		if (ush_envelope_read(bytes, sizeof golden, &got) ==
		    USH_ENVELOPE)
			read++;
		/* An assertion of Check's is a write to a file. */
		if (!all_inside(bytes, sizeof golden))
			ck_abort_msg("mutation %d", i);
	}
	free(bytes);
	ck_assert_int_gt(read, 1000);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("envelope");
	TCase *tc = tcase_create("envelope");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, set_up, NULL);
	tcase_add_test(tc, the_bytes_of_an_envelope_are_these_for_ever);
	tcase_add_test(tc, they_are_read_back_field_by_field);
	tcase_add_test(tc, what_there_is_none_of_reads_as_none);
	tcase_add_test(tc, empty_is_not_none);
	tcase_add_test(tc, names_of_any_bytes_come_back);
	tcase_add_test(tc, the_hosts_bytes_come_back);
	tcase_add_test(tc, around_two_short_strings_it_is_under_96_bytes);
	tcase_add_test(tc, a_negative_auth_time_is_written_as_none);
	tcase_add_test(tc, what_does_not_fit_overflows_at_every_size);
	tcase_add_test(tc, cut_at_any_byte_or_with_one_more_it_is_none);
	tcase_add_test(tc, a_field_of_a_wrong_type_or_size_makes_it_none);
	tcase_add_test(tc, other_encoders_forms_of_the_same_fields_are_read);
	tcase_add_test(tc, an_unknown_version_is_told_apart);
	tcase_add_test(tc, a_future_format_of_any_shape_is_told_apart);
	tcase_add_test(tc, bytes_of_a_hosts_own_are_no_envelope);
	tcase_add_test(tc, mutated_bytes_never_lead_out_of_them);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
