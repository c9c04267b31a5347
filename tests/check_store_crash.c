/*
 * SPDX-License-Identifier: MIT
 *
 * Tests of src/data/store and processes that die while they use it. With
 * USHER_LONG=1 many more of them die.
 *
 *  1. A process killed after any instruction of a set, an add that evicts, a
 *     count, a deletion or a get leaves a store in order, and at most the entry
 *     it was changing differs
 *  2. One killed while it repairs leaves the rest to the next
 *  3. Four processes go on while one of them is killed, again and again: none
 *     waits for long, nothing is seen that was not stored, counters only grow
 *  4. A process that ends while it holds a lock, but changes nothing, costs
 *     nothing
 *  5. A count of blocks that can't be is found when an entry needs room, and
 *     what it says is made right
 *  6. Whatever stands in a store's memory: no operation crashes or hangs
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <check.h>

#include "base/clock.h"
#include "data/shard_own.h"
#include "data/store_own.h"
#include "store/store.h"

enum { WORKERS = 4, COUNTERS = 8, KEYS = 2000 };

#if defined __SANITIZE_THREAD__ || defined __SANITIZE_ADDRESS__
enum { SANITIZED = 1 }; /* whose instructions are many, and not ours */
#else
enum { SANITIZED = 0 };
#endif

static struct ush_store_view view;
static char room[USH_STORE_VALUE_MAX];

static void
set_up(void)
{
	struct ush_error err;

	view.store = ush_store_new(NULL, USH_STORE_SIZE_MIN, &err);
	ck_assert_msg(view.store != NULL, "%s", err.message);
	view.stats = ush_stats_new();
}

static void
tear_down(void)
{
	ush_store_free(view.store);
	ush_stats_free(view.stats);
}

static bool
is_long(void)
{
	return getenv("USHER_LONG") != NULL;
}

static void
check_order(const char *when)
{
	const char *wrong = store_wrong(view.store);

	ck_assert_msg(!wrong, "%s: %s", when, wrong);
}

/*
 * Killed after each instruction
 */

/* Several blocks each; the shard is nearly full. */
static const char long_key[] =
    "a key that is long enough to fill more than one block of a shard, with "
    "whatever comes behind it";
enum { OTHERS = 8, BIG = 1000 };
static char big[USH_STORE_VALUE_MAX];

static void
fill_store(void)
{
	char name[16];

	memset(big, 'b', sizeof big);
	for (unsigned int i = 0; i < OTHERS; i++)
		set_bytes(&view, key_of_number(i, name).p, big, BIG, 0);
	set_bytes(&view, long_key, big, BIG, 0);
	set_integer(&view, "n", 5, 0);
}

static void
do_set(void)
{
	set_text(&view, long_key, "new", 0);
}

/* What is in the way: 74 blocks have to go. */
static void
fill_up(void)
{
	char name[16];

	for (unsigned int i = 100; i < 1100; i++)
		set_integer(&view, key_of_number(i, name).p, i, 0);
}

static void
do_add_evicting(void)
{
	struct ush_store_value value = {
	    USH_STORE_STRING, .as.string = {big, BIG}};

	ush_store_add(&view, key_of("added"), &value, 0);
}

static void
do_incr(void)
{
	int64_t sum;

	ush_store_incr(&view, key_of("n"), 1, 0, &sum);
}

static void
do_delete(void)
{
	ush_store_delete(&view, key_of(long_key));
}

static void
do_get(void)
{
	has_text(&view, long_key, "");
}

/* Dies with a lock and in the middle of a change: a link leads astray. */
static void
break_shard(void)
{
	struct ush_shard s = shard_of(view.store, key_of("n"));
	struct ush_lock_hold hold;
	int status;

	if (fork() == 0) {
		ush_lock_try(&s.head->lock, &hold);
		s.head->changing = 1;
		s.head->newest = 7777;
		_exit(0);
	}
	wait(&status);
}

static void
do_repair(void)
{
	has_integer(&view, "n", 5);
}

static bool
is_big(const char *key)
{
	struct ush_store_value value;

	return ush_store_get(&view, key_of(key), &value, room) ==
		   USH_STORE_OK &&
	       value.as.string.len == BIG && memcmp(room, big, BIG) == 0;
}

static bool
after_set(void)
{
	return has_text(&view, long_key, "new") || has_none(&view, long_key) ||
	       is_big(long_key);
}

static bool
after_add(void)
{
	return is_big("added") || has_none(&view, "added");
}

static bool
after_incr(void)
{
	return has_integer(&view, "n", 5) || has_integer(&view, "n", 6);
}

static bool
after_delete(void)
{
	return has_none(&view, long_key) || is_big(long_key);
}

static bool
after_get(void)
{
	return is_big(long_key);
}

static bool
after_repair(void)
{
	return has_integer(&view, "n", 5) && is_big(long_key);
}

/* Runs `act` in a child, for so many instructions. True if it was killed in
 * the middle, false if it got to its end. -1: no ptrace here. */
static int
kill_after(void (*before)(void), void (*act)(void), unsigned int steps)
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
			_exit(77);
		if (before)
			before();
		raise(SIGSTOP);
		act();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status))
		return WEXITSTATUS(status) == 77 ? -1 : 0;
	for (unsigned int i = 0; i < steps; i++) {
		ck_assert_int_eq(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status))
			return 0;
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return 1;
}

static const struct deed {
	const char *name;
	void (*before)(void);       /* in the parent */
	void (*before_child)(void); /* in the child */
	void (*act)(void);
	bool (*after)(void);
	bool others; /* all of them stay */
} deeds[] = {
    {"set", NULL, NULL, do_set, after_set, true},
    {"add", fill_up, NULL, do_add_evicting, after_add, false},
    {"incr", NULL, NULL, do_incr, after_incr, true},
    {"delete", NULL, NULL, do_delete, after_delete, true},
    {"get", NULL, NULL, do_get, after_get, true},
    {"repair", NULL, break_shard, do_repair, after_repair, true},
};

static int
kill_once(const struct deed *deed, unsigned int steps)
{
	char what[64], name[16];
	int killed;

	set_up();
	fill_store();
	if (deed->before)
		deed->before();
	killed = kill_after(deed->before_child, deed->act, steps);
	snprintf(what, sizeof what, "%s killed after %u", deed->name, steps);
	ck_assert_msg(deed->after(), "%s", what);
	/* The lock was asked for: whatever had to be repaired is. */
	check_order(what);
	for (unsigned int i = 0; i < OTHERS && deed->others; i++)
		ck_assert_msg(
		    is_big(key_of_number(i, name).p), "%s: key %u", what, i);
	ck_assert_uint_eq(stat_of(&view, USH_STAT_store_timeouts), 0);
	tear_down();
	return killed;
}

START_TEST(a_process_killed_after_any_instruction)
{
	const struct deed *deed = &deeds[_i];
	unsigned int stride = is_long() ? 7 : 151, steps = 0;
	int killed = 1;

	tear_down();
	for (; killed == 1 && !SANITIZED; steps += stride) {
		killed = kill_once(deed, steps);
		/* Later on, it is the same thing again and again. */
		if (steps > 3000)
			stride = steps / (is_long() ? 50 : 3);
	}
	if (killed == 0)
		ck_assert_uint_gt(steps, 300);
	else
		puts("no single steps here: not tried");
	set_up();
}
END_TEST

/*
 * Four processes
 */

/* What workers tell the test, and it tells them. */
struct board {
	_Atomic int64_t counts[COUNTERS]; /* added up, as far as they know */
	_Atomic uint64_t wrong;           /* seen what nobody stored */
	_Atomic uint64_t slow;            /* waited for longer than allowed */
	_Atomic uint64_t operations, busy;
	atomic_bool stop;
};

/* The bytes of a key's string are its length's and the key's. */
static size_t
make_string(unsigned int key, unsigned char *bytes)
{
	size_t len = (size_t)(rand() % 300);

	for (size_t i = 0; i < len; i++)
		bytes[i] = (unsigned char)(key * 7 + len);
	return len;
}

static bool
is_string_of(unsigned int key, const struct ush_store_value *value)
{
	const unsigned char *bytes = value->as.string.p;

	if (value->kind != USH_STORE_STRING || value->as.string.len >= 300)
		return false;
	for (size_t i = 0; i < value->as.string.len; i++)
		if (bytes[i] != (unsigned char)(key * 7 + value->as.string.len))
			return false;
	return true;
}

static enum ush_store_result
work_on_string(struct board *board, unsigned int n)
{
	struct ush_store_value value = {USH_STORE_STRING};
	unsigned char bytes[300];
	enum ush_store_result result;
	char name[16];
	struct ush_store_key key = key_of_number(n, name);

	switch (rand() % 4) {
	case 0:
		value.as.string.p = bytes;
		value.as.string.len = make_string(n, bytes);
		return ush_store_set(&view, key, &value, rand() % 2 * 1000u);
	case 1:
		value.as.string.p = bytes;
		value.as.string.len = make_string(n, bytes);
		return ush_store_add(&view, key, &value, 0);
	case 2:
		return ush_store_delete(&view, key);
	default:
		result = ush_store_get(&view, key, &value, room);
		if (result == USH_STORE_OK && !is_string_of(n, &value))
			board->wrong++;
		return result;
	}
}

/* Counters are touched so often that they are never evicted: they may only
 * grow. */
static enum ush_store_result
work_on_counter(struct board *board, unsigned int n)
{
	enum ush_store_result result;
	int64_t before = board->counts[n], sum = 0;
	char name[16];

	snprintf(name, sizeof name, "counter %u", n);
	result = ush_store_incr(&view, key_of(name), 1, 0, &sum);
	if (result == USH_STORE_OK && sum <= before)
		board->wrong++;
	while (result == USH_STORE_OK && before < sum &&
	       !atomic_compare_exchange_weak(&board->counts[n], &before, sum))
		;
	return result;
}

static uint64_t
micros(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void
work(struct board *board, unsigned int seed)
{
	enum ush_store_result result;
	uint64_t start;

	srand(seed);
	while (!board->stop) {
		start = micros();
		if (rand() % 2)
			result = work_on_string(
			    board, (unsigned int)(rand() % KEYS));
		else
			result = work_on_counter(
			    board, (unsigned int)(rand() % COUNTERS));
		board->operations++;
		board->busy += result == USH_STORE_BUSY;
		/* The bound is 2 ms; what the machine's other work adds to it
		 * on four processes and two processors is not ours. */
		board->slow += micros() - start > 500000;
		if (result == USH_STORE_TYPE || result == USH_STORE_LENGTH ||
		    result == USH_STORE_FULL)
			board->wrong++;
	}
}

static pid_t
start_worker(struct board *board, unsigned int seed)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		work(board, seed);
		_exit(0);
	}
	return pid;
}

START_TEST(four_processes_go_on_while_one_is_killed)
{
	int kills = is_long() ? 600 : 60, status;
	struct board *board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pids[WORKERS];
	struct timespec pause = {0, 0};
	uint64_t operations;

	ck_assert_ptr_ne(board, MAP_FAILED);
	for (unsigned int i = 0; i < WORKERS; i++)
		pids[i] = start_worker(board, i);
	for (int i = 0; i < kills; i++) {
		pause.tv_nsec = 1000000 + rand() % 10000 * 500;
		nanosleep(&pause, NULL);
		kill(pids[i % WORKERS], SIGKILL);
		waitpid(pids[i % WORKERS], &status, 0);
		ck_assert(WIFSIGNALED(status));
		operations = board->operations;
		while (board->operations < operations + 100)
			nanosleep(&pause, NULL); /* the others go on */
		pids[i % WORKERS] = start_worker(board, 100 + (unsigned int)i);
	}
	board->stop = true;
	for (int i = 0; i < WORKERS; i++) {
		waitpid(pids[i], &status, 0);
		ck_assert_int_eq(status, 0);
	}
	ck_assert_uint_eq(board->wrong, 0);
	ck_assert_uint_eq(board->slow, 0);
	/* The last lock may have been left by the last one killed. */
	work_on_counter(board, 0);
	check_order("after the last one");
	printf("%d killed, %lu operations, %lu busy, %lu recoveries\n", kills,
	    (unsigned long)board->operations, (unsigned long)board->busy,
	    (unsigned long)stat_of(&view, USH_STAT_store_recoveries));
	ck_assert_uint_gt(stat_of(&view, USH_STAT_store_recoveries), 0);
	ck_assert_uint_lt(
	    stat_of(&view, USH_STAT_store_recoveries), 2 * (unsigned)kills);
	/* Who is killed in between has not noted it on the board. */
	ck_assert_uint_ge(stat_of(&view, USH_STAT_store_timeouts), board->busy);
	ck_assert_uint_le(stat_of(&view, USH_STAT_store_timeouts),
	    board->busy + (unsigned int)kills);
	munmap(board, sizeof *board);
}
END_TEST

START_TEST(one_that_ends_while_it_holds_a_lock_costs_nothing)
{
	struct ush_shard s = shard_of(view.store, key_of("k"));
	struct ush_lock_hold hold;
	int status;

	set_text(&view, "k", "v", 0);
	set_text(&view, "l", "w", 0);
	if (fork() == 0) {
		ush_lock_try(&s.head->lock, &hold);
		_exit(0);
	}
	wait(&status);
	ck_assert(has_text(&view, "k", "v"));
	ck_assert(has_text(&view, "l", "w"));
	ck_assert_uint_eq(stat_of(&view, USH_STAT_store_recoveries), 1);
	ck_assert_uint_eq(stat_of(&view, USH_STAT_store_timeouts), 0);
	check_order("after it");
}
END_TEST

/*
 * Anything in its memory
 */

START_TEST(a_count_that_cant_be_is_made_right)
{
	struct ush_shard s = shard_of(view.store, key_of("k"));

	set_text(&view, "k", "v", 0);
	s.head->used = s.n_blocks;
	ck_assert_int_eq(set_text(&view, "l", "w", 0), USH_STORE_OK);
	/* Full, says the count: there is nothing amiss, but an entry goes. */
	ck_assert_uint_eq(stat_of(&view, USH_STAT_store_evictions), 1);
	ck_assert_uint_eq(stat_of(&view, USH_STAT_store_recoveries), 0);
	s.head->used = s.n_blocks + 1;
	ck_assert_int_eq(set_text(&view, "m", "x", 0), USH_STORE_OK);
	ck_assert_uint_eq(stat_of(&view, USH_STAT_store_recoveries), 1);
	ck_assert_uint_eq(s.head->used, 2);
	ck_assert(has_text(&view, "l", "w"));
	ck_assert(has_text(&view, "m", "x"));
	check_order("after it");
}
END_TEST

static void
scribble(void)
{
	struct ush_shard s = shard_of(view.store, key_of("k"));
	unsigned char *from = (unsigned char *)&s.head->late;
	unsigned char *blocks = (unsigned char *)s.buckets;
	size_t len = ush_shard_size(s.n_buckets, s.n_blocks);

	switch (rand() % 4) {
	case 0: /* the head, behind the lock; a small number or any */
		from = from + rand() % 9 * 4;
		*(uint32_t *)from =
		    rand() % 2 ? (uint32_t)rand() : (uint32_t)rand() % 1200;
		break;
	case 1: /* a link of a block in use */
		from =
		    (unsigned char *)&s.blocks[rand() % 300] + rand() % 6 * 4;
		*(uint32_t *)from = (uint32_t)rand() % 1200;
		break;
	case 2: /* a byte of a block in use */
		from = (unsigned char *)&s.blocks[rand() % 300] + rand() % 64;
		*from = (unsigned char)rand();
		break;
	default: /* anything */
		for (int i = rand() % 50; i >= 0; i--)
			blocks[(size_t)rand() % len] = (unsigned char)rand();
	}
}

START_TEST(whatever_stands_in_memory_no_operation_crashes)
{
	int rounds = is_long() ? 200000 : 20000;
	struct board *board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	srand(3);
	for (int i = 0; i < rounds; i++) {
		scribble();
		for (int j = 0; j < 20; j++)
			if (rand() % 2)
				work_on_string(
				    board, (unsigned int)(rand() % KEYS));
			else
				work_on_counter(
				    board, (unsigned int)(rand() % COUNTERS));
	}
	ck_assert_uint_gt(stat_of(&view, USH_STAT_store_recoveries),
	    (unsigned int)rounds / 20);
	munmap(board, sizeof *board);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store, crashes");
	TCase *tc = tcase_create("crashes");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_set_timeout(tc, is_long() ? 600 : 30);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, a_process_killed_after_any_instruction, 0,
	    sizeof deeds / sizeof *deeds);
	tcase_add_test(tc, four_processes_go_on_while_one_is_killed);
	tcase_add_test(tc, one_that_ends_while_it_holds_a_lock_costs_nothing);
	tcase_add_test(tc, a_count_that_cant_be_is_made_right);
	tcase_add_test(tc, whatever_stands_in_memory_no_operation_crashes);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
