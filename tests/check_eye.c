/*
 * SPDX-License-Identifier: MIT
 *
 * The watcher's eyes and the places that they watch, with a clock of our own
 * and the kernel's events: what check_watch sees happen, here at the exact
 * moment. Where an event was missed, a slow look would still find the change.
 *
 * Scenarios:
 *  1. A change is taken up after the event, when it has been quiet for so long.
 *  2. The way to a file is followed through links, absolute and relative ones,
 *     through . and .., and through a folder that is made later; a change at
 *     any name of it is an event, and the next one is, too.
 *  3. What is being written, or was made and is still empty, is waited for;
 *     not so what a new link leads to.
 *  4. A file that is gone is waited for longer, unless its folder is gone too.
 *  5. Changes that never end are taken up after a while.
 *  6. Each file counts, the first and the last.
 *  7. Lost events; a change without any event; an eye without events.
 *  8. Two eyes by one instance don't take each other's watches away.
 *  9. What is not on the way any more is not watched any more.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

#include "policy/eye.h"
#include "tls/folder.h"

#define START 1000000

static int fd;
static uint64_t now;
static struct ush_eye eye, other;

static void
begin(void)
{
	fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	ck_assert_int_ge(fd, 0);
	now = START;
	eye = (struct ush_eye){.fd = fd, .others = &other.places};
	other = (struct ush_eye){.fd = fd, .others = &eye.places};
}

static void
end(void)
{
	ush_eye_fini(&eye);
	ush_eye_fini(&other);
	close(fd);
}

static void
add(struct ush_inputs *inputs, const char *name)
{
	const char *path = folder_path(name);
	struct stat st;

	ck_assert_int_eq(
	    ush_inputs_add(inputs, path, stat(path, &st) == 0 ? &st : NULL), 0);
}

/* Up to three files, as they are now. */
static void
set(struct ush_eye *which, const char *a, const char *b, const char *c)
{
	struct ush_inputs inputs = {0};

	if (a)
		add(&inputs, a);
	if (b)
		add(&inputs, b);
	if (c)
		add(&inputs, c);
	ck_assert_int_eq(ush_eye_set(which, &inputs), 0);
}

/* Hands out what has happened. How many events there were of that name (NULL:
 * any; others write in the folders above, too). */
static int
events_of(const char *name)
{
	_Alignas(struct inotify_event) char buffer[8192];
	const struct inotify_event *event;
	ssize_t len;
	int n = 0;

	while ((len = read(fd, buffer, sizeof buffer)) > 0)
		for (char *p = buffer; p < buffer + len;
		     p += sizeof *event + event->len) {
			event = (const struct inotify_event *)p;
			ush_eye_event(&eye, event);
			ush_eye_event(&other, event);
			n += !name ||
			     (event->len > 0 && !strcmp(event->name, name));
		}
	return n;
}

static int
events(void)
{
	return events_of(NULL);
}

/* Looks, and expects that there is nothing to load for `wait`. */
static void
expect_wait(int wait)
{
	int got = -1;

	ck_assert(!ush_eye_look(&eye, now, &got));
	ck_assert_int_eq(got, wait);
}

/* It is time. */
static void
expect_now(void)
{
	int wait;

	ck_assert(ush_eye_look(&eye, now, &wait));
}

/* A change that was seen by an event is at rest after `quiet`, not before. */
static void
expect_after(int quiet)
{
	expect_wait(quiet);
	now += (uint64_t)quiet - 1;
	expect_wait(1);
	now++;
	expect_now();
}

static void
expect_change(void)
{
	ck_assert_msg(events() > 0, "no event");
	expect_after(USH_EYE_QUIET_MS);
}

static void
expect_no_event(void)
{
	events();
	ck_assert(!eye.disturbed);
	expect_wait(USH_EYE_SLOW_MS);
}

static void
link_to(const char *target, const char *name)
{
	remove(folder_path(name));
	ck_assert_int_eq(symlink(target, folder_path(name)), 0);
}

static void
move(const char *from, const char *to)
{
	ck_assert_int_eq(rename(folder_path(from), folder_path(to)), 0);
}

static int
open_file(const char *name, int flags)
{
	int file = open(folder_path(name), O_WRONLY | flags, 0600);

	ck_assert_int_ge(file, 0);
	return file;
}

START_TEST(a_change_is_taken_up_when_it_is_quiet)
{
	folder_write("a", "1");
	set(&eye, "a", NULL, NULL);
	expect_no_event();
	folder_write("b", "1"); /* beside it */
	expect_no_event();
	folder_write("a", "22");
	expect_change();
	/* an event in between puts it off */
	set(&eye, "a", NULL, NULL);
	folder_write("a", "333");
	events();
	expect_wait(USH_EYE_QUIET_MS);
	now += USH_EYE_QUIET_MS - 1;
	folder_write("a", "333");
	expect_change();
}
END_TEST

/*
 * Ways
 */

/* From file, by three links, in folders of their own. */
static void
make_links(void)
{
	folder_write("real/file", "1");
	folder_write("real/next", "the next one");
	folder_write("b/x", "");
	link_to(folder_path("real/file"), "b/absolute");
	folder_write("c/x", "");
	link_to("../b/./absolute", "c/relative");
	link_to("c", "folder");
}

static void
write_target(void)
{
	folder_write("real/file", "22");
}

static void
rename_target(void)
{
	move("real/next", "real/file");
}

static void
swap_absolute(void)
{
	link_to(folder_path("real/next"), "b/new");
	move("b/new", "b/absolute");
}

static void
swap_relative(void)
{
	link_to("../real/next", "c/new");
	move("c/new", "c/relative");
}

static void
swap_folder(void)
{
	folder_write("d/relative", "another one");
	link_to("d", "new");
	move("new", "folder");
}

static void (*const on_the_way[])(void) = {
    write_target, rename_target, swap_absolute, swap_relative, swap_folder};

START_TEST(a_change_at_any_name_of_the_way_is_an_event)
{
	make_links();
	set(&eye, "folder/../folder/relative", NULL, NULL);
	expect_no_event();
	on_the_way[_i]();
	expect_change();
}
END_TEST

/* What is watched is another way from then on, without any new list. */
START_TEST(the_way_is_found_anew_after_each_change_of_it)
{
	int wait;

	make_links();
	set(&eye, "folder/relative", NULL, NULL);
	swap_folder();
	ck_assert_int_gt(events(), 0);
	ush_eye_look(&eye, now, &wait);
	now += USH_EYE_QUIET_MS;
	expect_now();
	folder_write("d/relative", "still another one");
	expect_change();
	write_target();
	events();
	ck_assert(!eye.disturbed);
}
END_TEST

START_TEST(a_folder_is_watched_as_soon_as_it_is_there)
{
	int wait;

	folder_write("x", "");
	set(&eye, "one/two/a", NULL, NULL);
	expect_no_event();
	ck_assert_int_eq(mkdir(folder_path("one"), 0700), 0);
	ck_assert_int_gt(events(), 0);
	ush_eye_look(&eye, now, &wait);
	ck_assert_int_eq(mkdir(folder_path("one/two"), 0700), 0);
	ck_assert_int_gt(events(), 0);
	ush_eye_look(&eye, now, &wait);
	now += USH_EYE_DOUBT_MS;
	folder_write("one/two/a", "1");
	expect_change();
	/* and when it goes away, and comes back */
	set(&eye, "one/two/a", NULL, NULL);
	move("one", "gone");
	folder_write("one/two/a", "22");
	expect_change();
	set(&eye, "one/two/a", NULL, NULL);
	folder_write("one/two/a", "333");
	expect_change();
}
END_TEST

/* As the kernel has it: 40 links, and no path that is longer than it takes. */
START_TEST(links_that_lead_nowhere_end)
{
	char name[16], next[16];
	char *path = malloc(PATH_MAX + 10);
	struct ush_inputs inputs = {0};

	link_to("round", "round");
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof name, "l%d", i);
		snprintf(next, sizeof next, i < 39 ? "l%d" : "end", i + 1);
		link_to(next, name);
	}
	folder_write("end", "1");
	memset(path, 'a', PATH_MAX + 9);
	path[0] = '/';
	path[PATH_MAX + 9] = '\0';
	ck_assert_int_eq(ush_inputs_add(&inputs, path, NULL), 0);
	path[NAME_MAX + 2] = '\0'; /* a name that is too long by one */
	ck_assert_int_eq(ush_inputs_add(&inputs, path, NULL), 0);
	add(&inputs, "round");
	add(&inputs, "l0");
	free(path);
	ck_assert_int_eq(ush_eye_set(&eye, &inputs), 0);
	expect_no_event();
	folder_write("end", "22");
	expect_change();
}
END_TEST

/* Watches for the ways that there were are given back. */
START_TEST(what_is_not_on_the_way_is_not_watched)
{
	folder_write("a/file", "1");
	folder_write("b/file", "1");
	set(&eye, "a/file", NULL, NULL);
	set(&other, "b/file", NULL, NULL);
	set(&eye, "b/file", NULL, NULL);
	events(); /* that a watch has gone is one */
	folder_write("a/file", "22");
	ck_assert_int_eq(events_of("file"), 0);
	folder_write("b/file", "22");
	ck_assert_int_gt(events(), 0);
	ck_assert(other.disturbed);
	/* one of the two has gone away: the other still sees it */
	set(&eye, "a/file", NULL, NULL);
	set(&other, "b/file", NULL, NULL);
	events();
	other.disturbed = false;
	folder_write("b/file", "333");
	ck_assert_int_gt(events(), 0);
	ck_assert(other.disturbed);
	folder_write("a/file", "333");
	events();
	ck_assert(eye.disturbed);
}
END_TEST

/* Looks find the ways again and again: that takes no more room. */
START_TEST(looking_again_takes_no_more_room)
{
	size_t n;

	make_links();
	set(&eye, "folder/relative", "real/file", NULL);
	n = eye.places.n;
	for (int i = 0; i < 100; i++) {
		eye.lost = true;
		expect_wait(USH_EYE_SLOW_MS);
	}
	ck_assert_uint_eq(eye.places.n, n);
	write_target();
	expect_change();
}
END_TEST

/*
 * Writing
 */

static void
expect_busy(void)
{
	ck_assert_int_gt(events(), 0);
	expect_wait(USH_EYE_SLOW_MS);
	now += USH_EYE_PATIENCE_MS + USH_EYE_DOUBT_MS;
	expect_wait(USH_EYE_SLOW_MS);
}

static void
put(int file, const char *text)
{
	ck_assert_int_eq(write(file, text, strlen(text)), strlen(text));
}

/* It is the first, the second or the third of the files. */
START_TEST(what_is_being_written_is_waited_for)
{
	static const char *const names[] = {"a", "b", "c"};
	int file;

	for (int i = 0; i < 3; i++)
		folder_write(names[i], "1");
	set(&eye, "a", "b", "c");
	file = open_file(names[_i], O_TRUNC);
	put(file, "22");
	expect_busy();
	/* though what is watched is another list: found by its name */
	set(&eye, "c", "b", "a");
	put(file, "33");
	expect_busy();
	set(&eye, "c", "b", "a");
	close(file);
	folder_write(names[_i], "4444");
	events();
	expect_wait(USH_EYE_QUIET_MS);
	now += USH_EYE_QUIET_MS;
	expect_now();
}
END_TEST

START_TEST(writing_goes_on_under_another_list)
{
	int file;

	folder_write("a", "1");
	folder_write("b", "1");
	set(&eye, "a", "b", NULL);
	file = open_file(_i ? "a" : "b", O_APPEND);
	put(file, "2");
	ck_assert_int_gt(events(), 0);
	set(&eye, "b", "a", NULL);
	folder_write(_i ? "b" : "a", "22");
	expect_busy();
	close(file);
	ck_assert_int_gt(events(), 0);
	expect_now();
}
END_TEST

/* A file that was just made is empty, and will be filled. */
START_TEST(a_new_file_is_waited_for)
{
	int file;

	folder_write("x", "");
	set(&eye, "a", NULL, NULL);
	file = open_file("a", O_CREAT);
	expect_busy();
	close(file);
	ck_assert_int_gt(events(), 0);
	expect_now();
	/* what was moved there is whole, though empty */
	set(&eye, "a", NULL, NULL);
	move("x", "a");
	expect_change();
	/* nor is anything written through a new link */
	folder_write("empty", "");
	ck_assert_int_eq(remove(folder_path("a")), 0);
	set(&eye, "a", NULL, NULL);
	link_to("empty", "a");
	expect_change();
}
END_TEST

START_TEST(who_removes_a_file_does_not_write_it)
{
	int file, wait;

	folder_write("a", "1");
	folder_write("new", "22");
	set(&eye, "a", NULL, NULL);
	file = open_file("a", O_APPEND);
	put(file, "2");
	events();
	expect_wait(USH_EYE_SLOW_MS);
	if (_i == 0)
		move("new", "a");
	else if (_i == 1)
		move("a", "old");
	else
		remove(folder_path("a"));
	ck_assert_int_gt(events(), 0);
	ush_eye_look(&eye, now, &wait);
	ck_assert_int_eq(wait, _i == 0 ? USH_EYE_QUIET_MS : USH_EYE_DOUBT_MS);
	close(file);
}
END_TEST

/*
 * Time
 */

START_TEST(a_file_that_is_gone_may_come_back)
{
	folder_write("dir/a", "1");
	set(&eye, "dir/a", NULL, NULL);
	ck_assert_int_eq(remove(folder_path("dir/a")), 0);
	events();
	if (_i == 0) {
		expect_after(USH_EYE_DOUBT_MS);
		return;
	}
	/* with its folder, it will hardly be */
	ck_assert_int_eq(rmdir(folder_path("dir")), 0);
	events();
	expect_after(USH_EYE_QUIET_MS);
}
END_TEST

/* Also of one in the root, whose folder is never gone. */
START_TEST(so_may_one_in_the_root)
{
	struct ush_inputs inputs = {0};

	ck_assert_int_eq(ush_inputs_add(&inputs, "/no-such-file", NULL), 0);
	inputs.v[0].there = true;
	ck_assert_int_eq(ush_eye_set(&eye, &inputs), 0);
	expect_after(USH_EYE_DOUBT_MS);
}
END_TEST

START_TEST(changes_that_never_end_are_taken_up_too)
{
	folder_write("a", "1");
	set(&eye, "a", NULL, NULL);
	for (int i = 0; i < USH_EYE_PATIENCE_MS; i += 20) {
		folder_write("a", i % 40 ? "22" : "333");
		ck_assert_int_gt(events(), 0);
		expect_wait(USH_EYE_QUIET_MS);
		now += 20;
	}
	folder_write("a", "4444");
	events();
	expect_now();
}
END_TEST

/* One that is there again as it was is no change, and begins no patience. */
START_TEST(what_is_taken_back_is_no_change)
{
	folder_write("a", "1");
	set(&eye, "a", NULL, NULL);
	move("a", "b");
	ck_assert_int_gt(events(), 0);
	expect_wait(USH_EYE_DOUBT_MS);
	ush_input_look(&eye.loaded.v[0]);
	events();
	expect_wait(USH_EYE_SLOW_MS);
	now += USH_EYE_PATIENCE_MS;
	folder_write("a", "22");
	expect_change();
}
END_TEST

/*
 * Without events
 */

START_TEST(a_change_without_event_is_doubted)
{
	int wait;

	folder_write("a", "1");
	set(&eye, "a", NULL, NULL);
	folder_write("a", "22");
	while (read(fd, &(char[8192]){0}, 8192) > 0)
		; /* lost */
	expect_after(USH_EYE_DOUBT_MS);
	/* changed again in between: from there on */
	set(&eye, "a", NULL, NULL);
	folder_write("a", "333");
	while (read(fd, &(char[8192]){0}, 8192) > 0)
		;
	expect_wait(USH_EYE_DOUBT_MS);
	now += USH_EYE_PATIENCE_MS;
	folder_write("a", "4444");
	while (read(fd, &(char[8192]){0}, 8192) > 0)
		;
	ck_assert(!ush_eye_look(&eye, now, &wait));
	ck_assert_int_eq(wait, USH_EYE_DOUBT_MS);
}
END_TEST

START_TEST(when_events_were_lost_all_is_looked_at_anew)
{
	struct inotify_event lost = {.wd = -1, .mask = IN_Q_OVERFLOW};
	int file[2];

	folder_write("a", "1");
	folder_write("b", "1");
	set(&eye, "a", "b", NULL);
	file[0] = open_file("a", O_APPEND);
	file[1] = open_file("b", O_APPEND);
	put(file[0], "2");
	put(file[1], "2");
	events();
	expect_wait(USH_EYE_SLOW_MS);
	ush_eye_event(&eye, &lost);
	ck_assert(eye.lost);
	expect_after(USH_EYE_QUIET_MS);
	close(file[0]);
	close(file[1]);
}
END_TEST

START_TEST(an_eye_without_events_looks_often)
{
	folder_write("a", "1");
	eye.fd = -1;
	set(&eye, "a", NULL, NULL);
	expect_wait(USH_EYE_POLL_MS);
	folder_write("a", "22");
	expect_wait(USH_EYE_POLL_MS - 20);
	now += USH_EYE_POLL_MS;
	folder_write("a", "333"); /* not at rest */
	expect_wait(USH_EYE_POLL_MS - 20);
	now += USH_EYE_POLL_MS;
	expect_now();
}
END_TEST

/* As where the limit of watches is spent. */
START_TEST(so_does_one_that_can_not_watch_everything)
{
	folder_write("a", "1");
	close(fd);
	fd = open("/dev/null", O_RDONLY); /* inotify_add_watch fails */
	eye.fd = fd;
	set(&eye, "a", NULL, NULL);
	expect_wait(USH_EYE_POLL_MS);
	folder_write("a", "22");
	expect_wait(USH_EYE_POLL_MS - 20);
	now += USH_EYE_POLL_MS;
	expect_now();
	/* and no longer than that */
	close(fd);
	fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	eye.fd = fd;
	set(&eye, "a", NULL, NULL);
	expect_wait(USH_EYE_SLOW_MS);
}
END_TEST

static TCase *
eye_case(const char *name)
{
	TCase *tc = folder_case(name, 20);

	tcase_add_checked_fixture(tc, begin, end);
	return tc;
}

static TCase *
ways(void)
{
	TCase *tc = eye_case("ways");

	tcase_add_loop_test(tc, a_change_at_any_name_of_the_way_is_an_event, 0,
	    sizeof on_the_way / sizeof *on_the_way);
	tcase_add_test(tc, the_way_is_found_anew_after_each_change_of_it);
	tcase_add_test(tc, a_folder_is_watched_as_soon_as_it_is_there);
	tcase_add_test(tc, links_that_lead_nowhere_end);
	tcase_add_test(tc, what_is_not_on_the_way_is_not_watched);
	tcase_add_test(tc, looking_again_takes_no_more_room);
	return tc;
}

static TCase *
quiet(void)
{
	TCase *tc = eye_case("quiet");

	tcase_add_test(tc, a_change_is_taken_up_when_it_is_quiet);
	tcase_add_loop_test(tc, what_is_being_written_is_waited_for, 0, 3);
	tcase_add_loop_test(tc, writing_goes_on_under_another_list, 0, 2);
	tcase_add_test(tc, a_new_file_is_waited_for);
	tcase_add_loop_test(tc, who_removes_a_file_does_not_write_it, 0, 3);
	tcase_add_loop_test(tc, a_file_that_is_gone_may_come_back, 0, 2);
	tcase_add_test(tc, so_may_one_in_the_root);
	tcase_add_test(tc, changes_that_never_end_are_taken_up_too);
	tcase_add_test(tc, what_is_taken_back_is_no_change);
	return tc;
}

static TCase *
without_events(void)
{
	TCase *tc = eye_case("without events");

	tcase_add_test(tc, a_change_without_event_is_doubted);
	tcase_add_test(tc, when_events_were_lost_all_is_looked_at_anew);
	tcase_add_test(tc, an_eye_without_events_looks_often);
	tcase_add_test(tc, so_does_one_that_can_not_watch_everything);
	return tc;
}

int
main(void)
{
	Suite *suite = suite_create("eye");

	suite_add_tcase(suite, ways());
	suite_add_tcase(suite, quiet());
	suite_add_tcase(suite, without_events());
	return tests_run(suite);
}
