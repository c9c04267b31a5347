/*
 * SPDX-License-Identifier: MIT
 *
 * Lists that say who is not to come in: no entry can be written that never
 * matches, and no list becomes empty by accident.
 *
 * Scenarios:
 *  1. Every spelling of an entry has the key of the fact; what is none is
 *     refused with its line, in sets and as keys of maps.
 *  2. What is looked up may be spelt in any way too; what is none is refused.
 *  3. Nobody sees control characters: they can't be part of an entry.
 *  4. A file that has entries and then none: a reload is refused, in the API's
 *     words and the log's, for sets, maps and networks; filled again, it is
 *     taken up. So by the watcher.
 *  5. { may_be_empty = true } means it; of two uses the strict one counts. A
 *     script can't catch the refusal.
 *  6. { at_least = N } refuses fewer, from the first load on.
 *  7. The loss of half of the entries, and a list that is empty from the first,
 *     are warnings.
 *  8. A shadow is compared with the active one, when it comes and when it is
 *     promoted; a rollback is not refused.
 *  9. Text of any kind after another script: nothing is compared.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "data/sets.h"
#include "tls/folder.h"
#include "tls/policy.h"
#include "tls/suite.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define SHA "007c3500112233445566778899aabbccddeeff00112233445566778899aabbcc"
#define SHA_COLONS \
	"00:7C:35:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:" \
	"33:" \
	"44:55:66:77:88:99:AA:BB:CC"

/* Of 20 bytes, as some programs print it. */
#define DECIMAL "481516234248151623424815162342481516234248151623"

/* A serial number of as many digits as a fingerprint. */
#define LONG "0b1d3500112233445566778899aabbccddeeff00112233445566778899aabbcc"

/* A line of a file, and the fact that it is about; NULL: it is refused; "":
 * it is none, and says so. */
static const struct {
	enum ush_form form;
	const char *line, *fact;
} entries[] = {
    {USH_FORM_SERIAL, "B01DFACE00", "b01dface00"},
    {USH_FORM_SERIAL, "00B01DFACE00", "b01dface00"},
    {USH_FORM_SERIAL, "0xB01DFACE00", "b01dface00"},
    {USH_FORM_SERIAL, "serial=B01DFACE00", "b01dface00"},
    {USH_FORM_SERIAL, "serial = b01dface00  # mallory", "b01dface00"},
    {USH_FORM_SERIAL, "B0 1D FA CE 00", "b01dface00"},
    {USH_FORM_SERIAL, "B0\t1D FA  CE 00", "b01dface00"},
    {USH_FORM_SERIAL, "b01d face 00", "b01dface00"},
    {USH_FORM_SERIAL, "b0:1d:fa:ce:00\r", "b01dface00"},
    {USH_FORM_SERIAL, "            b0:1d:fa:ce:00", "b01dface00"},
    {USH_FORM_SERIAL, "00:b0:1d:fa:ce:00", "b01dface00"},
    {USH_FORM_SERIAL, "    Serial Number: B01DFACE00", "b01dface00"},
    {USH_FORM_SERIAL, "        Serial Number: 1234 (0x4d2)", "04d2"},
    {USH_FORM_SERIAL, "        Serial Number: -1234 (-0x4d2)", "-04d2"},
    {USH_FORM_SERIAL, "            (Negative)b0:1d:fa:ce:00", "-b01dface00"},
    {USH_FORM_SERIAL, "serial=-04D2", "-04d2"},
    {USH_FORM_SERIAL, "\tSerial Number (hex): 04d2", "04d2"},
    {USH_FORM_SERIAL, "1", "01"},
    {USH_FORM_SERIAL, "4D2", "04d2"},
    {USH_FORM_SERIAL, "00", "00"},
    {USH_FORM_SERIAL, "0", "00"},
    {USH_FORM_SERIAL, "serial=" SHA, &SHA[2]},
    {USH_FORM_SERIAL, DECIMAL, NULL},
    {USH_FORM_SERIAL, "0x" DECIMAL, DECIMAL},
    {USH_FORM_SERIAL, "serial=" DECIMAL, DECIMAL},
    {USH_FORM_SERIAL, "1234567890123456789012345678901234567890",
	"1234567890123456789012345678901234567890"},
    {USH_FORM_SERIAL,
	"R\t261130120000Z\t251130120000Z,keyCompromise\tB01DFACE00\tunknown\t"
	"/CN=mallory #1",
	"b01dface00"},
    {USH_FORM_SERIAL, "R\t261130120000Z\t251130120000Z\t04D2\tunknown\t/CN=m",
	"04d2"},
    {USH_FORM_SERIAL, "V\t261130120000Z\t\t04D2\tunknown\t/CN=alice", ""},
    {USH_FORM_SERIAL, "E\t241130120000Z\t\t04D2\tunknown\t/CN=alice", ""},
    {USH_FORM_SERIAL, "V\t261130120000Z\t250101120000Z\t04D2\tx\t/CN=a", NULL},
    {USH_FORM_SERIAL, "R\t261130120000Z\t\t04D2\tunknown\t/CN=a", NULL},
    {USH_FORM_SERIAL, "R\t261130120000Z", NULL},
    {USH_FORM_SERIAL, "X\t261130120000Z\t\t04D2\tunknown\t/CN=a", NULL},
    {USH_FORM_SERIAL, "V 261130120000Z 04D2", NULL},
    {USH_FORM_SERIAL, "Serial Number: 1234 (0x4d3)", NULL},
    {USH_FORM_SERIAL, "Serial Number: 1234 (4d2)", NULL},
    {USH_FORM_SERIAL, "Serial Number:", NULL},
    {USH_FORM_SERIAL, "serial=", NULL},
    {USH_FORM_SERIAL, "0x", NULL},
    {USH_FORM_SERIAL, "-", NULL},
    {USH_FORM_SERIAL, "b0:1d fa", NULL},
    {USH_FORM_SERIAL, "b:01d", NULL},
    {USH_FORM_SERIAL, "b0::1d", NULL},
    {USH_FORM_SERIAL, ":b01d", NULL},
    {USH_FORM_SERIAL, "b01d:", NULL},
    {USH_FORM_SERIAL, "b01d,b01e", NULL},
    {USH_FORM_SERIAL, "mallory", NULL},
    {USH_FORM_SERIAL, "b01g", NULL},
    {USH_FORM_SERIAL, "Revocation Date: Nov 30 12:00:00 2026 GMT", NULL},
    {USH_FORM_SERIAL, "b01d#mallory", NULL},
    {USH_FORM_SERIAL, SHA, NULL},
    {USH_FORM_SERIAL, "sha256 Fingerprint=" SHA_COLONS, NULL},
    {USH_FORM_SHA256, SHA, SHA},
    {USH_FORM_SHA256, "0x" SHA, SHA},
    {USH_FORM_SHA256, SHA_COLONS, SHA},
    {USH_FORM_SHA256, "sha256 Fingerprint=" SHA_COLONS, SHA},
    {USH_FORM_SHA256, "SHA256 Fingerprint=" SHA_COLONS, SHA},
    {USH_FORM_SHA256, "\tsha256:" SHA, SHA},
    {USH_FORM_SHA256, "SHA1 Fingerprint=" SHA_COLONS, NULL},
    {USH_FORM_SHA256, "7c35", NULL},
    {USH_FORM_SHA256, "0000" SHA, NULL},
    {USH_FORM_SHA256, "serial=B01DFACE00", NULL},
    {USH_FORM_CERTIFICATE, SHA, SHA},
    {USH_FORM_CERTIFICATE, "sha256 Fingerprint=" SHA_COLONS, SHA},
    {USH_FORM_CERTIFICATE, "serial=00B01DFACE00", "b01dface00"},
    {USH_FORM_CERTIFICATE, "4d2", "04d2"},
    {USH_FORM_CERTIFICATE, DECIMAL, NULL},
    {USH_FORM_CERTIFICATE, "serial=" LONG, LONG},
    {USH_FORM_CERTIFICATE, &LONG[1], NULL},
    {USH_FORM_CERTIFICATE, "SHA1 Fingerprint=B0:1D", NULL},
    {USH_FORM_ID, "007c350011223344", "007c350011223344"},
    {USH_FORM_ID, "00:7C:35:00:11:22:33:44", "007c350011223344"},
    {USH_FORM_ID, "7c350011223344", NULL},
    {USH_FORM_ID, "id=007c350011223344", NULL},
    {USH_FORM_KEY_NAME, "6c65616b6564206b65792c2032303236", "leaked key, 2026"},
    {USH_FORM_KEY_NAME, "6C 65 61 6B 65 64 20 6B 65 79 2C 20 32 30 32 36",
	"6c65616b6564206b65792c2032303236"},
    {USH_FORM_KEY_NAME, "leaked key, 2026", NULL},
    {USH_FORM_KEY_NAME, "bGVha2VkIGtleSwgMjAyNg==", NULL},
    {USH_FORM_HEX, "00:B0", "00b0"},
    {USH_FORM_HEX, "b01", NULL},
    {USH_FORM_HOST, "Shop.Example.", "shop.example"},
    {USH_FORM_HOST, "shop.example", "SHOP.example."},
    {USH_FORM_HOST, "*", "*"},
    {USH_FORM_HOST, "*.Example.", "*.example"},
    {USH_FORM_HOST, "*example", NULL},
    {USH_FORM_HOST, "*.", NULL},
    {USH_FORM_HOST, "https://shop.example", NULL},
    {USH_FORM_HOST, "shop.example:443", NULL},
    {USH_FORM_HOST,
	"b\xc3\xbc"
	"cher.example",
	NULL},
    {USH_FORM_HOST, "shop.example\xef\xbb\xbf", NULL},
    {USH_FORM_HOST, "shop..example", NULL},
};

static struct ush_set *
make(enum ush_set_kind kind, enum ush_form form, const char *text,
    struct ush_error *err)
{
	static const unsigned char key[USH_SIPHASH_KEY] = "0123456789abcdef";
	struct ush_buffer buffer = {0};

	memset(err, 0, sizeof *err);
	ck_assert_int_eq(ush_buffer_put(&buffer, text, strlen(text)), 0);
	return ush_set_new_of(kind, form, &buffer, key, "list.txt", err);
}

static bool
has(const struct ush_set *set, const char *fact)
{
	char key[USH_FORM_ROOM], why[USH_FORM_WHY];

	ck_assert_msg(
	    ush_form_ask(ush_set_form(set), fact, strlen(fact), key, why) == 0,
	    "%s", why);
	return ush_set_has(set, key, strlen(key));
}

START_TEST(every_spelling_matches_or_is_refused)
{
	const char *line = entries[_i].line, *fact = entries[_i].fact;
	enum ush_form form = entries[_i].form;
	struct ush_error err;
	struct ush_set *set;
	char text[400];

	/* The last one without an end; on both sides of it another. */
	for (int i = 0; i < 3; i++) {
		snprintf(text, sizeof text, "%s%s%s",
		    i == 2 ? "# first\n\n" : "", line, i == 0 ? "" : "\n# x\n");
		set = make(USH_SET, form, text, &err);
		if (!fact) {
			ck_assert_ptr_null(set);
			ck_assert_int_eq(err.line, i == 2 ? 3 : 1);
			ck_assert_msg(strstr(err.message, " is no ") &&
					  strstr(err.message, "; write "),
			    "%s", err.message);
			for (const char *p = err.message; *p; p++)
				ck_assert(*p >= ' ' && *p <= '~');
			continue;
		}
		ck_assert_msg(set != NULL, "%s", err.message);
		ck_assert_uint_eq(ush_set_count(set), *fact ? 1 : 0);
		if (*fact)
			ck_assert(has(set, fact));
		ush_set_free(set);
	}
}
END_TEST

START_TEST(keys_of_maps_have_a_form_too)
{
	struct ush_error err;
	struct ush_set *map = make(USH_MAP, USH_FORM_HOST,
	    "Shop.Example.  one two\nblog.example\t3\n*.example 4\n", &err);

	ck_assert_msg(map != NULL, "%s", err.message);
	ck_assert_str_eq(ush_set_get(map, "shop.example", 12), "one two");
	ck_assert_str_eq(ush_set_get(map, "blog.example", 12), "3");
	ck_assert_str_eq(ush_set_get(map, "*.example", 9), "4");
	ush_set_free(map);
	ck_assert_ptr_null(make(
	    USH_MAP, USH_FORM_HOST, "shop.example 1\nSHOP.example. 2\n", &err));
	ck_assert_int_eq(err.line, 2);
	ck_assert_ptr_nonnull(strstr(err.message, "stands in line 1 already"));
	map = make(USH_MAP, USH_FORM_SERIAL, "00b01d x\n1 y\n", &err);
	ck_assert(has(map, "b01d") && has(map, "01") && !has(map, "b01e"));
	ush_set_free(map);
}
END_TEST

START_TEST(many_entries_keep_apart)
{
	struct ush_error err;
	struct ush_set *set;
	char text[4096] = "", fact[8];

	/* Each is pressed to less than it was; the next one has to stay. */
	for (int i = 1; i < 200; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text),
		    i % 3 == 0   ? "serial=%02X\n"
		    : i % 3 == 1 ? "%x\n"
				 : "0x00%02x\n",
		    (unsigned int)i);
	set = make(USH_SET, USH_FORM_SERIAL, text, &err);
	ck_assert_msg(set != NULL, "%s", err.message);
	ck_assert_uint_eq(ush_set_count(set), 199);
	for (int i = 1; i < 256; i++) {
		snprintf(fact, sizeof fact, "%02x", (unsigned int)i);
		ck_assert_int_eq(has(set, fact), i < 200);
	}
	ush_set_free(set);
}
END_TEST

START_TEST(what_nobody_sees_is_no_part_of_an_entry)
{
	static const char *const texts[] = {"a\rb\rc", "a\x01", "\x7f", "a\v",
	    "a\n\xef\xbb\xbf"
	    "b",
	    "a\xc2\xa0",
	    "\xe2\x80\x8b"
	    "a"};
	struct ush_error err;

	for (size_t i = 0; i < COUNT(texts); i++) {
		ck_assert_ptr_null(
		    make(USH_SET, USH_FORM_NONE, texts[i], &err));
		ck_assert_int_gt(err.line, 0);
	}
	ck_assert_ptr_null(make(USH_MAP, USH_FORM_NONE, "a\xc2\xa0 1", &err));
}
END_TEST

/*
 * Lists that are suddenly empty
 */

/* How a script reads "list", the option in it, and three entries. */
static const struct {
	const char *read, *full;
} kinds[] = {
    {"require('usher.data').set('list'%s%s)", "b01d\nb01e\nb01f\n"},
    {"require('usher.data').map('list'%s%s)", "a 1\nb 2\nc 3\n"},
    {"require('usher.data').networks('list'%s%s)",
	"192.0.2.0/24\n198.51.100.0/24\n2001:db8::/32\n"},
    {"require 'usher.revoke' { serials = { file = 'list'%.0s%s } }",
	"b01d\nb01e\nb01f\n"},
};

static void
write_policy(int kind, const char *option)
{
	char read[200], text[400];
	bool first = kind != 3 && option[0] != '\0';

	snprintf(
	    read, sizeof read, kinds[kind].read, first ? ", { " : "", option);
	/* What the braces begin has to end. */
	if (first)
		strcpy(strrchr(read, ')'), " })");
	snprintf(text, sizeof text,
	    "%s %s return { decrypt = function() return 'default' end }",
	    "local list =", read);
	folder_write("policy.lua", text);
}

static struct usher *
begin(int kind, const char *option)
{
	write_policy(kind, option);
	folder_write("list", kinds[kind].full);
	return folder_engine("policy.lua");
}

static void
expect_refusal(struct usher *engine, enum usher_code code, const char *says)
{
	struct usher_error error = {0};
	struct usher_stats before = engine_stats(engine);

	ck_assert_int_eq(usher_reload(engine, &error), -1);
	ck_assert_int_eq(error.code, code);
	ck_assert_ptr_nonnull(strstr(error.message, "list: "));
	ck_assert_msg(strstr(error.message, says) != NULL, "%s", error.message);
	ck_assert_uint_eq(
	    engine_stats(engine).reload_failures, before.reload_failures + 1);
	ck_assert_uint_eq(engine_stats(engine).reloads, before.reloads);
	ck_assert_int_gt(log_count(USHER_LOG_ERROR, says), 0);
}

START_TEST(a_list_that_is_suddenly_empty_is_refused)
{
	static const char *const empty[] = {"", "\n", "# b01d\n"};
	struct usher *engine = begin(_i, "");

	for (size_t i = 0; i < COUNT(empty); i++) {
		folder_write("list", empty[i]);
		expect_refusal(engine, USHER_ERROR_FILE,
		    "no entries in it any more, of 3; fill "
		    "it, or let the script say { "
		    "may_be_empty = true }");
	}
	folder_write("list", kinds[_i].full);
	ck_assert_int_eq(usher_reload(engine, NULL), 0);
	ck_assert_uint_eq(engine_stats(engine).reloads, 0);
}
END_TEST

START_TEST(who_says_so_may_have_it_empty)
{
	struct usher *engine = begin(
	    _i, _i == 3 ? ", may_be_empty = true" : "may_be_empty = true");

	folder_write("list", "");
	ck_assert_int_eq(usher_reload(engine, NULL), 0);
	ck_assert_uint_eq(engine_stats(engine).reloads, 1);
	ck_assert_int_eq(log_count(USHER_LOG_WARNING, NULL), 0);
}
END_TEST

START_TEST(at_least_so_many)
{
	const char *option = _i == 3 ? ", at_least = 3" : "at_least = 3";
	struct usher *engine = begin(_i, option);
	struct usher_error error;
	const char *second = strchr(kinds[_i].full, '\n') + 1;

	folder_write("list", second);
	expect_refusal(engine, USHER_ERROR_SCRIPT,
	    "has 2 entries, and the script wants at_least "
	    "= 3");
	/* and so from the first */
	error = folder_refused("policy.lua");
	ck_assert_ptr_nonnull(strstr(error.message, "has 2 entries"));
	ck_assert_ptr_nonnull(strstr(error.message, "policy.lua:1: "));
}
END_TEST

START_TEST(of_two_uses_the_strict_one_counts)
{
	static const char *const texts[] = {
	    "data.set('list', { may_be_empty = true }) data.set('./list')",
	    "data.set('list') data.set('list', { may_be_empty = true })",
	    "data.set('list', { form = 'serial' }) "
	    "data.set('list', { form = 'serial', may_be_empty = true }) ",
	    "data.set('list', { may_be_empty = true }) "
	    "data.set('list', { form = 'hex' })",
	    "pcall(data.set, 'list')",
	};
	char text[400];
	struct usher *engine;

	snprintf(text, sizeof text,
	    "local data = require 'usher.data' %s return {}", texts[_i]);
	folder_write("policy.lua", text);
	folder_write("list", "b01d\n");
	engine = folder_engine("policy.lua");
	folder_write("list", "");
	expect_refusal(engine, USHER_ERROR_FILE, "any more, of 1");
}
END_TEST

START_TEST(the_loss_of_half_is_a_warning)
{
	struct usher *engine = begin(0, "");

	folder_write("list", "b01d\nb01e\n");
	ck_assert_int_eq(usher_reload(engine, NULL), 0);
	ck_assert_int_eq(log_count(USHER_LOG_WARNING, NULL), 0);
	folder_write("list", "b01d\n");
	ck_assert_int_eq(usher_reload(engine, NULL), 0);
	ck_assert_int_eq(
	    log_count(USHER_LOG_WARNING, "list: 1 entries are left of 2"), 1);
	ck_assert_uint_eq(engine_stats(engine).reloads, 2);
}
END_TEST

START_TEST(a_list_that_is_empty_from_the_first_is_a_warning)
{
	struct usher *engine;

	write_policy(0, "");
	folder_write("list", "");
	engine = folder_engine("policy.lua");
	ck_assert_int_eq(
	    log_count(USHER_LOG_WARNING, "list: there are no entries"), 1);
	folder_write("policy.lua", "require('usher.data').set('list') "
				   "return { name = 'x' }");
	ck_assert_int_eq(usher_reload(engine, NULL), 0);
	ck_assert_int_eq(log_count(USHER_LOG_WARNING, "no entries"), 1);
}
END_TEST

START_TEST(shadows_are_compared_with_the_active_one)
{
	struct usher *engine = begin(0, "");
	struct usher_error error;

	/* another script, the same list */
	folder_write("shadow.lua", "require('usher.data').map('list') "
				   "return { name = 'shadow' }");
	folder_write("list", "");
	ck_assert_int_eq(
	    usher_shadow_file(engine, folder_path("shadow.lua"), &error), -1);
	ck_assert_ptr_nonnull(strstr(error.message, "any more, of 3"));
	/* one that is empty at that time on purpose */
	folder_write("policy.lua", "require('usher.data').set('list', "
				   "{ may_be_empty = true }) return {}");
	ck_assert_int_eq(usher_reload(engine, &error), 0);
	ck_assert_int_eq(
	    usher_shadow_file(engine, folder_path("shadow.lua"), &error), 0);
	folder_write("list", "a 1\n");
	ck_assert_int_eq(usher_reload(engine, &error), 0);
	ck_assert_int_eq(usher_promote(engine, &error), -1);
	ck_assert_ptr_nonnull(strstr(error.message, "any more, of 1"));
	ck_assert_int_eq(usher_rollback(engine, &error), 0);
	ck_assert_int_eq(usher_promote(engine, &error), 0);
}
END_TEST

START_TEST(other_scripts_are_not_compared)
{
	struct usher *engine = begin(0, "");
	struct usher_error error;

	folder_write("list", "");
	ck_assert_int_eq(
	    usher_replace_text(engine, "text.lua", "return {}", 9, &error), 0);
}
END_TEST

START_TEST(the_watcher_takes_it_up_when_it_is_filled)
{
	struct usher *engine = begin(0, "");
	struct usher_error error;

	ck_assert_int_eq(usher_watch(engine, 1, &error), 0);
	folder_write("list", "");
	for (int i = 0; i < 1000; i++) {
		if (engine_stats(engine).reload_failures > 0)
			break;
		usleep(10000);
	}
	ck_assert_uint_eq(engine_stats(engine).reload_failures, 1);
	ck_assert_uint_eq(engine_stats(engine).reloads, 0);
	folder_write("list", "b01d\nb01e\nb01f\nb020\n");
	for (int i = 0; i < 1000; i++) {
		if (engine_stats(engine).reloads > 0)
			break;
		usleep(10000);
	}
	ck_assert_uint_eq(engine_stats(engine).reloads, 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("lists");
	TCase *tcase = folder_case("lists", 60);

	tcase_add_loop_test(tcase, every_spelling_matches_or_is_refused, 0,
	    (int)COUNT(entries));
	tcase_add_test(tcase, keys_of_maps_have_a_form_too);
	tcase_add_test(tcase, many_entries_keep_apart);
	tcase_add_test(tcase, what_nobody_sees_is_no_part_of_an_entry);
	tcase_add_loop_test(
	    tcase, a_list_that_is_suddenly_empty_is_refused, 0, 4);
	tcase_add_loop_test(tcase, who_says_so_may_have_it_empty, 0, 4);
	tcase_add_loop_test(tcase, at_least_so_many, 0, 4);
	tcase_add_loop_test(tcase, of_two_uses_the_strict_one_counts, 0, 5);
	tcase_add_test(tcase, the_loss_of_half_is_a_warning);
	tcase_add_test(tcase, a_list_that_is_empty_from_the_first_is_a_warning);
	tcase_add_test(tcase, shadows_are_compared_with_the_active_one);
	tcase_add_test(tcase, other_scripts_are_not_compared);
	tcase_add_test(tcase, the_watcher_takes_it_up_when_it_is_filled);
	suite_add_tcase(suite, tcase);
	return tests_run(suite);
}
