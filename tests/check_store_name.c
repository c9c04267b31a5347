/*
 * SPDX-License-Identifier: MIT
 *
 * Tests of stores with names (src/data/store_name.c), which outlive whoever
 * uses them.
 *
 *  1. Two stores of one name in one process are the same; one goes, the other
 *     stays
 *  2. A process that knows nothing but the name finds what was stored
 *  3. What was stored is there when nobody has had the store open meanwhile
 *  4. Without a size it has that which it has; another size is an error
 *  5. Names are letters, digits, "_", "-" and ".", 64 at most
 *  6. What a killed creator has left is made anew
 *  7. Of many that create it at once, killed or not, all get the same one
 *  8. One of another user, or open to others, is refused, and the message says
 *     whose it is and what to do
 *  9. What is no store, or of another version, is refused and left as it is
 * 10. One that can't have its size is an error, and no signal later on
 * 11. One that is removed goes on for its users, and is new for others
 * 12. A lock that a killed process of another mapping held is taken over
 * 13. Who makes it and does not go on is not waited for without end
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <check.h>

#include "data/store_own.h"
#include "store/store.h"

enum { CREATORS = 6 };

static struct ush_store_view
open_store(size_t size)
{
	struct ush_store_view view = {.stats = ush_stats_new()};
	struct ush_error err;

	view.store = ush_store_new(store_name, size, &err);
	ck_assert_msg(view.store != NULL, "%s", err.message);
	return view;
}

static void
close_store(struct ush_store_view *view)
{
	const char *wrong = store_wrong(view->store);

	ck_assert_msg(!wrong, "%s", wrong);
	ush_store_free(view->store);
	ush_stats_free(view->stats);
}

/* It is refused, and the message has both parts. */
static void
refused(size_t size, const char *part, const char *other)
{
	struct ush_error err = {0};

	ck_assert_ptr_null(ush_store_new(store_name, size, &err));
	ck_assert_int_eq(err.code, USH_ERROR_SYSTEM);
	ck_assert_msg(strstr(err.message, part) && strstr(err.message, other),
	    "%s", err.message);
}

START_TEST(two_of_one_name_are_the_same)
{
	struct ush_store_view one = open_store(0), two = open_store(0);

	ck_assert_int_eq(set_text(&one, "k", "v", 0), USH_STORE_OK);
	ck_assert(has_text(&two, "k", "v"));
	ck_assert_int_eq(add_text(&two, "k", "w", 0), USH_STORE_EXISTS);
	close_store(&one);
	ck_assert(has_text(&two, "k", "v"));
	one = open_store(0);
	ck_assert(has_text(&one, "k", "v"));
	close_store(&one);
	close_store(&two);
}
END_TEST

/* This program as another process: finds the key, and adds one. */
static int
main_of_other(const char *store)
{
	struct ush_error err;
	struct ush_store_view view = {.store = ush_store_new(store, 0, &err)};
	bool fine;

	if (!view.store) {
		fprintf(stderr, "%s\n", err.message);
		return 2;
	}
	fine = has_text(&view, "k", "v") &&
	       add_text(&view, "k", "w", 0) == USH_STORE_EXISTS &&
	       add_text(&view, "other", "was here", 0) == USH_STORE_OK;
	ush_store_free(view.store);
	return fine ? 0 : 1;
}

static int
run_other(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		execl("/proc/self/exe", "check_store_name", store_name,
		    (char *)NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return status;
}

START_TEST(a_process_that_knows_the_name_finds_it)
{
	struct ush_store_view view = open_store(300000);

	set_text(&view, "k", "v", 0);
	ck_assert_int_eq(run_other(), 0);
	ck_assert(has_text(&view, "other", "was here"));
	close_store(&view);
}
END_TEST

START_TEST(what_was_stored_is_there_later)
{
	struct ush_store_view view = open_store(0);

	set_text(&view, "k", "v", 0);
	close_store(&view);
	ck_assert_int_eq(run_other(), 0);
	view = open_store(0);
	ck_assert(has_text(&view, "k", "v"));
	ck_assert(has_text(&view, "other", "was here"));
	close_store(&view);
}
END_TEST

START_TEST(another_size_is_an_error)
{
	struct ush_store_view view = open_store(3 * USH_STORE_SIZE_MIN), same;

	ck_assert_uint_eq(view.store->size, 3 * USH_STORE_SIZE_MIN);
	same = open_store(0);
	ck_assert_uint_eq(same.store->size, 3 * USH_STORE_SIZE_MIN);
	close_store(&same);
	same = open_store(3 * USH_STORE_SIZE_MIN - 1); /* whole pages */
	close_store(&same);
	refused(USH_STORE_SIZE, "196608 bytes, not 1048576", store_path);
	close_store(&view);
	store_name_end();
	view = open_store(0);
	ck_assert_uint_eq(view.store->size, USH_STORE_SIZE);
	close_store(&view);
}
END_TEST

START_TEST(names_are_letters_digits_and_little_else)
{
	char longest[USH_STORE_NAME_MAX + 2] = "";

	memset(longest, 'x', USH_STORE_NAME_MAX);
	ck_assert(ush_store_name_is_valid("shop"));
	ck_assert(ush_store_name_is_valid("A.z_0-9"));
	ck_assert(ush_store_name_is_valid(longest));
	longest[USH_STORE_NAME_MAX] = 'x';
	ck_assert(!ush_store_name_is_valid(longest));
	ck_assert(!ush_store_name_is_valid(""));
	ck_assert(!ush_store_name_is_valid("a/b"));
	ck_assert(!ush_store_name_is_valid("a b"));
	ck_assert(!ush_store_name_is_valid("a\n"));
	ck_assert(!ush_store_name_is_valid("\xc3\xa4"));
}
END_TEST

static int
segment_open(void)
{
	int fd = shm_open(store_path, O_RDWR | O_CREAT, 0600);

	ck_assert_int_ge(fd, 0);
	return fd;
}

/* As far as a creator may come: nothing, a size, a header not yet ready, with
 * rubbish behind it. */
static void
leave_half(int stage)
{
	struct ush_store_header header;
	int fd = segment_open();
	char rubbish[4096];

	memset(rubbish, 0xA5, sizeof rubbish);
	if (stage > 0)
		ck_assert_int_eq(ftruncate(fd, stage * 100000), 0);
	if (stage > 1) {
		ush_store_header_fill(&header, (size_t)stage * 100000);
		header.ready = 0;
		ck_assert_int_gt(pwrite(fd, &header, sizeof header, 0), 0);
	}
	if (stage > 2)
		ck_assert_int_gt(pwrite(fd, rubbish, sizeof rubbish, 4096), 0);
	close(fd);
}

START_TEST(what_a_killed_creator_has_left_is_made_anew)
{
	struct ush_store_view view;

	for (int stage = 0; stage <= 3; stage++) {
		leave_half(stage);
		view = open_store(0);
		ck_assert_uint_eq(view.store->size, USH_STORE_SIZE);
		ck_assert_int_eq(add_text(&view, "k", "v", 0), USH_STORE_OK);
		close_store(&view);
		ck_assert_int_eq(run_other(), 0);
		store_name_end();
	}
}
END_TEST

static int
create_and_add(void)
{
	struct ush_store_view view = {
	    .store = ush_store_new(store_name, 0, NULL)};
	enum ush_store_result result;

	if (!view.store)
		return 3;
	do
		result = add_text(&view, "k", "v", 0);
	while (result == USH_STORE_BUSY);
	return result == USH_STORE_OK       ? 10
	       : result == USH_STORE_EXISTS ? 11
					    : 4;
}

/* Returns how many added the key. With `kill_one`, one may have died before it
 * could tell. */
static int
create_at_once(bool kill_one)
{
	pid_t pids[CREATORS];
	int status, won = 0;

	for (int i = 0; i < CREATORS; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(create_and_add());
	}
	if (kill_one) {
		nanosleep(&(struct timespec){0, rand() % 800000}, NULL);
		kill(pids[0], SIGKILL);
	}
	for (int i = 0; i < CREATORS; i++) {
		waitpid(pids[i], &status, 0);
		if (i == 0 && kill_one)
			continue;
		ck_assert(WIFEXITED(status));
		ck_assert_int_ge(WEXITSTATUS(status), 10);
		won += WEXITSTATUS(status) == 10;
	}
	return won;
}

START_TEST(many_that_create_it_get_the_same_one)
{
	int rounds = getenv("USHER_LONG") ? 1000 : 40;
	struct ush_store_view view;

	for (int i = 0; i < rounds; i++) {
		if (i % 2 == 0)
			ck_assert_int_eq(create_at_once(false), 1);
		else
			ck_assert_int_le(create_at_once(true), 1);
		view = open_store(0);
		ck_assert(has_text(&view, "k", "v"));
		close_store(&view);
		store_name_end();
	}
}
END_TEST

START_TEST(one_of_others_is_refused)
{
	struct ush_store_view view = open_store(0);
	int fd = segment_open();

	close_store(&view);
	ck_assert_int_eq(fchmod(fd, 0660), 0);
	refused(0, "open to other users", store_path);
	ck_assert_int_eq(fchmod(fd, 0600), 0);
	if (geteuid() == 0) {
		ck_assert_int_eq(fchown(fd, 12345, (gid_t)-1), 0);
		refused(0, "another user, uid 12345", store_path);
	}
	close(fd);
}
END_TEST

/* Whose it is, what can be done and by whom: also where it can't be opened, or
 * is no file. */
START_TEST(one_that_another_user_has_taken_says_whose_it_is)
{
	char path[sizeof store_path + 16];
	struct ush_store_view view;

	if (geteuid() != 0)
		return;
	snprintf(path, sizeof path, "/dev/shm%s", store_path);
	view = open_store(0);
	ck_assert_int_eq(seteuid(12345), 0);
	refused(0,
	    "another user, 'root', uid 0, and this process runs as uid "
	    "12345; choose another name, or have its owner or root",
	    path);
	ck_assert_int_eq(seteuid(0), 0);
	close_store(&view);
	store_name_end();
	ck_assert_int_eq(symlink("/etc/passwd", path), 0);
	ck_assert_int_eq(lchown(path, 12345, (gid_t)-1), 0);
	refused(0, "another user, uid 12345", path);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(chown(path, 12345, (gid_t)-1), 0);
	refused(0, "another user, uid 12345", path);
	ck_assert_int_eq(rmdir(path), 0);
}
END_TEST

START_TEST(what_is_no_store_is_refused)
{
	struct ush_store_header header;
	char bytes[64] = "";
	int fd = segment_open();

	memset(bytes, 'x', sizeof bytes);
	ck_assert_int_eq(ftruncate(fd, USH_STORE_SIZE), 0);
	ck_assert_int_eq(pwrite(fd, bytes, sizeof bytes, 0), sizeof bytes);
	refused(0, "no store of Usher's", store_path);
	ck_assert_int_eq(pread(fd, bytes, 1, 0), 1);
	ck_assert_int_eq(bytes[0], 'x');
	for (int i = 0; i < 4; i++) {
		ush_store_header_fill(&header, USH_STORE_SIZE);
		header.layout += i == 0;
		header.head_size += i == 1;
		header.size += i == 2;
		header.ready += i == 3;
		ck_assert_int_gt(pwrite(fd, &header, sizeof header, 0), 0);
		refused(0, "another version", store_path);
	}
	/* Whole, but too small to be one. */
	ck_assert_int_eq(ftruncate(fd, 4096), 0);
	ush_store_header_fill(&header, 4096);
	ck_assert_int_gt(pwrite(fd, &header, sizeof header, 0), 0);
	refused(0, "another version", store_path);
	/* Whole, and larger than any. */
	ck_assert_int_eq(ftruncate(fd, (off_t)USH_STORE_SIZE_MAX + 4096), 0);
	ush_store_header_fill(&header, USH_STORE_SIZE_MAX + 4096);
	ck_assert_int_gt(pwrite(fd, &header, sizeof header, 0), 0);
	refused(0, "another version", store_path);
	close(fd);
}
END_TEST

START_TEST(one_that_cant_have_its_size_is_an_error)
{
	struct rlimit limit = {USH_STORE_SIZE / 2, USH_STORE_SIZE / 2};
	struct ush_store_view view;

	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	refused(USH_STORE_SIZE, "can't be given its size", store_path);
	view = open_store(USH_STORE_SIZE / 4); /* nothing of that is left */
	ck_assert_int_eq(add_text(&view, "k", "v", 0), USH_STORE_OK);
	close_store(&view);
}
END_TEST

START_TEST(one_that_is_removed_goes_on_for_its_users)
{
	struct ush_store_view one = open_store(0), two;

	set_text(&one, "k", "v", 0);
	ck_assert_int_eq(shm_unlink(store_path), 0);
	two = open_store(2 * USH_STORE_SIZE);
	ck_assert(has_none(&two, "k"));
	set_text(&two, "k", "w", 0);
	ck_assert(has_text(&one, "k", "v"));
	close_store(&one);
	ck_assert(has_text(&two, "k", "w"));
	close_store(&two);
}
END_TEST

START_TEST(a_lock_of_a_killed_process_is_taken_over)
{
	struct ush_store_view view = open_store(0), other;
	struct ush_lock_hold hold;
	struct ush_shard s;
	int status;

	set_text(&view, "k", "v", 0);
	if (fork() == 0) {
		other = open_store(0);
		s = shard_of(other.store, key_of("k"));
		ush_lock_try(&s.head->lock, &hold);
		s.head->changing = 1;
		s.head->oldest = 99999;
		raise(SIGKILL);
	}
	wait(&status);
	ck_assert(WIFSIGNALED(status));
	ck_assert(has_text(&view, "k", "v"));
	ck_assert_uint_eq(stat_of(&view, USH_STAT_store_recoveries), 1);
	close_store(&view);
}
END_TEST

START_TEST(who_does_not_go_on_is_not_waited_for)
{
	int fd = segment_open();

	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	refused(0, "does not go on", store_path);
	close(fd);
}
END_TEST

static int
run_tests(void)
{
	Suite *suite = suite_create("store, names");
	TCase *tc = tcase_create("names");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, tc);
	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, store_name_begin, store_name_end);
	tcase_add_test(tc, two_of_one_name_are_the_same);
	tcase_add_test(tc, a_process_that_knows_the_name_finds_it);
	tcase_add_test(tc, what_was_stored_is_there_later);
	tcase_add_test(tc, another_size_is_an_error);
	tcase_add_test(tc, names_are_letters_digits_and_little_else);
	tcase_add_test(tc, what_a_killed_creator_has_left_is_made_anew);
	tcase_add_test(tc, many_that_create_it_get_the_same_one);
	tcase_add_test(tc, one_of_others_is_refused);
	tcase_add_test(tc, one_that_another_user_has_taken_says_whose_it_is);
	tcase_add_test(tc, what_is_no_store_is_refused);
	tcase_add_test(tc, one_that_cant_have_its_size_is_an_error);
	tcase_add_test(tc, one_that_is_removed_goes_on_for_its_users);
	tcase_add_test(tc, a_lock_of_a_killed_process_is_taken_over);
	tcase_add_test(tc, who_does_not_go_on_is_not_waited_for);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
	return argc > 1 ? main_of_other(argv[1]) : run_tests();
}
