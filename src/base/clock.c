/*
 * SPDX-License-Identifier: MIT
 *
 * The clocks, and the hand with which a test moves one of them.
 */
#include "base/clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

static _Atomic int64_t faked;
static atomic_bool ttl_by_wall;

static uint64_t
read_ns(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts) != 0)
		return 0;
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

int64_t
ush_clock_now(void)
{
	int64_t now = atomic_load_explicit(&faked, memory_order_relaxed);

	return now != 0 ? now : (int64_t)time(NULL);
}

uint64_t
ush_clock_thread_ns(void)
{
	return read_ns(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t
ush_clock_mono_ms(void)
{
	return read_ns(CLOCK_MONOTONIC) / 1000000u;
}

uint64_t
ush_clock_ttl_ms(void)
{
	if (atomic_load_explicit(&faked, memory_order_relaxed) != 0 ||
	    atomic_load_explicit(&ttl_by_wall, memory_order_relaxed))
		return (uint64_t)ush_clock_now() * 1000;
	return read_ns(CLOCK_BOOTTIME) / 1000000u;
}

void
ush_clock_set(int64_t now)
{
	atomic_store_explicit(&faked, now, memory_order_relaxed);
}

void
ush_clock_ttl_by_wall(void)
{
	atomic_store_explicit(&ttl_by_wall, true, memory_order_relaxed);
}

int64_t
ush_clock_is_set(void)
{
	return atomic_load_explicit(&faked, memory_order_relaxed);
}
