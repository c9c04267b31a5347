/*
 * SPDX-License-Identifier: MIT
 *
 * Tests of src/data/stats: counters shared by threads and processes.
 *
 *  1. New counters are all zero
 *  2. Any number picks a shard, and sums cover all shards
 *  3. Threads that count at once lose nothing
 *  4. Forked processes count into the same counters
 *  5. Shards have no cache line in common
 *  6. Every counter has a name and says what it counts
 *  7. The counters are the members of struct usher_stats, in its order
 *  8. Freeing in a child leaves the parent's counters alone
 *  9. Each reason is counted on its own, whatever its length
 * 10. After 32 reasons, further ones are counted as others
 * 11. Threads and processes that bring the same reasons at once agree on them
 * 12. A reason claimed by a process that then died gets its text later
 */
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

#include "data/stats.h"
#include "usher.h"

enum { THREADS = 4, CHILDREN = 3, EACH = 20000 };

static struct ush_stats *stats;
static uint64_t sums[USH_STATS];

static void
set_up(void)
{
	stats = ush_stats_new();
	ck_assert_ptr_nonnull(stats);
}

static void
tear_down(void)
{
	ush_stats_free(stats);
}

START_TEST(new_counters_are_all_zero)
{
	int i;

	memset(sums, 0xFF, sizeof sums);
	ush_stats_sum(stats, sums);
	for (i = 0; i < USH_STATS; i++)
		ck_assert_uint_eq(sums[i], 0);
	ush_stats_free(NULL);
}
END_TEST

START_TEST(any_number_picks_a_shard)
{
	unsigned int shard;

	for (shard = 0; shard < 1000; shard++)
		ush_stats_add(stats, shard, USH_STAT_use);
	ush_stats_add(stats, UINT32_MAX, USH_STAT_states_closed);
	ush_stats_sum(stats, sums);
	ck_assert_uint_eq(sums[USH_STAT_use], 1000);
	ck_assert_uint_eq(sums[USH_STAT_states_closed], 1);
	ck_assert_uint_eq(sums[USH_STAT_decrypt_calls], 0);
}
END_TEST

static void
count(unsigned int shard)
{
	int i;

	for (i = 0; i < EACH; i++)
		ush_stats_add(stats, shard, USH_STAT_resumed);
}

static void *
count_in_thread(void *arg)
{
	count(*(unsigned int *)arg);
	return NULL;
}

START_TEST(threads_that_count_at_once_lose_nothing)
{
	/* Two of them share a shard. */
	unsigned int shards[THREADS] = {0, 1, 2, USH_STATS_SHARDS};
	pthread_t threads[THREADS];
	int i;

	for (i = 0; i < THREADS; i++)
		ck_assert(!pthread_create(
		    &threads[i], NULL, count_in_thread, &shards[i]));
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	ush_stats_sum(stats, sums);
	ck_assert_uint_eq(sums[USH_STAT_resumed], THREADS * EACH);
}
END_TEST

START_TEST(forked_processes_count_into_the_same_counters)
{
	int i, status;

	for (i = 0; i < CHILDREN; i++) {
		pid_t pid = fork();

		ck_assert_int_ge(pid, 0);
		if (pid == 0) {
			count(0);
			_exit(0);
		}
	}
	count(0);
	for (i = 0; i < CHILDREN; i++) {
		ck_assert_int_gt(wait(&status), 0);
		ck_assert_int_eq(status, 0);
	}
	ush_stats_sum(stats, sums);
	ck_assert_uint_eq(sums[USH_STAT_resumed], (CHILDREN + 1) * EACH);
}
END_TEST

START_TEST(shards_have_no_cache_line_in_common)
{
	ck_assert_uint_eq((uintptr_t)stats % USH_STATS_LINE, 0);
	ck_assert_uint_eq(sizeof stats->shards[0] % USH_STATS_LINE, 0);
	ck_assert_uint_ge(sizeof stats->shards[0], USH_STATS * 8);
}
END_TEST

START_TEST(every_counter_has_a_name_and_says_what_it_counts)
{
	int i, j;

	for (i = 0; i < USH_STATS; i++) {
		ck_assert_uint_gt(strlen(ush_stats_name(i)), 2);
		ck_assert_uint_gt(strlen(ush_stats_doc(i)), 10);
		for (j = 0; j < i; j++)
			ck_assert_str_ne(ush_stats_name(i), ush_stats_name(j));
	}
	ck_assert_ptr_null(ush_stats_name(USH_STATS));
	ck_assert_ptr_null(ush_stats_doc(USH_STATS));
}
END_TEST

START_TEST(the_counters_are_the_members_of_struct_usher_stats)
{
	ck_assert_uint_eq(sizeof(struct usher_stats), 8 * USH_STATS);
#define USH_STAT(name, doc) \
	ck_assert_uint_eq( \
	    offsetof(struct usher_stats, name), 8 * USH_STAT_##name);
#include "data/stats.def"
#undef USH_STAT
}
END_TEST

START_TEST(freeing_in_a_child_leaves_the_parents_counters_alone)
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		ush_stats_add(stats, 5, USH_STAT_abort);
		ush_stats_free(stats);
		_exit(0);
	}
	ck_assert_int_eq(wait(&status), pid);
	ush_stats_add(stats, 6, USH_STAT_abort);
	ush_stats_sum(stats, sums);
	ck_assert_uint_eq(sums[USH_STAT_abort], 2);
}
END_TEST

/* How often a reason was counted; the test fails if it is there twice. */
static uint64_t
reason_count(const char *text)
{
	struct ush_stats_reason list[USH_REASONS];
	uint64_t others, count = 0;
	unsigned int n = ush_stats_list_reasons(stats, list, &others), seen = 0;

	for (unsigned int i = 0; i < n; i++) {
		if (strcmp(list[i].text, text) != 0)
			continue;
		count = list[i].count;
		seen++;
	}
	ck_assert_uint_le(seen, 1);
	return count;
}

START_TEST(each_reason_is_counted_on_its_own)
{
	char text[USH_REASON_BYTES * 2];
	unsigned int lengths[] = {0, 1, 7, 8, 9, 15, 16, 17, 31, 158, 159};

	for (unsigned int round = 1; round <= 3; round++)
		for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
			memset(text, 'x', sizeof text);
			text[lengths[i]] = '\0';
			ush_stats_count_reason(stats, round, text);
			ck_assert_uint_eq(reason_count(text), round);
		}
	/* What is too long counts as what is left of it. */
	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = '\0';
	ush_stats_count_reason(stats, 1, text);
	text[USH_REASON_BYTES - 1] = '\0';
	ck_assert_uint_eq(reason_count(text), 4);
}
END_TEST

START_TEST(further_reasons_are_counted_as_others)
{
	struct ush_stats_reason list[USH_REASONS];
	char text[32];
	uint64_t others;

	for (int i = 0; i < 500; i++) {
		snprintf(text, sizeof text, "reason %d", i % 100);
		ush_stats_count_reason(stats, (unsigned int)i, text);
	}
	ck_assert_uint_eq(
	    ush_stats_list_reasons(stats, list, &others), USH_REASONS);
	ck_assert_uint_eq(others, 5 * (100 - USH_REASONS));
	for (int i = 0; i < 100; i++) {
		snprintf(text, sizeof text, "reason %d", i);
		ck_assert_uint_eq(reason_count(text), i < USH_REASONS ? 5 : 0);
	}
}
END_TEST

static void
bring_reasons(unsigned int shard)
{
	char text[32];

	for (int i = 0; i < EACH; i++) {
		snprintf(text, sizeof text, "reason %d", i % 30);
		ush_stats_count_reason(stats, shard, text);
	}
}

static void *
bring_in_thread(void *arg)
{
	bring_reasons(*(unsigned int *)arg);
	return NULL;
}

START_TEST(those_that_bring_the_same_reasons_agree_on_them)
{
	unsigned int shards[THREADS] = {0, 1, 2, USH_STATS_SHARDS};
	pthread_t threads[THREADS];
	char text[32];
	int i, status;

	for (i = 0; i < CHILDREN; i++)
		if (fork() == 0) {
			bring_reasons(9);
			_exit(0);
		}
	for (i = 0; i < THREADS; i++)
		ck_assert(!pthread_create(
		    &threads[i], NULL, bring_in_thread, &shards[i]));
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < CHILDREN; i++) {
		ck_assert_int_gt(wait(&status), 0);
		ck_assert_int_eq(status, 0);
	}
	for (i = 0; i < 30; i++) {
		snprintf(text, sizeof text, "reason %d", i);
		ck_assert_uint_ge(
		    reason_count(text), (THREADS + CHILDREN) * (EACH / 30));
		ck_assert_uint_le(
		    reason_count(text), (THREADS + CHILDREN) * (EACH / 30 + 1));
	}
}
END_TEST

START_TEST(a_reason_claimed_by_who_died_gets_its_text)
{
	struct ush_stats_reasons *r = &stats->reasons;
	int place = 0;

	ush_stats_count_reason(stats, 0, "gone");
	while (r->hashes[place] == 0)
		place++;
	/* As if it had been killed before it wrote the text. */
	r->ready[place] = 0;
	r->texts[place][0] = 0;
	ck_assert_uint_eq(reason_count("gone"), 0);
	ush_stats_count_reason(stats, 0, "gone");
	ck_assert_uint_eq(reason_count("gone"), 2);
	ck_assert_uint_eq(r->claimed, 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("stats");
	TCase *tc = tcase_create("stats");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, new_counters_are_all_zero);
	tcase_add_test(tc, any_number_picks_a_shard);
	tcase_add_test(tc, threads_that_count_at_once_lose_nothing);
	tcase_add_test(tc, forked_processes_count_into_the_same_counters);
	tcase_add_test(tc, shards_have_no_cache_line_in_common);
	tcase_add_test(tc, every_counter_has_a_name_and_says_what_it_counts);
	tcase_add_test(tc, the_counters_are_the_members_of_struct_usher_stats);
	tcase_add_test(
	    tc, freeing_in_a_child_leaves_the_parents_counters_alone);
	tcase_add_test(tc, each_reason_is_counted_on_its_own);
	tcase_add_test(tc, further_reasons_are_counted_as_others);
	tcase_add_test(tc, those_that_bring_the_same_reasons_agree_on_them);
	tcase_add_test(tc, a_reason_claimed_by_who_died_gets_its_text);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
