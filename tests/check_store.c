/*
 * SPDX-License-Identifier: MIT
 *
 * Tests of src/data/store: a map with times to live in shared memory. What
 * crashes do to it is in check_store_crash.c, stores with names are in
 * check_store_name.c.
 *
 *  1. A value of each kind comes back as it was stored
 *  2. Keys and strings of all lengths, of all bytes, come back
 *  3. What is too long, or empty, is refused and changes nothing
 *  4. Set replaces a value by one of another kind and length
 *  5. Add stores only what is not there
 *  6. Incr counts, from 0, in steps of any sign, and keeps the time to live;
 *     from another number on, what is below it is as what is not there, in an
 *     overlay too
 *  7. Incr of what is no integer, or beyond 64 bits, changes nothing
 *  8. What is deleted is gone, and may come again
 *  9. What has expired is gone, to the millisecond of the clock
 * 10. Expired entries that nobody asks for make room
 * 11. A full store forgets what was used least recently
 * 12. One entry of the largest size evicts no more than it needs
 * 13. Hits, misses, evictions and expirations are counted
 * 14. Random operations agree with a plain list
 * 15. Random operations on a full store leave it in order
 * 16. Of many threads that add one key, one is told that it did
 * 17. Of many threads that delete one key, one is told that it was there.
 *     Threads that count at once lose nothing
 * 18. Processes forked later see the same store
 * 19. A lock that is held costs one short wait, then none until it is free
 * 20. An overlay shows its own writes over the store's, and keeps them
 * 21. An overlay does for a caller what a store does, incr and expiry included
 * 22. An overlay leaves no trace in the store: no use, no hit, no removal
 * 23. An overlay takes 64 keys, and begins anew when it is cleared
 * 24. Stores of every size hold what they say, and too little memory is an
 *     error
 * 25. The hash is SipHash-1-3, as others compute it
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <check.h>

#include "base/clock.h"
#include "data/store_own.h"
#include "store/store.h"

enum { START = 1000000, THREADS = 4, MANY = 20000, VALUES = 300 };

#if defined __SANITIZE_THREAD__ || defined __SANITIZE_ADDRESS__
enum { SANITIZED = 1 }; /* needs memory without end */
#else
enum { SANITIZED = 0 };
#endif

static struct ush_store_view *view;
static char room[USH_STORE_VALUE_MAX];

static struct ush_store_view *
view_new(size_t size)
{
	struct ush_store_view *v = calloc(1, sizeof *v);
	struct ush_error err;

	v->store = ush_store_new(NULL, size, &err);
	ck_assert_msg(v->store != NULL, "%s", err.message);
	v->stats = ush_stats_new();
	return v;
}

static void
view_free(struct ush_store_view *v)
{
	const char *wrong = store_wrong(v->store);

	ck_assert_msg(!wrong, "%s", wrong);
	ush_store_free(v->store);
	ush_stats_free(v->stats);
	ush_store_overlay_free(v->overlay);
	free(v);
}

static void
set_up(void)
{
	ush_clock_set(START);
	view = view_new(0);
}

static void
tear_down(void)
{
	view_free(view);
}

START_TEST(a_value_of_each_kind_comes_back)
{
	struct ush_store_value in[] = {
	    {USH_STORE_STRING, .as.string = {"a\0b", 3}},
	    {USH_STORE_STRING, .as.string = {NULL, 0}},
	    {USH_STORE_INTEGER, .as.integer = INT64_MIN},
	    {USH_STORE_INTEGER, .as.integer = 7},
	    {USH_STORE_NUMBER, .as.number = -0.25},
	    {USH_STORE_BOOLEAN, .as.boolean = true},
	    {USH_STORE_BOOLEAN, .as.boolean = false},
	};
	struct ush_store_value out;

	for (size_t i = 0; i < sizeof in / sizeof *in; i++) {
		ck_assert_int_eq(
		    ush_store_set(view, key_of("k"), &in[i], 0), USH_STORE_OK);
		ck_assert_int_eq(
		    ush_store_get(view, key_of("k"), &out, room), USH_STORE_OK);
		ck_assert_int_eq(out.kind, in[i].kind);
		switch (out.kind) {
		case USH_STORE_STRING:
			ck_assert_uint_eq(
			    out.as.string.len, in[i].as.string.len);
			ck_assert_int_eq(
			    memcmp(out.as.string.p, "a\0b", out.as.string.len),
			    0);
			break;
		case USH_STORE_NUMBER:
			ck_assert_double_eq(out.as.number, in[i].as.number);
			break;
		case USH_STORE_BOOLEAN:
			ck_assert_int_eq(out.as.boolean, in[i].as.boolean);
			break;
		default:
			ck_assert_int_eq(out.as.integer, in[i].as.integer);
		}
	}
	ck_assert(has_none(view, "other"));
}
END_TEST

static void
try_lengths(size_t key_len, size_t len)
{
	unsigned char key[USH_STORE_KEY_MAX], bytes[USH_STORE_VALUE_MAX];
	struct ush_store_value in = {USH_STORE_STRING}, out;
	struct ush_store_key k = {key, key_len};

	for (size_t i = 0; i < key_len; i++)
		key[i] = (unsigned char)(i * 7 + key_len);
	for (size_t i = 0; i < len; i++)
		bytes[i] = (unsigned char)(i * 31 + len);
	in.as.string.p = bytes;
	in.as.string.len = len;
	ck_assert_int_eq(ush_store_set(view, k, &in, 0), USH_STORE_OK);
	ck_assert_int_eq(ush_store_get(view, k, &out, room), USH_STORE_OK);
	ck_assert_uint_eq(out.as.string.len, len);
	ck_assert_int_eq(memcmp(out.as.string.p, bytes, len), 0);
}

START_TEST(keys_and_strings_of_all_lengths_come_back)
{
	for (size_t len = 1; len <= USH_STORE_KEY_MAX; len++)
		try_lengths(len, len);
	for (size_t len = 0; len <= USH_STORE_VALUE_MAX; len += 13)
		try_lengths(len % USH_STORE_KEY_MAX + 1, len);
	try_lengths(USH_STORE_KEY_MAX, USH_STORE_VALUE_MAX);
	try_lengths(1, USH_STORE_VALUE_MAX);
}
END_TEST

START_TEST(what_is_too_long_or_empty_is_refused)
{
	static char big[USH_STORE_VALUE_MAX + 1];
	struct ush_store_key none = {"", 0}, key = {big, 256};
	struct ush_store_value value = {USH_STORE_INTEGER, .as.integer = 1};
	int64_t sum = 77;

	ck_assert_int_eq(
	    set_bytes(view, "k", big, sizeof big, 0), USH_STORE_LENGTH);
	ck_assert_int_eq(
	    ush_store_set(view, none, &value, 0), USH_STORE_LENGTH);
	ck_assert_int_eq(ush_store_add(view, key, &value, 0), USH_STORE_LENGTH);
	ck_assert_int_eq(
	    ush_store_incr(view, key, 1, 0, &sum), USH_STORE_LENGTH);
	ck_assert_int_eq(
	    ush_store_get(view, none, &value, room), USH_STORE_LENGTH);
	ck_assert_int_eq(ush_store_delete(view, key), USH_STORE_LENGTH);
	ck_assert_int_eq(sum, 77);
	ck_assert(has_none(view, "k"));
}
END_TEST

START_TEST(set_replaces_a_value)
{
	static char big[USH_STORE_VALUE_MAX];
	struct ush_store_usage before, after;

	set_text(view, "k", "short", 0);
	ush_store_usage(view->store, &before);
	for (int i = 0; i < 100; i++) {
		ck_assert_int_eq(
		    set_bytes(view, "k", big, sizeof big, 0), USH_STORE_OK);
		ck_assert_int_eq(set_integer(view, "k", i, 0), USH_STORE_OK);
		ck_assert(has_integer(view, "k", i));
		ck_assert_int_eq(set_text(view, "k", "short", 0), USH_STORE_OK);
	}
	ck_assert(has_text(view, "k", "short"));
	ush_store_usage(view->store, &after);
	ck_assert_uint_eq(after.used, before.used);
	ck_assert_uint_eq(after.entries, 1);
	ck_assert_uint_eq(stat_of(view, USH_STAT_store_evictions), 0);
}
END_TEST

START_TEST(add_stores_only_what_is_not_there)
{
	ck_assert_int_eq(add_text(view, "k", "one", 10), USH_STORE_OK);
	ck_assert_int_eq(add_text(view, "k", "two", 100), USH_STORE_EXISTS);
	ck_assert(has_text(view, "k", "one"));
	ush_clock_set(START + 10); /* the second did not make it live longer */
	ck_assert_int_eq(add_text(view, "k", "three", 0), USH_STORE_OK);
	ck_assert(has_text(view, "k", "three"));
}
END_TEST

START_TEST(incr_counts_and_keeps_the_time_to_live)
{
	int64_t sum = 0;

	ck_assert_int_eq(
	    ush_store_incr(view, key_of("n"), 5, 10000, &sum), USH_STORE_OK);
	ck_assert_int_eq(sum, 5);
	ush_clock_set(START + 9);
	ck_assert_int_eq(
	    ush_store_incr(view, key_of("n"), -7, 10000, &sum), USH_STORE_OK);
	ck_assert_int_eq(sum, -2);
	ck_assert_int_eq(
	    ush_store_incr(view, key_of("n"), 0, 0, &sum), USH_STORE_OK);
	ck_assert(has_integer(view, "n", -2));
	ush_clock_set(START + 10);
	ck_assert(has_none(view, "n"));
	ush_store_incr(view, key_of("n"), 1, 10000, &sum);
	ck_assert_int_eq(sum, 1);
}
END_TEST

static int64_t
sum_from(struct ush_store_view *v, const char *key, int64_t from, int64_t by)
{
	int64_t sum = 0;

	ck_assert_int_eq(
	    ush_store_incr_from(v, key_of(key), from, by, 10000, &sum),
	    USH_STORE_OK);
	ck_assert(has_integer(v, key, sum));
	return sum;
}

START_TEST(incr_begins_anew_below_a_number)
{
	struct ush_store_view over = {.store = view->store}, *v = view;
	int64_t sum = 0;

	if (_i == 1) {
		over.overlay = ush_store_overlay_new();
		v = &over;
	}
	ck_assert_int_eq(sum_from(v, "n", 100, 5), 105);
	ck_assert_int_eq(sum_from(v, "n", 105, 5), 110);
	ck_assert_int_eq(sum_from(v, "n", -7, -200), -90);
	ush_clock_set(START + 9);
	ck_assert_int_eq(sum_from(v, "n", -90, 1), -89);
	ck_assert_int_eq(sum_from(v, "m", -5, 1), -4);
	ck_assert_int_eq(sum_from(v, "m", 0, 1), 1);
	ush_clock_set(START + 10);
	ck_assert(has_none(v, "n"));
	/* The time to live begins with what begins anew. */
	ck_assert_int_eq(sum_from(v, "m", 2, 0), 2);
	ush_clock_set(START + 19);
	ck_assert(has_integer(v, "m", 2));
	ush_clock_set(START + 20);
	ck_assert(has_none(v, "m"));
	set_text(v, "t", "text", 0);
	ck_assert_int_eq(
	    ush_store_incr_from(v, key_of("t"), 1, 1, 0, &sum), USH_STORE_TYPE);
	ck_assert_int_eq(
	    ush_store_incr_from(v, key_of("x"), INT64_MAX, 1, 0, &sum),
	    USH_STORE_RANGE);
	ck_assert(has_none(v, "x"));
	if (_i == 1)
		ush_store_overlay_free(over.overlay);
}
END_TEST

START_TEST(incr_of_what_is_no_integer_changes_nothing)
{
	struct ush_store_value half = {USH_STORE_NUMBER, .as.number = 0.5};
	int64_t sum = 42;

	set_text(view, "text", "5", 0);
	ush_store_set(view, key_of("half"), &half, 0);
	set_integer(view, "most", INT64_MAX, 0);
	set_integer(view, "least", INT64_MIN, 0);
	ck_assert_int_eq(
	    ush_store_incr(view, key_of("text"), 1, 0, &sum), USH_STORE_TYPE);
	ck_assert_int_eq(
	    ush_store_incr(view, key_of("half"), 1, 0, &sum), USH_STORE_TYPE);
	ck_assert_int_eq(
	    ush_store_incr(view, key_of("most"), 1, 0, &sum), USH_STORE_RANGE);
	ck_assert_int_eq(ush_store_incr(view, key_of("least"), -1, 0, &sum),
	    USH_STORE_RANGE);
	ck_assert_int_eq(sum, 42);
	ck_assert(has_text(view, "text", "5"));
	ck_assert(has_integer(view, "most", INT64_MAX));
}
END_TEST

START_TEST(what_is_deleted_is_gone)
{
	set_text(view, "k", "v", 0);
	set_text(view, "l", "w", 0);
	ck_assert_int_eq(ush_store_delete(view, key_of("k")), USH_STORE_OK);
	ck_assert_int_eq(ush_store_delete(view, key_of("k")), USH_STORE_ABSENT);
	ck_assert(has_none(view, "k"));
	ck_assert(has_text(view, "l", "w"));
	ck_assert_int_eq(add_text(view, "k", "again", 0), USH_STORE_OK);
	ck_assert(has_text(view, "k", "again"));
}
END_TEST

START_TEST(what_has_expired_is_gone)
{
	struct ush_store_value value = {USH_STORE_BOOLEAN, .as.boolean = true};

	set_text(view, "short", "v", 10);
	set_text(view, "never", "v", 0);
	set_text(view, "again", "v", 10);
	ush_store_set(view, key_of("half"), &value, 9500);
	ush_store_set(view, key_of("longest"), &value, UINT64_MAX);
	ush_clock_set(START + 9);
	ck_assert(has_text(view, "short", "v"));
	ck_assert_int_eq(
	    ush_store_get(view, key_of("half"), &value, room), USH_STORE_OK);
	set_text(view, "again", "w", 10);
	ush_clock_set(START + 10);
	ck_assert(has_none(view, "short"));
	ck_assert(has_none(view, "half"));
	ck_assert(has_text(view, "never", "v"));
	ck_assert(has_text(view, "again", "w"));
	ck_assert_int_eq(
	    ush_store_delete(view, key_of("short")), USH_STORE_ABSENT);
	ush_clock_set(INT64_MAX / 2000);
	ck_assert(has_text(view, "never", "v"));
	ck_assert_int_eq(
	    ush_store_get(view, key_of("longest"), &value, room), USH_STORE_OK);
}
END_TEST

/* How many of the keys from `first` on are there, without using them. */
static unsigned int
count_there(unsigned int first, unsigned int n)
{
	struct ush_store_overlay *overlay = ush_store_overlay_new();
	struct ush_store_view peek = {view->store, overlay, NULL, 0};
	struct ush_store_value value;
	unsigned int there = 0;
	char name[16];

	for (unsigned int i = first; i < first + n; i++)
		there += ush_store_get(&peek, key_of_number(i, name), &value,
			     room) == USH_STORE_OK;
	ush_store_overlay_free(overlay);
	return there;
}

static void
add_many(unsigned int first, unsigned int n, unsigned int ttl)
{
	struct ush_store_value value = {USH_STORE_BOOLEAN, .as.boolean = true};
	char name[16];

	for (unsigned int i = first; i < first + n; i++)
		ck_assert_int_eq(ush_store_add(view, key_of_number(i, name),
				     &value, ttl * 1000ull),
		    USH_STORE_OK);
}

START_TEST(expired_entries_make_room)
{
	struct ush_store_usage usage;

	add_many(0, 5000, 10);
	add_many(10000, 5000, 0);
	ush_clock_set(START + 10);
	add_many(20000, 5000, 0);
	ck_assert_uint_eq(count_there(10000, 5000), 5000);
	ck_assert_uint_eq(stat_of(view, USH_STAT_store_evictions), 0);
	ck_assert_uint_gt(stat_of(view, USH_STAT_store_expirations), 1000);
	ush_store_usage(view->store, &usage);
	ck_assert_uint_lt(usage.entries, 14000);
}
END_TEST

START_TEST(a_full_store_forgets_what_was_used_least)
{
	struct ush_store_usage usage;
	struct ush_store_value value;
	char name[16];
	int64_t sum;

	add_many(0, 3000, 0);
	set_integer(view, "n", 0, 0);
	for (unsigned int round = 1; round <= 10; round++) {
		add_many(round * 10000, 5000, 0);
		for (unsigned int i = 0; i < 1000; i++)
			ck_assert_int_eq(
			    ush_store_get(
				view, key_of_number(i, name), &value, room),
			    USH_STORE_OK);
		for (unsigned int i = 1000; i < 2000; i++)
			ck_assert_int_eq(ush_store_add(view,
					     key_of_number(i, name), &value, 0),
			    USH_STORE_EXISTS);
		ck_assert_int_eq(ush_store_incr(view, key_of("n"), 1, 0, &sum),
		    USH_STORE_OK);
		ck_assert_int_eq(sum, round);
	}
	ck_assert_uint_eq(count_there(0, 2000), 2000);
	ck_assert_uint_eq(count_there(2000, 1000), 0);
	ck_assert_uint_eq(count_there(100000, 5000), 5000);
	ck_assert_uint_eq(count_there(50000, 5000), 0);
	ush_store_usage(view->store, &usage);
	ck_assert_uint_gt(usage.used, usage.bytes - 1000);
	ck_assert_uint_eq(
	    stat_of(view, USH_STAT_store_evictions), 53001 - usage.entries);
}
END_TEST

START_TEST(one_large_entry_evicts_what_it_needs)
{
	static char big[USH_STORE_VALUE_MAX];
	struct ush_store_usage before, after;

	add_many(0, 30000, 0);
	ush_store_usage(view->store, &before);
	ck_assert_int_eq(
	    set_bytes(view, "big", big, sizeof big, 0), USH_STORE_OK);
	ush_store_usage(view->store, &after);
	/* 74 blocks, of one entry each. */
	ck_assert_uint_ge(after.entries, before.entries - 74 + 1);
	ck_assert_uint_lt(after.entries, before.entries - 60);
}
END_TEST

START_TEST(hits_and_misses_are_counted)
{
	int64_t sum;

	set_text(view, "k", "v", 10);                  /* neither */
	ck_assert(has_text(view, "k", "v"));           /* hit */
	ck_assert(has_none(view, "none"));             /* miss */
	add_text(view, "k", "w", 0);                   /* hit */
	add_text(view, "l", "w", 0);                   /* miss */
	ush_store_incr(view, key_of("n"), 1, 0, &sum); /* miss */
	ush_store_incr(view, key_of("n"), 1, 0, &sum); /* hit */
	ush_store_delete(view, key_of("l"));           /* neither */
	ush_clock_set(START + 10);
	ck_assert(has_none(view, "k")); /* miss */
	ck_assert_uint_eq(stat_of(view, USH_STAT_store_hits), 3);
	ck_assert_uint_eq(stat_of(view, USH_STAT_store_misses), 4);
	ck_assert_uint_eq(stat_of(view, USH_STAT_store_expirations), 1);
	ck_assert_uint_eq(stat_of(view, USH_STAT_store_evictions), 0);
	ck_assert_uint_eq(stat_of(view, USH_STAT_store_timeouts), 0);
	ck_assert_uint_eq(stat_of(view, USH_STAT_store_recoveries), 0);
}
END_TEST

/* What a key should hold: a string of `len` bytes that all are `fill`, or if
 * `len` is negative a number; `expires` 0: never. */
struct expected {
	bool there;
	int len;
	int fill;
	int64_t expires;
};

static bool
is_there(const struct expected *e, int64_t now)
{
	return e->there && (e->expires == 0 || e->expires > now);
}

static void
agree(const struct expected *e, struct ush_store_key key, int64_t now)
{
	static char bytes[USH_STORE_VALUE_MAX];
	struct ush_store_value value;
	enum ush_store_result got = ush_store_get(view, key, &value, room);

	ck_assert_int_eq(
	    got, is_there(e, now) ? USH_STORE_OK : USH_STORE_ABSENT);
	if (got != USH_STORE_OK)
		return;
	if (e->len < 0) {
		ck_assert_int_eq(value.kind, USH_STORE_INTEGER);
		ck_assert_int_eq(value.as.integer, e->fill);
		return;
	}
	ck_assert_int_eq(value.kind, USH_STORE_STRING);
	ck_assert_uint_eq(value.as.string.len, (size_t)e->len);
	memset(bytes, e->fill, (size_t)e->len);
	ck_assert_int_eq(memcmp(value.as.string.p, bytes, (size_t)e->len), 0);
}

static void
random_write(struct expected *e, struct ush_store_key key, int64_t now)
{
	static char bytes[USH_STORE_VALUE_MAX];
	struct ush_store_value value = {USH_STORE_STRING};
	struct expected next = {true, rand() % 400, rand() % 256, 0};
	unsigned int ttl = rand() % 3 ? 0 : (unsigned int)(rand() % 50 + 1);
	bool there = is_there(e, now), add = rand() % 2;

	next.expires = ttl > 0 ? now + ttl : 0;
	memset(bytes, next.fill, (size_t)next.len);
	value.as.string.p = bytes;
	value.as.string.len = (size_t)next.len;
	if (rand() % 3 == 0) {
		next.len = -1;
		value.kind = USH_STORE_INTEGER;
		value.as.integer = next.fill;
	}
	ck_assert_int_eq(add ? ush_store_add(view, key, &value, ttl * 1000ull)
			     : ush_store_set(view, key, &value, ttl * 1000ull),
	    add && there ? USH_STORE_EXISTS : USH_STORE_OK);
	if (!add || !there)
		*e = next;
}

static void
random_step(struct expected *e, struct ush_store_key key, int64_t now)
{
	bool there = is_there(e, now);
	int64_t sum;

	switch (rand() % 6) {
	case 0:
		ck_assert_int_eq(ush_store_delete(view, key),
		    there ? USH_STORE_OK : USH_STORE_ABSENT);
		e->there = false;
		break;
	case 1:
		if (there && e->len >= 0) {
			ck_assert_int_eq(ush_store_incr(view, key, 1, 0, &sum),
			    USH_STORE_TYPE);
			break;
		}
		ck_assert_int_eq(
		    ush_store_incr(view, key, 3, 0, &sum), USH_STORE_OK);
		if (!there)
			*e = (struct expected){true, -1, 0, 0};
		e->fill += 3;
		ck_assert_int_eq(sum, e->fill);
		break;
	case 2:
	case 3:
		random_write(e, key, now);
		break;
	default:
		agree(e, key, now);
	}
}

START_TEST(random_operations_agree_with_a_plain_list)
{
	static struct expected expected[VALUES];
	int64_t now = START;
	char name[16];

	srand(1);
	for (int i = 0; i < MANY * 5; i++) {
		unsigned int n = (unsigned int)rand() % VALUES;

		if (i % 50 == 0)
			ush_clock_set(++now);
		random_step(&expected[n], key_of_number(n, name), now);
	}
	for (unsigned int n = 0; n < VALUES; n++)
		agree(&expected[n], key_of_number(n, name), now);
	ck_assert_uint_eq(stat_of(view, USH_STAT_store_evictions), 0);
}
END_TEST

START_TEST(random_operations_on_a_full_store)
{
	static char bytes[USH_STORE_VALUE_MAX];
	struct ush_store_view *all = view;
	const char *wrong;
	char name[16];

	view = view_new(USH_STORE_SIZE_MIN);
	srand(2);
	for (int i = 0; i < MANY; i++) {
		struct ush_store_key key =
		    key_of_number((unsigned int)rand() % 3000, name);
		struct ush_store_value value = {USH_STORE_STRING,
		    .as.string = {bytes, (size_t)(rand() % 700)}};

		if (i % 100 == 0)
			ush_clock_set(START + i / 100);
		if (rand() % 4 == 0)
			ush_store_delete(view, key);
		else if (rand() % 50 == 0)
			value.as.string.len = USH_STORE_VALUE_MAX;
		ck_assert_int_eq(ush_store_set(view, key, &value,
				     (unsigned int)rand() % 20 * 1000),
		    USH_STORE_OK);
		if (i % 50 == 0) {
			wrong = store_wrong(view->store);
			ck_assert_msg(!wrong, "after %d: %s", i, wrong);
		}
	}
	ck_assert_uint_gt(stat_of(view, USH_STAT_store_evictions), 1000);
	ck_assert_uint_eq(stat_of(view, USH_STAT_store_recoveries), 0);
	view_free(view);
	view = all;
}
END_TEST

/*
 * Threads and processes
 */

static void
run_threads(void *(*work)(void *arg), int *results)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		ck_assert(
		    !pthread_create(&threads[i], NULL, work, &results[i]));
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

/* Busy machines hold threads up for longer than a lock is waited for. */
static void *
add_in_thread(void *arg)
{
	struct ush_store_value value = {USH_STORE_BOOLEAN, .as.boolean = true};
	enum ush_store_result result;
	int *won = arg;
	char name[16];

	for (unsigned int i = 0; i < 2000; i++) {
		do
			result = ush_store_add(
			    view, key_of_number(i, name), &value, 0);
		while (result == USH_STORE_BUSY);
		*won += result == USH_STORE_OK;
	}
	return NULL;
}

START_TEST(of_many_threads_that_add_one_is_told_that_it_did)
{
	int won[THREADS] = {0}, sum = 0;

	run_threads(add_in_thread, won);
	for (int i = 0; i < THREADS; i++)
		sum += won[i];
	ck_assert_int_eq(sum, 2000);
}
END_TEST

static void *
delete_in_thread(void *arg)
{
	enum ush_store_result result;
	int *won = arg;
	char name[16];

	for (unsigned int i = 0; i < 2000; i++) {
		do
			result = ush_store_delete(view, key_of_number(i, name));
		while (result == USH_STORE_BUSY);
		*won += result == USH_STORE_OK;
	}
	return NULL;
}

START_TEST(of_many_threads_that_delete_one_is_told_that_it_did)
{
	int won[THREADS] = {0}, sum = 0;

	add_many(0, 2000, 0);
	run_threads(delete_in_thread, won);
	for (int i = 0; i < THREADS; i++)
		sum += won[i];
	ck_assert_int_eq(sum, 2000);
	ck_assert_uint_eq(count_there(0, 2000), 0);
}
END_TEST

static void *
count_in_thread(void *arg)
{
	int64_t sum;
	int i = 0;

	(void)arg;
	while (i < MANY)
		i += ush_store_incr(view, key_of("n"), 1, 0, &sum) ==
		     USH_STORE_OK;
	return NULL;
}

START_TEST(threads_that_count_at_once_lose_nothing)
{
	int unused[THREADS];

	run_threads(count_in_thread, unused);
	ck_assert(has_integer(view, "n", THREADS * MANY));
}
END_TEST

START_TEST(processes_forked_later_see_the_same_store)
{
	int status;

	set_text(view, "parent", "here", 0);
	for (int i = 0; i < THREADS; i++) {
		if (fork() != 0)
			continue;
		while (!has_text(view, "parent", "here"))
			; /* busy; until the test runs out of time */
		count_in_thread(NULL);
		ush_store_free(view->store);
		_exit(0);
	}
	for (int i = 0; i < THREADS; i++) {
		ck_assert_int_gt(wait(&status), 0);
		ck_assert_int_eq(status, 0);
	}
	ck_assert(has_integer(view, "n", THREADS * MANY));
}
END_TEST

static uint64_t
millis(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

START_TEST(a_held_lock_costs_one_short_wait)
{
	struct ush_shard s = shard_of(view->store, key_of("k"));
	uint64_t start = millis();
	char name[16];
	unsigned int other = 0;

	set_text(view, "k", "v", 0);
	while (shard_of(view->store, key_of_number(other, name)).head == s.head)
		other++;
	hold_shard(&s.head->lock);
	for (int i = 0; i < 2000; i++)
		ck_assert_int_eq(set_text(view, "k", "w", 0), USH_STORE_BUSY);
	/* 2000 waits would be 4 seconds at least; a busy machine gets 2. */
	ck_assert_uint_lt(millis() - start, 2000);
	ck_assert_int_eq(set_text(view, name, "w", 0), USH_STORE_OK);
	ck_assert_int_eq(ush_store_delete(view, key_of("k")), USH_STORE_BUSY);
	ck_assert_uint_eq(stat_of(view, USH_STAT_store_timeouts), 2001);
	ck_assert_uint_eq(s.head->late, 1);
	atomic_store(&s.head->lock, 0);
	ck_assert(has_text(view, "k", "v"));
	ck_assert_uint_eq(s.head->late, 0);
}
END_TEST

/*
 * Overlays
 */

static struct ush_store_view
overlay_on(const struct ush_store_view *v)
{
	struct ush_store_view over = *v;

	over.overlay = ush_store_overlay_new();
	ck_assert_ptr_nonnull(over.overlay);
	return over;
}

START_TEST(an_overlay_shows_its_own_writes)
{
	struct ush_store_view over = overlay_on(view);

	set_text(view, "a", "store", 0);
	set_text(view, "b", "store", 0);
	ck_assert(has_text(&over, "a", "store"));
	ck_assert_int_eq(set_text(&over, "a", "mine", 0), USH_STORE_OK);
	ck_assert_int_eq(set_text(&over, "c", "mine", 0), USH_STORE_OK);
	ck_assert_int_eq(ush_store_delete(&over, key_of("b")), USH_STORE_OK);
	ck_assert_int_eq(
	    ush_store_delete(&over, key_of("b")), USH_STORE_ABSENT);
	ck_assert_int_eq(
	    ush_store_delete(&over, key_of("none")), USH_STORE_ABSENT);
	ck_assert(has_text(&over, "a", "mine"));
	ck_assert(has_none(&over, "b"));
	ck_assert(has_text(&over, "c", "mine"));
	ck_assert(has_text(view, "a", "store"));
	ck_assert(has_text(view, "b", "store"));
	ck_assert(has_none(view, "c"));
	ush_store_overlay_clear(over.overlay);
	ck_assert(has_text(&over, "a", "store"));
	ck_assert(has_text(&over, "b", "store"));
	ck_assert(has_none(&over, "c"));
	ush_store_overlay_free(over.overlay);
}
END_TEST

START_TEST(an_overlay_does_what_a_store_does)
{
	struct ush_store_view over = overlay_on(view);
	int64_t sum = 0;

	set_integer(view, "n", 5, 10);
	set_text(view, "t", "text", 0);
	ck_assert_int_eq(add_text(&over, "t", "x", 0), USH_STORE_EXISTS);
	ck_assert_int_eq(add_text(&over, "u", "x", 10), USH_STORE_OK);
	ck_assert_int_eq(add_text(&over, "u", "x", 0), USH_STORE_EXISTS);
	ck_assert_int_eq(
	    ush_store_incr(&over, key_of("n"), 2, 99000, &sum), USH_STORE_OK);
	ck_assert_int_eq(sum, 7);
	ck_assert_int_eq(
	    ush_store_incr(&over, key_of("t"), 2, 0, &sum), USH_STORE_TYPE);
	ck_assert_int_eq(
	    ush_store_incr(&over, key_of("m"), 2, 20000, &sum), USH_STORE_OK);
	ck_assert_int_eq(
	    ush_store_incr(&over, key_of("m"), 2, 20000, &sum), USH_STORE_OK);
	ck_assert_int_eq(sum, 4);
	ck_assert(has_integer(view, "n", 5));
	ush_clock_set(START + 10);
	ck_assert(has_none(&over, "n"));
	ck_assert(has_none(&over, "u"));
	ck_assert(has_integer(&over, "m", 4));
	ck_assert_int_eq(add_text(&over, "u", "y", 0), USH_STORE_OK);
	ck_assert_int_eq(
	    ush_store_incr(&over, key_of("n"), 1, 0, &sum), USH_STORE_OK);
	ck_assert_int_eq(sum, 1);
	ush_store_overlay_free(over.overlay);
}
END_TEST

START_TEST(an_overlay_leaves_no_trace)
{
	struct ush_store_view over = overlay_on(view);
	uint64_t hits = stat_of(view, USH_STAT_store_hits);
	struct ush_store_usage usage;
	char name[16];

	set_text(view, "old", "v", 10);
	add_many(0, 1, 0);
	for (int i = 0; i < 10; i++) {
		ck_assert(has_text(&over, "old", "v"));
		add_text(&over, key_of_number((unsigned int)i, name).p, "v", 0);
	}
	ush_clock_set(START + 10);
	ck_assert(has_none(&over, "old"));
	ush_store_usage(view->store, &usage);
	ck_assert_uint_eq(usage.entries, 2); /* it was not removed */
	ck_assert_uint_eq(stat_of(view, USH_STAT_store_hits), hits);
	ck_assert_uint_eq(stat_of(view, USH_STAT_store_expirations), 0);
	/* What is only seen by overlays is not used: others displace it. */
	for (unsigned int i = 1; i < 8; i++) {
		add_many(i * 10000, 5000, 0);
		count_there(0, 1);
	}
	ck_assert_uint_eq(count_there(0, 1), 0);
	ush_store_overlay_free(over.overlay);
}
END_TEST

START_TEST(an_overlay_takes_64_keys)
{
	struct ush_store_view over = overlay_on(view);
	char name[16];
	int64_t sum;

	for (int round = 0; round < 2; round++) {
		for (unsigned int i = 0; i < USH_STORE_OVERLAY_MAX; i++)
			ck_assert_int_eq(
			    set_text(&over, key_of_number(i, name).p, "v", 0),
			    USH_STORE_OK);
		ck_assert_int_eq(set_text(&over, "x", "v", 0), USH_STORE_FULL);
		ck_assert_int_eq(add_text(&over, "x", "v", 0), USH_STORE_FULL);
		ck_assert_int_eq(ush_store_incr(&over, key_of("x"), 1, 0, &sum),
		    USH_STORE_FULL);
		ck_assert_int_eq(set_text(&over, name, "w", 0), USH_STORE_OK);
		ck_assert(has_text(&over, name, "w"));
		ck_assert(has_none(&over, "x"));
		ush_store_overlay_clear(over.overlay);
	}
	ush_store_overlay_free(over.overlay);
}
END_TEST

START_TEST(stores_of_every_size_hold_what_they_say)
{
	struct rlimit limit = {64 << 20, RLIM_INFINITY};
	struct ush_store_view *all = view;
	struct ush_store_usage usage;
	struct ush_error err;

	for (size_t size = USH_STORE_SIZE_MIN; size <= 200u << 20;
	     size += size / 3 + 12345) {
		view = view_new(size);
		add_many(0, 500, 0);
		ck_assert_uint_eq(count_there(0, 500), 500);
		ush_store_usage(view->store, &usage);
		ck_assert_uint_gt(usage.bytes, size / 10 * 9 - 8192);
		ck_assert_uint_lt(usage.bytes, view->store->size);
		ck_assert_uint_eq(usage.used, 500 * 64);
		ck_assert_uint_eq(usage.entries, 500);
		view_free(view);
	}
	view = all;
	if (!SANITIZED && setrlimit(RLIMIT_AS, &limit) == 0) {
		ck_assert_ptr_null(ush_store_new(NULL, 1u << 30, &err));
		ck_assert_int_eq(err.code, USH_ERROR_SYSTEM);
		ck_assert_ptr_nonnull(strstr(err.message, "store"));
	}
	ush_store_free(NULL);
	ush_store_overlay_free(NULL);
}
END_TEST

/* As Python 3.11 has them, with a key of zeros (PYTHONHASHSEED=0). */
START_TEST(the_hash_is_siphash_1_3)
{
	static const unsigned char zero[USH_SIPHASH_KEY];
	static const struct {
		const char *text;
		uint64_t hash;
	} known[] = {
	    {"a", 0x407448d2b89b1813},
	    {"1234567", 0xa33d651594fdae81},
	    {"12345678", 0x3489982430560a87},
	    {"123456789", 0x0fbc0f0007965fcf},
	    {"a ticket is good for once", 0xcc73310fd19d4fcc},
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		ck_assert_uint_eq(
		    ush_siphash(zero, known[i].text, strlen(known[i].text)),
		    known[i].hash);
}
END_TEST

static TCase *
store_case(Suite *suite, const char *name)
{
	TCase *tc = tcase_create(name);

	suite_add_tcase(suite, tc);
	tcase_set_timeout(tc, 20);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	return tc;
}

static Suite *
store_suite(void)
{
	Suite *suite = suite_create("store");
	TCase *tc = store_case(suite, "operations");

	tcase_add_test(tc, a_value_of_each_kind_comes_back);
	tcase_add_test(tc, keys_and_strings_of_all_lengths_come_back);
	tcase_add_test(tc, what_is_too_long_or_empty_is_refused);
	tcase_add_test(tc, set_replaces_a_value);
	tcase_add_test(tc, add_stores_only_what_is_not_there);
	tcase_add_test(tc, incr_counts_and_keeps_the_time_to_live);
	tcase_add_loop_test(tc, incr_begins_anew_below_a_number, 0, 2);
	tcase_add_test(tc, incr_of_what_is_no_integer_changes_nothing);
	tcase_add_test(tc, what_is_deleted_is_gone);
	tcase_add_test(tc, what_has_expired_is_gone);
	tcase_add_test(tc, expired_entries_make_room);
	tcase_add_test(tc, a_full_store_forgets_what_was_used_least);
	tcase_add_test(tc, one_large_entry_evicts_what_it_needs);
	tcase_add_test(tc, hits_and_misses_are_counted);
	tcase_add_test(tc, random_operations_agree_with_a_plain_list);
	tcase_add_test(tc, random_operations_on_a_full_store);
	tc = store_case(suite, "threads");
	tcase_add_test(tc, of_many_threads_that_add_one_is_told_that_it_did);
	tcase_add_test(tc, of_many_threads_that_delete_one_is_told_that_it_did);
	tcase_add_test(tc, threads_that_count_at_once_lose_nothing);
	tcase_add_test(tc, processes_forked_later_see_the_same_store);
	tcase_add_test(tc, a_held_lock_costs_one_short_wait);
	tc = store_case(suite, "overlay");
	tcase_add_test(tc, an_overlay_shows_its_own_writes);
	tcase_add_test(tc, an_overlay_does_what_a_store_does);
	tcase_add_test(tc, an_overlay_leaves_no_trace);
	tcase_add_test(tc, an_overlay_takes_64_keys);
	tc = store_case(suite, "sizes");
	tcase_add_test(tc, stores_of_every_size_hold_what_they_say);
	tcase_add_test(tc, the_hash_is_siphash_1_3);
	return suite;
}

int
main(void)
{
	SRunner *runner = srunner_create(store_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
