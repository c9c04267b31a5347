/*
 * SPDX-License-Identifier: MIT
 *
 * Tests of src/base: errors, log, clocks, buffers, JSON, UTF-8, nearest names.
 *
 * Errors
 *  1. An error carries code, script, line and a prefixed message
 *  2. An error without a script has no prefix
 *  3. A NULL error is fine
 *  4. Control characters in messages and script names are escaped
 *  5. What does not fit is cut at a character and ends in dots
 *  6. An error can be rewritten from its own text
 *  7. Escaping fits into buffers of every size
 * Log
 *  8. One line per kind and minute, and the next tells what was left out
 *  9. Kinds are limited apart
 * 10. Attach lines are never limited
 * 11. What scripts print is limited to a hundred lines
 * 12. A clock that is put back does not silence the log
 * 13. A log without a function does nothing
 * 14. Lines are escaped and cut
 * 15. Threads that log at once lose no count
 * Clocks
 * 16. The wall clock follows a test's hand, and lets go
 * 17. The other clocks go forward
 * Buffers
 * 18. A buffer grows and stays terminated
 * 19. A buffer keeps NUL bytes
 * 20. A failed buffer stays failed until it is reset
 * JSON
 * 21. Strings are escaped
 * 22. Valid UTF-8 stays as it is
 * 23. A string that is not UTF-8 has its bytes escaped
 * 24. Numbers are short and read back the same
 * 25. NaN and infinities are null
 * 26. Numbers do not depend on the locale
 * 27. Other scalars and keys
 * 28. A failed buffer makes every writer fail
 * UTF-8
 * 29. Every code point is recognised and nothing else
 * Nearest names
 * 30. A misspelt name is recognised
 * 31. A name that is like none gets none
 * 32. The nearest of several wins
 * What can't be seen
 * 33. Is escaped in messages, as what is no UTF-8 is
 * 34. What a peer named is one word of ASCII
 */
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/near.h"
#include "base/utf8.h"

/* Sanitizers are to let malloc fail, as it does without them. */
const char *__asan_default_options(void);
const char *__tsan_default_options(void);

const char *
__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

const char *
__tsan_default_options(void)
{
	return "allocator_may_return_null=1";
}

/* Errors */

START_TEST(an_error_carries_code_script_line_and_a_prefixed_message)
{
	struct ush_error e;
	int r = ush_error_set(&e, USH_ERROR_SCRIPT, "a.lua", 12, "no %s", "x");

	ck_assert_int_eq(r, -1);
	ck_assert_int_eq(e.code, USH_ERROR_SCRIPT);
	ck_assert_int_eq(e.line, 12);
	ck_assert_str_eq(e.script, "a.lua");
	ck_assert_str_eq(e.message, "a.lua:12: no x");
	ush_error_set(&e, USH_ERROR_FILE, "b.lua", 0, "can't be read");
	ck_assert_str_eq(e.message, "b.lua: can't be read");
}
END_TEST

START_TEST(an_error_without_a_script_has_no_prefix)
{
	struct ush_error e;

	ush_error_set(&e, USH_ERROR_ARGUMENT, NULL, 0, "%d is too large", 7);
	ck_assert_str_eq(e.script, "");
	ck_assert_str_eq(e.message, "7 is too large");
}
END_TEST

START_TEST(a_null_error_is_fine)
{
	ck_assert_int_eq(
	    ush_error_set(NULL, USH_ERROR_SYSTEM, "s", 1, "%s", "x"), -1);
}
END_TEST

START_TEST(control_characters_are_escaped)
{
	struct ush_error e;

	ush_error_set(&e, USH_ERROR_SCRIPT, "a\nb", 1, "c\x1b[1m\x7f d\te");
	ck_assert_str_eq(e.script, "a\\x0ab");
	ck_assert_str_eq(e.message, "a\\x0ab:1: c\\x1b[1m\\x7f d\\x09e");
	/* C1 controls, as UTF-8; a letter of two bytes is none. */
	ush_error_set(&e, USH_ERROR_SCRIPT, NULL, 0, "\xc2\x9b \xc3\xa4");
	ck_assert_str_eq(e.message, "\\xc2\\x9b \xc3\xa4");
	/* A C1 control as one byte, to terminals that speak no UTF-8. */
	ush_error_set(&e, USH_ERROR_SCRIPT, NULL, 0,
	    "\x9b"
	    "31m");
	ck_assert_str_eq(e.message, "\\x9b31m");
}
END_TEST

/* Each would show as something else, or as nothing. */
static const char *const hidden[] = {
    "\xe2\x80\xae",     /* U+202E right-to-left override */
    "\xe2\x80\xaa",     /* U+202A */
    "\xe2\x81\xa6",     /* U+2066 left-to-right isolate */
    "\xe2\x81\xa9",     /* U+2069 */
    "\xd8\x9c",         /* U+061C Arabic letter mark */
    "\xe2\x80\x8b",     /* U+200B zero width space */
    "\xe2\x80\x8f",     /* U+200F */
    "\xe2\x80\xa8",     /* U+2028 line separator */
    "\xc2\xa0",         /* U+00A0 no-break space */
    "\xc2\xad",         /* U+00AD soft hyphen */
    "\xe3\x80\x80",     /* U+3000 ideographic space */
    "\xef\xbb\xbf",     /* U+FEFF */
    "\xf3\xa0\x81\x81", /* U+E0041, a tag */
};

START_TEST(what_can_not_be_seen_is_escaped)
{
	char shown[64], expected[64], *p;

	for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++) {
		p = expected;
		for (const char *c = hidden[i]; *c; c++)
			p += sprintf(p, "\\x%02x", (unsigned char)*c);
		ush_escape(shown, sizeof shown, hidden[i], strlen(hidden[i]));
		ck_assert_str_eq(shown, expected);
		ck_assert(ush_utf8_is_hidden(ush_utf8_code(
		    (const unsigned char *)hidden[i], strlen(hidden[i]))));
	}
	/* What can be stays: a letter, the euro, a ticket, Hebrew, Hangul. */
	ush_escape(shown, sizeof shown,
	    "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\xab\xd7\x90\xea\xb0\x80", 15);
	ck_assert_str_eq(
	    shown, "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\xab\xd7\x90\xea\xb0\x80");
}
END_TEST

static void
check_word(const char *word, const char *expected)
{
	char shown[64];

	ush_escape_word(shown, sizeof shown, word, strlen(word));
	ck_assert_str_eq(shown, expected);
}

START_TEST(a_word_is_one_word)
{
	check_word("*.shop-1.example:443", "*.shop-1.example:443");
	check_word("a b", "a\\x20b");
	check_word("a\"'`\\", "a\\x22\\x27\\x60\\x5c");
	check_word("\xc3\xa4\t\x7f\xff", "\\xc3\\xa4\\x09\\x7f\\xff");
	check_word("-", "\\x2d");
	check_word("--", "--");
	check_word("", "");
}
END_TEST

START_TEST(what_does_not_fit_is_cut_at_a_character)
{
	static char text[4000];
	struct ush_error e;
	size_t i, len;

	for (i = 0; i + 2 < sizeof text; i += 2)
		memcpy(text + i, "\xc3\xa4", 2);
	ush_error_set(&e, USH_ERROR_SCRIPT, text, 3, "%s", text);
	len = strlen(e.script);
	ck_assert_uint_lt(len, sizeof e.script);
	ck_assert_uint_gt(len, sizeof e.script - 4);
	ck_assert_str_eq(e.script + len - 3, "...");
	ck_assert_uint_eq((len - 3) % 2, 0);
	len = strlen(e.message);
	ck_assert_uint_gt(len, sizeof e.message - 4);
	ck_assert_str_eq(e.message + len - 3, "...");
	for (i = 0; i < len;
	     i += ush_utf8_len((unsigned char *)e.message + i, len - i))
		ck_assert_uint_ne(
		    ush_utf8_len((unsigned char *)e.message + i, len - i), 0);
}
END_TEST

START_TEST(an_error_can_be_rewritten_from_its_own_text)
{
	struct ush_error e;

	ush_error_set(&e, USH_ERROR_SCRIPT, "a.lua", 1, "first");
	ush_error_set(&e, e.code, e.script, 2, "then %s", e.message);
	ck_assert_str_eq(e.message, "a.lua:2: then a.lua:1: first");
}
END_TEST

START_TEST(escaping_fits_into_buffers_of_every_size)
{
	static const char source[] = "ab\x01"
				     "c\xe2\x82\xac\xff z";
	char *buf;
	size_t cap;

	for (cap = 0; cap < 40; cap++) {
		buf = malloc(cap + 1);
		buf[cap] = 'G';
		ush_escape(buf, cap, source, sizeof source);
		ck_assert_int_eq(buf[cap], 'G');
		if (cap > 0)
			ck_assert_uint_lt(strlen(buf), cap);
		if (cap >= 23)
			ck_assert_str_eq(
			    buf, "ab\\x01c\xe2\x82\xac\\xff z\\x00");
		free(buf);
	}
	buf = malloc(8);
	ush_escape(buf, 8, "12345678", 8);
	ck_assert_str_eq(buf, "1234...");
	ush_escape(buf, 3, "12345678", 8);
	ck_assert_str_eq(buf, "..");
	ush_escape(buf, 8, "1234567", 7);
	ck_assert_str_eq(buf, "1234567");
	ush_escape(buf, 8, NULL, 0);
	ck_assert_str_eq(buf, "");
	free(buf);
}
END_TEST

/* Log */

struct lines {
	_Atomic unsigned int count;
	enum ush_log_level level;
	char last[2048];
	bool threads; /* the text is not kept */
	_Atomic uint64_t left_out;
};

static void
keep(void *arg, enum ush_log_level level, const char *line)
{
	struct lines *lines = arg;
	const char *paren = strrchr(line, '(');

	lines->count++;
	if (paren)
		lines->left_out += strtoull(paren + 1, NULL, 10);
	if (lines->threads)
		return;
	lines->level = level;
	snprintf(lines->last, sizeof lines->last, "%s", line);
}

static struct lines lines;
static struct ush_log ush_log;

static void
set_up_log(void)
{
	memset(&lines, 0, sizeof lines);
	ush_log_init(&ush_log, keep, &lines);
	ush_clock_set(1000000);
}

static void
say(enum ush_log_kind kind, const char *text)
{
	ush_log_write(&ush_log, USH_LOG_WARNING, kind, "%s", text);
}

START_TEST(one_line_per_kind_and_minute)
{
	int i;

	say(USH_LOG_BUDGET, "spent");
	ck_assert_str_eq(lines.last, "spent");
	ck_assert_int_eq(lines.level, USH_LOG_WARNING);
	for (i = 0; i < 17; i++)
		say(USH_LOG_BUDGET, "again");
	ush_clock_set(1000059);
	say(USH_LOG_BUDGET, "still");
	ck_assert_uint_eq(lines.count, 1);
	ush_clock_set(1000060);
	say(USH_LOG_BUDGET, "now");
	ck_assert_str_eq(lines.last, "now (18 more like this left out)");
	ush_clock_set(1000120);
	say(USH_LOG_BUDGET, "then");
	ck_assert_str_eq(lines.last, "then");
	ck_assert_uint_eq(lines.count, 3);
}
END_TEST

START_TEST(kinds_are_limited_apart)
{
	say(USH_LOG_SCRIPT_ERROR_DECRYPT, "d");
	say(USH_LOG_SCRIPT_ERROR_GENERATE, "g");
	say(USH_LOG_STATE, "s");
	ck_assert_uint_eq(lines.count, 3);
}
END_TEST

START_TEST(attach_lines_are_never_limited)
{
	int i;

	for (i = 0; i < 500; i++)
		say(USH_LOG_ATTACH, "a");
	ck_assert_uint_eq(lines.count, 500);
}
END_TEST

START_TEST(prints_are_limited_to_a_hundred)
{
	int i;

	for (i = 0; i < 150; i++)
		say(USH_LOG_PRINT, "p");
	ck_assert_uint_eq(lines.count, 100);
	ush_clock_set(1000060);
	say(USH_LOG_PRINT, "p");
	ck_assert_str_eq(lines.last, "p (50 more like this left out)");
	say(USH_LOG_PRINT, "p");
	ck_assert_str_eq(lines.last, "p");
}
END_TEST

START_TEST(a_clock_that_is_put_back_does_not_silence_the_log)
{
	say(USH_LOG_BYPASS, "b");
	ush_clock_set(1000);
	say(USH_LOG_BYPASS, "b");
	ck_assert_uint_eq(lines.count, 2);
}
END_TEST

START_TEST(a_log_without_a_function_does_nothing)
{
	static struct ush_log none;

	ush_log_write(&none, USH_LOG_ERROR, USH_LOG_STATE, "x");
	ush_log_write(NULL, USH_LOG_ERROR, USH_LOG_STATE, "x");
	ck_assert_uint_eq(none.window[USH_LOG_STATE], 0);
}
END_TEST

START_TEST(lines_are_escaped_and_cut)
{
	static char text[5000];

	say(USH_LOG_ATTACH, "a\nb");
	ck_assert_str_eq(lines.last, "a\\x0ab");
	memset(text, 'x', sizeof text - 1);
	say(USH_LOG_ATTACH, text);
	ck_assert_uint_eq(strlen(lines.last), 1000);
	ck_assert_str_eq(lines.last + 997, "...");
	say(USH_LOG_STATE, "");
	say(USH_LOG_STATE, "");
	ush_clock_set(1000060);
	say(USH_LOG_STATE, text);
	ck_assert_str_eq(lines.last + 997, "... (1 more like this left out)");
}
END_TEST

enum { THREADS = 4, EACH = 5000 };

static void *
log_much(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < EACH; i++) {
		say(USH_LOG_STATE, "s");
		if (i % 100 == 0)
			ush_clock_set(ush_clock_now() + 30);
	}
	return NULL;
}

START_TEST(threads_that_log_at_once_lose_no_count)
{
	pthread_t threads[THREADS];
	int i;

	lines.threads = true;
	for (i = 0; i < THREADS; i++)
		ck_assert(!pthread_create(&threads[i], NULL, log_much, NULL));
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(
	    lines.count + lines.left_out + ush_log.left_out[USH_LOG_STATE],
	    THREADS * EACH);
	ck_assert_uint_lt(lines.count, THREADS * EACH / 10);
}
END_TEST

/* Clocks */

START_TEST(the_wall_clock_follows_a_tests_hand)
{
	ush_clock_set(12345);
	ck_assert_int_eq(ush_clock_now(), 12345);
	ush_clock_set(0);
	ck_assert_int_gt(ush_clock_now(), 1600000000);
}
END_TEST

START_TEST(the_other_clocks_go_forward)
{
	uint64_t ms = ush_clock_mono_ms(), ns = ush_clock_thread_ns();
	volatile unsigned int spin = 0;

	while (ush_clock_thread_ns() == ns)
		spin++;
	ck_assert_uint_gt(ush_clock_thread_ns(), ns);
	ck_assert_uint_ge(ush_clock_mono_ms(), ms);
}
END_TEST

/* Buffers */

START_TEST(a_buffer_grows_and_stays_terminated)
{
	struct ush_buffer b = {0};
	int i;

	ck_assert_str_eq(ush_buffer_text(&b), "");
	for (i = 0; i < 1000; i++) {
		ck_assert_int_eq(ush_buffer_printf(&b, "%03d", i), 0);
		ck_assert_uint_eq(strlen(ush_buffer_text(&b)), b.len);
	}
	ck_assert_uint_eq(b.len, 3000);
	ck_assert(!memcmp(b.data + 2997, "999", 4));
	ush_buffer_reset(&b);
	ck_assert_str_eq(ush_buffer_text(&b), "");
	ck_assert_uint_ge(b.cap, 3001);
	ush_buffer_fini(&b);
	ush_buffer_fini(&b);
	ush_buffer_fini(NULL);
}
END_TEST

START_TEST(a_buffer_keeps_nul_bytes)
{
	struct ush_buffer b = {0};

	ush_buffer_put(&b, "a\0b", 3);
	ush_buffer_putc(&b, '\0');
	ush_buffer_put(&b, NULL, 0);
	ck_assert_uint_eq(b.len, 4);
	ck_assert(!memcmp(b.data, "a\0b\0", 5));
	ush_buffer_fini(&b);
}
END_TEST

START_TEST(a_failed_buffer_stays_failed)
{
	struct ush_buffer b = {0};

	ush_buffer_puts(&b, "kept");
	ck_assert_int_eq(ush_buffer_reserve(&b, SIZE_MAX - 2), -1);
	ck_assert(b.failed);
	ck_assert_ptr_null(ush_buffer_text(&b));
	ck_assert_int_eq(ush_buffer_puts(&b, "x"), -1);
	ck_assert_int_eq(ush_buffer_printf(&b, "x"), -1);
	ck_assert_str_eq(b.data, "kept");
	ush_buffer_reset(&b);
	ck_assert_int_eq(ush_buffer_puts(&b, "x"), 0);
	ck_assert_str_eq(ush_buffer_text(&b), "x");
	/* Refused by malloc, not by us. */
	ck_assert_int_eq(ush_buffer_reserve(&b, SIZE_MAX / 2 - 4096), -1);
	ck_assert(b.failed);
	ush_buffer_fini(&b);
	ck_assert(!b.failed);
}
END_TEST

/* JSON */

static struct ush_buffer json;

static void
tear_down_json(void)
{
	ush_buffer_fini(&json);
}

static void
check_string(const char *s, size_t len, const char *expected)
{
	ush_buffer_reset(&json);
	ck_assert_int_eq(ush_json_string(&json, s, len), 0);
	ck_assert_str_eq(ush_buffer_text(&json), expected);
}

START_TEST(strings_are_escaped)
{
	check_string("", 0, "\"\"");
	check_string(NULL, 0, "\"\"");
	check_string("a\"b\\c/", 6, "\"a\\\"b\\\\c/\"");
	check_string("\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\"");
	check_string("\0\x01\x1f\x7f", 4, "\"\\u0000\\u0001\\u001f\\u007f\"");
	check_string("a\xe2\x80\xae"
		     "b",
	    5, "\"a\\u202eb\"");
	check_string("\xc2\x9b\xc2\xa0", 4, "\"\\u009b\\u00a0\"");
	check_string("\xf3\xa0\x81\x81", 4, "\"\\udb40\\udc41\"");
}
END_TEST

START_TEST(valid_utf8_stays)
{
	check_string("\xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\xab", 9,
	    "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\xab\"");
}
END_TEST

START_TEST(a_string_that_is_not_utf8_has_its_bytes_escaped)
{
	check_string("\xc3\xa4\xff", 3, "\"\\u00c3\\u00a4\\u00ff\"");
	check_string("ok\x80", 3, "\"ok\\u0080\"");
	check_string("\xed\xa0\x80", 3, "\"\\u00ed\\u00a0\\u0080\"");
}
END_TEST

static void
check_number(double number, const char *expected)
{
	ush_buffer_reset(&json);
	ck_assert_int_eq(ush_json_number(&json, number), 0);
	if (expected)
		ck_assert_str_eq(ush_buffer_text(&json), expected);
	ck_assert(strtod(ush_buffer_text(&json), NULL) == number);
}

START_TEST(numbers_are_short_and_read_back_the_same)
{
	uint64_t bits = 88172645463325252u;
	double number;
	int i;

	check_number(0, "0");
	check_number(-0.0, "-0");
	check_number(0.1, "0.1");
	check_number(1.0 / 3, "0.3333333333333333");
	check_number(9007199254740992.0, "9007199254740992");
	check_number(-1.5e300, "-1.5e+300");
	check_number(5e-324, NULL);
	for (i = 0; i < 2000; i++) {
		bits ^= bits << 13;
		bits ^= bits >> 7;
		bits ^= bits << 17;
		memcpy(&number, &bits, sizeof number);
		if (isfinite(number))
			check_number(number, NULL);
	}
}
END_TEST

START_TEST(nan_and_infinities_are_null)
{
	ush_json_number(&json, NAN);
	ush_json_number(&json, INFINITY);
	ush_json_number(&json, -INFINITY);
	ck_assert_str_eq(ush_buffer_text(&json), "nullnullnull");
}
END_TEST

START_TEST(numbers_do_not_depend_on_the_locale)
{
	static const char *const names[] = {
	    "de_DE.UTF-8", "de_DE", "fr_FR.UTF-8", "ps_AF.UTF-8"};
	size_t i;

	for (i = 0; i < sizeof names / sizeof *names; i++) {
		if (!setlocale(LC_NUMERIC, names[i]))
			continue;
		ush_buffer_reset(&json);
		ush_json_number(&json, 2.5);
		ck_assert_str_eq(ush_buffer_text(&json), "2.5");
	}
	setlocale(LC_NUMERIC, "C");
}
END_TEST

START_TEST(other_scalars_and_keys)
{
	ush_json_key(&json, "a\"");
	ush_json_integer(&json, INT64_MIN);
	ush_json_key(&json, "b");
	ush_json_unsigned(&json, UINT64_MAX);
	ush_json_bool(&json, true);
	ush_json_bool(&json, false);
	ck_assert_int_eq(ush_json_null(&json), 0);
	ck_assert_str_eq(ush_buffer_text(&json),
	    "\"a\\\"\":-9223372036854775808\"b\":18446744073709551615"
	    "truefalsenull");
}
END_TEST

START_TEST(a_failed_buffer_makes_every_writer_fail)
{
	ush_buffer_reserve(&json, SIZE_MAX - 2);
	ck_assert_int_eq(ush_json_string(&json, "x\n", 2), -1);
	ck_assert_int_eq(ush_json_key(&json, "x"), -1);
	ck_assert_int_eq(ush_json_number(&json, 1), -1);
	ck_assert_int_eq(ush_json_number(&json, NAN), -1);
	ck_assert_int_eq(ush_json_integer(&json, 1), -1);
	ck_assert_int_eq(ush_json_unsigned(&json, 1), -1);
	ck_assert_int_eq(ush_json_bool(&json, true), -1);
	ck_assert_int_eq(ush_json_null(&json), -1);
}
END_TEST

/* UTF-8 */

static size_t
encode(uint32_t c, unsigned char *p)
{
	if (c < 0x80) {
		p[0] = (unsigned char)c;
		return 1;
	}
	if (c < 0x800) {
		p[0] = (unsigned char)(0xC0 | c >> 6);
		p[1] = (unsigned char)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		p[0] = (unsigned char)(0xE0 | c >> 12);
		p[1] = (unsigned char)(0x80 | (c >> 6 & 63));
		p[2] = (unsigned char)(0x80 | (c & 63));
		return 3;
	}
	p[0] = (unsigned char)(0xF0 | c >> 18);
	p[1] = (unsigned char)(0x80 | (c >> 12 & 63));
	p[2] = (unsigned char)(0x80 | (c >> 6 & 63));
	p[3] = (unsigned char)(0x80 | (c & 63));
	return 4;
}

START_TEST(every_code_point_is_recognised_and_nothing_else)
{
	static const char *const bad[] = {"\x80", "\xbf", "\xc0\x80",
	    "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf",
	    "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff",
	    "\xc3\x28", "\xe2\x82\x28", "\xf0\x9f\x8e\x28"};
	unsigned char p[4];
	uint32_t c;
	size_t i, n;

	for (c = 0; c <= 0x10FFFF; c++) {
		if (c == 0xD800)
			c = 0xE000;
		n = encode(c, p);
		if (ush_utf8_len(p, n) != n ||
		    (n > 1 && ush_utf8_len(p, n - 1) != 0))
			ck_abort_msg("U+%04X", c);
	}
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_uint_eq(
		    ush_utf8_len((const unsigned char *)bad[i], strlen(bad[i])),
		    0);
}
END_TEST

/* Nearest names */

static const char *const facts[] = {"server_name", "version", "cipher", NULL,
    "group", "alpn", "alpn_offered", "resumed", "early_data", "peer_address",
    "decrypt", "generate", "use", "use_renew", "ignore", "id"};

static const char *
near_to(const char *name)
{
	return ush_near(name, facts, sizeof facts / sizeof *facts);
}

START_TEST(a_misspelt_name_is_recognised)
{
	ck_assert_str_eq(near_to("decript"), "decrypt");
	ck_assert_str_eq(near_to("sevrer_name"), "server_name");
	ck_assert_str_eq(near_to("serverName"), "server_name");
	ck_assert_str_eq(near_to("ServerName"), "server_name");
	ck_assert_str_eq(near_to("genrate"), "generate");
	ck_assert_str_eq(near_to("USE"), "use");
	ck_assert_str_eq(near_to("usr"), "use");
	ck_assert_str_eq(near_to("di"), "id");
	ck_assert_str_eq(near_to("peer_adress"), "peer_address");
}
END_TEST

START_TEST(a_name_that_is_like_none_gets_none)
{
	char longer[200];

	memset(longer, 'x', sizeof longer);
	longer[199] = '\0';
	ck_assert_ptr_null(near_to(""));
	ck_assert_ptr_null(near_to("x"));
	ck_assert_ptr_null(near_to("tenant"));
	ck_assert_ptr_null(near_to("on_connect"));
	ck_assert_ptr_null(near_to(longer));
	ck_assert_ptr_null(ush_near("x", NULL, 0));
}
END_TEST

START_TEST(the_nearest_of_several_wins)
{
	static const char *const names[] = {"ages", "age", "aged"};

	ck_assert_str_eq(ush_near("agee", names, 3), "ages");
	ck_assert_str_eq(ush_near("age", names, 3), "age");
	ck_assert_str_eq(ush_near("agedd", names, 3), "aged");
}
END_TEST

static TCase *
add_case(Suite *suite, const char *name)
{
	TCase *tc = tcase_create(name);

	suite_add_tcase(suite, tc);
	return tc;
}

static void
add_errors(Suite *suite)
{
	TCase *tc = add_case(suite, "errors");

	tcase_add_test(
	    tc, an_error_carries_code_script_line_and_a_prefixed_message);
	tcase_add_test(tc, an_error_without_a_script_has_no_prefix);
	tcase_add_test(tc, a_null_error_is_fine);
	tcase_add_test(tc, control_characters_are_escaped);
	tcase_add_test(tc, what_can_not_be_seen_is_escaped);
	tcase_add_test(tc, a_word_is_one_word);
	tcase_add_test(tc, what_does_not_fit_is_cut_at_a_character);
	tcase_add_test(tc, an_error_can_be_rewritten_from_its_own_text);
	tcase_add_test(tc, escaping_fits_into_buffers_of_every_size);
}

static void
add_log(Suite *suite)
{
	TCase *tc = add_case(suite, "log");

	tcase_add_checked_fixture(tc, set_up_log, NULL);
	tcase_add_test(tc, one_line_per_kind_and_minute);
	tcase_add_test(tc, kinds_are_limited_apart);
	tcase_add_test(tc, attach_lines_are_never_limited);
	tcase_add_test(tc, prints_are_limited_to_a_hundred);
	tcase_add_test(tc, a_clock_that_is_put_back_does_not_silence_the_log);
	tcase_add_test(tc, a_log_without_a_function_does_nothing);
	tcase_add_test(tc, lines_are_escaped_and_cut);
	tcase_add_test(tc, threads_that_log_at_once_lose_no_count);
}

static void
add_buffers(Suite *suite)
{
	TCase *tc = add_case(suite, "clocks and buffers");

	tcase_add_test(tc, the_wall_clock_follows_a_tests_hand);
	tcase_add_test(tc, the_other_clocks_go_forward);
	tcase_add_test(tc, a_buffer_grows_and_stays_terminated);
	tcase_add_test(tc, a_buffer_keeps_nul_bytes);
	tcase_add_test(tc, a_failed_buffer_stays_failed);
}

static void
add_json(Suite *suite)
{
	TCase *tc = add_case(suite, "json");

	tcase_add_checked_fixture(tc, NULL, tear_down_json);
	tcase_add_test(tc, strings_are_escaped);
	tcase_add_test(tc, valid_utf8_stays);
	tcase_add_test(tc, a_string_that_is_not_utf8_has_its_bytes_escaped);
	tcase_add_test(tc, numbers_are_short_and_read_back_the_same);
	tcase_add_test(tc, nan_and_infinities_are_null);
	tcase_add_test(tc, numbers_do_not_depend_on_the_locale);
	tcase_add_test(tc, other_scalars_and_keys);
	tcase_add_test(tc, a_failed_buffer_makes_every_writer_fail);
}

static void
add_names(Suite *suite)
{
	TCase *tc = add_case(suite, "utf-8 and names");

	tcase_add_test(tc, every_code_point_is_recognised_and_nothing_else);
	tcase_add_test(tc, a_misspelt_name_is_recognised);
	tcase_add_test(tc, a_name_that_is_like_none_gets_none);
	tcase_add_test(tc, the_nearest_of_several_wins);
}

int
main(void)
{
	Suite *suite = suite_create("base");
	SRunner *runner = srunner_create(suite);
	int failed;

	add_errors(suite);
	add_log(suite);
	add_buffers(suite);
	add_json(suite);
	add_names(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
