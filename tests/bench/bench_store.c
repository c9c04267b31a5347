/*
 * SPDX-License-Identifier: MIT
 *
 * bench_store WHAT N: does one thing N times, for callgrind to count inside
 * bench_each. bench_store time: how long each takes, as a multiple of locking
 * and unlocking a mutex that nobody else wants.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "data/store.h"

enum { KEYS = 4000, ROUNDS = 400000 };

static struct ush_store_view view;
static char keys[KEYS][24];
static char room[USH_STORE_VALUE_MAX];

void bench_each(int what, int n);

static const char *const names[] = {
    "get", "set", "add", "incr", "delete", "evict", "reason", "other"};

/* The key of a ticket's id: 5 and 16 bytes. */
static struct ush_store_key
key(int n)
{
	return (struct ush_store_key){keys[n % KEYS], 21};
}

static void
fill(int count)
{
	struct ush_store_value value = {USH_STORE_INTEGER, .as.integer = 1};

	for (int i = 0; i < count; i++)
		ush_store_set(&view, key(i), &value, 0);
}

/* Keys that are not there yet push out old ones of a full store. */
static void
evict(int n)
{
	struct ush_store_value value = {USH_STORE_INTEGER, .as.integer = 1};
	char fresh[24] = "evict";

	memcpy(fresh + 8, &n, sizeof n);
	ush_store_add(&view, (struct ush_store_key){fresh, 21}, &value, 0);
}

__attribute__((noinline)) void
bench_each(int what, int n)
{
	struct ush_store_value value = {USH_STORE_INTEGER, .as.integer = 1};
	int64_t sum;

	switch (what) {
	case 0:
		ush_store_get(&view, key(n), &value, room);
		break;
	case 1:
		ush_store_set(&view, key(n), &value, 1000);
		break;
	case 2:
		ush_store_add(&view, key(n), &value, 1000);
		break;
	case 3:
		ush_store_incr(&view, key(n), 1, 1000, &sum);
		break;
	case 4:
		ush_store_delete(&view, key(n));
		break;
	case 5:
		evict(n);
		break;
	case 6:
		ush_stats_count_reason(view.stats, 0, "other virtual host");
		break;
	default:
		ush_stats_count_reason(view.stats, 0, "not among the first");
	}
}

/* What is there before: for add and set nothing, for get, incr and delete the
 * keys, for the reasons 32 of them. */
static void
prepare(int what)
{
	char reason[32];

	for (int i = 0; i < KEYS; i++)
		snprintf(keys[i], sizeof keys[i], "once:%016x", i * 7919u);
	if (what == 0 || what == 3 || what == 4)
		fill(KEYS);
	for (int i = 0; what == 5 && i < 40000; i++)
		evict(-i - 1);
	if (what == 7)
		for (int i = 0; i < 40; i++) {
			snprintf(reason, sizeof reason, "reason %d", i);
			ush_stats_count_reason(view.stats, 0, reason);
		}
}

static double
nanos(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static double
nanos_of_lock(void)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	double start = nanos();

	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&lock);
		pthread_mutex_unlock(&lock);
	}
	return (nanos() - start) / ROUNDS;
}

/* The best of some rounds: the machine does other things too. */
static double
nanos_of(int what)
{
	double best = 1e9, start, each;

	for (int round = 0; round < 20; round++) {
		start = nanos();
		for (int i = 0; i < KEYS; i++)
			bench_each(what, i);
		each = (nanos() - start) / KEYS;
		if (each < best)
			best = each;
	}
	return best;
}

int
main(int argc, char **argv)
{
	int n = argc > 2 ? atoi(argv[2]) : 0;
	size_t what = 0;

	if (argc < 2)
		return 2;
	view.store = ush_store_new(NULL, 0, NULL);
	view.stats = ush_stats_new();
	if (!view.store || !view.stats)
		return 1;
	if (strcmp(argv[1], "time") == 0) {
		double lock = nanos_of_lock();

		prepare(0);
		printf("%.0f %.0f\n", nanos_of(0) / lock, nanos_of(3) / lock);
		return 0;
	}
	while (what < 7 && strcmp(argv[1], names[what]) != 0)
		what++;
	prepare((int)what);
	for (int i = 0; i < n; i++)
		bench_each((int)what, i);
	ush_store_free(view.store);
	ush_stats_free(view.stats);
	return 0;
}
