/*
 * SPDX-License-Identifier: MIT
 *
 * Tests of a store while another process, which has it mapped, writes to its
 * memory what it likes. It may get wrong answers, or none; nothing is read or
 * written but the store and what callers gave room for (the address sanitizer
 * looks on), and no operation goes on for ever.
 *
 *  1. Lengths and kinds of an entry that change between two looks
 *  2. Links, counts and numbers of blocks that do, and lead anywhere
 *  3. Counts that change while a shard is rebuilt
 *  4. Lock words, and what lies beside them
 *  5. Any byte of the memory, all the time
 *  6. What stood in it before: afterwards the store is in order again
 *  7. The counters and reasons that processes share, likewise
 */
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <check.h>

#include "base/clock.h"
#include "data/metrics.h"
#include "data/shard_own.h"
#include "data/store_own.h"
#include "store/store.h"

enum { KEYS = 200, OPERATION_MS = 2000 };

static struct ush_store_view view;
static struct ush_shard shard;
static void *room; /* of its exact size, on the heap */

static void
set_up(void)
{
	struct ush_error err;

	view.store = ush_store_new(NULL, USH_STORE_SIZE_MIN, &err);
	ck_assert_msg(view.store != NULL, "%s", err.message);
	ck_assert_uint_eq(view.store->n_shards, 1);
	view.stats = ush_stats_new();
	shard = shard_of(view.store, key_of("k"));
	room = malloc(USH_STORE_VALUE_MAX);
}

static void
tear_down(void)
{
	ush_store_free(view.store);
	ush_stats_free(view.stats);
	free(room);
}

static bool
is_long(void)
{
	return getenv("USHER_LONG") != NULL;
}

/*
 * The other process
 */

/* Each writes a little; all of them at addresses that no test gives up. */

static volatile uint32_t *
head_word(int i)
{
	return (volatile uint32_t *)&shard.head->late + i;
}

static volatile uint32_t *
block_word(uint32_t n, int i)
{
	return (volatile uint32_t *)&shard.blocks[n] + i;
}

static volatile unsigned char *
block_byte(uint32_t n, int i)
{
	return (volatile unsigned char *)&shard.blocks[n] + i;
}

enum { NEXT = 0, CHAIN = 2, NEWER = 3, OLDER = 4, STRING_LEN = 5 }; /* words */
enum { TYPE = 4, KIND = 5, KEY_LEN = 6, ADMITTED = 7 };             /* bytes */

/* The first entry's second block is followed by itself, without end, and its
 * string is of 100 bytes, or many more. */
static void
write_lengths(void)
{
	*block_word(1, NEXT) = 2;
	*block_byte(1, TYPE) = BLOCK_MORE;
	*block_word(0, NEXT) = 2;
	*block_byte(0, KIND) = USH_STORE_STRING;
	for (int i = 0; i < 500; i++) {
		*block_word(0, STRING_LEN) = 100;
		*block_word(0, STRING_LEN) = 1u << 20;
	}
}

/* The same of its kind and its key. */
static void
write_kinds(void)
{
	int kind = rand(), len = rand();

	*block_word(1, NEXT) = 2;
	*block_byte(1, TYPE) = BLOCK_MORE;
	for (int i = 0; i < 500; i++) {
		*block_byte(0, KIND) = USH_STORE_STRING;
		*block_byte(0, KEY_LEN) = 5;
		*block_byte(0, KIND) = (unsigned char)kind;
		*block_byte(0, KEY_LEN) = (unsigned char)len;
	}
}

static uint32_t
any_number(void)
{
	static const uint32_t ends[] = {0, 1, 0x7fffffff, 0xffffffff};

	switch (rand() % 4) {
	case 0:
		return ends[rand() % 4];
	case 1:
		return shard.n_blocks + (uint32_t)(rand() % 3) - 1;
	case 2:
		return (uint32_t)rand() * 2;
	default:
		return (uint32_t)rand() % shard.n_blocks;
	}
}

static void
write_links(void)
{
	uint32_t n = (uint32_t)rand() % 300;

	*block_word(n, NEXT) = any_number();
	*block_word(n, CHAIN) = any_number();
	*block_word(n, NEWER + rand() % 2) = any_number();
	*block_byte(n, TYPE) = (unsigned char)(rand() % 5);
	*head_word(rand() % 9) = any_number();
	shard.buckets[(uint32_t)rand() % shard.n_buckets] = any_number();
}

/* As large as can be while somebody goes by it, and right where he looks. */
static void
write_counts(void)
{
	for (int i = 4; i < 9; i++) /* free, fresh, newest, oldest, hand */
		*head_word(i) = rand() % 2 ? 1 : 0xfffffff0;
	*head_word(2) = rand() % 2 ? 0xffffffff : 0; /* used */
	*head_word(5) = shard.n_blocks;
	*block_byte(0, ADMITTED) = 0;
	*block_word(0, NEWER) = 1;
	*block_byte(0, TYPE) = BLOCK_HEAD;
}

static void
write_locks(void)
{
	volatile unsigned char *lock = (volatile unsigned char *)shard.head;
	size_t len = offsetof(struct ush_shard_head, late);

	if (rand() % 3 == 0)
		memset((void *)lock, rand() % 2 ? 0 : rand(), len);
	else
		lock[(size_t)rand() % len] = (unsigned char)rand();
	*head_word(0) = 0; /* nobody was late */
}

static void
write_anything(void)
{
	size_t start = (size_t)((unsigned char *)shard.head - view.store->base);
	size_t size = view.store->size - start;

	for (int i = 0; i < 100; i++)
		view.store->base[start + (size_t)rand() % size] =
		    (unsigned char)rand();
	*head_word(0) = 0;
	write_kinds();
	write_links();
	*(volatile uint32_t *)shard.head = 0;
}

static const struct attack {
	void (*write)(void);
	unsigned int keys; /* that the others use */
} attacks[] = {
    {write_lengths, 1},
    {write_kinds, 1},
    {write_links, KEYS},
    {write_counts, KEYS},
    {write_locks, KEYS},
    {write_anything, KEYS},
};

static pid_t
start(void (*write_some)(void), unsigned int seed)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return pid;
	srand(seed);
	for (;;)
		write_some();
}

static void
stop(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/*
 * What goes on meanwhile
 */

static void
check_value(const struct ush_store_value *value)
{
	ck_assert_uint_lt(value->kind, USH_STORE_KINDS);
	if (value->kind != USH_STORE_STRING)
		return;
	ck_assert_ptr_eq(value->as.string.p, room);
	ck_assert_uint_le(value->as.string.len, USH_STORE_VALUE_MAX);
}

static void
operate(unsigned int n)
{
	struct ush_store_value value = {.kind = USH_STORE_INTEGER};
	enum ush_store_result result = USH_STORE_OK;
	char name[16];
	struct ush_store_key key = key_of_number(n, name);
	unsigned char bytes[300];
	int64_t sum;

	memset(bytes, 'b', sizeof bytes);
	if (rand() % 2) {
		value.kind = USH_STORE_STRING;
		value.as.string.p = bytes;
		value.as.string.len = (size_t)rand() % sizeof bytes;
	}
	switch (rand() % 6) {
	case 0:
		result = ush_store_set(&view, key, &value, rand() % 2);
		break;
	case 1:
		result = ush_store_add(&view, key, &value, 0);
		break;
	case 2:
		result = ush_store_incr(&view, key, 1, 0, &sum);
		break;
	case 3:
		result = ush_store_delete(&view, key);
		break;
	default:
		result = ush_store_get(&view, key, &value, room);
		if (result == USH_STORE_OK)
			check_value(&value);
	}
	ck_assert_uint_le(result, USH_STORE_RANGE);
}

/* The time that one operation took at most. */
static uint64_t
go_on(uint64_t ms, unsigned int keys)
{
	uint64_t until = ush_clock_mono_ms() + ms, longest = 0, from, now;
	struct ush_store_usage usage;

	for (from = ush_clock_mono_ms(); from < until; from = now) {
		operate((unsigned int)rand() % keys);
		now = ush_clock_mono_ms();
		if (now - from > longest)
			longest = now - from;
	}
	ush_store_usage(view.store, &usage);
	ck_assert_uint_le(usage.used, usage.bytes);
	ck_assert_uint_le(usage.entries, usage.bytes / USH_BLOCK);
	return longest;
}

/* Whatever was left in it: after a repair it is a store again. */
static void
check_use(void)
{
	const char *wrong;
	char name[16];

	memset((void *)shard.head, 0, offsetof(struct ush_shard_head, late));
	*head_word(3) = 1;                             /* changing */
	*(volatile uint32_t *)shard.head = 0x40000000; /* its owner has died */
	for (unsigned int i = 0; i < KEYS; i++)
		ck_assert_int_eq(
		    set_integer(&view, key_of_number(i, name).p, i, 0),
		    USH_STORE_OK);
	for (unsigned int i = 0; i < KEYS; i++)
		ck_assert(has_integer(&view, key_of_number(i, name).p, i));
	wrong = store_wrong(view.store);
	ck_assert_msg(!wrong, "%s", wrong);
}

START_TEST(whoever_writes_to_it_gets_no_more_than_wrong_answers)
{
	uint64_t ms = is_long() ? 20000 : 800, longest;
	pid_t pid;

	set_text(&view, "key 0", "a string that is longer than a block", 0);
	srand(7);
	pid = start(attacks[_i].write, 11);
	longest = go_on(ms, attacks[_i].keys);
	stop(pid);
	/* A process that is stopped in the middle is the machine's doing; the
	 * bound is that there is one. */
	ck_assert_uint_lt(longest, OPERATION_MS);
	check_use();
}
END_TEST

/* The first entry's second block is followed by itself, for ever. */
static void
leave_circle(void)
{
	*block_word(1, NEXT) = 2;
	*block_word(0, STRING_LEN) = 1000;
}

/* No block was ever used, it says; but some were. */
static void
leave_fresh(void)
{
	*head_word(5) = 1;
}

/* The last block is one that the count does not know of. */
static void
leave_last(void)
{
	*block_byte(shard.n_blocks - 1, TYPE) = BLOCK_MORE;
}

static void (*const leftovers[])(void) = {
    leave_circle, leave_fresh, leave_last};

START_TEST(what_was_left_is_put_in_order)
{
	set_text(&view, "key 0", "a string that is longer than a block", 0);
	leftovers[_i]();
	check_use();
}
END_TEST

/* All at once, so that what one has broken is another's way in. */
START_TEST(several_that_write_to_it)
{
	pid_t pids[2];

	pids[0] = start(write_anything, 1);
	pids[1] = start(write_counts, 2);
	go_on(is_long() ? 20000 : 800, KEYS);
	for (int i = 0; i < 2; i++)
		stop(pids[i]);
	check_use();
}
END_TEST

/*
 * Statistics
 */

static void
write_statistics(void)
{
	unsigned char *at = (unsigned char *)view.stats;

	for (int i = 0; i < 1000; i++)
		at[(size_t)rand() % sizeof *view.stats] = (unsigned char)rand();
	memset(&view.stats->reasons, rand() % 2 ? 'x' : 0xff,
	    sizeof view.stats->reasons);
}

START_TEST(counters_may_be_wrong_and_no_more)
{
	uint64_t until = ush_clock_mono_ms() + (is_long() ? 10000 : 500);
	pid_t pid = start(write_statistics, 5);
	struct ush_metrics metrics = {.stats = view.stats, .version = "1"};
	char reason[16];

	while (ush_clock_mono_ms() < until) {
		struct ush_buffer out = {NULL, 0, 0, false};

		for (unsigned int i = 0; i < 50; i++)
			ush_stats_count_reason(view.stats, (unsigned int)rand(),
			    key_of_number(i, reason).p);
		ush_metrics_write(&metrics, &out);
		ush_buffer_fini(&out);
	}
	stop(pid);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store, hostile");
	TCase *tc = tcase_create("hostile");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_set_timeout(tc, is_long() ? 300 : 60);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc,
	    whoever_writes_to_it_gets_no_more_than_wrong_answers, 0,
	    sizeof attacks / sizeof *attacks);
	tcase_add_loop_test(tc, what_was_left_is_put_in_order, 0,
	    sizeof leftovers / sizeof *leftovers);
	tcase_add_test(tc, several_that_write_to_it);
	tcase_add_test(tc, counters_may_be_wrong_and_no_more);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
