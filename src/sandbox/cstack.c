/*
 * SPDX-License-Identifier: MIT
 *
 * A thread's stack has known bounds, which are asked for once. Off it (on the
 * fibers of OpenSSL's SSL_MODE_ASYNC, which have 32 KiB, or where the bounds
 * can't be had) nobody says what is left: little is assumed then.
 */
#include "sandbox/cstack.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	SHARE = 96 * 1024,
	FIBER_SHARE = 6 * 1024,
	/* What the deepest function may still take, and the unwinder. */
	RESERVE = 20 * 1024,
	/* tests/check_async.c: 21 KiB and 9 KiB at the most. */
	FOR_A_SCRIPT = 24 * 1024,
	FOR_AN_ERROR = 12 * 1024,
};

/* Of this thread; both 0: unknown. */
static _Thread_local struct {
	int asked;
	uintptr_t low, high;
} bounds;

static __attribute__((noinline)) void
ask(void)
{
	pthread_attr_t attr;
	size_t size, guard = 0;
	void *low;

	bounds.asked = 1;
	if (pthread_getattr_np(pthread_self(), &attr) != 0)
		return;
	if (pthread_attr_getstack(&attr, &low, &size) == 0) {
		pthread_attr_getguardsize(&attr, &guard);
		bounds.low = (uintptr_t)low + guard;
		bounds.high = (uintptr_t)low + size;
	}
	pthread_attr_destroy(&attr);
}

/* False: not on the thread's stack. */
static inline bool
is_left(const char *here, size_t *left)
{
	uintptr_t at = (uintptr_t)here;

	if (!bounds.asked)
		ask();
	*left = at - bounds.low;
	return at > bounds.low && at < bounds.high;
}

size_t
ush_cstack_share(const char *here)
{
	size_t left;

	if (!is_left(here, &left))
		return FIBER_SHARE;
	if (left < RESERVE)
		return 0;
	return left - RESERVE < SHARE ? left - RESERVE : SHARE;
}

enum ush_cstack_room
ush_cstack_room(const char *here)
{
	size_t left;

	if (!is_left(here, &left) || left >= FOR_A_SCRIPT)
		return USH_CSTACK_A_SCRIPT;
	return left >= FOR_AN_ERROR ? USH_CSTACK_AN_ERROR : USH_CSTACK_NOTHING;
}
