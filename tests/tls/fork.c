/*
 * SPDX-License-Identifier: MIT
 *
 * Children, and forks beside other threads.
 */
#include "fork.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

/* The state of a thread, as in /proc/self/task/N/stat: "N (name) S ...". */
static bool
sleeps(const char *id)
{
	char name[300], state = 'S';
	FILE *file;

	snprintf(name, sizeof name, "/proc/self/task/%s/stat", id);
	file = fopen(name, "r");
	if (!file)
		return true; /* it has ended */
	if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = '?';
	fclose(file);
	return state == 'S';
}

static bool
others_sleep(void)
{
	DIR *dir = opendir("/proc/self/task");
	const struct dirent *entry;
	bool all = true;

	ck_assert_ptr_nonnull(dir);
	while (all && (entry = readdir(dir)))
		all = entry->d_name[0] == '.' ||
		      atoi(entry->d_name) == gettid() || sleeps(entry->d_name);
	closedir(dir);
	return all;
}

pid_t
fork_beside_sleepers(void)
{
	while (!others_sleep())
		usleep(1000);
	return fork();
}

int
child_status(pid_t child)
{
	int status;

	ck_assert_int_ge(child, 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
